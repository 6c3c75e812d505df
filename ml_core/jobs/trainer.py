"""What a trainer does with a job: claim it, fit it in a child process, register the version, finish.

Every step can be done twice. A trainer that dies at any point leaves a job that the next delivery, or a
sweep, brings to its end with exactly one version: the artifact is written once under the job's id, and a job
registers once.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_core.datasets.fetching import Fetched, Fetching
from ml_core.datasets.sources import DataSources
from ml_core.errors import (
    DocumentDamaged,
    InvalidInput,
    JobNotFound,
    LeaseLost,
    ObjectNotFound,
    TooLarge,
    Unavailable,
)
from ml_core.jobs import fit_results, job_errors
from ml_core.jobs.fit_child import (
    FIT_COMMAND,
    NO_ROOM,
    Broken,
    Defect,
    FitChild,
    Fitted,
    OutOfDisk,
    OutOfMemory,
    OutOfTime,
    Refused,
    Result,
    Unreadable,
)
from ml_core.jobs.jobs import Job, Jobs, input_key
from ml_core.jobs.leases import (
    INTERRUPTED,
    LEASE,
    MOST_ATTEMPTS,
    NOBODY,
    POSTPONED,
    RENEWAL,
    Lease,
    Roster,
    claim,
    postponed,
    spent,
)
from ml_core.registry.registry import Registry
from ml_core.sandbox.background import Background, Work
from ml_core.sandbox.memory import FunctionMemory
from ml_core.sandbox.scratch import scratch_folder
from ml_core.training.reference import TableReference, table_of

log = logging.getLogger(__name__)

_GLANCE = 1.0  # seconds between looks at whether the job was cancelled
_RETRY = 5.0  # seconds before the second attempt; doubles with each
_STORE_FAILED = 15.0  # seconds to wait when the store is not there
_LAST_WORDS = 10.0  # seconds before the deadline, kept for writing down that the job failed
_LEAST = 5.0  # seconds before the last words: with less a training is not begun
_MOST_POSTPONED = 3  # times in a row that there was less


class Outcome(NamedTuple):
    """What to tell the queue: to bring the job again after `defer` seconds, or, when None, to forget it."""

    job: Job | None
    defer: float | None


class Pace(NamedTuple):
    """How long a trainer waits for what, in seconds."""

    lease: float = LEASE
    renewal: float = RENEWAL
    glance: float = _GLANCE
    retry: float = _RETRY
    store_failed: float = _STORE_FAILED
    last_words: float = _LAST_WORDS
    least: float = _LEAST


PACE = Pace()


class _Terms(NamedTuple):
    """Under what conditions a job is run; `deadline` and `began` are in seconds since the epoch."""

    began: float
    deadline: float | None
    stopping: threading.Event
    fit_command: Sequence[str]
    pace: Pace
    data: DataSources | None
    memory: FunctionMemory

    @property
    def last_moment(self) -> float | None:
        """When work has to be broken off, so that there is time to write down that it was."""
        return None if self.deadline is None else self.deadline - self.pace.last_words

    @property
    def seconds(self) -> float:
        """How long the platform lets this trainer run."""
        return 0.0 if self.deadline is None else max(0.0, self.deadline - self.began)


def run_job(
    job_id: str,
    jobs: Jobs,
    registry: Registry,
    *,
    deadline: float | None = None,
    stopping: threading.Event | None = None,
    fit_command: Sequence[str] = FIT_COMMAND,
    pace: Pace = PACE,
    data: DataSources | None = None,
    memory: FunctionMemory = FunctionMemory(),  # noqa: B008 - a tuple
    roster: Roster = NOBODY,
) -> Outcome:
    """Do what is to be done for a job that was delivered. Raises `DocumentDamaged`, nothing else foreseen.

    `deadline` is the time (seconds since the epoch) at which the platform ends this process; a training that
    is not done shortly before fails. When `stopping` is set the fit ends, and the job is given back without
    counting the attempt. `memory` is what the platform gives this function, `roster` knows which trainers
    live.
    """
    try:
        claimed = claim(jobs, job_id, pace.lease, roster=roster)
        if claimed.lease is None:
            return _not_held(claimed.job, claimed.wait, jobs)
        terms = _Terms(time.time(), deadline, stopping or threading.Event(), fit_command, pace, data, memory)
        return _Trainer(claimed.lease, jobs, registry, terms).run()
    except JobNotFound:
        log.warning("a message names job %s, which does not exist", job_id)
        return Outcome(None, None)
    except LeaseLost as error:
        log.warning("%s", error)
        return Outcome(None, pace.retry)
    except DocumentDamaged:
        raise  # waiting is no use
    except Unavailable as error:
        log.warning("job %s waits: %s", job_id, error)
        return Outcome(None, pace.store_failed)


def abandon(job_id: str, jobs: Jobs, registry: Registry, reason: str) -> Job | None:
    """End a job whose messages are dead letters; None when there is no such job, or somebody holds it.

    A job whose version was registered has succeeded all the same. Raises `Unavailable`, `LeaseLost`.
    """
    try:
        claimed = claim(jobs, job_id, begin=False)
    except JobNotFound:
        return None
    job, lease = claimed.job, claimed.lease
    if lease is None:
        return job if job.over else None
    version = registry.number_of(job.model, job.id)
    if version is None:
        return lease.fail({"code": "dead_lettered", "message": f"{reason}; send the request again"})
    manifest = fit_results.read_manifest(jobs.store, job.id) or {}
    return lease.succeed(version, manifest.get("metrics"), manifest.get("warnings", []))


class _Trainer:
    """One held job on its way to its end."""

    def __init__(self, lease: Lease, jobs: Jobs, registry: Registry, terms: _Terms) -> None:
        self._lease = lease
        self._store = jobs.store
        self._registry = registry
        self._terms = terms
        self._renewed = time.monotonic()

    def run(self) -> Outcome:
        try:
            return self._go_on()
        except LeaseLost:
            raise
        except Unavailable as error:
            log.warning("job %s: %s", self._lease.job.id, error)
            return self._retry(str(error))  # not given up: the version may be registered, its answer lost
        except Exception:
            log.exception("job %s met an error that was not foreseen", self._lease.job.id)
            return self._retry("the trainer met an error that was not foreseen; it is in the service's log")

    def _go_on(self) -> Outcome:
        """From wherever an earlier trainer left the job."""
        job = self._lease.job
        version = self._registry.number_of(job.model, job.id)
        if version is not None:
            return self._succeed(version, fit_results.read_manifest(self._store, job.id) or {})
        if job.cancelling:
            return _done(self._lease.cancel())
        manifest = fit_results.read_manifest(self._store, job.id)
        if manifest is not None:
            return self._register(Background("registering", lambda _: self._registered(manifest)))
        if not self._lease.begun:
            last = job.attempts[-1]
            code = "trainer_died" if last["outcome"] == "lost" else "attempts_spent"
            return self._give_up(Broken(code, last["reason"]))
        if self._is_late():
            return self._postpone()
        return self._fit()

    def _fit(self) -> Outcome:
        try:
            with scratch_folder() as folder:
                return self._fit_in(folder)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return self._fail(job_errors.disk_full())

    def _fit_in(self, folder: str) -> Outcome:
        request = self._request()
        table = table_of(request)
        fetched = None if table is None else self._fetch(table, folder)
        if isinstance(fetched, Outcome):
            return fetched
        size = len(request) if fetched is None else fetched.lineage["size"]
        child = FitChild(
            request,
            folder,
            self._terms.fit_command,
            memory=self._terms.memory.left(size),
            deadline=self._terms.last_moment,
        )
        with child:
            stopped = self._watch(child)
            if stopped is not None:
                return stopped
            result = child.result()
        if not isinstance(result, Fitted):
            return self._fitted_nothing(result, child, size)
        lineage = {} if table is None or fetched is None else {"data": table.lineage(fetched.lineage)}
        fitted = result._replace(manifest={**result.manifest, **lineage})
        self._lease.renew("registering")
        return self._register(Background("registering", lambda _: self._stored_and_registered(fitted)))

    def _fetch(self, table: TableReference, folder: str) -> Fetched | Outcome:
        """Bring the data to the folder; an outcome when there is none to be had, or it is time to stop."""
        with Background("fetching", lambda task: self._fetched(table.uri, folder, task)) as fetching:
            stopped = self._watch(fetching)
        if stopped is not None:
            return stopped
        try:
            return fetching.result()
        except (InvalidInput, TooLarge) as error:
            return self._fail(job_errors.refusal(error))

    def _fetched(self, uri: str, folder: str, task: Background[Fetched]) -> Fetched:
        """Bring the data at an address to a file in the folder.

        Raises `InvalidInput`, `TooLarge`, `Unavailable`.
        """
        if self._terms.data is None:
            raise InvalidInput.at(
                "$.data.uri", "data.uri is not supported here; send the rows in `instances`"
            )
        fetching = Fetching(self._terms.data, uri, os.path.join(folder, "data"))
        for fraction in fetching:
            if task.left.is_set():
                raise Unavailable("fetching was broken off")
            task.percentage = round(100 * fraction, 1)
        assert fetching.fetched is not None  # noqa: S101  # for the type checker: it was iterated to its end
        return fetching.fetched

    def _request(self) -> bytes:
        try:
            return self._store.get(input_key(self._lease.job.id)).data
        except ObjectNotFound as error:
            self._lease.look()  # raises LeaseLost when another trainer has ended the job meanwhile
            raise Unavailable(f"the input of job '{self._lease.job.id}' is missing") from error

    def _fitted_nothing(self, result: Result, child: FitChild, size: int) -> Outcome:
        """The fit has no result: the job fails where trying again is no use."""
        job = self._lease.job.id
        if child.said:
            log.error("job %s: the fitting process's last words:\n%s", job, "\n".join(child.said))
        match result:
            case Broken():
                return self._broken(result)
            case Refused(error):
                pass
            case Unreadable(how, traceback):
                log.error("job %s: its file made the reader fail\n%s", job, traceback or "")
                error = job_errors.unreadable(how)
            case Defect(traceback):
                log.error("job %s: the fit failed in an unforeseen way\n%s", job, traceback)
                error = job_errors.defect(job)
            case OutOfMemory():
                error = job_errors.out_of_memory(size, self._terms.memory.left(size))
            case OutOfDisk():
                error = job_errors.disk_full()
            case OutOfTime():
                error = job_errors.too_slow(self._terms.seconds, child)
            case _:
                raise AssertionError(result)
        return self._fail(error)

    def _watch(self, work: Work) -> Outcome | None:
        """Keep the lease until the work has ended; an outcome when it has to be broken off before."""
        while not work.ended.wait(self._terms.pace.glance):
            stopped = self._stopped(work) or self._kept(work)
            if stopped is not None:
                return stopped
        return None

    def _stopped(self, work: Work) -> Outcome | None:
        """An outcome when it is time to stop."""
        if self._terms.stopping.is_set():
            return self._interrupted()
        if self._is_over():
            return self._fail(job_errors.too_slow(self._terms.seconds, work))
        return None

    def _interrupted(self) -> Outcome:
        return Outcome(self._lease.retry("the trainer was asked to stop", INTERRUPTED), 0.0)

    def _is_over(self, spare: float = 0.0) -> bool:
        """Whether less than `spare` seconds are left to work in."""
        last = self._terms.last_moment
        return last is not None and time.time() > last - spare

    def _is_late(self) -> bool:
        return self._is_over(self._terms.pace.least)

    def _postpone(self) -> Outcome:
        """There is hardly any time left: the next delivery may have more. No attempt is counted."""
        if postponed(self._lease.job.attempts) >= _MOST_POSTPONED:
            return self._fail(job_errors.never_time(self._terms.seconds))
        reason = "too little time was left to begin"
        return Outcome(self._lease.retry(reason, POSTPONED), self._terms.pace.retry)

    def _kept(self, work: Work) -> Outcome | None:
        """Keep the lease; an outcome when the job is to be cancelled."""
        return _done(self._lease.cancel()) if self._keep(work).cancelling else None

    def _keep(self, work: Work) -> Job:
        now = time.monotonic()
        try:
            if now - self._renewed < self._terms.pace.renewal:
                return self._lease.look()
            job = self._lease.renew(work.phase, work.percentage)
        except Unavailable:
            if now - self._renewed > self._terms.pace.lease:
                raise  # somebody else may hold the job by now
            return self._lease.job
        self._renewed = now
        return job

    def _register(self, registering: Background["_Registered"]) -> Outcome:
        """Hold the job while its version is registered: too late to cancel, and no reason to fail.

        What is stored is found by whoever comes next, so when time runs out the job goes back.
        """
        with registering:
            while not registering.ended.wait(self._terms.pace.glance):
                if self._is_over(-self._terms.pace.last_words / 2):  # giving back takes fewer words
                    return self._retry("the time was over while the version was registered")
                self._keep(registering)
        return self._succeed(*registering.result())

    def _stored_and_registered(self, fitted: Fitted) -> "_Registered":
        return self._registered(fit_results.store(self._store, self._lease.job.id, fitted))

    def _registered(self, manifest: dict[str, Any]) -> "_Registered":
        job = self._lease.job
        version = self._registry.register(
            job.model,
            job.id,
            sha256=manifest["sha256"],
            size=manifest["size"],
            algorithm=manifest["algorithm"],
        )
        return _Registered(version, manifest)

    def _succeed(self, version: int, manifest: dict[str, Any]) -> Outcome:
        return _done(self._lease.succeed(version, manifest.get("metrics"), manifest.get("warnings", [])))

    def _fail(self, error: dict[str, Any]) -> Outcome:
        return _done(self._lease.fail(error))

    def _broken(self, broken: Broken) -> Outcome:
        """The attempt came to nothing: try again later, or give up after so many."""
        if spent(self._lease.job.attempts) >= MOST_ATTEMPTS:
            return self._give_up(broken)
        return self._retry(broken.reason)

    def _retry(self, reason: str) -> Outcome:
        job = self._lease.retry(reason)
        return Outcome(job, self._terms.pace.retry * 2 ** max(0, spent(job.attempts) - 1))

    def _give_up(self, broken: Broken) -> Outcome:
        attempts = spent(self._lease.job.attempts)
        return self._fail(job_errors.given_up(broken.code, broken.reason, attempts))


class _Registered(NamedTuple):
    """A version, and the manifest of its artifact."""

    version: int
    manifest: dict[str, Any]


def _not_held(job: Job, wait: float, jobs: Jobs) -> Outcome:
    if not job.over:
        return Outcome(job, wait + 1)
    jobs.remove_input(job.id)  # in case the trainer that finished it died before it could
    return Outcome(job, None)


def _done(job: Job) -> Outcome:
    log.info("job %s of model %s: %s", job.id, job.model, job.state)
    return Outcome(job, None)
