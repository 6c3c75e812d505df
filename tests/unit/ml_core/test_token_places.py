"""Where tokens stand in a text as it was sent: what is cut out there, read alone, is the token."""

import random
from unicodedata import category, normalize

import pytest

from ml_core.preprocessing.token_places import token_places
from ml_core.preprocessing.tokens import CHARACTERS, WORDS, Tokenizer

SOFT, JOINER, BREAK = "\u00ad", "\u200d", "\u034f"


def cut(text: str, tokens: str = WORDS, *, lowercase: bool = True, most: int | None = None) -> list[str]:
    tokenizer = Tokenizer(tokens, (), lowercase=lowercase, max_length=most)
    return [text[begin:end] for begin, end in token_places(tokenizer, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not good, sir!", ["Not", "good", ",", "sir", "!"]),
        ("  spaces  around ", ["spaces", "around"]),
        ("", []),
        (" \t", []),
        (f"a soft{SOFT}hyphen here", ["a", f"soft{SOFT}hyphen", "here"]),
        ("E\u0301te\u0301 d'hiver", ["E\u0301te\u0301", "d", "'", "hiver"]),
        ("İstanbul İ x", ["İstanbul", "İ", "x"]),
        ("ΟΔΥΣΣΕΥΣ ΣΑΣ", ["ΟΔΥΣΣΕΥΣ", "ΣΑΣ"]),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af ab", ["\u1112\u1161\u11ab\u1100\u1173\u11af", "ab"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京へ go", ["東", "京", "へ", "go"]),
        ("か\u3099x", ["か\u3099", "x"]),
        ("12 apples", ["12", "apples"]),
    ],
)
def test_words_are_cut_out_of_the_text_as_it_was_sent(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_characters_and_lengths() -> None:
    assert cut("A\u0301b  c", CHARACTERS) == ["A\u0301", "b", "  ", "c"]
    assert cut("one two three", most=2) == ["one", "two"]


POOLS = {
    "everything": [
        chr(code) for code in range(0x20, 0x30000) if category(chr(code)) not in {"Cs", "Cn", "Co"}
    ]
}
POOLS["marks"] = [each for each in POOLS["everything"] if category(each)[0] == "M"]
POOLS["what changes"] = [
    each
    for each in POOLS["everything"]
    if normalize("NFC", each) != each or normalize("NFD", each) != each or len(each.lower()) != 1
]
POOLS["jamo"] = [chr(code) for code in range(0x1100, 0x1200)]
POOLS["few"] = [*"aAΣ1. ", "e", "\u0301", "\u0323", "\u0327", SOFT, JOINER, BREAK, "か", "\u3099", "\u0f73"]


@pytest.mark.parametrize("pool", POOLS)
def test_every_text_of_unicode_is_followed(pool: str) -> None:
    chosen = random.Random(pool)  # noqa: S311 - no secret
    for _ in range(400):
        text = "".join(chosen.choices(POOLS[pool], k=chosen.randrange(1, 40)))
        if chosen.random() < 0.1:
            text += "e" + "".join(chosen.choices(POOLS["marks"], k=70))
        for tokens in (WORDS, CHARACTERS):
            tokenizer = Tokenizer(tokens, (), lowercase=chosen.random() < 0.5)
            places = token_places(tokenizer, text)
            assert len(places) == len([*tokenizer.split(text)])
            assert all(0 <= begin <= end <= len(text) for begin, end in places)
            assert places == sorted(places)


def test_what_is_cut_out_is_the_token_again() -> None:
    chosen = random.Random(3)  # noqa: S311 - no secret
    letters = [*"abcXYZ .,1", "é", "E\u0301", "ö", "O\u0308", "İ", "ß", "か\u3099", "東", "म\u0940", SOFT]
    for _ in range(300):
        text = "".join(chosen.choices(letters, k=25))
        for tokens in (WORDS, CHARACTERS):
            tokenizer = Tokenizer(tokens, ())
            for token, (begin, end) in zip(tokenizer.split(text), token_places(tokenizer, text), strict=True):
                again = [*tokenizer.split(text[begin:end])]
                assert again == ([token] if token != " " else [])
