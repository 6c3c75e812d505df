"""What explanations work out once and keep; past so many bytes in the process the longest unused goes."""

from __future__ import annotations

from _thread import RLock  # the module threading costs a cold start more than this whole file

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

MOST_BYTES = 64 << 20


class KeptArrays:
    """Values by an owner and a key, with the bytes that each takes; safe to use from several threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._found: dict[tuple[object, Hashable], tuple[Any, int]] = {}
        self.nbytes = 0
        """How much all take."""
        # One that may be entered again: a garbage collection within may forget an owner.
        self._lock = RLock()

    def get(self, owner: object, key: Hashable) -> Any:  # noqa: ANN401 - what was put there
        """What an owner keeps under a key, or None."""
        with self._lock:
            entry = self._found.pop((owner, key), None)
            if entry is None:
                return None
            self._found[owner, key] = entry  # now the last to go
            return entry[0]

    def put(self, owner: object, key: Hashable, value: object, nbytes: int) -> None:
        """Keep a value, unless it is larger than all may be together."""
        if nbytes > self._most:
            return
        with self._lock:
            self._drop((owner, key))
            self._found[owner, key] = (value, nbytes)
            self.nbytes += nbytes
            while self.nbytes > self._most:
                self._drop(next(iter(self._found)))

    def forget(self, owner: object) -> None:
        """Drop all that an owner keeps."""
        with self._lock:
            for each in [key for key in list(self._found) if key[0] is owner]:
                self._drop(each)

    def _drop(self, key: tuple[object, Hashable]) -> None:
        self.nbytes -= self._found.pop(key, (None, 0))[1]


KEPT = KeptArrays()
"""Of this process."""


class Owner:
    """Whose arrays are kept: they are forgotten when it is freed, with the model that it belongs to."""

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token = object()

    def __del__(self, forget: Callable[[object], None] = KEPT.forget) -> None:  # globals may be gone by then
        forget(self._token)

    def get(self, key: Hashable) -> Any:  # noqa: ANN401 - what was put there
        """What is kept under a key, or None."""
        return KEPT.get(self._token, key)

    def put(self, key: Hashable, value: object, nbytes: int) -> None:
        """Keep a value, where there is room."""
        KEPT.put(self._token, key, value, nbytes)
