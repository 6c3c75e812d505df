"""Jobs that train, register or score: documents that move by compare-and-swap from `queued` to a final state.

    open/{id}.{owner}     says that there may be something left to do; written first, removed last
    registry/made-from/…  that it reads an upload, if it does (`registry/origins.py`)
    jobs/{id}/input       what to train on, to register or to score; deleted when the job is over
    jobs/{id}/checkpoint  what a long job continues from; deleted with the input
    jobs/{id}/plan        which files it reads in parts, and their revisions; deleted with the document
    jobs/{id}.json        the job's state
    ended/{state}/{id}    says how a job ended
    idempotency/{hash}    Idempotency-Key → job id

The sweep looks at open jobs, and a list of one state at its marks (`marks.py`). An id begins with the time,
counted backwards, so that a store's listing gives the newest jobs first, and what is past its retention is
found from a point in it; then comes a mark of the model, so that a list of one model's jobs reads few others.

How a trainer takes and keeps a job is in `leases.py`, what it does with it in `trainer.py`.
"""

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import batched, groupby, islice
from typing import Any, NamedTuple

from ml_core.conflicts import IdempotencyMismatch
from ml_core.documents import Body, read, read_many, timestamp, update
from ml_core.errors import InvalidInput, JobNotFound, ObjectExists, ObjectNotFound, TooManyJobs, Unavailable
from ml_core.jobs.kinds import JobKind, kind_named
from ml_core.jobs.marks import OpenJob, ended_jobs, mark_ended, mark_open, open_jobs, open_key, owner_of
from ml_core.jobs.sweep_progress import read_progress
from ml_core.names import check_name
from ml_core.ports import JobQueue, ObjectStore
from ml_core.registry.origins import note_job

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
STATES = (QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED)
FINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})

_FOLDER = "jobs/"
_INPUT, _CHECKPOINT, _PLAN = "/input", "/checkpoint", "/plan"
_ID_LENGTH, _TIME_DIGITS = 28, 12  # hex digits: of time, then 4 of the model, 12 random
_ID_END = len(_FOLDER) + _ID_LENGTH
_MOST_READ = 500  # documents that one page of a filtered list may read
_MOST_LISTED = 5_000  # jobs that it may look at in the store's listing
_LOOKED_AT_ONCE = 500
_DAY = 86_400.0  # seconds


def job_key(job_id: str) -> str:
    """Where a job's state is kept."""
    return f"{_FOLDER}{job_id}.json"


def input_key(job_id: str) -> str:
    """Where a job's input is kept until the job is over."""
    return f"{_FOLDER}{job_id}{_INPUT}"


def checkpoint_key(job_id: str) -> str:
    """Where is kept what a job's fit continues from, until the job is over."""
    return f"{_FOLDER}{job_id}{_CHECKPOINT}"


def plan_key(job_id: str) -> str:
    """Where is kept which files a job reads in parts, as they were at its first look.

    It is the last of a job's keys, and goes with the job's document.
    """
    return f"{_FOLDER}{job_id}{_PLAN}"


class Job(NamedTuple):
    """A job as its document has it. Times are RFC 3339; `percentage` is None where nothing is counted.

    `request` is what the submitter wrote down of the request, `error` is `{"code", "message"}`, with
    `"faults"` for invalid input. Each attempt is `{"started", "ended", "outcome", "reason"}`; the last two
    are None while it runs, and `times` says how many in a row it stands for, where that is more than one.
    `metrics` is `{"history"}` alone until the job has succeeded. `submitter` is the id of the API key that
    sent it, None where none was asked for. `result` is what a job that scored has written, None for others;
    `engine` says what did the work, where that was told.
    """

    id: str
    model: str
    state: str
    phase: str | None
    percentage: float | None
    version: int | None
    metrics: dict[str, Any] | None
    warnings: list[str]
    error: dict[str, Any] | None
    attempts: list[dict[str, Any]]
    request: dict[str, Any]
    created: str
    started: str | None
    finished: str | None
    cancelling: bool
    submitter: str | None = None
    result: dict[str, Any] | None = None
    engine: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL

    @property
    def algorithm(self) -> str:
        """What is trained."""
        return str(self.request.get("algorithm", ""))

    @property
    def kind(self) -> JobKind:
        """Whether it trains, registers or scores."""
        return kind_named(self.request.get("kind"))

    @classmethod
    def of(cls, body: Body) -> "Job":
        """The job that a document describes."""
        return cls(**{field: body[field] for field in cls._fields if field in body})


