"""What `data` says of pictures, sequences and texts in a file, and what of it goes together.

    image       a row of a table is a picture, whose pixels its columns are
    sequence    a row is one step of a sequence
    features    a row is a sequence: its columns are lists
    text        a row has a text
    no target   a zip of class folders, or arrays in an NPZ, which have labels of their own

Nothing here imports numpy: a request is checked where it comes in.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ml_core.algorithms.base import AlgorithmInfo
from ml_core.errors import Fault, member, shown
from ml_core.hyperparameters import Integer
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TABLE, TEXT
from ml_core.inputs.rows import Limits
from ml_core.picture_files.format_names import NPZ, PICTURE_FORMATS
from ml_core.tables.options import IGNORE, NO_TEXT, is_text
from ml_core.tables.readers import FORMATS

# The files that have labels of their own, by what an algorithm takes.
_LABELLED_FILES = {IMAGE: PICTURE_FORMATS, SEQUENCE: (NPZ,)}
FILL, REFUSE = "fill", "refuse"
GAPS = (FILL, REFUSE)
"""What becomes of a gap in a channel: the value before it in the sequence, or a refusal."""
_SIDE = Integer(1, 1024)
SHAPE_SCHEMA: dict[str, Any] = {"type": "array", "minItems": 3, "maxItems": 3, "items": _SIDE.schema()}
SHAPE = f"[height, width, channels], each from {_SIDE.least} to {_SIDE.most}"

_TAKEN = {TABLE: "rows of a table", IMAGE: "pictures", SEQUENCE: "sequences", TEXT: "texts"}
_COLUMN = "expected a column's name, got"


class SequenceColumns(NamedTuple):
    """A checked `sequence`: which columns tell the sequence of a row, its place, and the step's numbers."""

    id: str
    order: str | None = None
    channels: tuple[str, ...] | None = None
    gaps: str = FILL

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "SequenceColumns":
        """The columns of a checked object."""
        channels = said.get("channels")
        return cls(
            said["id"],
            said.get("order"),
            None if channels is None else tuple(channels),
            said.get("gaps") or FILL,
        )


def takes_words(info: AlgorithmInfo) -> str:
    """What instances an algorithm takes, in words."""
    return " or ".join(_TAKEN[kind] for kind in info.algorithm.takes)


def formats_of(info: AlgorithmInfo) -> tuple[str, ...]:
    """The formats of the files that an algorithm can be trained on."""
    return (*FORMATS, *labelled_formats(info))


def labelled_formats(info: AlgorithmInfo) -> tuple[str, ...]:
    """Those of them that have labels of their own."""
    return tuple(name for kind in info.algorithm.takes for name in _LABELLED_FILES.get(kind, ()))


def image_schema(info: AlgorithmInfo) -> dict[str, Any] | None:
    """The `image` of `data`."""
    if IMAGE not in info.algorithm.takes:
        return None
    return {
        **SHAPE_SCHEMA,
        "description": "Height, width and channels: of a table the picture that a row's pixels are, of a zip "
        "what its files are brought to.",
    }


def read_shape(value: object) -> tuple[int, int, int] | None:
    """A picture's shape as JSON has it; None for what is no `SHAPE`."""
    lengths = [_SIDE.read(length) for length in value] if isinstance(value, list) else []
    match lengths:
        case [int(height), int(width), int(channels)]:
            return height, width, channels
    return None


def image_faults(data: dict[str, Any], info: AlgorithmInfo, _: Limits) -> Iterator[Fault]:
    """What is wrong with it."""
    said, where = data.get("image"), "$.data.image"
    if said is None:
        return
    if IMAGE not in info.algorithm.takes:
        yield Fault(where, f"{info.name} takes {takes_words(info)}, no pictures; leave this out")
    elif read_shape(said) is None:
        yield Fault(where, f"expected {SHAPE}, got {shown(said)}")


def sequence_schema(info: AlgorithmInfo) -> dict[str, Any] | None:
    """The `sequence` of `data`."""
    if SEQUENCE not in info.algorithm.takes:
        return None
    name = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "A row of the table is one step of a sequence.",
        "required": ["id"],
        "additionalProperties": False,
        "properties": {
            "id": {**name, "description": "The column that tells which sequence a step belongs to."},
            "order": {
                **name,
                "description": "The column of numbers or dates that steps are sorted by. Without it they are "
                "in the order of the file.",
            },
            "channels": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string"},
                "description": "The columns of a step's numbers. Without it all others of numbers.",
            },
            "gaps": {
                "enum": list(GAPS),
                "default": FILL,
                "description": "A missing number is filled by the last one before it in its sequence, and at "
                "the beginning by the next one; or refused.",
            },
        },
        "examples": [{"id": "patient", "order": "time", "channels": ["pulse", "pressure"]}],
    }


def sequence_faults(data: dict[str, Any], info: AlgorithmInfo, limits: Limits) -> Iterator[Fault]:
    """What is wrong with it."""
    said, where = data.get("sequence"), "$.data.sequence"
    if said is None:
        return
    if SEQUENCE not in info.algorithm.takes:
        yield Fault(where, f"{info.name} takes {takes_words(info)}, no sequences; leave this out")
        return
    if not isinstance(said, dict):
        yield Fault(
            where, f'expected an object such as {{"id": "patient", "order": "time"}}, got {shown(said)}'
        )
        return
    there = ", ".join(SequenceColumns._fields)
    for name in said:
        if name not in SequenceColumns._fields:
            yield Fault(member(where, name), f"no such member; there are {there}")
    target, key, order = data.get("target"), said.get("id"), said.get("order")
    yield from _role_faults(key, f"{where}.id", limits, {"target": target})
    if order is not None:
        yield from _role_faults(order, f"{where}.order", limits, {"target": target, "id": key})
    if said.get("gaps") not in (None, *GAPS):
        expected = " or ".join(f'"{each}"' for each in GAPS)
        yield Fault(f"{where}.gaps", f"expected {expected}, got {shown(said['gaps'])}")
    if said.get("channels") is not None:
        yield from names_faults(
            said["channels"], f"{where}.channels", limits, {"target": target, "id": key}, "a channel"
        )


