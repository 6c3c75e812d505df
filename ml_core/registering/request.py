"""A request to register an artifact that was uploaded, and what its sender tells of where it is from.

What the sender tells is kept and shown as that. Nothing of it is believed.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ml_core.errors import ArtifactInvalid, Fault, member, raise_faults, shown
from ml_core.registering.uploads import URI_PATTERN, check_uri

STORED_PREFIX = b'{"register":'
"""How a stored request begins that registers; one that trains begins otherwise (`training/reference.py`)."""
KIND = "register"
"""What a job's request has as its `kind`."""

# What may be told of an artifact's origin: the version of another service has its metrics and curves in it.
MOST_ORIGIN_BYTES = 128 << 10
MOST_DEPTH = 16
_MOST_TEXT = 2_000
_MOST_LIBRARIES = 100

ORIGIN_SCHEMA: dict[str, Any] = {
    "title": "Origin",
    "type": "object",
    "additionalProperties": False,
    "description": "Where the artifact is from, as its sender tells it: kept and shown, and never believed. "
    f"At most {MOST_ORIGIN_BYTES} bytes of JSON, {MOST_DEPTH} levels deep.",
    "properties": {
        "description": {"type": "string", "maxLength": _MOST_TEXT, "description": "In words."},
        "library_versions": {
            "type": "object",
            "description": "What it was fitted with: a version for each library's name.",
        },
        "version": {"type": "object", "description": "What another service tells of the version."},
    },
}
BODY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["uri"],
    "additionalProperties": False,
    "properties": {
        "uri": {
            "type": "string",
            "pattern": URI_PATTERN,
            "description": "What `:upload` of this model gave.",
        },
        "sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "The SHA-256 that the file has to have, in hexadecimal digits.",
        },
        "origin": ORIGIN_SCHEMA,
    },
}


class RegistrationRequest(NamedTuple):
    """A checked request. `revision` is the store's of the file: another file at its address is refused."""

    uri: str
    sha256: str | None = None
    origin: dict[str, Any] = {}  # noqa: RUF012 - a mapping that nobody changes
    revision: str | None = None

    def summary(self) -> dict[str, object]:
        """What a job tells of its request; what the sender told besides is in the version."""
        return {"kind": KIND, "uri": self.uri, "sha256": self.sha256}

    def to_bytes(self) -> bytes:
        """The stored form."""
        return json.dumps({KIND: self._asdict()}).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "RegistrationRequest":
        """The request that `to_bytes` wrote. Raises `ArtifactInvalid`."""
        try:
            return cls(**json.loads(stored)[KIND])
        except (ValueError, TypeError, LookupError) as error:
            raise ArtifactInvalid("these bytes are no request to register") from error


def registration_of(stored: bytes) -> RegistrationRequest | None:
    """What a stored request registers; None for one that trains. Raises `ArtifactInvalid`."""
    return RegistrationRequest.from_bytes(stored) if stored.startswith(STORED_PREFIX) else None


def check_registration(body: dict[str, Any], model: str) -> RegistrationRequest:
    """The request of a body that meets `BODY_SCHEMA`. Raises `InvalidInput` with a fault for each thing."""
    origin = body.get("origin", {})
    raise_faults(_origin_faults(origin))
    check_uri(body["uri"], model)
    return RegistrationRequest(body["uri"], body.get("sha256"), origin)


def _origin_faults(origin: dict[str, Any]) -> Iterator[Fault]:
    where = "$.origin"
    if _depth_is_over(origin):
        yield Fault(where, f"expected at most {MOST_DEPTH} levels of objects and lists, got more")
        return
    written = _written(origin)
    if written is None:
        yield Fault(where, "expected text and finite numbers, got half of a surrogate pair or another number")
        return
    if len(written) > MOST_ORIGIN_BYTES:
        yield Fault(
            where,
            f"expected at most {MOST_ORIGIN_BYTES} bytes of JSON, got {len(written)}: leave out what is "
            "long, such as version.curves",
        )
        return
    libraries = origin.get("library_versions", {})
    if len(libraries) > _MOST_LIBRARIES:
        yield Fault(f"{where}.library_versions", f"expected at most {_MOST_LIBRARIES}, got {len(libraries)}")
    for name, version in libraries.items():
        if not isinstance(version, str) or len(version) > _MOST_TEXT:
            path = member(f"{where}.library_versions", name)
            yield Fault(path, f"expected a version as a string, got {shown(version)}")


def _written(origin: dict[str, Any]) -> bytes | None:
    """The origin as JSON in UTF-8; None where that cannot be."""
    try:
        return json.dumps(origin, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return None


def _depth_is_over(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inside
            for each in level
            if isinstance(each, (dict, list))
            for inside in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, (dict, list)) for each in level)
