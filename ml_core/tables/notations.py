"""In which notation the words of a column are numbers or dates: one that fits all of them, or none.

What is decided depends on the words alone, in whatever order and however often they come.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ml_core.errors import shown
from ml_core.inputs.rules import (
    DATE_ORDERS,
    DAY_FIRST,
    DECIMALS,
    ISO_8601,
    MONTH_FIRST,
    THOUSANDS,
    ValueRule,
    is_inexact,
)
from ml_core.inputs.texts import LONGEST_NUMBER, PERCENT, WrittenNumber, fits, number_parts, read_date
from ml_core.tables.written import dates_at_once

_NOTATIONS = tuple(
    (decimal, thousands) for thousands in THOUSANDS for decimal in DECIMALS if decimal != thousands
)
_PLAIN = (".", "")
# Whole numbers of fewer digits are all held by float64.
_LARGE = 16
_GROUP = 3
_ALL_DIGITS = str.maketrans("123456789", "000000000")
_ZERO, _MOST_SHAPES = re.compile(r"\D*+0\D", re.ASCII), 10_000
_RULES = {order: ValueRule(date=order) for order in DATE_ORDERS}
_COMMA_GROUPS, _COMMA_DECIMALS, _POINT_GROUPS = (".", ","), (",", ""), (",", ".")


class Question(NamedTuple):
    """What the words leave open: an example, what it may be, and the option that settles it."""

    word: str
    what: str
    option: str

    def __str__(self) -> str:
        return f"{shown(self.word)} {self.what}; {self.option}"


class NumberNotation(NamedTuple):
    """How a column's numbers are written; `doubt` where other words would have made it sure."""

    decimal: str
    thousands: str
    unit: str
    doubt: Question | None = None


class NumberWords:
    """Words that may be numbers, as they come.

    `decimal` and `thousands` are those that somebody said, None where nobody did; `delimiter` is what
    separates the cells of the file: a comma does that where it is no decimal sign.
    """

    def __init__(
        self, decimal: str | None = None, thousands: str | None = None, delimiter: str | None = None
    ) -> None:
        self._possible = {
            notation
            for notation in _NOTATIONS
            if decimal in (None, notation[0]) and thousands in (None, notation[1])
        }
        self._delimiter = delimiter
        self._units: dict[str, str] = {}
        self._grouped: str | None = None
        self._pointed: str | None = None
        self._all_whole = True
        self._whole: set[bool] = set()
        self._shapes: set[str | None] = set()
        self._too_large: str | None = None
        self.other: str | None = None
        """A word that is no number in any notation that fits the rest."""

    @property
    def too_large(self) -> str | None:
        """Of whole numbers alone, one that float64 does not hold."""
        return self._too_large if self._all_whole else None

    @property
    def may_be_grouped_money(self) -> bool:
        """Whether all are of a currency, of which 1.234 is more than a thousand, and none says otherwise."""
        return {_PLAIN, _POINT_GROUPS} <= self._possible and any(
            unit not in ("", PERCENT) for unit in self._units
        )

    @property
    def possible(self) -> bool:
        """Whether all words so far may be numbers."""
        return self.other is None

    def add(self, words: Iterable[str]) -> None:
        """More words, none of which stands for a missing value; nothing is looked at after `other`."""
        for word in words:
            if self.other is not None:
                return
            text = word.strip()
            # Which notations fit is told by the places of the signs, and by a zero before the first.
            shape = text.translate(_ALL_DIGITS) if len(text) < _LARGE and not _ZERO.match(text) else None
            if shape in self._shapes:
                continue
            written = number_parts(text) if len(text) <= LONGEST_NUMBER else None
            if written is None:
                if text.lstrip("+-").lower() not in ("inf", "infinity"):
                    self.other = word
                continue
            if shape is not None and len(self._shapes) < _MOST_SHAPES:
                self._shapes.add(shape)
            self._add_number(word, written)

    def follow(self, other: "NumberWords") -> None:
        """Take in what was found of the words after these."""
        self.other = self.other or other.other
        self._possible &= other._possible  # noqa: SLF001
        for unit, word in other._units.items():  # noqa: SLF001
            self._units.setdefault(unit, word)
        self._grouped, self._pointed = self._grouped or other._grouped, self._pointed or other._pointed  # noqa: SLF001
        self._all_whole = self._all_whole and other._all_whole  # noqa: SLF001
        self._whole |= other._whole  # noqa: SLF001
        self._too_large = self._too_large or other._too_large  # noqa: SLF001
        if not self._possible:
            self.other = self.other or other._grouped or other._pointed  # noqa: SLF001

    def _add_number(self, word: str, written: WrittenNumber) -> None:
        self._units.setdefault(written.unit, word)
        core = written.core
        if core.isdigit():
            self._whole.add(len(core) > _GROUP)
            self._all_whole = self._all_whole and not written.unit
            if len(core) >= _LARGE and self._too_large is None and is_inexact(int(core)):
                self._too_large = word
            return
        self._all_whole = False
        self._possible = {notation for notation in self._possible if fits(core, *notation)}
        if not self._possible:
            self.other = word
        if self._grouped is None and "," in core:
            self._grouped = word
        if self._pointed is None and "." in core:
            self._pointed = word

    def notation(self) -> NumberNotation | Question | None:
        """The notation, or what is open; None where the words are no numbers."""
        if self.other is not None or not self._units:
            return None
        units = [unit for unit in self._units if unit]
        if len(units) > 1:
            both = f"and {shown(self._units[units[1]])} are of different units"
            return Question(self._units[units[0]], both, "write numbers of one unit")
        if PERCENT in units and "" in self._units:
            both = f"is written with % and {shown(self._units[''])} without"
            return Question(self._units[PERCENT], both, "write all numbers alike")
        return self._of_unit(units[0] if units else "")

    def _of_unit(self, unit: str) -> NumberNotation | Question:
        # Beside 1.234, 5 says that nobody writes three digits of a fraction, and 1234 that nobody groups.
        if self.may_be_grouped_money and self._pointed is not None and self._whole == {False}:
            was, option = 'was read with "." between thousands', '"decimal": "." reads a fraction'
            return NumberNotation(*_POINT_GROUPS, unit, Question(self._pointed, was, option))
        if _PLAIN in self._possible:
            return NumberNotation(*_PLAIN, unit)
        if {_COMMA_GROUPS, _COMMA_DECIMALS} <= self._possible:
            return self._by_delimiter(unit)
        return NumberNotation(*min(self._possible, key=_NOTATIONS.index), unit)

    def _by_delimiter(self, unit: str) -> NumberNotation | Question:
        """Commas that may be both: before a fraction of three digits, or between thousands."""
        word = self._grouped or ""
        if self._delimiter == ",":
            doubt = Question(word, 'was read with "," between thousands', '"decimal": "," reads a fraction')
            return NumberNotation(*_COMMA_GROUPS, unit, doubt)
        if self._delimiter == ";":
            doubt = Question(
                word, 'was read with "," before a fraction', '"thousands": "," reads a whole number'
            )
            return NumberNotation(*_COMMA_DECIMALS, unit, doubt)
        return Question(
            word,
            "may be a whole number or have a fraction",
            'say "thousands": "," or "decimal": ","',
        )


