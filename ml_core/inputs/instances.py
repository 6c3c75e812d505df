"""Rows of features as callers send them: checked, and packed as float64.

`json.loads` takes "NaN" and 10**400, and numpy takes "1" and True for numbers: nothing here does. Plain
Python whose loops run in C (`map(type, …)`, `struct.pack`); only when something is wrong is it looked at
value by value, to say where.
"""

from __future__ import annotations

import struct
from itertools import chain
from math import isfinite, isnan, prod

from ml_core.arithmetic.bounds import PLAIN_NUMBERS
from ml_core.errors import Fault, InvalidInput, TooLarge, member, shown
from ml_core.inputs.rows import Limits, Rows
from ml_core.safetensors import all_finite, pack

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

# What a refusal advises about a column that is none of the features; columns are IGNORED in place of it.
LEAVE_OUT, IGNORED = "leave it out", ""
_NUMBERS = frozenset((int, float))


def rows_from_json(
    instances: object,
    *,
    features: Sequence[str],
    limits: Limits,
    where: str = "$.instances",
    expecting: str = "the model",
    unknown: str = LEAVE_OUT,
) -> Rows:
    """Rows as lists in the order of `features`, or as objects `{"feature": value}`.

    `expecting` names who expects the features in messages; `unknown` is what they advise about a member that
    is no feature, or IGNORED. Raises `TooLarge` past a limit, and `InvalidInput` with a fault for each thing
    wrong.
    """
    listed, rows = in_order(instances, features, limits, where, expecting, unknown=unknown)
    numbers: list[Any] = rows[0] if len(rows) == 1 else list(chain.from_iterable(rows))
    if _NUMBERS.issuperset(map(type, numbers)):
        try:
            packed = pack(numbers)
        except struct.error:  # an integer past the largest float64
            packed = None
        if packed is not None and all_finite(packed):
            return Rows(packed, len(features), where)
    raise InvalidInput(_wrong_numbers(rows, listed, features, where))


def listed_instances(value: object, limits: Limits, where: str, called: str = "instances") -> list[object]:
    """A list of instances that is not empty. Raises `InvalidInput`, and `TooLarge` past the limit."""
    if not isinstance(value, list):
        raise InvalidInput.at(where, f"expected a list of {called}, got {shown(value)}")
    if not value:
        raise InvalidInput.at(where, f"expected at least one {called[:-1]}, got an empty list")
    if len(value) > limits.max_rows:
        raise TooLarge(f"{where} has {len(value)} {called}; at most {limits.max_rows} are taken")
    return value


def in_order(
    instances: object,
    features: Sequence[str],
    limits: Limits,
    where: str,
    expecting: str,
    *,
    unknown: str = LEAVE_OUT,
) -> tuple[list[object], list[list[object]]]:
    """The rows as they were sent, and each as a list of values in the order of the features.

    See `rows_from_json`. Raises `TooLarge` and `InvalidInput`.
    """
    listed = listed_instances(instances, limits, where, "rows")
    width = len(features)
    lists: list[Any] = listed
    if len(lists) == 1:  # most requests have one row: what is quick for many is slow for it
        if type(lists[0]) is list and len(lists[0]) == width:
            return listed, lists
    elif {*map(type, lists)} == {list} and {*map(len, lists)} == {width}:
        return listed, lists
    names = set(features)
    rows: list[list[object]] = []
    for row in listed:
        if isinstance(row, list) and len(row) == width:
            rows.append(row)
        elif isinstance(row, dict) and (row.keys() == names or (unknown is IGNORED and row.keys() > names)):
            rows.append([row[name] for name in features])
        else:
            raise InvalidInput(_wrong_rows(listed, features, where, expecting, unknown))
    return listed, rows


def _wrong_rows(
    listed: list[object], features: Sequence[str], where: str, expecting: str, unknown: str
) -> Iterator[Fault]:
    names = frozenset(features)
    width = f"{len(features)} feature{'s' if len(features) != 1 else ''}"
    for index, row in enumerate(listed):
        path = f"{where}[{index}]"
        if isinstance(row, list):
            if len(row) != len(features):
                yield Fault(path, f"{expecting} expects {width}, row {index} has {len(row)}")
        elif isinstance(row, dict):
            missing = (name for name in features if name not in row)
            others = (name for name in row if unknown is not IGNORED and name not in names)
            yield from (Fault(path, f"feature {shown(name)} is missing") for name in missing)
            yield from (Fault(member(path, name), no_feature(expecting, name, unknown)) for name in others)
        else:
            yield Fault(path, f"expected a list of {width} or an object, got {shown(row)}")


def no_feature(expecting: str, name: str, advice: str, called: str = "feature") -> str:
    """What is wrong with a column that nobody expects, and what to do about it."""
    return f"{expecting} has no {called} {shown(name)}; {advice}"


def _wrong_numbers(
    rows: list[list[object]], listed: list[object], features: Sequence[str], where: str
) -> Iterator[Fault]:
    for index, (row, sent) in enumerate(zip(rows, listed, strict=True)):
        for column, value in enumerate(row):
            message = wrong_number(value)
            if message:
                path = f"{where}[{index}]"
                yield Fault(
                    member(path, features[column]) if isinstance(sent, dict) else f"{path}[{column}]", message
                )


