"""A message that a person pastes is found on the site, whole and with its own names and numbers."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from documenting.message_list import Entry, entries, script
from documenting.pages import ROOT, text_of
from tests.unit.documenting.provoked import PROVOCATIONS, Service, services

_PROGRAM = Path(__file__).with_name("find.mjs")
_VARIES = "…"
INDEXED = [name for name in PROVOCATIONS if PROVOCATIONS[name].in_the_index]
# As people copy it: out of a terminal, an answer, a log.
AROUND = (
    "{}",
    "serverless-ml: {}",
    '{{"type": "/docs#invalid_input", "status": 422, "detail": "$.instances[0]: {}", "code": "x"}}',
    "  {}\n  see http://127.0.0.1:8080/docs#invalid_input",
)


def found(pasted: Sequence[str]) -> list[dict[str, Any]]:
    """What the site finds by each text."""
    given = {"list": script(_every()), "finder": str(ROOT / "documenting" / "finding.js"), "pasted": pasted}
    done = subprocess.run(
        ["node", _PROGRAM], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=120
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def is_of(entry: Entry, message: str) -> bool:
    """Whether the message is one that the entry tells of."""
    pattern = ".*".join(re.escape(piece.strip()) for piece in entry["message"].split(_VARIES))
    return re.search(pattern, message, re.DOTALL) is not None


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Servers that say what is pasted."""
    yield from services(tmp_path_factory.mktemp("provoked"))


@pytest.fixture(scope="module")
def pasted(service: Service) -> dict[str, dict[str, Any]]:
    """What is found by what a service really says, as people copy it."""
    texts = [around.format(service.told(name).message) for name in INDEXED for around in AROUND]
    return dict(zip(texts, found(texts), strict=True))


@pytest.mark.parametrize("name", INDEXED)
def test_what_a_service_says_is_found_however_it_is_copied(
    name: str, service: Service, pasted: dict[str, dict[str, Any]]
) -> None:
    message = service.told(name).message
    for around in AROUND:
        told = pasted[around.format(message)]
        assert told["exact"], message
        assert is_of(told["entries"][0], message), (message, told)
        assert len(told["entries"]) <= 3


@cache
def _every() -> tuple[Entry, ...]:
    return tuple(entries())


def test_every_message_finds_itself() -> None:
    """With words in the place of what varies, which no message has."""
    texts = [each["message"].replace(_VARIES, "qxz") for each in _every()]
    lost = [
        text
        for text, told in zip(texts, found(texts), strict=True)
        if not any(is_of(entry, text) for entry in told["entries"])
    ]
    # Some are nothing but what varies and a word or two: nothing is found by these, and nothing wrong either.
    assert [text for text in lost if len(re.sub(r"[\W\d_]|qxz", "", text)) >= 12] == []


def test_one_that_is_explained_comes_before_one_that_is_listed() -> None:
    (told,) = found(["there is no model 'nobody'"])
    assert told["entries"][0]["explained"]
    assert told["entries"][0]["links"] == [["what to do", "docs/troubleshooting.html#there-is-no-model-"]]


def test_a_message_in_other_words_finds_the_nearest() -> None:
    (told,) = found(["boto3 could not be found, it seems that it was not installed yet"])
    assert not told["exact"]
    assert any("boto3" in entry["message"] for entry in told["entries"])


def test_what_nothing_says_is_not_found() -> None:
    for told in found(["", "hello", "the weather is fine today in Wellington", "…"]):
        assert not told["exact"]
        assert told["entries"] == []


def test_words_that_come_with_a_message_find_it() -> None:
    (told,) = found(["OSError: [Errno 98] Address already in use"])
    (_, place) = told["entries"][0]["links"][0]
    assert place.startswith("docs/troubleshooting.html#serverless-ml-cannot-listen")


def test_both_pages_are_in_the_list() -> None:
    explained = {place for each in _every() if each["explained"] for _, place in each["links"]}
    assert len(explained) == text_of("docs/troubleshooting.md").count("\n### ") > 100
    listed = sum(not each["explained"] for each in _every())
    assert listed == text_of("docs/reference/messages.md").count("\n- ") > 1000
