"""Rows from the Open Inference Protocol's tensors, one for each column, as MLServer's codec `pd` has them.

A tensor is `[rows]` or `[rows, 1]`. Numbers come in any numeric datatype, truth values as BOOL, words and
dates as BYTES; of a model that was trained on a file of text all of them do, as the file has them. Missing is
null in JSON, NaN among raw numbers, an empty text among raw BYTES.
"""

import struct
from collections.abc import Iterator, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ml_core.errors import Fault, InvalidInput, TooLarge, raise_faults, shown
from ml_core.inputs.by_column import Columns
from ml_core.inputs.columns import BOOLEAN, NUMBER, Feature
from ml_core.inputs.instances import IGNORED, LEAVE_OUT, TENSOR_CODES, no_feature, shape_shown
from ml_core.inputs.rows import Limits

if TYPE_CHECKING:
    from ml_core.inputs.notes import Notes


class InputTensor(NamedTuple):
    """A tensor of a request; `data` is its list in JSON, or its raw bytes."""

    name: str
    datatype: str
    shape: Sequence[int]
    data: "list[Any] | bytes"


class TakesColumns(Protocol):
    """A model that takes rows column by column."""

    @property
    def columns(self) -> Sequence[Feature]:
        """Its features."""

    def rows_of_columns(self, columns: Columns, *, expecting: str, notes: "Notes | None" = None) -> Any:  # noqa: ANN401
        """See `Model`."""


def datatype_of(feature: Feature) -> str:
    """The datatype in which a feature's values are described; numbers come in others as well."""
    return "FP64" if feature.kind == NUMBER else "BOOL" if feature.kind == BOOLEAN else "BYTES"


def rows_from_columns(
    model: "TakesColumns",
    columns: Sequence[InputTensor],
    limits: Limits,
    *,
    expecting: str,
    unknown: str = LEAVE_OUT,
    notes: "Notes | None" = None,
) -> Any:  # noqa: ANN401 - instances as the model takes them
    """The rows of tensors that are the model's features, in any order.

    `unknown` is what a refusal advises about a tensor that is no feature, or `IGNORED`. Raises `TooLarge`,
    `InvalidInput`.
    """
    features = model.columns
    placed = _in_order(features, columns, expecting, unknown)
    count = _common_length(columns, sorted(place for place in placed if place is not None), limits)
    absent = [None] * count
    read = (
        absent if place is None else _values(feature, columns[place], count, f"$.inputs[{place}]")
        for feature, place in zip(features, placed, strict=True)
    )
    given = Columns(
        features, read, lambda place, row: f"$.inputs[{placed[place]}].data[{row}]", "$.inputs[*].data"
    )
    return model.rows_of_columns(given, expecting=expecting, notes=notes)


def _in_order(
    features: Sequence[Feature], columns: Sequence[InputTensor], expecting: str, unknown: str
) -> list[int | None]:
    """Where each feature's tensor is; None where it may be absent, and is. One at least is there."""
    names = {feature.name for feature in features}
    places: dict[str, int] = {}

    def place_each() -> Iterator[Fault]:
        for place, column in enumerate(columns):
            where = f"$.inputs[{place}].name"
            if column.name not in names:
                if unknown is not IGNORED:
                    yield Fault(where, no_feature(expecting, column.name, unknown))
            elif places.setdefault(column.name, place) != place:
                yield Fault(where, f"{shown(column.name)} is there twice")
        for feature in features:
            if feature.name not in places and (not feature.rule.optional or not places):
                message = f"{expecting} expects a tensor for feature {shown(feature.name)}"
                yield Fault("$.inputs", message)

    raise_faults(place_each())
    return [places.get(feature.name) for feature in features]


