"""What docs/versions.md says of texts as tokens, done by hand as it is said, and held to the tokenizer."""

import os
import re
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml_core.preprocessing.tokens import Tokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
with open(os.path.join(ROOT, "docs", "versions.md"), encoding="utf-8") as _page:
    SAID = _page.read().partition("\n### Texts as tokens\n")[2].partition("\n## ")[0]


def named(line: str) -> set[int]:
    """The characters that a line of the page names, one by one and from one to another."""
    found: set[int] = set()
    for first, last in re.findall(r"U\+([0-9A-F]+)(?:–U\+([0-9A-F]+))?", line):
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    return found


def line(beginning: str) -> set[int]:
    (found,) = re.findall(rf"^{re.escape(beginning)}.*$", SAID, re.MULTILINE)
    return named(found)


REMOVED = line("2. Characters")
ALONE, MARKS, SPACES = line("| a letter that stands alone"), line("| a mark"), line("| space")


def what(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if code in MARKS or category[0] == "M":
        return "mark"
    if code in SPACES or category[0] == "Z" or category == "Cc":
        return "space"
    if category[0] == "L":
        return "alone" if code in ALONE else "letter"
    return "digit" if category == "Nd" else "other"


def prepared(text: str, lowercase: bool) -> str:
    text = "".join(each for each in (text.lower() if lowercase else text) if ord(each) not in REMOVED)
    broken, marks = "", 0
    for each in text:
        is_mark = what(each) == "mark"
        if is_mark and marks == 30:
            broken, marks = broken + "\u034f", 0
        broken, marks = broken + each, marks + 1 if is_mark else 0
    return unicodedata.normalize("NFC", broken)


def tokens_of(text: str, kind: str, lowercase: bool) -> Iterator[str]:
    text = prepared(text, lowercase)
    kinds = [what(each) for each in text]
    while kinds and kinds[-1] == "space":
        kinds.pop()
    place = next((index for index, each in enumerate(kinds) if each != "space"), len(kinds))
    while place < len(kinds):
        begin, first = place, kinds[place]
        runs = {"words": {"letter": ("letter", "mark"), "mark": ("letter", "mark"), "digit": ("digit",)}}
        longer = runs.get(kind, {"mark": ("mark",)}).get(first, ("space",) if first == "space" else ())
        place += 1
        while place < len(kinds) and kinds[place] in longer:
            place += 1
        while place < len(kinds) and kinds[place] == "mark" and first != "space":
            place += 1
        if first != "space":
            yield text[begin:place]
        elif kind == "characters":
            yield " "


def test_the_page_names_characters_of_every_sort() -> None:
    assert [len(each) > 0 for each in (REMOVED, ALONE, MARKS, SPACES)] == [True] * 4
    assert (0xAD in REMOVED, 0x0E01 in ALONE, 0x200D in MARKS, 0x200B in SPACES) == (True,) * 4


@pytest.mark.parametrize("kind", ["words", "characters"])
@pytest.mark.parametrize("lowercase", [True, False])
@settings(deadline=None, max_examples=200)
@given(
    st.text(
        st.sampled_from(
            "aBcÄéİß09٣ \t\u00a0\u200b,.-😀\u00ad\u200d\u202a\u0301\u0323\u093fहกัน日本語かｶ\u034f\ufeff"
        )
        | st.characters(exclude_categories=["Cs"]),
        max_size=30,
    )
)
@example("e" + "\u0301\u0323" * 40 + " x")
@example("\u0301\u0301 a")
@example("don't 12,5 €  ")
@example("")
def test_a_text_becomes_the_tokens_that_the_page_says(kind: str, lowercase: bool, text: str) -> None:
    expected = list(tokens_of(text, kind, lowercase))
    tokenizer = Tokenizer(kind, tuple(dict.fromkeys(expected[::2])), lowercase=lowercase)
    assert list(tokenizer.split(text)) == expected
    numbers = {token: number for number, token in enumerate(tokenizer.vocabulary, 1)}
    assert tokenizer.encode(text) == ([numbers.get(token, 0) for token in expected] or [0])


def test_every_character_is_of_the_sort_that_the_page_says() -> None:
    tokenizer = Tokenizer("words", ())
    for code in [*range(0x3200), *range(0xA000, 0xD800), *range(0xF000, 0x12000), *range(0x1AF00, 0x1B300)]:
        if code in REMOVED:
            continue
        text = f"a{chr(code)}{chr(code)}a"
        assert list(tokenizer.split(text)) == list(tokens_of(text, "words", True)), hex(code)
