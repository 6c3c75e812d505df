"""Sequences of numbers as callers send them: lists of steps, or raw bytes. Each may be of another length."""

from __future__ import annotations

from itertools import chain

from ml_core.errors import Fault, InvalidInput, TooLarge, member, shown
from ml_core.inputs.arrays import Sequences
from ml_core.inputs.encoded import B64, ENCODED_SCHEMA, read_encoded
from ml_core.inputs.float32 import pack32, wrong_number32
from ml_core.inputs.instances import listed_instances
from ml_core.inputs.kinds import SEQUENCE
from ml_core.inputs.specs import FLOAT32, InputSpec

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ml_core.inputs.rows import Limits

MOST_STEPS = 1_000_000
"""How many steps the sequences of one request may have together."""


class SequenceInput:
    """Sequences of steps, each with a number for every channel.

    Of a sequence longer than `max_length` the last steps count, in training as in prediction.
    """

    kind = SEQUENCE

    def __init__(self, channels: tuple[str, ...], max_length: int | None = None) -> None:
        self.features = channels
        self.max_length = max_length
        self.spec = InputSpec("input-0", FLOAT32, (-1, len(channels)))

    def description(self) -> dict[str, object]:
        """What `restored_input` makes it of again, beside the features."""
        return {"kind": SEQUENCE, "max_length": self.max_length}

    def summary(self) -> dict[str, object]:
        """What a version tells of it."""
        return self.description()

    def instance_schema(self) -> dict[str, object]:
        """An instance as JSON Schema."""
        width = len(self.features)
        number: dict[str, object] = {"type": "number"}
        steps: list[object] = [
            {"type": "array", "items": number, "minItems": width, "maxItems": width},
            {
                "type": "object",
                "required": list(self.features),
                "additionalProperties": False,
                "properties": dict.fromkeys(self.features, number),
            },
        ]
        if width == 1:
            steps.append(number)
        listed = {
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": steps},
            "description": f"Steps in order, each with {', '.join(self.features)}; of any length.",
        }
        return {"anyOf": [listed, {**ENCODED_SCHEMA, "description": "Raw numbers of float32."}]}

    def read(
        self, instances: object, *, limits: Limits, where: str = "$.instances", expecting: str = "the model"
    ) -> Sequences:
        """Checked sequences. Raises `InvalidInput`, `TooLarge`."""
        listed = listed_instances(instances, limits, where)
        if all(type(each) is list for each in listed):
            found = self._read_listed(listed, where)
            if found is not None:
                return found
        return self._read_each(listed, where, expecting)

    def cut(self, sequences: Sequences) -> Sequences:
        """The sequences without the steps that do not count."""
        most = self.max_length
        if most is None or max(sequences.lengths) <= most:
            return sequences
        size = len(sequences.packed) // sum(sequences.lengths)
        kept, end = [], 0
        for length in sequences.lengths:
            end += length
            kept.append(sequences.packed[(end - min(length, most)) * size : end * size])
        lengths = [min(length, most) for length in sequences.lengths]
        return Sequences(b"".join(kept), sequences.width, lengths, sequences.dtype, sequences.where)

    def _read_listed(self, listed: list[Any], where: str) -> Sequences | None:
        """Lists of steps; None where something is wrong with them."""
        lengths = list(map(len, listed))
        if 0 in lengths:
            return None
        _check_steps(sum(lengths), where)
        numbers = _numbers(list(chain.from_iterable(listed)), self.features)
        packed = None if numbers is None else pack32(numbers)
        return (
            None if packed is None else self.cut(Sequences(packed, len(self.features), lengths, "F32", where))
        )

    def _read_each(self, listed: list[object], where: str, expecting: str) -> Sequences:
        parts: list[bytes] = []
        lengths: list[int] = []
        step = 4 * len(self.features)
        for index, instance in enumerate(listed):
            path = f"{where}[{index}]"
            if isinstance(instance, dict):
                packed = self._read_encoded(instance, path, expecting)
            else:
                numbers = (
                    _numbers(instance, self.features) if isinstance(instance, list) and instance else None
                )
                read = None if numbers is None else pack32(numbers)
                if read is None:
                    raise InvalidInput(_faults(instance, self.features, path, expecting))
                packed = read
            parts.append(packed)
            lengths.append(len(packed) // step)
            _check_steps(sum(lengths), where)
        return self.cut(Sequences(b"".join(parts), len(self.features), lengths, "F32", where))

    def _read_encoded(self, instance: dict[str, object], where: str, expecting: str) -> bytes:
        encoded = read_encoded(instance, where)
        if encoded.dtype != "F32":
            got = "none" if encoded.dtype is None else "uint8"
            raise InvalidInput.at(f"{where}.dtype", f'expected "float32", got {got}')
        width = len(self.features)
        if not encoded.data or encoded.numbers() % width:
            message = f"{expecting} expects steps of {width} numbers, at least one"
            raise InvalidInput.at(f"{where}.{B64}", f"{message}; got {encoded.numbers()} numbers")
        return encoded.data


def channel_names(instances: object, given: object) -> list[Any]:
    """The names of the channels: those given, else the members of the first step, else x0, x1 and so on."""
    first = instances[0] if isinstance(instances, list) and instances else None
    step = first[0] if isinstance(first, list) and first else None
    if given is not None:
        return given if isinstance(given, list) else [given]
    if isinstance(step, dict):
        return list(step)
    if isinstance(first, dict):
        raise InvalidInput.at(
            "$.feature_names", "raw numbers do not tell how many a step has: name the channels"
        )
    if step is None:
        message = f"expected a sequence as a list of steps, or a text, got {shown(first)}"
        raise InvalidInput.at("$.instances[0]", message)
    return [f"x{channel}" for channel in range(len(step) if isinstance(step, list) else 1)]


def _check_steps(steps: int, where: str) -> None:
    if steps > MOST_STEPS:
        raise TooLarge(f"{where} has {steps:,} steps and more; at most {MOST_STEPS:,} are taken together")


def _numbers(steps: list[Any], channels: Sequence[str]) -> list[Any] | None:
    """The numbers of steps in a row; None where one is not of the channels."""
    kinds = set(map(type, steps))
    if kinds == {list} and set(map(len, steps)) == {len(channels)}:
        return list(chain.from_iterable(steps))
    if kinds == {dict}:
        names = set(channels)
        if all(step.keys() == names for step in steps):
            return [step[name] for step in steps for name in channels]
        return None
    return steps if len(channels) == 1 and kinds <= {int, float} else None


def _faults(instance: object, channels: Sequence[str], where: str, expecting: str) -> Iterator[Fault]:
    """What is wrong with one sequence."""
    if not isinstance(instance, list):
        yield Fault(where, f"{expecting} expects a list of steps, got {shown(instance)}")
        return
    if not instance:
        yield Fault(where, f"{expecting} expects at least one step, got none")
        return
    kind = type(instance[0])
    expected = f"a list of {len(channels)} numbers or an object by channel, as the first step is"
    for index, step in enumerate(instance):
        path = f"{where}[{index}]"
        if isinstance(step, list) and kind is list:
            yield from _faults_of_list(step, len(channels), path, expecting)
        elif isinstance(step, dict) and kind is dict:
            yield from _faults_of_object(step, channels, path, expecting)
        elif len(channels) == 1 and kind in (int, float):
            yield from _faults_of_number(step, path)
        else:
            yield Fault(path, f"expected {expected}, got {shown(step)}")


def _faults_of_list(step: list[object], width: int, path: str, expecting: str) -> Iterator[Fault]:
    if len(step) != width:
        yield Fault(path, f"{expecting} expects {width} numbers in a step, got {len(step)}")
        return
    for place, value in enumerate(step):
        yield from _faults_of_number(value, f"{path}[{place}]")


def _faults_of_object(
    step: dict[str, object], channels: Sequence[str], path: str, expecting: str
) -> Iterator[Fault]:
    for name in channels:
        if name not in step:
            yield Fault(path, f"channel {shown(name)} is missing")
        else:
            yield from _faults_of_number(step[name], member(path, name))
    known = frozenset(channels)
    for name in step:
        if name not in known:
            yield Fault(member(path, name), f"{expecting} has no channel {shown(name)}")


def _faults_of_number(value: object, path: str) -> Iterator[Fault]:
    if value is None:
        yield Fault(path, "expected a number, got null: fill gaps first")
    elif told := wrong_number32(value):
        yield Fault(path, told)
