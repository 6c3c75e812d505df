"""Sequences of numbers as callers send them: lists of steps, or raw bytes. Each may be of another length."""

from __future__ import annotations

from itertools import chain

from ml_core.errors import Fault, InvalidInput, member, shown
from ml_core.inputs.arrays import Sequences, check_steps
from ml_core.inputs.encoded import B64, DTYPE, ENCODED_FLOATS_SCHEMA, read_encoded
from ml_core.inputs.float32 import pack32, wrong_number32
from ml_core.inputs.instance_cells import cells_of, each_read, encoded_of
from ml_core.inputs.instances import IGNORED, LEAVE_OUT, listed_instances, no_feature
from ml_core.inputs.kinds import SEQUENCE
from ml_core.inputs.specs import FLOAT32, InputSpec

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits


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
        named = {
            "type": "object",
            "required": list(self.features),
            "additionalProperties": False,
            "properties": {name: {"type": "array", "items": number, "minItems": 1} for name in self.features},
            "description": "A row of a data frame: of each channel its numbers, all of one length.",
        }
        encoded = {**ENCODED_FLOATS_SCHEMA, "description": "The numbers of step after step."}
        return {"anyOf": [listed, encoded, named]}

    def read(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,
    ) -> Sequences:
        """Checked sequences. `unknown` as in `Model.rows`; `notes` take which ones are cut.

        Raises `InvalidInput`, `TooLarge`.
        """
        listed = listed_instances(instances, limits, where)
        found = self._read_listed(listed, where) if all(type(each) is list for each in listed) else None
        if found is None:
            reading = _SequenceReading(self.features, where, expecting, unknown)
            found = reading.joined(
                len(listed), lambda index: reading.of_instance(listed[index], f"{where}[{index}]")
            )
        return self.cut(found, notes, lambda row: f"{where}[{row}]")

    def of_columns(
        self,
        columns: Sequence[Sequence[object]],
        path: Callable[[int, int], str],
        where: str,
        *,
        expecting: str = "the model",
        notes: Notes | None = None,
    ) -> Sequences:
        """The sequences in lists of numbers, one for each channel; `path` as in `packed_columns`.

        Raises `InvalidInput`, `TooLarge`.
        """
        reading = _SequenceReading(self.features, where, expecting, LEAVE_OUT)
        found = reading.joined(
            len(columns[0]),
            lambda row: reading.of_cells([column[row] for column in columns], lambda place: path(place, row)),
        )
        return self.cut(found, notes, lambda row: path(0, row))

    def cut(
        self, sequences: Sequences, notes: Notes | None = None, path: Callable[[int], str] | None = None
    ) -> Sequences:
        """The sequences without the steps that do not count; `notes` take which these are, by their paths."""
        most = self.max_length
        if most is None or max(sequences.lengths) <= most:
            return sequences
        size = len(sequences.packed) // sum(sequences.lengths)
        kept, end = [], 0
        for row, length in enumerate(sequences.lengths):
            end += length
            kept.append(sequences.packed[(end - min(length, most)) * size : end * size])
            if length > most and notes is not None and path is not None:
                notes.add(path(row), f"of {length} steps the last {most} count")
        lengths = [min(length, most) for length in sequences.lengths]
        return Sequences(b"".join(kept), sequences.width, lengths, sequences.dtype, sequences.where)

    def _read_listed(self, listed: list[Any], where: str) -> Sequences | None:
        """Lists of steps; None where something is wrong with them."""
        lengths = list(map(len, listed))
        if 0 in lengths:
            return None
        check_steps(sum(lengths), where)
        numbers = _numbers(list(chain.from_iterable(listed)), self.features)
        packed = None if numbers is None else pack32(numbers)
        return None if packed is None else Sequences(packed, len(self.features), lengths, "F32", where)


