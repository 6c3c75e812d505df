"""The Open Inference Protocol's tensors as instances of an imported model."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ml_core.errors import InvalidInput, TooLarge, shown
from ml_core.graphs.call import TEXT, WIDTHS, GraphTensor
from ml_core.graphs.elements import is_shape_of, wrong_elements
from ml_core.graphs.reading import CODES, HALF, values_of
from ml_core.inputs.instances import shape_shown
from ml_core.inputs.tensors import text_elements

if TYPE_CHECKING:
    from ml_core.graphs.elements import Entry
    from ml_core.graphs.signature import GraphInput
    from ml_core.inputs.rows import Limits
    from ml_core.inputs.tensors import InputTensor

_NUMERIC = (*CODES, HALF)


def entries_of_tensor(tensor: InputTensor, port: GraphInput, limits: Limits, where: str) -> list[Entry]:
    """The entry of each instance in a tensor. Raises `InvalidInput`, `TooLarge`."""
    shape = tuple(tensor.shape)
    if not shape or not is_shape_of(shape[1:], port):
        expected = ", ".join(["instances", *(str(length or "any") for length in port.shape)])
        raise InvalidInput.at(f"{where}.shape", f"expected [{expected}], got {shape_shown(list(shape))}")
    if not shape[0]:
        raise InvalidInput.at(f"{where}.shape", "expected at least one instance, got none")
    if shape[0] > limits.max_rows or prod(shape) > limits.max_picture_numbers:
        raise TooLarge(f"{where}.shape has {shape[0]} instances of {prod(shape[1:])} values; send fewer")
    texts = TEXT in (port.datatype, tensor.datatype)
    if tensor.datatype != port.datatype and (texts or tensor.datatype not in (*_NUMERIC, "BOOL")):
        expected = f"expected {port.datatype}, got {shown(tensor.datatype)}"
        raise InvalidInput.at(f"{where}.datatype", expected)
    values = _values(tensor, shape, where)
    if len(values) != prod(shape):
        raise InvalidInput.at(where, f"its shape tells of {prod(shape)} values, its data holds {len(values)}")
    wrong = next(wrong_elements(values, port.datatype), None)
    if wrong is not None:
        raise InvalidInput.at(f"{where}.data[{wrong[0]}]", wrong[1])
    width = prod(shape[1:])
    return [(shape[1:], values[begin : begin + width]) for begin in range(0, len(values), width)]


def _values(tensor: InputTensor, shape: tuple[int, ...], where: str) -> list[Any]:
    if isinstance(tensor.data, list):
        return _flat(tensor.data)
    if tensor.datatype == TEXT:
        return [*text_elements(tensor.data, where)]
    expected = WIDTHS[tensor.datatype] * prod(shape)
    if len(tensor.data) != expected:
        raise InvalidInput.at(
            where,
            f"shape {list(shape)} of {tensor.datatype} needs {expected} bytes, got {len(tensor.data)}",
        )
    return values_of(GraphTensor(tensor.datatype, shape, tensor.data))


def _flat(data: list[Any]) -> list[Any]:
    while data and all(isinstance(each, list) for each in data):
        data = [inside for each in data for inside in each]
    return data
