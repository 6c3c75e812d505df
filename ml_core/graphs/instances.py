"""Checked instances of imported models that are no rows of numbers: rows with texts, and tensors."""

from __future__ import annotations

from ml_core.errors import Fault, InvalidInput, TooLarge, member, raise_faults, shown
from ml_core.graphs.call import FLOATS
from ml_core.graphs.elements import is_shape_of, wrong_elements
from ml_core.inputs.columns import CATEGORY, read_column, wrong_values
from ml_core.inputs.instances import IGNORED, LEAVE_OUT, in_order, listed_instances, no_feature
from ml_core.inputs.kinds import TENSORS
from ml_core.inputs.specs import InputSpec

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ml_core.graphs.elements import Entry
    from ml_core.graphs.signature import GraphInput, GraphSignature
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits
    from ml_core.inputs.tensors import InputTensor

_DEEPEST = 8


class GraphRows:
    """Rows of which a column is texts: a list of numbers or texts for each feature, all of one length."""

    __slots__ = ("columns", "where")

    def __init__(self, columns: list[list[Any]], where: str) -> None:
        self.columns = columns
        self.where = where

    def __len__(self) -> int:
        return len(self.columns[0])


class GraphInstances:
    """Tensors of instances: for each instance a shape and its values for each input of the graph."""

    __slots__ = ("entries", "where")

    def __init__(self, entries: list[list[Entry]], where: str) -> None:
        self.entries = entries
        self.where = where

    def __len__(self) -> int:
        return len(self.entries)


def read_rows(
    instances: object,
    features: Sequence[Feature],
    *,
    limits: Limits,
    where: str,
    expecting: str,
    unknown: str,
) -> GraphRows:
    """Rows as callers send them: lists in order, or objects by name. Raises `InvalidInput`, `TooLarge`."""
    names = [feature.name for feature in features]
    listed, rows = in_order(instances, names, limits, where, expecting, unknown=unknown)

    def path(place: int, row: int) -> str:
        at = f"{where}[{row}]"
        return member(at, names[place]) if isinstance(listed[row], dict) else f"{at}[{place}]"

    return rows_of_columns(features, [*zip(*rows, strict=True)], path, where)


def rows_of_columns(
    features: Sequence[Feature],
    columns: Sequence[Sequence[Any]],
    path: Callable[[int, int], str],
    where: str,
) -> GraphRows:
    """Rows that came column by column; `path` says where a value stands. Raises `InvalidInput`."""
    read: list[list[Any]] = []

    def faults() -> Iterator[Fault]:
        for place, (feature, values) in enumerate(zip(features, columns, strict=True)):
            if feature.kind == CATEGORY:
                read.append([*values])
                wrong = _wrong_texts(values)
            else:
                read.append(read_column(feature, values))
                wrong = wrong_values(read[-1])
            yield from (Fault(path(place, row), message) for row, message in wrong)

    raise_faults(faults())
    return GraphRows(read, where)


def _wrong_texts(values: Sequence[object]) -> Iterator[tuple[int, str]]:
    for row, value in enumerate(values):
        if not isinstance(value, str):
            yield row, f"expected a text, got {shown(value)}"


