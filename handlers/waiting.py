"""Requests that wait for a job, at most a few at once: the others answer without waiting."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from ml_core.errors import Unavailable
from ml_core.ports import every_object
from ml_core.records import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.ports import ObjectStore

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks
_FOLDER = "waiting/"
_SPARE = 10.0  # seconds for which a place is held at most, after the time for which its holder waits


class Places(Protocol):
    """Places to wait in."""

    def take(self, seconds: float) -> Callable[[], None] | None:
        """Take a place for that long at most; what gives it back, or None where none is free."""


class ProcessPlaces:
    """Places of one process, which answers several requests at once."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places) if places else None

    def take(self, seconds: float) -> Callable[[], None] | None:  # noqa: ARG002 (whoever holds one lives)
        """See `Places`."""
        if self._free is None or not self._free.acquire(blocking=False):
            return None
        return self._free.release


class SharedPlaces:
    """Places of all instances together, where each answers one request at a time: who waits holds one.

    A place is an object whose key says until when it is held. It is written first, and then those of others
    are counted: of all who hold one, whoever wrote last saw the others, so that there are never more than
    the places. Requests that come at the same moment may refuse each other; then fewer wait.
    What an instance that was ended leaves is removed by the next one after its time.

    Args:
        store: opens the store that all instances have.
        places: how many there are.
        clock: seconds since the epoch.
    """

    def __init__(
        self, store: Callable[[], ObjectStore], places: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._places = places
        self._clock = clock

    def take(self, seconds: float) -> Callable[[], None] | None:
        """See `Places`; where the store does not answer, none is free."""
        if not self._places:
            return None
        until = int((self._clock() + seconds + _SPARE) * 1000)
        mine = f"{_FOLDER}{until:013d}.{os.urandom(8).hex()}"

        def give_back() -> None:
            with suppress(Unavailable):
                self._store().delete(mine)

        try:
            self._store().put_if_absent(mine, b"{}")
            if self._others(mine) < self._places:
                return give_back
        except Unavailable:
            pass
        give_back()
        return None

    def _others(self, mine: str) -> int:
        now, others = f"{_FOLDER}{int(self._clock() * 1000):013d}", 0
        for found in every_object(self._store(), _FOLDER):
            if found.key < now:
                self._store().delete(found.key)
            elif found.key != mine:
                others += 1
        return others


class Waiting:
    """Requests that wait. A request without a place is answered at once.

    Whoever waits holds a thread of the server, or an instance. A bound on them leaves the others to those
    who only want an answer.

    Args:
        places: where they wait.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._ended = threading.Event()

    def look[T](
        self, first: T, again: Callable[[], T], over: Callable[[T], bool], seconds: float
    ) -> tuple[T, bool]:
        """Look again until what is seen is over, or the time is.

        Args:
            first: what was seen last.
            again: looks once more; what it raises is raised here.
            over: whether what is seen needs no more waiting.
            seconds: how long to wait at most; 0 is not at all.

        Returns:
            What was seen last, and whether that was waited for: false where no place was free, or where
            the server stops.
        """
        if over(first):
            return first, True
        if seconds <= 0 or self._ended.is_set():
            return first, False
        give_back = self._places.take(seconds)
        if give_back is None:
            return first, False
        try:
            return self._looked(first, again, over, seconds)
        finally:
            give_back()

    def end(self) -> None:
        """Have everyone who waits answer now, and nobody wait from now on: the server stops."""
        self._ended.set()

    def _looked[T](
        self, seen: T, again: Callable[[], T], over: Callable[[T], bool], seconds: float
    ) -> tuple[T, bool]:
        until, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while not over(seen) and (left := until - time.monotonic()) > 0:
            if self._ended.wait(min(pause, left)):
                return seen, False
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            seen = again()
        return seen, True
