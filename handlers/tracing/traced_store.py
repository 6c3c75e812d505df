"""An object store whose calls are spans of the request or job that is recorded.

A span says which method and in which folder, and never a key, an address or an error's text.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from handlers.tracing.recording import RECORDING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import Any

    from ml_core.objects import Opened, Page, StoredObject
    from ml_core.ports import ObjectStore

_NOTHING = nullcontext()


class TracedStore:
    """The `ObjectStore` port over another store; what a thread of its own asks is in no span."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        # What a store offers beside the port.
        return getattr(self._store, name)

    def get(self, key: str) -> StoredObject:
        """As the port says; so are all of these."""
        with _part("get", key):
            return self._store.get(key)

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        """As the port says."""
        with _part("get_if_changed", key):
            return self._store.get_if_changed(key, revision)

    def put_if_absent(self, key: str, data: bytes) -> str:
        """As the port says."""
        with _part("put_if_absent", key):
            return self._store.put_if_absent(key, data)

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        """As the port says."""
        with _part("put_if_unchanged", key):
            return self._store.put_if_unchanged(key, data, revision)

    def list(self, prefix: str, *, after: str | None = None, limit: int = 1000) -> Page:
        """As the port says."""
        with _part("list", prefix):
            return self._store.list(prefix, after=after, limit=limit)

    def delete(self, key: str) -> None:
        """As the port says."""
        with _part("delete", key):
            self._store.delete(key)

    def opened(self, key: str) -> Opened:
        """As the port says; the span ends when the first byte may be read."""
        with _part("opened", key):
            return self._store.opened(key)

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        """As the port says."""
        with _part("part", key):
            return self._store.part(key, begin, end, revision)

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        """As the port says."""
        with _part("part_into", key):
            return self._store.part_into(key, begin, to, revision)

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        """As the port says."""
        with _part("write_stream", key):
            self._store.write_stream(key, chunks)


def _part(method: str, key: str) -> AbstractContextManager[object]:
    spans = RECORDING.get()
    return _NOTHING if spans is None else spans.part(f"store {method}", folder=key.partition("/")[0])
