"""Places requests and jobs in their traces, and records some of them.

Which are recorded is drawn here. Neither the caller's flag nor the id of its trace decides it, which a caller
writes as it likes: otherwise a stranger could have every request recorded, at the deployment's cost. What
records is imported when the first one is drawn.
"""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

from handlers.logs import log
from handlers.tracing.context import SAMPLED, TraceContext, below, incoming
from handlers.tracing.recording import RECORDING
from handlers.tracing.traced_store import TracedStore
from ml_core.errors import ServerlessMLError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from handlers.rest.http import Request, Response
    from handlers.tracing.spans import RecordedSpan, Spans
    from ml_core.jobs.context import TrainerContext
    from ml_core.jobs.trainer import Outcome
    from ml_core.ports import ObjectStore

    type Endpoint = Callable[[Any], Response]  # of a call, whose module knows this one by way of the services
    type Handled = Callable[[dict[str, Any]], Response]
    type Run = Callable[[str, TrainerContext], Outcome]

# What the log says of a request that its span says too: ids, names and counts.
_TOLD = ("request_id", "model", "version", "alias", "dataset", "job", "rows", "code")


class Tracing:
    """The traces of one process.

    Args:
        share: which share of requests is recorded, from 0 to 1.
        freezes: whether the process may stand still once it has answered: then spans are sent before that.
        chance: a number from 0 up to 1, which decides about a request.
    """

    def __init__(self, share: float, *, freezes: bool, chance: Callable[[], float] = random.random) -> None:
        self._share = share
        self._freezes = freezes
        self._chance = chance

    def answer(self, request: Request, handled: Handled) -> Response:
        """The answer to a request, with where it is in its trace.

        Args:
            request: what came.
            handled: answers it; what it knows of the request it adds to what it is given, which is logged.
        """
        headers = request.headers if type(request.headers) is dict else {}
        came = incoming({name: text for name, text in headers.items() if type(text) is str})
        spans = self._drawn()
        if spans is None:
            here = below(came)
            response, flags = handled({"trace_id": here.trace_id}), 0
        else:
            with spans.root("request", came, serves=True) as span:
                record: dict[str, Any] = {"trace_id": span.place.trace_id}
                response, flags = handled(record), SAMPLED
                _tell(span, record, response.status)
            here = TraceContext(span.place.trace_id, span.place.span_id, came.state if came else "")
            spans.sent()
        told = {"traceparent": here.parent(flags)}
        if here.state:
            told["tracestate"] = here.state
        return response._replace(headers={**response.headers, **told})

    def predicting(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint that predicts, as a part of its request."""

        def answer(call: Any) -> Response:
            spans = RECORDING.get()
            if spans is None:
                return endpoint(call)
            with spans.part("predict"):
                return endpoint(call)

        return answer

    def place(self) -> str | None:
        """Where the request that is under way is in its trace; None where it is not recorded."""
        spans = RECORDING.get()
        return None if spans is None else spans.place()

    def store(self, store: ObjectStore) -> ObjectStore:
        """A store whose reads and writes are parts of what they are made for."""
        return TracedStore(store)

    def job(self, run: Run, job_id: str, context: TrainerContext) -> Outcome:
        """What became of a delivery of a job, each phase being a part of it.

        It goes on in the trace of the request that sent it, where that was recorded; others are drawn.
        """
        came = self._begun(job_id, context) if self._share else None
        spans = self._drawn() if came is None else self._ready()
        if spans is None:
            return run(job_id, context)
        with spans.root("job", came, serves=False) as span:
            span.tell(job=job_id)
            with _Phases(spans) as phases:
                outcome = run(job_id, context._replace(phase_begins=phases.begin))
            job = outcome.job
            if job is not None:
                span.tell(model=job.model, state=job.state, version=job.version, attempts=len(job.attempts))
                if job.state == "failed":
                    span.fail()
        spans.sent()
        return outcome

    def _drawn(self) -> Spans | None:
        """What records this request or job; None where it is not recorded."""
        return self._ready() if self._share and self._chance() < self._share else None

    def _begun(self, job_id: str, context: TrainerContext) -> TraceContext | None:
        """Where the request was that sent a job; None where that was not recorded, or no job is there."""
        try:
            return incoming({"traceparent": context.jobs.place_of(job_id) or ""})
        except ServerlessMLError:
            return None  # who runs it says so

    def _ready(self) -> Spans | None:
        """What records; None where it cannot, or what it sends does not arrive."""
        spans = self._spans
        return spans if spans is not None and spans.are_taken else None

    @cached_property
    def _spans(self) -> Spans | None:
        """What records; None where its packages are not installed."""
        try:
            from handlers.tracing.spans import Spans
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("opentelemetry"):
                raise
            log("warning", "traces", detail=f"{error.name} is not installed: no spans are recorded")
            return None
        return Spans(freezes=self._freezes)


class _Phases:
    """The phases of a job, one after another."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._now: Any = None
        self._name = ""

    def __enter__(self) -> _Phases:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def begin(self, name: str) -> None:
        """The phase of that name has begun, if it has not before."""
        if name != self._name:
            self._end()
            self._name, self._now = name, self._spans.part(f"job {name}")
            self._now.__enter__()

    def _end(self) -> None:
        if self._now is not None:
            self._now.__exit__(None, None, None)
            self._now = None


def _tell(span: RecordedSpan, record: dict[str, Any], status: int) -> None:
    route = record.get("route")
    if route is not None:
        span.rename(f"{record['method']} {route}")
        span.tell(**{"http.request.method": record["method"], "http.route": route})
    span.tell(**{"http.response.status_code": status, **{name: record.get(name) for name in _TOLD}})
    if status >= 500:
        span.fail()
