"""The pages as the site's generator takes them: laid out as in the project, beside what they link to.

Three things are written otherwise than in the project. A link that is called after its file is called after
the page, or the part of it, that it leads to. Examples are pages, not scripts.
The search leaves out pages that tell of former days.
"""

import re
import shutil
from functools import partial
from pathlib import Path

from documenting.pages import ROOT, Link, anchors, headings, links, pages, rewritten, text_of

_OURS = ("documenting/site.css", "documenting/finding.js")
# A search is for what holds today. The index of decisions is searched, and leads to them.
_OF_FORMER_DAYS = ("docs/decisions/0", "CHANGELOG.md")
_NOT_SEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"
_CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)


def stage(folder: Path) -> None:
    """Write every page, and every file that one links to, into a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages():
        text = text_of(page)
        head = _NOT_SEARCHED if page.startswith(_OF_FORMER_DAYS) else ""
        _write(folder / page, head + rewritten(text, partial(_renamed, page)))
        for link in links(text):
            if not link.elsewhere:
                _bring(link.target(page)[0], folder)
    for path in _OURS:
        _bring(path, folder)


def script_as_page(script: str) -> str:
    """A script in cells (`# %%`) as Markdown: its cells of Markdown as they are, the others as Python."""
    head, *cells = _CELL.split(script)
    parts = [_python(head)] if head.strip() else []
    for kind, cell in zip(cells[::2], cells[1::2], strict=True):
        parts.append(re.sub(r"^# ?", "", cell, flags=re.MULTILINE) if "markdown" in kind else _python(cell))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _python(cell: str) -> str:
    return f"```python\n{cell.strip()}\n```"


def _bring(path: str, folder: Path) -> None:
    source, target = ROOT / path, folder / path
    if path.endswith(".md") or target.exists() or not source.is_file():  # what is not there, the build tells
        return
    if _is_example(path):
        _write(target.with_suffix(".md"), script_as_page(source.read_text(encoding="utf-8")))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _is_example(path: str) -> bool:
    return re.fullmatch(r"examples/\w+\.py", path) is not None


def _renamed(page: str, link: Link) -> str:
    """A link as the site has it."""
    path, anchor = link.target(page) if not link.elsewhere else ("", "")
    text, address = link.text, link.address
    if _is_example(path):
        address = address.removesuffix(".py") + ".md"
    elif (
        (ROOT / path).is_file()
        and path.endswith(".md")
        and text.strip("`").split("/")[-1].partition("#")[0] == path.split("/")[-1]
    ):
        target = text_of(path)
        text = anchors(target).get(anchor, text) if anchor else headings(target)[0][1]
    return f"{'!' if link.picture else ''}[{text}]({address})"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
