"""Tensors of graphs as Python's own values, and back: without numpy, which few rows do not need."""

from __future__ import annotations

import sys
from math import prod

from ml_core.errors import ArtifactInvalid
from ml_core.graphs.call import TEXT, WIDTHS, GraphTensor
from ml_core.inputs.instances import TENSOR_CODES

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence
    from typing import Any

HALF = "FP16"
# The datatypes as `array` calls them, which is as `struct` does; FP16 it does not have.
CODES = {name: code for name, code in TENSOR_CODES.items() if name != HALF}


def values_of(tensor: GraphTensor) -> list[Any]:
    """All values in row-major order: numbers, truth values or texts."""
    data = tensor.data
    if isinstance(data, list):
        return data
    if tensor.datatype == "BOOL":
        return [value != 0 for value in data]
    if tensor.datatype == HALF:
        import struct

        return [*struct.unpack(f"<{len(data) // WIDTHS[HALF]}e", data)]
    from array import array

    numbers = array(CODES[tensor.datatype])
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def tensor_of(datatype: str, shape: tuple[int, ...], values: Sequence[Any] | array[Any]) -> GraphTensor:
    """The tensor of values in row-major order.

    Raises `OverflowError`, `TypeError` or `struct.error` for a value that the datatype does not hold. A
    number past the largest float32 becomes infinite.
    """
    if datatype == TEXT:
        return GraphTensor(TEXT, shape, [*values])
    if datatype == "BOOL":
        return GraphTensor(datatype, shape, bytes(map(bool, values)))
    if datatype == HALF:
        import struct

        return GraphTensor(datatype, shape, struct.pack(f"<{len(values)}e", *values))
    from array import array

    numbers = array(CODES[datatype], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return GraphTensor(datatype, shape, numbers.tobytes())


def rows_of_tensor(tensor: GraphTensor) -> list[list[Any]]:
    """The values of each entry along the first axis, flat."""
    values, width = values_of(tensor), prod(tensor.shape[1:])
    return [values[begin : begin + width] for begin in range(0, width * tensor.shape[0], width or 1)]


def nested(values: Sequence[Any], shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - as deep as the shape
    """Values in row-major order as lists in lists; of no axes the one value. Raises `ArtifactInvalid`."""
    if len(values) != prod(shape):
        raise ArtifactInvalid(f"expected {prod(shape)} values, got {len(values)}")
    if not shape:
        return values[0]
    listed: list[Any] = [*values]
    for length in reversed(shape[1:]):
        listed = [listed[begin : begin + length] for begin in range(0, len(listed), length or 1)]
    return listed
