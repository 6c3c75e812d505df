"""The nodes and constants of a small ONNX graph as Python's values and numpy's arrays.

`onnx/scan.py` has looked at the file before: here nothing is checked again that it refuses.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.fitted import refuse
from ml_core.onnx.messages import ATTRIBUTE, GRAPH, MODEL, NODE, PROPERTY, TENSOR, read
from ml_core.onnx.wire_format import NumberRun, WireReader
from ml_core.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.onnx.messages import Message

# Of more nodes none is said here, and of more numbers a model of rows is none that is small.
MOST_NODES = 1_000
MOST_NUMBERS = 1 << 25
# numpy's types by onnx.proto's numbers.
_TYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
_STRING = 8


class GraphNode(Record):
    """A node; `path` says where it stands. Attributes are numbers, lists, bytes and arrays by their names."""

    path: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def whole(self, name: str, default: int = 0) -> int:
        """An attribute that is a whole number. Raises `NotConverted` for another value."""
        found = self.attributes.get(name, default)
        if not isinstance(found, int):
            refuse(self.path, f"expected a whole number for {name} of {self.operator}, got another value")
        return found

    def text(self, name: str, default: str = "") -> str:
        """An attribute that is a text. Raises `NotConverted` for another value."""
        found = self.attributes.get(name, default)
        if not isinstance(found, str):
            refuse(self.path, f"expected a text for {name} of {self.operator}, got another value")
        return found


class ReadGraph(Record):
    """A graph's nodes in its order, its constants by name, and what the file tells beside it."""

    nodes: tuple[GraphNode, ...]
    constants: Mapping[str, Any]
    properties: Mapping[str, str]


def read_graph(data: bytes, nodes: int, numbers: int) -> ReadGraph:
    """A file that was scanned, with so many nodes and numbers. Raises `NotConverted` for one too large."""
    if nodes > MOST_NODES or numbers > MOST_NUMBERS:
        refuse(
            "model.graph",
            f"expected at most {MOST_NODES:,} nodes and {MOST_NUMBERS:,} numbers, got {nodes:,} and "
            f"{numbers:,}: such a graph can be imported as it is",
        )
    reading = _GraphReader()
    whole = reading.fields(memoryview(data), MODEL)
    graph = reading.fields(whole["graph"], GRAPH)
    tensors = [reading.tensor(view) for view in graph.get("initializer", ())]
    if "sparse_initializer" in graph:
        refuse("model.graph.sparse_initializer", "sparse weights are not converted: write their zeros out")
    pairs = [reading.fields(view, PROPERTY) for view in whole.get("metadata_props", ())]
    return ReadGraph(
        tuple(
            reading.node(view, f"model.graph.node[{place}]")
            for place, view in enumerate(graph.get("node", ()))
        ),
        dict(tensors),
        {_text(pair.get("key", b"")): _text(pair.get("value", b"")) for pair in pairs},
    )


class _GraphReader:
    def __init__(self) -> None:
        self._reader = WireReader()

    def fields(self, view: memoryview, message: Message) -> dict[str, Any]:
        """The fields by name; those that are repeated as lists."""
        repeated = {name for name, kind in message.fields.values() if kind.repeated}
        found: dict[str, Any] = {}
        for name, value in read(self._reader, view, message, "model"):
            if name in repeated:
                found.setdefault(name, []).append(value)
            else:
                found[name] = value
        return found

    def node(self, view: memoryview, path: str) -> GraphNode:
        """A node."""
        fields = self.fields(view, NODE)
        attributes = dict(self._attribute(each) for each in fields.get("attribute", ()))
        inputs, outputs = (tuple(map(_text, fields.get(name, ()))) for name in ("input", "output"))
        return GraphNode(path, _text(fields["op_type"]), inputs, outputs, attributes)

    def _attribute(self, view: memoryview) -> tuple[str, Any]:
        """An attribute's value; a list where it has one."""
        fields = self.fields(view, ATTRIBUTE)
        name = _text(fields.get("name", b""))
        if "t" in fields:
            return name, self.tensor(fields["t"])[1]
        if "floats" in fields:
            return name, [number for run in fields["floats"] for number in run.floats()]
        if "ints" in fields:
            return name, [number for run in fields["ints"] for number in run.integers()]
        if "strings" in fields:
            return name, [_text(word) for word in fields["strings"]]
        if "s" in fields:
            return name, _text(fields["s"])
        return name, fields.get("i", fields.get("f"))

    def tensor(self, view: memoryview) -> tuple[str, Any]:
        """A tensor's name and elements; None for elements of a type that no model here has."""
        fields = self.fields(view, TENSOR)
        shape = [length for run in fields.get("dims", ()) for length in run.integers()]
        name, kind = _text(fields.get("name", b"")), fields.get("data_type")
        if kind == _STRING:
            words = np.array([_text(word) for word in fields.get("string_data", ())], dtype=object)
            return name, words.reshape(shape)
        if kind not in _TYPES or (
            kind == 10 and "raw_data" not in fields
        ):  # halves lie in int32_data as bits
            return name, None
        if "raw_data" in fields:
            return name, np.frombuffer(fields["raw_data"], _TYPES[kind]).reshape(shape)
        runs = [run for field in _NUMBERS for run in fields.get(field, ())]
        numbers: list[float] = [number for run in runs for number in _numbers(run)]
        if len(numbers) != prod(shape):
            return name, None
        return name, np.array(numbers).astype(_TYPES[kind]).reshape(shape)


_NUMBERS = ("float_data", "double_data", "int32_data", "int64_data", "uint64_data")


def _numbers(run: NumberRun) -> list[float]:
    return list(run.integers()) if run.wire == 0 else run.floats()


def _text(view: memoryview | bytes) -> str:
    return str(view, "utf-8", "replace")
