"""Guesses of what a column's words are, which read batch after batch until one of them is something else."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ml_core.errors import shown
from ml_core.inputs.rules import EXACT, ValueRule, is_inexact
from ml_core.inputs.texts import LONGEST_NUMBER, read_date, read_number
from ml_core.tables import arrow
from ml_core.tables.columns import DATE, NUMBER
from ml_core.tables.written import ISO_TIME, dates_at_once, numbers_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from arro3.core import Array
    from numpy.typing import NDArray

_CODE = re.compile(r"0\d++", re.ASCII)
_DOTTED = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})++", re.ASCII)
_LOOKED_AT = 1_000
_TOLD_BY = 100
# What the engine parses as we do; anything else that may be a date is read word by word.
_ISO = re.compile(rf"(?!0000)\d{{4}}-\d{{2}}-\d{{2}}(?:{ISO_TIME})?", re.ASCII)


class Guess(ABC):
    """What a column's words may be.

    After a `read` that failed, `word` is one that is something else. `rule` reads the same words one by one.
    """

    kind = NUMBER
    word: str | None = None

    def __init__(self, rule: ValueRule) -> None:
        self.rule = rule
        self.missing_words: Counter[str] = Counter()
        self._missing = frozenset(rule.missing)

    @abstractmethod
    def read(self, array: "Array") -> "NDArray[np.float64] | None":
        """A batch's values, NaN where one is missing; None if one of its words is something else."""

    def follow(self, other: "Guess") -> None:
        """Take in what the same guess found of the batches after these."""
        self.missing_words += other.missing_words

    def is_missing(self, word: str) -> bool:
        """Whether a word stands for a missing value."""
        return word in self._missing or word.strip() in self._missing

    def _mended(
        self, array: "Array", values: "NDArray[np.float64]", read: "Callable[[str], float | None]"
    ) -> "NDArray[np.float64] | None":
        """The values, with the words read that the engine cannot."""
        unknown = np.isnan(values)
        if np.count_nonzero(unknown) == array.null_count:
            return values
        places = np.flatnonzero(unknown)
        codes, words = arrow.coded(arrow.taken(array, places))
        read_words = self._values_of(codes, words, read)
        if read_words is not None:
            values[places] = read_words
            return values
        return None

    def _values_of(
        self,
        codes: "NDArray[np.int32]",
        words: list[str | None],
        read: "Callable[[str], float | None]",
    ) -> "NDArray[np.float64] | None":
        """Each row's value of words and their codes."""
        missing = self._missing
        gaps = {
            code
            for code, word in enumerate(words)
            if word is None or word in missing or word.strip() in missing
        }
        known = [code for code in range(len(words)) if code not in gaps] if gaps else range(len(words))
        texts = [words[code] or "" for code in known]
        values = self._at_once(texts)
        if values is None:
            values = np.full(len(texts), np.nan)
        for place in np.flatnonzero(np.isnan(values)).tolist():
            value = read(texts[place])
            if value is None:
                self.word = texts[place]
                return None
            values[place] = value
        readings = np.full(len(words) + 1, np.nan)  # the code -1 finds the last
        readings[known] = values
        if gaps:
            times = np.bincount(codes[codes >= 0], minlength=len(words))
            for code in gaps:
                self.missing_words[(words[code] or "").strip()] += int(times[code])
        return readings[codes]

    def _at_once(self, words: list[str]) -> "NDArray[np.float64] | None":
        """The values of words, NaN where one has to be read apart; None where all have to be."""
        del words
        return None


