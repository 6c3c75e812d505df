"""What the sweep removes of erased datasets: whatever was made of their uploads and is not removed at once.

The deletion (`erasing/`) has let nothing more be registered of them, and the sweep goes on until nothing is
left: also where the deletion was killed, or a job that read an upload was still running then.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from ml_core.conflicts import VersionInUse
from ml_core.errors import DocumentDamaged, JobNotFound, ModelNotFound
from ml_core.jobs.jobs import Job, Jobs, checkpoint_key, input_key, plan_key
from ml_core.ports import every_object
from ml_core.registry.deletion import Deletion
from ml_core.registry.origins import (
    Entry,
    Erasure,
    end_erasure,
    forget_entry,
    jobs_of,
    pending_erasures,
    read_entry,
    versions_of,
)
from ml_core.registry.registry import Registry
from ml_core.registry.sweeping import remove_artifact
from ml_core.scoring.places import folder_of as written_by

log = logging.getLogger(__name__)


class ErasedData(NamedTuple):
    """Removes what is left of erased datasets. `is_over` says that there is no more time."""

    registry: Registry
    jobs: Jobs
    is_over: Callable[[], bool]

    def sweep(self) -> int:
        """Remove what is left, as far as the time goes; of how many jobs that was. Raises `Unavailable`."""
        removed = 0
        for erasure in pending_erasures(self.jobs.store):
            try:
                done, some = self._remove(erasure)
            except DocumentDamaged as error:
                log.error("erased data stays: %s", error)  # noqa: TRY400 - foreseen
                continue
            removed += some
            if self.is_over():
                return removed
            if done:
                end_erasure(self.jobs.store, erasure)
        return removed

    def _remove(self, erasure: Erasure) -> tuple[bool, int]:
        """Whether nothing is left of it, and of how many jobs something was removed."""
        store, done, removed = self.jobs.store, True, 0
        for entry in list(jobs_of(store, erasure.dataset)):
            if self.is_over():
                return False, removed
            if erasure.covers(read_entry(store, entry).get("uri")):
                is_gone = self._remove_job(entry)
                removed += is_gone
                done = done and is_gone
        for entry in list(versions_of(store, erasure.dataset)):
            if self.is_over():
                return False, removed
            if erasure.covers(read_entry(store, entry).get("uri")):
                done = self._remove_version(entry) and done
        return done, removed

    def _remove_job(self, entry: Entry) -> bool:
        """Remove what a job has left, and its entry; whether it is over."""
        job = self._ended(entry)
        if job is None:
            return False
        store = self.jobs.store
        for found in list(every_object(store, written_by(entry.job))):
            store.delete(found.key)
        for key in (input_key(entry.job), checkpoint_key(entry.job), plan_key(entry.job)):
            store.delete(key)
        if not self._numbers(entry):
            remove_artifact(store, entry.job)
        forget_entry(store, entry)
        return True

    def _remove_version(self, entry: Entry) -> bool:
        """Purge a version, and remove its files; whether nothing can come back of it."""
        numbers = self._numbers(entry)
        if not numbers and self._ended(entry) is None:
            return False
        try:
            if numbers:
                Deletion(self.registry).purge_versions(entry.model, numbers)
        except ModelNotFound:
            pass  # another model has its name, which was purged before
        except VersionInUse as error:
            log.error("a version of erased data stays: %s", error)  # noqa: TRY400 - foreseen
            return False
        remove_artifact(self.jobs.store, entry.job)
        if not numbers:
            forget_entry(self.jobs.store, entry)
        return True

    def _numbers(self, entry: Entry) -> list[int]:
        return self.registry.numbers_of(entry.model, entry.job)

    def _ended(self, entry: Entry) -> Job | str | None:
        """The job that is over, or its id where nobody knows it any more; None while it may go on."""
        try:
            job = self.jobs.get(entry.job)
            if not job.over and not job.cancelling:
                job = self.jobs.cancel(entry.job)
        except JobNotFound:
            # Its submitter writes it last, and may be about to.
            young = any(each.id == entry.job for each in self.jobs.opened())
            return None if young else entry.job
        if not job.over:
            return None
        self.jobs.close(job)
        return job
