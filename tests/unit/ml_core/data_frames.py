"""As much of a data frame as matters here: columns that say and give what pandas' columns do.

pandas itself is no dependency of this project. Where it is installed the tests ask its own frames as well.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

pd: Any = import_module("pandas") if find_spec("pandas") else None
LIBRARIES = ["stand-in", *(["pandas"] if pd else [])]


class NAType:
    """The mark of a missing value: neither true nor false, and equal to nothing."""

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    def __eq__(self, other: object) -> "NAType":  # type: ignore[override]
        return self

    def __hash__(self) -> int:
        return 0

    def __float__(self) -> float:
        return float("nan")


class NaTType(datetime):
    """The mark of a missing time, which is a time by its class."""

    def isoformat(self, *_: Any) -> str:
        return "NaT"


class Timestamp(datetime):
    """A time to the nanosecond."""

    def isoformat(self, *_: Any) -> str:
        whole, plus, zone = super().isoformat(timespec="microseconds").partition("+")
        return f"{whole}789{plus}{zone}"


class Period(NamedTuple):
    """A month."""

    month: str


class Interval:
    """What `cut` puts numbers into; it can be compared and hashed."""

    def __init__(self, left: int, right: int) -> None:
        self.ends = (left, right)

    def __str__(self) -> str:
        return "({}, {}]".format(*self.ends)


NA, NAT = NAType(), NaTType(1, 1, 1)


class Dtype:
    """A column's type: its name, and numpy's letter for what it holds."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind

    def __str__(self) -> str:
        return self.name


class Column:
    """A column: `tolist` has its values one by one, `numpy.asarray` as `array` is."""

    def __init__(self, values: list[Any], dtype: Dtype, array: Any = None) -> None:
        self.dtype = dtype
        self._values = values
        self._array = _objects(values) if array is None else np.asarray(array)

    def tolist(self) -> list[Any]:
        return list(self._values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._array.astype(dtype or self._array.dtype)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


class DataFrame:
    """Columns by their names."""

    def __init__(self, columns: dict[Any, Any]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: Any) -> Any:
        return self._columns[name]

    def __len__(self) -> int:
        return len(self._columns[self.columns[0]])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.columns)


def _objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _filled(values: list[Any], missing: Any) -> list[Any]:
    return [missing if value is None else value for value in values]


def _of_numpy(values: list[Any]) -> Column:
    array = np.asarray(values)
    return Column(array.tolist(), Dtype(array.dtype.name, array.dtype.kind), array)


def _nullable(name: str, kind: str) -> Callable[[list[Any]], Column]:
    def column(values: list[Any]) -> Column:
        numbers = kind in "if"
        array = np.array(_filled(values, np.nan), dtype=float) if numbers else _objects(_filled(values, NA))
        whole = numbers and None not in values
        return Column(_filled(values, NA), Dtype(name, kind), np.array(values) if whole else array)

    return column


def _stamp(value: datetime | None, zone: tzinfo | None = None) -> datetime:
    if value is None:
        return NAT
    return Timestamp(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, zone
    )


def _times(values: list[Any]) -> Column:
    array = np.array(_filled(values, "NaT"), dtype="datetime64[ns]")
    return Column(list(map(_stamp, values)), Dtype("datetime64[ns]", "M"), array)


def _zoned(values: list[Any]) -> Column:
    return Column([_stamp(value, UTC) for value in values], Dtype("datetime64[ns, UTC]", "M"))


def _categorical(values: list[Any]) -> Column:
    numbers = all(isinstance(value, int) for value in values)
    filled = _filled(values, float("nan"))
    return Column(filled, Dtype("category", "O"), np.array(values) if numbers else _objects(filled))


def _object(missing: Any) -> Callable[[list[Any]], Column]:
    return lambda values: Column(_filled(values, missing), Dtype("object", "O"))


NUMBERS = [3, 1, None, 7, 5, 2, None, 9]
FRACTIONS = [0.5, 1.25, None, 7.0, -3.5, 2.0, 0.0, None]
TRUTHS = [True, False, None, True, True, False, None, False]
WORDS = ["b", "a", None, "c", "a", "a", "b", None]
DAYS = [
    date(2024, 5, 31), date(1969, 12, 31), None, date(2024, 6, 1),
    date(2000, 2, 29), date(2023, 1, 1), None, date(2024, 5, 30),
]  # fmt: skip
TIMES = [
    None if day is None else datetime(day.year, day.month, day.day, place, 30, 0, 123_456)  # noqa: DTZ001 - as numpy has times
    for place, day in enumerate(DAYS)
]


class Kind(NamedTuple):
    """A kind of column: its values as JSON has them, and how a library makes the column of `source`."""

    json: list[Any]
    source: list[Any]
    stand_in: Callable[[list[Any]], Any]
    real: Callable[[list[Any]], Any]


def _typed(dtype: str) -> Callable[[list[Any]], Any]:
    return lambda values: pd.Series(values, dtype=dtype)


def _iso(values: list[Any]) -> list[Any]:
    return [None if value is None else value.isoformat() for value in values]


