"""The page of messages is what the code says, and has what is really met."""

import ast
import re

import pytest

from documenting.messages_in_code import VARIES, Reader, Source, fits, messages, sources
from documenting.pages import ROOT
from documenting.reference.messages import AREAS, area_of, page
from handlers.rest.openapi import errors
from tests.unit.documenting.provoked import PROVOCATIONS, Service

PAGE = ROOT / "docs" / "reference" / "messages.md"
# What of a message has to be words of the entry that it is found by: a share of its letters, or so many.
_SHARE, _ENOUGH = 0.4, 15


def entries() -> list[str]:
    """What the page lists."""
    found = re.findall(r"^- (`+) ?(.+?) ?\1$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [text for _, text in found]


def _letters(text: str) -> int:
    return len(re.sub(r"[\W\d_]", "", text))


def finds(message: str) -> list[str]:
    """The entries by which a message is found: they have its words, in its order."""
    return [
        entry
        for entry in entries()
        if re.fullmatch(".*".join(map(re.escape, entry.split(VARIES))), message, re.DOTALL)
        and _letters(entry) >= min(_SHARE * _letters(message), _ENOUGH)
    ]


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reference`"


INDEXED = [name for name in PROVOCATIONS if PROVOCATIONS[name].in_the_index]


@pytest.mark.parametrize("name", INDEXED)
def test_what_a_service_says_is_found(name: str, service: Service) -> None:
    assert finds(service.told(name).message), service.told(name)


def test_enough_different_ones_are_looked_for(service: Service) -> None:
    assert len({tuple(finds(service.told(name).message)) for name in INDEXED}) >= 30


def test_what_the_documentation_shows_is_found() -> None:
    shown = set()
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for quoted in re.findall(r'"(?:detail|message)": "((?:[^"\\]|\\.)*)"', text):
            message = quoted.replace('\\"', '"')
            if VARIES not in message and " " in message:
                shown.add(message)
    assert shown
    assert [message for message in shown if not any(fits(entry, message) for entry in entries())] == []


def test_what_nothing_says_is_not_found() -> None:
    for message in (
        "there is no such model",
        "the table wants a column",
        "expected more, and got less of it",
    ):
        assert finds(message) == []


def test_every_message_has_its_area_and_every_area_messages() -> None:
    titles = {area_of(message).title for message in messages()}
    assert titles == {area.title for area in AREAS}
    modules = {message.module for message in messages()} | set(sources())
    for area in AREAS:
        for start in area.modules:
            assert any(module.startswith(start) for module in modules), start


def test_a_codes_entry_is_one_of_the_reference() -> None:
    linked = set(re.findall(r"\(errors\.md#(\w+)\)", PAGE.read_text(encoding="utf-8")))
    assert linked <= {error["code"] for error in errors()}
    assert len(linked) > 30


def test_each_message_is_there_once_in_its_area() -> None:
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        listed = re.findall(r"^- (.+)$", section, re.MULTILINE)
        assert len(listed) == len(set(listed)), section.splitlines()[0]


def _read_from(program: str) -> set[tuple[str, str]]:
    found = Reader({"ml_core.shown": Source("ml_core.shown", ast.parse(program))}).messages()
    return {(message.text, message.code) for message in found}


ERRORS = """
class Wrong(Exception):
    code = "wrong"

    @classmethod
    def at(cls, path, message):
        return cls(message)

class InvalidInput(Wrong):
    code = "invalid_input"
"""


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def f():\n    raise Wrong('the words of it')", {("the words of it", "wrong")}),
        (
            "def f(x):\n    raise Wrong(f'expected a number, got {x!r}')",
            {("expected a number, got …", "wrong")},
        ),
        ("def f(p):\n    raise Wrong.at(p, 'the words of it')", {("the words of it", "wrong")}),
        ("def f(p):\n    yield Fault(p, 'the words of it')", {("the words of it", "invalid_input")}),
        (
            "def f(x):\n    w = 'a first word' if x else 'a second word'\n    raise Wrong(f'expected {w}')",
            {("expected a first word", "wrong"), ("expected a second word", "wrong")},
        ),
        (
            "def f(x):\n    _no('the words of it', x)\ndef _no(message, x):\n    raise Wrong(message)",
            {("the words of it", "wrong")},
        ),
        (
            "def why(x) -> str:\n    return 'the words of it'\ndef f(x):\n    raise Wrong(why(x))",
            {("the words of it", "wrong")},
        ),
        (
            "_SAID = {1: 'the words of it'}\ndef f(x):\n    raise Wrong(_SAID[x])",
            {("the words of it", "wrong")},
        ),
        ("_SAID = 'the words of it'\ndef f():\n    raise Wrong(_SAID)", {("the words of it", "wrong")}),
        (
            "def f():\n    return {'code': 'died', 'message': 'the words of it'}",
            {("the words of it", "died")},
        ),
        (
            "class Other(Wrong):\n    def __init__(self, x):\n        super().__init__(f'the words of {x}')",
            {("the words of …", "wrong")},
        ),
        ("def f():\n    return 'no error has these words'", set()),
        ("def f(x):\n    raise Wrong(x)", set()),
    ],
)
def test_a_message_is_read_however_it_is_written(program: str, expected: set[tuple[str, str]]) -> None:
    assert _read_from(ERRORS + program) == expected
