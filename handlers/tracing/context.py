"""W3C Trace Context: the headers that say which trace a request belongs to.

Both come from strangers. What is not as the recommendation has it is ignored, as if it had not come; what is
answered is written anew, of the parts that were checked. `baggage` is never read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLED = 1  # the flag that spans of a trace are recorded

# A later version may have more behind the flags, and is read as this one is.
_PARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_NO_VERSION = "ff"
_KEY = re.compile(r"[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}")
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_MOST_MEMBERS, _LONGEST_STATE, _LONGEST_PARENT = 32, 512, 512


class TraceContext(NamedTuple):
    """A place in a trace: its id and that of a span of it, in hex, and what tracing systems say of it."""

    trace_id: str
    span_id: str
    state: str = ""

    def parent(self, flags: int) -> str:
        """The header `traceparent` that names this place."""
        return f"00-{self.trace_id}-{self.span_id}-{flags:02x}"


def incoming(headers: Mapping[str, str]) -> TraceContext | None:
    """Where a request says that it comes from; None where it says nothing that can be read.

    Whether the sender records its spans is not looked at: that decides nothing here.
    """
    told = headers.get("traceparent", "").strip()
    found = _PARENT.match(told[:_LONGEST_PARENT])
    if found is None:
        return None
    version, trace_id, span_id = found.group("version", "trace", "span")
    rest = told[found.end() :]
    if version == _NO_VERSION or (rest and (version == "00" or not rest.startswith("-"))):
        return None
    if set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return TraceContext(trace_id, span_id, _state(headers.get("tracestate", "")))


def below(context: TraceContext | None) -> TraceContext:
    """A new place below that one, or in a new trace."""
    if context is None:
        return TraceContext(_random_id(16), _random_id(8))
    return context._replace(span_id=_random_id(8))


def share_of(text: str) -> float | None:
    """Which share of requests is recorded, of the setting `ML_TRACES`; None where traces are off.

    Raises:
        ValueError: it is neither `off` nor a number from 0 to 1.
    """
    if text == "off":
        return None
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(text)
    return share


def _random_id(length: int) -> str:
    """An id of so many bytes; one of zeros alone means that there is none."""
    while not any(drawn := os.urandom(length)):
        pass
    return drawn.hex()


def _state(text: str) -> str:
    """The members of the header `tracestate`; empty where one of them is not as it has to be."""
    members = [member.strip(" \t") for member in text.split(",")]
    if len(text) > _LONGEST_STATE or len(members) > _MOST_MEMBERS:
        return ""
    keys = set()
    kept = [member for member in members if member]  # empty ones are allowed, and mean nothing
    for member in kept:
        key, equals, value = member.partition("=")
        if not equals or key in keys or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            return ""
        keys.add(key)
    return ",".join(kept)
