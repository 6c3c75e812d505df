"""How a trainer takes a job, keeps it, and gives it up.

A lease is a time in the job's document until which one trainer holds the job. Deliveries come at least once,
so several trainers may be told of one job: one of them gets the lease, the others come again when it has run
out.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from ml_core.conflicts import LeaseLost
from ml_core.documents import Body, Document, read_if_changed, update
from ml_core.errors import JobNotFound, ObjectNotFound
from ml_core.jobs.jobs import CANCELLED, FAILED, FINAL, QUEUED, RUNNING, SUCCEEDED, Job, Jobs, job_key
from ml_core.training.history import MOST_SHOWN, Entry, thinned

MOST_ATTEMPTS = 3
LEASE = 45.0  # seconds
RENEWAL = 12.0  # seconds: three chances within a lease, and no more writes than GCS takes
LOST = "the trainer stopped unexpectedly; the platform's log of it says why"
# The outcomes of attempts that do not count: the trainer was asked to stop, or had hardly any time to begin,
# or the checkpoint moved, however the attempt ended.
INTERRUPTED, POSTPONED, CONTINUED = "interrupted", "postponed", "continued"
_UNCOUNTED = frozenset({INTERRUPTED, POSTPONED, CONTINUED})
_MOST_LISTED = 100  # attempts of a job; of more, the oldest are left out


class WorkerRegistry(Protocol):
    """Who knows whether the trainers of a machine are alive: a dead one's lease need not run out."""

    name: str  # of this trainer; its leases' owners begin with it

    def is_gone(self, trainer: str) -> bool:
        """Whether the trainer of that name is certainly dead."""
        ...


class NoWorkers:
    """The registry where trainers know nothing of each other."""

    name = ""

    def is_gone(self, trainer: str) -> bool:  # noqa: ARG002 (the protocol's)
        """Nobody knows."""
        return False


NO_WORKERS = NoWorkers()


class Claim(NamedTuple):
    """A lease, or None when the job is over or somebody else holds it for another `wait` seconds."""

    job: Job
    lease: "Lease | None"
    wait: float


def claim(
    jobs: Jobs,
    job_id: str,
    seconds: float = LEASE,
    *,
    begin: bool = True,
    workers: WorkerRegistry = NO_WORKERS,
) -> Claim:
    """Take the job for `seconds`, unless it is over or somebody holds it.

    A new attempt is written down, unless there were too many, the job is to be cancelled or it is taken for
    something else (`begin`). Raises `JobNotFound`, `Unavailable`.

    In the document are, beside what callers see: `trained`, the seconds for which trainers have had the job;
    `advanced_to`, the state of the newest checkpoint in the store, as a digest; and `began_at`, what that was
    when the present attempt began.
    """
    owner = f"{workers.name}.{os.urandom(8).hex()}"

    def is_held(body: Body) -> bool:
        held = held_for(body, jobs.clock()) > 0
        return held and not workers.is_gone(str(_owner(body)).partition(".")[0])

    def change(body: Body | None) -> Body | None:
        if body is None:
            raise JobNotFound(f"there is no job '{job_id}'")
        if body["state"] in FINAL or is_held(body):
            return None
        _hand_back(body, jobs.now(), "lost", f"{LOST} (phase: {body['phase'] or 'starting'})")
        body.update(state=RUNNING, phase=None, percentage=None, sent_again=0)
        body["started"] = body["started"] or jobs.now()
        body["lease"] = {"owner": owner, "expires": jobs.clock() + seconds}
        if begin and not body["cancelling"] and counted_attempts(body["attempts"]) < MOST_ATTEMPTS:
            body["attempts"].append({"started": jobs.now(), "ended": None, "outcome": None, "reason": None})
            body["began_at"] = body.get("advanced_to")
            del body["attempts"][:-_MOST_LISTED]
        return body

    document = update(jobs.store, job_key(job_id), change)
    mine = _owner(document.body) == owner
    lease = Lease(jobs, document, owner, seconds) if mine else None
    return Claim(Job.of(document.body), lease, 0.0 if mine else held_for(document.body, jobs.clock()))


def counted_attempts(attempts: list[dict[str, Any]]) -> int:
    """How many of the attempts count: of those since the checkpoint moved last."""
    outcomes = [attempt["outcome"] for attempt in attempts]
    since = outcomes[::-1].index(CONTINUED) if CONTINUED in outcomes else len(outcomes)
    return sum(outcome not in _UNCOUNTED for outcome in outcomes[len(outcomes) - since :])


def are_attempts_spent(body: Body) -> bool:
    """Whether no other attempt may begin, as the job of a trainer that died is now."""
    attempts = body["attempts"]
    is_open = any(attempt["outcome"] is None for attempt in attempts)
    return counted_attempts(attempts) >= MOST_ATTEMPTS and not (is_open and _has_advanced(body))


def deferred_for_time(attempts: list[dict[str, Any]]) -> int:
    """How many attempts in a row, up to the latest that ended, had hardly any time to begin."""
    ended = [attempt["outcome"] for attempt in attempts if attempt["outcome"] is not None]
    return len(ended) - max((at + 1 for at, outcome in enumerate(ended) if outcome != POSTPONED), default=0)


