"""The values that a notebook holds (Python's, numpy's, pandas') as JSON would have them."""

import numbers
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AS_THEY_ARE = frozenset((int, str, bool, type(None)))
# What pandas marks as missing, by its class: pandas itself is not needed here.
_MISSING = frozenset(("NAType", "NaTType"))
_DURATIONS = "durations are not taken; convert to seconds: .dt.total_seconds()"
_PERIODS = "periods are not taken; convert to dates: .dt.to_timestamp()"


class NotTaken(ValueError):
    """A value of a kind that can be said in another way; the message says in which."""


def kind_of_dtype(values: Any) -> str:  # noqa: ANN401
    """The letter that numpy has for the type of a column or an array; empty for what has none."""
    return getattr(getattr(values, "dtype", None), "kind", "")


def each_of(values: Any) -> Iterable[Any]:  # noqa: ANN401
    """A sequence's values, as Python's own types where it can say them."""
    for method in ("tolist", "to_list"):
        if hasattr(values, method):
            listed: list[Any] = getattr(values, method)()
            return listed
    return values  # type: ignore[no-any-return]  # whatever can be iterated


def json_values(values: Any) -> list[Any]:  # noqa: ANN401
    """A column, or an array of one axis, as JSON's values; see `json_value`. Raises `NotTaken`."""
    kind = kind_of_dtype(values)
    if kind == "m":
        raise NotTaken(_DURATIONS)
    if kind == "M":
        import numpy as np

        array = np.asarray(values)
        if array.dtype.kind == "M":  # else they have a zone, and are objects that know it
            return _instants(array)
    return list(map(json_value, each_of(values)))


def _instants(array: "NDArray[np.datetime64]") -> list[str | None]:
    """Times without a zone: numpy itself makes bare counts of those in nanoseconds."""
    try:
        instants = array.astype("datetime64[us]").tolist()
    except OverflowError:
        instants = [0]
    if any(type(instant) is int for instant in instants):
        raise NotTaken("dates are taken from the year 1 to the year 9999")
    return [None if instant is None else instant.isoformat() for instant in instants]


def json_value(value: Any) -> Any:  # noqa: ANN401
    """A value as JSON has it: None where it is missing, a date as ISO 8601 has it, else a number or text.

    What has no form there is left as it is, for its reader to refuse. Raises `NotTaken`.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is float:
        return value if value == value else None  # noqa: PLR0124 - NaN is not
    if kind.__name__ in _MISSING:
        return None
    if kind_of_dtype(value) and getattr(value, "ndim", None) == 0:
        return _of_numpy(value)
    return _converted(value)


def _of_numpy(value: Any) -> Any:  # noqa: ANN401
    """A scalar of numpy's."""
    if value.dtype.kind in "mM":
        return json_values(value.reshape(1))[0]
    pythons = float(value) if value.dtype.kind == "f" else value.item()  # `item` of a longdouble is itself
    return value if kind_of_dtype(pythons) else json_value(pythons)


def _converted(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        raise NotTaken(_DURATIONS)
    if isinstance(value, Decimal):
        return None if value.is_nan() else float(value)
    if isinstance(value, numbers.Real):  # a fraction, or another library's number
        return float(value)
    if type(value).__name__ == "Period":
        raise NotTaken(_PERIODS)
    # what pandas' `cut` makes of numbers is a category, which is called as it is written
    return str(value) if type(value).__name__ == "Interval" else value


def is_missing(value: Any) -> bool:  # noqa: ANN401
    """Whether a value stands for a missing one: None, NaN, NaT, NA."""
    try:
        return json_value(value) is None
    except NotTaken:
        return False


def is_date(value: object) -> bool:
    """Whether a value is a date or a time on one, and not the mark of a missing one."""
    if kind_of_dtype(value) == "M":
        return json_value(value) is not None
    return isinstance(value, date) and type(value).__name__ not in _MISSING
