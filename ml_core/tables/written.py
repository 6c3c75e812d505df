"""Many written numbers and dates at once: what `inputs/texts.py` reads word by word, by the engine's parsers.

A pattern over all words together tells that each is of the plainest kind of its notation, and makes it one
that the engine parses. What is not so plain is left to be read word by word, with the same result.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from arro3.core import Array

from ml_core.inputs.rules import DAY_FIRST, ISO_8601, MONTH_FIRST, NAMED_MONTH, YEAR_FIRST, ValueRule
from ml_core.inputs.texts import ALIKE, LONGEST_NUMBER, core_pattern, month_of
from ml_core.tables import arrow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What the engine parses of a time as `read_date` does.
ISO_TIME = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
_DAY, _MONTH, _YEAR = r"(?P<day>\d{1,2})", r"(?P<month>\d{1,2})", r"(?P<year>(?!0000)\d{4})"
_ORDERS = {
    ISO_8601: r"(?P<year>(?!0000)\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
    DAY_FIRST: rf"{_DAY}(?P<sep>[./-]){_MONTH}(?P=sep){_YEAR}",
    MONTH_FIRST: rf"{_MONTH}(?P<sep>[./-]){_DAY}(?P=sep){_YEAR}",
    YEAR_FIRST: rf"{_YEAR}(?P<sep>[./-]){_MONTH}(?P=sep){_DAY}",
    NAMED_MONTH: rf"{_DAY}[ .-](?P<month>[A-Za-z]{{3,9}})[ .-]{_YEAR}",
}
_TIME = (
    r"[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?P<second>:\d{2}(?:\.\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])[Mm])?(?P<zone>\s?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?"
)
_DATES = {
    order: re.compile(rf"^{date}(?:{_TIME})?$", re.ASCII | re.MULTILINE) for order, date in _ORDERS.items()
}

# Lines that the engine parses as they stand.
_ISO_LINES = re.compile(rf"(?:(?!0000)\d{{4}}-\d{{2}}-\d{{2}}(?:{ISO_TIME})?\n)*+", re.ASCII)


def numbers_at_once(words: Sequence[str], rule: ValueRule) -> "NDArray[np.float64] | None":
    """The numbers that words write; None where one is not of the plainest kind, or none at all."""
    if max(map(len, words), default=0) > LONGEST_NUMBER:
        return None
    text = "\n".join((*words, ""))
    if not _lines_of(rule.decimal, rule.thousands, rule.unit).fullmatch(text):
        return None
    for sign in (rule.unit, *ALIKE.get(rule.thousands, rule.thousands), " "):
        text = text.replace(sign, "") if sign else text
    return _each(text.replace(rule.decimal, "."), len(words), arrow.numbers)


@cache
def _lines_of(decimal: str, thousands: str, unit: str) -> re.Pattern[str]:
    """Lines that each hold a number of the notation, perhaps with its unit."""
    core = f"(?:{core_pattern(decimal, thousands)})"
    beside = re.escape(unit)
    before, after = rf"[+-]?(?:{beside} ?)?{core}|{beside} ?[+-]{core}", rf"[+-]?{core} ?{beside}"
    line = f"{before}|{after}" if unit else f"[+-]?{core}"
    return re.compile(f"(?:(?:{line})\n)*+", re.ASCII)


def dates_at_once(words: Sequence[str], order: str) -> "NDArray[np.float64] | None":
    """The days since 1970-01-01 UTC of dates in an order; NaN where only `read_date` can tell.

    None where one is not of the plainest kind.
    """
    pattern = _DATES.get(order)
    if pattern is None:
        return None
    text = "\n".join((*words, ""))
    if order == ISO_8601 and _ISO_LINES.fullmatch(text):
        return _each(text, len(words), arrow.days)
    text, found = pattern.subn(_in_iso, text)
    return _each(text, len(words), arrow.days) if found == len(words) else None


def _in_iso(found: re.Match[str]) -> str:
    day, month, year, hour = found.group("day", "month", "year", "hour")
    number = month if month.isdecimal() else str(month_of(month))
    date = f"{year}-{number.zfill(2)}-{day.zfill(2)}"
    if hour is None:
        return date
    minute, second, half, zone = found.group("minute", "second", "half", "zone")
    if half is not None:
        if not 1 <= int(hour) <= 12:
            return ""
        hour = str(int(hour) % 12 + (12 if half in "pP" else 0)).zfill(2)
    return f"{date} {hour}:{minute}{second or ':00'}{zone or ''}"


def _each(
    lines: str, count: int, parse: "Callable[[Array], NDArray[np.float64]]"
) -> "NDArray[np.float64] | None":
    """The values of lines; None where there are not so many, as words held ends of lines."""
    each = lines.split("\n")[:-1]
    return parse(Array(each, arrow.STRING)) if len(each) == count else None