class _SequenceReading:
    """The reading of one request's sequences, one by one."""

    def __init__(self, channels: tuple[str, ...], where: str, expecting: str, unknown: str) -> None:
        self.channels = channels
        self.where = where
        self.expecting = expecting
        self.unknown = unknown
        self._steps = 0

    def joined(self, count: int, read: Callable[[int], bytes]) -> Sequences:
        """So many sequences, each as `read` packs it. Raises `InvalidInput`, `TooLarge`."""
        step, lengths = 4 * len(self.channels), []

        def counted(index: int) -> bytes:
            packed = read(index)
            lengths.append(len(packed) // step)
            self._steps += lengths[-1]
            check_steps(self._steps, self.where)
            return packed

        parts = each_read(count, counted)
        return Sequences(b"".join(parts), len(self.channels), lengths, "F32", self.where)

    def of_instance(self, instance: object, where: str) -> bytes:
        """A sequence in any of its forms. Raises `InvalidInput`."""
        if isinstance(instance, dict):
            encoded = encoded_of(instance, self.channels, self.unknown)
            if encoded is not None:
                return self._of_encoded(encoded, where)
            cells = cells_of(instance, self.channels, where, self.expecting, self.unknown)
            return self.of_cells(cells, lambda place: member(where, self.channels[place]))
        numbers = None
        if isinstance(instance, list) and instance:
            numbers = _numbers(instance, self.channels, self.unknown)
        packed = None if numbers is None else pack32(numbers)
        if packed is None:
            raise InvalidInput(_faults(instance, self.channels, where, self.expecting, self.unknown))
        return packed

    def of_cells(self, cells: list[Any], path: Callable[[int], str]) -> bytes:
        """A sequence as a list of numbers for each channel. Raises `InvalidInput`."""
        if set(map(type, cells)) == {list} and len(set(map(len, cells))) == 1 and cells[0]:
            packed = pack32(list(chain.from_iterable(zip(*cells, strict=True))))
            if packed is not None:
                return packed
        raise InvalidInput(_faults_of_cells(cells, path, self.expecting))

    def _of_encoded(self, instance: dict[str, object], where: str) -> bytes:
        encoded = read_encoded(instance, where)
        if encoded.dtype != "F32":
            got = "none" if encoded.dtype is None else "uint8"
            raise InvalidInput.at(member(where, DTYPE), f'expected "float32", got {got}')
        width = len(self.channels)
        if not encoded.data or encoded.numbers() % width:
            message = f"{self.expecting} expects steps of {width} numbers, at least one"
            raise InvalidInput.at(encoded.where, f"{message}; got {encoded.numbers()} numbers")
        return encoded.data


def channel_names(instances: object, given: object) -> list[Any]:
    """The names of the channels: those given, else the members of the first step, else x0, x1 and so on.

    A sequence may also be an object of a list for each channel, whose members they are then.
    """
    first = instances[0] if isinstance(instances, list) and instances else None
    step = first[0] if isinstance(first, list) and first else None
    if given is not None:
        return given if isinstance(given, list) else [given]
    if isinstance(step, dict):
        return list(step)
    if isinstance(first, dict) and not first.keys().isdisjoint((B64, DTYPE)):
        raise InvalidInput.at(
            "$.feature_names", "raw numbers do not tell how many a step has: name the channels"
        )
    if isinstance(first, dict) and first:
        odd = next((name for name, cell in first.items() if not isinstance(cell, list)), None)
        if odd is None:
            return list(first)
        raise InvalidInput.at(
            member("$.instances[0]", odd),
            "expected a list of numbers, one for each step, or a text alone in its object, got "
            f"{shown(first[odd])}",
        )
    if step is None:
        message = f"expected a sequence as a list of steps, or a text, got {shown(first)}"
        raise InvalidInput.at("$.instances[0]", message)
    return [f"x{channel}" for channel in range(len(step) if isinstance(step, list) else 1)]


def _numbers(steps: list[Any], channels: Sequence[str], unknown: str = LEAVE_OUT) -> list[Any] | None:
    """The numbers of steps in a row; None where one is not of the channels."""
    kinds = set(map(type, steps))
    if kinds == {list} and set(map(len, steps)) == {len(channels)}:
        return list(chain.from_iterable(steps))
    if kinds == {dict}:
        names = set(channels)
        if all(step.keys() == names or (unknown is IGNORED and step.keys() > names) for step in steps):
            return [step[name] for step in steps for name in channels]
        return None
    return steps if len(channels) == 1 and kinds <= {int, float} else None


def _faults(
    instance: object, channels: Sequence[str], where: str, expecting: str, unknown: str
) -> Iterator[Fault]:
    """What is wrong with one sequence."""
    if not isinstance(instance, list):
        yield Fault(where, f"{expecting} expects a list of steps, got {shown(instance)}")
        return
    if not instance:
        yield Fault(where, f"{expecting} expects at least one step, got none")
        return
    kind = type(instance[0])
    width = len(channels)
    forms: dict[type, str] = {
        list: "a list of a number" if width == 1 else f"a list of {width} numbers",
        dict: "an object by channel",
    }
    if width == 1:
        forms |= dict.fromkeys((int, float), "a number")
    any_form = " or ".join(dict.fromkeys(forms.values()))
    expected = f"{forms[kind]}, as the first step is" if kind in forms else any_form
    for index, step in enumerate(instance):
        path = f"{where}[{index}]"
        if isinstance(step, list) and kind is list:
            yield from _faults_of_list(step, len(channels), path, expecting)
        elif isinstance(step, dict) and kind is dict:
            yield from _faults_of_object(step, channels, path, expecting, unknown)
        elif len(channels) == 1 and kind in (int, float):
            yield from _faults_of_number(step, path)
        else:
            yield Fault(path, f"expected {expected}, got {shown(step)}{_as_number(step)}")


def _faults_of_list(step: list[object], width: int, path: str, expecting: str) -> Iterator[Fault]:
    if len(step) != width:
        yield Fault(path, f"{expecting} expects {width} numbers in a step, got {len(step)}")
        return
    for place, value in enumerate(step):
        yield from _faults_of_number(value, f"{path}[{place}]")


def _faults_of_object(
    step: dict[str, object], channels: Sequence[str], path: str, expecting: str, unknown: str
) -> Iterator[Fault]:
    for name in channels:
        if name not in step:
            yield Fault(path, f"channel {shown(name)} is missing")
        else:
            yield from _faults_of_number(step[name], member(path, name))
    if unknown is not IGNORED:
        known = frozenset(channels)
        for name in step:
            if name not in known:
                yield Fault(member(path, name), no_feature(expecting, name, unknown, "channel"))


def _faults_of_cells(cells: list[object], path: Callable[[int], str], expecting: str) -> Iterator[Fault]:
    """What is wrong with the lists of a sequence's channels."""
    lists = {place: cell for place, cell in enumerate(cells) if isinstance(cell, list)}
    for place, cell in enumerate(cells):
        if not isinstance(cell, list):
            yield Fault(
                path(place), f"{expecting} expects a list of numbers, one for each step, got {shown(cell)}"
            )
    for place, cell in lists.items():
        first = next(iter(lists))
        if not cell:
            yield Fault(path(place), f"{expecting} expects at least one step, got none")
        elif len(cell) != len(lists[first]):
            message = f"has {len(cell)} numbers, and {path(first)} has {len(lists[first])}"
            yield Fault(path(place), message)
        for step, value in enumerate(cell):
            yield from _faults_of_number(value, f"{path(place)}[{step}]")


def _faults_of_number(value: object, path: str) -> Iterator[Fault]:
    if value is None:
        yield Fault(path, "expected a number, got null: fill gaps first")
    elif told := wrong_number32(value):
        yield Fault(path, f"{told}{_as_number(value)}")


def _as_number(value: object) -> str:
    """How a truth value is sent: a channel of these was trained as 0 and 1."""
    return f": truth values are 1 and 0, send {int(value)}" if isinstance(value, bool) else ""
