"""One cell as JSON has it, whatever kind of table it came from.

Training files and the bodies of predictions are both written from these values, so that a cell means the same
in both. A missing value is None, a date is a text of ISO 8601, a number a Python number.
"""

import numbers
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isinf
from typing import Any

_AS_THEY_ARE = frozenset((int, str, bool, type(None)))
_WITH_NUMBERS = _AS_THEY_ARE | {float}
# What libraries mark as missing, by class: none of them is needed here. numpy's mark has a number behind it.
_MISSING = frozenset(("NAType", "NaTType", "MaskedConstant"))
DURATIONS = "durations are not taken; convert to seconds, such as .dt.total_seconds()"
TIMES = "times of day are not taken; convert to numbers, such as seconds since midnight"
PERIODS = "periods are not taken; convert to dates, such as .dt.to_timestamp()"
BYTES = 'bytes are not taken; convert to text, such as .str.decode("utf-8")'
COMPLEX = "complex numbers are not taken; send .real and .imag as columns of their own"
_EXPECTED = "expected a number, a text, a truth value, a date or None"


class NotTakenError(ValueError):
    """A value that has no form in JSON; the message says what to do."""


def json_values(values: Sequence[Any]) -> list[Any]:
    """Cells as JSON has them; numbers may be infinite. Raises `NotTakenError`, whose `row` says where."""
    kinds = set(map(type, values))
    if kinds <= _AS_THEY_ARE:
        return list(values)
    if kinds <= _WITH_NUMBERS:
        return [None if value != value else value for value in values]  # noqa: PLR0124 - NaN is not itself
    return each_of(values, json_value)


def each_of(values: Iterable[Any], convert: Callable[[Any], Any]) -> list[Any]:
    """Each value converted. Raises `NotTakenError` with the `row` of the first that has no form."""
    converted: list[Any] = []
    try:
        for value in values:
            converted.append(convert(value))  # noqa: PERF401 - how many there are tells the row
    except NotTakenError as reason:
        reason.row = len(converted)  # type: ignore[attr-defined]
        raise
    return converted


def json_value(value: Any) -> Any:
    """A cell as JSON has it. Raises `NotTakenError`."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is float:
        return None if value != value else value  # noqa: PLR0124
    if kind.__name__ in _MISSING:
        return None
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _of_array(value)
    convert = next((convert for kinds, convert in _CONVERTERS if isinstance(value, kinds)), _other)
    return convert(value)


def iso_date(value: date) -> str:
    """A date, or a date and time in UTC without its nanoseconds: what the service counts days of."""
    if not isinstance(value, datetime):
        return date.isoformat(value)
    try:
        if value.tzinfo is not None:
            value = value.astimezone(UTC)
    except OverflowError:
        raise NotTakenError("dates are taken from the year 1 to the year 9999") from None
    # The class's own method: pandas' writes nanoseconds.
    return datetime.isoformat(value)


def _of_array(value: Any) -> Any:
    kind = getattr(value.dtype, "kind", "")
    if kind == "m":
        raise NotTakenError(DURATIONS)
    if kind == "M":
        return _instants(value)
    plain = value.tolist()
    if isinstance(plain, list):
        return json_values(plain)
    if hasattr(plain, "dtype"):  # a number of more than 64 bits stays what it is
        return json_value(complex(plain) if kind == "c" else float(plain))
    return json_value(plain)


def _instants(value: Any) -> Any:
    """Times without a zone: numpy itself makes bare counts of those in nanoseconds."""
    try:
        instants = value.astype("datetime64[us]").tolist()
    except OverflowError:
        instants = 0
    listed = instants if isinstance(instants, list) else [instants]
    if any(isinstance(instant, int) for instant in listed):
        raise NotTakenError("dates are taken from the year 1 to the year 9999")
    return json_values(instants) if isinstance(instants, list) else json_value(instants)


def _never(reason: str) -> Callable[[Any], Any]:
    def convert(_: Any) -> Any:
        raise NotTakenError(reason)

    return convert


def _other(value: Any) -> Any:
    name = type(value).__name__
    if name == "Period":
        raise NotTakenError(PERIODS)
    if name == "Interval":  # what pandas' `cut` makes of numbers is a category, called as it is written
        return str(value)
    if hasattr(value, "to_list"):  # a list in a cell, of polars or pandas
        return json_values(value.to_list())
    raise NotTakenError(f"{_EXPECTED}, got {name}")


def _of_decimal(value: Decimal) -> float | int | None:
    if value.is_nan():
        return None
    if value.is_infinite():
        return float(value)
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


# By the classes of a value, the first that fits.
_CONVERTERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str.__str__),  # also a member of an enumeration
    (date, iso_date),
    ((list, tuple), json_values),
    (timedelta, _never(DURATIONS)),
    (time, _never(TIMES)),
    ((bytes, bytearray, memoryview), _never(BYTES)),
    (Decimal, _of_decimal),
    (numbers.Integral, int),
    (numbers.Real, lambda value: json_value(float(value))),
    (numbers.Complex, _never(COMPLEX)),
)


def without_infinity(values: list[Any]) -> list[Any]:
    """The same with infinity as a word, since JSON has no such number.

    A model that was told that "inf" stands for a missing value takes it so; all others refuse it by its
    place.
    """
    return [_word(value) for value in values]


def _word(value: Any) -> Any:
    if type(value) is float and isinf(value):
        return str(value)
    return without_infinity(value) if isinstance(value, list) else value
