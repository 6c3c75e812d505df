"""Datasets: files that were uploaded by a signed address, and what they hold.

    datasets/{name}/{upload}     the bytes, written by whoever holds the signed address; the newest counts
    datasets/{name in lower case}/{upload}.{name}     the same of a name with capitals
    uploads/{upload}.json        which dataset an upload is for (artifacts' uploads: `registering/uploads.py`)
    descriptions/{upload}.json   what is in it, or why it cannot be read: of one revision of the bytes
    descriptions/{upload}.{digest}.json   the same under options; what they are is written before it is asked

The service that answers requests has neither the memory nor the packages to read a table: the trainer
describes an upload (`describing.py`), told by a message like a job's. Nothing is lost when that message is:
whoever asks sends another. A file may be put again as long as its address works, so that a description is
one only while the bytes have the revision that it is about.

Of what was asked under options the `KEPT` newest stay, for a day: who asks later has it described again.

Names that differ only in case are one dataset, spelled as its newest upload is. Another spelling is refused
an address while something is there, and what two spellings begin at once ends as one dataset.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from ml_core.datasets.looking import DIGEST_LENGTH, PLAIN, Look
from ml_core.datasets.sources import UPLOADS, newest_upload, upload_in, upload_key, uploads_of
from ml_core.documents import Body, read, timestamp, update
from ml_core.errors import DatasetNotFound, ObjectNotFound
from ml_core.names import beginnings, check_name, taken
from ml_core.objects import LARGEST_PAGE, ObjectInfo
from ml_core.ports import JobQueue, ObjectStore, SignedUpload, UploadSigner, every_object
from ml_core.registering.uploads import is_artifact

EXPIRY = 3600  # seconds that a signed address works
_RECORDS, _DESCRIPTIONS = "uploads/", "descriptions/"
MOST_LOOKED_AT = 100  # uploads whose descriptions are listed
KEPT = 20  # descriptions of an upload that were asked under options
_MESSAGE = re.compile(rf"d([0-9a-f]{{28}})([0-9a-f]{{{DIGEST_LENGTH}}})?")  # a job's id has another length
_ASK_AGAIN = 15.0  # seconds
_SPARED = 600.0  # seconds for which one is kept in any case: somebody may be waiting for it


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
    """A dataset's newest upload, as it is looked at.

    `described` is what the trainer found in these bytes under what `look` says, None until it did.
    """

    name: str
    uri: str
    upload: str
    size: int
    uploaded: str
    revision: str
    described: dict[str, Any] | None
    look: Look = PLAIN


class StoredDescription(NamedTuple):
    """A description that is kept: of which upload, whether it was asked under options, and since when."""

    uri: str
    options: bool
    written: str


class DescriptionRequest(NamedTuple):
    """What a message asks to describe: an upload, under the options of that digest; empty for none."""

    upload: str
    digest: str = ""


class Removed(NamedTuple):
    """How many uploads of a dataset were removed, and how many descriptions of them."""

    uploads: int
    descriptions: int


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
        """An address to upload a file to. Raises `InvalidInput` for the name, `NameTaken`, `Unavailable`."""
        check_name(name, "dataset")
        present = newest_upload(self._store, name)
        if present is not None and (spelled := upload_in(present.key)[0]) != name:
            raise taken("a dataset", spelled)
        upload = f"{(1 << 48) - 1 - int(self._clock() * 1000):012x}{os.urandom(8).hex()}"
        self._store.put_if_absent(record_key(upload), json.dumps({"dataset": name}).encode())
        signed: SignedUpload = self._signer.sign_upload(upload_key(name, upload), EXPIRY)
        expires = timestamp(self._clock() + EXPIRY)
        return Upload(name, f"dataset://{name}/{upload}", signed.url, signed.headers, expires)

    def list(
        self,
        limit: int,
        after: str | None = None,
        *,
        prefix: str = "",
        among: Callable[[str], bool] | None = None,
    ) -> DatasetsPage:
        """At most `limit` datasets that something was uploaded to, after the name `after`.

        They are in the order of their names in lower case, all of which begin with `prefix` in lower case.
        `among` says of such a name whether it may be told, None tells all.
        """
        last, start = "" if after is None else after.lower(), prefix.lower()

        def told(name: str) -> bool:
            return name > last and name.startswith(start) and (among is None or among(name))

        newest = self._newest(told, last, start, limit + 1)
        found = [_listed(newest[name]) for name in sorted(newest)[:limit]]
        return DatasetsPage(found, found[-1].name if len(newest) > limit else None)

    def _newest(
        self, told: Callable[[str], bool], last: str, prefix: str, count: int
    ) -> dict[str, ObjectInfo]:
        """The newest uploads of at least the next `count` names, by the name in lower case.

        `told` says which names are meant: some or all of those after `last` that begin with `prefix`.

        Keys are in another order where a name begins with another: `a-b/` comes before `a/`. So the listing
        begins before what goes on from `last`, and what may come later than its end is looked for.
        """
        found: dict[str, ObjectInfo] = {}
        listed = f"{UPLOADS}{last}" if last else None
        while len(found) < count:
            page = self._store.list(f"{UPLOADS}{prefix}", after=listed, limit=LARGEST_PAGE)
            for each in page.objects:
                name = _folder_of(each.key)
                if told(name):
                    found.setdefault(name, each)
            if page.next_after is None:
                return found
            end = _folder_of(page.objects[-1].key)
            listed = f"{UPLOADS}{end}0"  # past all uploads of that dataset: '0' follows '/'
        for name in beginnings(end):
            late = newest_upload(self._store, name) if told(name) and name not in found else None
            if late is not None:
                found[name] = late
        return found

    def get(self, name: str, look: Look = PLAIN) -> DatasetDetails:
        """The newest upload of a dataset. Raises `DatasetNotFound`, `Unavailable`."""
        try:
            present = present_upload(self._store, name)
            revision = self._store.opened(present.key).revision
        except ObjectNotFound:
            raise _not_found(name) from None
        upload = _upload_of(present.key)
        name, uri, size, uploaded = _listed(present)
        described = self._described(description_key(upload, look.digest), revision)
        return DatasetDetails(name, uri, upload, size, uploaded, revision, described, look)

    def delete(self, name: str) -> None:
        """Remove all uploads of a dataset and what was found in them. Raises `DatasetNotFound`.

        An address that was signed before still takes a file until it expires.
        """
        present_upload(self._store, name)
        self.remove_uploads(name)

    def remove_uploads(self, name: str, bound: str = "") -> Removed:
        """Remove the uploads of a dataset whose ids are `bound` or after it, and what was found in them.

        Raises `Unavailable`; what is left then is found again.
        """
        uploads = descriptions = 0
        for found in list(every_object(self._store, uploads_of(name))):
            upload = _upload_of(found.key)
            if upload < bound:
                continue
            for described in list(every_object(self._store, _descriptions_of(upload))):
                self._store.delete(described.key)
                descriptions += 1
            self._store.delete(found.key)
            uploads += 1
        return Removed(uploads, descriptions)

    def ask_for_description(self, dataset: DatasetDetails) -> None:
        """Have the trainer describe the upload, unless it was asked just now. Raises `Unavailable`."""
        now = time.monotonic()
        message = f"d{dataset.upload}{dataset.look.digest}"
        recent = {each: asked for each, asked in list(self._asked.items()) if now - asked < _ASK_AGAIN}
        if message in recent:
            return
        self._asked = {**recent, message: now}
        if dataset.look.digest:
            self._write_down(dataset.upload, dataset.look)
        self._queue.submit(message)

    def _write_down(self, upload: str, look: Look) -> None:
        """Write what is said of an upload where the trainer will write what it finds, unless it is there."""
        key = description_key(upload, look.digest)
        try:
            self._store.get(key)
        except ObjectNotFound:
            begun: Body = {"of": None, "description": None, "error": None, "attempts": 0}
            begun["options"] = look.said()
            update(self._store, key, lambda present: begun if present is None else None)
            self._make_room(upload)

    def _make_room(self, upload: str) -> None:
        """Remove the oldest descriptions under options, past those that are kept."""
        found = [each for each in every_object(self._store, _descriptions_of(upload)) if _digest_of(each.key)]
        oldest = self._clock() - _SPARED
        for each in sorted(found, key=lambda each: -each.modified)[KEPT:]:
            if each.modified < oldest:
                self._store.delete(each.key)

    def _described(self, key: str, revision: str) -> dict[str, Any] | None:
        try:
            body = read(self._store, key).body
        except ObjectNotFound:
            return None
        return body if is_done(body, revision) else None


def present_upload(store: ObjectStore, name: str) -> ObjectInfo:
    """The newest upload of the dataset. Raises `DatasetNotFound`, also for another spelling of it."""
    newest = newest_upload(store, name)
    if newest is None:
        raise _not_found(name)
    spelled, _ = upload_in(newest.key)
    if spelled != name:
        raise DatasetNotFound(
            f"there is no dataset '{name}'; upper and lower case matter, and '{spelled}' exists"
        )
    return newest


def description_request(message: str) -> DescriptionRequest | None:
    """What a message asks to describe; None for a message that names a job."""
    found = _MESSAGE.fullmatch(message)
    return None if found is None else DescriptionRequest(found[1], found[2] or "")


def record_key(upload: str) -> str:
    """Where it is kept which dataset an upload is for."""
    return f"{_RECORDS}{upload}.json"


def description_key(upload: str, digest: str = "") -> str:
    """Where the description of an upload is kept, under the options of that digest."""
    return f"{_descriptions_of(upload)}{digest}{'.' if digest else ''}json"


def is_done(description: dict[str, Any], revision: str) -> bool:
    """Whether a description document tells what the bytes of this revision hold, or why nobody can say."""
    known = description["description"] is not None or description["error"] is not None
    return known and bool(description["of"] == revision)


def left_behind(
    store: ObjectStore, oldest: float, listed: Iterable[ObjectInfo] | None = None
) -> Iterator[str]:
    """The keys of descriptions and records that belong to no upload, and of what nobody asks any more.

    The latter are descriptions under options from before `oldest`; so are the records that are looked at.
    `listed` is what is below `uploads/`, where that was listed already.
    """
    descriptions = list(every_object(store, _DESCRIPTIONS))
    records = [
        found
        for found in (every_object(store, _RECORDS) if listed is None else listed)
        if found.modified < oldest and not is_artifact(found.key)
    ]
    if not descriptions and not records:
        return
    # Read last: of what was listed before, nothing is here that had its upload then.
    uploads = {_upload_of(found.key) for found in every_object(store, UPLOADS)}
    for found in [*descriptions, *records]:
        forgotten = bool(_digest_of(found.key)) and found.modified < oldest
        if forgotten or _upload_of(found.key) not in uploads:
            yield found.key


def stored_descriptions(store: ObjectStore, name: str) -> list[StoredDescription]:
    """The descriptions that are kept of a dataset's `MOST_LOOKED_AT` newest uploads. Raises `Unavailable`."""
    uploads = islice(every_object(store, uploads_of(name)), MOST_LOOKED_AT)
    return [
        StoredDescription(_listed(upload).uri, bool(_digest_of(found.key)), timestamp(found.modified))
        for upload in uploads
        for found in every_object(store, _descriptions_of(_upload_of(upload.key)))
    ]


def _listed(found: ObjectInfo) -> DatasetSummary:
    name, upload = upload_in(found.key)
    return DatasetSummary(name, f"dataset://{name}/{upload}", found.size, timestamp(found.modified))


def _upload_of(key: str) -> str:
    """The id of an upload, in the key of its bytes, its record or its description."""
    return key.rpartition("/")[2].partition(".")[0]


def _digest_of(key: str) -> str:
    """The digest of the options in the key of a description; empty where there were none."""
    parts = key.split(".")
    return parts[1] if len(parts) == 3 else ""


def _descriptions_of(upload: str) -> str:
    """What the keys of an upload's descriptions begin with."""
    return f"{_DESCRIPTIONS}{upload}."


def _folder_of(key: str) -> str:
    """The dataset's name in lower case."""
    return key.split("/")[1]


def _not_found(name: str) -> DatasetNotFound:
    return DatasetNotFound(f"there is no dataset '{name}': nothing was uploaded to it")
