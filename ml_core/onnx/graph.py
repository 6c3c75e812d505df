"""A graph of ONNX operators, built node by node, and the file that holds it.

The fields' numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Only
operators of the default domain are used, so that every runtime that reads the opset runs the file.
"""

from __future__ import annotations

import struct

from ml_core.conflicts import NotExported
from ml_core.errors import shown
from ml_core.onnx import protobuf as pb
from ml_core.records import Record
from ml_core.safetensors import pack

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ml_core.onnx.protobuf import Parts
    from ml_core.safetensors import Tensor

# onnx.proto's numbers of the datatypes.
FLOAT, INT32, INT64, STRING, BOOL, DOUBLE = 1, 6, 7, 8, 9, 11
_DATATYPES = {"F64": DOUBLE, "F32": FLOAT, "I64": INT64}
# The first opset whose Equal takes words, and the version of the file format that came with it (May 2023).
_OPSET, _IR_VERSION = 19, 9
_PRODUCER = "serverless-ml"
# What a file is held to by protobuf: 2 GiB.
_MOST_BYTES = (1 << 31) - 1

type Attribute = int | float | str | Sequence[int]
# The length of an axis; a name stands for one that the caller decides.
type Axis = int | str


class Value(Record):
    """What flows along an edge of a graph: a tensor by its name; `columns` of a matrix where it matters."""

    name: str
    datatype: int
    columns: int = 0


