"""What goes into a graph and comes out of it: names, datatypes and shapes."""

from __future__ import annotations

from ml_core.errors import InvalidInput, shown
from ml_core.onnx.messages import (
    DIMENSION,
    MAP_TYPE,
    SEQUENCE_TYPE,
    SHAPE,
    TENSOR_TYPE,
    TYPE,
    VALUE_INFO,
    read,
    text_of,
)
from ml_core.onnx.stored_tensors import MOST_AXES
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from ml_core.onnx.messages import Message, Value
    from ml_core.onnx.wire_format import WireReader

MOST_NAME_BYTES = 256
# The datatypes of the Open Inference Protocol by onnx.proto's numbers; words are BYTES there.
_NAMES = "FP32 UINT8 INT8 UINT16 INT16 INT32 INT64 BYTES BOOL FP16 FP64 UINT32 UINT64"
DATATYPES = dict(enumerate(_NAMES.split(), start=1))
# What ZipMap gives: for each row a map from its labels, whole numbers or words, to float32.
MAPS = "MAPS"
_FLOAT, _LABELS = 1, (7, 8)
# What a type may be; onnx.proto has one of them at a time.
_TYPES = frozenset(
    {"tensor_type", "sequence_type", "map_type", "optional_type", "sparse_tensor_type", "opaque_type"}
)


class GraphPort(Record):
    """An input or an output. An axis is None where any length may come; without a shape anything may."""

    name: str
    datatype: str
    shape: tuple[int | None, ...] | None


def name_of(reader: WireReader, view: memoryview, path: str) -> str:
    """The name of an input or output. Raises `InvalidInput`."""
    value = _fields(reader, view, VALUE_INFO, path).get("name")
    name = text_of(value, f"{path}.name", MOST_NAME_BYTES) if isinstance(value, memoryview) else ""
    if not name or not name.isprintable():
        raise InvalidInput.at(f"{path}.name", f"expected a name of printable characters, got {shown(name)}")
    return name


def port_of(reader: WireReader, view: memoryview, path: str, *, maps: bool) -> GraphPort:
    """An input, or (`maps`) an output, which may be ZipMap's. Raises `InvalidInput`."""
    name = name_of(reader, view, path)
    path = f"{path}.type"
    described = _fields(reader, view, VALUE_INFO, path).get("type")
    if not isinstance(described, memoryview):
        raise InvalidInput.at(
            path, "expected a type, got none: infer the model's shapes before it is exported"
        )
    kinds = _of_one_kind(reader, described, path)
    if "tensor_type" in kinds:
        return GraphPort(name, *_tensor(reader, kinds["tensor_type"], f"{path}.tensor_type"))
    if maps and "sequence_type" in kinds and _are_maps(reader, kinds["sequence_type"], path):
        return GraphPort(name, MAPS, None)
    raise InvalidInput.at(
        path,
        f"expected a tensor{' or the maps of ZipMap' if maps else ''}, "
        f"got {next(iter(kinds), 'a type that says nothing')}",
    )


def _tensor(reader: WireReader, view: memoryview, path: str) -> tuple[str, tuple[int | None, ...] | None]:
    fields = _fields(reader, view, TENSOR_TYPE, path)
    datatype, shape = DATATYPES.get(_integer(fields.get("elem_type"))), fields.get("shape")
    if datatype is None:
        raise InvalidInput.at(
            f"{path}.elem_type",
            f"expected one of {', '.join(DATATYPES.values())}, "
            f"got onnx.proto's number {_integer(fields.get('elem_type'))}",
        )
    if not isinstance(shape, memoryview):
        return datatype, None
    axes: list[int | None] = []
    for _, value in read(reader, shape, SHAPE, f"{path}.shape"):
        if len(axes) == MOST_AXES:
            raise InvalidInput.at(f"{path}.shape", f"expected at most {MOST_AXES} axes, got more")
        axes.append(_axis(reader, value, f"{path}.shape.dim[{len(axes)}]"))
    return datatype, tuple(axes)


def _axis(reader: WireReader, view: memoryview, path: str) -> int | None:
    """An axis's length. A number below 0 stands for any length: some exporters write -1."""
    fields = _fields(reader, view, DIMENSION, path)
    if "dim_value" in fields and "dim_param" in fields:
        raise InvalidInput.at(path, "expected dim_value or dim_param, got both")
    if "dim_param" in fields:
        text_of(fields["dim_param"], f"{path}.dim_param", MOST_NAME_BYTES)  # a runtime tells it
    length = _integer(fields["dim_value"]) if "dim_value" in fields else -1
    return length if length >= 0 else None


def _are_maps(reader: WireReader, view: memoryview, path: str) -> bool:
    """Whether a sequence is one of maps from whole numbers or words to float32."""
    element = _fields(reader, view, SEQUENCE_TYPE, f"{path}.sequence_type").get("elem_type")
    if not isinstance(element, memoryview):
        return False
    of_map = _of_one_kind(reader, element, f"{path}.sequence_type.elem_type").get("map_type")
    if of_map is None:
        return False
    fields = _fields(reader, of_map, MAP_TYPE, f"{path}.sequence_type.elem_type.map_type")
    value = fields.get("value_type")
    if _integer(fields.get("key_type")) not in _LABELS or not isinstance(value, memoryview):
        return False
    tensor = _of_one_kind(reader, value, f"{path}.sequence_type.elem_type.map_type.value_type").get(
        "tensor_type"
    )
    return (
        tensor is not None and _integer(_fields(reader, tensor, TENSOR_TYPE, path).get("elem_type")) == _FLOAT
    )


def _of_one_kind(reader: WireReader, view: memoryview, path: str) -> dict[str, memoryview]:
    """What a type says, which is one thing."""
    fields = _fields(reader, view, TYPE, path)
    kinds = {
        name: value for name, value in fields.items() if name in _TYPES and isinstance(value, memoryview)
    }
    if len(kinds) > 1:
        raise InvalidInput.at(path, f"expected one type, got {', '.join(sorted(kinds))}")
    return kinds


def _fields(reader: WireReader, view: memoryview, message: Message, path: str) -> dict[str, Value]:
    """The fields of a message of which those that are looked at stand once."""
    return dict(read(reader, view, message, path))


def _integer(value: Value | None) -> int:
    return value if isinstance(value, int) else 0
