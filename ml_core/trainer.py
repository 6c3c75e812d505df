"""What a trainer does with a job: claim it, fit it in a child process, register the version, finish.

Every step can be done twice. A trainer that dies at any point leaves a job that the next delivery, or a
sweep, brings to its end with exactly one version: the artifact is written once under the job's id, and a job
registers once.
"""

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_core.data import DataSources
from ml_core.data_request import DataRequest, is_data_request
from ml_core.errors import (
    InvalidInput,
    JobNotFound,
    LeaseLost,
    ObjectExists,
    ObjectNotFound,
    TooLarge,
    Unavailable,
)
from ml_core.fetching import Fetched, Fetching
from ml_core.fit_child import FIT_COMMAND, Broken, FitChild, Fitted, Refused
from ml_core.jobs import Job, Jobs, input_key
from ml_core.leases import INTERRUPTED, LEASE, MOST_ATTEMPTS, RENEWAL, Lease, claim, spent
from ml_core.ports import ObjectStore
from ml_core.registry import Registry, artifact_key, manifest_key

log = logging.getLogger(__name__)

_GLANCE = 1.0  # seconds between looks at whether the job was cancelled
_RETRY = 5.0  # seconds before the second attempt; doubles with each
_STORE_FAILED = 15.0  # seconds to wait when the store is not there
_LAST_WORDS = 10.0  # seconds before the deadline, kept for writing down that the job failed


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


PACE = Pace()


class _Terms(NamedTuple):
    """Under what conditions a job is run."""

    deadline: float | None
    stopping: threading.Event
    fit_command: Sequence[str]
    pace: Pace
    data: DataSources | None


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
) -> Outcome:
    """Do what is to be done for a job that was delivered. Raises nothing that is foreseen.

    `deadline` is the time (seconds since the epoch) at which the platform ends this process; a fit that is
    not done shortly before fails. When `stopping` is set the fit ends, and the job is given back without
    counting the attempt.
    """
    try:
        claimed = claim(jobs, job_id, pace.lease)
        if claimed.lease is None:
            return _not_held(claimed.job, claimed.wait, jobs)
        terms = _Terms(deadline, stopping or threading.Event(), fit_command, pace, data)
        return _Trainer(claimed.lease, jobs, registry, terms).run()
    except JobNotFound:
        log.warning("a message names job %s, which does not exist", job_id)
        return Outcome(None, None)
    except LeaseLost as error:
        log.warning("%s", error)
        return Outcome(None, pace.retry)
    except Unavailable as error:
        log.warning("job %s waits: %s", job_id, error)
        return Outcome(None, pace.store_failed)


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
        except Unavailable as error:
            log.warning("job %s: %s", self._lease.job.id, error)
            return self._retry(str(error))  # not given up: the version may be registered, its answer lost

    def _go_on(self) -> Outcome:
        """From wherever an earlier trainer left the job."""
        job = self._lease.job
        version = self._registry.number_of(job.model, job.id)
        if version is not None:
            return self._succeed(version, _read_manifest(self._store, job.id) or {})
        if job.cancelling:
            return _done(self._lease.cancel())
        manifest = _read_manifest(self._store, job.id)
        if manifest is not None:
            return self._register(manifest)
        if not self._lease.begun:
            last = job.attempts[-1]
            code = "trainer_died" if last["outcome"] == "lost" else "attempts_spent"
            return self._give_up(Broken(code, last["reason"]))
        return self._fit()

    def _fit(self) -> Outcome:
        request = self._request()
        with tempfile.TemporaryDirectory(prefix="serverless-ml-data-") as folder:
            try:
                fetched = self._fetch(request, os.path.join(folder, "data"))
            except (InvalidInput, TooLarge) as error:
                return _done(self._lease.fail(_refusal(error)))
            if isinstance(fetched, Outcome):
                return fetched
            with FitChild(request, self._terms.fit_command, fetched and fetched.path) as child:
                stopped = self._watch(child)
                if stopped is not None:
                    return stopped
                result = child.result()
        if isinstance(result, Refused):
            return _done(self._lease.fail(result.error))
        if isinstance(result, Broken):
            return self._broken(result)
        if fetched is not None and isinstance(result, Fitted):
            result = result._replace(manifest={**result.manifest, "data": fetched.lineage})
        self._lease.renew("registering")
        return self._register(_store_result(self._store, self._lease.job, result))

    def _fetch(self, request: bytes, path: str) -> "Fetched | Outcome | None":
        """Bring the data that the request is about to a file, keeping the lease; None where it has its rows.

        An outcome when the job has to be stopped meanwhile. Raises `InvalidInput`, `TooLarge`, `Unavailable`.
        """
        if not is_data_request(request):
            return None
        if self._terms.data is None:
            raise InvalidInput.at("$.data.uri", "no data is read here: send the rows")
        fetching = Fetching(self._terms.data, DataRequest.from_bytes(request).data.uri, path)
        for fraction in fetching:
            stopped = self._stopped() or self._kept("fetching", 100 * fraction)
            if stopped is not None:
                return stopped
        return fetching.fetched

    def _request(self) -> bytes:
        try:
            return self._store.get(input_key(self._lease.job.id)).data
        except ObjectNotFound as error:
            self._lease.look()  # raises LeaseLost when another trainer has ended the job meanwhile
            raise Unavailable(f"the input of job '{self._lease.job.id}' is missing") from error

    def _watch(self, child: FitChild) -> Outcome | None:
        """Keep the lease until the fit has ended; an outcome when it has to be stopped before."""
        while not child.ended.wait(self._terms.pace.glance):
            stopped = self._stopped() or self._kept(child.phase, child.percentage)
            if stopped is not None:
                return stopped
        return None

    def _stopped(self) -> Outcome | None:
        """An outcome when it is time to stop."""
        if self._terms.stopping.is_set():
            return Outcome(self._lease.retry("the trainer was asked to stop", INTERRUPTED), 0.0)
        if self._terms.deadline is not None and time.time() > self._terms.deadline - _LAST_WORDS:
            return _done(self._lease.fail(_too_slow(self._lease.job)))
        return None

    def _kept(self, phase: str | None, percentage: float | None) -> Outcome | None:
        """Keep the lease; an outcome when the job is to be cancelled."""
        return _done(self._lease.cancel()) if self._keep(phase, percentage).cancelling else None

    def _keep(self, phase: str | None, percentage: float | None) -> Job:
        now = time.monotonic()
        try:
            if now - self._renewed < self._terms.pace.renewal:
                return self._lease.look()
            job = self._lease.renew(phase, percentage)
        except Unavailable:
            if now - self._renewed > self._terms.pace.lease:
                raise  # somebody else may hold the job by now
            return self._lease.job
        self._renewed = now
        return job

    def _register(self, manifest: dict[str, Any]) -> Outcome:
        job = self._lease.job
        version = self._registry.register(
            job.model,
            job.id,
            sha256=manifest["sha256"],
            size=manifest["size"],
            algorithm=manifest["algorithm"],
        )
        return self._succeed(version, manifest)

    def _succeed(self, version: int, manifest: dict[str, Any]) -> Outcome:
        return _done(self._lease.succeed(version, manifest.get("metrics"), manifest.get("warnings", [])))

    def _broken(self, broken: Broken) -> Outcome:
        """The attempt came to nothing: try again later, or give up after so many."""
        if spent(self._lease.job.attempts) >= MOST_ATTEMPTS:
            return self._give_up(broken)
        return self._retry(broken.reason)

    def _retry(self, reason: str) -> Outcome:
        job = self._lease.retry(reason)
        return Outcome(job, self._terms.pace.retry * 2 ** max(0, spent(job.attempts) - 1))

    def _give_up(self, broken: Broken) -> Outcome:
        message = f"{broken.reason}; given up after {spent(self._lease.job.attempts)} attempts"
        return _done(self._lease.fail({"code": broken.code, "message": message}))


