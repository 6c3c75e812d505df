"""What the words of a column mean, batch by batch: numbers if all of them are, else dates, else categories.

A column that fails as numbers in a later batch is read again as words: the file is read twice, and only then.
"""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import Array

from ml_core.faults import shown
from ml_core.tables import arrow
from ml_core.tables.columns import BOOLEAN, CATEGORY, DATE, MOST_WORDS, TEXT, Column, number_column

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
# Stricter than what the engine parses: a bare year or a time of day is not a date.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_CODE = re.compile(r"0\d+", re.ASCII)
_LOOKED_AT = 1_000
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
        if not self.overflowed:
            if self._padded:
                words = [word and word.lstrip(" ") for word in words]
            known = [-1 if word is None or _is_missing(word) else self._code(word) for word in words]
            codes = np.array([*known, -1], np.int32)[codes]  # the index -1 finds the last, which is -1
            self.overflowed = len(self._codes) > MOST_WORDS
        if self.overflowed:
            self._codes.clear()
        add_batch(self._batches, codes)

    def _code(self, word: str) -> int:
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
        self._stages: list[Any] = [*([self._as_numbers] if numeric else []), self._as_days]
        self._decimal_comma = decimal_comma
        self._floats: list[NDArray[np.float64]] = []
        self._signs: set[str] = set()
        self._code: str | None = None
        self._vocabulary = Vocabulary(padded=padded)
        # Batches that were read as numbers or dates before a word came that is none: to be read again.
        self.lost = 0

    def add(self, array: "Array") -> None:
        """The next batch."""
        while self._stages:
            floats = self._stages[0](array)
            if floats is not None:
                add_batch(self._floats, floats)
                return
            # What was nothing but missing so far is no number either.
            if self._signs or any(np.isfinite(batch).any() for batch in self._floats):
                self.lost, self._stages = len(self._floats), []
                return
            self._stages.pop(0)
        if self.lost:
            return
        for batch in self._floats:
            self._vocabulary.add(np.full(len(batch), -1, np.int32), ())
        self._floats.clear()
        self._vocabulary.add(*arrow.coded(array))

    @property
    def maybe_dates(self) -> bool:
        """Whether all the words so far say dates."""
        return bool(self._stages) and self._stages[0] == self._as_days

    def start_again(self) -> None:
        """Take the column for words from the first batch on."""
        self.lost, self._stages, self._floats = 0, [], []

    def column(self) -> Column:
        """What the column turned out to be; its batches are given up for it."""
        if not self._stages:
            return self._vocabulary.column(self.name)
        if self._signs:
            told = ", ".join(map(repr, sorted(self._signs)))
            self.warnings.append(f"column '{self.name}': {told} among its values is taken for a missing one")
        if self._code is not None:
            advice = "if they are codes, write a letter before them, and they are words"
            self.warnings.append(f"column '{self.name}' holds numbers such as {self._code!r}: {advice}")
        values = np.concatenate([np.empty(0), *self._floats])
        self._floats.clear()
        if self.maybe_dates and np.isfinite(values).any():
            return Column(self.name, DATE, values)
        return number_column(self.name, values)

    def _as_numbers(self, array: "Array") -> "NDArray[np.float64] | None":
        floats = arrow.numbers(array)
        self._look_for_codes(array)
        return self._mended(array, floats, self._number)

    def _look_for_codes(self, array: "Array") -> None:
        """Find numbers that begin with a 0, as codes do: only the first rows are looked at."""
        if self._floats:
            return
        words = array.slice(0, min(_LOOKED_AT, len(array))).to_pylist()
        self._code = next((word for word in words if word and word[0] == "0" and _CODE.fullmatch(word)), None)

    def _as_days(self, array: "Array") -> "NDArray[np.float64] | None":
        floats = arrow.days(array)
        first = next(
            (
                word
                for word in array.slice(0, min(100, len(array))).to_pylist()
                if word and not _is_missing(word)
            ),
            None,
        )
        if first is not None and not _DATE.fullmatch(first):
            return None
        return self._mended(array, floats, self._gap)

    def _mended(
        self,
        array: "Array",
        floats: "NDArray[np.float64]",
        reading: Any,  # noqa: ANN401 - a function of words
    ) -> "NDArray[np.float64] | None":
        """The floats, with the words read that the engine cannot; None if one means something else."""
        unknown = np.isnan(floats)
        if np.count_nonzero(unknown) == array.null_count:
            return floats
        places = np.flatnonzero(unknown).astype(np.int64)
        codes, words = arrow.coded(array.take(Array.from_numpy(places)))
        readings = []
        for word in words:
            value = np.nan if word is None else reading(word)
            if value is None:
                if reading == self._number:
                    self._tell_of(word, np.count_nonzero(~unknown) / len(floats))
                return None
            readings.append(value)
        floats[places] = np.array([*readings, np.nan])[codes]
        return floats

    def _tell_of(self, word: str | None, numbers: float) -> None:
        """Say which word makes a column words of whose cells so large a share are numbers."""
        if numbers > 0.5 or (self._floats and np.isfinite(self._floats[0]).any()):
            self.warnings.append(
                f"column '{self.name}' holds numbers and the word {shown(word)}: it was read as words"
            )

    def _gap(self, word: str) -> float | None:
        """NaN for a word that means a missing value among numbers or dates."""
        if _is_missing(word):
            return float("nan")
        if word.strip() in GAP_SIGNS:
            self._signs.add(word.strip())
            return float("nan")
        return None

    def _number(self, word: str) -> float | None:
        """A word that the engine does not parse, as a number; None for one that is none."""
        gap = self._gap(word)
        if gap is not None:
            return gap
        word = word.strip()
        if _NUMBER.fullmatch(word):
            return float(word)
        if self._decimal_comma and _DECIMAL_COMMA.fullmatch(word):
            return float(word.replace(",", "."))
        return None


def _is_missing(word: str) -> bool:
    return word.strip() in MISSING_WORDS