class Graph:
    """Nodes in the order in which they run. Equal calls give equal bytes: what is made is named by a count.

    Args:
        names: what inputs and outputs are called, which nothing else may be.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._taken = frozenset(names)
        self._count = 0
        self._nodes: Parts = []
        self._constants: Parts = []
        self._inputs: Parts = []
        self._outputs: Parts = []
        self._made: dict[object, Value] = {}

    def input(self, name: str, datatype: int, shape: Sequence[Axis], doc: str = "") -> Value:
        """Something that callers give."""
        self._inputs += pb.message(11, _described(name, datatype, shape, doc))
        return Value(name, datatype)

    def output(self, name: str, value: Value, shape: Sequence[Axis], doc: str = "") -> None:
        """Something that callers are given, under this name."""
        self._add("Identity", [value.name], [name], {})
        self._outputs += pb.message(12, _described(name, value.datatype, shape, doc))

    def node(self, operator: str, *inputs: Value | None, datatype: int = 0, **attributes: Attribute) -> Value:
        """What an operator makes of its inputs; None is an optional one that is left out.

        `datatype` is that of the result, by default of the first input.
        """
        return self.nodes(operator, 1, *inputs, datatype=datatype, **attributes)[0]

    def nodes(
        self, operator: str, results: int, *inputs: Value | None, datatype: int = 0, **attributes: Attribute
    ) -> list[Value]:
        """The same of an operator with several results."""
        first = inputs[0]
        assert first is not None  # noqa: S101 - for the type checker
        made = [Value(self._name(), datatype or first.datatype) for _ in range(results)]
        self._add(
            operator,
            [given.name if given else "" for given in inputs],
            [value.name for value in made],
            attributes,
        )
        return made

    def tensor(self, tensor: Tensor, shape: Sequence[int] = ()) -> Value:
        """A constant of an artifact's tensor, in its own shape or another one of as many numbers."""
        return self.constant(_DATATYPES[tensor.dtype], shape or tensor.shape, tensor.packed)

    def doubles(self, values: Iterable[float], *shape: int) -> Value:
        """A constant of float64; without a shape it is one axis."""
        numbers = list(values)
        return self.constant(DOUBLE, shape or (len(numbers),), pack(numbers))

    def double(self, value: float) -> Value:
        """A single float64."""
        return self.constant(DOUBLE, (), pack([value]))

    def integers(self, values: Iterable[int], *shape: int) -> Value:
        """A constant of int64; without a shape it is one axis. Raises `NotExported` past its range."""
        numbers = list(values)
        try:
            packed = struct.pack(f"<{len(numbers)}q", *numbers)
        except struct.error:
            raise NotExported(
                "a whole number is too large for an integer of ONNX, which has 64 bits"
            ) from None
        return self.constant(INT64, shape or (len(numbers),), packed)

    def integer(self, value: int) -> Value:
        """A single int64."""
        return self.constant(INT64, (), struct.pack("<q", value))

    def flags(self, values: Sequence[bool]) -> Value:
        """A constant of truth values along one axis."""
        return self.constant(BOOL, (len(values),), bytes(values))

    def words(self, values: Sequence[str], *shape: int) -> Value:
        """A constant of words; without a shape they are one axis. Raises `NotExported`, as `encoded`."""
        written = [part for value in values for part in pb.content(6, encoded(value))]
        return self._constant(STRING, shape or (len(values),), written)

    def constant(self, datatype: int, shape: Sequence[int], packed: bytes | memoryview) -> Value:
        """A constant of little-endian bytes. Small ones are kept once."""
        known = (datatype, tuple(shape), bytes(packed)) if len(packed) <= 64 else None
        if known is not None and known in self._made:
            return self._made[known]
        value = self._constant(datatype, shape, pb.content(9, packed))
        if known is not None:
            self._made[known] = value
        return value

    def cast(self, value: Value, datatype: int) -> Value:
        """The same in another datatype."""
        return self.node("Cast", value, datatype=datatype, to=datatype)

    def to_bytes(self, name: str, *, version: int, properties: Mapping[str, str]) -> bytes:
        """The file. Raises `NotExported` where it would be longer than protobuf reads."""
        graph = [
            *self._nodes,
            *pb.content(2, encoded(name)),
            *self._constants,
            *self._inputs,
            *self._outputs,
        ]
        length = sum(map(len, graph))
        if length > _MOST_BYTES:
            raise NotExported(f"the model is {length:,} bytes as ONNX; at most {_MOST_BYTES:,} can be read")
        pairs = [
            part
            for key, value in properties.items()
            for part in pb.message(14, [*pb.text(1, key), *pb.content(2, encoded(value))])
        ]
        return pb.joined(
            [
                *pb.integer(1, _IR_VERSION),
                *pb.text(2, _PRODUCER),
                *pb.integer(5, version),
                *pb.message(7, graph),
                *pb.message(8, [*pb.text(1, ""), *pb.integer(2, _OPSET)]),
                *pairs,
            ]
        )

    def _constant(self, datatype: int, shape: Sequence[int], written: Parts) -> Value:
        value = Value(self._name(), datatype)
        self._constants += pb.message(
            5, [*pb.integers(1, shape), *pb.integer(2, datatype), *pb.text(8, value.name), *written]
        )
        return value

    def _add(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: Mapping[str, Attribute],
    ) -> None:
        node = [part for name in inputs for part in pb.content(1, encoded(name))]
        node += [part for name in outputs for part in pb.content(2, encoded(name))]
        node += pb.text(4, operator)
        for name, value in attributes.items():
            node += pb.message(5, _attribute(name, value))
        self._nodes += pb.message(1, node)

    def _name(self) -> str:
        self._count += 1
        return self._name() if f"v{self._count}" in self._taken else f"v{self._count}"


def encoded(text: str) -> bytes:
    """A text of a caller's as UTF-8. Raises `NotExported` for half a surrogate pair, which has none."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NotExported(f"{shown(text)} is no Unicode text, which names and words of ONNX are") from None


def _attribute(name: str, value: Attribute) -> Parts:
    named = pb.text(1, name)
    if isinstance(value, float):
        return [*named, *pb.float32(2, value), *pb.integer(20, 1)]
    if isinstance(value, int):
        return [*named, *pb.integer(3, value), *pb.integer(20, 2)]
    if isinstance(value, str):
        return [*named, *pb.text(4, value), *pb.integer(20, 3)]
    return [*named, *pb.integers(8, value), *pb.integer(20, 7)]


def _described(name: str, datatype: int, shape: Sequence[Axis], doc: str) -> Parts:
    axes = [
        part
        for axis in shape
        for part in pb.message(1, pb.text(2, axis) if isinstance(axis, str) else pb.integer(1, axis))
    ]
    tensor = [*pb.integer(1, datatype), *pb.message(2, axes)]
    documented = pb.content(3, encoded(doc)) if doc else []
    return [*pb.content(1, encoded(name)), *pb.message(2, pb.message(1, tensor)), *documented]
