"""The page of troubleshooting quotes messages that there are, and names every code."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from documenting.messages_in_code import PACKAGES, VARIES, messages
from documenting.pages import ROOT
from handlers.rest.openapi import errors
from tests.unit.documenting.provoked import PROVOCATIONS, Service

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
# Letters of a text of ours that have to be in a quotation for it to be that text, not another one.
_SHARE, _LEAST = 0.6, 12
# A message may be put together of so many texts, which have to make up nearly all of it.
_MOST_PIECES, _LEAST_OF_A_PIECE, _COVERED = 4, 7, 0.9


def quotations() -> list[str]:
    """The messages that the page's headings quote."""
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    return [found[2].strip() for each in headings if (found := re.fullmatch(r"(`+)(.+?)\1", each))]


@cache
def said() -> tuple[str, ...]:
    """Every text of the code, with `…` for what is put in."""
    found = {message.text for message in messages()}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    parts = (
                        str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else VARIES
                        for part in node.values
                    )
                    found.add("".join(parts))
    pages = [ROOT / "Makefile", ROOT / "handlers/rest/docs.html", *(ROOT / "console/src").rglob("*.ts*")]
    for path in [*pages, ROOT / "cloud.js", *(ROOT / "providers").rglob("*.js")]:
        for text in re.findall(r"\"([^\"\n]+)\"|'([^'\n]+)'|`([^`]+)`", path.read_text(encoding="utf-8")):
            found.add(re.sub(r"\$\{[^{}]*\}", VARIES, "".join(text)))
    return tuple(" ".join(text.split()) for text in found if len(_letters(text)) >= _LEAST)


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]", "", text)


def _pattern(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split(VARIES))


def is_said(quotation: str) -> bool:
    """Whether the code has a text that the quotation is one of, or the beginning of which it quotes."""
    for text in said():
        enough = len(_letters(text)) >= _SHARE * len(_letters(quotation))
        if enough and re.fullmatch(_pattern(text), quotation):
            return True
        if re.fullmatch(_pattern(quotation), text):
            return True
    return _is_put_together(quotation)


@cache
def _pieces() -> tuple[str, ...]:
    """What stands between what varies, the longest first."""
    found = {piece.strip() for text in said() for piece in text.split(VARIES)}
    return tuple(
        sorted((each for each in found if len(_letters(each)) >= _LEAST_OF_A_PIECE), key=len, reverse=True)
    )


def _is_put_together(quotation: str) -> bool:
    left = quotation
    for _ in range(_MOST_PIECES):
        piece = next((each for each in _pieces() if each in left), None)
        if piece is None:
            break
        left = left.replace(piece, "")
    return len(_letters(left)) <= (1 - _COVERED) * len(_letters(quotation))


@pytest.mark.parametrize("quotation", quotations())
def test_what_is_quoted_is_what_the_code_says(quotation: str, request: pytest.FixtureRequest) -> None:
    """Or what a service says, of words that stand in several places of the code."""
    assert len(_letters(quotation)) >= _LEAST, "who searches finds it by its words"
    if not is_said(quotation):
        service: Service = request.getfixturevalue("service")
        told = [service.told(name).message for name in PROVOCATIONS if PROVOCATIONS[name].on_the_page]
        assert any(re.fullmatch(_pattern(quotation), message, re.DOTALL) for message in told)


def test_what_nothing_says_is_not_taken_for_a_message() -> None:
    for text in (
        "the table lacks a column",
        "there is no such model",
        "model … version … wants no feature …; leave it out, or remove it",
        "expected … of …, got a … which nobody has written",
        "serverless-ml could not listen on …",
    ):
        assert not is_said(text), text


def test_there_are_enough_and_each_is_there_once() -> None:
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert len(quotations()) >= 60


def codes_of_jobs() -> set[str]:
    """The codes with which jobs fail beside those of requests, as docs/jobs.md has them."""
    text = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
    table = text[text.index("## How a job fails") : text.index("### Time")]
    first_cells = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
    return {code for cell in first_cells for code in re.findall(r"`(\w+)`", cell)}


def test_every_code_is_named_here_or_in_the_reference_of_errors() -> None:
    reference = Path(ROOT / "docs" / "reference" / "errors.md")
    named = set(re.findall(r"`(\w+)`", PAGE))
    if reference.exists():
        named |= set(re.findall(r"^#+ `?(\w+)`?$", reference.read_text(encoding="utf-8"), re.MULTILINE))
    of_jobs = codes_of_jobs()
    assert {"out_of_memory", "dead_lettered", "trainer_died"} <= of_jobs
    assert of_jobs - named == set()
    if reference.exists():
        assert {error["code"] for error in errors()} - named == set()


@pytest.mark.parametrize("name", PROVOCATIONS)
def test_what_a_service_says_when_it_is_provoked_is_on_the_page(name: str, service: Service) -> None:
    provocation = PROVOCATIONS[name]
    told = service.told(name)
    assert told.status == provocation.status, told
    assert told.code == provocation.code, told
    if provocation.on_the_page:
        assert any(re.fullmatch(_pattern(each), told.message) for each in quotations()), told


def test_enough_of_them_are_provoked() -> None:
    assert sum(each.on_the_page for each in PROVOCATIONS.values()) >= 20
