"""What the laptop's server tells Prometheus: how many requests there were, how long they took, what waits.

Labels are names of routes, methods, states and models, and bounded in number; there are no values of rows,
names of columns, or keys. Counts begin when the server does. The text format is the one of version 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import accumulate, islice
from threading import Lock
from typing import TYPE_CHECKING

from handlers.auth import INSPECT
from handlers.limits import MODEL, among
from handlers.logs import log, log_unforeseen
from handlers.rest.api import finished
from handlers.rest.http import Response
from handlers.rest.problems import is_foreseen, problem_response
from handlers.rest.router import below
from ml_core.documents import read_many
from ml_core.jobs.jobs import FINAL, STATES, job_key
from ml_core.jobs.marks import ended_jobs, open_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from handlers.auth import Caller, Gate
    from handlers.rest.http import Request
    from handlers.services import Services

PATH = "/metrics"
MOST_MODELS = 100  # that have a label of their own
OTHER = "(other)"  # no model can be called so

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds. The first is about what a warm prediction takes, the last what a request may wait.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_MOST_JOBS = 10_000  # of one state that are counted
_PREDICTIONS = (":predict", "/infer")

type Labels = tuple[tuple[str, str], ...]
type Samples = Iterable[tuple[str, Labels, float]]


class Metrics:
    """Counts what is answered, and tells it.

    Args:
        services: where jobs and the queue are.
        gate: decides instead of the keys; None for the services' own.
        connections: says how many are open.
    """

    def __init__(self, services: Services, gate: Gate | None, connections: Callable[[], int]) -> None:
        self._services = services
        self._gate = gate or services.gate
        self._connections = connections
        self._lock = Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._taken: dict[str, list[int]] = {}  # answers by route and bound, then those beyond all bounds
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._predictions: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()

    def count(self, record: dict[str, Any], status: int, seconds: float) -> None:
        """Count an answer; `record` is what the log says of it."""
        route = record.get("route", OTHER)
        # Whoever asks for what there is not may call the method whatever they like.
        method = record["method"] if "route" in record else OTHER
        with self._lock:
            self._requests[method, route, f"{status // 100}xx"] += 1
            taken = self._taken.get(route)
            if taken is None:
                taken = self._taken[route] = [0] * (len(_BOUNDS) + 1)
            taken[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds[route] += seconds
            if status < 300 and route.endswith(_PREDICTIONS) and "model" in record:
                model = record["model"]
                if model not in self._predictions and len(self._predictions) >= MOST_MODELS:
                    model = OTHER
                self._predictions[model] += 1
                self._rows[model] += record.get("rows", 0)

    def concerns(self, request: Request) -> bool:
        """Whether a request asks for the metrics."""
        if request.method not in ("GET", "HEAD"):
            return False
        base = self._services.settings.base_path
        return request.path == PATH or bool(base and below(base, request.path) == PATH)

    def answer(self, request: Request) -> Response:
        """The metrics, or why they are not told."""
        key = None
        try:
            caller = self._gate.admit(request.headers, INSPECT)
            key = caller.id or None
            body = self._text(caller).encode()
            response = Response(200, {"content-type": _CONTENT_TYPE}, body)
        except Exception as error:  # noqa: BLE001 (every failure is an answer)
            if not is_foreseen(error):
                log_unforeseen(error, request_id=request.request_id, route=PATH)
            response = problem_response(
                error, request_id=request.request_id, accept=request.headers.get("accept", "")
            )
        log("info", "metrics", request_id=request.request_id, key=key, status=response.status)
        return finished(request, response)

    def _text(self, caller: Caller) -> str:
        # What needs the store comes before the lock: answers are counted meanwhile.
        jobs, due = self._jobs(), self._due()
        with self._lock:
            requests = dict(self._requests)
            taken = {route: list(counts) for route, counts in self._taken.items()}
            seconds, predictions, rows = dict(self._seconds), dict(self._predictions), dict(self._rows)
        lines = [
            *_family(
                "requests_total",
                "counter",
                "Answers by method, route and class of status.",
                (
                    ("", (("method", method), ("route", route), ("status", status)), number)
                    for (method, route, status), number in requests.items()
                ),
            ),
            *_family("request_seconds", "histogram", "How long answers took.", _histogram(taken, seconds)),
            *_family(
                "predictions_total",
                "counter",
                f"Requests to predict that were answered, by model: {MOST_MODELS} models, and the others.",
                _by_model(predictions, caller),
            ),
            *_family("predicted_rows_total", "counter", "Rows of those requests.", _by_model(rows, caller)),
            *_family(
                "jobs",
                "gauge",
                f"Jobs that are kept, by state, at most {_MOST_JOBS} of one.",
                (("", (("state", state),), number) for state, number in jobs.items()),
            ),
            *_family("connections", "gauge", "Connections that are open.", [("", (), self._connections())]),
        ]
        if due is not None:
            lines += _family("queue_due", "gauge", "Jobs that wait for the trainer.", [("", (), due)])
        return "\n".join([*lines, ""])

    def _jobs(self) -> dict[str, int]:
        store = self._services.store
        found = dict.fromkeys(STATES, 0)
        opened = [job_key(mark.id) for mark in islice(open_jobs(store), _MOST_JOBS)]
        for document in read_many(store, opened, skip_damaged=True):
            if document is not None and document.body["state"] not in FINAL:
                found[document.body["state"]] += 1
        for state in FINAL:
            found[state] = sum(1 for _ in islice(ended_jobs(store, state), _MOST_JOBS))
        return found

    def _due(self) -> int | None:
        """How many messages of the queue are due; None where the queue does not say."""
        due = getattr(self._services.queue, "due", None)
        return None if due is None else len(due()[0])


def _by_model(counts: dict[str, int], caller: Caller) -> Samples:
    """Counts by the models that the caller's key is for; those of all others are one."""
    allows = among(caller, MODEL)
    told: Counter[str] = Counter()
    for model, number in counts.items():
        told[model if allows is None or allows(model) else OTHER] += number
    return (("", (("model", model),), number) for model, number in told.items())


def _histogram(taken: dict[str, list[int]], seconds: dict[str, float]) -> Iterator[tuple[str, Labels, float]]:
    bounds = [*map(str, _BOUNDS), "+Inf"]
    for route, counts in taken.items():
        label = ("route", route)
        for bound, number in zip(bounds, accumulate(counts), strict=True):
            yield "_bucket", (label, ("le", bound)), number
        yield "_sum", (label,), round(seconds[route], 6)
        yield "_count", (label,), sum(counts)


def _family(name: str, kind: str, told: str, samples: Samples) -> Iterator[str]:
    """The lines of a metric. Names in labels are ours or names of models: none has to be escaped."""
    whole = f"serverless_ml_{name}"
    yield f"# HELP {whole} {told}"
    yield f"# TYPE {whole} {kind}"
    for suffix, labels, number in samples:
        written = ",".join(f'{label}="{value}"' for label, value in labels)
        yield f"{whole}{suffix}{f'{{{written}}}' if written else ''} {number}"
