"""How pages are written: a title and what the page is for, short lines, no word twice."""

import re
from itertools import pairwise

import pytest

from tests.unit.documenting.reading import PAGES, headings, prose, tokens

LONGEST = 260
# "that that" and the like can be right, but never in these pages.
TWICE = re.compile(r"(?<![\w'-])([a-zA-Z]+) \1(?![\w'-])", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_and_says_first_what_it_is_for(page: str) -> None:
    assert [heading.line for heading in headings(page) if heading.level == 1] == [1]
    kinds = [(token.type, token.content) for token in tokens(page)]
    # The title's three tokens, then a paragraph.
    assert [kind for kind, _ in kinds[3:5]] == ["paragraph_open", "inline"]
    assert re.search(r"[.:?][*]*$", kinds[4][1]), kinds[4][1]


@pytest.mark.parametrize("page", PAGES)
def test_headings_go_down_one_level_at_a_time(page: str) -> None:
    levels = [heading.level for heading in headings(page)]
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_line_is_longer_than_can_be_read(page: str) -> None:
    assert [(number, len(line)) for number, line in prose(page) if len(line) > LONGEST] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_word_stands_twice(page: str) -> None:
    lines = [(number, re.sub("`[^`]*`", "`", line)) for number, line in prose(page)]
    assert [(number, TWICE.findall(line)) for number, line in lines if TWICE.search(line)] == []
    # A line's last word, and the first one of the next.
    words = [(number, line.split()) for number, line in lines]
    over = [
        (number, below[0])
        for (_, above), (number, below) in pairwise(words)
        if above and below and re.fullmatch("[a-z]+", below[0]) and above[-1] == below[0]
    ]
    assert over == []


def test_a_word_that_stands_twice_would_be_seen() -> None:
    assert TWICE.search("It is is there.")
    assert not TWICE.search("It is, is it not?")
