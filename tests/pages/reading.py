"""What a page of the documentation shows its reader in blocks of code, block by block."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it import MarkdownIt

from documenting.pages import ROOT, pages

PAGES = pages()
SHELL, PYTHON = "console", "python"

_COMMAND = re.compile(r"^\$ (.*(?:\n {4}.*)*)\n?((?:(?!\$ ).*\n)*)", re.MULTILINE)
_COMMENT = re.compile(r"<!-- (.*?) -->", re.DOTALL)


class Command(NamedTuple):
    """What is typed at a shell's prompt, and what the page shows as its answer."""

    text: str
    shown: str


class Block(NamedTuple):
    """A block of a page. `mark` is what the comment before it says, which readers do not see.

    `language` is "" for a fence without one, and `indented` for a block that is none but by its indentation.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """The commands of a shell's block."""
        return [Command(*found) for found in _COMMAND.findall(self.text)] if self.language == SHELL else []


def blocks(page: str) -> Iterator[Block]:
    """All blocks of a page, in its order: fenced or indented, in lists or not."""
    yield from blocks_of((ROOT / page).read_text(encoding="utf-8"), page)


def blocks_of(text: str, page: str) -> Iterator[Block]:
    """All blocks of a Markdown text."""
    mark = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in {"fence", "code_block"}:
            assert token.map is not None
            language = token.info.strip() if token.type == "fence" else "indented"
            yield Block(page, token.map[0] + 2, language, token.content, mark)
        found = _COMMENT.fullmatch(token.content.strip()) if token.type == "html_block" else None
        mark = found[1] if found else ""


def comments(page: str) -> list[str]:
    """What all comments of a page say, before a block or not; not those that it quotes as code."""
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text(encoding="utf-8"))
    return [said for each in tokens if each.type == "html_block" for said in _COMMENT.findall(each.content)]


def without_remark(command: str) -> str:
    """A command without what a `#` behind it says to the reader."""
    return re.sub(r"\s+# .*$", "", command, flags=re.MULTILINE).strip()