class JobsPage(NamedTuple):
    """Part of the list of jobs, newest first; `next_after` continues it, None ends it.

    A page of a filtered list may be short, even empty, with more to come.
    """

    jobs: list[Job]
    next_after: str | None


class Traces(NamedTuple):
    """What a listing shows of a job: whether its document exists, and when its other objects were written."""

    id: str
    document: bool
    input_written: float | None
    checkpoint_written: float | None = None
    plan_written: float | None = None

    @property
    def written(self) -> float | None:
        """When that was written last which is removed when a job is over; None where nothing is."""
        return max(filter(None, (self.input_written, self.checkpoint_written)), default=None)

    def may_be(self, state: str | None, model: str | None) -> bool:
        """Whether the job may have the state and model, as far as this shows; None is any."""
        if not self.document or (state in {QUEUED, RUNNING} and self.input_written is None):
            return False
        return model is None or self.id[_TIME_DIGITS : _TIME_DIGITS + 4] == _mark(model)


class TracesPage(NamedTuple):
    """What one request lists of jobs, newest first; `next_after` continues it, None ends it."""

    traces: list[Traces]
    next_after: str | None


# Says of a model's name whether jobs of it may be told; None in its place tells all.
type Among = Callable[[str], bool]


class JobLimits(NamedTuple):
    """What is bounded of jobs; None is no bound.

    Args:
        retention: seconds for which a job's documents stay after it ended.
        most: jobs that may be open at once.
        most_of_key: of them, jobs of one API key.
    """

    retention: float = 30 * _DAY
    most: int | None = None
    most_of_key: int | None = None


