"""Instances on their way into a graph: tensors of its inputs' datatypes, in pieces that a call holds."""

from __future__ import annotations

import sys
from itertools import groupby
from math import inf, isfinite

from ml_core.errors import InvalidInput
from ml_core.graphs.call import MOST_BYTES, TEXT, WIDTHS, GraphTensor
from ml_core.graphs.elements import WHOLE, wrong_number_of
from ml_core.graphs.instances import GraphInstances, GraphRows
from ml_core.graphs.reading import tensor_of
from ml_core.graphs.signature import MATRIX
from ml_core.inputs.rows import Rows
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ml_core.graphs.signature import GraphInput, GraphSignature

    type Fed = Rows | GraphRows | GraphInstances

_TEXT_BYTES = 4  # of the length of a text, beside it
_SAFE = 1e38  # below it float32 holds every number


class GraphPiece(Record):
    """What one call asks: the places of its instances, and the tensors of the graph's inputs."""

    places: range | list[int]
    inputs: dict[str, GraphTensor]


def pieces(signature: GraphSignature, instances: Fed) -> Iterator[GraphPiece]:
    """The instances in pieces, each of instances of one shape.

    Raises `InvalidInput` for a value that the graph's datatype does not hold, with its place.
    """
    if isinstance(instances, GraphInstances):
        yield from _tensor_pieces(signature, instances)
        return
    columns = instances.columns if isinstance(instances, GraphRows) else None
    step = _rows_at_once(signature, instances)
    for begin in range(0, len(instances), step):
        places = range(begin, min(begin + step, len(instances)))
        if columns is not None:
            taken = [column[places.start : places.stop] for column in columns]
            yield GraphPiece(places, _of_columns(signature, taken, places, instances.where))
        else:
            assert isinstance(instances, Rows)  # noqa: S101 - for the type checker
            yield GraphPiece(places, _of_packed(signature, instances, places))


def _rows_at_once(signature: GraphSignature, rows: Rows | GraphRows) -> int:
    """How many rows a call holds, and its answer."""
    taken = sum(
        WIDTHS.get(port.datatype, 0) * (port.shape[0] or 1 if port.shape else 1) for port in signature.inputs
    )
    if isinstance(rows, GraphRows):
        taken += max(
            sum(len(cell) * _TEXT_BYTES + _TEXT_BYTES for cell in row if isinstance(cell, str))
            for row in zip(*rows.columns, strict=True)
        )
    return max(1, MOST_BYTES // max(taken, _given(signature), 1))


def _given(signature: GraphSignature) -> int:
    """How many bytes an instance takes of the answer, as far as that is known."""
    return sum(WIDTHS.get(each.datatype, 64) * each.width for each in signature.outputs)


def _of_packed(signature: GraphSignature, rows: Rows, places: range) -> dict[str, GraphTensor]:
    """The tensors of rows of numbers, which are packed."""
    from array import array

    width = rows.n_features
    numbers = array("d")
    numbers.frombytes(memoryview(rows.packed)[8 * width * places.start : 8 * width * places.stop])
    if sys.byteorder == "big":
        numbers.byteswap()
    if signature.form != MATRIX:
        columns = [numbers[column::width] for column in range(width)]
        return _of_columns(signature, columns, places, rows.where)
    (port,) = signature.inputs
    if not _holds(port, numbers):
        for column, name in enumerate(signature.features):
            _check(numbers[column::width], port, name, places, rows.where)
    return {port.name: _tensor(port, (len(places), width), numbers)}


def _of_columns(
    signature: GraphSignature, columns: Sequence[Any], places: range, where: str
) -> dict[str, GraphTensor]:
    """The tensors of rows of which each column is there."""
    rows = len(places)
    for name, port, column in zip(signature.features, signature.ports, columns, strict=True):
        _check(column, port, name, places, where)
    if signature.form == MATRIX:
        (port,) = signature.inputs
        flat = [value for row in zip(*columns, strict=True) for value in row]
        return {port.name: _tensor(port, (rows, len(columns)), flat)}
    return {
        port.name: _tensor(port, (rows, *(1 for _ in port.shape)), column)
        for port, column in zip(signature.inputs, columns, strict=True)
    }


def _holds(port: GraphInput, numbers: Sequence[float]) -> bool:
    """Whether it shows at a glance that a datatype holds all numbers."""
    if port.datatype in (TEXT, "BOOL", "FP64"):
        return True
    return (
        port.datatype == "FP32" and all(map(isfinite, numbers)) and max(map(abs, numbers), default=0) < _SAFE
    )


def _check(column: Sequence[Any], port: GraphInput, name: str, places: range, where: str) -> None:
    """Raise `InvalidInput` for a number that the port's datatype does not hold."""
    if _holds(port, column):
        return
    for place, value in zip(places, column, strict=True):
        message = wrong_number_of(value, port.datatype)
        if message:
            raise InvalidInput.at(f"{where}[{place}]", f"feature {name!r}: {message}")


def _tensor(port: GraphInput, shape: tuple[int, ...], values: Sequence[Any]) -> GraphTensor:
    return tensor_of(port.datatype, shape, [*map(int, values)] if port.datatype in WHOLE else values)


def _tensor_pieces(signature: GraphSignature, instances: GraphInstances) -> Iterator[GraphPiece]:
    """Instances of one shape together, as many as a call holds."""

    def shapes(place: int) -> tuple[tuple[int, ...], ...]:
        return tuple(shape for shape, _ in instances.entries[place])

    for together, grouped in groupby(sorted(range(len(instances)), key=shapes), key=shapes):
        places = [*grouped]
        step = _instances_at_once(signature, instances, places)
        for begin in range(0, len(places), step):
            some = places[begin : begin + step]
            inputs = {}
            for number, (port, shape) in enumerate(zip(signature.inputs, together, strict=True)):
                values = [value for place in some for value in instances.entries[place][number][1]]
                inputs[port.name] = _tensor(port, (len(some), *shape), values)
            yield GraphPiece(some, inputs)


def _instances_at_once(signature: GraphSignature, instances: GraphInstances, places: Sequence[int]) -> int:
    taken = _given(signature)
    for number, port in enumerate(signature.inputs):
        if port.datatype == TEXT:
            taken += max(
                sum(len(text) * _TEXT_BYTES + _TEXT_BYTES for text in instances.entries[place][number][1])
                for place in places
            )
        else:
            taken += WIDTHS[port.datatype] * len(instances.entries[places[0]][number][1])
    return max(1, MOST_BYTES // max(taken, 1))


def is_finite(value: Any) -> bool:  # noqa: ANN401 - an entry of an output
    """Whether all numbers of an entry are finite."""
    if isinstance(value, list):
        return all(map(is_finite, value))
    return not isinstance(value, float) or -inf < value < inf
