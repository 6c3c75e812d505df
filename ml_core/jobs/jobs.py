"""Training jobs: documents that move by compare-and-swap from `queued` over `running` to a final state.

    jobs/{id}/input       what to train on; written first, deleted when the job is over
    jobs/{id}.json        the job's state
    idempotency/{hash}    Idempotency-Key → job id

While `jobs/{id}/input` exists there may be something left to do, and a sweep looks only at such jobs. An id
begins with the time, counted backwards, so that a store's listing gives the newest jobs first; then comes a
mark of the model, so that a list of one model's jobs reads few others.

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

from ml_core.documents import Body, read, read_many, timestamp, update
from ml_core.errors import (
    IdempotencyMismatch,
    InvalidInput,
    JobNotFound,
    ObjectExists,
    ObjectNotFound,
    Unavailable,
)
from ml_core.names import check_name
from ml_core.ports import JobQueue, ObjectStore

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
STATES = (QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED)
FINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})

_FOLDER = "jobs/"
_INPUT = "/input"
_ID_LENGTH = 28  # hex digits: 12 of time, 4 of the model, 12 random
_MOST_READ = 500  # documents that one page of a filtered list may read
_MOST_LISTED = 5_000  # jobs that it may look at in the store's listing
_LOOKED_AT_ONCE = 500


def job_key(job_id: str) -> str:
    """Where a job's state is kept."""
    return f"{_FOLDER}{job_id}.json"


def input_key(job_id: str) -> str:
    """Where a job's input is kept until the job is over."""
    return f"{_FOLDER}{job_id}{_INPUT}"