def _role_faults(value: object, where: str, limits: Limits, others: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with the name of a column that is none of the `others`."""
    if wrong := wrong_name(value, limits):
        yield Fault(where, wrong)
    for what, other in others.items():
        if value == other:
            yield Fault(where, f"expected another column than the {what}")


def names_faults(
    chosen: object, where: str, limits: Limits, others: Mapping[str, object], role: str
) -> Iterator[Fault]:
    """What is wrong with a list of columns; none of them may be one of the `others`."""
    if not isinstance(chosen, list) or not chosen or len(chosen) > limits.max_columns:
        yield Fault(where, f"expected a list of 1 to {limits.max_columns} column names, got {shown(chosen)}")
        return
    sound = True
    for index, name in enumerate(chosen):
        if wrong := wrong_name(name, limits):
            sound = False
            yield Fault(f"{where}[{index}]", wrong)
    if not sound:
        return
    times = Counter(chosen)
    for name in times:
        if times[name] > 1:
            yield Fault(where, f"{shown(name)} is there twice")
    for what, other in others.items():
        if isinstance(other, str) and other in times:
            yield Fault(where, f"the {what} cannot be {role}")


def wrong_name(value: object, limits: Limits) -> str | None:
    """What is wrong with a column's name; None if nothing is."""
    if not isinstance(value, str) or not value or len(value) > limits.max_text:
        return f"{_COLUMN} {shown(value)}"
    return None if is_text(value) else f"{_COLUMN} {NO_TEXT}: {shown(value)}"


def text_schema(info: AlgorithmInfo) -> dict[str, Any] | None:
    """The `text` of `data`."""
    if TEXT not in info.algorithm.takes:
        return None
    return {
        "type": "string",
        "minLength": 1,
        "description": "The column of texts, which are read exactly as they are written.",
    }


def text_faults(data: dict[str, Any], info: AlgorithmInfo, limits: Limits) -> Iterator[Fault]:
    """What is wrong with it."""
    said, where = data.get("text"), "$.data.text"
    if said is None:
        return
    if TEXT not in info.algorithm.takes:
        yield Fault(where, f"{info.name} takes {takes_words(info)}, no texts; leave this out")
    elif wrong := wrong_name(said, limits):
        yield Fault(where, wrong)
    elif said == data.get("target"):
        yield Fault(where, "the target cannot be the text")


def has_own_labels(data: Mapping[str, Any], info: AlgorithmInfo) -> bool:
    """Whether `data` is of a file that has labels of its own: nothing is said of a table."""
    formats = labelled_formats(info)
    if data.get("format") in formats:
        return True
    said = {name for name, value in data.items() if value is not None} - {"uri", "format", "image"}
    return bool(formats) and data.get("format") is None and not said


def faults_together(data: dict[str, Any], info: AlgorithmInfo) -> Iterator[Fault]:
    """What does not go together, of members that are sound each by itself."""
    takes = info.algorithm.takes
    if has_own_labels(data, info):
        for name, value in data.items():
            if value is not None and name not in ("uri", "format", "image"):
                what = data["format"]
                yield Fault(member("$.data", name), f"a file of {what} has labels of its own; leave this out")
        return
    if IMAGE in takes and data.get("image") is None:
        advice = "of a zip of class folders or an NPZ, leave the target out"
        yield Fault("$.data.image", f"expected [height, width, channels] of the pixels in a row; {advice}")
    text, sequence = data.get("text"), data.get("sequence")
    if text is not None and sequence is not None:
        yield Fault("$.data.sequence", "a text is its own sequence: leave this or 'text' out")
    if data.get("features") is not None and text is not None:
        yield Fault("$.data.features", "of a text nothing else is read; leave this out")
    elif data.get("features") is not None and sequence is not None:
        yield Fault(
            "$.data.features", "the columns of a step are its 'channels' in 'sequence'; leave this out"
        )
    yield from _faults_of_options(data)


def _faults_of_options(data: Mapping[str, Any]) -> Iterator[Fault]:
    """What the options may not say of columns that are needed."""
    types, exclude = data.get("types") or {}, data.get("exclude") or []
    for role, name in _needed(data):
        if not isinstance(name, str):
            continue
        if name in exclude:
            yield Fault("$.data.exclude", f"the {role} cannot be excluded")
        if types.get(name) == IGNORE:
            yield Fault(member("$.data.types", name), f"the {role} cannot be ignored")
        elif role == "text" and name in types:
            yield Fault(member("$.data.types", name), "a text is read as it is written; leave this out")


def _needed(data: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The columns that `data` cannot be read without, and what they are."""
    yield "target", data.get("target")
    yield "text", data.get("text")
    sequence = data.get("sequence")
    if isinstance(sequence, dict):
        yield "id", sequence.get("id")
        yield "order", sequence.get("order")
        for name in sequence.get("channels") or ():
            yield f"channel {shown(name)}", name


type MemberFaults = Callable[[dict[str, Any], AlgorithmInfo, Limits], Iterator[Fault]]
