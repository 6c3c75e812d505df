"""A store in memory that counts what is asked of it: requests and bytes do not depend on the machine."""

import threading
import time
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable

from ml_core.errors import ObjectExists, ObjectNotFound, RevisionMismatch
from ml_core.objects import (
    LARGEST_PAGE,
    ObjectInfo,
    Opened,
    Page,
    StoredObject,
    check_key,
    check_limit,
    check_range,
)


class CountingStore:
    """The `ObjectStore` port; `requests` counts by operation and the keys' first part, `bytes` what moves.

    A listing's bytes are those of its keys.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._objects: dict[str, tuple[bytes, str, float]] = {}
        self._writes = 0
        self._changing = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.bytes = 0

    def forget(self) -> None:
        """Count from here on."""
        self.requests.clear()
        self.bytes = 0

    def fill(self, objects: Iterable[tuple[str, bytes]]) -> None:
        """Add objects at once, uncounted."""
        now = time.time()
        self._objects.update((key, (data, "filled", now)) for key, data in objects)
        self._keys = sorted(self._objects)

    def get(self, key: str) -> StoredObject:
        self._count("get", key)
        return self._get(key)

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        self._count("get_if_changed", key)
        found = self._get(key)
        return None if found.revision == revision else found

    def put_if_absent(self, key: str, data: bytes) -> str:
        self._count("put", key, data)
        if key in self._objects:
            raise ObjectExists(key)
        return self._put(key, data)

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        self._count("put", key, data)
        if key not in self._objects or self._objects[key][1] != revision:
            raise RevisionMismatch(key)
        return self._put(key, data)

    def list(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:
        check_limit(limit)
        if after is not None:
            check_key(after)
        self._count("list", prefix)
        start = bisect_right(self._keys, max(after or "", prefix))
        found = []
        for key in self._keys[start : start + limit + 1]:
            if not key.startswith(prefix):
                break
            data, _, modified = self._objects[key]
            found.append(ObjectInfo(key, len(data), modified))
            self.bytes += len(key)
        more = len(found) > limit
        return Page(found[:limit], found[limit - 1].key if more else None)

    def delete(self, key: str) -> None:
        self._count("delete", key)
        with self._changing:
            if self._objects.pop(key, None) is not None:
                del self._keys[bisect_right(self._keys, key) - 1]

    def opened(self, key: str) -> Opened:
        self._count("opened", key)
        data, revision, _ = self._objects[key]
        return Opened(len(data), revision, iter([data]))

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        check_range(begin, end)
        self._count("part", key)
        data, found, _ = self._objects[key]
        if found != revision:
            raise RevisionMismatch(key)
        self.bytes += len(data[begin:end])
        return data[begin:end]

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        read = self.part(key, begin, begin + len(to), revision)
        to[: len(read)] = read
        return len(read)

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        data = b"".join(chunks)
        self._count("put", key, data)
        self._put(key, data)

    def _count(self, operation: str, key: str, data: bytes = b"") -> None:
        if operation != "list":
            check_key(key)
        self.requests[f"{operation} {key.partition('/')[0]}"] += 1
        self.bytes += len(data)

    def _get(self, key: str) -> StoredObject:
        if key not in self._objects:
            raise ObjectNotFound(key)
        data, revision, _ = self._objects[key]
        self.bytes += len(data)
        return StoredObject(data, revision)

    def _put(self, key: str, data: bytes) -> str:
        with self._changing:
            if key not in self._objects:
                insort(self._keys, key)
            self._writes += 1
            self._objects[key] = data, str(self._writes), time.time()
            return str(self._writes)
