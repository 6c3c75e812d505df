"""What the words of a column mean: numbers if all of them are, else dates, else categories.

A column comes batch by batch, and means the same in whatever order and batches it comes. A guess that fails
leaves nothing behind. Where earlier batches were read by it, the column is read again as words: the file is
read twice, and only then.
"""

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import shown
from ml_core.tables import arrow
from ml_core.tables.columns import BOOLEAN, CATEGORY, DATE, MOST_WORDS, TEXT, Column, number_column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arro3.core import Array
    from numpy.typing import NDArray

# What pandas.read_csv takes for a missing value: what people's files are written for.
MISSING_WORDS = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
# What else stands for one, but only among numbers and dates: a category may be called so.
GAP_SIGNS = frozenset(
    ("?", "-", "--", ".", "..", "\\N", "none", "NONE", "nil", "missing", "unknown", "Unknown")
)
# A cell is as long as a file makes it: what repeats without a bound gives nothing back (`++`), so that no
# pattern takes more steps than a cell has characters.
_NUMBER = re.compile(r"[+-]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d++)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d++,\d++", re.ASCII)
# Stricter than what the engine parses, and no more than a prediction takes.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_CODE = re.compile(r"0\d++", re.ASCII)
_LOOKED_AT = 1_000
_TOLD_BY = 100
# No number that float64 tells apart from others takes as many digits.
_LONGEST_NUMBER = 1_100
_SMALL = 8
_TRUTH = {"true": 1.0, "false": 0.0}


def add_batch(batches: "list[NDArray[Any]]", batch: "NDArray[Any]") -> None:
    """Keep a batch; many small ones become a large one, whose memory goes back to the system at its end."""
    batches.append(batch)
    if len(batches) >= _SMALL and len(batches[-_SMALL]) == len(batch):
        batches[-_SMALL:] = [np.concatenate(batches[-_SMALL:])]


class Vocabulary:
    """Words and their codes, as batches of them arrive."""

    def __init__(self, *, padded: bool = False) -> None:
        self._padded = padded
        self._codes: dict[str, int] = {}
        self._batches: list[NDArray[np.int32]] = []
        self.overflowed = False

    def add(self, codes: "NDArray[np.int32]", words: "Sequence[str | None]") -> None:
        """A batch: indices into its own words, -1 for missing. Words that mean missing become so."""
        if self._padded:
            words = [word and word.lstrip(" ") for word in words]
        known = [-1 if word is None or _is_missing(word) else self._code(word) for word in words]
        # The index -1 finds the last, which is -1.
        add_batch(self._batches, np.array([*known, -1], np.int32)[codes])
        if len(self._codes) > MOST_WORDS:
            self.overflowed = True
            self._codes.clear()

    def _code(self, word: str) -> int:
        """A word's number; 0 where there are too many words to tell them apart."""
        if self.overflowed:
            return 0
        return self._codes.setdefault(word, len(self._codes))

    def column(self, name: str) -> Column:
        """The words as truth values or categories; as text where there are too many of them."""
        codes = np.concatenate([np.empty(0, np.int32), *self._batches])
        self._batches.clear()
        if self.overflowed:
            return Column(name, TEXT, np.minimum(codes, 0))
        if self._codes and {word.lower() for word in self._codes} <= _TRUTH.keys():
            truths = np.array([*(_TRUTH[word.lower()] for word in self._codes), np.nan])
            return Column(name, BOOLEAN, truths[codes])
        words = sorted(self._codes)
        places = {word: place for place, word in enumerate(words)}
        places_of_codes = np.array([*(places[word] for word in self._codes), -1], np.int32)
        return Column(name, CATEGORY, places_of_codes[codes], tuple(words))