class Lease:
    """A job that is held. Every method raises `LeaseLost` when it no longer is, and `Unavailable`."""

    def __init__(self, jobs: Jobs, document: Document, owner: str, seconds: float) -> None:
        self.job = Job.of(document.body)
        self._jobs = jobs
        self._stored = document.stored
        self._owner = owner
        self._seconds = seconds
        self._began_at = document.body.get("began_at")
        self._trained_before = float(document.body.get("trained", 0.0))
        self._began = time.monotonic()
        # Written down with whatever is written next:
        self.advanced_to: str | None = document.body.get("advanced_to")
        self.history: list[Entry] = []

    @property
    def owner(self) -> str:
        """Who holds it, which nobody else was or will be called."""
        return self._owner

    @property
    def trained(self) -> float:
        """Seconds for which trainers have had the job, this one among them."""
        return self._trained_before + time.monotonic() - self._began

    @property
    def most_seconds(self) -> float | None:
        """How many the request allows; None for any number."""
        most: float | None = self.job.request.get("max_seconds")
        return most

    @property
    def is_spent(self) -> bool:
        """Whether trainers have had the job for as long as the request allows."""
        return self.most_seconds is not None and self.trained >= self.most_seconds

    @property
    def has_advanced(self) -> bool:
        """Whether the checkpoint in the store moved in the present attempt."""
        return self.advanced_to != self._began_at

    @property
    def begun(self) -> bool:
        """Whether an attempt is under way: not after too many, nor for a job that is to be cancelled."""
        return any(attempt["outcome"] is None for attempt in self.job.attempts)

    def look(self) -> Job:
        """The job as it is now; costs next to nothing while it has not changed."""
        try:
            document = read_if_changed(self._jobs.store, job_key(self.job.id), self._stored)
        except ObjectNotFound as error:
            raise LeaseLost(f"job '{self.job.id}' is gone") from error
        if document is not None:
            self._check(document.body)
            self._know(document)
        return self.job

    def renew(self, phase: str | None = None, percentage: float | None = None) -> Job:
        """Hold the job for another while, and write down how far it is."""

        def change(body: Body) -> None:
            body["lease"]["expires"] = self._jobs.clock() + self._seconds
            body["phase"], body["percentage"] = phase, percentage

        return self._update(change)

    def succeed(self, version: int | None, told: Mapping[str, Any]) -> Job:
        """End the job with a version, or with what it wrote; `told` is a manifest, or has a `result`."""
        metrics = told.get("metrics")
        if metrics and "history" in metrics:
            metrics = {**metrics, "history": thinned(metrics["history"], MOST_SHOWN)}
        return self._end(
            SUCCEEDED,
            "succeeded",
            None,
            version=version,
            metrics=metrics,
            warnings=told.get("warnings", []),
            result=told.get("result"),
            engine=told.get("engine"),
        )

    def fail(self, error: dict[str, Any], *, tells: bool = True) -> Job:
        """End the job with an error: `{"code", "message"}`, and `"faults"`.

        What was written down of its training goes unless it `tells` that.
        """
        if tells:
            return self._end(FAILED, "failed", error["message"], error=error)
        self.history = []
        return self._end(FAILED, "failed", error["message"], error=error, metrics=None, warnings=[])

    def cancel(self) -> Job:
        """End the job as its owner wishes."""
        return self._end(CANCELLED, "cancelled", None)

    def retry(self, reason: str, outcome: str = "failed") -> Job:
        """Give the job back to be tried again; the attempt counts unless its outcome is uncounted.

        Where the checkpoint moved meanwhile, the outcome is that the job is continued.
        """

        def change(body: Body) -> None:
            _hand_back(body, self._jobs.now(), outcome, reason)
            body.update(state=QUEUED, lease=None, phase=None, percentage=None, sent=self._jobs.clock())

        return self._update(change)

    def _end(self, state: str, outcome: str, reason: str | None, **results: object) -> Job:
        def change(body: Body) -> None:
            _end_attempt(body, self._jobs.now(), outcome, reason)
            body.update(
                state=state, lease=None, phase=None, percentage=None, finished=self._jobs.now(), **results
            )

        job = self._update(change)
        self._jobs.close(job)
        return job

    def _update(self, change: Callable[[Body], None]) -> Job:
        def change_held(body: Body | None) -> Body | None:
            if body is None:
                raise LeaseLost(f"job '{self.job.id}' is gone")
            self._check(body)
            body["trained"] = round(self.trained, 1)
            body["advanced_to"] = self.advanced_to
            if self.history:
                body["metrics"] = {"history": thinned(self.history, MOST_SHOWN)}
            change(body)
            return body

        self._know(update(self._jobs.store, job_key(self.job.id), change_held))
        return self.job

    def _check(self, body: Body) -> None:
        if _owner(body) != self._owner:
            raise LeaseLost(f"job '{self.job.id}' was taken over, or is over")

    def _know(self, document: Document) -> None:
        self.job = Job.of(document.body)
        self._stored = document.stored


def held_for(body: Body, now: float) -> float:
    """Seconds for which somebody still holds the job; 0 when nobody does."""
    return 0.0 if body["lease"] is None else max(0.0, body["lease"]["expires"] - now)


def _owner(body: Body) -> str | None:
    return None if body["lease"] is None else body["lease"]["owner"]


def _has_advanced(body: Body) -> bool:
    """Whether the checkpoint in the store moved in the present attempt, as far as its trainer said."""
    return bool(body.get("advanced_to") != body.get("began_at"))


def _hand_back(body: Body, now: str, outcome: str, reason: str) -> None:
    """End the attempt of a job that is to go on. What was continued several times in a row is one entry."""
    _end_attempt(body, now, CONTINUED if _has_advanced(body) else outcome, reason)
    attempts = body["attempts"]
    if [attempt["outcome"] for attempt in attempts[-2:]] == [CONTINUED, CONTINUED]:
        last = attempts.pop()
        before = attempts[-1]
        before.update(ended=last["ended"], reason=last["reason"], times=before.get("times", 1) + 1)


def _end_attempt(body: Body, now: str, outcome: str, reason: str | None) -> None:
    for attempt in body["attempts"]:
        if attempt["outcome"] is None:
            attempt.update(ended=now, outcome=outcome, reason=reason)
