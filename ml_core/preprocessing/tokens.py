r"""Texts as numbers of tokens: words or characters, in any script, by a vocabulary of the training rows.

Python's `\w` knows no combining marks, so that it cuts the words of Hindi, Thai and Arabic apart. Here each
character gets a class by its Unicode category, and a pattern over the classes finds the tokens: the text is
gone through a fixed number of times, whatever is in it.
"""

from __future__ import annotations

import re
from itertools import islice
from unicodedata import category, normalize

from ml_core.errors import ArtifactInvalid, shown
from ml_core.inputs.arrays import LONGEST_LENGTH

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WORDS, CHARACTERS = "words", "characters"
UNKNOWN = 0
"""The number of every token that is not in the vocabulary."""
MOST_TOKENS = 100_000
LONGEST_TOKEN = 64
"""A longer token is in no vocabulary: a page without spaces is no word to keep with a model."""

# The classes: a letter, a mark on what stands before it, a letter of a script that puts no spaces between
# words, a digit, a space, what is not seen at all, and the rest.
_LETTER, _MARK, _ALONE, _DIGIT, _SPACE, _UNSEEN, _OTHER = "LMAD UO"
_PATTERNS = {
    WORDS: re.compile(r"[LM]+|AM*|D+M*|OM*"),
    CHARACTERS: re.compile(r"[LADO]M*|M+| +"),
}
# Normalising sorts the marks of a letter in a time that grows with the square of their number. Unicode's
# stream-safe format allows 30, and breaks more up by a character that is not seen (UAX 15).
_MOST_MARKS = re.compile(r"M{30}(?=M)")
_BREAK = "\u034f"

# Soft hyphens, signs for the direction of writing, and others that change nothing of what is written.
_IGNORED = dict.fromkeys(
    (0xAD, 0x61C, 0x180E, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
)
_JOINERS = (0x200C, 0x200D)
_ZERO_WIDTH_SPACE = 0x200B
# Thai, Lao, Tibetan, Myanmar, Khmer, Tai, Javanese, and what Chinese and Japanese are written in.
_WITHOUT_SPACES = (
    (0x0E00, 0x10A0), (0x1780, 0x1800), (0x1950, 0x19E0), (0x1A20, 0x1AB0), (0x2E80, 0x2FE0),
    (0x3005, 0x3008), (0x3040, 0x3130), (0x31A0, 0x3200), (0x3400, 0x4DC0), (0x4E00, 0xA000),
    (0xA980, 0xAA00), (0xAA60, 0xAA80), (0xF900, 0xFB00), (0xFF66, 0xFFA0), (0x1AFF0, 0x1B170),
    (0x20000, 0x40000),
)  # fmt: skip


def _class_of(code: int) -> str:
    if code in _IGNORED:
        return _UNSEEN
    if code in _JOINERS:
        return _MARK
    kind = category(chr(code))
    if kind[0] == "L":
        return _ALONE if any(begin <= code < end for begin, end in _WITHOUT_SPACES) else _LETTER
    if kind[0] == "M":
        return _MARK
    if kind == "Nd":
        return _DIGIT
    return _SPACE if kind[0] == "Z" or kind == "Cc" or code == _ZERO_WIDTH_SPACE else _OTHER


class _ClassesByCode(dict[int, str]):
    """The class of each character that was met; all that there are would fill 100 MB."""

    MOST = 20_000

    def __missing__(self, code: int) -> str:
        found = _class_of(code)
        if len(self) < self.MOST:
            self[code] = found
        return found


_CLASSES = _ClassesByCode()


class Tokenizer:
    """Texts as numbers of tokens.

    A word is a run of letters with their marks, or of digits; of scripts without spaces between words, one
    letter; and of all else that is written, one character. Marks stay with the letter that they are on, also
    where characters are the tokens.

    Args:
        tokens: "words" or "characters".
        lowercase: whether large and small letters are one.
        vocabulary: the tokens that have numbers, from 1.
        max_length: texts are cut to so many tokens, the first ones; None for no cut.
    """

    __slots__ = ("_numbers", "lowercase", "max_length", "tokens", "vocabulary")

    def __init__(
        self,
        tokens: str,
        vocabulary: tuple[str, ...],
        *,
        lowercase: bool = True,
        max_length: int | None = None,
    ) -> None:
        self.tokens = tokens
        self.lowercase = lowercase
        self.vocabulary = vocabulary
        self.max_length = max_length
        self._numbers = {token: number for number, token in enumerate(vocabulary, 1)}

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        *,
        tokens: str = WORDS,
        lowercase: bool = True,
        max_vocabulary: int = 20_000,
        max_length: int | None = None,
    ) -> Tokenizer:
        """A tokenizer of the most frequent tokens in the training rows' texts, the most frequent first.

        Of equally frequent ones those that sort first are taken. `max_length` cuts the texts before they are
        counted.
        """
        from collections import Counter

        bare = cls(tokens, (), lowercase=lowercase, max_length=max_length)
        counted = Counter(
            token for text in texts for token in bare.split(text) if len(token) <= LONGEST_TOKEN
        )
        ordered = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
        vocabulary = tuple(token for token, _ in ordered[:max_vocabulary])
        return cls(tokens, vocabulary, lowercase=lowercase, max_length=max_length)

    def split(self, text: str) -> Iterator[str]:
        """The tokens of a text, at most `max_length`; spaces are one token of characters, none of words."""
        text, classes = normalised(text.lower() if self.lowercase else text)
        for begin, end in self.places(classes):
            yield " " if classes[begin] == _SPACE else text[begin:end]

    def places(self, classes: str) -> Iterator[tuple[int, int]]:
        """Where each token begins and ends in a normalised text, whose characters are of these classes."""
        # Spaces at the ends are no token of characters either.
        begin, end = len(classes) - len(classes.lstrip()), len(classes.rstrip())
        found = _PATTERNS[self.tokens].finditer(classes, begin, end)
        for each in islice(found, self.max_length):
            yield each.span()

    def encode(self, text: str) -> list[int]:
        """The number of each token, `UNKNOWN` for one that is not in the vocabulary.

        A text without tokens is one unknown token, so that every text has a length.
        """
        known = self._numbers.get
        return [known(token, UNKNOWN) for token in self.split(text)] or [UNKNOWN]

    def description(self) -> dict[str, object]:
        """The tokenizer as JSON values: what `restored` reads."""
        return {
            "tokens": self.tokens,
            "lowercase": self.lowercase,
            "max_length": self.max_length,
            "vocabulary": list(self.vocabulary),
        }

    @classmethod
    def restored(cls, described: object) -> Tokenizer:
        """The tokenizer of a description. Raises `ArtifactInvalid`."""
        if not isinstance(described, dict):
            raise ArtifactInvalid(f"expected a tokenizer's description as an object, got {shown(described)}")
        tokens, lowercase = described.get("tokens"), described.get("lowercase")
        longest, vocabulary = described.get("max_length"), described.get("vocabulary")
        if not isinstance(tokens, str) or tokens not in _PATTERNS:
            raise ArtifactInvalid(f'expected "words" or "characters" for tokens, got {shown(tokens)}')
        if not isinstance(lowercase, bool):
            raise ArtifactInvalid(f"expected true or false for lowercase, got {shown(lowercase)}")
        if longest is not None and (type(longest) is not int or not 1 <= longest <= LONGEST_LENGTH):
            raise ArtifactInvalid(
                f"expected null or an integer from 1 to {LONGEST_LENGTH} for max_length, got {shown(longest)}"
            )
        return cls(tokens, _checked(vocabulary), lowercase=lowercase, max_length=longest)


