"""Files of ONNX that are changed field by field, so that what encloses a change still holds.

A byte that is changed at random breaks a length most of the time, and nothing behind it is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_core.onnx import messages
from ml_core.onnx import protobuf as pb
from ml_core.onnx.wire_format import NumberRun, WireReader
from tests.fuzz.mutation import NUMBERS, TEXTS, Chance, changed

if TYPE_CHECKING:
    from ml_core.onnx.messages import Message

# The messages within messages that are opened, by the message and the field.
_WITHIN: dict[tuple[str, str], Message] = {
    ("ModelProto", "graph"): messages.GRAPH,
    ("ModelProto", "opset_import"): messages.OPERATOR_SET,
    ("GraphProto", "node"): messages.NODE,
    ("GraphProto", "initializer"): messages.TENSOR,
    ("GraphProto", "sparse_initializer"): messages.SPARSE_TENSOR,
    ("GraphProto", "input"): messages.VALUE_INFO,
    ("GraphProto", "output"): messages.VALUE_INFO,
    ("NodeProto", "attribute"): messages.ATTRIBUTE,
    ("AttributeProto", "t"): messages.TENSOR,
    ("AttributeProto", "g"): messages.GRAPH,
    ("SparseTensorProto", "values"): messages.TENSOR,
    ("SparseTensorProto", "indices"): messages.TENSOR,
    ("ValueInfoProto", "type"): messages.TYPE,
    ("TypeProto", "tensor_type"): messages.TENSOR_TYPE,
    ("TypeProto", "sequence_type"): messages.SEQUENCE_TYPE,
    ("TypeProto", "map_type"): messages.MAP_TYPE,
    ("TypeProto.Sequence", "elem_type"): messages.TYPE,
    ("TypeProto.Map", "value_type"): messages.TYPE,
    ("TypeProto.Tensor", "shape"): messages.SHAPE,
    ("TensorShapeProto", "dim"): messages.DIMENSION,
}

# The datatypes of inputs and outputs by what onnxruntime calls them.
_WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DATATYPES_OF_ONNXRUNTIME = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(float16)": "FP16",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
    **{f"tensor({name})": name.upper() for name in _WHOLE},
    **{f"seq(map({key},tensor(float)))": "MAPS" for key in ("int64", "string")},
}


class Part:
    """A field: its bytes with the tag, or (`within`) the fields of the message that it holds."""

    def __init__(self, number: int, raw: bytes, within: list[Part] | None = None) -> None:
        self.number, self.raw, self.within = number, raw, within

    def written(self) -> bytes:
        """Its bytes, with the lengths that what it holds has now."""
        if self.within is None:
            return self.raw
        return pb.joined(pb.content(self.number, b"".join(part.written() for part in self.within)))


def changed_file(sample: bytes, others: list[bytes], chance: Chance) -> bytes:
    """A file after one to four changes to its fields."""
    parts = _parts(memoryview(sample), messages.MODEL)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        spots = list(_spots(parts))
        if spots:
            _change(*chance.choice(spots), parts, others, chance)
    return b"".join(part.written() for part in parts)


def _parts(view: memoryview, message: Message) -> list[Part]:
    found = []
    for number, value in WireReader().fields(view, "model"):
        if isinstance(value, NumberRun):
            tag = b"" if value.tag else pb.joined(pb.integer(number, 0))[:-1]
            if tag:
                tag = bytes([tag[0] | value.wire]) + tag[1:]
            found.append(Part(number, tag + bytes(value.view)))
            continue
        field = message.fields.get(number)
        inner = _WITHIN.get((message.name, field.name)) if field else None
        within = _parts(value, inner) if inner else None
        found.append(Part(number, pb.joined(pb.content(number, value)), within))
    return found


def _spots(parts: list[Part]) -> list[tuple[list[Part], int]]:
    spots = []
    for place, part in enumerate(parts):
        spots.append((parts, place))
        if part.within is not None:
            spots += _spots(part.within)
    return spots


def _change(held: list[Part], place: int, whole: list[Part], others: list[bytes], chance: Chance) -> None:
    part = held[place]
    how = chance.randrange(7)
    if how == 0:
        del held[place]
    elif how == 1:
        held[place:place] = [part] * chance.choice((1, 2, 30))
    elif how == 2:
        other, at = chance.choice(_spots(whole))
        held.insert(place, Part(other[at].number, other[at].written()))
    elif how == 3:
        number = chance.choice((*NUMBERS, *(-each for each in NUMBERS)))
        held[place] = Part(part.number, pb.joined(pb.integer(part.number, number)))
    elif how == 4:
        text = chance.choice(TEXTS).encode("utf-8", "surrogatepass")
        held[place] = Part(part.number, pb.joined(pb.content(part.number, text)))
    elif how == 5:
        content = part.written()
        held[place] = Part(part.number, changed(content, others, chance))
    else:
        number = chance.choice((*range(1, 30), 2**28))
        tagged = (
            pb.integer(number, chance.randrange(20)) if chance.random() < 0.5 else pb.content(number, b"x")
        )
        held.insert(place, Part(number, pb.joined(tagged)))
