"""Documents: small JSON objects in the object store that change only by compare-and-swap.

Beside what it is about, each document holds

- `revision`, which grows by one with every write, and
- `writers`, the nonces of the latest writes, newest first.

So no two writes of a document are ever equal (S3's revision is a hash of the content), and a writer whose
answer was lost finds its own nonce when it looks again, even when others have written since.
"""

from __future__ import annotations

import os
import time

from ml_core import json_text
from ml_core.errors import (
    DocumentDamaged,
    ObjectExists,
    ObjectNotFound,
    RevisionMismatch,
    Unavailable,
)
from ml_core.objects import StoredObject
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ml_core.ports import ObjectStore


type Body = dict[str, Any]
type Change = Callable[[Body | None], Body | None]

PATIENCE = 20.0  # seconds for which a writer keeps trying
_READERS = 8  # documents read at a time
_REMEMBERED = 8  # nonces kept: writes that may come between a lost answer and the second look
_FAILURES = 4  # times in a row that the store may be unavailable before a writer gives up
_FIRST_PAUSE = 0.05  # seconds; doubles with every try
_LONGEST_PAUSE = 4.0  # seconds; GCS takes about one write a second of one object, from all writers together


class Document(Record):
    """A document's content, and the opaque revision by which the store knows it."""

    body: Body
    stored: str


def read(store: ObjectStore, key: str) -> Document:
    """The document. Raises `ObjectNotFound`, `Unavailable`."""
    return _parse(key, store.get(key))


def read_if_changed(store: ObjectStore, key: str, stored: str) -> Document | None:
    """The document, or None while the store has it as it was. Raises `ObjectNotFound`, `Unavailable`."""
    found = store.get_if_changed(key, stored)
    return None if found is None else _parse(key, found)


def read_many(
    store: ObjectStore, keys: Iterable[str], *, skip_damaged: bool = False
) -> list[Document | None]:
    """The documents, several read at a time; None for each that does not exist, or is damaged and skipped.

    Raises `Unavailable`, and `DocumentDamaged` for a damaged one that is not skipped.
    """
    from concurrent.futures import ThreadPoolExecutor

    def find(key: str) -> Document | None:
        try:
            return read(store, key)
        except ObjectNotFound:
            return None
        except DocumentDamaged:
            if not skip_damaged:
                raise
            return None

    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(find, keys))


def update(
    store: ObjectStore,
    key: str,
    change: Change,
    *,
    patience: float = PATIENCE,
    pause: Callable[[float], None] = time.sleep,
) -> Document:
    """Change the document by compare-and-swap and return it as it then is.

    `change` gets the present content (None where there is no document), which it may modify and return; it
    returns None to leave everything as it is. It is called again whenever another writer was first, so it
    decides from what it gets, and what else it does may be done again, and for nothing. What it raises is
    raised here, but for `Unavailable`: then it is called again as well.

    Raises `Unavailable` when the store fails or others are always first; a write may then have happened or
    not.
    """
    return _Update(store, key, change, patience, pause).run()


def replace_damaged(store: ObjectStore, key: str, change: Change) -> Document:
    """As `update`, of a document that begins anew, with no content, where somebody damaged it.

    Raises `Unavailable`.
    """
    from contextlib import suppress

    try:
        return update(store, key, change)
    except DocumentDamaged:
        damaged = store.get(key).revision
        with suppress(RevisionMismatch):  # another writer was first
            store.put_if_unchanged(key, b'{"revision":0,"writers":[]}', damaged)
        return update(store, key, change)


def timestamp(seconds: float) -> str:
    """A time since the epoch as RFC 3339 in UTC, such as `2026-11-23T17:59:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class _Update:
    """One update and its tries."""

    def __init__(
        self, store: ObjectStore, key: str, change: Change, patience: float, pause: Callable[[float], None]
    ) -> None:
        self._store = store
        self._key = key
        self._change = change
        self._pause = pause
        self._give_up = time.monotonic() + patience
        self._nonce = os.urandom(8).hex()
        self._tries = 0
        self._failures = 0

    def run(self) -> Document:
        base = self._store_get()
        while True:
            try:
                data = self._next(base)
            except DocumentDamaged:
                raise  # waiting is no use
            except Unavailable as error:
                self._count_failure(error)
                base = self._look_again()
                continue
            if data is None:
                return self._unchanged(base)
            found = base
            while (
                found == base
            ):  # the very same write again: one that is still on its way then changes nothing
                stored = self._write(base, data)
                if stored is not None:
                    return _parse(self._key, StoredObject(data, stored))
                found = self._look_again()
            if found is not None and self._nonce in _parse(self._key, found).body["writers"]:
                return _parse(self._key, found)  # the write had arrived; only its answer was lost
            base = found

    def _next(self, base: StoredObject | None) -> bytes | None:
        """What to write over `base`; None where nothing is to be changed."""
        before = None if base is None else _parse(self._key, base).body
        revision, writers = (0, []) if before is None else (before["revision"], before["writers"])
        body = self._change(before)
        if body is None:
            return None
        body["revision"] = revision + 1
        body["writers"] = [self._nonce, *writers][:_REMEMBERED]
        return json_text.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()

    def _unchanged(self, base: StoredObject | None) -> Document:
        if base is None:
            raise ObjectNotFound(f"the object store holds no '{self._key}'")
        return _parse(self._key, base)

    def _store_get(self) -> StoredObject | None:
        try:
            return self._store.get(self._key)
        except ObjectNotFound:
            return None

    def _write(self, base: StoredObject | None, data: bytes) -> str | None:
        """The new revision; None when another writer was first, or the answer was lost."""
        try:
            if base is None:
                return self._store.put_if_absent(self._key, data)
            return self._store.put_if_unchanged(self._key, data, base.revision)
        except (ObjectExists, RevisionMismatch):
            self._failures = 0
        except Unavailable as error:
            self._count_failure(error)
        return None

    def _look_again(self) -> StoredObject | None:
        while True:
            self._wait()
            try:
                return self._store_get()
            except Unavailable as error:
                self._count_failure(error)

    def _count_failure(self, error: Unavailable) -> None:
        self._failures += 1
        if self._failures == _FAILURES:
            raise error

    def _wait(self) -> None:
        if time.monotonic() > self._give_up:
            raise Unavailable(f"too many others are writing '{self._key}'; try again")
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._tries)
        self._tries += 1
        # full jitter; os.urandom because the module random costs a cold start more than everything here
        self._pause(longest * int.from_bytes(os.urandom(4)) / 2**32)


def _parse(key: str, found: StoredObject) -> Document:
    try:
        body = json_text.loads(found.data)
        if isinstance(body["revision"], int) and isinstance(body["writers"], list):
            return Document(body, found.revision)
    except (ValueError, KeyError, TypeError) as error:
        raise DocumentDamaged(f"the document '{key}' is damaged") from error
    raise DocumentDamaged(f"the document '{key}' is damaged")
