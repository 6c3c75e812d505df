"""Texts as numbers of tokens: any script, a vocabulary of the training rows, in time linear in the text."""

import itertools
import json
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import ArtifactInvalid
from ml_core.preprocessing import tokens as module
from ml_core.preprocessing.tokens import (
    CHARACTERS,
    LONGEST_TOKEN,
    MOST_TOKENS,
    UNKNOWN,
    WORDS,
    Tokenizer,
)

BOTH = (WORDS, CHARACTERS)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def _split(text: str, tokens: str = WORDS, **options: Any) -> list[str]:
    return list(Tokenizer(tokens, (), **options).split(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat, 2024!", ["the", "cat", ",", "2024", "!"]),
        ("don't", ["don", "'", "t"]),
        ("Ünïcode ÉCOLE", ["ünïcode", "école"]),
        ("हिन्दी में लिखो", ["हिन्दी", "में", "लिखो"]),
        ("العَرَبِيَّة جميلة", ["العَرَبِيَّة", "جميلة"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("தமிழ் మొదలు", ["தமிழ்", "మొదలు"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("ΟΔΟΣ русский", ["οδος", "русский"]),
        ("東京タワーへ", ["東", "京", "タ", "ワ", "ー", "へ"]),
        ("ดีครับ", ["ดี", "ค", "รั", "บ"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("ລາວ", ["ລ", "າ", "ວ"]),
        ("中a文9", ["中", "a", "文", "9"]),
        ("٢٠٢٤ ๒", ["٢٠٢٤", "๒"]),
        ("co\u00adop \u200fab\u200e", ["coop", "ab"]),
        ("a\u200bb\tc\nd\u00a0e", ["a", "b", "c", "d", "e"]),
        ("\U0001f469\u200d\U0001f680!", ["\U0001f469\u200d", "\U0001f680", "!"]),
        ("a_b½", ["a", "_", "b", "½"]),
        ("", []),
        (" \n", []),
    ],
)
def test_words_of_every_script(text: str, expected: list[str]) -> None:
    assert _split(text) == [unicodedata.normalize("NFC", token) for token in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ab  c\n9 ", ["a", "b", " ", "c", " ", "9"]),
        ("हिन्दी", ["हि", "न्", "दी"]),
        ("e\u0301x", ["é", "x"]),
        ("q\u0301x", ["q\u0301", "x"]),
        (" \u0301", ["\u0301"]),
        ("", []),
        ("  ", []),
    ],
)
def test_characters_keep_their_marks(text: str, expected: list[str]) -> None:
    assert _split(text, CHARACTERS) == expected


def test_large_letters_stay_where_they_matter() -> None:
    assert _split("Polish polish") == ["polish", "polish"]
    assert _split("Polish polish", lowercase=False) == ["Polish", "polish"]


@pytest.mark.parametrize("tokens", BOTH)
@given(text=TEXTS)
def test_no_letter_is_lost_and_no_token_is_empty(tokens: str, text: str) -> None:
    found = _split(text, tokens, lowercase=False)
    assert all(found)
    seen = unicodedata.normalize("NFC", text.translate(module._IGNORED))
    assert "".join(found).replace(" ", "") == "".join(
        each for each in seen if module._class_of(ord(each)) != module._SPACE
    )


@pytest.mark.parametrize("tokens", BOTH)
@given(text=TEXTS)
def test_composed_and_decomposed_letters_are_one(tokens: str, text: str) -> None:
    forms = [_split(unicodedata.normalize(form, text), tokens) for form in ("NFC", "NFD")]
    assert forms[0] == forms[1]


@pytest.mark.parametrize("tokens", BOTH)
@given(text=TEXTS)
def test_a_mark_begins_no_token_after_a_letter(tokens: str, text: str) -> None:
    seen = _split(text, tokens)
    for before, token in itertools.pairwise(seen):
        if module._class_of(ord(token[0])) == module._MARK:
            assert before == " "  # as in a text where it stands on nothing


@pytest.mark.parametrize("tokens", BOTH)
@pytest.mark.parametrize("unit", ["\u0300\u0316", "\u0f73", "a", "a ", "東", "é", "\u00ad", "Σ'", " "])
def test_no_letter_gets_more_marks_than_can_be_sorted_at_once(
    tokens: str, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Normalising takes the square of a run of marks; 30 are as many as Unicode's stream-safe format has."""
    passed: list[str] = []

    def normalize(form: Any, text: str) -> str:
        passed.append(text)
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(module, "normalize", normalize)
    assert set(Tokenizer(tokens, ()).encode("a" + unit * 2000)) == {UNKNOWN}
    for piece in "".join(passed).split("\u034f"):
        runs = itertools.groupby(piece, lambda each: unicodedata.category(each)[0] == "M")
        assert max((len(list(run)) for is_mark, run in runs if is_mark), default=0) <= 30


@pytest.mark.parametrize("tokens", BOTH)
def test_a_text_is_gone_through_to_the_longest_length_and_no_further(tokens: str) -> None:
    tokenizer = Tokenizer.fit(["a b c"], tokens=tokens, max_length=2)
    assert len(tokenizer.encode("a b c a b c")) == 2
    assert tokenizer.vocabulary == (("a", "b") if tokens == WORDS else (" ", "a"))


def test_the_vocabulary_is_the_most_frequent_first_and_ties_by_text() -> None:
    texts = ["b a", "c b", "a b d"]
    assert Tokenizer.fit(texts).vocabulary == ("b", "a", "c", "d")
    assert Tokenizer.fit(texts, max_vocabulary=2).vocabulary == ("b", "a")
    assert Tokenizer.fit(reversed(texts)).vocabulary == ("b", "a", "c", "d")


def test_an_unknown_word_is_zero_and_an_empty_text_is_one_of_them() -> None:
    tokenizer = Tokenizer.fit(["red fox", "red hen"])
    assert tokenizer.encode("The red HEN") == [0, 1, 3]
    assert tokenizer.encode("") == tokenizer.encode(" \n") == [0]
    assert Tokenizer.fit([]).encode("red") == [0]


def test_a_page_without_spaces_is_no_word_of_the_vocabulary() -> None:
    assert Tokenizer.fit(["x" * LONGEST_TOKEN, "y" * (LONGEST_TOKEN + 1)]).vocabulary == (
        "x" * LONGEST_TOKEN,
    )


@pytest.mark.parametrize("tokens", BOTH)
@given(texts=st.lists(TEXTS, max_size=5), text=TEXTS)
def test_a_restored_tokenizer_gives_equal_numbers(tokens: str, texts: list[str], text: str) -> None:
    fitted = Tokenizer.fit(texts, tokens=tokens, lowercase=False, max_length=9)
    restored = Tokenizer.restored(json.loads(json.dumps(fitted.description())))
    assert restored.description() == fitted.description()
    for each in (*texts, text):
        assert restored.encode(each) == fitted.encode(each)


@pytest.mark.parametrize(
    "changed",
    [
        {"tokens": "letters"}, {"tokens": ["words"]}, {"tokens": None}, {"lowercase": 1}, {"max_length": 0},
        {"max_length": True}, {"max_length": 2.0}, {"vocabulary": None}, {"vocabulary": "ab"},
        {"vocabulary": [""]}, {"vocabulary": [1]}, {"vocabulary": ["a", "a"]},
        {"vocabulary": ["a" * (LONGEST_TOKEN + 1)]},
        {"vocabulary": [str(number) for number in range(MOST_TOKENS + 1)]},
    ],
)  # fmt: skip
def test_what_describes_no_tokenizer_is_refused(changed: dict[str, Any]) -> None:
    whole = Tokenizer.fit(["a b"]).description()
    Tokenizer.restored(whole)
    with pytest.raises(ArtifactInvalid):
        Tokenizer.restored({**whole, **changed})


@pytest.mark.parametrize("described", [None, [], "words", {}, {"tokens": "words"}])
def test_what_is_not_whole_is_refused(described: object) -> None:
    with pytest.raises(ArtifactInvalid):
        Tokenizer.restored(described)


def test_the_class_of_rare_characters_is_not_kept() -> None:
    known = module._ClassesByCode()
    for code in range(0x10000, 0x10000 + known.MOST + 500):
        assert known[code] == module._class_of(code)
    assert len(known) == known.MOST


def test_numpy_is_not_imported() -> None:
    program = (
        "import sys, ml_core.preprocessing.tokens; print('numpy' in sys.modules, 'typing' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
