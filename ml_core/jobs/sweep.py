"""The sweep: what brings forgotten jobs to their end and removes what nobody needs, a few times an hour.

Two sweeps at once do no harm: every step is a compare-and-swap, a second message, or a deletion. A sweep ends
when its time does; it begins at another place each time, so that the next ones come to what it left.
"""

import logging
import random
import time
from collections.abc import Iterable, Iterator
from itertools import batched
from typing import NamedTuple

from ml_core.datasets.datasets import left_behind
from ml_core.documents import Body, read_many
from ml_core.errors import DocumentDamaged, LeaseLost
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import FINAL, RUNNING, Jobs, Traces, input_key, job_key
from ml_core.jobs.leases import MOST_ATTEMPTS, counted_attempts, held_for
from ml_core.jobs.trainer import fail_dead_lettered, run_job
from ml_core.ports import ObjectStore, every_object
from ml_core.registry.deletion import Deletion, Kept
from ml_core.registry.registry import Registry
from ml_core.registry.retention import RETENTION

log = logging.getLogger(__name__)

SECONDS = 90.0  # that one sweep takes at most, or little more: the function has 120
_UNDELIVERED = 600.0  # seconds after its last message at which a job that nobody holds is sent again
_MOST_SENT = 8  # times again, each after twice the time before: three and a half days in all
_ORPHANED = 86_400.0  # seconds: longer than any job or request lives
_DEAD_LETTERS = 14 * 86_400.0  # seconds for which a message that nobody could work off is kept
_BATCH = 100


class Swept(NamedTuple):
    """How many jobs were sent again, ended, and cleared of their input, and how many orphans were removed."""

    sent: int
    ended: int
    cleared: int
    orphans: int


def sweep(jobs: Jobs, registry: Registry, seconds: float = SECONDS, *, retention: float = RETENTION) -> Swept:
    """Look at every job that is not over, as far as the time goes. Raises `Unavailable`; the next goes on.

    `retention` is how many seconds the artifact of a deleted version stays.
    """
    counts = dict.fromkeys(Swept._fields, 0)
    until = time.monotonic() + seconds
    unfinished = [traces for traces in jobs.traces() if traces.input_written is not None]
    random.shuffle(unfinished)
    for batch in _within(until, batched(unfinished, _BATCH)):
        keys = [job_key(traces.id) for traces in batch]
        documents = read_many(jobs.store, keys, skip_damaged=True)
        for traces, document in _within(until, zip(batch, documents, strict=True)):
            done = _sweep_job(jobs, registry, traces, None if document is None else document.body)
            if done is not None:
                counts[done] += 1
    deletion = Deletion(registry, retention)
    for key in _within(until, _orphans(jobs, deletion, {traces.id for traces in unfinished})):
        jobs.store.delete(key)
        counts["orphans"] += 1
    return Swept(**counts)


def _within[Item](until: float, items: Iterable[Item]) -> Iterator[Item]:
    """The items, as long as there is time."""
    for item in items:
        if time.monotonic() > until:
            return
        yield item


def _sweep_job(jobs: Jobs, registry: Registry, traces: Traces, body: Body | None) -> str | None:
    """What was done, as a field of `Swept`; None when there was nothing to do."""
    if body is None:
        return None if traces.document else _remove_lonely_input(jobs, traces)
    if body["state"] in FINAL:
        jobs.remove_input(traces.id)
        return "cleared"
    if held_for(body, jobs.clock()) > 0:
        return None
    try:
        return _bring_on(jobs, registry, traces.id, body)
    except DocumentDamaged as error:
        log.error("job %s cannot be swept: %s", traces.id, error)  # noqa: TRY400 - foreseen
        return None


def _bring_on(jobs: Jobs, registry: Registry, job_id: str, body: Body) -> str | None:
    """Send a job again that nobody holds, or end it."""
    if body["state"] == RUNNING and counted_attempts(body["attempts"]) >= MOST_ATTEMPTS:
        run_job(
            job_id, TrainerContext(jobs, registry)
        )  # fits nothing any more: it finds the version, or gives the job up
        return "ended"
    again = body.get("sent_again", 0)
    lost_its_trainer = body["state"] == RUNNING and not again
    if not lost_its_trainer and jobs.clock() - body["sent"] <= _UNDELIVERED * 2**again:
        return None
    if again >= _MOST_SENT:
        return _give_up(jobs, registry, job_id, again + 1)
    jobs.send_again(job_id)
    return "sent"


def _give_up(jobs: Jobs, registry: Registry, job_id: str, times: int) -> str | None:
    reason = f"no trainer took the job, which was sent {times} times; its messages are dead letters"
    try:
        ended = fail_dead_lettered(job_id, jobs, registry, reason)
    except LeaseLost:
        return None  # another sweep was first
    return None if ended is None else "ended"


def _remove_lonely_input(jobs: Jobs, traces: Traces) -> str | None:
    """Remove the input of a job whose submitter died before it wrote the job."""
    if traces.input_written is None or jobs.clock() - traces.input_written < _ORPHANED:
        return None
    jobs.store.delete(input_key(traces.id))
    return "orphans"


def _orphans(jobs: Jobs, deletion: Deletion, unfinished: set[str]) -> Iterator[str]:
    """Artifacts that no version needs, Idempotency-Keys that nobody sends again, what is left of uploads.

    `unfinished` was read before the registry is: a job that ends meanwhile is in one of them.
    """
    oldest = jobs.clock() - _ORPHANED
    yield from _older(jobs.store, "idempotency/", oldest)
    yield from _older(jobs.store, "dead-letters/", jobs.clock() - _DEAD_LETTERS)
    yield from left_behind(jobs.store, oldest)
    artifacts = list(every_object(jobs.store, "artifacts/"))
    kept = deletion.kept() if artifacts else Kept(set(), set())
    for found in artifacts:
        job = _job_of(found.key)
        orphan = found.modified < oldest and job not in unfinished and job not in kept.needed
        if orphan or job in kept.purged:
            yield found.key


def _older(store: ObjectStore, prefix: str, oldest: float) -> Iterator[str]:
    return (found.key for found in every_object(store, prefix) if found.modified < oldest)


def _job_of(artifact: str) -> str:
    return artifact.removeprefix("artifacts/").partition(".")[0]
