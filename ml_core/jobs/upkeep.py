"""What a sweep does to jobs that are over or that nobody marked, a bounded part of them each time.

An instance of before there were marks, which may share the store for a while, writes none when it accepts a
job and leaves some when it ends one. So the sweep looks at pages of the store's listing, and writes the marks
that are missing: at the newest jobs each time, and at the next page of a slow round through all of them.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched, takewhile
from typing import NamedTuple

from ml_core.documents import Body, Document, read_many, timestamp
from ml_core.jobs.jobs import (
    FINAL,
    SUCCEEDED,
    Job,
    Jobs,
    Traces,
    checkpoint_key,
    input_key,
    job_key,
    oldest_id,
    plan_key,
)
from ml_core.jobs.marks import ended_jobs, ended_key, mark_ended, mark_open, owner_of
from ml_core.ports import ObjectStore, every_object
from ml_core.registry.origins import forget_job
from ml_core.registry.segments import write_index
from ml_core.scoring.places import folder_of as written_by

ORPHANED = 86_400.0  # seconds: longer than any job or request lives
_WRITERS = 8  # at a time
_MOST_EXPIRED = 1_000  # jobs that one sweep removes,
_MOST_FILES = 5_000  # and files that such jobs have written
_BATCH = 100


class Looked(NamedTuple):
    """What a look at a page of jobs did: whom it marked, and the id that continues it, None at the end."""

    marked: list[str]
    next_after: str | None


def mark_page(jobs: Jobs, opened: set[str], after: str | None) -> Looked:
    """Mark the jobs of one page of the listing that nobody has marked: as open, or as ended.

    `opened` are the jobs that are marked as open; a mark that comes too late is a left-over, which the next
    sweep removes. Raises `Unavailable`.
    """
    page, next_after = jobs.traces_page(after)
    rest = [traces for traces in page if traces.id not in opened]
    if not rest:
        return Looked([], next_after)
    ended = _ended_between(jobs.store, after, page[-1].id)
    unknown = [traces for traces in rest if traces.written is not None or traces.id not in ended]
    documents = read_many(jobs.store, [job_key(traces.id) for traces in unknown], skip_damaged=True)
    with ThreadPoolExecutor(_WRITERS) as writers:
        marked = list(writers.map(partial(_mark, jobs), unknown, documents))
    return Looked([traces.id for traces, done in zip(unknown, marked, strict=True) if done], next_after)


def _ended_between(store: ObjectStore, after: str | None, last: str) -> set[str]:
    """The ids that are marked as ended, of the jobs from `after` to `last`."""
    return {
        job_id
        for state in FINAL
        for job_id in takewhile(lambda found: found <= last, ended_jobs(store, state, after))
    }


def _mark(jobs: Jobs, traces: Traces, document: Document | None) -> bool:
    """Mark a job as what it is; whether there was something to mark."""
    if document is None:  # damaged, or only an input, whose submitter died or is about to write the job
        written = traces.written
        if not traces.document and written is not None and jobs.clock() - written > ORPHANED:
            jobs.store.delete(input_key(traces.id))
            jobs.store.delete(checkpoint_key(traces.id))
        return False
    job = Job.of(document.body)
    if not job.over:
        mark_open(jobs.store, traces.id, owner_of(job.submitter))
    elif traces.written is not None:
        jobs.close(job)
    else:
        mark_ended(jobs.store, traces.id, job.state)
    return True


def expire(jobs: Jobs, is_time: Callable[[], bool]) -> int:
    """Remove the jobs that ended before their retention, as far as the time goes; how many.

    The listing is entered where they begin, so that the jobs that are kept cost nothing. What a job wrote
    goes first and its document last: it is what the others are found by. Which version it registered is
    written down before, for the registry takes files of a job that nobody knows for an orphan's. Raises
    `Unavailable`.
    """
    oldest = jobs.oldest_kept()
    ended_before, removed = timestamp(oldest), 0
    files = _WrittenFiles(jobs.store, _MOST_FILES)
    after: str | None = oldest_id(oldest)
    while after is not None:
        page, after = jobs.traces_page(after)
        for batch in batched(page, _BATCH):
            if not is_time() or removed >= _MOST_EXPIRED:
                return removed
            documents = read_many(jobs.store, [job_key(traces.id) for traces in batch], skip_damaged=True)
            due = [
                (traces, body)
                for traces, document in zip(batch, documents, strict=True)
                for body in [None if document is None else document.body]
                if _is_due(body, ended_before) and (traces.plan_written is None or files.remove(traces.id))
            ]
            with ThreadPoolExecutor(_WRITERS) as writers:
                removed += sum(writers.map(partial(_expire, jobs.store), due))
    return removed


def _is_due(body: Body | None, ended_before: str) -> bool:
    """Whether a job ended before a time, or its document is damaged or gone."""
    return body is None or (body["state"] in FINAL and body["finished"] < ended_before)


class _WrittenFiles:
    """The files that jobs have written, of which so many are removed and no more."""

    def __init__(self, store: ObjectStore, most: int) -> None:
        self._store = store
        self._left = most

    def remove(self, job_id: str) -> bool:
        """Remove what a job wrote to the own store; whether that is all. Raises `Unavailable`."""
        with ThreadPoolExecutor(_WRITERS) as writers:
            for page in batched(every_object(self._store, written_by(job_id)), _BATCH):
                keys = [found.key for found in page[: self._left]]
                list(writers.map(self._store.delete, keys))
                self._left -= len(keys)
                if len(keys) < len(page):
                    return False
        return True


def _expire(store: ObjectStore, due: tuple[Traces, Body | None]) -> bool:
    """Remove a job; its document goes last, so that what is left is found again."""
    traces, body = due
    if body is not None and body["state"] == SUCCEEDED and body["version"] is not None:
        write_index(store, body["model"], [{"job": traces.id, "version": body["version"]}])
    if body is not None:
        forget_job(store, traces.id, body["model"], body["request"])
    for key in _keys_of(traces, body):
        store.delete(key)
    return True


def _keys_of(traces: Traces, body: Body | None) -> Iterator[str]:
    """What there is of a job that is over; of one whose document is damaged, what there may be."""
    for state in FINAL if body is None else (body["state"],):
        yield ended_key(traces.id, state)
    if traces.input_written is not None:
        yield input_key(traces.id)
    if traces.checkpoint_written is not None:
        yield checkpoint_key(traces.id)
    if traces.plan_written is not None:
        yield plan_key(traces.id)
    if traces.document:
        yield job_key(traces.id)
