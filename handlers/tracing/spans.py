"""Spans by OpenTelemetry's SDK, sent by its exporter as OTLP over HTTP.

Where to and with which headers, the SDK's own variables say: OTEL_EXPORTER_OTLP_ENDPOINT and what belongs
to it. Exceptions are not recorded: their texts quote what they met.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from handlers.logs import log
from handlers.tracing.context import SAMPLED, TraceContext
from handlers.tracing.recording import RECORDING
from handlers.version import NAME, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

_LONGEST_SENDING = 2.0  # seconds that an answer may wait for its spans to be sent
# Seconds without recording after they could not be sent: no answer waits for that again and again.
_PAUSE = 30.0
_MOST_KEPT = 2_000  # spans of one process that are not sent yet


class Spans:
    """What records spans in this process.

    Args:
        freezes: whether the process may stand still once it has answered. Then `sent` sends what there is;
            else a thread does, every second.
    """

    def __init__(self, *, freezes: bool) -> None:
        resource = Resource.create({"service.name": NAME, "service.version": VERSION})
        # What is recorded was drawn before.
        provider = TracerProvider(sampler=ALWAYS_ON, resource=resource)
        exporter = OTLPSpanExporter(timeout=_LONGEST_SENDING)
        self._kept = _Kept(exporter) if freezes else None
        provider.add_span_processor(self._kept or BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
        self._tracer = provider.get_tracer(NAME, VERSION)

    @property
    def are_taken(self) -> bool:
        """Whether those that were sent last have arrived, or it is time to try again."""
        return self._kept is None or self._kept.are_taken

    def sent(self) -> None:
        """Send what has ended, where the process may stand still from here on. It never raises."""
        if self._kept is not None:
            self._kept.send()

    @contextmanager
    def root(self, name: str, above: TraceContext | None, *, serves: bool) -> Iterator[RecordedSpan]:
        """The first span of this process in a trace; what is done in it is recorded."""
        kind = trace.SpanKind.SERVER if serves else trace.SpanKind.CONSUMER
        context = Context() if above is None else trace.set_span_in_context(_remote(above), Context())
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            token = RECORDING.set(self)
            try:
                yield RecordedSpan(span)
            finally:
                RECORDING.reset(token)

    def place(self) -> str:
        """Where what is under way is, as the header `traceparent` says it."""
        return RecordedSpan(trace.get_current_span()).place.parent(SAMPLED)

    @contextmanager
    def part(self, name: str, **known: str) -> Iterator[None]:
        """A span in the one that is under way."""
        with self._tracer.start_as_current_span(
            name, attributes=dict(known), record_exception=False, set_status_on_exception=False
        ):
            yield


class RecordedSpan:
    """A stretch of time in a trace; `place` is where it is."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.place = TraceContext(f"{context.trace_id:032x}", f"{context.span_id:016x}")

    def rename(self, name: str) -> None:
        """Give it a name that says more."""
        self._span.update_name(name)

    def tell(self, **known: str | float | None) -> None:
        """Say what is known of it: ids, names and counts; None is left out."""
        self._span.set_attributes({name: value for name, value in known.items() if value is not None})

    def fail(self) -> None:
        """Say that what it stands for has failed; not why: that may hold anything."""
        self._span.set_status(trace.StatusCode.ERROR)


class _Kept(SpanProcessor):
    """Keeps what has ended until it is sent."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._ended: list[ReadableSpan] = []
        self._lock = Lock()
        self._not_before = 0.0

    @property
    def are_taken(self) -> bool:
        return time.monotonic() >= self._not_before

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            if len(self._ended) < _MOST_KEPT:
                self._ended.append(span)

    def send(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        if not ended:
            return
        try:
            arrived = self._exporter.export(ended) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 (what was answered stays answered; the text may name the address)
            arrived = False
        if not arrived:
            self._not_before = time.monotonic() + _PAUSE
            log("warning", "traces", detail=f"{len(ended)} spans could not be sent", again_in=_PAUSE)


def _remote(above: TraceContext) -> trace.NonRecordingSpan:
    return trace.NonRecordingSpan(
        trace.SpanContext(
            int(above.trace_id, 16),
            int(above.span_id, 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(SAMPLED),
            trace_state=trace.TraceState.from_header([above.state]) if above.state else None,
        )
    )
