"""The messages of onnx.proto by their fields' numbers (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).

What another reader of protobuf might take in another way is refused. A field that has to stand once and
stands twice would be merged; one of the wrong wire type or an unknown number would be passed over; a number
of more than 32 bits would be cut.
"""

from __future__ import annotations

from ml_core.errors import InvalidInput, shown
from ml_core.onnx.wire_format import FIXED32, FIXED64, LENGTH, VARINT, NumberRun, WireReader, packed
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    # What a field holds by its kind: a number, a view of bytes, or `NumberRun` where they are repeated.
    type Value = Any


class FieldKind(Record):
    """How a field's value is written, and whether it may stand more than once."""

    wire: int
    repeated: bool = False
    bits: int = 64


class FieldOf(Record):
    """A field of a message."""

    name: str
    kind: FieldKind


class Message(Record):
    """A message: what it is called, and its fields by their numbers."""

    name: str
    fields: Mapping[int, FieldOf]


_INT, _INT32, _INTS = FieldKind(VARINT), FieldKind(VARINT, bits=32), FieldKind(VARINT, repeated=True)
_FLOAT, _FLOATS, _DOUBLES = (
    FieldKind(FIXED32),
    FieldKind(FIXED32, repeated=True),
    FieldKind(FIXED64, repeated=True),
)
_ONE, _MANY = FieldKind(LENGTH), FieldKind(LENGTH, repeated=True)


def _message(name: str, /, **fields: tuple[int, FieldKind]) -> Message:
    return Message(name, {number: FieldOf(field, kind) for field, (number, kind) in fields.items()})


MODEL = _message(
    "ModelProto",
    ir_version=(1, _INT),
    opset_import=(8, _MANY),
    producer_name=(2, _ONE),
    producer_version=(3, _ONE),
    domain=(4, _ONE),
    model_version=(5, _INT),
    doc_string=(6, _ONE),
    graph=(7, _ONE),
    metadata_props=(14, _MANY),
    training_info=(20, _MANY),
    functions=(25, _MANY),
    configuration=(26, _MANY),
)
OPERATOR_SET = _message("OperatorSetIdProto", domain=(1, _ONE), version=(2, _INT))
GRAPH = _message(
    "GraphProto",
    node=(1, _MANY),
    name=(2, _ONE),
    initializer=(5, _MANY),
    sparse_initializer=(15, _MANY),
    doc_string=(10, _ONE),
    input=(11, _MANY),
    output=(12, _MANY),
    value_info=(13, _MANY),
    quantization_annotation=(14, _MANY),
    metadata_props=(16, _MANY),
)
NODE = _message(
    "NodeProto",
    input=(1, _MANY),
    output=(2, _MANY),
    name=(3, _ONE),
    op_type=(4, _ONE),
    domain=(7, _ONE),
    overload=(8, _ONE),
    attribute=(5, _MANY),
    doc_string=(6, _ONE),
    metadata_props=(9, _MANY),
    device_configurations=(10, _MANY),
)
ATTRIBUTE = _message(
    "AttributeProto",
    name=(1, _ONE),
    ref_attr_name=(21, _ONE),
    doc_string=(13, _ONE),
    type=(20, _INT32),
    f=(2, _FLOAT),
    i=(3, _INT),
    s=(4, _ONE),
    t=(5, _ONE),
    g=(6, _ONE),
    sparse_tensor=(22, _ONE),
    tp=(14, _ONE),
    floats=(7, _FLOATS),
    ints=(8, _INTS),
    strings=(9, _MANY),
    tensors=(10, _MANY),
    graphs=(11, _MANY),
    sparse_tensors=(23, _MANY),
    type_protos=(15, _MANY),
)
TENSOR = _message(
    "TensorProto",
    dims=(1, _INTS),
    data_type=(2, _INT32),
    segment=(3, _ONE),
    float_data=(4, _FLOATS),
    int32_data=(5, _INTS),
    string_data=(6, _MANY),
    int64_data=(7, _INTS),
    name=(8, _ONE),
    doc_string=(12, _ONE),
    raw_data=(9, _ONE),
    external_data=(13, _MANY),
    data_location=(14, _INT32),
    double_data=(10, _DOUBLES),
    uint64_data=(11, _INTS),
    metadata_props=(16, _MANY),
)
SPARSE_TENSOR = _message("SparseTensorProto", values=(1, _ONE), indices=(2, _ONE), dims=(3, _INTS))
VALUE_INFO = _message(
    "ValueInfoProto", name=(1, _ONE), type=(2, _ONE), doc_string=(3, _ONE), metadata_props=(4, _MANY)
)
TYPE = _message(
    "TypeProto",
    tensor_type=(1, _ONE),
    sequence_type=(4, _ONE),
    map_type=(5, _ONE),
    optional_type=(9, _ONE),
    sparse_tensor_type=(8, _ONE),
    opaque_type=(7, _ONE),
    denotation=(6, _ONE),
)
TENSOR_TYPE = _message("TypeProto.Tensor", elem_type=(1, _INT32), shape=(2, _ONE))
SEQUENCE_TYPE = _message("TypeProto.Sequence", elem_type=(1, _ONE))
MAP_TYPE = _message("TypeProto.Map", key_type=(1, _INT32), value_type=(2, _ONE))
SHAPE = _message("TensorShapeProto", dim=(1, _MANY))
DIMENSION = _message(
    "TensorShapeProto.Dimension", dim_value=(1, _INT), dim_param=(2, _ONE), denotation=(3, _ONE)
)
PROPERTY = _message("StringStringEntryProto", key=(1, _ONE), value=(2, _ONE))


def read(reader: WireReader, view: memoryview, message: Message, path: str) -> Iterator[tuple[str, Value]]:
    """The fields of a message by name; one that is repeated comes piece by piece.

    Raises `InvalidInput`, at `path`.
    """
    seen: set[int] = set()
    for number, value in reader.fields(view, path):
        known = message.fields.get(number)
        if known is None:
            raise InvalidInput.at(
                path,
                f"expected the fields of {message.name}, got one with the number {number}: export it anew",
            )
        name, kind = known
        if not kind.repeated:
            if number in seen or (isinstance(value, NumberRun) and value.total() != 1):
                raise InvalidInput.at(path, f"expected {name} once, got it several times")
            seen.add(number)
        yield name, _value(value, kind, f"{path}.{name}")


def _value(value: memoryview | NumberRun, kind: FieldKind, path: str) -> Value:
    if isinstance(value, memoryview):
        if kind.wire == LENGTH:
            return value
        if kind.repeated:
            return packed(value, kind.wire, path)
    elif value.wire == kind.wire:
        if kind.repeated:
            return value
        return _single(value, kind, path)
    raise InvalidInput.at(path, "expected another wire type of protobuf: it is not as onnx.proto has it")


def _single(value: NumberRun, kind: FieldKind, path: str) -> int | float:
    if kind.wire != VARINT:
        return value.floats()[0]
    number = next(value.integers())
    if not -(1 << kind.bits - 1) <= number < 1 << kind.bits - 1:
        raise InvalidInput.at(path, f"expected an integer of {kind.bits} bits, got {shown(number)}")
    return number


def text_of(view: memoryview, path: str, most: int) -> str:
    """A text of a message. Raises `InvalidInput` for one of more than `most` bytes, or that is no UTF-8."""
    if len(view) > most:
        raise InvalidInput.at(path, f"expected a text of at most {most:,} bytes, got {len(view):,}")
    try:
        return str(view, "utf-8")
    except UnicodeDecodeError:
        raise InvalidInput.at(path, f"expected UTF-8, got {shown(bytes(view))}") from None
