"""A reference to a file: where it is, and which columns of its table are the target and the features.

What else can be said of pictures, sequences and texts is in `forms.py`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, NamedTuple, NoReturn

from ml_core.algorithms.base import AlgorithmInfo
from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, member, shown
from ml_core.inputs.rows import Limits
from ml_core.tables.options import NO_TEXT, ReadOptions, is_text, option_faults, option_schemas, read_options
from ml_core.tables.readers import format_faults, format_schema
from ml_core.training.forms import (
    MemberFaults,
    faults_together,
    formats_of,
    has_own_labels,
    image_faults,
    image_schema,
    labelled_formats,
    names_faults,
    read_shape,
    sequence_faults,
    sequence_schema,
    text_faults,
    text_schema,
)

STORED_PREFIX = b'{"data":'
"""How a stored request begins that names a table; one with rows begins with the length of a header."""


class _Member(NamedTuple):
    """One member of `data`: its JSON Schema for an algorithm, None where there is none, and its check."""

    schema: Callable[[AlgorithmInfo], dict[str, Any] | None]
    faults: Callable[[dict[str, Any], AlgorithmInfo, Limits], list[Fault]]
    required: bool = False


def _uri_schema(_: AlgorithmInfo) -> dict[str, Any]:
    return {
        "type": "string",
        "description": "An upload (`dataset://name`), a file in a bucket that the deployment allows, or on a "
        "laptop a file of its data folder (`file:name.csv`). With a slash at its end it is a folder: all "
        "files below it are one table.",
    }


def _uri_faults(*_: object) -> list[Fault]:
    """None: whoever may read the address checks it."""
    return []


def _format_schema(info: AlgorithmInfo) -> dict[str, Any]:
    return format_schema(formats_of(info))


def _format_faults(data: dict[str, Any], info: AlgorithmInfo, _: Limits) -> list[Fault]:
    return format_faults(data, "$.data", formats_of(info))


def _target_schema(info: AlgorithmInfo) -> dict[str, Any] | None:
    if not info.task.supervised:
        return None
    unless = (
        f" A {' and an '.join(formats)} has labels of its own." if (formats := labelled_formats(info)) else ""
    )
    return {"type": "string", "minLength": 1, "description": f"The column to predict.{unless}"}


def _target_faults(data: dict[str, Any], info: AlgorithmInfo, _: Limits) -> list[Fault]:
    target, where = data.get("target"), "$.data.target"
    if target is None and has_own_labels(data, info):
        return []
    if info.task.supervised and (not isinstance(target, str) or not target):
        return [Fault(where, f"expected the name of the column to predict, got {shown(target)}")]
    if info.task.supervised and isinstance(target, str) and not is_text(target):
        return [Fault(where, f"expected the name of the column to predict, got {NO_TEXT}: {shown(target)}")]
    if not info.task.supervised and target is not None:
        return [Fault(where, f"{info.name} takes no target")]
    return []


def _features_schema(_: AlgorithmInfo) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "description": "The columns to learn from, in this order. Without it all that can be learnt from.",
        "items": {"type": "string"},
    }


def _features_faults(data: dict[str, Any], _: AlgorithmInfo, limits: Limits) -> list[Fault]:
    if data.get("features") is None:
        return []
    others = {"target": data.get("target")}
    return _first(names_faults(data["features"], "$.data.features", limits, others, "a feature"))


def _first_of(faults: MemberFaults) -> Callable[[dict[str, Any], AlgorithmInfo, Limits], list[Fault]]:
    return lambda data, info, limits: _first(faults(data, info, limits))


def _first(faults: "Iterator[Fault]") -> list[Fault]:
    """As many faults as a caller is told, and one."""
    return list(islice(faults, InvalidInput.MOST_FAULTS + 1))


def _option(name: str) -> _Member:
    """A member that is an option of reading tables; all of them are checked with the first."""
    return _Member(lambda _: option_schemas()[name], _uri_faults)


class TableReference(NamedTuple):
    """A checked `data`. What it is made of is declared here, and only here."""

    uri: Annotated[str, _Member(_uri_schema, _uri_faults, required=True)]
    format: Annotated[str | None, _Member(_format_schema, _format_faults)] = None
    target: Annotated[str | None, _Member(_target_schema, _target_faults, required=True)] = None
    features: Annotated[tuple[str, ...] | None, _Member(_features_schema, _features_faults)] = None
    image: Annotated[tuple[int, int, int] | None, _Member(image_schema, _first_of(image_faults))] = None
    sequence: Annotated[dict[str, Any] | None, _Member(sequence_schema, _first_of(sequence_faults))] = None
    text: Annotated[str | None, _Member(text_schema, _first_of(text_faults))] = None
    types: Annotated[dict[str, str] | None, _option("types")] = None
    missing: Annotated[tuple[str, ...] | None, _option("missing")] = None
    decimal: Annotated[str | None, _option("decimal")] = None
    thousands: Annotated[str | None, _option("thousands")] = None
    dayfirst: Annotated[bool | None, _option("dayfirst")] = None
    delimiter: Annotated[str | None, _option("delimiter")] = None
    encoding: Annotated[str | None, _option("encoding")] = None
    header: Annotated[bool | None, _option("header")] = None
    exclude: Annotated[tuple[str, ...] | None, _option("exclude")] = None

    @property
    def is_folder(self) -> bool:
        """Whether its address is that of all files below it."""
        return self.uri.endswith(("/", ":"))

    @property
    def options(self) -> ReadOptions:
        """What is said of the table where a reader would guess."""
        return read_options(self._asdict())

    def summary(self) -> dict[str, object]:
        """What a job tells of the table."""
        return {"data": self._said()}

    def lineage(self, fetched: Mapping[str, object]) -> dict[str, object]:
        """Which table it was, as it was fetched, and what was asked of it.

        Its address is in `fetched`, and the features are in the model's description.
        """
        own = {name: value for name, value in self._said().items() if name not in ("uri", "features")}
        return {**fetched, **own}

    def _said(self) -> dict[str, object]:
        """The members, without options that were not given."""
        return {
            name: value
            for name, value in self._asdict().items()
            if value is not None or name in ("uri", "format", "target", "features")
        }

    def to_bytes(self, more: Mapping[str, object]) -> bytes:
        """The reference as JSON, with `more`."""
        return json.dumps({"data": self._said(), **more}).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "tuple[dict[str, Any], TableReference]":
        """The description and the reference that `to_bytes` wrote. Raises `ArtifactInvalid`."""
        try:
            described: dict[str, Any] = json.loads(stored)
            return described, _reference(described.pop("data"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArtifactInvalid("these bytes are no request to train on a table") from error


_MEMBERS: dict[str, _Member] = {
    name: declared.__metadata__[0] for name, declared in TableReference.__annotations__.items()
}


def _reference(data: dict[str, Any]) -> TableReference:
    members: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
    members["image"] = read_shape(data.get("image"))
    return TableReference(**members)


def table_of(stored: bytes) -> TableReference | None:
    """The table that a stored request names; None where its rows are in it. Raises `ArtifactInvalid`."""
    return TableReference.from_bytes(stored)[1] if stored.startswith(STORED_PREFIX) else None


def check_data(
    value: object, info: AlgorithmInfo, limits: Limits, check_uri: Callable[[object], object]
) -> TableReference:
    """The `data` of a body; `check_uri` says what may be read. Raises `InvalidInput`."""
    if not isinstance(value, dict):
        raise InvalidInput.at("$.data", f"expected an object, got {shown(value)}")
    there = ", ".join(name for name, declared in _MEMBERS.items() if declared.schema(info) is not None)
    faults = _first(
        Fault(member("$.data", name), f"no such member; there are {there}")
        for name in value
        if name not in _MEMBERS
    )
    for declared in _MEMBERS.values():
        faults += declared.faults(value, info, limits)
    faults += option_faults(value, "$.data")
    faults = faults or _first(faults_together(value, info))
    if faults:
        raise InvalidInput(sorted(faults))
    check_uri(value.get("uri"))
    return _reference(value)


def refuse_tables(uri: object) -> NoReturn:  # noqa: ARG001 - in the place of one that allows some
    """Refuse every address. Raises `InvalidInput`."""
    raise InvalidInput.at("$.data.uri", "data.uri is not supported here; send the rows in `instances`")


def data_schema(info: AlgorithmInfo) -> dict[str, Any]:
    """The `data` of a body as JSON Schema."""
    schemas = {name: declared.schema(info) for name, declared in _MEMBERS.items()}
    properties = {name: schema for name, schema in schemas.items() if schema is not None}
    optional = {"target"} if labelled_formats(info) else set()
    return {
        "title": f"{info.name} data",
        "description": "A table or a file that the service finds by itself, in the place of `instances`.",
        "type": "object",
        "required": [name for name in properties if _MEMBERS[name].required and name not in optional],
        "additionalProperties": False,
        "properties": properties,
    }