class WordColumn:
    """A column whose cells are words, told apart as batches of them arrive.

    With `padded` a space before each word is no part of it.
    """

    def __init__(
        self, name: str, *, decimal_comma: bool = False, numeric: bool = True, padded: bool = False
    ) -> None:
        self.name = name
        self.warnings: list[str] = []
        # Whether batches were read by a guess that failed later: `start_again`, and add all of them again.
        self.lost = False
        self._guesses: list[_Guess] = [_Numbers(decimal_comma=decimal_comma)] if numeric else []
        self._guesses.append(_Dates())
        self._read: list[NDArray[np.float64]] = []
        self._signs: frozenset[str] = frozenset()
        self._known = False
        self._vocabulary = Vocabulary(padded=padded)

    def add(self, array: "Array") -> None:
        """The next batch."""
        if self.lost:
            return
        while self._guesses:
            guess = self._guesses[0]
            read = guess.read(array)
            if read is not None:
                add_batch(self._read, read.values)
                self._signs |= read.signs
                self._known = self._known or bool(np.isfinite(read.values).any())
                return
            self._tell_of(guess)
            self._guesses.pop(0)
            if self._known:  # what is a number is no date
                self._guesses.clear()
        # Missing is missing by every guess, but a sign for a gap is a word among words.
        if self._known or self._signs:
            self.lost = True
            return
        for batch in self._read:
            self._vocabulary.add(np.full(len(batch), -1, np.int32), ())
        self._read.clear()
        self._vocabulary.add(*arrow.coded(array))

    @property
    def may_be_lost(self) -> bool:
        """Whether batches are still read by a guess, which may fail."""
        return bool(self._guesses)

    def start_again(self) -> None:
        """Take the column for words from the first batch on."""
        self.lost, self._known, self._signs = False, False, frozenset()
        self._guesses.clear()
        self._read.clear()

    def column(self) -> Column:
        """What the column turned out to be; its batches are given up for it."""
        if not self._guesses:
            return self._vocabulary.column(self.name)
        if self._signs:
            told = ", ".join(map(repr, sorted(self._signs)))
            self.warnings.append(f"column '{self.name}': {told} among its values is taken for a missing one")
        if isinstance(self._guesses[0], _Numbers) and self._guesses[0].code is not None:
            advice = "if they are codes, write a letter before them, and they are words"
            self.warnings.append(
                f"column '{self.name}' holds numbers such as {self._guesses[0].code!r}: {advice}"
            )
        values = np.concatenate([np.empty(0), *self._read])
        self._read.clear()
        if isinstance(self._guesses[0], _Dates) and np.isfinite(values).any():
            return Column(self.name, DATE, values)
        return number_column(self.name, values)

    def _tell_of(self, guess: "_Guess") -> None:
        """Say which word makes a column words, most of whose cells in a batch are numbers."""
        if isinstance(guess, _Numbers) and (self._known or guess.share > 0.5):
            self.warnings.append(
                f"column '{self.name}' holds numbers and the word {shown(guess.word)}: it was read as words"
            )


def word_column(name: str, batches: "Sequence[Array]", *, numeric: bool = True) -> WordColumn:
    """A column all of whose batches are there."""
    column = WordColumn(name, numeric=numeric)
    for batch in batches:
        column.add(batch)
    if column.lost:
        column.start_again()
        for batch in batches:
            column.add(batch)
    return column


class _Read(NamedTuple):
    """A batch as a guess reads it: NaN where a value is missing, and the signs that stood for one."""

    values: "NDArray[np.float64]"
    signs: frozenset[str]


class _Guess(ABC):
    """What a column's words may be. After a `read` that failed, `word` is one that is something else."""

    word: str | None = None

    @abstractmethod
    def read(self, array: "Array") -> _Read | None:
        """A batch, or None if one of its words is something else."""

    def _mended(
        self, array: "Array", values: "NDArray[np.float64]", number: "Callable[[str], float | None]"
    ) -> _Read | None:
        """The values, with the words read that the engine cannot."""
        unknown = np.isnan(values)
        if np.count_nonzero(unknown) == array.null_count:
            return _Read(values, frozenset())
        places = np.flatnonzero(unknown)
        codes, words = arrow.coded(arrow.taken(array, places))
        signs: set[str] = set()
        readings = []
        for word in words:
            value = np.nan if word is None or _is_missing(word) else number(word)
            if value is None and word is not None and word.strip() in GAP_SIGNS:
                signs.add(word.strip())
                value = np.nan
            if value is None:
                self.word = word
                return None
            readings.append(value)
        values[places] = np.array([*readings, np.nan])[codes]
        return _Read(values, frozenset(signs))


class _Numbers(_Guess):
    """Numbers. `code` is one that is written as codes are, with a 0 before it; of the first rows alone."""

    def __init__(self, *, decimal_comma: bool) -> None:
        self.code: str | None = None
        self.share = 0.0
        self._decimal_comma = decimal_comma
        self._to_look_at = _LOOKED_AT

    def read(self, array: "Array") -> _Read | None:
        values = arrow.numbers(array)
        self.share = np.count_nonzero(~np.isnan(values)) / max(1, len(values))
        self._look_for_codes(array)
        return self._mended(array, values, self._number)

    def _look_for_codes(self, array: "Array") -> None:
        words = arrow.first_words(array, self._to_look_at)
        self._to_look_at -= len(words)
        if self.code is None:
            self.code = next((w for w in words if w and w[0] == "0" and _CODE.fullmatch(w)), None)

    def _number(self, word: str) -> float | None:
        """A word that the engine does not parse, as a number; None for one that is none."""
        word = word.strip()
        if len(word) > _LONGEST_NUMBER:
            return None
        if _NUMBER.fullmatch(word):
            return float(word)
        if self._decimal_comma and _DECIMAL_COMMA.fullmatch(word):
            return float(word.replace(",", "."))
        return None


class _Dates(_Guess):
    """Dates and times as days since 1970-01-01 UTC."""

    def read(self, array: "Array") -> _Read | None:
        # Words that are no date are nearly always told by the first.
        for some in (array.slice(0, min(_TOLD_BY, len(array))), array):
            self.word = next((word for word in arrow.coded(some)[1] if word and not _may_be_date(word)), None)
            if self.word is not None:
                return None
        return self._mended(array, arrow.days(array), lambda _: None)


def _may_be_date(word: str) -> bool:
    """Whether a word is written as a date, or as a gap among dates."""
    return bool(_DATE.fullmatch(word)) or _is_missing(word) or word.strip() in GAP_SIGNS


def _is_missing(word: str) -> bool:
    return word.strip() in MISSING_WORDS
