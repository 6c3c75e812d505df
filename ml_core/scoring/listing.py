"""The files of a job, to be taken away: each is read past the service by a signed address, of it alone."""

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from ml_core.documents import timestamp
from ml_core.ports import DownloadSigner, ObjectStore
from ml_core.scoring.files import ScoringJob, scored_files

EXPIRY = 900  # seconds that a signed address works


class JobOfModel(ScoringJob, Protocol):
    """A job, of whatever kind, and the model that it is of."""

    @property
    def model(self) -> str:
        """The model's name."""


class SignedFile(NamedTuple):
    """Where to GET a file before `expires`, and the headers that have to go with it."""

    url: str
    headers: dict[str, str]
    expires: str


class ListedFile(NamedTuple):
    """A file that a job wrote. `signed` says where it is read from; None for one at a `uri` of its own."""

    name: str
    kind: str
    rows: int
    size: int
    signed: SignedFile | None
    uri: str | None


class ListedFiles(NamedTuple):
    """Part of the list of a job's files, in the parts' order; `next_after` continues it, None ends it."""

    files: list[ListedFile]
    next_after: str | None


class JobFiles:
    """The files that the jobs of a store wrote. `signer` makes what signs, where there is something to."""

    def __init__(
        self,
        store: ObjectStore,
        signer: Callable[[], DownloadSigner],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock

    def page(self, job: JobOfModel, limit: int, after: str | None = None) -> ListedFiles:
        """At most `limit` files of a job after the one of that name; while it runs, those that are finished.

        Raises `NotConfigured` where nothing signs addresses, and `Unavailable`.
        """
        found = scored_files(self._store, job, limit=limit, after=after)
        expires = timestamp(self._clock() + EXPIRY)
        files = []
        for each in found.files:
            signed = None
            if each.key is not None:
                address = self._signer().sign_download(each.key, f"{job.model}-{each.name}", EXPIRY)
                signed = SignedFile(address.url, address.headers, expires)
            files.append(ListedFile(each.name, each.kind, each.rows, each.size, signed, each.uri))
        return ListedFiles(files, found.next_after)