class DateWords:
    """Words that may be dates, as they come. `dayfirst` settles 05/06/2024, None where nobody said it."""

    def __init__(self, dayfirst: bool | None = None) -> None:
        excluded = () if dayfirst is None else (MONTH_FIRST if dayfirst else DAY_FIRST,)
        self._possible = [order for order in DATE_ORDERS if order not in excluded]
        self._first: str | None = None
        self.other: str | None = None
        """A word that is no date in any order that fits the rest."""

    @property
    def possible(self) -> bool:
        """Whether all words so far may be dates."""
        return self.other is None

    def add(self, words: Iterable[str]) -> None:
        """More words, none of which stands for a missing value; nothing is looked at after `other`."""
        words = list(words)
        if self.other is not None or not words:
            return
        self._first = min((*filter(None, [self._first]), *words))
        fitting = [order for order in self._possible if _are_dates(words, order)]
        if not fitting:
            self.other = self._first_other(words)
        self._possible = fitting

    def follow(self, other: "DateWords") -> None:
        """Take in what was found of the words after these."""
        self.other = self.other or other.other
        self._first = min(filter(None, [self._first, other._first]), default=None)  # noqa: SLF001
        self._possible = [order for order in self._possible if order in other._possible]  # noqa: SLF001
        if not self._possible:
            self.other = self.other or other._first  # noqa: SLF001

    def _first_other(self, words: Iterable[str]) -> str | None:
        """The first word with which no order fits any more."""
        possible = self._possible
        for word in words:
            possible = [order for order in possible if read_date(word, _RULES[order]) is not None]
            if not possible:
                return word
        return None

    def order(self) -> str | Question | None:
        """The order of day, month and year, or what is open; None where the words are no dates."""
        if self.other is not None or self._first is None:
            return None
        if len(self._possible) == 1 or self._possible[0] == ISO_8601:
            return self._possible[0]
        return Question(
            self._first, "may have the day or the month first", 'say "dayfirst": true or "dayfirst": false'
        )


def _are_dates(words: Sequence[str], order: str) -> bool:
    """Whether all words are dates in an order."""
    rule = _RULES[order]
    if read_date(words[0], rule) is None:
        return False
    days = dates_at_once(words, order)
    unread = words if days is None else [words[place] for place in np.flatnonzero(np.isnan(days)).tolist()]
    return all(read_date(word, rule) is not None for word in unread)


def holds_too_large(words: Iterable[str]) -> bool:
    """Whether all words are whole numbers, and float64 skips some of them."""
    found = False
    for word in words:
        text = word.strip()
        digits = text[1:] if text[:1] in "+-" else text
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > LONGEST_NUMBER:
            return False
        found = found or is_inexact(int(text))
    return found
