"""What the ports of `ports.py` take and hand over: objects, pages of them, and how their keys may look.

They stand by themselves because a prediction needs them, and needs no protocol but to be checked by types.
"""

from __future__ import annotations

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator


class StoredObject(Record):
    """An object's bytes and the opaque revision they had: an ETag on S3 and Azure, a generation on GCS."""

    data: bytes
    revision: str


class ObjectInfo(Record):
    """What a listing says of an object. `size` is in bytes, `modified` in seconds since the epoch (UTC).

    `revision` is one that `part` takes: all of what `opened` says, or as much as a listing tells; empty where
    it tells none.
    """

    key: str
    size: int
    modified: float
    revision: str = ""


class Page(Record):
    """Part of a listing, ascending by the keys' UTF-8 bytes; `next_after` continues it, None ends it."""

    objects: list[ObjectInfo]
    next_after: str | None


class Opened(Record):
    """Data that is to be read: size in bytes, revision, and its bytes in chunks, all of that revision.

    What changes before it is read to the end raises `Unavailable` on the way.
    """

    size: int
    revision: str
    chunks: Iterator[bytes]


LONGEST_KEY = 1024  # bytes of UTF-8: what S3, GCS and Azure all take
LARGEST_PAGE = 1000  # objects: what the clouds list at once


def check_key(key: str) -> None:
    """Raise ValueError unless `key` is one that every store takes; callers' input is checked long before."""
    segments = key.split("/")
    if "" in segments or "." in segments or ".." in segments or len(key.encode()) > LONGEST_KEY:
        raise ValueError(f"not an object key: {key!r}")
    # Azure's Blob Storage takes a backslash for a slash.
    if any(character < " " or character in "\\\x7f" for character in key):
        raise ValueError(f"an object key has no control characters and no backslash: {key!r}")


def check_limit(limit: int) -> None:
    """Raise ValueError unless `limit` is a page's length."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise ValueError(f"a page holds 1 to {LARGEST_PAGE} objects, not {limit}")


def check_range(begin: int, end: int) -> None:
    """Raise ValueError unless bytes can be read from `begin` to before `end`."""
    if not 0 <= begin <= end:
        raise ValueError(f"no range of bytes: {begin} to {end}")
