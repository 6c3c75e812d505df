"""What the pages say to type: single commands, out of blocks of shells and of backticks."""

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from tests.unit.documenting.reading import fences, headings, spans

_PROMPT = re.compile(r"^\$ (.*(?:\n {4}.*)*)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class Typed(NamedTuple):
    """One command: its words, the variables that stand before it, and where it is."""

    words: tuple[str, ...]
    variables: tuple[str, ...]
    place: str

    def after(self, *begin: str) -> tuple[str, ...] | None:
        """The words that follow these, or None where the command begins otherwise."""
        return self.words[len(begin) :] if self.words[: len(begin)] == begin else None


def typed(page: str) -> Iterator[Typed]:
    """Each single command of a page: between pipes, in `$(…)`, in backticks.

    What a heading has in backticks is a message of a program, which begins with its name.
    """
    for fence in fences(page):
        if fence.language == "console":
            for shown in _PROMPT.findall(fence.text):
                yield from _single(shown, f"{page}:{fence.line}")
    titles = {heading.line for heading in headings(page)}
    for span in spans(page):
        if span.line in titles:
            continue
        yield from _single(span.text, f"{page}:{span.line}")


def options(words: tuple[str, ...]) -> list[str]:
    """The long options among the words, without their values."""
    return [word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)]


def _single(line: str, place: str) -> Iterator[Typed]:
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.wordchars += "$@{}%+,:!^…[]"
    try:
        words = list(reader)
    except ValueError:  # a quote of a value that goes on, which is no command's
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if not set(word) <= set(reader.punctuation_chars):
            command.append(word)
            continue
        variables = []
        while command and _ASSIGNMENT.fullmatch(command[0]):
            variables.append(command.pop(0).partition("=")[0])
        if command:
            yield Typed(tuple(command), tuple(variables), place)
        command = []
