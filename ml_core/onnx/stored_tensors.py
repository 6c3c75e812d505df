"""Tensors that a file holds: their numbers lie in it, and are as many as their shape says.

A tensor may name a file instead, which a runtime would read where the model runs: that is refused wherever a
tensor can stand.
"""

from __future__ import annotations

import struct
from math import prod

from ml_core.errors import InvalidInput, shown
from ml_core.onnx.messages import SPARSE_TENSOR, TENSOR, read, text_of
from ml_core.onnx.wire_format import NumberRun
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from ml_core.onnx.messages import Value
    from ml_core.onnx.wire_format import WireReader

MOST_AXES = 32
MOST_NAME_BYTES = 1024
# Packed numbers are one piece, others one for 65,536 of them.
MOST_PIECES = 4096
MOST_WORDS = 10_000
# What a sparse tensor may have once a runtime has written its zeros out.
MOST_DENSE = 1 << 25
INT64, STRING = 7, 8
# How many bits an element takes by onnx.proto's numbers of the datatypes; words are in a field of their own.
_BITS = dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8) | dict.fromkeys((1, 6, 12), 32)
_BITS |= dict.fromkeys((4, 5, 10, 16), 16) | dict.fromkeys((7, 11, 13, 14), 64) | {15: 128}
_BITS |= dict.fromkeys((21, 22, 23), 4) | dict.fromkeys((25, 26), 2)
# Where the elements of a datatype are, if not in `raw_data`, and how many numbers there make an element.
_COMPLEX = {14: "float_data", 15: "double_data"}
_FIELDS = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
_DATA = frozenset({*_FIELDS.values(), "int32_data", "string_data", "raw_data"})


class StoredTensor(Record):
    """What is known of a tensor: `data` are its numbers with the fields that they are in, `words` its words.

    Of more than `MOST_WORDS` words the first ones are kept.
    """

    name: str
    datatype: int
    shape: tuple[int, ...]
    data: tuple[tuple[str, memoryview | NumberRun], ...]
    words: tuple[memoryview, ...]

    @property
    def elements(self) -> int:
        """How many elements its shape says."""
        return prod(self.shape)

    def integers(self) -> tuple[int, ...]:
        """The elements of a tensor of int64."""
        found: list[int] = []
        for _, value in self.data:
            if isinstance(value, NumberRun):
                found += value.integers()
            else:
                found += struct.unpack(f"<{len(value) // 8}q", value)
        return tuple(found)


def tensor_of(reader: WireReader, view: memoryview, path: str) -> StoredTensor:
    """A tensor whose elements are all there. Raises `InvalidInput`, its path below `path`."""
    name, datatype, shape, data = "", 0, list[int](), list[tuple[str, memoryview | NumberRun]]()
    words, kept = 0, list[memoryview]()
    for field, value in read(reader, view, TENSOR, path):
        if field in ("external_data", "segment") or (field == "data_location" and value != 0):
            raise InvalidInput.at(
                f"{path}.{field}",
                "expected a tensor whose numbers lie in the file, got one that names another place: "
                "export the model into one file, without external data",
            )
        if field == "string_data":
            words += 1
            if words <= MOST_WORDS:
                kept.append(value)
        elif field in _DATA:
            data.append((field, value))
            if len(data) > MOST_PIECES:
                raise InvalidInput.at(
                    path, f"expected its elements in at most {MOST_PIECES:,} pieces, got more"
                )
        elif field == "dims":
            _add_axes(shape, value, path)
        elif field == "data_type":
            datatype = value
        elif field == "name":
            name = text_of(value, f"{path}.name", MOST_NAME_BYTES)
    tensor = StoredTensor(name, datatype, tuple(shape), tuple(data), tuple(kept))
    _check(tensor, words, path)
    return tensor


def sparse_tensor_of(reader: WireReader, view: memoryview, path: str) -> StoredTensor:
    """The elements of a sparse tensor that are there, by its name. Raises `InvalidInput`."""
    parts: dict[str, StoredTensor] = {}
    shape: list[int] = []
    for field, value in read(reader, view, SPARSE_TENSOR, path):
        if field == "dims":
            _add_axes(shape, value, path)
        else:
            parts[field] = tensor_of(reader, value, f"{path}.{field}")
    if parts.keys() != {"values", "indices"}:
        raise InvalidInput.at(
            path, f"expected values and indices, got {', '.join(sorted(parts)) or 'neither'}"
        )
    if prod(shape) > MOST_DENSE:
        raise InvalidInput.at(
            path, f"expected at most {MOST_DENSE} elements with the zeros, got {shown(prod(shape))}"
        )
    return parts["values"]


def _add_axes(shape: list[int], value: Value, path: str) -> None:
    if len(shape) + value.total() > MOST_AXES:
        raise InvalidInput.at(f"{path}.dims", f"expected at most {MOST_AXES} axes, got more")
    for length in value.integers():
        if length < 0:
            raise InvalidInput.at(f"{path}.dims[{len(shape)}]", f"expected 0 or more, got {length}")
        shape.append(length)


def _check(tensor: StoredTensor, words: int, path: str) -> None:
    """Raise `InvalidInput` unless a tensor has as many elements as its shape says, in the right field."""
    datatype, elements = tensor.datatype, tensor.elements
    if datatype == STRING:
        found, fields, expected, what = words, {field for field, _ in tensor.data}, elements, "words"
        allowed = set[str]()
    elif datatype in _BITS:
        fields = {field for field, _ in tensor.data} | ({"string_data"} if words else set())
        allowed = {"raw_data", _FIELDS.get(datatype) or _COMPLEX.get(datatype, "int32_data")}
        raw = "raw_data" in fields
        bits = _BITS[datatype]
        expected = -(-elements * bits // 8) if raw or bits < 8 else elements * (1 + (datatype in _COMPLEX))
        what = "bytes" if raw else "numbers"
        found = sum(
            len(value) if isinstance(value, memoryview) else value.total() for _, value in tensor.data
        )
    else:
        raise InvalidInput.at(f"{path}.data_type", f"expected a datatype of ONNX, got the number {datatype}")
    if len(fields) > 1 or fields - allowed:
        raise InvalidInput.at(
            path,
            f"expected its elements in one field, {' or '.join(sorted(allowed)) or 'string_data'}, "
            f"got {', '.join(sorted(fields))}",
        )
    if found != expected:
        raise InvalidInput.at(
            path, f"expected {shown(expected)} {what} for the shape {_shape(tensor.shape)}, got {found}"
        )


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(shown, shape))}]" if len(shape) <= 8 else f"of {len(shape)} axes"
