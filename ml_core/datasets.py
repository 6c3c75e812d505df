"""Datasets: files that were uploaded by a signed address, and what they hold.

    datasets/{name}/{upload}     the bytes, written by whoever holds the signed address; the newest counts
    uploads/{upload}.json        which dataset an upload is for
    descriptions/{upload}.json   what is in it, or why it cannot be read; written once

The service that answers requests has neither the memory nor the packages to read a table: the trainer
describes an upload, told by a message like a job's. Nothing is lost when that message is: whoever asks sends
another.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from ml_core.data import UPLOADS, DataSources, upload_key
from ml_core.documents import timestamp
from ml_core.errors import DatasetNotFound, InvalidInput, ObjectExists, ObjectNotFound, ServerlessMLError
from ml_core.fetching import Fetching
from ml_core.names import check_name
from ml_core.ports import JobQueue, ObjectInfo, ObjectStore, SignedUpload, UploadSigner

EXPIRY = 3600  # seconds that a signed address works
_MESSAGE = "d"  # before an upload's id; a job's id has another length
_ID_LENGTH = 28
_ASK_AGAIN = 15.0  # seconds
_LONGEST_DESCRIBING = 600.0  # seconds
_COMMAND = (sys.executable, "-m", "ml_core.describe_process")
log = logging.getLogger(__name__)

_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Upload(NamedTuple):
    """An upload that may begin: PUT the file to `url` with `headers` before `expires`, train on `uri`."""

    dataset: str
    uri: str
    url: str
    headers: dict[str, str]
    expires: str


class Dataset(NamedTuple):
    """A dataset's newest upload; `described` is its description document, None until it is made."""

    name: str
    uri: str
    upload: str
    size: int
    uploaded: str
    described: dict[str, Any] | None


class DatasetsPage(NamedTuple):
    """Part of the list of names, in order; `next_after` continues it, None ends it."""

    names: list[str]
    next_after: str | None


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
        self._store.put_if_absent(f"uploads/{upload}.json", json.dumps({"dataset": name}).encode())
        signed: SignedUpload = self._signer.sign_upload(upload_key(name, upload), EXPIRY)
        expires = timestamp(self._clock() + EXPIRY)
        return Upload(name, f"dataset://{name}/{upload}", signed.url, signed.headers, expires)

    def names(self, limit: int, after: str | None = None) -> DatasetsPage:
        """At most `limit` names of datasets that something was uploaded to, after the name `after`."""
        found: list[str] = []
        last = None if after is None else _past(after)
        while True:
            page = self._store.list(UPLOADS, after=last, limit=1)
            if not page.objects:
                return DatasetsPage(found, None)
            if len(found) == limit:
                return DatasetsPage(found, found[-1])
            found.append(page.objects[0].key.split("/")[1])
            last = _past(found[-1])

    def get(self, name: str) -> Dataset:
        """The newest upload of a dataset. Raises `DatasetNotFound`, `Unavailable`."""
        page = self._store.list(f"{UPLOADS}{name}/", limit=1)
        if not page.objects:
            raise DatasetNotFound(f"nothing was uploaded to a dataset '{name}'")
        newest: ObjectInfo = page.objects[0]
        upload = newest.key.rpartition("/")[2]
        uploaded = timestamp(newest.modified)
        return Dataset(
            name, f"dataset://{name}/{upload}", upload, newest.size, uploaded, self._described(upload)
        )

    def ask_for_description(self, dataset: Dataset) -> None:
        """Have the trainer describe the upload, unless it was asked just now. Raises `Unavailable`."""
        now = time.monotonic()
        if now - self._asked.get(dataset.upload, -_ASK_AGAIN) >= _ASK_AGAIN:
            self._asked[dataset.upload] = now
            self._queue.submit(f"{_MESSAGE}{dataset.upload}")

    def _described(self, upload: str) -> dict[str, Any] | None:
        try:
            described: dict[str, Any] = json.loads(self._store.get(_description_key(upload)).data)
        except ObjectNotFound:
            return None
        return described


def upload_of(message: str) -> str | None:
    """The upload that a message asks to describe; None for a message that names a job."""
    return message[1:] if message.startswith(_MESSAGE) and len(message) == 1 + _ID_LENGTH else None


def describe_upload(upload: str, store: ObjectStore, sources: DataSources) -> None:
    """Read an upload and write down what it holds, or why it cannot be read. Raises `Unavailable`."""
    try:
        name = json.loads(store.get(f"uploads/{upload}.json").data)["dataset"]
    except ObjectNotFound:
        return
    with tempfile.TemporaryDirectory(prefix="serverless-ml-describe-") as folder:
        try:
            fetching = Fetching(sources, f"dataset://{name}/{upload}", os.path.join(folder, "data"))
            for _ in fetching:
                pass
        except InvalidInput:
            return  # not uploaded yet: nothing to describe
        except ServerlessMLError as error:
            described = _unreadable(str(error))
        else:
            described = _described_apart(os.path.join(folder, "data"))
    with suppress(ObjectExists):  # described by another delivery of the same message
        store.put_if_absent(_description_key(upload), json.dumps(described).encode())


def _described_apart(path: str) -> dict[str, Any]:
    """The description of a file, made in a process of its own: what a hostile file does happens there."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [*_COMMAND, path, *filter(None, sys.path)],
            cwd=_PACKAGES,
            capture_output=True,
            check=False,
            timeout=_LONGEST_DESCRIBING,
        )
    except subprocess.TimeoutExpired:
        return _unreadable("reading the file took too long")
    if done.returncode:
        log.error(
            "describing ended with status %d\n%s", done.returncode, done.stderr.decode(errors="replace")
        )
        return _unreadable(_cause_of_death(done.returncode))
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def _cause_of_death(status: int) -> str:
    if status == -signal.SIGKILL:
        return "the process that read the file was killed by the system, most likely for memory"
    return "the process that read the file ended in a way that was not foreseen; it is in the service's log"


def _unreadable(reason: str) -> dict[str, Any]:
    return {"description": None, "error": reason}


def _description_key(upload: str) -> str:
    return f"descriptions/{upload}.json"


def _past(name: str) -> str:
    """A key after all uploads of a dataset and before those of the next: '0' follows '/'."""
    return f"{UPLOADS}{name}0"
