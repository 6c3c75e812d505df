"""A store that goes wrong on purpose, a queue that only remembers, a clock that a test puts forward."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ml_core.errors import Unavailable
from ml_core.jobs.context import PollIntervals
from ml_core.objects import Opened, Page, StoredObject
from ml_core.ports import ObjectStore

QUICK_FIT = (sys.executable, "-I", "-S", os.path.join(os.path.dirname(__file__), "quick_fit.py"))
_PIECE = 100_000  # bytes of a stream that come in one operation
QUICK = PollIntervals(
    lease=5.0, renewal=0.03, poll_interval=0.02, retry=0.01, store_failed=0.01, shutdown_grace=10.0, least=0.2
)

type Fault = Callable[[Callable[[], object]], object]


def fail_before(_operation: Callable[[], object]) -> object:
    """The request never arrives."""
    raise Unavailable("the store was made to fail")


def lose_answer(operation: Callable[[], object]) -> object:
    """The store does as it is told, but nobody hears of it; a refusal is lost as well."""
    try:
        operation()
    finally:
        raise Unavailable("the store's answer was made to get lost")


def do_twice(operation: Callable[[], object]) -> object:
    """A client library that saw no answer sends the request again, and tells what came of the second one."""
    operation()
    return operation()


class FaultyStore:
    """The store, but for its `nth` operation (counted from 1), which the fault gets to do.

    With `lasting`, nothing is done any more after it.
    """

    def __init__(self, store: ObjectStore, nth: int, fault: Fault, *, lasting: bool = False) -> None:
        self._store = store
        self._nth = nth
        self._fault = fault
        self._lasting = lasting
        self.operations: list[str] = []

    def get(self, key: str) -> StoredObject:
        return self._do("get", key, lambda: self._store.get(key))

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        return self._do("get_if_changed", key, lambda: self._store.get_if_changed(key, revision))

    def put_if_absent(self, key: str, data: bytes) -> str:
        return self._do("put_if_absent", key, lambda: self._store.put_if_absent(key, data))

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        return self._do("put_if_unchanged", key, lambda: self._store.put_if_unchanged(key, data, revision))

    def list(self, prefix: str, *, after: str | None = None, limit: int = 1000) -> Page:
        return self._do("list", prefix, lambda: self._store.list(prefix, after=after, limit=limit))

    def delete(self, key: str) -> None:
        self._do("delete", key, lambda: self._store.delete(key))

    def opened(self, key: str) -> Opened:
        found = self._do("opened", key, lambda: self._store.opened(key))
        return found._replace(chunks=self._pieces(key, found.chunks))

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        return self._do("part", key, lambda: self._store.part(key, begin, end, revision))

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        return self._do("part_into", key, lambda: self._store.part_into(key, begin, to, revision))

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        data = list(chunks)
        self._do("write_stream", key, lambda: self._store.write_stream(key, data))

    def _pieces(self, key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The stream in pieces, each an operation of its own."""
        for chunk in chunks:
            for start in range(0, len(chunk), _PIECE):
                piece = chunk[start : start + _PIECE]
                yield self._do("piece", key, partial(bytes, piece))

    def _do[Answer](self, name: str, key: str, operation: Callable[[], Answer]) -> Answer:
        self.operations.append(f"{name} {key.partition('/')[0]}")
        if len(self.operations) == self._nth:
            return self._fault(operation)  # type: ignore[return-value]
        if self._lasting and len(self.operations) > self._nth:
            raise Unavailable("the store was made to fail for ever")
        return operation()


class RememberingQueue:
    """A queue whose messages somebody else has to deliver."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.buried: list[str] = []

    def submit(self, job_id: str) -> None:
        self.messages.append(job_id)

    def defer(self, job_id: str, seconds: float) -> None:
        """The tests look at what the trainer says instead."""

    def bury(self, message: str) -> None:
        self.buried.append(message)


class Clock:
    """The time, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead
