"""The glossary is in order, leads to what explains each word, and has words that other pages use."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "glossary.md"
_ENTRY = re.compile(r"^## (.+)\n\n((?:(?!#).*\n)+)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)]+)\)")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
# Where no page says the word as it stands here.
SPELLED = {
    "Epsilon": "ε",
    "Delta": "δ",
    "Idle cost": "costs? while idle|costs while nobody calls",
    "Native version": "native( version)?",
    "Counterfactual": "counterfactuals?",
}


class Entry(NamedTuple):
    """A word, and what is said of it."""

    term: str
    text: str


ENTRIES = [Entry(*found) for found in _ENTRY.findall(PAGE.read_text(encoding="utf-8"))]
OTHERS = {page.name: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")) if page != PAGE}


def _anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them where they are plain ASCII."""
    text = _FENCE.sub("", (DOCS / page).read_text(encoding="utf-8"))
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


def test_every_heading_has_its_entry() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Glossary", *(each.term for each in ENTRIES)]
    assert len(ENTRIES) > 60


def test_it_is_in_alphabetical_order_and_has_each_word_once() -> None:
    terms = [re.sub(r"[^a-z]", " ", each.term.lower()) for each in ENTRIES]
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("entry", ENTRIES, ids=[each.term for each in ENTRIES])
def test_a_word_leads_to_where_it_is_explained(entry: Entry) -> None:
    links = _LINK.findall(entry.text)
    assert links, f"{entry.term} has no link"
    for link in links:
        page, _, anchor = link.partition("#")
        assert (DOCS / page).is_file(), f"{entry.term}: {link}"
        assert not anchor or (anchor.isascii() and anchor in _anchors(page)), f"{entry.term}: {link}"


@pytest.mark.parametrize("entry", ENTRIES, ids=[each.term for each in ENTRIES])
def test_a_word_is_used_where_it_leads_or_on_another_page(entry: Entry) -> None:
    word = SPELLED.get(entry.term, rf"{re.escape(entry.term)}(s|es|ed)?")
    spelled = re.compile(rf"(?<!\w)({word.replace('y(s', '(y|ie)(s')})(?!\w)", re.IGNORECASE)
    assert any(spelled.search(text) for text in OTHERS.values()), f"no page says {entry.term}"


def test_spellings_are_of_words_that_are_there() -> None:
    assert set(SPELLED) <= {each.term for each in ENTRIES}
