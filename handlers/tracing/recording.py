"""What of a process is recorded now: nothing of OpenTelemetry is needed to see that it is nothing."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from handlers.tracing.context import TraceContext


class Span(Protocol):
    """A stretch of time in a trace."""

    @property
    def place(self) -> TraceContext:
        """Where it is."""
        ...

    def rename(self, name: str) -> None:
        """Give it a name that says more."""

    def tell(self, **known: str | float | None) -> None:
        """Say what is known of it: ids, names and counts; None is left out."""

    def fail(self) -> None:
        """Say that what it stands for has failed; not why: that may hold anything."""


class Recorder(Protocol):
    """What records the request or job that is under way."""

    def part(self, name: str, **known: str) -> AbstractContextManager[None]:
        """A span in the one that is under way."""

    def place(self) -> str:
        """Where that one is, as the header `traceparent` says it."""


RECORDING: ContextVar[Recorder | None] = ContextVar("RECORDING", default=None)
