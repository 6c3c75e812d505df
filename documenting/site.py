"""The documentation's site: staged, generated, and looked through for links that lead nowhere."""

import re
import shutil
import subprocess
from pathlib import Path

from documenting.built import broken
from documenting.message_list import entries, script
from documenting.pages import ROOT
from documenting.staging import stage

_BUILD = ROOT / "build"
FOLDER = _BUILD / "site"
_CONFIGURATION = Path(__file__).with_name("zensical.toml")
MESSAGES = "documenting/messages.js"
_GENERATOR = ROOT / ".tools" / "zensical" / "bin" / "zensical"
# What lets a page opened as a file search in a worker. The generator would have it come from another server.
_SHIM = ROOT / ".tools" / "iframe-worker" / "node_modules" / "iframe-worker" / "shim" / "index.js"
_ASKED_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
_IN_THE_SITE = "assets/javascripts/iframe-worker.js"


class SiteBroken(Exception):
    """A page, a link or a picture is not as it should be; the message has a line for each."""


def build() -> Path:
    """Make the site in `build/site/`; its first page.

    Raises:
        SiteBroken: where the generator warns, a link or anchor leads nowhere, or a page asks another server.
    """
    stage(_BUILD / "documentation")
    messages = entries()
    (_BUILD / "documentation" / MESSAGES).write_text(script(messages), encoding="utf-8")
    shutil.copyfile(_CONFIGURATION, _BUILD / "zensical.toml")
    shutil.rmtree(FOLDER, ignore_errors=True)
    done = subprocess.run(
        [_GENERATOR, "build", "--strict", "--clean"],
        cwd=_BUILD,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SiteBroken(_plain(done.stdout + done.stderr))
    _openable_as_files()
    places = [place for entry in messages for _, place in entry["links"]]
    found = broken(FOLDER, places)
    if found:
        raise SiteBroken("\n".join(found))
    return FOLDER / "index.html"


def _plain(told: str) -> str:
    """What the generator tells, without colours, and without the trace of its own end."""
    return re.sub(r"\x1b\[[\d;]*m", "", told).partition("Traceback (most")[0].strip()


def _openable_as_files() -> None:
    """Mend what only a server answers: the address of a folder, and a script of another server's."""
    shutil.copyfile(_SHIM, FOLDER / _IN_THE_SITE)
    for of_a_server in ("404.html", "sitemap.xml"):
        (FOLDER / of_a_server).unlink()
    for page in FOLDER.rglob("*.html"):
        up = "../" * (len(page.relative_to(FOLDER).parts) - 1)
        html = page.read_text(encoding="utf-8").replace(_ASKED_ELSEWHERE, f"{up}{_IN_THE_SITE}")
        page.write_text(re.sub(r'href="(\.[./]*)"', r'href="\1/index.html"', html), encoding="utf-8")