class PlainNumbers(Guess):
    """Numbers with a point before the fraction and nothing else, as the engine reads them.

    With `exact`, whole numbers that float64 would not tell apart are something else.
    """

    def __init__(self, rule: ValueRule, *, decimal_comma: bool, exact: bool) -> None:
        super().__init__(rule)
        self.mostly = False
        """Whether most of the batch that was not read were numbers."""
        self.too_large = False
        """Whether it was not read because float64 would not tell its whole numbers apart."""
        self._exact = exact
        # Where other columns may have decimal commas, 1.234 may be a thousand and more.
        self._may_be_grouped = decimal_comma
        self._grouped: str | None = None
        self._code: str | None = None
        self._to_look_at = _LOOKED_AT

    def read(self, array: "Array") -> "NDArray[np.float64] | None":
        """A batch's values."""
        values = arrow.numbers(array)
        self.mostly = bool(np.count_nonzero(~np.isnan(values)) > len(values) / 2)
        self._look_at_first(array)
        self.too_large = self._exact and self._skips(array, values)
        if self.too_large:
            return None
        return self._mended(array, values, lambda word: read_number(word, self.rule))

    def follow(self, other: Guess) -> None:
        """Take in what the same guess found of the batches after these."""
        super().follow(other)
        if isinstance(other, PlainNumbers) and self._to_look_at > 0:
            self._code = self._code or other._code  # noqa: SLF001 - of the same class
            self._grouped = self._grouped or other._grouped  # noqa: SLF001 - of the same class
            self._may_be_grouped = self._may_be_grouped and other._may_be_grouped  # noqa: SLF001 - of the same class
            self._to_look_at -= _LOOKED_AT - other._to_look_at  # noqa: SLF001

    def _look_at_first(self, array: "Array") -> None:
        words = arrow.first_words(array, max(0, self._to_look_at))
        self._to_look_at -= len(words)
        if self._code is None:
            self._code = next((w for w in words if w and w[0] == "0" and _CODE.fullmatch(w)), None)
        if self._may_be_grouped:
            pointed = [word.strip() for word in words if word and "." in word]
            self._may_be_grouped = all(map(_DOTTED.fullmatch, pointed))
            self._grouped = self._grouped or next(iter(pointed), None)

    def _skips(self, array: "Array", values: "NDArray[np.float64]") -> bool:
        """Whether one of the words is a whole number that float64 does not hold."""
        large = np.flatnonzero(np.abs(values) >= EXACT)
        if not len(large):
            return False
        for word in arrow.coded(arrow.taken(array, large))[1]:
            text = (word or "").strip().lstrip("+-")
            if text.isascii() and text.isdecimal() and (len(text) > LONGEST_NUMBER or is_inexact(int(text))):
                self.word = word
                return True
        return False

    def warnings(self) -> list[str]:
        """What is to be said of numbers that may be something else."""
        told = []
        if self._code is not None:
            told.append(
                f"holds numbers such as {shown(self._code)}: if they are codes, say "
                '"types" with "category" for it, and they are words'
            )
        if self._may_be_grouped and self._grouped is not None:
            told.append(
                f'holds numbers such as {shown(self._grouped)}, read with a fraction: "thousands": "." with '
                '"decimal": "," reads whole numbers'
            )
        return told


class WrittenValues(Guess):
    """Numbers or dates that are written by one rule."""

    def __init__(self, kind: str, rule: ValueRule) -> None:
        super().__init__(rule)
        self.kind = kind
        self._reads = read_date if kind == DATE else read_number

    def read(self, array: "Array") -> "NDArray[np.float64] | None":
        """A batch's values."""
        return self._values_of(*arrow.coded(array), lambda word: self._reads(word, self.rule))

    def _at_once(self, words: list[str]) -> "NDArray[np.float64] | None":
        if self.kind == DATE:
            return dates_at_once(words, self.rule.date)
        return numbers_at_once(words, self.rule)


class IsoDates(Guess):
    """Dates and times of ISO 8601, as databases write them too, as days since 1970-01-01 UTC."""

    kind = DATE

    def read(self, array: "Array") -> "NDArray[np.float64] | None":
        """A batch's values."""
        # Words that are no date are nearly always told by the first.
        for some in (array.slice(0, min(_TOLD_BY, len(array))), array):
            for word in arrow.coded(some)[1]:
                if word and not _ISO.fullmatch(word) and not self.is_missing(word):
                    self.word = word
                    return None
        return self._mended(array, arrow.days(array), lambda word: read_date(word, self.rule))

    def _at_once(self, words: list[str]) -> "NDArray[np.float64] | None":
        return dates_at_once(words, self.rule.date)
