"""The trail of changes, read page by page, the newest first, and shortened to what is kept."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched, groupby, takewhile
from typing import Any, NamedTuple

from ml_core.auditing.trail import END, FOLDER, ID_LENGTH, TrailEntry, id_at, is_entry_id, time_of
from ml_core.documents import timestamp
from ml_core.errors import ObjectNotFound
from ml_core.ports import ObjectStore, every_object

type Told = Callable[[TrailEntry], bool]

_READERS = 8  # entries read at a time
_MOST_READ = 500  # entries that one page of a filtered list may read
_MOST_FORGOTTEN = 1_000  # entries that one sweep removes
_ID_END = len(FOLDER) + ID_LENGTH


class EntriesPage(NamedTuple):
    """Part of the trail, newest first; `next_after` continues it, None ends it.

    A page of a filtered list may be short, even empty, with more to come.
    """

    entries: list[TrailEntry]
    next_after: str | None


class _Stored(NamedTuple):
    """What a listing shows of an entry: its id, and the keys that it has."""

    id: str
    keys: list[str]


def entries(
    store: ObjectStore,
    limit: int,
    after: str | None,
    *,
    begin: float,
    end: float | None = None,
    told: Told | None = None,
) -> EntriesPage:
    """At most `limit` entries of changes that were begun from `begin` to before `end`, None for all since.

    Every entry that is there when the first page is read, and stays, is on exactly one page, whatever is
    written meanwhile; one that is written meanwhile is on one page or none.

    Args:
        store: where the trail is.
        limit: how many there may be on the page.
        after: `next_after` of the page before.
        begin: in seconds since the epoch.
        end: in seconds since the epoch.
        told: says of an entry whether it is listed; None for all.

    Raises:
        Unavailable: the store cannot be read.
    """
    start = max(after or "", "" if end is None else id_at(end))
    oldest = id_at(begin)
    listed = takewhile(lambda stored: stored.id <= oldest, _stored(store, start))
    found: list[TrailEntry] = []
    looked = 0
    for batch in batched(listed, min(limit + 1, _READERS * 8)):
        for stored, entry in zip(batch, _read_all(store, batch), strict=True):
            if len(found) == limit or looked == max(_MOST_READ, limit):
                return EntriesPage(found, start)
            start, looked = stored.id, looked + 1
            if entry is not None and (told is None or told(entry)):
                found.append(entry)
    return EntriesPage(found, None)


def forget(store: ObjectStore, before: float, is_time: Callable[[], bool]) -> int:
    """Remove entries of changes that were begun before a time, as far as the time goes; how many.

    Raises `Unavailable`.
    """
    removed = 0
    with ThreadPoolExecutor(_READERS) as pool:
        for batch in batched(_stored(store, id_at(before)), 100):
            if not is_time() or removed >= _MOST_FORGOTTEN:
                break
            list(pool.map(store.delete, [key for stored in batch for key in stored.keys]))
            removed += len(batch)
    return removed


def _stored(store: ObjectStore, after: str) -> Iterator[_Stored]:
    """What the store lists of entries whose ids are larger than one."""
    objects = every_object(store, FOLDER, f"{FOLDER}{after}{END}")
    keys = (found.key for found in objects if is_entry_id(found.key[len(FOLDER) : _ID_END]))
    for key, of_entry in groupby(keys, lambda key: key[:_ID_END]):
        yield _Stored(key[len(FOLDER) :], list(of_entry))


def _read_all(store: ObjectStore, batch: tuple[_Stored, ...]) -> list[TrailEntry | None]:
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(partial(_read, store), batch))


def _read(store: ObjectStore, stored: _Stored) -> TrailEntry | None:
    """An entry as its last object says; None where it was removed meanwhile."""
    begun = f"{FOLDER}{stored.id}"
    try:
        found = store.get(begun + END if begun + END in stored.keys else begun)
    except ObjectNotFound:
        return None
    return _entry(stored.id, found.data)


def _entry(entry_id: str, data: bytes) -> TrailEntry:
    """What an object says of an entry; nothing but its id and its time, where somebody damaged it."""
    unknown = TrailEntry(entry_id, timestamp(time_of(entry_id)))
    try:
        said = json.loads(data)
        members: dict[str, Any] = {name: said.get(name) for name in TrailEntry._fields[2:]}
    except (ValueError, AttributeError, RecursionError):
        return unknown
    whole = all(
        each is None or type(each) is (int if name in ("status", "version") else str)
        for name, each in members.items()
    )
    return unknown._replace(**members) if whole else unknown