def wrong_number(value: object) -> str | None:
    """What is wrong with a value that is to be a finite number; None if nothing is."""
    if type(value) is not int and type(value) is not float:
        return f"expected a number, got {shown(value)}"
    try:
        finite = isfinite(value)
    except OverflowError:
        finite = False
    return None if finite else f"expected a finite number of double precision, got {shown(value)}"


_MOST_AXES_SHOWN = 8
# The Open Inference Protocol's numeric types, as `struct` calls them.
TENSOR_CODES = {
    "FP64": "d",
    "FP32": "f",
    "FP16": "e",
    "INT64": "q",
    "INT32": "i",
    "INT16": "h",
    "INT8": "b",
    "UINT64": "Q",
    "UINT32": "I",
    "UINT16": "H",
    "UINT8": "B",
}
TENSOR_DATATYPES = tuple(TENSOR_CODES)


def rows_from_tensor(
    name: str,
    datatype: str,
    shape: Sequence[int],
    data: list[object] | bytes | memoryview,
    *,
    features: Sequence[str],
    limits: Limits,
    where: str = "$.inputs[0]",
    expecting: str = "the model",
    gaps: bool = False,
) -> Rows:
    """Rows of an Open Inference Protocol tensor `[rows, features]`.

    Bytes are raw little-endian numbers of the datatype; a list is flat or nested, and its numbers are rounded
    to the datatype, so that JSON and binary requests get equal answers. With `gaps`, NaN (which raw numbers
    alone can be) is a missing value. Raises `TooLarge` and `InvalidInput`.
    """
    code = TENSOR_CODES.get(datatype)
    if code is None:
        expected = ", ".join(TENSOR_CODES)
        raise InvalidInput.at(f"{where}.datatype", f"expected one of {expected}, got {shown(datatype)}")
    _check_shape(name, shape, len(features), limits, where=where, expecting=expecting)
    count = prod(shape)
    if isinstance(data, list):
        data = _encoded(_flat(data), code, count, f"{where}.data")
    size = struct.calcsize(f"<{code}")
    if len(data) != count * size:
        raise InvalidInput.at(
            where, f"shape {list(shape)} of {datatype} needs {count * size} bytes, got {len(data)}"
        )
    packed = data if code == "d" else _as_float64(data, code, count)
    if not all_finite(packed):
        numbers = enumerate(struct.unpack(f"<{count}d", packed))
        wrong = (index for index, number in numbers if not (isfinite(number) or (gaps and isnan(number))))
        first = next(wrong, None)
        if first is not None:
            raise InvalidInput.at(where, f"row {first // len(features)} holds a number that is not finite")
    return Rows(packed, len(features), where)


def _as_float64(data: bytes | memoryview, code: str, count: int) -> bytes:
    """Raw numbers as float64; so many that the model computes with numpy, by numpy."""
    if count > PLAIN_NUMBERS:
        from ml_core.inputs.raw_numbers import as_float64

        return as_float64(data, code)
    return pack(struct.unpack(f"<{count}{code}", data))


def _check_shape(
    name: str, shape: Sequence[int], n_features: int, limits: Limits, *, where: str, expecting: str
) -> None:
    path = f"{where}.shape"
    if len(shape) != 2 or any(type(length) is not int or length < 0 for length in shape):
        raise InvalidInput.at(path, f"expected [rows, {n_features}], got {shape_shown(shape)}")
    if shape[0] == 0:
        raise InvalidInput.at(path, "expected at least one row, got none")
    if shape[0] > limits.max_rows:
        raise TooLarge(f"{path} has {shown(shape[0])} rows; at most {limits.max_rows} are taken")
    if shape[1] != n_features:
        raise InvalidInput.at(
            path, f"{expecting} expects {n_features} features, {shown(name)} has {shown(shape[1])}"
        )


def shape_shown(shape: Sequence[object]) -> str:
    """A tensor's shape as a message shows it."""
    return shown([*shape]) if len(shape) > _MOST_AXES_SHOWN else f"[{', '.join(map(shown, shape))}]"


def _flat(data: list[object]) -> list[object]:
    """A list of lists as one list; a flat one as it is."""
    if data and all(isinstance(row, list) for row in data):
        return [number for row in data if isinstance(row, list) for number in row]
    return data


def _encoded(numbers: list[object], code: str, count: int, where: str) -> bytes:
    """JSON numbers as the raw bytes that a binary request holds. Raises `InvalidInput`."""
    if len(numbers) != count:
        raise InvalidInput.at(where, f"expected {count} numbers, got {len(numbers)}")
    takes: frozenset[type] = frozenset({int, float} if code in "dfe" else {int})
    if set(map(type, numbers)) <= takes:
        try:
            return struct.pack(f"<{count}{code}", *numbers)
        except (struct.error, OverflowError):  # past the range of the datatype: found below, one by one
            pass
    faults = (
        Fault(f"{where}[{index}]", f"not a number of the tensor's datatype: {shown(number)}")
        for index, number in enumerate(numbers)
        if not fits(number, code, takes)
    )
    raise InvalidInput(faults)


def fits(number: object, code: str, takes: frozenset[type]) -> bool:
    """Whether a number can be held in `code` as `struct` has it."""
    try:
        return type(number) in takes and bool(struct.pack(f"<{code}", number))
    except (struct.error, OverflowError):
        return False