class Jobs:
    """The jobs in an object store, and the queue that brings them to a trainer.

    Args:
        store: the object store.
        queue: brings them to a trainer.
        clock: seconds since the epoch.
        limits: what is bounded.
        tell: writes down that a job has ended, once at least for each; None where nobody is told.
        place: says where in a trace a new job begins, None where that trace is not recorded.
    """

    def __init__(
        self,
        store: ObjectStore,
        queue: JobQueue,
        clock: Callable[[], float] = time.time,
        limits: JobLimits | None = None,
        *,
        tell: Callable[[Job], None] | None = None,
        place: Callable[[], str | None] | None = None,
    ) -> None:
        self.store = store
        self.queue = queue
        self.clock = clock
        self.limits = limits or JobLimits()
        self._all_marked = False
        self._tell = tell
        self._place = place

    def submit(
        self,
        model: str,
        data: bytes,
        request: dict[str, Any],
        *,
        idempotency_key: str | None = None,
        body_digest: str | None = None,
        submitter: str | None = None,
        check: Callable[[], None] | None = None,
        reads: str | None = None,
    ) -> Job:
        """Create a job that trains `model` on `data`, and send it to the trainer.

        The writes are in such an order that a crash after any of them leaves nothing, a mark and an input
        that a sweep removes, or a whole job that a sweep sends again. With an `idempotency_key` that was used
        before, the job of that time is returned. `request` is what a reader of the job shall see of it;
        `body_digest` says whether two requests are the same (the hash of `data` when None); `submitter` is
        the id of the API key that came with it. `check` raises what there is against a job that is new.

        `reads` is the address of the upload that is read, where the request's own is another.

        Raises `InvalidInput` (the name), `IdempotencyMismatch`, `TooManyJobs`, `Unavailable`, and what
        `check` does.
        """
        check_name(model, "model")
        job_id = self._new_id(model)
        if idempotency_key is not None:
            job_id = self._reserve(
                job_id, model, idempotency_key, body_digest or hashlib.sha256(data).hexdigest()
            )
            earlier = self._find(job_id)
            if earlier is not None:
                return earlier
        if check is not None:
            check()
        self._check_room(job_id, submitter)
        mark_open(self.store, job_id, owner_of(submitter))
        try:
            note_job(self.store, job_id, model, request if reads is None else {"data": {"uri": reads}})
            with suppress(
                ObjectExists
            ):  # written by a request with the same key, or by this one: its answer was lost
                self.store.put_if_absent(input_key(job_id), data)
            document = update(
                self.store, job_key(job_id), lambda body: self._new(job_id, model, request, submitter, body)
            )
        except Unavailable:
            with suppress(Unavailable):  # it takes no room; a sweep marks a job that is there after all
                self.store.delete(open_key(job_id, owner_of(submitter)))
            raise
        self._send(job_id)
        return Job.of(document.body)

    def get(self, job_id: str, *, among: Among | None = None) -> Job:
        """The job, of a model that may be told. Raises `JobNotFound`, `Unavailable`."""
        job = self._find(job_id) if is_job_id(job_id) else None
        if job is None or not _may_tell(job, among):
            raise JobNotFound(f"there is no job '{job_id}'{self._why_gone(job_id)}")
        return job

    def list(
        self,
        limit: int = 50,
        after: str | None = None,
        *,
        state: str | None = None,
        model: str | None = None,
        among: Among | None = None,
    ) -> JobsPage:
        """At most `limit` jobs that are older than the one with the id `after`, newest first.

        Of models that may not be told there is no job, and no id of one, which has a mark of its model.
        Raises `InvalidInput` (`after`), `Unavailable`.
        """
        if after is not None and not is_job_id(after):
            raise InvalidInput.at("after", "is not the id of a job")
        found: list[Job] = []
        read, looked_at, listing = 0, 0, self._listing(state, after)
        while looked := [*islice(listing, _LOOKED_AT_ONCE)]:
            looked_at += len(looked)
            likely = [traces.id for traces in looked if traces.may_be(state, model)]
            for batch in batched(likely, limit):
                documents = read_many(self.store, map(job_key, batch), skip_damaged=True)
                for job_id, document in zip(batch, documents, strict=True):
                    job = None if document is None else Job.of(document.body)
                    wanted = job is not None and state in {None, job.state} and model in {None, job.model}
                    if job is not None and wanted and _may_tell(job, among):
                        found.append(job)
                    if len(found) == limit:
                        more = job_id != likely[-1] or next(listing, None) is not None
                        return JobsPage(found, job_id if more else None)
                read += len(batch)
                if read >= _MOST_READ:
                    return _ended_at(batch[-1], found, after, among)
            if looked_at >= _MOST_LISTED:
                return _ended_at(looked[-1].id, found, after, among)
        return JobsPage(found, None)

    def cancel(self, job_id: str, *, among: Among | None = None) -> Job:
        """Cancel the job: at once where no trainer has had it, else as soon as its trainer notices.

        A job that is over stays as it is. Raises `JobNotFound`, `Unavailable`.
        """
        self.get(job_id, among=among)

        def change(body: Body | None) -> Body | None:
            if body is None or body["state"] in FINAL or body["cancelling"]:
                return None
            body["cancelling"] = True
            if body["state"] == QUEUED and not body["attempts"]:
                body.update(state=CANCELLED, finished=self.now())
            return body

        job = Job.of(update(self.store, job_key(job_id), change).body)
        if job.over:
            self.close(job)
        else:
            self._send(job_id)  # nobody may be holding it just now
        return job

    def opened(self) -> Iterator[OpenJob]:
        """The marks of jobs that are open, or about to be; a thousand are one request."""
        return open_jobs(self.store)

    def traces(self, after: str | None = None) -> Iterator[Traces]:
        """What the store's listing shows of each job older than `after`, newest first; reads no document."""
        while True:
            page, after = self.traces_page(after)
            yield from page
            if after is None:
                return

    def traces_page(self, after: str | None = None) -> TracesPage:
        """The first of `traces`, as many as one request lists."""
        page = self.store.list(_FOLDER, after=None if after is None else plan_key(after))
        keys = [
            (found.key[len(_FOLDER) : _ID_END], found.key[_ID_END:], found.modified) for found in page.objects
        ]
        found = []
        for job_id, group in groupby(keys, lambda each: each[0]):
            endings = {ending: modified for _, ending, modified in group}
            written = endings.get(_INPUT), endings.get(_CHECKPOINT), endings.get(_PLAN)
            found.append(Traces(job_id, ".json" in endings, *written))
        if page.next_after is None:
            return TracesPage(found, None)
        # The page may end between the keys of a job, which is then the first of the next page, with all.
        whole = found[:-1] or found
        return TracesPage(whole, whole[-1].id)

    def send_again(self, job_id: str) -> None:
        """Send another message for a job that may have lost its own. Raises `Unavailable`."""

        def change(body: Body | None) -> Body | None:
            if body is None or body["state"] in FINAL:
                return None
            body["sent"] = self.clock()
            body["sent_again"] = body.get("sent_again", 0) + 1
            return body

        update(self.store, job_key(job_id), change)
        self.queue.submit(job_id)

    def close(self, job: Job) -> None:
        """Note how a job ended, and remove what it needed until then; when the store fails, a sweep does it.

        The mark that it is open goes last: whatever is left before that, a sweep finds the job by it.
        """
        with suppress(Unavailable):
            if self._tell is not None and self._is_marked_open(job):
                self._tell(job)
            mark_ended(self.store, job.id, job.state)
            self.store.delete(input_key(job.id))
            self.store.delete(checkpoint_key(job.id))
            self.store.delete(open_key(job.id, owner_of(job.submitter)))

    def _is_marked_open(self, job: Job) -> bool:
        """Whether nobody has come to the end of `close` yet."""
        try:
            self.store.get(open_key(job.id, owner_of(job.submitter)))
        except ObjectNotFound:
            return False
        return True

    def now(self) -> str:
        """The time, RFC 3339."""
        return timestamp(self.clock())

    def oldest_kept(self) -> float:
        """The time before which a job has to have ended for its documents to go."""
        return self.clock() - self.limits.retention

    def _new_id(self, model: str) -> str:
        return f"{_time_part(self.clock())}{_mark(model)}{os.urandom(6).hex()}"

    def _why_gone(self, job_id: str) -> str:
        """What else to say of a job that is not there: it may have been, so long ago that it was removed."""
        if not is_job_id(job_id) or job_id < oldest_id(self.oldest_kept()):
            return ""
        days = self.limits.retention / _DAY
        return f": a job is removed {days:g} days after it ended"

    def _listing(self, state: str | None, after: str | None) -> Iterator[Traces]:
        """What is shown of each job older than `after` that may be in the state, the newest first.

        The marks show who is in it, as soon as every job has them; until then the store's listing has to do.
        """
        if state is None or not self._is_all_marked():
            return self.traces(after)
        if state in FINAL:
            return (Traces(job_id, True, None) for job_id in ended_jobs(self.store, state, after))
        return (
            Traces(found.id, True, found.marked)
            for found in open_jobs(self.store)
            if after is None or found.id > after
        )

    def _is_all_marked(self) -> bool:
        self._all_marked = self._all_marked or read_progress(self.store).all_marked
        return self._all_marked

    def _reserve(self, job_id: str, model: str, idempotency_key: str, digest: str) -> str:
        """The id of the job that belongs to the idempotency key: `job_id`, or the one that was first."""
        key = f"idempotency/{hashlib.sha256(idempotency_key.encode()).hexdigest()}"
        mine = {"job": job_id, "model": model, "digest": digest}
        try:
            self.store.put_if_absent(key, json.dumps(mine).encode())
        except ObjectExists:
            first = json.loads(self.store.get(key).data)
            if (first["model"], first["digest"]) != (model, digest):
                raise IdempotencyMismatch(
                    "this Idempotency-Key was used before, with another request"
                ) from None
            return str(first["job"])
        return job_id

    def _check_room(self, job_id: str, submitter: str | None) -> None:
        """Raise `TooManyJobs` where there is no room for another job.

        Those that come at the same moment do not see each other, so that a bound may be exceeded by them.
        """
        most, of_key, owner = self.limits.most, self.limits.most_of_key, owner_of(submitter)
        if most is None and of_key is None:
            return
        others = mine = 0
        for each in open_jobs(self.store):
            others += each.id != job_id
            mine += each.id != job_id and each.owner == owner
            if of_key is not None and submitter is not None and mine >= of_key:
                raise _too_many(of_key, "of this key")
            if most is not None and others >= most:
                raise _too_many(most, "of all keys together" if submitter else "in all")

    def _new(
        self, job_id: str, model: str, request: dict[str, Any], submitter: str | None, body: Body | None
    ) -> Body | None:
        if body is not None:
            return None
        nothing: Body = dict.fromkeys(Job._fields)
        return {
            **nothing,
            "id": job_id,
            "model": model,
            "state": QUEUED,
            "request": request,
            "warnings": [],
            "attempts": [],
            "created": self.now(),
            "cancelling": False,
            "lease": None,
            "sent": self.clock(),
            "submitter": submitter,
            **({"trace": place} if (place := self._place and self._place()) else {}),
        }

    def place_of(self, job_id: str) -> str | None:
        """Where in a trace the job begins, if that is known. Raises `ObjectNotFound`, `Unavailable`."""
        place = read(self.store, job_key(job_id)).body.get("trace")
        return place if isinstance(place, str) else None

    def _send(self, job_id: str) -> None:
        with suppress(Unavailable):  # a sweep sends what is whole; a caller who tries again would train twice
            self.queue.submit(job_id)

    def _find(self, job_id: str) -> Job | None:
        try:
            return Job.of(read(self.store, job_key(job_id)).body)
        except ObjectNotFound:
            return None


