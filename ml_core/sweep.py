"""The sweep: what brings forgotten jobs to their end and removes what nobody needs, a few times an hour."""

from collections.abc import Iterator
from itertools import batched
from typing import NamedTuple

from ml_core.documents import Body, read_many
from ml_core.jobs import FINAL, RUNNING, Jobs, Traces, input_key, job_key
from ml_core.leases import MOST_ATTEMPTS, held_for, spent
from ml_core.ports import ObjectStore
from ml_core.registry import Registry
from ml_core.trainer import run_job

_UNDELIVERED = 600.0  # seconds after its last message at which a job that nobody holds is sent again
_ORPHANED = 86_400.0  # seconds: longer than any job or request lives
_BATCH = 100


class Swept(NamedTuple):
    """How many jobs were sent again, ended, and cleared of their input, and how many orphans were removed."""

    sent: int
    ended: int
    cleared: int
    orphans: int


def sweep(jobs: Jobs, registry: Registry) -> Swept:
    """Look once at every job that is not over. Raises `Unavailable`; the next sweep goes on."""
    counts = dict.fromkeys(Swept._fields, 0)
    unfinished = [traces for traces in jobs.traces() if traces.input_written is not None]
    for batch in batched(unfinished, _BATCH):
        documents = read_many(jobs.store, [job_key(traces.id) for traces in batch])
        for traces, document in zip(batch, documents, strict=True):
            done = _sweep_job(jobs, registry, traces, None if document is None else document.body)
            if done is not None:
                counts[done] += 1
    for key in _orphans(jobs, registry, {traces.id for traces in unfinished}):
        jobs.store.delete(key)
        counts["orphans"] += 1
    return Swept(**counts)


def _sweep_job(jobs: Jobs, registry: Registry, traces: Traces, body: Body | None) -> str | None:
    """What was done, as a field of `Swept`; None when there was nothing to do."""
    if body is None:
        return _remove_lonely_input(jobs, traces)
    if body["state"] in FINAL:
        jobs.remove_input(traces.id)
        return "cleared"
    if held_for(body, jobs.clock()) > 0:
        return None
    if body["state"] == RUNNING and spent(body["attempts"]) >= MOST_ATTEMPTS:
        run_job(traces.id, jobs, registry)  # fits nothing any more: it finds the version, or gives the job up
        return "ended"
    if body["state"] == RUNNING or jobs.clock() - body["sent"] > _UNDELIVERED:
        jobs.send_again(traces.id)
        return "sent"
    return None


def _remove_lonely_input(jobs: Jobs, traces: Traces) -> str | None:
    """Remove the input of a job whose submitter died before it wrote the job."""
    if traces.input_written is None or jobs.clock() - traces.input_written < _ORPHANED:
        return None
    jobs.store.delete(input_key(traces.id))
    return "orphans"


def _orphans(jobs: Jobs, registry: Registry, unfinished: set[str]) -> Iterator[str]:
    """Old artifacts that no version needs, and Idempotency-Keys that nobody will send again.

    `unfinished` was read before the registry is: a job that ends meanwhile is in one of them.
    """
    oldest = jobs.clock() - _ORPHANED
    yield from _older(jobs.store, "idempotency/", oldest)
    artifacts = [key for key in _older(jobs.store, "artifacts/", oldest) if _job_of(key) not in unfinished]
    if artifacts:
        needed = registry.jobs_in_use(oldest)
        yield from (key for key in artifacts if _job_of(key) not in needed)


def _older(store: ObjectStore, prefix: str, oldest: float) -> Iterator[str]:
    after = None
    while True:
        page = store.list(prefix, after=after)
        yield from (found.key for found in page.objects if found.modified < oldest)
        after = page.next_after
        if after is None:
            return


def _job_of(artifact: str) -> str:
    return artifact.removeprefix("artifacts/").partition(".")[0]
