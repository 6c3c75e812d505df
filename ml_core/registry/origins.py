"""What came of an uploaded dataset: written down before it can be read, so that it is found to be erased.

    registry/made-from/{dataset in lower case}/
        jobs/{job id}.{model}           a job that reads an upload, written before the job is:
            uri                         the upload
        versions/{job id}.{model}       a version of the model that the job registers, written before it does:
            uri                         the upload
            sha256                      of the version's artifact
            copy                        whether the artifact was downloaded from another version, and sent
    registry/made-from/-artifacts/{sha256}/
        from/{dataset in lower case}    an artifact with these bytes came of the dataset: the `uri`
        copies/{job id}.{model}         a job registers an upload with these bytes
    registry/made-from/-erased/{dataset in lower case}.json     which of its uploads were erased (`Erasure`)
    registry/made-from/-pending/{dataset in lower case}         something of them may be left, for the sweep

A trainer that is killed leaves an entry without a version, which lists leave out. A version and a copy of it
that are registered at once find each other: each is written down before it looks for the other.

Names of datasets begin with a letter or a digit. Ids count time backwards, so that a listing has the newest
first. An entry stays when its version is purged: that there was one is no secret of the data.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from ml_core.documents import Body, read, update
from ml_core.errors import DocumentDamaged, ObjectExists, ObjectNotFound
from ml_core.ports import ObjectStore, every_object

log = logging.getLogger(__name__)

PREFIX = "registry/made-from/"
_ARTIFACTS = f"{PREFIX}-artifacts/"
_ERASURES, _PENDING = f"{PREFIX}-erased/", f"{PREFIX}-pending/"
_JOBS, _VERSIONS, _FROM, _COPIES = "jobs/", "versions/", "from/", "copies/"
_ADDRESS = "dataset://"
_MOST_NAMED = 1_000  # folders in other buckets
_TIME_DIGITS = 12  # of an upload's id, which begins with the time, counted backwards


class Entry(NamedTuple):
    """One entry, as far as its key says: the job, and the model that it is about."""

    key: str
    job: str
    model: str


class Uploaded(NamedTuple):
    """An upload, by its address: the dataset as it was spelled, and the upload's id; empty for the newest."""

    dataset: str
    upload: str


def uploaded(uri: object) -> Uploaded | None:
    """The upload that an address names; None for any other address, and for none."""
    if not isinstance(uri, str) or not uri.startswith(_ADDRESS):
        return None
    dataset, _, upload = uri.removeprefix(_ADDRESS).partition("/")
    return Uploaded(dataset, upload)


def note_job(store: ObjectStore, job: str, model: str, request: Mapping[str, Any]) -> None:
    """Write down that a job is to read an upload, if it is. Raises `Unavailable`."""
    uri = _uri_in(request)
    found = uploaded(uri)
    if found is not None:
        _put(store, f"{_folder(found.dataset)}{_JOBS}{job}.{model}", {"uri": uri})


def forget_job(store: ObjectStore, job: str, model: str, request: Mapping[str, Any]) -> None:
    """Remove what `note_job` wrote. Raises `Unavailable`."""
    found = uploaded(_uri_in(request))
    if found is not None:
        store.delete(f"{_folder(found.dataset)}{_JOBS}{job}.{model}")


