"""Pictures, sequences and texts to train on: checked as they come in a request, or read from a file."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core import safetensors
from ml_core.algorithms.base import AlgorithmInfo, DataSize
from ml_core.digests import sha256
from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.arrays import Pictures, Sequences, channels_seem_first
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TEXT
from ml_core.inputs.labels import Label, Labels
from ml_core.inputs.rounding import PIXELS, erased, of_channel
from ml_core.inputs.rows import Limits
from ml_core.preprocessing.picture_input import training_pictures
from ml_core.preprocessing.sequence_input import SequenceInput, channel_names
from ml_core.preprocessing.text_input import read_texts, text_schema
from ml_core.training.forms import SHAPE, SHAPE_SCHEMA, read_shape
from ml_core.training.rows import check_names, checked_targets
from ml_core.training.split import RANDOM, Split

if TYPE_CHECKING:
    from ml_core.inputs.samples import Samples
    from ml_core.preprocessing.pixel_columns import PixelColumns

type Instances = Pictures | Sequences | list[str]

# The names of what has none.
_IMAGE, _TEXT = "image", "text"
INPUT_SCHEMA: dict[str, Any] = {
    "title": "Picture input",
    "type": "object",
    "additionalProperties": False,
    "required": ["shape"],
    "properties": {
        "shape": {**SHAPE_SCHEMA, "description": "Height, width and channels."},
    },
    "description": "What a picture is, where nested lists do not tell it.",
}


class TrainingInstances(NamedTuple):
    """Checked pictures, sequences or texts, a label for each, and what is to be said of them.

    `features` are a sequence's channels; of pictures and texts the one name that an instance has. Where they
    are held out by a column, `ranks` are each one's place among its different values, as packed int64. `test`
    tells of each by a byte whether it is held out, where the data itself says so. `in_file` are those that
    were read from a file; `pixels` are its columns where it is a table of pixels.
    """

    kind: str
    instances: Instances
    features: tuple[str, ...]
    targets: list[Label] | Labels | None
    warnings: tuple[str, ...] = ()
    ranks: bytes | memoryview | None = None
    test: bytes | memoryview | None = None
    in_file: bool = False
    pixels: "PixelColumns | None" = None

    @property
    def where(self) -> str:
        """The JSON path of what they came in."""
        return "$.data" if self.in_file else "$.instances"

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.instances)

    def data_size(self, rows: int, rarest: int | None) -> DataSize:
        """How much so many of them are to fit."""
        if isinstance(self.instances, Pictures):
            return DataSize(rows, rarest, shape=self.instances.shape)
        if isinstance(self.instances, Sequences):
            steps = sum(self.instances.lengths) * rows // max(1, len(self.instances))
            return DataSize(rows, rarest, shape=(-1, self.instances.width), steps=steps)
        return DataSize(rows, rarest)

    def summary(self) -> dict[str, object]:
        """What a job tells of them."""
        told: dict[str, object] = {"rows": self.size, "input": {"kind": self.kind}}
        if isinstance(self.instances, Pictures):
            told["input"] = {"kind": self.kind, "shape": list(self.instances.shape)}
        elif isinstance(self.instances, Sequences):
            told["features"] = len(self.features)
        return told

    def lineage(self) -> dict[str, object]:
        """What tells whether another request had the same instances and targets: their SHA-256."""
        stored = safetensors.pieces(*self._stored({}))  # of a large request not yet another copy
        return {"uri": None, "size": self._nbytes(), "sha256": sha256(*stored)}

    def samples(self) -> "Samples":
        """The instances as arrays, uncopied."""
        import numpy as np

        from ml_core.inputs.samples import PictureSamples, SequenceSamples, TextSamples, offsets_of

        if isinstance(self.instances, Pictures):
            kind = "u1" if self.instances.dtype == "U8" else "<f4"
            return PictureSamples(
                np.frombuffer(self.instances.packed, kind).reshape(-1, *self.instances.shape)
            )
        if isinstance(self.instances, Sequences):
            steps = np.frombuffer(self.instances.packed, "<f4").reshape(-1, self.instances.width)
            return SequenceSamples(steps, offsets_of(np.asarray(self.instances.lengths)))
        return TextSamples(self.instances)

    def without_rows(self) -> "TrainingInstances":
        """All but the instances and their targets."""
        return self._replace(instances=[], targets=None, ranks=None, test=None)

    def to_bytes(self, more: Mapping[str, object]) -> bytes:
        """A safetensors file of the instances, described with `more`."""
        return safetensors.write(*self._stored(more))

    def _stored(self, more: Mapping[str, object]) -> tuple[dict[str, object], dict[str, safetensors.Tensor]]:
        """The description and the tensors of the file."""
        tensors: dict[str, safetensors.Tensor] = {}
        described: dict[str, object] = {"kind": self.kind, "features": self.features, "targets": self.targets}
        if isinstance(self.instances, Pictures):
            shape = (len(self.instances), *self.instances.shape)
            tensors["pictures"] = safetensors.Tensor(shape, self.instances.packed, self.instances.dtype)
        elif isinstance(self.instances, Sequences):
            lengths = self.instances.lengths
            steps = (sum(lengths), self.instances.width)
            tensors["steps"] = safetensors.Tensor(steps, self.instances.packed, "F32")
            tensors["lengths"] = safetensors.Tensor((len(lengths),), _packed_counts(lengths), "I64")
        else:
            described["texts"] = self.instances
        if self.warnings:
            described["warnings"] = self.warnings
        for name, packed, dtype in (("ranks", self.ranks, "I64"), ("test", self.test, "U8")):
            if packed is not None:
                tensors[name] = safetensors.Tensor((self.size,), packed, dtype)
        return {**more, **described}, tensors

    @classmethod
    def of_stored(
        cls, described: dict[str, Any], tensors: dict[str, safetensors.Tensor]
    ) -> "TrainingInstances":
        """The instances that `to_bytes` wrote. Raises `ArtifactInvalid`, `KeyError`."""
        kind, instances = described["kind"], described.get("texts")
        if kind == IMAGE:
            _, *shape = tensors["pictures"].shape
            instances = Pictures(tensors["pictures"].packed, _shape(shape), tensors["pictures"].dtype)
        elif kind == SEQUENCE:
            lengths = memoryview(tensors["lengths"].packed).cast("B").cast("q").tolist()
            instances = Sequences(tensors["steps"].packed, tensors["steps"].shape[1], lengths)
        if instances is None:
            raise ArtifactInvalid(f"nothing is known of instances of the kind {kind!r}")
        return cls(
            kind,
            instances,
            tuple(described["features"]),
            described["targets"],
            tuple(described.get("warnings", ())),
            tensors["ranks"].packed if "ranks" in tensors else None,
            tensors["test"].packed if "test" in tensors else None,
        )

    def _nbytes(self) -> int:
        if isinstance(self.instances, list):
            return sum(len(text.encode()) for text in self.instances)
        return len(self.instances.packed)


def _packed_counts(counts: Sequence[int]) -> bytes:
    import struct

    return struct.pack(f"<{len(counts)}q", *counts)


def _shape(lengths: Sequence[int]) -> tuple[int, int, int]:
    height, width, channels = lengths
    return height, width, channels


def instances_schema(info: AlgorithmInfo) -> dict[str, Any]:
    """The instances of a network's body as JSON Schema."""
    number: dict[str, Any] = {"type": "number"}
    encoded = {
        "title": "Encoded instance",
        "type": "object",
        "required": ["b64"],
        "properties": {"b64": {"type": "string"}},
    }
    items: list[dict[str, Any]] = []
    if IMAGE in info.algorithm.takes:
        items += [{"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 1}}, encoded]
        says = "Pictures: nested lists [height][width] or [height][width][channels], or PNG files in base64."
    else:
        by_channel = {"title": "Step by channel", "type": "object"}
        steps = {"title": "Step", "anyOf": [{"type": "array", "items": number}, by_channel, number]}
        items += [{"type": "array", "minItems": 1, "items": steps}, encoded, text_schema(_TEXT)]
        says = "Sequences: lists of steps, each a list of numbers or an object by channel; or texts."
    return {
        "type": "array",
        "minItems": 1,
        "description": says,
        "items": {"title": f"{info.name} instance", "anyOf": items},
    }


def check_instances(
    body: dict[str, object], info: AlgorithmInfo, limits: Limits, split: Split
) -> TrainingInstances:
    """The instances of a body. Raises `InvalidInput`, `TooLarge`."""
    raise_faults(
        Fault(f"$.{name}", f"{info.name} takes no columns; leave this out")
        for name in ("types", "missing")
        if body.get(name) is not None
    )
    if split["by"] != RANDOM:
        raise InvalidInput.at(
            "$.split", f"{info.name} has no column to hold instances out by; it can where `data` names a file"
        )
    read = _pictures if IMAGE in info.algorithm.takes else _sequences_or_texts
    kind, instances, features = read(body, info, limits)
    check_names(list(features), "$.feature_names", limits)
    targets = checked_targets(info, body.get("targets"), len(instances), limits)
    warnings = _erased(body.get("instances"), instances, features)
    return TrainingInstances(kind, instances, features, targets, (*_doubts(body, instances), *warnings))


def _doubts(body: dict[str, object], instances: Instances) -> tuple[str, ...]:
    """What is to be said of pictures whose shape nobody said."""
    if body.get("input") is not None or not isinstance(instances, Pictures):
        return ()
    if not channels_seem_first(instances.shape):
        return ()
    height, width, channels = instances.shape
    told = f"the pictures are {height} high and {width} wide and have {channels} channels, as the lists say"
    said = f'"input": {{"shape": {[*instances.shape]}}} says that they are so'
    return (f"{told}: if channels come first in them, put them last; {said}",)


def _pictures(
    body: dict[str, object], info: AlgorithmInfo, limits: Limits
) -> tuple[str, Instances, tuple[str, ...]]:
    if body.get("feature_names") is not None:
        raise InvalidInput.at("$.feature_names", f"{info.name} takes pictures, which have no features")
    said = body.get("input")
    shape = None if said is None else checked_shape(said, "$.input")
    return IMAGE, training_pictures(body.get("instances"), shape, limits), (_IMAGE,)


def _sequences_or_texts(
    body: dict[str, object], info: AlgorithmInfo, limits: Limits
) -> tuple[str, Instances, tuple[str, ...]]:
    if body.get("input") is not None:
        raise InvalidInput.at(
            "$.input", f"{info.name} takes sequences or texts, not pictures; leave this out"
        )
    instances, names = body.get("instances"), body.get("feature_names")
    if _are_texts(instances):
        name = names[0] if isinstance(names, list) and len(names) == 1 else _name_of(instances)
        if names is not None and names != [name]:
            raise InvalidInput.at("$.feature_names", f"expected one name for a text, got {shown(names)}")
        return TEXT, read_texts(instances, str(name), limits, expecting="this training"), (str(name),)
    channels = channel_names(instances, names)
    check_names(channels, "$.feature_names", limits)
    reader = SequenceInput(tuple(channels))
    sequences = reader.read(instances, limits=limits, expecting="this training")
    return SEQUENCE, sequences, reader.features


def _erased(given: object, read: Instances, features: tuple[str, ...]) -> list[str]:
    """What is to be said of numbers that differ as they were sent, and no more as they were read."""
    sent = given if isinstance(given, list) else []
    if isinstance(read, Pictures) and read.dtype == "F32":
        return erased(chain.from_iterable(_numbers_in(each) for each in sent), PIXELS)
    if not isinstance(read, Sequences):
        return []
    return [
        told
        for place, name in enumerate(features)
        for told in erased(
            chain.from_iterable(_of_channel(each, name, place) for each in sent), of_channel(name)
        )
    ]


def _numbers_in(value: object) -> Iterator[Any]:
    """All numbers of nested lists."""
    if isinstance(value, list):
        if not any(isinstance(each, list) for each in value):
            yield from value
            return
        for each in value:
            yield from _numbers_in(each)


def _of_channel(instance: object, name: str, place: int) -> Iterator[Any]:
    """The numbers of a channel, in any form but that of raw bytes. They were read: each form is sound."""
    if isinstance(instance, dict):
        yield from instance.get(name, ())
    for step in instance if isinstance(instance, list) else ():
        yield step[name] if isinstance(step, dict) else step[place] if isinstance(step, list) else step


def _are_texts(instances: object) -> bool:
    """Whether the first instance is a text, or an object that has one."""
    first = instances[0] if isinstance(instances, list) and instances else None
    if isinstance(first, dict) and "b64" not in first:
        return len(first) == 1 and isinstance(next(iter(first.values())), str)
    return isinstance(first, str)


def _name_of(instances: object) -> object:
    first = instances[0] if isinstance(instances, list) and instances else None
    return next(iter(first)) if isinstance(first, dict) else _TEXT


def checked_shape(value: object, where: str) -> tuple[int, int, int]:
    """The `shape` of an object that has nothing else. Raises `InvalidInput`."""
    if not isinstance(value, dict) or value.keys() != {"shape"}:
        raise InvalidInput.at(
            where, f'expected an object such as {{"shape": [28, 28, 1]}}, got {shown(value)}'
        )
    shape = read_shape(value["shape"])
    if shape is None:
        raise InvalidInput.at(f"{where}.shape", f"expected {SHAPE}, got {shown(value['shape'])}")
    return shape