_WHOLE = [number or 0 for number in NUMBERS]
_DECIMALS = [None if number is None else Decimal(str(number)) for number in FRACTIONS]
KINDS: dict[str, Kind] = {
    "int64": Kind(_WHOLE, _WHOLE, _of_numpy, _typed("int64")),
    "float64 with NaN": Kind(
        FRACTIONS, FRACTIONS, lambda values: _of_numpy(_filled(values, np.nan)), _typed("float64")
    ),
    "Int64": Kind(NUMBERS, NUMBERS, _nullable("Int64", "i"), _typed("Int64")),
    "Int64 without gaps": Kind(_WHOLE, _WHOLE, _nullable("Int64", "i"), _typed("Int64")),
    "Float64": Kind(FRACTIONS, FRACTIONS, _nullable("Float64", "f"), _typed("Float64")),
    "boolean": Kind(TRUTHS, TRUTHS, _nullable("boolean", "b"), _typed("boolean")),
    "bool": Kind(
        [bool(each) for each in TRUTHS], [bool(each) for each in TRUTHS], _of_numpy, _typed("bool")
    ),
    "objects that are truth values": Kind(TRUTHS, TRUTHS, _object(None), _typed("object")),
    "string": Kind(WORDS, WORDS, _nullable("string", "O"), _typed("string")),
    "objects that are words": Kind(WORDS, WORDS, _object(float("nan")), _typed("object")),
    "category": Kind(WORDS, WORDS, _categorical, _typed("category")),
    "category of numbers": Kind([str(number) for number in _WHOLE], _WHOLE, _categorical, _typed("category")),
    "category of truth values": Kind(TRUTHS, TRUTHS, _categorical, _typed("category")),
    "Decimal": Kind(FRACTIONS, _DECIMALS, _object(None), _typed("object")),
    "Decimal with NaN": Kind(
        FRACTIONS, [Decimal("NaN") if each is None else each for each in _DECIMALS], _object(None),
        _typed("object"),
    ),
    "numpy's scalars": Kind(
        FRACTIONS, [None if each is None else np.float32(each) for each in FRACTIONS], _object(None),
        _typed("object"),
    ),
    "datetime64": Kind(_iso(TIMES), TIMES, _times, _typed("datetime64[ns]")),
    "datetime64 with a zone": Kind(
        [None if each is None else f"{each}+00:00" for each in _iso(TIMES)], TIMES, _zoned,
        lambda values: pd.Series(values, dtype="datetime64[ns]").dt.tz_localize("UTC"),
    ),
    "dates": Kind(_iso(DAYS), DAYS, _object(None), _typed("object")),
    "times": Kind(_iso(TIMES), TIMES, _object(NAT), lambda values: pd.Series(values, dtype="object")),
    "numpy's days": Kind(
        _iso(DAYS), DAYS, lambda values: np.array(_filled(values, "NaT"), dtype="datetime64[D]"),
        lambda values: pd.Series(np.array(_filled(values, "NaT"), dtype="datetime64[D]")),
    ),
    "numpy's nanoseconds": Kind(
        _iso(TIMES), TIMES, lambda values: np.array(_filled(values, "NaT"), dtype="datetime64[ns]"),
        lambda values: pd.Series(np.array(_filled(values, "NaT"), dtype="datetime64[ns]")),
    ),
    "objects that are numpy's nanoseconds": Kind(
        _iso(TIMES), [None if each is None else np.datetime64(each, "ns") for each in TIMES], _object(None),
        _typed("object"),
    ),
}  # fmt: skip
REFUSED: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "timedelta64": (
        lambda: Column([timedelta(1)] * 8, Dtype("timedelta64[ns]", "m"), np.ones(8, "timedelta64[D]")),
        lambda: pd.Series([timedelta(1)] * 8),
        "durations are not taken; convert to seconds: .dt.total_seconds()",
    ),
    "objects that are durations": (
        lambda: Column([None, timedelta(1)] * 4, Dtype("object", "O")),
        lambda: pd.Series([None, timedelta(1)] * 4, dtype="object"),
        "durations are not taken; convert to seconds: .dt.total_seconds()",
    ),
    "periods": (
        lambda: Column([Period("2024-05")] * 8, Dtype("period[M]", "O")),
        lambda: pd.Series([pd.Period("2024-05")] * 8),
        "periods are not taken; convert to dates: .dt.to_timestamp()",
    ),
    "days past the calendar": (
        lambda: np.array(["12000-01-01"] * 8, dtype="datetime64[s]"),
        lambda: pd.Series(np.array(["12000-01-01"] * 8, dtype="datetime64[s]")),
        "dates are taken from the year 1 to the year 9999",
    ),
}


def column_of(library: str, kind: Kind) -> Any:
    """A column of a kind, of pandas or of its stand-in."""
    return (kind.real if library == "pandas" else kind.stand_in)(kind.source)


def frame_of(library: str, columns: dict[Any, Any]) -> Any:
    """A data frame of columns."""
    return pd.DataFrame(columns) if library == "pandas" else DataFrame(columns)
