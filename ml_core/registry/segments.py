"""Versions that their model's document does not hold: 25 to an object, by number.

    models/-versions/{name in lower case}/{number of the first, nine digits}
        versions, tombstones    as in the model's document; each entry also has `at`
    registry/jobs/{job id}.json     the model and number of a version that was moved here: its job registered

`at` is the revision of the model's document of which an entry is a copy. A later copy is never replaced by an
earlier one, so a writer that was slow, or died, does no harm. What the model's document says of a version
goes before what is here.

Of a version that was deleted together with its whole model nothing is rewritten: the model's document says
so in `elsewhere`, which has

    live        how many of the versions that are only here are not deleted
    newest      none of them has a greater number
    erased      [through, at, time, purged] of each time that all of them were deleted: it is about the
                entries up to the number `through` that were copied before the revision `at`
    latest      when the last of those was deleted that were moved here one by one and can be restored

The objects lie below `models/` and look like a model that was deleted, so that the sweep of an earlier
release, which keeps the artifacts that such documents name, keeps theirs.
"""

from __future__ import annotations

import json
from functools import partial

from ml_core.documents import Body, Document, read, read_many, update
from ml_core.errors import ObjectExists, ObjectNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from ml_core.ports import ObjectStore

SIZE = 25  # versions of one segment
INDEX = "registry/jobs/"
NOWHERE: Body = {"live": 0, "newest": 0, "erased": []}  # what is elsewhere of a document that says nothing
_FOLDER = "models/-versions/"
_WRITERS = 8  # objects written at a time


def segment_key(name: str, version: int) -> str:
    """Where a version is kept that its model's document does not hold."""
    return f"{_FOLDER}{name.lower()}/{(version - 1) // SIZE * SIZE + 1:09d}"


def index_key(job_id: str) -> str:
    """Where it is written down which version a job registered."""
    return f"{INDEX}{job_id}.json"


def registered_number(store: ObjectStore, name: str, job_id: str) -> int | None:
    """The version that the job registered, if that was moved out of its model's document.

    Raises `Unavailable`.
    """
    try:
        told = json.loads(store.get(index_key(job_id)).data)
    except ObjectNotFound:
        return None
    number: int = told["version"]
    return number if told["model"].lower() == name.lower() else None


class Segments:
    """The versions of a model that its document does not hold, read when they are asked for, and then kept.

    They cannot change while the document does not. `elsewhere` is what the document says of them. Without a
    `store`, nothing is known.
    """

    def __init__(self, store: ObjectStore | None, name: str, elsewhere: Body) -> None:
        self._store = store
        self._name = name
        self._elsewhere = elsewhere
        self._read: dict[str, dict[int, Body]] = {}

    def entries(self, numbers: list[int]) -> dict[int, Body]:
        """What is registered of versions, deleted or not, each with its `job`; by number, where there is one.

        Raises `Unavailable`.
        """
        keys = {number: segment_key(self._name, number) for number in numbers}
        unread = [key for key in dict.fromkeys(keys.values()) if key not in self._read]
        for key, document in zip(unread, self._documents(unread), strict=True):
            self._read[key] = {} if document is None else _by_number(document.body)
        found = {number: self._read[key].get(number) for number, key in keys.items()}
        erased = self._elsewhere["erased"]
        return {number: _as_erased(entry, erased) for number, entry in found.items() if entry is not None}

    def _documents(self, keys: list[str]) -> list[Document | None]:
        """The documents; None for each that does not exist. One alone is read without a second thread."""
        if self._store is None:
            return [None for _ in keys]
        if len(keys) > 1:
            return read_many(self._store, keys)
        try:
            return [read(self._store, key) for key in keys]
        except ObjectNotFound:
            return [None]


def write_entries(store: ObjectStore, name: str, entries: Collection[Body], at: int) -> set[str]:
    """Keep copies of a model's entries, each with its `job`, from the revision `at` of its document.

    Returns the jobs of those that are not to be moved: each has registered another version, which a release
    that knows no segments has not seen. Raises `Unavailable`.
    """
    jobs = [entry["job"] for entry in entries]
    told = [json.dumps({"model": name, "version": entry["version"]}).encode() for entry in entries]
    written = dict(zip(jobs, _in_turn(partial(_write_index, store), jobs, told), strict=True))
    doubled = {entry["job"] for entry in entries if written[entry["job"]] != entry["version"]}
    segments: dict[str, list[Body]] = {}
    for entry in entries:
        if entry["job"] not in doubled:
            segments.setdefault(segment_key(name, entry["version"]), []).append(entry)
    for key, group in segments.items():
        update(store, key, partial(_with_entries, group, at))
    return doubled


def write_index(store: ObjectStore, name: str, entries: Collection[Body]) -> None:
    """Write down which versions the entries' jobs registered, unless that was done. Raises `Unavailable`."""
    told = [json.dumps({"model": name, "version": entry["version"]}).encode() for entry in entries]
    _in_turn(partial(_write_index, store), [entry["job"] for entry in entries], told)


def _by_number(body: Body) -> dict[int, Body]:
    return {
        entry["version"]: {"job": job, **entry}
        for place in ("versions", "tombstones")
        for job, entry in body[place].items()
    }


def _as_erased(entry: Body, erased: list[list[int | str | bool]]) -> Body:
    """The entry as it is after the deletions of everything that came since it was copied."""
    now = dict(entry)
    for through, at, deleted, purged in erased:
        if now["version"] <= through and now["at"] < at:
            now.setdefault("deleted", deleted)
            if purged:
                now = {**{name: now[name] for name in ("job", "version", "deleted", "at")}, "purged": True}
    return now


def _write_index(store: ObjectStore, job: str, told: bytes) -> int:
    """Which version the job registered: what is told, unless something was told before."""
    try:
        store.put_if_absent(index_key(job), told)
    except ObjectExists:
        told = store.get(index_key(job)).data
    number: int = json.loads(told)["version"]
    return number


def _in_turn(write: partial[int], jobs: list[str], told: list[bytes]) -> list[int]:
    if len(jobs) == 1:
        return [write(jobs[0], told[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_WRITERS) as writers:
        return list(writers.map(write, jobs, told))


def _with_entries(entries: list[Body], at: int, body: Body | None) -> Body | None:
    """A segment with the entries; None where it has them, or later copies."""
    body = body or {"versions": {}, "tombstones": {}}
    changed = False
    for entry in entries:
        job = entry["job"]
        present = body["versions"].get(job) or body["tombstones"].get(job)
        if present is not None and present["at"] >= at:
            continue
        for place in ("versions", "tombstones"):
            body[place].pop(job, None)
        place = "tombstones" if "deleted" in entry else "versions"
        body[place][job] = {**{name: value for name, value in entry.items() if name != "job"}, "at": at}
        changed = True
    return body if changed else None
