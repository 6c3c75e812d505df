"""Numbers, dates and truth values as programs and people write them, read by the rule of their column.

Readers of tables and predictions both come here: a cell means the same to them. Where the engine that reads
tables parses plain numbers and ISO dates by itself, it gives the same (tests/unit/test_value_rules.py).

Cells are as long as a caller makes them. What repeats without a bound gives nothing back (`++`), so that no
pattern takes more steps than a cell has characters.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

from ml_core.inputs.rules import DAY_FIRST, MONTH_FIRST, NAMED_MONTH, YEAR_FIRST, ValueRule

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

# No number that float64 tells apart from others takes as many characters.
LONGEST_NUMBER = 1_100
LONGEST_DATE = 64
PERCENT = "%"
# Beside the signs of currencies that Unicode knows: codes and abbreviations that are words.
_CURRENCIES = frozenset(
    (
        *(
            "USD",
            "EUR",
            "GBP",
            "CHF",
            "JPY",
            "CNY",
            "INR",
            "AUD",
            "CAD",
            "NZD",
            "SEK",
            "NOK",
            "DKK",
            "PLN",
            "CZK",
        ),
        *("HUF", "RON", "BRL", "MXN", "ZAR", "KRW", "SGD", "HKD", "TRY", "ILS", "RM"),
        *("R$", "US$", "A$", "C$", "kr", "zł", "Kč", "Fr.", "Fr", "Rs", "Rs."),
    )
)
# Signs between thousands that are alike: the spaces, and the straight and the typographic apostrophe.
_SPACES, _APOSTROPHES = " \u00a0\u202f\u2009", "'\u2019"
_MINUS = "\u2212"
_UNIT = rf"(?:[^\w\s.,{_APOSTROPHES}+\-()]|[A-Za-z\u0142\u010d]{{1,3}}[.$]?+)"
# A sign, and a unit before or after, in any order that people write: -$5, $-5, 5-, (5), 5 %.
_WRITTEN = re.compile(
    rf"(?P<open>\()?\s*+(?P<sign>[+-])?\s*+(?P<before>{_UNIT})?\s*+(?P<inner>[+-])?\s*+"
    rf"(?P<core>[\d.,{_APOSTROPHES}][\d.,{_APOSTROPHES}{_SPACES}]*+(?:[eE][+-]?\d++)?)\s*+"
    rf"(?P<after>{_UNIT})?\s*+(?P<end>-)?(?P<close>\))?",
    re.ASCII,
)
_PLAIN = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_MICROSECONDS_A_DAY = 86_400e6
# Clocks show it where a second is put in; it is as long after the midnight before as the next second.
_LEAP_SECOND = 60
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?(?:\s?(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
)
_ISO = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?:[T ]{_TIME})?", re.ASCII)
_ORDERS = {
    DAY_FIRST: r"(?P<day>\d{1,2})(?P<sep>[./-])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})",
    MONTH_FIRST: r"(?P<month>\d{1,2})(?P<sep>[./-])(?P<day>\d{1,2})(?P=sep)(?P<year>\d{4})",
    YEAR_FIRST: r"(?P<year>\d{4})(?P<sep>[./-])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})",
    NAMED_MONTH: r"(?:(?P<day>\d{1,2})[ .-]{1,2}(?P<name>[A-Za-z]{3,9})\.?[ ,.-]{1,2}|"
    r"(?P<name_>[A-Za-z]{3,9})\.? (?P<day_>\d{1,2}),? )(?P<year>\d{4})",
}
_DATES = {order: re.compile(rf"{date}(?:[T ,]{{1,2}}{_TIME})?", re.ASCII) for order, date in _ORDERS.items()}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)


def read_number(word: str, rule: ValueRule) -> float | None:
    """The number that a word writes; infinity where it says so, None where it is none.

    A word that stands for a missing value is none: the caller looks for those first.
    """
    text = word.strip()
    if rule.decimal == "." and _PLAIN.fullmatch(text):
        return float(text)
    if len(text) > LONGEST_NUMBER:
        return None
    if _INFINITE.fullmatch(text):
        return float(text)
    if fits(text, rule.decimal, rule.thousands):
        return _number_of(text, rule.decimal, rule.thousands)
    written = number_parts(text)
    if written is None or written.unit not in ("", rule.unit):
        return None
    return written.value(rule.decimal, rule.thousands)


class WrittenNumber:
    """A number taken apart: its digits with their separators, its sign and its unit."""

    __slots__ = ("core", "negative", "unit")

    def __init__(self, core: str, unit: str, *, negative: bool) -> None:
        self.core = core
        self.unit = unit
        self.negative = negative

    def value(self, decimal: str, thousands: str) -> float | None:
        """The number, if it is written with these separators."""
        if not fits(self.core, decimal, thousands):
            return None
        number = _number_of(self.core, decimal, thousands)
        return -number if self.negative else number


def _number_of(digits: str, decimal: str, thousands: str) -> float:
    for sign in ALIKE.get(thousands, thousands):
        digits = digits.replace(sign, "")
    return float(digits.replace(decimal, "."))


ALIKE = {" ": _SPACES, "'": _APOSTROPHES}


def number_parts(text: str) -> WrittenNumber | None:
    """A word without space around it as a number of any separators; None where it is none."""
    found = _WRITTEN.fullmatch(text.replace(_MINUS, "-") if _MINUS in text else text)
    if found is None:
        return None
    parts = found.groupdict()
    signs = [parts[name] for name in ("sign", "inner", "end") if parts[name]]
    if len(signs) > 1 or (parts["open"] is None) != (parts["close"] is None) or (signs and parts["open"]):
        return None
    if parts["before"] and parts["after"]:
        return None
    unit = parts["before"] or parts["after"] or ""
    if unit and not _is_unit(unit):
        return None
    core = parts["core"].rstrip()
    return WrittenNumber(core, unit, negative=bool(parts["open"]) or signs == ["-"])


def _is_unit(unit: str) -> bool:
    if unit == PERCENT or unit in _CURRENCIES:
        return True
    from unicodedata import category

    return len(unit) == 1 and category(unit) == "Sc"


def fits(core: str, decimal: str, thousands: str) -> bool:
    """Whether digits and separators are a number of that decimal sign and those thousands."""
    return _core_of(decimal, thousands).fullmatch(core) is not None


@cache
def _core_of(decimal: str, thousands: str) -> re.Pattern[str]:
    return re.compile(core_pattern(decimal, thousands), re.ASCII)


def core_pattern(decimal: str, thousands: str) -> str:
    """The pattern of digits with a decimal sign and perhaps thousands: alternatives, in no group."""
    point = re.escape(decimal)
    plain = rf"(?:\d++(?:{point}\d*+)?|{point}\d++)(?:[eE][+-]?\d++)?"
    if not thousands:
        return plain
    sign = f"[{ALIKE[thousands]}]" if thousands in ALIKE else re.escape(thousands)
    # With commas also as in India: 12,34,567.
    few = "2,3" if thousands == "," else "3"
    # Nobody groups the digits after a leading zero: 0,465 has a fraction.
    grouped = rf"[1-9]\d{{0,2}}(?:{sign}\d{{{few}}})++(?<={sign}\d{{3}})(?:{point}\d*+)?"
    return f"{grouped}|{plain}"


def read_date(word: str, rule: ValueRule) -> float | None:
    """The days since 1970-01-01 UTC of a word that writes a date; None where it is none.

    A time without a zone is UTC. Of a second's fraction six digits count.
    """
    text = word.strip()
    if len(text) > LONGEST_DATE:
        return None
    found = (_DATES[rule.date] if rule.date else _ISO).fullmatch(text)
    if found is None:
        return None
    instant = _instant(found.groupdict())
    return None if instant is None else days_since_1970(instant)


@cache
def missing_dates(rule: ValueRule) -> dict[float, str]:
    """Those of the words for a missing value that are dates, by their days: such a date is missing too."""
    days = {word: read_date(word, rule) for word in rule.missing}
    return {day: word for word, day in reversed(days.items()) if day is not None}


def _instant(parts: dict[str, Any]) -> datetime | None:
    name = parts.get("name") or parts.get("name_")
    month = month_of(name) if name else int(parts["month"])
    day = int(parts.get("day") or parts.get("day_") or 0)
    hour, minute, second = (int(parts[part] or 0) for part in ("hour", "minute", "second"))
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"] in "pP" else 0)
    micros = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    leap = second == _LEAP_SECOND
    try:
        instant = datetime(
            int(parts["year"]), month, day, hour, minute, second - leap, micros, _zone(parts["zone"])
        )
        return instant + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


def month_of(name: str) -> int:
    """A month's number by its English name or the first three letters of it; 0 where there is none."""
    name = name.lower()
    return next((n for n, month in enumerate(_MONTHS, 1) if name in (month, month[:3], month[:4])), 0)


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def days_since_1970(instant: datetime) -> float:
    """Days since 1970-01-01 UTC, as the table reader has them: whole microseconds, divided once."""
    since = instant.replace(tzinfo=instant.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 * 10**6 + since.seconds * 10**6 + since.microseconds) / _MICROSECONDS_A_DAY
