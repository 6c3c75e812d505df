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
    from typing import Any

    from ml_core.model.model import Model
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

# How far apart numbers of float32 may be, and how many rows may be next to where two classes meet.
ROUNDING, MOST_OTHER_LABELS, LARGEST = 1e-3, 0.1, 1e30


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


def difference_of(model: Model, session: Any) -> str:
    """How answers of a model differ from those of onnxruntime to the graph that it was made of; "" if not.

    Weights may be any number here: float32 has seven digits of the largest one that is computed with, and
    which of two classes is next to equal is not told.
    """
    import numpy as np

    chance = np.random.default_rng(0)
    sizes = {port.shape[0] for port in session.get_inputs() if isinstance(port.shape[0], int)} or {40}
    if len(sizes) > 1 or not 0 < max(sizes) <= 1_000:
        return ""
    feed = {
        port.name: chance.normal(3, 5, (max(sizes), port.shape[1])).astype(
            np.float32 if port.type == "tensor(float)" else np.float64
        )
        for port in session.get_inputs()
    }
    columns = np.concatenate([*feed.values()], axis=1, dtype=np.float64)
    names = [f"x{place}" for place in range(columns.shape[1])]
    if not {*model.features} <= {*names}:
        return ""  # it has names of its own
    try:
        answers = session.run(None, feed)
        rows = model.rows_of(columns[:, [names.index(name) for name in model.features]])
        ours = model.predict_rows(rows, model.outputs)
    except Exception:  # noqa: BLE001 (as above; and ours says that numbers overflow)
        return ""
    told = [(port.name, port.type) for port in session.get_outputs()]
    return _difference(dict(zip(told, answers, strict=True)), ours, model)


def _difference(answers: dict[tuple[str, str], Any], ours: dict[str, Any], model: Model) -> str:
    """How answers, by the outputs' names and types, differ from a model's own."""
    import numpy as np

    labels = np.array(ours.pop("label"), dtype=object)
    if any(np.abs(np.array(values, float)).max() > LARGEST for values in ours.values()):
        return ""  # float32 overflows on the way, and float64 does not
    for (name, kind), answer in answers.items():
        if kind not in ("tensor(float)", "tensor(double)") and not isinstance(answer, list):
            if (answer.ravel().astype(object) != labels).mean() > MOST_OTHER_LABELS:
                return f"other labels in {name}"
        elif not _is_near(answer, ours, model):
            return f"other numbers in {name}"
    return ""


def _is_near(answer: Any, ours: dict[str, Any], model: Model) -> bool:
    """Whether an output is one of the model's; of two classes one may stand, or it and its opposite."""
    import numpy as np

    if isinstance(answer, list):
        answer = np.array([[row[label] for label in model.classes or ()] for row in answer])
    answer = answer.reshape(len(answer), -1)
    found = [np.array(values, float).reshape(len(answer), -1) for values in ours.values()]
    found += [each[:, 1:] for each in found if each.shape[1] == 2]
    found += [np.hstack([each * sign, -each * sign]) for each in found for sign in (-1, 1)]
    # A model has its labels in ascending order, and its columns with them.
    answer = np.sort(answer, axis=1)
    near = [np.sort(each, axis=1) for each in found if each.shape == answer.shape]
    return any((np.abs(each - answer) <= ROUNDING * max(1.0, np.abs(each).max())).all() for each in near)
