"""How the values of a column are read: decided when a model is trained, part of it, the same ever after.

A file of text has cells; JSON, Parquet and arrays have values of their own types. The rule of a column says
what both mean. Readers of tables decide on it (`ml_core/tables/`), and every prediction applies it
(`inputs/columns.py`).
"""

from __future__ import annotations

from functools import cache

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

# The orders of day, month and year beside that of ISO 8601, and dates whose month is a name.
DAY_FIRST, MONTH_FIRST, YEAR_FIRST, NAMED_MONTH = "dmy", "mdy", "ymd", "named"
ISO_8601 = ""
DATE_ORDERS = (ISO_8601, DAY_FIRST, MONTH_FIRST, YEAR_FIRST, NAMED_MONTH)
# The integers up to which float64 skips none.
EXACT = 2**53
# The words of a column that is said to be truth values, in lower case.
TRUE_SAID, FALSE_SAID = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
# What the words of a category may spell: nothing in particular, numbers, truth values.
WORD_KINDS = ("", "number", "boolean")
DECIMALS, THOUSANDS = (".", ","), ("", ",", ".", " ", "'")


class ValueRule(Record):
    """The rule of one column. What none is known of, artifacts of earlier releases, has the default one.

    Args:
        text: its cells are text, where numbers may be written.
        trim: the space around a word is no part of it; in text it never is.
        missing: words that stand for a missing value, beside null.
        decimal: the sign before the fraction of a number that is written.
        thousands: what stands between groups of its digits; empty for nothing.
        unit: a currency, or "%", that may stand beside it and is no part of it.
        date: the order of a written date, of `DATE_ORDERS`; empty for ISO 8601.
        true: the words for true, in lower case; without any, only JSON's own are taken.
        false: the words for false.
        spelled: numbers and truth values are words of this category too, as they are written.
        optional: rows may lack the column; it is missing then.
        required: null is refused.
        closed: a word that is none of the category's is refused.
        dropped: so many of the category's words, the last ones, are encoded as all zeros.
        filled: the word that a missing value counts as, or none.
        word_kind: "number" or "boolean" where the words are numbers or truth values as they are spelled: of
            those two kinds only that one is taken. Empty for words that are just words.
    """

    text: bool = False
    trim: bool = False
    missing: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    date: str = ""
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    spelled: bool = False
    optional: bool = False
    required: bool = False
    closed: bool = False
    dropped: int = 0
    filled: tuple[str, ...] = ()
    word_kind: str = ""

    def described(self) -> dict[str, object]:
        """What differs from the default as JSON values, but for `missing`, which many columns share."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
            if name != "missing" and value != TYPED._asdict()[name]
        }


TYPED = ValueRule()
"""The rule of values that have types of their own."""


def restored_rule(described: object, missing: tuple[str, ...]) -> ValueRule:
    """The rule of `ValueRule.described`. Raises `TypeError` and `ValueError` for what is none."""
    if not isinstance(described, dict):
        raise TypeError("a rule is an object")
    if not described:
        return TYPED._replace(missing=missing) if missing else TYPED
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in described.items()
    }
    try:
        rule = ValueRule(**{**values, "missing": missing})
    except TypeError as error:
        raise ValueError("a rule has a member that is not known") from error
    kinds = {name: type(value) for name, value in TYPED._asdict().items()}
    sound = all(type(value) is kinds[name] for name, value in rule._asdict().items())
    words = (*rule.true, *rule.false, *rule.filled) if sound else (None,)
    if (
        not all(isinstance(word, str) for word in words)
        or rule.decimal not in DECIMALS
        or rule.thousands not in THOUSANDS
        or rule.date not in DATE_ORDERS
        or rule.word_kind not in WORD_KINDS
        or len(rule.filled) > 1
        or rule.dropped < 0
    ):
        raise ValueError("a rule says what no reader does")
    return rule


@cache
def missing_numbers(missing: tuple[str, ...]) -> frozenset[float]:
    """Those of the words that are numbers: they stand for a missing value also where they are no words."""
    numbers = set()
    for word in missing:
        try:
            numbers.add(float(word))
        except ValueError:
            continue
    return frozenset(number for number in numbers if number == number)  # noqa: PLR0124 - NaN is missing anyway


def is_inexact(number: int) -> bool:
    """Whether float64 does not hold a whole number as it is."""
    try:
        return abs(number) > EXACT and int(float(number)) != number
    except OverflowError:
        return True


def spelled(value: float | bool) -> str:
    """A number or truth value as the word that it is among words: whole numbers without a fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value)
