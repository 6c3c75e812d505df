"""A request to import a graph that was uploaded: what its inputs and outputs are to be called.

What is not said is taken from the graph, and told in the version's warnings where it is a guess.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ml_core.errors import ArtifactInvalid, Fault, member, raise_faults, shown
from ml_core.inputs.rows import Limits
from ml_core.registering.request import BODY_SCHEMA as REGISTER_SCHEMA
from ml_core.registering.request import ORIGIN_SCHEMA, RegistrationRequest, check_registration

STORED_PREFIX = b'{"import":'
"""How a stored request begins that imports; one that does something else begins otherwise."""
KIND = "import"
"""What a job's request has as its `kind`."""

_LIMITS = Limits()
MOST_EXAMPLES = 16
MOST_BYTES = 128 << 20
"""Of a file: it is held twice while it is loaded."""
_MOST_NAME = 200
OUTPUT_NAME = "^[A-Za-z_][A-Za-z0-9_.-]{0,63}$"
"""What callers may call an output."""
NAMED = re.compile(OUTPUT_NAME)
_MOST_OUTPUTS = 64

BODY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["uri"],
    "additionalProperties": False,
    "properties": {
        **{name: REGISTER_SCHEMA["properties"][name] for name in ("uri", "sha256")},
        "features": {
            "type": "array",
            "minItems": 1,
            "maxItems": _LIMITS.max_columns,
            "items": {"type": "string", "minLength": 1, "maxLength": _LIMITS.max_text},
            "description": "Names of the columns of a row, in the order of the graph's input; or of its "
            "inputs, in their order. Without them columns are called x0, x1, …, and inputs as in the graph.",
        },
        "classes": {
            "type": "array",
            "minItems": 2,
            "maxItems": _LIMITS.max_classes,
            "items": {"title": "Label", "type": ["string", "integer", "boolean"]},
            "description": "The labels, in the order of the graph's classes. Without them they are those "
            "that the graph names.",
        },
        "outputs": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": _MOST_OUTPUTS,
            "patternProperties": {OUTPUT_NAME: {"type": "string", "minLength": 1, "maxLength": _MOST_NAME}},
            "additionalProperties": False,
            "description": "What may be asked of the model: the name by which an output is asked for, and "
            "the graph's own. `label`, `probability` and `decision` mean what they mean everywhere. Without "
            "them it is decided by what the graph gives.",
            "x-checked-by": "ml_core.graphs.request",
        },
        "example": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_EXAMPLES,
            "items": {
                "title": "Instance",
                "anyOf": [{"type": "array"}, {"title": "Row by name", "type": "object"}, {"type": "string"}],
            },
            "description": "Instances on which the graph is tried; without them it is tried on zeros and "
            "empty texts.",
        },
        "origin": ORIGIN_SCHEMA,
    },
}


class ImportRequest(NamedTuple):
    """A checked request; `file` says which upload is meant, as a request to register does."""

    file: RegistrationRequest
    features: tuple[str, ...] | None = None
    classes: tuple[str | int | bool, ...] | None = None
    outputs: dict[str, str] | None = None
    example: tuple[Any, ...] | None = None

    def summary(self) -> dict[str, object]:
        """What a job tells of its request."""
        return {**self.file.summary(), "kind": KIND}

    def to_bytes(self) -> bytes:
        """The stored form."""
        return json.dumps({KIND: {**self._asdict(), "file": self.file._asdict()}}).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "ImportRequest":
        """The request that `to_bytes` wrote. Raises `ArtifactInvalid`."""
        try:
            said = json.loads(stored)[KIND]
            file = RegistrationRequest(**said["file"])
            lists = {name: _tuple(said[name]) for name in ("features", "classes", "example")}
            return cls(file, outputs=said["outputs"], **lists)
        except (ValueError, TypeError, LookupError) as error:
            raise ArtifactInvalid("these bytes are no request to import") from error


def import_of(stored: bytes) -> ImportRequest | None:
    """What a stored request imports; None for another one. Raises `ArtifactInvalid`."""
    return ImportRequest.from_bytes(stored) if stored.startswith(STORED_PREFIX) else None


def check_import(body: dict[str, Any], model: str) -> ImportRequest:
    """The request of a body that meets `BODY_SCHEMA`. Raises `InvalidInput` with a fault for each thing."""
    file = check_registration(
        {name: body[name] for name in ("uri", "sha256", "origin") if name in body}, model
    )
    raise_faults(_faults(body))
    lists = {name: _tuple(body.get(name)) for name in ("features", "classes", "example")}
    return ImportRequest(file, outputs=body.get("outputs"), **lists)


def _tuple(values: Sequence[Any] | None) -> Any:  # noqa: ANN401 - of what the field has
    return None if values is None else tuple(values)


def _faults(body: dict[str, Any]) -> Iterator[Fault]:
    yield from _twice(body.get("features", ()), "$.features")
    classes = body.get("classes", ())
    yield from _twice(classes, "$.classes")
    if len({type(label) for label in classes}) > 1:
        yield Fault("$.classes", "expected labels of one kind: strings, integers or truth values")
    for place, label in enumerate(classes):
        if isinstance(label, str) and len(label) > _LIMITS.max_text:
            expected = f"expected at most {_LIMITS.max_text} characters, got {len(label)}"
            yield Fault(f"$.classes[{place}]", expected)
    if "outputs" in body:
        yield from _output_faults(body["outputs"])


def _output_faults(outputs: object) -> Iterator[Fault]:
    where = "$.outputs"
    if not isinstance(outputs, dict) or not 0 < len(outputs) <= _MOST_OUTPUTS:
        yield Fault(where, f"expected an object of 1 to {_MOST_OUTPUTS} names, got {shown(outputs)}")
        return
    met: dict[str, str] = {}
    for name, output in outputs.items():
        if not NAMED.fullmatch(name):
            yield Fault(
                member(where, name), f"expected a name of letters, digits, _, . and -, got {shown(name)}"
            )
        if not isinstance(output, str) or not 0 < len(output) <= _MOST_NAME:
            yield Fault(member(where, name), f"expected the graph's name of it, got {shown(output)}")
            continue
        if output in met:
            yield Fault(member(where, name), f"{shown(output)} is {shown(met[output])} already")
        met.setdefault(output, name)


def _twice(values: Sequence[Any], where: str) -> Iterator[Fault]:
    met: dict[tuple[type, Any], int] = {}
    for place, value in enumerate(values):
        before = met.setdefault((type(value), value), place)
        if before != place:
            yield Fault(f"{where}[{place}]", f"{shown(value)} is at {before} already; each is there once")
