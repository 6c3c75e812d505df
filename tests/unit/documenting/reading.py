"""The pages of the documentation, read as Markdown: headings, links, pictures, names in backticks, prose."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from documenting.pages import ROOT, pages

HISTORY = "docs/decisions/"
GENERATED = "docs/reference/"
EVERY_PAGE = pages()
# What somebody wrote, and what holds today: records of decisions are history.
PAGES = [page for page in EVERY_PAGE if not page.startswith((HISTORY, GENERATED))]

_OF_GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Heading(NamedTuple):
    """A heading of a page, and the line that it stands on."""

    level: int
    text: str
    line: int


class Link(NamedTuple):
    """A link or a picture: where it leads, the text between its brackets, and the line of its paragraph."""

    target: str
    text: str
    line: int


class Span(NamedTuple):
    """What stands in backticks, and the line of its paragraph."""

    text: str
    line: int


class Fence(NamedTuple):
    """A block of code, and the line of its fence."""

    language: str
    text: str
    line: int


def text(name: str) -> str:
    """A file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tokens(page: str) -> tuple[Token, ...]:
    """The page as GitHub's Markdown has it."""
    return tuple(_OF_GITHUB.parse(text(page)))


def headings(page: str) -> list[Heading]:
    """The page's headings in its order."""
    read = tokens(page)
    return [
        Heading(int(token.tag[1:]), _plain(read[place + 1]), _line(token))
        for place, token in enumerate(read)
        if token.type == "heading_open"
    ]


def links(page: str) -> list[Link]:
    """The page's links in its order."""
    return [
        Link(str(child.attrs["href"]), _until_closed(children[place + 1 :]), line)
        for children, line in _inlines(page)
        for place, child in enumerate(children)
        if child.type == "link_open"
    ]


def pictures(page: str) -> list[Link]:
    """The page's pictures, with their alternative texts."""
    return [
        Link(str(child.attrs["src"]), child.content, line)
        for children, line in _inlines(page)
        for child in children
        if child.type == "image"
    ]


def spans(page: str) -> list[Span]:
    """What the page has in backticks."""
    return [
        Span(child.content, line)
        for children, line in _inlines(page)
        for child in children
        if child.type == "code_inline"
    ]


def fences(page: str) -> list[Fence]:
    """The page's blocks of code."""
    return [
        Fence(token.info.strip(), token.content, _line(token))
        for token in tokens(page)
        if token.type in ("fence", "code_block")
    ]


def prose(page: str) -> Iterator[tuple[int, str]]:
    """The lines of the page that are neither code nor of a table, with their numbers."""
    other = {
        line
        for token in tokens(page)
        if token.map and token.type in ("fence", "code_block", "table_open", "html_block")
        for line in range(*token.map)
    }
    for number, line in enumerate(text(page).splitlines()):
        if number not in other:
            yield number + 1, line


def tables(page: str) -> list[list[list[str]]]:
    """The page's tables: rows of cells as they are written, the head first."""
    lines = text(page).splitlines()
    found = []
    for token in tokens(page):
        if token.type == "table_open" and token.map:
            rows = [_cells(line) for line in lines[slice(*token.map)]]
            found.append([rows[0], *rows[2:]])
    return found


def table_under(page: str, head: str) -> list[list[str]]:
    """The rows of the one table of a page whose first cell of its head is this."""
    (found,) = [table[1:] for table in tables(page) if table[0][0] == head]
    return found


def coded(cell: str) -> list[str]:
    """What a cell, or a line, has in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def _cells(row: str) -> list[str]:
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _inlines(page: str) -> Iterator[tuple[list[Token], int]]:
    for token in tokens(page):
        if token.type == "inline":
            yield token.children or [], _line(token)


def _line(token: Token) -> int:
    return (token.map or [0])[0] + 1


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))


def _until_closed(children: list[Token]) -> str:
    inside = []
    for child in children:
        if child.type == "link_close":
            break
        inside.append(child.content)
    return "".join(inside)
