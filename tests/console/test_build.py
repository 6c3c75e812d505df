"""The page that is committed is what its sources build: the same bytes, small, and asking nobody else."""

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "console"
PAGE = ROOT / "handlers" / "rest" / "console.html"
MOST_COMPRESSED = 80_000
# Names of kinds of elements, which nobody asks for; and what a person is led to.
NAMES = {
    b"http://www.w3.org/1998/Math/MathML",
    b"http://www.w3.org/1999/xhtml",
    b"http://www.w3.org/2000/svg",
}


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command said in console/."""
    environment = {**os.environ, "NODE_OPTIONS": "", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        arguments, cwd=CONSOLE, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    assert (CONSOLE / "node_modules" / "esbuild").is_dir(), "run `make console/node_modules/ready` first"


def test_building_it_again_gives_the_page_that_is_committed(tmp_path: Path) -> None:
    built = tmp_path / "console.html"
    done = node("node", "build.mjs", str(built))
    assert done.returncode == 0, done.stderr
    assert built.read_bytes() == PAGE.read_bytes(), "`make console`, and commit handlers/rest/console.html"


def test_it_is_small() -> None:
    assert len(gzip.compress(PAGE.read_bytes(), 6, mtime=0)) <= MOST_COMPRESSED


def test_its_types_are_right() -> None:
    done = node("npx", "--no-install", "tsc", "--noEmit")
    assert done.returncode == 0, done.stdout


def test_its_own_tests_pass() -> None:
    done = node("node", "test.mjs")
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert int(passed) >= 10


def test_it_names_no_other_host() -> None:
    page = PAGE.read_bytes()
    asked = {found.rstrip(b".") for found in re.findall(rb"(?:https?|wss?)://[^\s\"'`<>)]+", page)}
    assert asked - NAMES == set()
    assert not re.search(rb"""(?:src|href|url\()=?["'(]?//""", page)


def test_nothing_in_it_writes_html_or_runs_text() -> None:
    """What callers wrote is text: no source makes elements of it, nor code."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function"
    )
    sources = [*CONSOLE.glob("src/**/*.ts"), *CONSOLE.glob("src/**/*.tsx")]
    assert sources
    found = [
        str(each.relative_to(ROOT)) for each in sources if forbidden.search(each.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_key_goes_through_one_file_alone() -> None:
    """Only `ask` of service.ts sends it, to the page's own origin; nothing else calls the network."""
    calls = re.compile(
        r"\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket|EventSource|localStorage|document\.cookie"
    )
    for source in [*CONSOLE.glob("src/**/*.ts"), *CONSOLE.glob("src/**/*.tsx")]:
        text = source.read_text(encoding="utf-8")
        if source.name != "service.ts":
            assert not calls.search(text), source
            assert "authorization" not in text.lower() or "curl" in text.lower(), source


def test_the_licences_of_what_is_in_it_are_passed_on() -> None:
    page = PAGE.read_text(encoding="utf-8")
    locked = json.loads((CONSOLE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    bundled = [
        (path.removeprefix("node_modules/"), about)
        for path, about in locked.items()
        if path and not about.get("dev")
    ]
    assert {"preact", "@preact/signals", "@preact/signals-core"} <= {name for name, _ in bundled}
    for name, about in bundled:
        assert about["license"] == "MIT"
        assert f"{name} {about['version']}" in page
        licence = (CONSOLE / "node_modules" / name / "LICENSE").read_text(encoding="utf-8")
        assert licence.strip() in page
