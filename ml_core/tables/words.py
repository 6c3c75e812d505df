"""What the words of a column mean, batch by batch: numbers if all of them are, else dates, else categories.

A column that fails as numbers in a later batch is read again as words: the file is read twice, and only then.
"""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import Array

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
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
# Stricter than what the engine parses: a bare year or a time of day is not a date.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_TRUTH = {"true": 1.0, "false": 0.0}


class Vocabulary:
    """Words and their codes, as batches of them arrive."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._batches: list[NDArray[np.int32]] = []
        self.overflowed = False

    def add(self, codes: "NDArray[np.int32]", words: "Sequence[str | None]") -> None:
        """A batch: indices into its own words, -1 for missing. Words that mean missing become so."""
        if not self.overflowed:
            known = [-1 if word is None or _is_missing(word) else self._code(word) for word in words]
            codes = np.array([*known, -1], np.int32)[codes]  # the index -1 finds the last, which is -1
            self.overflowed = len(self._codes) > MOST_WORDS
        if self.overflowed:
            self._codes.clear()
        self._batches.append(codes)

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
    """A column whose cells are words, told apart as batches of them arrive."""

    def __init__(self, name: str, *, decimal_comma: bool = False, numeric: bool = True) -> None:
        self.name = name
        self._stages: list[Any] = [*([self._as_numbers] if numeric else []), self._as_days]
        self._decimal_comma = decimal_comma
        self._floats: list[NDArray[np.float64]] = []
        self._vocabulary = Vocabulary()
        # Batches that were read as numbers or dates before a word came that is none: to be read again.
        self.lost = 0

    def add(self, array: "Array") -> None:
        """The next batch."""
        while self._stages:
            floats = self._stages[0](array)
            if floats is not None:
                self._floats.append(floats)
                return
            # What was nothing but missing so far is no number either.
            if any(np.isfinite(batch).any() for batch in self._floats):
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
        values = np.concatenate([np.empty(0), *self._floats])
        self._floats.clear()
        if self.maybe_dates and np.isfinite(values).any():
            return Column(self.name, DATE, values)
        return number_column(self.name, values)

    def _as_numbers(self, array: "Array") -> "NDArray[np.float64] | None":
        floats = arrow.numbers(array)
        return self._mended(array, floats, self._number)

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
        return self._mended(array, floats, lambda word: np.nan if _is_missing(word) else None)

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
                return None
            readings.append(value)
        floats[places] = np.array([*readings, np.nan])[codes]
        return floats

    def _number(self, word: str) -> float | None:
        """A word that the engine does not parse, as a number; None for one that is none."""
        if _is_missing(word):
            return float("nan")
        word = word.strip()
        if _NUMBER.fullmatch(word):
            return float(word)
        if self._decimal_comma and _DECIMAL_COMMA.fullmatch(word):
            return float(word.replace(",", "."))
        return None


def _is_missing(word: str) -> bool:
    return word.strip() in MISSING_WORDS
