"""Datasets: files that were uploaded by a signed address, and what they hold.

    datasets/{name}/{upload}     the bytes, written by whoever holds the signed address; the newest counts
    uploads/{upload}.json        which dataset an upload is for
    descriptions/{upload}.json   what is in it, or why it cannot be read: of one revision of the bytes

The service that answers requests has neither the memory nor the packages to read a table: the trainer
describes an upload (`describing.py`), told by a message like a job's. Nothing is lost when that message is:
whoever asks sends another. A file may be put again as long as its address works, so that a description is
one only while the bytes have the revision that it is about.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ml_core.datasets.sources import UPLOADS, upload_key
from ml_core.documents import read, timestamp
from ml_core.errors import DatasetNotFound, ObjectNotFound
from ml_core.names import check_name
from ml_core.ports import JobQueue, ObjectInfo, ObjectStore, SignedUpload, UploadSigner, every_object

EXPIRY = 3600  # seconds that a signed address works
_RECORDS, _DESCRIPTIONS = "uploads/", "descriptions/"
_MESSAGE = "d"  # before an upload's id; a job's id has another length
_ID_LENGTH = 28
_ASK_AGAIN = 15.0  # seconds


class Upload(NamedTuple):
    """An upload that may begin: PUT the file to `url` with `headers` before `expires`, train on `uri`."""

    dataset: str
    uri: str
    url: str
    headers: dict[str, str]
    expires: str


class DatasetSummary(NamedTuple):
    """A dataset by its newest upload: its address, size in bytes and time."""

    name: str
    uri: str
    size: int
    uploaded: str


class DatasetsPage(NamedTuple):
    """Part of the list of datasets, in the order of their names; `next_after` continues it, None ends it."""

    datasets: list[DatasetSummary]
    next_after: str | None


class DatasetDetails(NamedTuple):
    """A dataset's newest upload; `described` is what the trainer found in these bytes, None until it did."""

    name: str
    uri: str
    upload: str
    size: int
    uploaded: str
    revision: str
    described: dict[str, Any] | None


class Datasets:
    """The datasets in an object store."""

    def __init__(
        self,
        store: ObjectStore,
        signer: UploadSigner,
        queue: JobQueue,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._signer = signer
        self._queue = queue
        self._clock = clock
        self._asked: dict[str, float] = {}

    def begin(self, name: str) -> Upload:
        """An address to upload a file to. Raises `InvalidInput` for the name, `Unavailable`."""
        check_name(name, "dataset")
        upload = f"{(1 << 48) - 1 - int(self._clock() * 1000):012x}{os.urandom(8).hex()}"
        self._store.put_if_absent(record_key(upload), json.dumps({"dataset": name}).encode())
        signed: SignedUpload = self._signer.sign_upload(upload_key(name, upload), EXPIRY)
        expires = timestamp(self._clock() + EXPIRY)
        return Upload(name, f"dataset://{name}/{upload}", signed.url, signed.headers, expires)

    def list(self, limit: int, after: str | None = None) -> DatasetsPage:
        """At most `limit` datasets that something was uploaded to, after the name `after`."""
        found: list[DatasetSummary] = []
        last = None if after is None else _past(after)
        while True:
            page = self._store.list(UPLOADS, after=last, limit=1)
            if not page.objects:
                return DatasetsPage(found, None)
            if len(found) == limit:
                return DatasetsPage(found, found[-1].name)
            found.append(_listed(page.objects[0]))
            last = _past(found[-1].name)

    def get(self, name: str) -> DatasetDetails:
        """The newest upload of a dataset. Raises `DatasetNotFound`, `Unavailable`."""
        try:
            newest = self._store.list(f"{UPLOADS}{name}/", limit=1).objects[0]
            revision = self._store.opened(newest.key).revision
        except (IndexError, ObjectNotFound):
            raise _not_found(name) from None
        upload = _upload_of(newest.key)
        name, uri, size, uploaded = _listed(newest)
        return DatasetDetails(name, uri, upload, size, uploaded, revision, self._described(upload, revision))

    def delete(self, name: str) -> None:
        """Remove all uploads of a dataset and what was found in them. Raises `DatasetNotFound`.

        An address that was signed before still takes a file until it expires.
        """
        uploads = list(every_object(self._store, f"{UPLOADS}{name}/"))
        if not uploads:
            raise _not_found(name)
        for found in uploads:
            self._store.delete(description_key(_upload_of(found.key)))
            self._store.delete(found.key)

    def ask_for_description(self, dataset: DatasetDetails) -> None:
        """Have the trainer describe the upload, unless it was asked just now. Raises `Unavailable`."""
        now = time.monotonic()
        if now - self._asked.get(dataset.upload, -_ASK_AGAIN) >= _ASK_AGAIN:
            self._asked[dataset.upload] = now
            self._queue.submit(f"{_MESSAGE}{dataset.upload}")

    def _described(self, upload: str, revision: str) -> dict[str, Any] | None:
        try:
            body = read(self._store, description_key(upload)).body
        except ObjectNotFound:
            return None
        return body if is_done(body, revision) else None


def upload_of(message: str) -> str | None:
    """The upload that a message asks to describe; None for a message that names a job."""
    return message[1:] if message.startswith(_MESSAGE) and len(message) == 1 + _ID_LENGTH else None


def record_key(upload: str) -> str:
    """Where it is kept which dataset an upload is for."""
    return f"{_RECORDS}{upload}.json"


def description_key(upload: str) -> str:
    """Where the description of an upload is kept."""
    return f"{_DESCRIPTIONS}{upload}.json"


def is_done(description: dict[str, Any], revision: str) -> bool:
    """Whether a description document tells what the bytes of this revision hold, or why nobody can say."""
    known = description["description"] is not None or description["error"] is not None
    return known and bool(description["of"] == revision)


def left_behind(store: ObjectStore, oldest: float) -> Iterator[str]:
    """The keys of what belongs to no upload: descriptions, and records from before `oldest`."""
    descriptions = list(every_object(store, _DESCRIPTIONS))
    records = [found for found in every_object(store, _RECORDS) if found.modified < oldest]
    if not descriptions and not records:
        return
    # Read last: of what was listed before, nothing is here that had its upload then.
    uploads = {_upload_of(found.key) for found in every_object(store, UPLOADS)}
    for found in [*descriptions, *records]:
        if _upload_of(found.key).removesuffix(".json") not in uploads:
            yield found.key


def _listed(found: ObjectInfo) -> DatasetSummary:
    _, name, upload = found.key.split("/")
    return DatasetSummary(name, f"dataset://{name}/{upload}", found.size, timestamp(found.modified))


def _upload_of(key: str) -> str:
    return key.rpartition("/")[2]


def _not_found(name: str) -> DatasetNotFound:
    return DatasetNotFound(f"there is no dataset '{name}': nothing was uploaded to it")


def _past(name: str) -> str:
    """A key after all uploads of a dataset and before those of the next: '0' follows '/'."""
    return f"{UPLOADS}{name}0"