def _common_length(columns: Sequence[InputTensor], places: Sequence[int], limits: Limits) -> int:
    """How many rows the tensors at those places have."""
    first = columns[places[0]]
    for place in places:
        shape, where = list(columns[place].shape), f"$.inputs[{place}].shape"
        if len(shape) not in (1, 2) or shape[1:] not in ([], [1]):
            raise InvalidInput.at(where, f"expected [rows] or [rows, 1], got {shape_shown(shape)}")
        if shape[0] != first.shape[0]:
            others = f"{shown(first.shape[0])} in {shown(first.name)}"
            raise InvalidInput.at(where, f"{shown(shape[0])} rows, and {others}")
    count, where = first.shape[0], f"$.inputs[{places[0]}].shape"
    if count == 0:
        raise InvalidInput.at(where, "expected at least one row, got none")
    if count > limits.max_rows:
        raise TooLarge(f"{where} has {shown(count)} rows; at most {limits.max_rows} are taken")
    return count


def _values(feature: Feature, column: InputTensor, count: int, where: str) -> list[Any]:
    """A tensor's values as JSON would have them; None for a missing one."""
    expected = datatype_of(feature)
    if column.datatype != expected and not _is_taken(feature, column.datatype):
        raise InvalidInput.at(
            f"{where}.datatype",
            f"feature {shown(feature.name)} takes {expected}, got {shown(column.datatype)}",
        )
    raw = isinstance(column.data, bytes)
    values = _unpacked(column, count, where) if isinstance(column.data, bytes) else _flat(column.data)
    if len(values) != count:
        raise InvalidInput.at(where, f"its shape tells of {count} values, its data holds {len(values)}")
    if raw and column.datatype == "BYTES" and "" not in feature.words:
        return [value or None for value in values]
    if not raw and column.datatype in TENSOR_CODES:
        return _rounded(values, column.datatype, where)
    return values


def _is_taken(feature: Feature, datatype: str) -> bool:
    """Whether values come in another datatype than the one described: as the column's rule reads them."""
    if datatype in TENSOR_CODES and (feature.kind == NUMBER or feature.rule.spelled):
        return True
    if datatype == "BYTES":
        return feature.rule.text or bool(feature.rule.true)
    return datatype == "BOOL" and feature.rule.spelled


def _flat(data: list[Any]) -> list[Any]:
    if data and all(isinstance(row, list) for row in data):
        return [value for row in data for value in row]
    return data


def _rounded(values: list[Any], datatype: str, where: str) -> list[Any]:
    """Numbers as the datatype holds them, as raw ones would be; what is no number at all is left as it is."""
    code = TENSOR_CODES[datatype]
    rounded = []
    for row, value in enumerate(values):
        try:
            number = type(value) in (int, float)
            rounded.append(struct.unpack(f"<{code}", struct.pack(f"<{code}", value))[0] if number else value)
        except (struct.error, OverflowError):
            message = f"not a number of {datatype}: {shown(value)}"
            raise InvalidInput.at(f"{where}.data[{row}]", message) from None
    return rounded


def _unpacked(column: InputTensor, count: int, where: str) -> list[Any]:
    assert isinstance(column.data, bytes)  # noqa: S101 - for the type checker: the caller looked
    if column.datatype == "BYTES":
        return text_elements(column.data, where)
    code = "?" if column.datatype == "BOOL" else TENSOR_CODES[column.datatype]
    needed = struct.calcsize(f"<{code}") * count
    if len(column.data) != needed:
        raise InvalidInput.at(
            where, f"{count} values of {column.datatype} need {needed} bytes, got {len(column.data)}"
        )
    values = struct.unpack(f"<{count}{code}", column.data)
    return [None if isinstance(value, float) and isnan(value) else value for value in values]


def text_elements(data: bytes, where: str) -> list[str]:
    """Raw BYTES as texts. Raises `InvalidInput`."""
    texts, at = [], 0
    for element in bytes_elements(data, where):
        try:
            texts.append(element.decode())
        except UnicodeDecodeError:
            raise InvalidInput.at(where, f"the text at byte {at} is not UTF-8") from None
        at += 4 + len(element)
    return texts


def bytes_elements(data: bytes, where: str) -> list[bytes]:
    """Elements of `<u32 length><bytes>`. Raises `InvalidInput`."""
    elements, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        if end > len(data):
            raise InvalidInput.at(where, f"the text at byte {at} goes on past the end of the data")
        elements.append(data[at + 4 : end])
        at = end
    return elements
