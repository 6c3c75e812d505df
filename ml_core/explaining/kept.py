"""What explanations work out once and keep; past so many bytes in the process the longest unused goes."""

from __future__ import annotations

from _thread import allocate_lock  # as in `serving.py`

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

MOST_BYTES = 64 << 20


class KeptArrays:
    """Values by a key, with the bytes that each takes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._found: dict[object, tuple[Any, int]] = {}
        self._lock = allocate_lock()

    def get(self, key: object) -> Any:  # noqa: ANN401 - what was put there
        """The value of a key, or None."""
        with self._lock:
            entry = self._found.pop(key, None)
            if entry is None:
                return None
            self._found[key] = entry  # now the last to go
            return entry[0]

    def put(self, key: object, value: object, nbytes: int) -> None:
        """Keep a value, unless it is larger than all may be together."""
        if nbytes > self._most:
            return
        with self._lock:
            self._found[key] = (value, nbytes)
            while self.nbytes > self._most:
                self._found.pop(next(iter(self._found)))

    @property
    def nbytes(self) -> int:
        """How much all take."""
        return sum(size for _, size in self._found.values())


KEPT = KeptArrays()
"""Of this process."""
