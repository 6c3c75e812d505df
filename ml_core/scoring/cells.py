"""Values of Arrow's as cells of CSV, to the last digit that they have.

Python's dates end at the year 9999 and its times at microseconds. What is past either is written from the
number that it is.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import DataType

from ml_core.errors import InvalidInput, shown
from ml_core.model.output_columns import cell_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from arro3.core import Array

_INTEGER = DataType.int64()
_OF_TIME = (DataType.is_date, DataType.is_timestamp, DataType.is_time, DataType.is_duration)
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS_A_DAY = 86_400
# Where the fraction of a second ends in `2020-01-01T00:00:00.000000` and in `00:00:00.000000`.
_END_OF_INSTANT, _END_OF_TIME = 26, 15


def cells(array: "Array", name: str) -> list[Any]:
    """The values of the column of that name as cells. Raises `InvalidInput` for a type that has none."""
    if any(are(array.type) for are in _OF_TIME):
        return _of_time(array)
    try:
        values: list[Any] = list(array.to_pylist())
    except (MemoryError, OSError):
        raise
    except Exception:  # noqa: BLE001 - the engine raises nothing more special
        raise InvalidInput.at(
            "$.keep", f"column {shown(name)} cannot be written as CSV: write Parquet, or leave it out"
        ) from None
    return list(map(_cell, values))


def _cell(value: Any) -> Any:  # noqa: ANN401 - whatever Arrow has
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return _text(value) if isinstance(value, bytes) else cell_of(value)


def _text(value: Any) -> str:  # noqa: ANN401
    """A value that JSON has no form for."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _of_time(array: "Array") -> list[str | None]:
    """Dates, instants, times of day or durations."""
    numbers: list[int | None] = list(array.cast(_INTEGER).to_pylist())
    try:
        values: list[Any] = list(array.to_pylist())
    except (MemoryError, OSError):
        raise
    except Exception:  # noqa: BLE001 - a time zone that nobody knows, or a date that Python has not
        values = [None] * len(numbers)
    finer = _unit(array.type) == "ns"
    return [
        None
        if number is None
        else _exact(array.type, number, value)
        if value is None or (finer and number % 1_000)
        else _text(value)
        for number, value in zip(numbers, values, strict=True)
    ]


def _is(of: "Callable[[DataType], bool]", kind: DataType) -> bool:
    """Whether it is of these: the type of `is_date` and others has a checker take it for no other."""
    return of(kind)


def _unit(kind: DataType) -> str:
    """What its numbers count: days, or parts of a second."""
    if _is(DataType.is_date, kind):
        return "D" if kind.bit_width == 32 else "ms"
    return kind.time_unit or ""


def _exact(kind: DataType, number: int, value: Any) -> str:  # noqa: ANN401
    """What Python's own type has no digits for, or no room."""
    unit = _unit(kind)
    if _is(DataType.is_duration, kind):
        return _duration(number, unit)
    if value is not None:
        end = _END_OF_INSTANT if _is(DataType.is_timestamp, kind) else _END_OF_TIME
        text = value.isoformat(timespec="microseconds")
        return f"{text[:end]}{number % 1_000:03d}{text[end:]}"
    zone = "+00:00" if _is(DataType.is_timestamp, kind) and kind.tz else ""
    return f"{np.array(number).astype(f'datetime64[{unit}]')}{zone}"


def _duration(number: int, unit: str) -> str:
    """As Python writes one, whose days are negative where it is."""
    a_second = _A_SECOND[unit]
    days, rest = divmod(number, _SECONDS_A_DAY * a_second)
    seconds, fraction = divmod(rest, a_second)
    text = f"{seconds // 3_600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if fraction:
        text += f".{fraction * 10**9 // a_second:09d}"
    return f"{days} day{'' if abs(days) == 1 else 's'}, {text}" if days else text
