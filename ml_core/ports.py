"""What ml_core needs of the world, as small protocols. `providers/` implements them, one folder per cloud."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """An object's bytes and the opaque revision they had: an ETag on S3 and Azure, a generation on GCS."""

    data: bytes
    revision: str


class ObjectInfo(NamedTuple):
    """What a listing says of an object. `size` is in bytes, `modified` in seconds since the epoch (UTC)."""

    key: str
    size: int
    modified: float


class Page(NamedTuple):
    """Part of a listing in ascending order of keys (by UTF-8 bytes); `next_after` continues it, None ends it."""

    objects: list[ObjectInfo]
    next_after: str | None


class ObjectStore(Protocol):
    """Immutable blobs and compare-and-swap documents.

    A key is `/`-separated non-empty segments, none of them `.` or `..`. Every method raises
    `Unavailable` when the store cannot be reached or throttles after the store's own retries.
    """

    def get(self, key: str) -> StoredObject:
        """The object. Raises `ObjectNotFound`."""
        ...

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        """The object, or None while it still has `revision`. Raises `ObjectNotFound`."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new object and return its revision. Of several writers one wins; the others get `ObjectExists`."""
        ...

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        """Replace the object that has `revision` and return the new one.

        Raises `RevisionMismatch` when the object has another revision or is gone.
        """
        ...

    def list(self, prefix: str, *, after: str | None = None, limit: int = 1000) -> Page:
        """At most `limit` (1 to 1000) objects whose keys begin with `prefix` and sort after `after`."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; one that is absent already is no error."""
        ...

    def read_stream(self, key: str) -> Iterator[bytes]:
        """The object in chunks, for what may not fit in memory. Raises `ObjectNotFound` before the first chunk."""
        ...

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write or replace an object from chunks; nothing is visible until the last one is stored."""
        ...


class JobQueue(Protocol):
    """At-least-once delivery of job ids to the trainer. Raises `Unavailable`."""

    def submit(self, job_id: str) -> None:
        """Send a message that names the job."""
        ...

    def defer(self, delivery: str, seconds: float) -> None:
        """Have this delivery (the platform's handle for it) come again after about `seconds`; no attempt is counted."""
        ...
