"""Which jobs are open, and how the others ended, told by keys alone: a listing shows it without a document.

    open/{id}.{owner}       while a job is not over: written before anything else of it, removed last
    ended/{state}/{id}      once it is over

The owner is a digest of the id of the API key that sent the job, so that a listing counts each key's jobs.
The job's document alone decides what a job is. A mark that is left over or missing is mended by the sweep.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from ml_core.errors import ObjectExists
from ml_core.ports import ObjectStore, every_object

_OPEN, _ENDED = "open/", "ended/"
_OWNER_LENGTH = 12  # hex digits
NOBODY = "0" * _OWNER_LENGTH  # where no key is asked for
_NOTHING = b"{}"


class OpenJob(NamedTuple):
    """The mark of a job that is not over, as far as its key says: the job's id, its owner, and its age."""

    id: str
    owner: str
    marked: float


def owner_of(submitter: str | None) -> str:
    """What a mark says of who sent a job; `submitter` is the id of an API key."""
    return hashlib.sha256(submitter.encode()).hexdigest()[:_OWNER_LENGTH] if submitter else NOBODY


def open_key(job_id: str, owner: str) -> str:
    """Where it is marked that a job is open."""
    return f"{_OPEN}{job_id}.{owner}"


def mark_open(store: ObjectStore, job_id: str, owner: str) -> None:
    """Mark a job as open; one that is marked stays so. Raises `Unavailable`."""
    _put(store, open_key(job_id, owner))


def open_jobs(store: ObjectStore) -> Iterator[OpenJob]:
    """The marks of all jobs that are open, the newest job first; a thousand are one request."""
    for found in every_object(store, _OPEN):
        job_id, _, owner = found.key.removeprefix(_OPEN).partition(".")
        yield OpenJob(job_id, owner, found.modified)


def mark_ended(store: ObjectStore, job_id: str, state: str) -> None:
    """Note in which state a job ended. Raises `Unavailable`."""
    _put(store, ended_key(job_id, state))


def ended_key(job_id: str, state: str) -> str:
    """Where it is noted that a job ended in that state."""
    return f"{_ENDED}{state}/{job_id}"


def ended_jobs(store: ObjectStore, state: str, after: str | None = None) -> Iterator[str]:
    """The ids of jobs that ended in that state and are older than `after`, the newest first."""
    folder = f"{_ENDED}{state}/"
    for found in every_object(store, folder, None if after is None else folder + after):
        yield found.key.removeprefix(folder)


def _put(store: ObjectStore, key: str) -> None:
    with suppress(ObjectExists):
        store.put_if_absent(key, _NOTHING)
