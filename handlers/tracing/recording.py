"""What of a process is recorded now: nothing of OpenTelemetry is needed to see that it is nothing."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Recorder(Protocol):
    """What records the request or job that is under way."""

    def part(self, name: str, **known: str) -> AbstractContextManager[None]:
        """A span in the one that is under way."""

    def place(self) -> str:
        """Where that one is, as the header `traceparent` says it."""


RECORDING: ContextVar[Recorder | None] = ContextVar("RECORDING", default=None)
