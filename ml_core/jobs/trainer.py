"""What a trainer does with a job: claim it, work on it in a child process, register the version, finish.

Every step can be done twice. A trainer that dies at any point leaves a job that the next delivery, or a
sweep, brings to its end with exactly one version: the artifact is written once under the job's id, and a job
registers once.
"""

import logging
from typing import Any, NamedTuple

from ml_core.algorithms.tasks import headline
from ml_core.conflicts import BudgetRefused, BudgetSpent, LeaseLost, VersionInUse
from ml_core.errors import DocumentDamaged, JobNotFound, NameTaken, Unavailable
from ml_core.jobs import fit_results, job_errors
from ml_core.jobs.attempt import Attempt, AttemptFailed, HandedOver
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.data_access import BUDGET_ERRORS, DataAccess
from ml_core.jobs.fit_child import Broken, FittedArtifact, Scored
from ml_core.jobs.jobs import Job, Jobs
from ml_core.jobs.kinds import IMPORTING
from ml_core.jobs.leases import (
    CONTINUED,
    INTERRUPTED,
    MOST_ATTEMPTS,
    POSTPONED,
    Lease,
    claim,
    counted_attempts,
    deferred_for_time,
)
from ml_core.jobs.watch import Interruption, Watch
from ml_core.registry.deletion import Deletion
from ml_core.registry.origins import note_version
from ml_core.registry.registry import Registry
from ml_core.sandbox.background import Background

log = logging.getLogger(__name__)

_MOST_DEFERRED = 3  # times in a row that there was too little time to begin


class Outcome(NamedTuple):
    """What to tell the queue: to bring the job again after `defer` seconds, or, when None, to forget it."""

    job: Job | None
    defer: float | None


def run_job(job_id: str, context: TrainerContext) -> Outcome:
    """Do what is to be done for a job that was delivered. Raises `DocumentDamaged`, nothing else foreseen.

    A training that is not done shortly before the context's deadline fails, unless it saved a checkpoint:
    then the next delivery continues it. When its `stopping` is set the job is given back, and the attempt
    does not count.
    """
    intervals = context.intervals
    try:
        claimed = claim(context.jobs, job_id, intervals.lease, workers=context.workers)
        if claimed.lease is None:
            return _not_held(claimed.job, claimed.wait, context.jobs)
        return _HeldJob(claimed.lease, context).run()
    except JobNotFound:
        log.warning("a message names job %s, which does not exist", job_id)
        return Outcome(None, None)
    except LeaseLost as error:
        log.warning("%s", error)
        return Outcome(None, intervals.retry)
    except DocumentDamaged:
        raise  # waiting is no use
    except Unavailable as error:
        log.warning("job %s waits: %s", job_id, error)
        return Outcome(None, intervals.store_failed)


def fail_dead_lettered(job_id: str, jobs: Jobs, registry: Registry, reason: str) -> Job | None:
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
    return lease.succeed(version, manifest)


