"""Requests that wait for a job, at most a few at once: the others answer without waiting."""

import threading
import time
from collections.abc import Callable

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks


class Waiting:
    """The places for requests that wait. A request without a place is answered at once.

    Whoever waits holds a thread of the server. A bound on them leaves the other threads to those who
    only want an answer.

    Args:
        places: how many requests of this process may wait at once.
    """

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places) if places else None
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
        if seconds <= 0 or self._places is None or not self._places.acquire(blocking=False):
            return first, False
        try:
            return self._looked(first, again, over, seconds)
        finally:
            self._places.release()

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
