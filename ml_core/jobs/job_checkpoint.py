"""A job's checkpoint on its way: from the fit that saves it to the store, and to the next fit."""

import logging
import os
import time
from typing import TYPE_CHECKING

from ml_core.digests import sha256
from ml_core.errors import ObjectExists, ObjectNotFound, RevisionMismatch, Unavailable
from ml_core.jobs.checkpoints import FILE, Binding, Kept, Saved, read_file
from ml_core.jobs.jobs import checkpoint_key
from ml_core.objects import StoredObject
from ml_core.ports import ObjectStore
from ml_core.sandbox.background import Background

if TYPE_CHECKING:
    from ml_core.training.history import Entry

log = logging.getLogger(__name__)

LARGEST = 256 << 20  # bytes: the trainer has it in memory while it is on its way
# How much of it is written on average, but for what is handed over: buckets keep old states for a month.
_BYTES_A_SECOND = 100_000


class JobCheckpoint:
    """The checkpoint of a job that one trainer holds.

    Only the state that is in the store counts: it is there for whoever comes next. It is written over by
    compare-and-swap, so that a trainer that lost the job takes nothing back.

    Args:
        store: keeps it.
        job_id: whose it is.
        folder: the fit's.
        binding: what it belongs to.
    """

    def __init__(self, store: ObjectStore, job_id: str, folder: str, binding: Binding) -> None:
        self.history: list[Entry] = []
        self.digest: str | None = None
        """The state that the store has, as far as is known."""
        self._store = store
        self._job = job_id
        self._key = checkpoint_key(job_id)
        self._path = os.path.join(folder, FILE)
        self._binding = binding
        self._revision: str | None = None
        self._known = _stamp(self._path)
        self._keeping: Background[str | None] | None = None
        self._pause_until = 0.0

    def fetch(self) -> bool:
        """Bring what the store has into the fit's folder; False where it is of other data.

        What is damaged, or what another release wrote, is left: then the fit begins anew. Raises
        `Unavailable`.
        """
        found = self._find()
        if found is None:
            return True
        self._revision = found.revision
        kept = Kept.of(found.data)
        saved = None if kept is None else Saved.of(kept.file)
        if kept is None or saved is None:
            log.warning("job %s begins anew: its checkpoint is damaged", self._job)
            return True
        self.digest = _digest(kept.binding, saved)
        if kept.binding._replace(data=None) != self._binding._replace(data=None):
            log.warning("job %s begins anew: its checkpoint is of %s", self._job, kept.binding.release)
            return True
        if kept.binding.data != self._binding.data:
            return False
        with open(self._path, "wb") as file:
            file.write(kept.file)
        self._known = _stamp(self._path)
        self.history = saved.history
        return True

    @property
    def saved(self) -> bool:
        """Whether the fit has saved anything, or continues what one before it saved."""
        return _stamp(self._path) is not None

    @property
    def is_kept(self) -> bool:
        """Whether nothing is on its way, and the fit has saved nothing since what was kept last."""
        return self._keeping is None and _stamp(self._path) == self._known

    @property
    def is_due(self) -> bool:
        """Whether it is time to keep another: a large one is kept less often."""
        return not self.is_kept and time.monotonic() >= self._pause_until

    def keep(self) -> Background[str | None]:
        """Put what the fit saved last into the store, in the background; or what is on its way already.

        `settle` says what became of it.
        """
        if self._keeping is None:
            self._keeping = Background("fitting", lambda _: self._keep())
            self._keeping.start()
        return self._keeping

    def wait(self, seconds: float) -> None:
        """Wait so long for what is on its way: what comes after its job is over would be left behind."""
        if self._keeping is not None:
            self._keeping.ended.wait(seconds)

    def settle(self) -> bool:
        """Whether the store has another state since `keep`. Why it has not, when it failed, is logged."""
        keeping = self._keeping
        if keeping is None or not keeping.ended.is_set():
            return False
        self._keeping = None
        before = self.digest
        try:
            self.digest = keeping.result()
        except (Unavailable, OSError) as error:
            log.warning("job %s: its checkpoint was not stored: %s", self._job, error)
        return self.digest != before

    def _keep(self) -> str | None:
        """The state that the store has then."""
        stamp = _stamp(self._path)
        data = read_file(self._path)
        saved = None if data is None else Saved.of(data)
        if data is None or saved is None:
            return self.digest
        digest = _digest(self._binding, saved)
        if digest != self.digest:
            if len(data) > LARGEST:
                log.warning("job %s: its checkpoint of %d bytes is too large to keep", self._job, len(data))
                digest = self.digest or ""
            else:
                self._put(Kept(self._binding, data).to_bytes())
                self._pause_until = time.monotonic() + len(data) / _BYTES_A_SECOND
        self._known = stamp
        return digest or None

    def _put(self, data: bytes) -> None:
        """Raises `Unavailable`; where somebody else wrote, the next try may do, if the job is still held."""
        try:
            if self._revision is None:
                self._revision = self._store.put_if_absent(self._key, data)
            else:
                self._revision = self._store.put_if_unchanged(self._key, data, self._revision)
        except (ObjectExists, RevisionMismatch):
            found = self._find()
            self._revision = None if found is None else found.revision
            if found is None or found.data != data:  # else it was this one, whose answer was lost
                raise Unavailable("another one was written meanwhile, or it was removed") from None

    def _find(self) -> StoredObject | None:
        try:
            return self._store.get(self._key)
        except ObjectNotFound:
            return None


def _digest(binding: Binding, saved: Saved) -> str:
    """What tells one state from another, and a state of one release from the same of another."""
    return sha256(binding.release.encode(), saved.state)


def _stamp(path: str) -> tuple[int, int, int] | None:
    """What tells one file under a path from the next; None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