class _HeldJob:
    """One held job on its way to its end: which state it is in, and which comes next."""

    def __init__(self, lease: Lease, context: TrainerContext) -> None:
        self._lease = lease
        self._context = context
        self._watch = Watch(lease, context)
        self._access = DataAccess(lease, context)

    def run(self) -> Outcome:
        try:
            return self._go_on()
        except LeaseLost:
            raise
        except BUDGET_ERRORS as error:
            return self._refuse(error)
        except NameTaken as error:
            return self._fail(job_errors.name_taken(error, self._lease.job))
        except Unavailable as error:
            log.warning("job %s: %s", self._lease.job.id, error)
            return self._retry(str(error))  # not given up: the version may be registered, its answer lost
        except Exception:
            log.exception("job %s met an error that was not foreseen", self._lease.job.id)
            return self._retry("the trainer met an error that was not foreseen; it is in the service's log")

    def _go_on(self) -> Outcome:
        """From wherever an earlier trainer left the job."""
        job, store = self._lease.job, self._context.jobs.store
        version = self._context.registry.number_of(job.model, job.id)
        if version is not None:
            return self._succeed(version, fit_results.read_manifest(store, job.id) or {})
        if job.cancelling:
            return self._cancel()
        manifest = fit_results.read_manifest(store, job.id)
        if manifest is not None:
            return self._register(manifest)
        if not self._lease.begun:
            last = job.attempts[-1]
            code = "trainer_died" if last["outcome"] == "lost" else "attempts_spent"
            return self._give_up(Broken(code, last["reason"]))
        if self._context.is_over(self._context.intervals.least):
            return self._defer_for_time()
        too_long = self._continued_too_long()
        return self._fail(too_long) if too_long else self._try()

    def _try(self) -> Outcome:
        ended = Attempt(self._lease, self._context, self._watch, self._access).run()
        if self._access.is_open and not isinstance(ended, Interruption):
            self._access.check()  # else what it says of the data would be told, also where it failed
        match ended:
            case FittedArtifact() as fitted:
                self._lease.renew("registering")
                return self._register(fitted)
            case Scored(told):
                return self._succeed(None, told)
            case AttemptFailed(error):
                return self._fail(error)
            case HandedOver(reason):
                return self._continue(reason, 0.0)
            case Broken() as broken:
                return self._broken(broken)
            case interruption:
                return self._interrupted(interruption)

    def _interrupted(self, interruption: Interruption) -> Outcome:
        if interruption is Interruption.CANCELLED:
            return self._cancel()
        return Outcome(self._lease.retry(interruption.value, INTERRUPTED), 0.0)

    def _register(self, made: FittedArtifact | dict[str, Any]) -> Outcome:
        """Hold the job while its artifact is stored, unless its manifest says that it was, and registered.

        What is stored is found by whoever comes next, so when time runs out the job goes back.
        """

        def register(_: object) -> tuple[int, dict[str, Any]] | str:
            manifest = (
                fit_results.store(self._context.jobs.store, job.id, made)
                if isinstance(made, FittedArtifact)
                else made
            )
            self._access.check()
            erased = note_version(self._context.jobs.store, job.id, job.model, self._origin(manifest))
            if erased is not None:
                return erased
            described = {name: manifest[name] for name in ("sha256", "size", "algorithm")}
            described["metric"] = headline(manifest)
            return self._context.registry.register(job.model, job.id, **described), manifest

        job = self._lease.job
        with Background("registering", register) as registering:
            if not self._watch.wait_on(registering):
                return self._retry("the time was over while the version was registered")
        registered = registering.result()
        if isinstance(registered, str):
            return self._fail(job_errors.data_erased(registered))
        return self._succeed(*registered)

    def _origin(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The manifest with the address of the upload that was read, where another led to it."""
        data, sources = manifest.get("data") or {}, self._context.data
        if sources is None or not isinstance(data.get("uri"), str):
            return manifest
        return {**manifest, "data": {**data, "uri": sources.as_upload(data["uri"])}}

    def _succeed(self, version: int | None, told: dict[str, Any]) -> Outcome:
        self._access.check()  # a budget may have been set while the version was written
        return _done(self._lease.succeed(version, told))

    def _fail(self, error: dict[str, Any]) -> Outcome:
        failed = self._lease.fail(error)
        self._discard()
        return _done(failed)

    def _cancel(self) -> Outcome:
        cancelled = self._lease.cancel()
        self._discard()
        return _done(cancelled)

    def _discard(self) -> None:
        """Remove the artifact of a graph that was to be tried, and has no version.

        After the job is over: until then another trainer might hold it, and register the artifact.
        """
        job, context = self._lease.job, self._context
        if job.kind is not IMPORTING:
            return
        try:
            if context.registry.number_of(job.model, job.id) is None:
                fit_results.remove(context.jobs.store, job.id)
        except Unavailable as error:
            log.warning("job %s: its artifact stays, though it has no version: %s", job.id, error)

    def _refuse(self, error: BudgetRefused | BudgetSpent) -> Outcome:
        """A privacy budget is against it: nothing that the job made may stay.

        A version that was registered at the same moment goes, unless somebody points an alias at it already.
        """
        job, store, registry = self._lease.job, self._context.jobs.store, self._context.registry
        try:
            version = registry.number_of(job.model, job.id)
            if version is not None:
                Deletion(registry).delete_version(job.model, version, purge=True)
            fit_results.remove(store, job.id)
        except VersionInUse:
            return _done(self._lease.succeed(version, fit_results.read_manifest(store, job.id) or {}))
        except Unavailable as failed:
            return self._retry(str(failed))
        return _done(self._lease.fail(job_errors.budget(error), tells=False))

    def _defer_for_time(self) -> Outcome:
        """There is hardly any time left: the next delivery may have more. No attempt is counted."""
        if deferred_for_time(self._lease.job.attempts) >= _MOST_DEFERRED:
            return self._fail(
                job_errors.never_time(self._context.seconds_left, self._lease.job, self._context.time_setting)
            )
        reason = "too little time was left to begin"
        return Outcome(self._lease.retry(reason, POSTPONED), self._context.intervals.retry)

    def _continue(self, reason: str, after: float) -> Outcome:
        """The next delivery goes on from the checkpoint, unless that has gone on for too long."""
        too_long = self._continued_too_long(reason)
        if too_long is not None:
            return self._fail(too_long)
        if self._lease.is_spent:
            return self._fail(job_errors.spent(self._lease.most_seconds or 0, reason, self._lease.job))
        return Outcome(self._lease.retry(reason, CONTINUED), after)

    def _continued_too_long(self, reached: str | None = None) -> dict[str, Any] | None:
        """The error of a job that was continued for as long as there may be; `reached` is how far it was."""
        job, hours = self._lease.job, self._context.train_hours
        continued = [each["reason"] for each in job.attempts if each["outcome"] == CONTINUED]
        reached = reached or (continued[-1] if continued else None)
        if reached is None or self._lease.trained < hours * 3600:
            return None
        return job_errors.continued_too_long(hours, reached, job)

    def _broken(self, broken: Broken) -> Outcome:
        """The attempt came to nothing: try again later, or give up after so many."""
        if self._lease.has_advanced:
            return self._continue(broken.reason, self._context.intervals.retry)
        if counted_attempts(self._lease.job.attempts) >= MOST_ATTEMPTS:
            return self._give_up(broken)
        return self._retry(broken.reason)

    def _retry(self, reason: str) -> Outcome:
        job = self._lease.retry(reason)
        return Outcome(job, self._context.intervals.retry * 2 ** max(0, counted_attempts(job.attempts) - 1))

    def _give_up(self, broken: Broken) -> Outcome:
        attempts = counted_attempts(self._lease.job.attempts)
        setting = self._context.time_setting
        return self._fail(job_errors.given_up(broken.code, broken.reason, attempts, self._lease.job, setting))


def _not_held(job: Job, wait: float, jobs: Jobs) -> Outcome:
    if not job.over:
        return Outcome(job, wait + 1)
    jobs.close(job)  # in case the trainer that finished it died before it could
    return Outcome(job, None)


def _done(job: Job) -> Outcome:
    log.info("job %s of model %s: %s", job.id, job.model, job.state)
    return Outcome(job, None)