def _checked(vocabulary: object) -> tuple[str, ...]:
    """A description's vocabulary. Raises `ArtifactInvalid`."""
    if (
        not isinstance(vocabulary, list)
        or len(vocabulary) > MOST_TOKENS
        or not all(type(token) is str and 0 < len(token) <= LONGEST_TOKEN for token in vocabulary)
        or len(set(vocabulary)) != len(vocabulary)
    ):
        raise ArtifactInvalid(
            f"expected a vocabulary of at most {MOST_TOKENS:,} tokens, each once and of at most "
            f"{LONGEST_TOKEN} characters, got {shown(vocabulary)}"
        )
    return tuple(vocabulary)


def normalised(text: str) -> tuple[str, str]:
    """A text in Unicode's form NFC without what is not seen, and the class of each of its characters."""
    classes = classes_of(text)
    if text.isascii():
        return text, classes
    if _UNSEEN in classes:
        text = seen(text)
        classes = classes_of(text)
    text = broken_up(text, classes)
    composed = normalize("NFC", text)
    return composed, classes if composed is text else classes_of(composed)


def classes_of(text: str) -> str:
    """The class of each character."""
    return text.translate(_CLASSES)


def seen(text: str) -> str:
    """A text without what changes nothing of what is written."""
    return text.translate(_IGNORED)


def broken_up(text: str, classes: str) -> str:
    """A text with a break after every 30 marks, of which a letter may have more."""
    ends = [found.end() for found in _MOST_MARKS.finditer(classes)]
    if not ends:
        return text
    return _BREAK.join(text[begin:end] for begin, end in zip([0, *ends], [*ends, None], strict=True))