class Job(NamedTuple):
    """A job as its document has it. Times are RFC 3339; `percentage` is None where nothing is counted.

    `request` is what the submitter wrote down of the request, `error` is `{"code", "message"}`, with
    `"faults"` for invalid input. Each attempt is `{"started", "ended", "outcome", "reason"}`; the last two
    are None while it runs.
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

    @property
    def over(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL

    @classmethod
    def of(cls, body: Body) -> "Job":
        """The job that a document describes."""
        return cls(**{field: body[field] for field in cls._fields})


class JobsPage(NamedTuple):
    """Part of the list of jobs, newest first; `next_after` continues it, None ends it.

    A page of a filtered list may be short, even empty, with more to come.
    """

    jobs: list[Job]
    next_after: str | None


class Traces(NamedTuple):
    """What a listing shows of a job: whether its document exists, and when its input was written."""

    id: str
    document: bool
    input_written: float | None

    def may_be(self, state: str | None, model: str | None) -> bool:
        """Whether the job may have the state and model, as far as this shows; None is any."""
        if not self.document or (state in {QUEUED, RUNNING} and self.input_written is None):
            return False
        return model is None or self.id[12:16] == _mark(model)


class Jobs:
    """The jobs in an object store, and the queue that brings them to a trainer."""

    def __init__(self, store: ObjectStore, queue: JobQueue, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.queue = queue
        self.clock = clock

    def submit(
        self,
        model: str,
        data: bytes,
        request: dict[str, Any],
        *,
        idempotency_key: str | None = None,
        body_digest: str | None = None,
    ) -> Job:
        """Create a job that trains `model` on `data`, and send it to the trainer.

        The writes are in such an order that a crash after any of them leaves nothing, an input that a sweep
        removes, or a whole job that a sweep sends again. With an `idempotency_key` that was used before, the
        job of that time is returned. `request` is what a reader of the job shall see of the request;
        `body_digest` says whether two requests are the same (the hash of `data` when None).

        Raises `InvalidInput` (the name), `IdempotencyMismatch`, `Unavailable`.
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
        with suppress(
            ObjectExists
        ):  # written by a request with the same key, or by this one: its answer was lost
            self.store.put_if_absent(input_key(job_id), data)
        document = update(self.store, job_key(job_id), lambda body: self._new(job_id, model, request, body))
        self._send(job_id)
        return Job.of(document.body)

    def get(self, job_id: str) -> Job:
        """The job. Raises `JobNotFound`, `Unavailable`."""
        job = self._find(job_id) if is_job_id(job_id) else None
        if job is None:
            raise JobNotFound(f"there is no job '{job_id}'")
        return job

    def list(
        self, limit: int = 50, after: str | None = None, *, state: str | None = None, model: str | None = None
    ) -> JobsPage:
        """At most `limit` jobs that are older than the one with the id `after`, newest first.

        Raises `InvalidInput` (`after`), `Unavailable`.
        """
        if after is not None and not is_job_id(after):
            raise InvalidInput.at("after", "is not the id of a job")
        found: list[Job] = []
        read, looked_at, listing = 0, 0, self.traces(after)
        while looked := [*islice(listing, _LOOKED_AT_ONCE)]:
            looked_at += len(looked)
            likely = [traces.id for traces in looked if traces.may_be(state, model)]
            for batch in batched(likely, limit):
                documents = read_many(self.store, map(job_key, batch), skip_damaged=True)
                for job_id, document in zip(batch, documents, strict=True):
                    job = None if document is None else Job.of(document.body)
                    if job is not None and state in {None, job.state} and model in {None, job.model}:
                        found.append(job)
                    if len(found) == limit:
                        more = job_id != likely[-1] or next(listing, None) is not None
                        return JobsPage(found, job_id if more else None)
                read += len(batch)
                if read >= _MOST_READ:
                    return JobsPage(found, batch[-1])
            if looked_at >= _MOST_LISTED:
                return JobsPage(found, looked[-1].id)
        return JobsPage(found, None)

    def cancel(self, job_id: str) -> Job:
        """Cancel the job: at once where no trainer has had it, else as soon as its trainer notices.

        A job that is over stays as it is. Raises `JobNotFound`, `Unavailable`.
        """
        self.get(job_id)

        def change(body: Body | None) -> Body | None:
            if body is None or body["state"] in FINAL or body["cancelling"]:
                return None
            body["cancelling"] = True
            if body["state"] == QUEUED and not body["attempts"]:
                body.update(state=CANCELLED, finished=self.now())
            return body

        job = Job.of(update(self.store, job_key(job_id), change).body)
        if job.over:
            self.remove_input(job_id)
        else:
            self._send(job_id)  # nobody may be holding it just now
        return job

    def traces(self, after: str | None = None) -> Iterator[Traces]:
        """What the store's listing shows of each job older than `after`, newest first; reads no document."""
        for job_id, group in groupby(self._keys(after), lambda found: found[0]):
            endings = {ending: modified for _, ending, modified in group}
            yield Traces(job_id, ".json" in endings, endings.get(_INPUT))

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

    def remove_input(self, job_id: str) -> None:
        """Remove the input of a job that is over; when the store fails, a sweep does it later."""
        with suppress(Unavailable):
            self.store.delete(input_key(job_id))

    def now(self) -> str:
        """The time, RFC 3339."""
        return timestamp(self.clock())

    def _new_id(self, model: str) -> str:
        milliseconds = int(self.clock() * 1000)
        return f"{(1 << 48) - 1 - milliseconds:012x}{_mark(model)}{os.urandom(6).hex()}"

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

    def _new(self, job_id: str, model: str, request: dict[str, Any], body: Body | None) -> Body | None:
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
        }

    def _send(self, job_id: str) -> None:
        with suppress(Unavailable):  # a sweep sends what is whole; a caller who tries again would train twice
            self.queue.submit(job_id)

    def _find(self, job_id: str) -> Job | None:
        try:
            return Job.of(read(self.store, job_key(job_id)).body)
        except ObjectNotFound:
            return None

    def _keys(self, after: str | None) -> Iterator[tuple[str, str, float]]:
        """Each key of a job as its id, its ending and when it was written."""
        last = None if after is None else input_key(after)  # the last of a job's keys
        while True:
            page = self.store.list(_FOLDER, after=last)
            for found in page.objects:
                start = len(_FOLDER) + _ID_LENGTH
                yield found.key[len(_FOLDER) : start], found.key[start:], found.modified
            last = page.next_after
            if last is None:
                return


def is_job_id(text: str) -> bool:
    """Whether `text` looks like a job's id."""
    return len(text) == _ID_LENGTH and frozenset("0123456789abcdef").issuperset(text)


def _mark(model: str) -> str:
    return f"{zlib.crc32(model.encode()) & 0xFFFF:04x}"
