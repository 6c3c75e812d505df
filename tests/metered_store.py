"""A store that counts the requests to another one, and the bytes that move."""

from collections.abc import Iterable
from typing import NamedTuple

from ml_core.objects import Opened, Page, StoredObject
from ml_core.ports import ObjectStore


class Cost(NamedTuple):
    """Requests to a store, and the bytes of objects that were read and written."""

    requests: int = 0
    read: int = 0
    written: int = 0

    def since(self, before: "Cost") -> "Cost":
        """What came after."""
        return Cost(*(now - then for now, then in zip(self, before, strict=True)))


class MeteredStore:
    """A store that counts the requests to another one, and the bytes that move."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.cost = Cost()

    def get(self, key: str) -> StoredObject:
        self._count()
        return self._read(self._store.get(key))

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        self._count()
        found = self._store.get_if_changed(key, revision)
        return None if found is None else self._read(found)

    def put_if_absent(self, key: str, data: bytes) -> str:
        self._count(written=len(data))
        return self._store.put_if_absent(key, data)

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        self._count(written=len(data))
        return self._store.put_if_unchanged(key, data, revision)

    def list(self, prefix: str, *, after: str | None = None, limit: int = 1000) -> Page:
        self._count()
        return self._store.list(prefix, after=after, limit=limit)

    def delete(self, key: str) -> None:
        self._count()
        self._store.delete(key)

    def opened(self, key: str) -> Opened:
        self._count()
        return self._store.opened(key)

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        self._count()
        found = self._store.part(key, begin, end, revision)
        self.cost = self.cost._replace(read=self.cost.read + len(found))
        return found

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        self._count()
        read = self._store.part_into(key, begin, to, revision)
        self.cost = self.cost._replace(read=self.cost.read + read)
        return read

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        data = list(chunks)
        self._count(written=sum(map(len, data)))
        self._store.write_stream(key, data)

    def _read(self, found: StoredObject) -> StoredObject:
        self.cost = self.cost._replace(read=self.cost.read + len(found.data))
        return found

    def _count(self, *, written: int = 0) -> None:
        requests, read, so_far = self.cost
        self.cost = Cost(requests + 1, read, so_far + written)