def note_version(store: ObjectStore, job: str, model: str, manifest: Mapping[str, Any]) -> str | None:
    """Write down what a version is made of that is about to be registered: of an upload, or of a download.

    Returns the dataset that it is made of where that was erased, so that the version must not be; else None.
    Raises `Unavailable`.
    """
    sha256, uri = manifest["sha256"], _uri_in(manifest)
    found = uploaded(uri)
    artifact = f"{_ARTIFACTS}{sha256}/"
    if found is not None:
        _put(store, _version_key(found.dataset, job, model), {"uri": uri, "sha256": sha256, "copy": False})
        _put(store, f"{artifact}{_FROM}{found.dataset.lower()}", {"uri": uri})
        for each in every_object(store, f"{artifact}{_COPIES}"):
            copy = _entry(each.key)
            _put(store, _version_key(found.dataset, copy.job, copy.model), _copied(uri, sha256))
        return _refused(store, [found])
    if manifest.get("registered") is None:
        return None
    _put(store, f"{artifact}{_COPIES}{job}.{model}", {})
    origins = []
    for each in every_object(store, f"{artifact}{_FROM}"):
        said = json.loads(store.get(each.key).data)["uri"]
        origin = uploaded(said)
        assert origin is not None  # noqa: S101 - for the type checker: it was written as one
        origins.append(origin)
        _put(store, _version_key(origin.dataset, job, model), _copied(said, sha256))
    return _refused(store, origins)


def is_noted(store: ObjectStore, job: str, model: str, manifest: Mapping[str, Any]) -> bool:
    """Whether all of what `note_version` writes of a version made of an upload is there.

    Of what came of no upload there is nothing to write, unless it may be a copy. Raises `Unavailable`.
    """
    found = uploaded(_uri_in(manifest))
    if found is None:
        return manifest.get("registered") is None
    try:
        store.get(_version_key(found.dataset, job, model))
        store.get(f"{_ARTIFACTS}{manifest['sha256']}/{_FROM}{found.dataset.lower()}")
    except ObjectNotFound:
        return False
    return True


def versions_of(store: ObjectStore, dataset: str, after: str | None = None) -> Iterator[Entry]:
    """The entries of versions made from a dataset in any spelling, past a job's. Raises `Unavailable`."""
    return _entries(store, f"{_folder(dataset)}{_VERSIONS}", after)


def jobs_of(store: ObjectStore, dataset: str) -> Iterator[Entry]:
    """The entries of jobs that read a dataset in any spelling. Raises `Unavailable`."""
    return _entries(store, f"{_folder(dataset)}{_JOBS}", None)


def forget_entry(store: ObjectStore, entry: Entry) -> None:
    """Remove an entry of which nothing is left. Raises `Unavailable`."""
    store.delete(entry.key)


def is_known(store: ObjectStore, dataset: str) -> bool:
    """Whether anything was made from a dataset in any spelling. Raises `Unavailable`."""
    return bool(store.list(f"{_folder(dataset)}{_VERSIONS}", limit=1).objects)


def read_entry(store: ObjectStore, entry: Entry) -> dict[str, Any]:
    """What an entry says; nothing where it is gone. Raises `Unavailable`."""
    try:
        said: dict[str, Any] = json.loads(store.get(entry.key).data)
    except ObjectNotFound:
        return {}
    return said


class Erasure(NamedTuple):
    """Which uploads of a dataset were erased.

    Args:
        dataset: its name, as it was spelled.
        bound: all uploads whose ids are this or after it: those that were begun before some time.
        outside: the folders in other buckets to which jobs wrote scores of such an upload.
        omitted: how many more of them there are.
    """

    dataset: str
    bound: str
    outside: tuple[str, ...] = ()
    omitted: int = 0

    def covers(self, uri: object) -> bool:
        """Whether the upload at an address was erased."""
        found = uploaded(uri)
        return found is not None and found.dataset.lower() == self.dataset.lower() and self.has(found.upload)

    def has(self, upload: str) -> bool:
        """Whether an upload of the dataset was erased; of who may have read any of them, it is taken so."""
        return (upload or self.bound) >= self.bound


