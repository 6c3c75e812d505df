"""What a page of the documentation tells its reader to type, block by block."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
SHELL, PYTHON = "console", "python"

# A comment before a block, which readers do not see, says why it is not run with its page: another test does
# that, it takes an account on a cloud, or it is another project's code, which its first line says too.
_BLOCK = re.compile(r"^( *)(?:<!-- (.*?) -->\n\1)?```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.*(?:\n {4}.*)*)\n?((?:(?!\$ ).*\n)*)", re.MULTILINE)
RUN_BY = "run by "
ON_A_CLOUD = "on a cloud: "
THEIRS = "theirs: "


class Command(NamedTuple):
    """What is typed at a shell's prompt, and what the page shows as its answer."""

    text: str
    shown: str


class Block(NamedTuple):
    """A block of a page: commands, or a program. `remark` is what the comment before it says."""

    page: str
    line: int
    language: str
    text: str
    remark: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """The commands of a shell's block."""
        return [Command(*found) for found in _COMMAND.findall(self.text)]


def blocks(page: str) -> Iterator[Block]:
    """The blocks of shells and Python of a page, in its order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        _, remark, language, inside = found.groups()
        if language in (SHELL, PYTHON):
            line = text.count("\n", 0, found.start(4)) + 1
            yield Block(page, line, language, dedent(inside), remark or "")


def members(shown: str) -> set[str]:
    """The names of JSON's members in what a page shows."""
    return set(re.findall(r'"(\w+)":', shown))