def _may_tell(job: Job, among: Among | None) -> bool:
    return among is None or among(job.model)


def _ended_at(last: str, found: list[Job], after: str | None, among: Among | None) -> JobsPage:
    """A page that ends at a job that is none of its own.

    Where jobs of other models may not be told, the page ends before the millisecond of that job instead.
    """
    if among is None:
        return JobsPage(found, last)
    begun = untold_id(last, after)
    return JobsPage([job for job in found if job.id < begun], begun)


def _too_many(most: int, whose: str) -> TooManyJobs:
    jobs = "1 job is" if most == 1 else f"{most:,} jobs are"
    return TooManyJobs(
        f"{jobs} queued or running, as many as may be {whose}: wait until one ends, or cancel one with "
        "DELETE /v1/jobs/{id}"
    )


def is_job_id(text: str) -> bool:
    """Whether `text` looks like a job's id."""
    return len(text) == _ID_LENGTH and frozenset("0123456789abcdef").issuperset(text)


def oldest_id(created: float) -> str:
    """Between the ids of jobs that were created after a time, and those of before, which are larger."""
    return f"{_time_part(created)}{'f' * (_ID_LENGTH - _TIME_DIGITS)}"


def untold_id(last: str, after: str | None) -> str:
    """Where a list that began after an id goes on at the job `last`, of which nothing but the time is told.

    What was found of that millisecond comes with the next page. So many jobs of one millisecond that a page
    has no others are not looked through twice.
    """
    begun = f"{last[:_TIME_DIGITS]}{'0' * (_ID_LENGTH - _TIME_DIGITS)}"
    if after is not None and begun <= after:
        return f"{last[:_TIME_DIGITS]}{'f' * (_ID_LENGTH - _TIME_DIGITS)}"
    return begun


def _time_part(created: float) -> str:
    return f"{(1 << 48) - 1 - int(created * 1000):012x}"


def _mark(model: str) -> str:
    return f"{zlib.crc32(model.encode()) & 0xFFFF:04x}"