def _refusal(error: InvalidInput | TooLarge) -> dict[str, Any]:
    faults = error.faults if isinstance(error, InvalidInput) else []
    return {"code": error.code, "message": str(error), "faults": [fault._asdict() for fault in faults]}


def _not_held(job: Job, wait: float, jobs: Jobs) -> Outcome:
    if not job.over:
        return Outcome(job, wait + 1)
    jobs.remove_input(job.id)  # in case the trainer that finished it died before it could
    return Outcome(job, None)


def _done(job: Job) -> Outcome:
    log.info("job %s of model %s: %s", job.id, job.model, job.state)
    return Outcome(job, None)


def _store_result(store: ObjectStore, job: Job, fitted: Fitted) -> dict[str, Any]:
    """Write the artifact and then its manifest, each once: what an earlier attempt wrote is used as it is."""
    artifact = _put_once(store, artifact_key(job.id), fitted.artifact)
    described = {"job": job.id, "sha256": hashlib.sha256(artifact).hexdigest(), "size": len(artifact)}
    manifest = json.dumps({**fitted.manifest, **described}, allow_nan=False).encode()
    stored: dict[str, Any] = json.loads(_put_once(store, manifest_key(job.id), manifest))
    return stored


def _put_once(store: ObjectStore, key: str, data: bytes) -> bytes:
    try:
        store.put_if_absent(key, data)
    except ObjectExists:
        return store.get(key).data
    return data


def _read_manifest(store: ObjectStore, job_id: str) -> dict[str, Any] | None:
    """The manifest of a job whose artifact is stored; it is written after the artifact."""
    try:
        manifest: dict[str, Any] = json.loads(store.get(manifest_key(job_id)).data)
    except ObjectNotFound:
        return None
    return manifest


def _too_slow(job: Job) -> dict[str, Any]:
    message = (
        "training did not end within the time that the platform gives a function; "
        "train on fewer rows, lower max_iter, or raise the train function's timeout"
    )
    return {
        "code": "deadline_exceeded",
        "message": message if job.phase is None else f"{message} (phase: {job.phase})",
    }
