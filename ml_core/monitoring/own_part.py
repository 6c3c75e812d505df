"""The part that this instance writes for the present hour, and what is known to be in it.

Nobody else writes it, and each write holds all that was counted since it was begun. So within the hour a
write whose answer was lost needs no care: the next one replaces whatever is there. When a part is left, what
it holds decides what is counted anew in the next one; where nobody can know that any more, for the sweep may
have summed and removed it, it counts as written: no prediction is ever counted twice.
"""

from __future__ import annotations

import os

from ml_core.errors import ObjectExists, ObjectNotFound, RevisionMismatch
from ml_core.monitoring.parts import GRACE, HOUR, hour_of, part_key

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from ml_core.ports import ObjectStore


class OwnPart:
    """A part in `store`, begun at `now`, in seconds since the epoch."""

    def __init__(self, store: ObjectStore, now: float) -> None:
        self._store = store
        self._over = (now // HOUR + 1) * HOUR
        self._key = part_key(hour_of(now), os.urandom(6).hex())
        self._revision: str | None = None
        self._stored: bytes | None = None
        self._doubtful: bytes | None = None  # a write whose answer is not known

    @property
    def written(self) -> bytes | None:
        """What was written last, which may not have arrived; None for nothing."""
        return self._stored if self._doubtful is None else self._doubtful

    def is_of(self, now: float) -> bool:
        """Whether `now` is in its hour: afterwards it is not written."""
        return self._over - HOUR <= now < self._over

    def holds(self, now: float) -> bytes | None:
        """What it holds as far as anybody can know; None for nothing. Raises `Unavailable`."""
        if self._doubtful is not None:
            self._look(now)
        return self._stored

    def write(self, data: bytes, now: float) -> int:
        """Replace what it holds; how many writes were tried.

        Raises `Unavailable`, or `RevisionMismatch` where somebody else writes it: it may hold `data` then.
        """
        if self.holds(now) == data:
            return 0
        try:
            self._put(data)
        except (ObjectExists, RevisionMismatch):
            self._look(now)
            if self._stored == data:
                return 1  # only the answer was lost
            self._put(data)
            return 2
        return 1

    def _put(self, data: bytes) -> None:
        self._doubtful = data
        if self._revision is None:
            self._revision = self._store.put_if_absent(self._key, data)
        else:
            self._revision = self._store.put_if_unchanged(self._key, data, self._revision)
        self._stored, self._doubtful = data, None

    def _look(self, now: float) -> None:
        """Read what is there."""
        try:
            self._stored, self._revision = self._store.get(self._key)
        except ObjectNotFound:
            self._revision = None
            self._stored = self._doubtful if now >= self._over + GRACE else None
        self._doubtful = None
