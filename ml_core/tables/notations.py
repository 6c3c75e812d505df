"""In which notation the words of a column are numbers or dates: one that fits all of them, or none.

What is decided depends on the words alone, in whatever order and however often they come.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ml_core.errors import shown
from ml_core.inputs.rules import DATE_ORDERS, DAY_FIRST, DECIMALS, EXACT, MONTH_FIRST, THOUSANDS, ValueRule
from ml_core.inputs.texts import LONGEST_NUMBER, PERCENT, fits, number_parts, read_date

_NOTATIONS = tuple(
    (decimal, thousands) for thousands in THOUSANDS for decimal in DECIMALS if decimal != thousands
)
_PLAIN = (".", "")
_COMMA_GROUPS, _COMMA_DECIMALS = (".", ","), (",", "")


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
        self.other: str | None = None
        """A word that is no number in any notation that fits the rest."""

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
            written = number_parts(text) if len(text) <= LONGEST_NUMBER else None
            if written is None:
                if text.lstrip("+-").lower() not in ("inf", "infinity"):
                    self.other = word
                continue
            self._units.setdefault(written.unit, word)
            core = written.core
            if core.isdigit():
                continue
            self._possible = {notation for notation in self._possible if fits(core, *notation)}
            if not self._possible:
                self.other = word
            if self._grouped is None and "," in core:
                self._grouped = word

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
        unit = units[0] if units else ""
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
        for word in words:
            if self.other is not None:
                return
            self._first = min(self._first or word, word)
            self._possible = [
                order for order in self._possible if read_date(word, ValueRule(date=order)) is not None
            ]
            if not self._possible:
                self.other = word

    def order(self) -> str | Question | None:
        """The order of day, month and year, or what is open; None where the words are no dates."""
        if self.other is not None or self._first is None:
            return None
        if len(self._possible) == 1:
            return self._possible[0]
        return Question(
            self._first, "may have the day or the month first", 'say "dayfirst": true or "dayfirst": false'
        )


def holds_too_large(words: Iterable[str]) -> bool:
    """Whether all words are whole numbers, and float64 skips some of them."""
    found = False
    for word in words:
        text = word.strip()
        digits = text[1:] if text[:1] in "+-" else text
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > LONGEST_NUMBER:
            return False
        found = found or (len(digits.lstrip("0")) >= len(str(EXACT)) and int(float(text)) != int(text))
    return found
