"""Codes of errors stand beside their statuses, and roles and rights are those of keys."""

import re
from collections.abc import Iterator

import pytest

from handlers.auth import ROLES
from tests.unit.documenting.reading import PAGES, coded, prose, table_under, text
from tests.unit.documenting.test_limits import codes, status_of

# 409 (`name_taken`), 413 `too_large`.
STATUS_AND_CODE = re.compile(r"\b([45]\d\d) \(?`([a-z]+(?:_[a-z]+)*)`")
ROLE_OR_RIGHT = re.compile(r"\b(?:roles?|rights?) ((?:`[a-z]+`(?:, | and | or )?)+)")
RIGHTS = {right for rights in ROLES.values() for right in rights} | set(ROLES)


def _lines(page: str) -> Iterator[tuple[int, str]]:
    """Prose and rows of tables, without blocks of code."""
    yield from prose(page)
    yield from ((0, line) for line in text(page).splitlines() if line.startswith("|"))


@pytest.mark.parametrize("page", PAGES)
def test_every_code_that_stands_behind_a_status_is_answered_with_it(page: str) -> None:
    named = [found for _, line in _lines(page) for found in STATUS_AND_CODE.findall(line)]
    unknown = [(status, code) for status, code in named if codes().get(code) is None]
    assert unknown == []
    assert [(status, code) for status, code in named if status_of(code) != int(status)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_role_and_right_that_a_page_names_is_one_of_a_key(page: str) -> None:
    named = {
        each for _, line in _lines(page) for names in ROLE_OR_RIGHT.findall(line) for each in coded(names)
    }
    assert named - RIGHTS == set()


def test_the_page_of_keys_has_every_role() -> None:
    assert [name for row in table_under("docs/keys.md", "role") for name in coded(row[0])] == list(ROLES)


def test_the_page_of_jobs_has_the_codes_that_jobs_alone_have() -> None:
    told = {name for row in table_under("docs/jobs.md", "code") for name in coded(row[0])}
    assert told <= set(codes())
    assert {code for code, error in codes().items() if error is None} - told == set()


def test_what_is_no_code_and_no_right_would_be_seen() -> None:
    assert STATUS_AND_CODE.findall("a 409 (`name_taken`)") == [("409", "name_taken")]
    assert codes().get("name_token") is None
    assert status_of("feedback_full") == 409
    assert ROLE_OR_RIGHT.findall("with the role `inspect`, and the right `train` or `admin`.") == [
        "`inspect`, ",
        "`train` or `admin`",
    ]
