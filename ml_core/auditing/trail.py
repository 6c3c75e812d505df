"""The trail of changes: who asked for what, an entry for each, in two objects that nobody writes over.

    audit/{id}       written before the change: who asks for what
    audit/{id}.end   written after it and before the answer: the same, with the status and what it was about

An id begins with the time, counted backwards, so that a store's listing gives the newest entries first, and
what is past its retention is found from a point in it. A change whose first object cannot be written is not
made. One that has no second object is being made, or whoever made it died: it may have been made or not.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ml_core.documents import timestamp
from ml_core.errors import ObjectExists, Unavailable
from ml_core.ports import ObjectStore

FOLDER = "audit/"
END = ".end"
AUDIT_DAYS = 365  # for how long entries are kept where nobody says otherwise
SETTLED = 60.0  # seconds after which no entry of an earlier time comes any more
SCHEDULE = "schedule"  # who asks, where it is no key

_TIME_DIGITS, _RANDOM_BYTES = 12, 8  # hexadecimal digits of time, then 16 random ones
ID_LENGTH = _TIME_DIGITS + 2 * _RANDOM_BYTES
_LATEST = (1 << 4 * _TIME_DIGITS) - 1  # the millisecond since the epoch that ids count back from


class TrailEntry(NamedTuple):
    """A change that was asked for.

    `by` is a key's id, `schedule`, or None where no key was asked for. `status` is that of the answer, None
    where the answer is not known. What the change was about is None where it was about no such thing. All but
    `id` and `time` are None of an entry that somebody damaged.
    """

    id: str
    time: str
    by: str | None = None
    method: str | None = None
    route: str | None = None
    request_id: str | None = None
    status: int | None = None
    model: str | None = None
    dataset: str | None = None
    version: int | None = None
    alias: str | None = None
    job: str | None = None


class Trail:
    """Writes the trail of a store.

    Args:
        store: where it is.
        clock: seconds since the epoch.
    """

    def __init__(self, store: ObjectStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def begin(
        self, *, by: str | None, method: str, route: str, request_id: str | None, about: dict[str, Any]
    ) -> TrailEntry:
        """Write down what is asked for, before it is done.

        Args:
            by: the key's id, `SCHEDULE`, or None where no key was asked for.
            method: of the request, or of the one that would do the same.
            route: its path, with names in braces.
            request_id: by which the log knows it.
            about: what it is about, as far as that is known, by the names of `TrailEntry`.

        Raises:
            Unavailable: it could not be written, or took so long that readers may have passed it by; what
                was asked for must not be done.
        """
        began = self._clock()
        entry = TrailEntry(_id(began), timestamp(began), by, method, route, request_id)._replace(
            **_told(about)
        )
        try:
            self._put(f"{FOLDER}{entry.id}", entry)
        except Unavailable as error:
            raise type(error)(f"nothing was changed, for it could not be written down: {error}") from error
        if not 0 <= self._clock() - began <= SETTLED:
            raise Unavailable(f"nothing was changed, for writing it down took over {SETTLED:g} seconds")
        return entry

    def end(self, entry: TrailEntry, status: int, about: dict[str, Any]) -> None:
        """Write down how it was answered, before it is. Raises `Unavailable`."""
        told = {name: value for name, value in _told(about).items() if value is not None}
        self._put(f"{FOLDER}{entry.id}{END}", entry._replace(status=status, **told))

    def _put(self, key: str, entry: TrailEntry) -> None:
        told = {name: value for name, value in entry._asdict().items() if name != "id" and value is not None}
        try:
            self._store.put_if_absent(key, json.dumps(told, separators=(",", ":")).encode())
        except ObjectExists:
            return  # our own write, whose answer was lost: nobody else draws this id


_ABOUT = ("model", "dataset", "version", "alias", "job")


def _told(about: dict[str, Any]) -> dict[str, Any]:
    """What an entry says of what a change is about."""
    return {name: about[name] for name in _ABOUT if name in about}


def _id(seconds: float) -> str:
    return f"{_time_part(seconds)}{os.urandom(_RANDOM_BYTES).hex()}"


def time_of(entry_id: str) -> float:
    """When the entry with an id was begun, in seconds since the epoch."""
    return (_LATEST - int(entry_id[:_TIME_DIGITS], 16)) / 1000


def is_entry_id(text: str) -> bool:
    """Whether `text` looks like an entry's id."""
    return len(text) == ID_LENGTH and frozenset("0123456789abcdef").issuperset(text)


def id_at(seconds: float) -> str:
    """Between the ids of entries that were begun before a time, which are larger, and those since."""
    return f"{_time_part(seconds)}{'f' * (2 * _RANDOM_BYTES)}"


def _time_part(seconds: float) -> str:
    return f"{_LATEST - int(seconds * 1000):0{_TIME_DIGITS}x}"
