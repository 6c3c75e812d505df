"""The pages of the documentation, as they lie in the project, and the links in them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
_TOP = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "client/README.md",
    "examples/README.md",
)
_FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2`*~* *$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
# A link's text may hold code; an address holds neither spaces nor brackets here.
_LINK = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)


class Link(NamedTuple):
    """A link of a page: its text, the address as written, and whether it shows a picture."""

    text: str
    address: str
    picture: bool

    @property
    def elsewhere(self) -> bool:
        """Whether it leaves the project."""
        return bool(re.match(r"[a-z]+:", self.address))

    def target(self, page: str) -> tuple[str, str]:
        """The file in the project that it leads to from that page, and the anchor there."""
        path, _, anchor = self.address.partition("#")
        if not path:
            return page, anchor
        return _joined(page, path), anchor


def pages() -> list[str]:
    """Every page, by its path in the project."""
    found = [*_TOP, *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
    return sorted(found)


def text_of(page: str) -> str:
    """What a page says."""
    return (ROOT / page).read_text(encoding="utf-8")


def links(text: str) -> Iterator[Link]:
    """The links of a page's text, in their order. What stands in code is none."""
    return (Link(found[2], found[3], bool(found[1])) for found in _LINK.finditer(_without_code(text)))


def rewritten(text: str, change: Callable[[Link], str]) -> str:
    """The text with each link in the place of which `change` gives another."""
    blanked = _without_code(text)
    pieces, end = list[str](), 0
    for found in _LINK.finditer(blanked):
        link = Link(text[found.start(2) : found.end(2)], found[3], bool(found[1]))
        pieces += [text[end : found.start()], change(link)]
        end = found.end()
    return "".join([*pieces, text[end:]])


def headings(text: str) -> list[tuple[int, str]]:
    """The headings of a page's text: how deep each is, and what it says in plain text."""
    fences = [found.span() for found in _FENCE.finditer(text)]
    return [
        (len(found[1]), plain(found[2]))
        for found in _HEADING.finditer(text)
        if not any(begin <= found.start() < end for begin, end in fences)
    ]


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text: str) -> dict[str, str]:
    """The anchors of a page's text, each with the heading that it leads to."""
    found: dict[str, str] = {}
    for _, heading in headings(text):
        name, number = slug(heading), 0
        while (anchor := f"{name}-{number}" if number else name) in found:
            number += 1
        found[anchor] = heading
    return found


def plain(heading: str) -> str:
    """A heading as it is read: links as their texts, without marks."""
    return re.sub(r"[`*]", "", _LINK.sub(r"\2", heading))


def _without_code(text: str) -> str:
    """The text with blanks where code stands, so that places stay."""
    blank = lambda found: re.sub(r"[^\n]", " ", found[0])  # noqa: E731
    fenced = _FENCE.sub(blank, text)
    # A link's text may be code; then only its brackets count.
    return _CODE.sub(lambda found: re.sub(r"[\[\]()!]", " ", found[0]), fenced)


def _joined(page: str, path: str) -> str:
    parts = [] if path.startswith("/") else page.split("/")[:-1]
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return f"../{path}"
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) + ("/" if path.endswith("/") and parts else "")