def erase_uploads(store: ObjectStore, dataset: str, bound: str, outside: Iterable[str] = ()) -> Erasure:
    """Let nothing be registered from now on that is made of uploads whose ids are `bound` or after it.

    The sweep removes what is left of them. Raises `Unavailable`.
    """
    _put(store, f"{_PENDING}{dataset.lower()}", {})

    def change(body: Body | None) -> Body:
        known = body or {"bound": bound, "outside": [], "omitted": 0}
        named = list(dict.fromkeys([*known["outside"], *outside]))
        more = known["omitted"] + len(named[_MOST_NAMED:])
        told = {"bound": min(bound, known["bound"]), "outside": named[:_MOST_NAMED], "omitted": more}
        return {**known, "dataset": dataset, **told}

    return _erasure(update(store, _erasure_key(dataset), change).body)


def erasure_of(store: ObjectStore, dataset: str) -> Erasure | None:
    """What was erased of a dataset in any spelling; None where nothing ever was. Raises `Unavailable`."""
    try:
        return _erasure(read(store, _erasure_key(dataset)).body)
    except ObjectNotFound:
        return None


def is_pending(store: ObjectStore, dataset: str) -> bool:
    """Whether there may be something left of an erased dataset, which the sweep removes."""
    try:
        store.get(f"{_PENDING}{dataset.lower()}")
    except ObjectNotFound:
        return False
    return True


def pending_erasures(store: ObjectStore) -> Iterator[Erasure]:
    """The erasures of which something may be left. Raises `Unavailable`."""
    for found in every_object(store, _PENDING):
        try:
            erasure = erasure_of(store, found.key.removeprefix(_PENDING))
        except DocumentDamaged as error:
            log.error("what was erased cannot be told: %s", error)  # noqa: TRY400 - foreseen
            continue
        if erasure is not None:
            yield erasure


def end_erasure(store: ObjectStore, erasure: Erasure) -> None:
    """Write down that nothing is left, unless more was erased meanwhile. Raises `Unavailable`."""
    mark = f"{_PENDING}{erasure.dataset.lower()}"
    store.delete(mark)
    if erasure_of(store, erasure.dataset) != erasure:
        _put(store, mark, {})


def time_part(seconds: float) -> str:
    """What the ids of uploads begin with that were begun at a time."""
    return f"{(1 << 48) - 1 - int(seconds * 1000):0{_TIME_DIGITS}x}"


def _refused(store: ObjectStore, origins: Iterable[Uploaded]) -> str | None:
    """The first dataset of which an upload was erased; the sweep removes what was to be registered."""
    for origin in origins:
        erasure = erasure_of(store, origin.dataset)
        if erasure is not None and erasure.has(origin.upload):
            _put(store, f"{_PENDING}{origin.dataset.lower()}", {})
            return origin.dataset
    return None


def _erasure(body: Body) -> Erasure:
    return Erasure(body["dataset"], body["bound"], tuple(body["outside"]), body["omitted"])


def _entries(store: ObjectStore, folder: str, after: str | None) -> Iterator[Entry]:
    begin = None if after is None else f"{folder}{after}.~"
    return (_entry(found.key) for found in every_object(store, folder, begin))


def _entry(key: str) -> Entry:
    job, _, model = key.rpartition("/")[2].partition(".")
    return Entry(key, job, model)


def _uri_in(said: Mapping[str, Any]) -> str | None:
    """The address of the table in a job's request or a manifest."""
    data = said.get("data")
    uri = data.get("uri") if isinstance(data, Mapping) else None
    return uri if isinstance(uri, str) else None


def _copied(uri: str | None, sha256: str) -> dict[str, Any]:
    return {"uri": uri, "sha256": sha256, "copy": True}


def _folder(dataset: str) -> str:
    return f"{PREFIX}{dataset.lower()}/"


def _version_key(dataset: str, job: str, model: str) -> str:
    return f"{_folder(dataset)}{_VERSIONS}{job}.{model}"


def _erasure_key(dataset: str) -> str:
    return f"{_ERASURES}{dataset.lower()}.json"


def _put(store: ObjectStore, key: str, said: Mapping[str, Any]) -> None:
    with suppress(ObjectExists):
        store.put_if_absent(key, json.dumps(said).encode())