class GraphReader:
    """Reads the tensors of an imported model: nested lists, one for each input, or the one that there is."""

    kind = TENSORS

    def __init__(self, signature: GraphSignature) -> None:
        self.inputs = signature.inputs
        self.features = signature.features
        only = self.inputs[0]
        shape = tuple(-1 if length is None else length for length in only.shape)
        self.spec = InputSpec(only.name, only.datatype, shape)

    def description(self) -> dict[str, object]:
        """What a version tells of it."""
        return {"kind": TENSORS}

    summary = description

    def instance_schema(self) -> dict[str, object]:
        """An instance as JSON Schema: an object by the inputs' names; of one input its value, too."""
        each = {name: _schema(port) for name, port in zip(self.features, self.inputs, strict=True)}
        by_name = {
            "type": "object",
            "properties": each,
            "required": [*each],
            "additionalProperties": False,
        }
        return {"anyOf": [by_name, *each.values()]} if len(each) == 1 else by_name

    def note(self, *_: object) -> None:
        """There is nothing to note."""

    def read(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,  # noqa: ARG002 (the protocol's)
    ) -> GraphInstances:
        """Checked instances. Raises `InvalidInput`, `TooLarge`."""
        listed = listed_instances(instances, limits, where)
        entries: list[list[Entry]] = []
        faults: list[Fault] = []
        for row, sent in enumerate(listed):
            try:
                entries.append(self._instance(sent, f"{where}[{row}]", expecting, unknown))
            except InvalidInput as error:
                faults += error.faults
        raise_faults(faults)
        return self._bounded(entries, where, limits)

    def of_columns(
        self,
        columns: Sequence[Sequence[object]],
        path: Callable[[int, int], str],
        where: str,
        *,
        expecting: str = "the model",  # noqa: ARG002 (the protocol's)
        notes: Notes | None = None,  # noqa: ARG002
    ) -> GraphInstances:
        """Instances of which each input is a column of cells. Raises `InvalidInput`."""
        entries, faults = [], []
        for row, cells in enumerate(zip(*columns, strict=True)):
            entry = []
            for place, (port, cell) in enumerate(zip(self.inputs, cells, strict=True)):
                try:
                    entry.append(_entry(cell, port, path(place, row)))
                except InvalidInput as error:
                    faults += error.faults
            entries.append(entry)
        raise_faults(faults)
        return GraphInstances(entries, where)

    def described_tensors(self) -> list[dict[str, Any]]:
        """The input tensors, as the Open Inference Protocol's metadata has them."""
        return [
            {
                "name": name,
                "datatype": port.datatype,
                "shape": [-1, *(-1 if length is None else length for length in port.shape)],
            }
            for name, port in zip(self.features, self.inputs, strict=True)
        ]

    def of_tensors(
        self,
        tensors: Sequence[InputTensor],
        limits: Limits,
        *,
        where: str = "$.inputs",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
    ) -> GraphInstances:
        """Instances of the protocol's tensors, by the inputs' names; an only one may have any name.

        Raises `InvalidInput`, `TooLarge`.
        """
        from ml_core.graphs.tensors import entries_of_tensor

        placed = self._placed(tensors, where, expecting, unknown)
        columns = [
            entries_of_tensor(tensors[place], port, limits, f"{where}[{place}]")
            for place, port in zip(placed, self.inputs, strict=True)
        ]
        lengths = {len(column) for column in columns}
        if len(lengths) > 1:
            counted = ", ".join(str(len(column)) for column in columns)
            raise InvalidInput.at(where, f"expected tensors of as many instances, got {counted}")
        return self._bounded([[*entry] for entry in zip(*columns, strict=True)], where, limits)

    def _placed(self, tensors: Sequence[InputTensor], where: str, expecting: str, unknown: str) -> list[int]:
        """Where the tensor of each input is."""
        if len(tensors) == 1 == len(self.features):
            return [0]
        places: dict[str, int] = {}

        def faults() -> Iterator[Fault]:
            for place, tensor in enumerate(tensors):
                path = f"{where}[{place}].name"
                if tensor.name not in self.features:
                    if unknown is not IGNORED:
                        yield Fault(path, no_feature(expecting, tensor.name, unknown, "input"))
                elif places.setdefault(tensor.name, place) != place:
                    yield Fault(path, f"{shown(tensor.name)} is there twice")
            for name in self.features:
                if name not in places:
                    yield Fault(where, f"{expecting} expects a tensor for input {shown(name)}")

        raise_faults(faults())
        return [places[name] for name in self.features]

    def _instance(self, sent: object, path: str, expecting: str, unknown: str) -> list[Entry]:
        """One instance's entries. Raises `InvalidInput`."""
        if not isinstance(sent, dict):
            if len(self.inputs) == 1:
                return [_entry(sent, self.inputs[0], path)]
            raise InvalidInput.at(
                path,
                f"expected an object with {', '.join(map(shown, self.features))}, got {shown(sent)}",
            )
        raise_faults(
            [
                *(
                    Fault(path, f"input {shown(name)} is missing")
                    for name in self.features
                    if name not in sent
                ),
                *(
                    Fault(member(path, name), no_feature(expecting, name, unknown, "input"))
                    for name in sent
                    if name not in self.features and unknown is not IGNORED
                ),
            ]
        )
        each = zip(self.features, self.inputs, strict=True)
        return [_entry(sent[name], port, member(path, name)) for name, port in each]

    @staticmethod
    def _bounded(entries: list[list[Entry]], where: str, limits: Limits) -> GraphInstances:
        """Raises `TooLarge` for more numbers than pictures may have."""
        numbers = sum(len(values) for entry in entries for _, values in entry)
        if numbers > limits.max_picture_numbers:
            most = limits.max_picture_numbers
            raise TooLarge(f"{where} holds {numbers:,} values; at most {most:,} are taken")
        return GraphInstances(entries, where)


def _entry(value: object, port: GraphInput, path: str) -> Entry:
    """A nested list as a shape and its values. Raises `InvalidInput`."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and all(isinstance(each, list) for each in level) and len(shape) < _DEEPEST:
        lengths = {len(each) for each in level}
        if len(lengths) != 1:
            raise InvalidInput.at(path, "expected lists of one length beside each other, got several")
        shape.append(lengths.pop())
        level = [inside for each in level for inside in each]
    found = tuple(shape)
    if not is_shape_of(found, port) or not level:
        raise InvalidInput.at(path, f"expected {_expected(port)}, got the shape {list(found)}")
    wrong = next(wrong_elements(level, port.datatype), None)
    if wrong is not None:
        raise InvalidInput.at(path, f"{wrong[1]} (value {wrong[0]} of {len(level)})")
    return found, level


def _expected(port: GraphInput) -> str:
    lengths = ", ".join("any length" if length is None else str(length) for length in port.shape)
    return f"{port.datatype} of the shape [{lengths}]"


def _schema(port: GraphInput) -> dict[str, object]:
    kind = "string" if port.datatype == "BYTES" else "boolean" if port.datatype == "BOOL" else "number"
    if port.datatype not in (*FLOATS, "BYTES", "BOOL"):
        kind = "integer"
    described: dict[str, object] = {"type": kind}
    for length in reversed(port.shape):
        bounds = {} if length is None else {"minItems": length, "maxItems": length}
        described = {"type": "array", "items": described, **bounds}
    return {"description": port.datatype, **described}
