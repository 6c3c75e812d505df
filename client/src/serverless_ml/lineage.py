"""What a copied version tells of where it is from: the source's own document, as far as there is room."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What a service takes as an origin: so many bytes of JSON, with room left for the rest, and so many levels.
MOST_BYTES = (128 << 10) - (8 << 10)
MOST_LEVELS = 14
_MOST_LIBRARIES = 100
# What is left of a document when even the rest is too long: which version it was.
_KEPT = ("service", "name", "version", "job", "sha256", "size", "created", "algorithm", "rows", "test_rows")


def origin_of(document: Mapping[str, Any], url: str) -> dict[str, Any]:
    """The origin of a copy.

    Args:
        document: what the service tells of the version.
        url: the service's address, in which there is no user and no query.
    """
    libraries = document.get("library_versions") or {}
    return {
        "description": f"copied from {document['name']} version {document['version']} at {url}"[:2000],
        "library_versions": {
            name: version
            for name, version in list(libraries.items())[:_MOST_LIBRARIES]
            if isinstance(version, str)
        },
        "version": bounded({"service": url, **document}),
    }


def bounded(document: dict[str, Any]) -> dict[str, Any]:
    """A version's document as far as an origin has room for it.

    What is long and is no lineage goes first; of a chain of copies the oldest goes before the newest.
    """
    told = copy.deepcopy(document)
    for shortened in (_without("curves"), _without("importance"), _without("numerics")):
        if fits(told):
            return told
        shortened(told)
    while not fits(told) and _forget_the_oldest(told):
        pass
    for shortened in (_without("metrics"), _without("input"), _without("features")):
        if fits(told):
            return told
        shortened(told)
    return told if fits(told) else {name: told[name] for name in _KEPT if name in told}


def fits(value: dict[str, Any]) -> bool:
    """Whether a service takes it."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return len(written) <= MOST_BYTES and _levels(value) <= MOST_LEVELS


def _chain(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The document, that of the version which it is a copy of, and so on."""
    found = [document]
    while True:
        origin = (found[-1].get("registered") or {}).get("origin") or {}
        before = origin.get("version") if isinstance(origin, dict) else None
        if not isinstance(before, dict):
            return found
        found.append(before)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    """Takes a member out of a document and of all that it is a copy of."""

    def take_out(document: dict[str, Any]) -> None:
        for each in _chain(document):
            each.pop(name, None)

    return take_out


def _forget_the_oldest(document: dict[str, Any]) -> bool:
    chain = _chain(document)
    if len(chain) < 2:
        return False
    del chain[-2]["registered"]["origin"]["version"]
    return True


def _levels(value: object) -> int:
    if not isinstance(value, dict | list):
        return 0
    inside = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_levels, inside), default=0)
