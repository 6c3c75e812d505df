"""Brings forgotten jobs to their end and removes what nobody needs, a few times an hour.

Two sweeps at once do no harm: every step is a compare-and-swap, a second message, or a deletion. A sweep
lists the jobs that are open, and of the others a bounded part (`upkeep.py`), so that it costs the same
however many there ever were. It ends when its time does; the next one goes on where it stopped.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple

from ml_core.auditing.reading import forget
from ml_core.auditing.trail import AUDIT_DAYS
from ml_core.conflicts import LeaseLost
from ml_core.datasets.datasets import left_behind
from ml_core.datasets.sources import DataSources
from ml_core.documents import Body, read, read_many
from ml_core.errors import AccessRefused, DocumentDamaged, ObjectNotFound
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.erased_data import ErasedData
from ml_core.jobs.jobs import FINAL, RUNNING, Job, Jobs, input_key, job_key
from ml_core.jobs.leases import are_attempts_spent, held_for
from ml_core.jobs.marks import OpenJob, mark_open, open_jobs, open_key, owner_of
from ml_core.jobs.origin_scan import OriginScan
from ml_core.jobs.sweep_progress import SweepProgress, read_progress, write_progress
from ml_core.jobs.trainer import fail_dead_lettered, run_job
from ml_core.jobs.upkeep import ORPHANED, expire, mark_page
from ml_core.monitoring.summing import MONITORING_DAYS, Summing
from ml_core.ports import ObjectStore, every_object
from ml_core.registering import uploads
from ml_core.registry.registry import Registry
from ml_core.registry.retention import DAY, RETENTION
from ml_core.registry.sweeping import Sweeper

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

SECONDS = 90.0  # that one sweep takes at most, or little more: the function has 120
_UNDELIVERED = 600.0  # seconds after its last message at which a job that nobody holds is sent again
_MOST_SENT = 8  # times again, each after twice the time before: three and a half days in all
_DEAD_LETTERS = 14 * 86_400.0  # seconds for which a message that nobody could work off is kept
_BATCH = 100
# Pages of a thousand objects, beside the newest, that one sweep looks at to mark jobs: while there are some
# that were never looked at, and afterwards.
_FIRST_PAGES, _PAGES = 20, 1
_KEY_PAGES = 5  # of Idempotency-Keys
_COUNTS_SECONDS = 15.0  # for the counts of predictions in any case, whatever else there was to do
_SCHEDULES_SECONDS = 15.0  # for schedules, as well


# Carries schedules out while there is time, from the key after one on: how many jobs were started, and the
# key at which time ran out, None for none.
type CarryOut = Callable[[Callable[[], bool], str | None], tuple[int, str | None]]


class Swept(NamedTuple):
    """What a sweep did, counted.

    Args:
        sent: jobs that were sent again.
        ended: jobs that were brought to an end.
        cleared: jobs that were over, and of which something was left.
        orphans: objects that belong to nothing, removed.
        marked: jobs that nobody had marked.
        expired: jobs that ended long ago, removed.
        summed: parts of the counts of predictions, added to the sums of days.
        forgotten: days of counts that are kept no longer, removed.
        scheduled: jobs that schedules started.
        audit: entries of the trail of changes that are kept no longer, removed.
    """

    sent: int = 0
    ended: int = 0
    cleared: int = 0
    orphans: int = 0
    marked: int = 0
    expired: int = 0
    summed: int = 0
    forgotten: int = 0
    scheduled: int = 0
    audit: int = 0


def sweep(
    jobs: Jobs,
    registry: Registry,
    seconds: float = SECONDS,
    *,
    retention: float = RETENTION,
    monitoring_days: float = MONITORING_DAYS,
    audit_days: float = AUDIT_DAYS,
    data: DataSources | None = None,
    schedules: "CarryOut | None" = None,
) -> Swept:
    """Look at every job that is open, as far as the time goes. Raises `Unavailable`; the next goes on.

    `retention` is how many seconds the artifact of a deleted version stays, `monitoring_days` for how long
    counts of predictions do, `audit_days` the same of the trail of changes. `data` says which datasets a
    job's address leads to, and `schedules` carries out what people wrote down to be trained again.
    """
    now = time.monotonic()
    until, mark_until = now + seconds, now + seconds / 2
    return _Sweep(
        jobs,
        registry,
        until,
        mark_until,
        retention,
        monitoring_days=monitoring_days,
        audit_days=audit_days,
        data=data,
        schedules=schedules,
    ).run()


class _Sweep:
    """One sweep."""

    def __init__(
        self,
        jobs: Jobs,
        registry: Registry,
        until: float,
        mark_until: float,
        retention: float,
        *,
        monitoring_days: float,
        audit_days: float,
        data: DataSources | None,
        schedules: "CarryOut | None",
    ) -> None:
        self._data = data
        self._schedules = schedules
        self._jobs = jobs
        self._store = jobs.store
        self._registry = registry
        self._until = until
        self._mark_until = mark_until
        self._retention = retention
        self._monitoring_days = monitoring_days
        self._audit_days = audit_days
        self._counts = dict.fromkeys(Swept._fields, 0)

    def run(self) -> Swept:
        before = read_progress(self._store)
        opened = list(open_jobs(self._store))
        progress = self._bring_open_jobs_on(before, opened)
        # Before Idempotency-Keys are forgotten: by one a slot is known that a sweep of before could not note.
        progress = self._carry_out_schedules(progress)
        unfinished = {each.id for each in opened}
        progress = self._mark(progress, unfinished)
        self._counts["expired"] += expire(self._jobs, self._is_time)
        progress = self._forget_idempotency_keys(progress)
        if progress != before:
            write_progress(self._store, progress)
        for key in self._within(_orphans(self._jobs)):
            self._remove(key)
        # Which jobs are not over was read before the registry is: one that ends meanwhile is in one of them.
        failed = partial(_model_of_failed, self._jobs)
        sweeper = Sweeper(self._registry, lambda: not self._is_time(), unfinished, failed, self._retention)
        self._counts["orphans"] += sweeper.sweep()
        erased = ErasedData(self._registry, self._jobs, lambda: not self._is_time())
        self._counts["orphans"] += erased.sweep()
        OriginScan(self._registry, self._jobs, lambda: not self._is_time()).sweep()
        self._shorten_trail()
        self._sum_counts(progress)
        return Swept(**self._counts)

    def _carry_out_schedules(self, progress: SweepProgress) -> SweepProgress:
        """Start what schedules want to be trained, those first that the last sweep did not come to."""
        if self._schedules is None:
            return progress
        until = max(self._until, time.monotonic() + _SCHEDULES_SECONDS)
        started, after = self._schedules(lambda: time.monotonic() < until, progress.schedule)
        self._counts["scheduled"] += started
        return progress._replace(schedule=after)

    def _shorten_trail(self) -> None:
        """Remove entries of changes that are kept no longer."""
        before = self._jobs.clock() - self._audit_days * DAY
        try:
            self._counts["audit"] += forget(self._store, before, self._is_time)
        except AccessRefused as error:  # the rights of a deployment of before there was a trail
            log.warning("the trail of changes is not shortened: %s", error)

    def _sum_counts(self, progress: SweepProgress) -> None:
        """Sum what was counted of predictions, and remove what is kept no longer."""
        until = max(self._until, time.monotonic() + _COUNTS_SECONDS)
        summing = Summing(
            self._store, self._jobs.clock(), self._monitoring_days, lambda: time.monotonic() < until
        )
        summed = summing.run(progress.counts, progress.counts_looked)
        self._counts["summed"], self._counts["forgotten"] = summed.parts, summed.forgotten
        now = progress._replace(counts=summed.after, counts_looked=summed.looked)
        if now != progress:
            write_progress(self._store, now)

    def _is_time(self) -> bool:
        return time.monotonic() < self._until

    def _within[Item](self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, as long as there is time."""
        iterator = iter(items)
        while self._is_time():
            try:
                yield next(iterator)
            except StopIteration:
                return

    def _remove(self, key: str) -> None:
        self._store.delete(key)
        self._counts["orphans"] += 1

    def _bring_open_jobs_on(self, progress: SweepProgress, opened: list[OpenJob]) -> SweepProgress:
        """Look at each open job, those first that the last sweep did not come to."""
        last = progress.open_job or ""
        ordered = [each for each in opened if each.id > last] + [each for each in opened if each.id <= last]
        done = None
        for batch in self._within(batched(ordered, _BATCH)):
            documents = read_many(self._store, [job_key(each.id) for each in batch], skip_damaged=True)
            for each, document in self._within(zip(batch, documents, strict=True)):
                did = self._bring_on(each, None if document is None else document.body)
                if did is not None:
                    self._counts[did] += 1
                done = each.id
        came_round = not ordered or done == ordered[-1].id
        return progress._replace(open_job=None if came_round else done or progress.open_job)

    def _bring_on(self, opened: OpenJob, body: Body | None) -> str | None:
        """What was done, as a field of `Swept`; None when there was nothing to do."""
        try:
            if body is None:
                return self._remove_lonely_mark(opened)
            self._mark_as_its_owners(opened, body)
            if body["state"] in FINAL:
                self._jobs.close(Job.of(body))
                return "cleared"
            if held_for(body, self._jobs.clock()) > 0:
                return None
            return _bring_on(TrainerContext(self._jobs, self._registry, self._data), opened.id, body)
        except DocumentDamaged as error:
            log.error("job %s cannot be swept: %s", opened.id, error)  # noqa: TRY400 - foreseen
            return None

    def _mark_as_its_owners(self, opened: OpenJob, body: Body) -> None:
        """Remove the mark of a request that came to nothing, where another key's with its id made the job."""
        owner = owner_of(body.get("submitter"))
        if owner != opened.owner:
            mark_open(self._store, opened.id, owner)
            self._store.delete(open_key(opened.id, opened.owner))

    def _remove_lonely_mark(self, opened: OpenJob) -> str | None:
        """Remove mark and input of a job whose submitter died before it wrote the job."""
        if self._jobs.clock() - opened.marked < ORPHANED:
            return None
        try:
            read(self._store, job_key(opened.id))  # raises DocumentDamaged for one that is there
        except ObjectNotFound:
            self._store.delete(input_key(opened.id))
            self._store.delete(open_key(opened.id, opened.owner))
            return "orphans"
        return None

    def _mark(self, progress: SweepProgress, unfinished: set[str]) -> SweepProgress:
        """Mark jobs that nobody has marked, of the newest and of the next pages of a round through all.

        They are added to `unfinished`, whatever they are. A store of before may have so many that half of
        each sweep's time is left to what comes after.
        """
        if not self._is_time():
            return progress

        def look(after: str | None) -> str | None:
            looked = mark_page(self._jobs, unfinished, after)
            unfinished.update(looked.marked)
            self._counts["marked"] += len(looked.marked)
            return looked.next_after

        newest_end = look(None)
        after = progress.looked_at or newest_end
        for _ in range(_PAGES if progress.all_marked else _FIRST_PAGES):
            if after is None or time.monotonic() >= self._mark_until:
                break
            after = look(after)
        return progress._replace(looked_at=after, all_marked=progress.all_marked or after is None)

    def _forget_idempotency_keys(self, progress: SweepProgress) -> SweepProgress:
        """Remove the records of keys that nobody sends again, page after page in a round through all."""
        oldest, after = self._jobs.clock() - ORPHANED, progress.idempotency
        for _ in range(_KEY_PAGES):
            if not self._is_time():
                break
            page = self._store.list("idempotency/", after=after)
            for found in page.objects:
                if found.modified < oldest:
                    self._remove(found.key)
            after = page.next_after
            if after is None:
                break
        return progress._replace(idempotency=after)


def _model_of_failed(jobs: Jobs, job_id: str) -> str | None:
    """The model of a job that ended without a version, None for any other. Raises `JobNotFound`."""
    job = jobs.get(job_id)
    return job.model if job.over and job.version is None else None


def _bring_on(context: TrainerContext, job_id: str, body: Body) -> str | None:
    """Send a job again that nobody holds, or end it."""
    jobs, registry = context.jobs, context.registry
    if body["state"] == RUNNING and are_attempts_spent(body):
        run_job(job_id, context)  # fits nothing any more: it finds the version, or gives the job up
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


def _orphans(jobs: Jobs) -> Iterator[str]:
    """Dead letters of long ago, and what is left of uploads."""
    yield from _older(jobs.store, "dead-letters/", jobs.clock() - _DEAD_LETTERS)
    uploaded = list(every_object(jobs.store, uploads.PREFIX))
    yield from left_behind(jobs.store, jobs.clock() - ORPHANED, uploaded)
    yield from uploads.past(uploaded, jobs.clock())


def _older(store: ObjectStore, prefix: str, oldest: float) -> Iterator[str]:
    return (found.key for found in every_object(store, prefix) if found.modified < oldest)
