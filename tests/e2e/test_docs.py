"""What the documentation tells a person to type works, in its order, against a server on this machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.local_server import ROOT, LocalServer

PAGES = ["README.md", "docs/datasets.md"]


def commands(page: str) -> list[str]:
    """The commands in a page's console blocks that ask the service, with the lines that continue them.

    Of the README these are the ones of its walk: what stands before and after is about other programs.
    """
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        text = file.read()
    walk = text[text.find("**Train.**") :].partition("\n## ")[0] if page == "README.md" else text
    blocks = re.findall(r"^```console\n(.*?)^```", walk, re.DOTALL | re.MULTILINE)
    return [
        command for block in blocks for command in re.findall(r"^\$ (.*(?:\n {4}.*)*)", block, re.MULTILINE)
    ]


def _at(commands: str, server: LocalServer) -> str:
    return re.sub(r"(http://)?localhost:8080", server.url, commands)


def _run_the_demo(root: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env={**os.environ, "ML_ROOT": str(root)},
        stdout=subprocess.DEVNULL,
        timeout=300,
        check=True,
    )


@pytest.mark.parametrize(
    ("page", "demo"),
    [*((page, False) for page in PAGES), ("README.md", True)],
    ids=[*PAGES, "after the demo"],
)
def test_the_commands_of_a_page_work_one_after_another(page: str, demo: bool, tmp_path: Path) -> None:
    if demo:
        _run_the_demo(tmp_path / "root")
    (tmp_path / "examples").symlink_to(os.path.join(ROOT, "examples"))
    said = "\n".join(f"echo '>>>' {number}\n{each}" for number, each in enumerate(commands(page)))
    assert "localhost:8080" in said
    with LocalServer(tmp_path / "root") as server:
        there = server.call("GET", "/v1/models").body["models"]
        assert bool(there) == demo
        assert not set(there) & set(re.findall(r"/v1/models/([\w-]+)", said)), "the page's names are its own"
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", _at(said, server)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"state": "described"' in done.stdout or '"state":"described"' in done.stdout, done.stdout
    assert '"state": "succeeded"' in done.stdout or '"state":"succeeded"' in done.stdout, done.stdout
    assert '"code"' not in done.stdout, "a problem"
    assert re.search(r'"label": ?"(yes|no)"', done.stdout), done.stdout
