"""The deletion of a dataset together with all versions made from it.

Everything is asked first: where an alias points at one of the versions, or the caller may not have them,
nothing is done. Then it is written down that the uploads are erased. From then on nothing that is made of
them is registered, and the sweep removes what is left (`jobs/erased_data.py`), whatever becomes of this
request. So a request that was broken off can be repeated, and does what is missing.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import batched
from typing import NamedTuple

from ml_core.conflicts import VersionInUse
from ml_core.datasets.datasets import Datasets, Removed, present_upload
from ml_core.datasets.sources import newest_upload, upload_in
from ml_core.documents import read_many
from ml_core.erasing.made_versions import MadeVersion, made_versions
from ml_core.erasing.report import ErasureReport, KeptDays, expiring, going, gone, staying
from ml_core.errors import DatasetNotFound, Forbidden, JobNotFound, ModelNotFound
from ml_core.jobs.jobs import Jobs, job_key
from ml_core.jobs.origin_scan import OriginScan
from ml_core.ports import ObjectStore
from ml_core.registry.deletion import Deletion
from ml_core.registry.origins import (
    Entry,
    Erasure,
    erase_uploads,
    erasure_of,
    is_pending,
    jobs_of,
    time_part,
    versions_of,
)
from ml_core.registry.registry import Registry

_AT_ONCE = 25  # versions of a model, purged in one change of its document
_READ_TOGETHER = 200
_MOST_READ = 2_000  # jobs that are looked at for the places that they wrote to


class Erasing(NamedTuple):
    """Erases datasets. `is_over` says that there is no more time: then the request is to be repeated."""

    datasets: Datasets
    registry: Registry
    jobs: Jobs
    scan: OriginScan
    kept: KeptDays
    is_over: Callable[[], bool]

    def erase(self, name: str, among: Callable[[str], bool] | None = None) -> ErasureReport:
        """Delete a dataset and all versions made from it; what became of it.

        `among` says of a model's name whether the caller may delete its versions, None of all. Raises
        `DatasetNotFound`, `Forbidden` where there are versions or jobs of other models, `VersionInUse` while
        an alias points at one of the versions, and `Unavailable`.
        """
        looked_up = self.scan.first_round()
        made, using = self._made(name), list(jobs_of(self._store, name))
        earlier = erasure_of(self._store, name)
        self._check_there(name, made, earlier)
        _check_among(name, [*versions_of(self._store, name), *using], among)
        _check_unused(name, made)
        if not looked_up:
            return self._report(name, made, earlier, _Done(complete=False))
        if earlier is not None and self._is_erased(name, made, using):
            return self._report(name, made, earlier, _Done(complete=True))
        erased = erase_uploads(self._store, name, self._bound(name), self._outside(using))
        removed = self.datasets.remove_uploads(name, erased.bound)
        cancelled, waiting = self._cancel(using)
        purged = self._purge([each for each in self._made(name) if erased.covers(each.origin["uri"])])
        done = _Done(purged and not waiting, removed, cancelled, waiting, len(using))
        return self._report(name, self._made(name), erased, done)

    @property
    def _store(self) -> ObjectStore:
        return self.registry.store

    def _made(self, name: str) -> list[MadeVersion]:
        """All versions made from the dataset, also those that were purged."""
        entries = batched(versions_of(self._store, name), _READ_TOGETHER)
        return [made for some in entries for made in made_versions(self.registry, name, some)]

    def _check_there(self, name: str, made: list[MadeVersion], earlier: Erasure | None) -> None:
        """Raise `DatasetNotFound` unless something is there of the dataset, or was erased.

        Also while another spelling of the name is that of a dataset: its uploads are not to be erased.
        """
        try:
            present_upload(self._store, name)
        except DatasetNotFound:
            was_there = made or (earlier is not None and earlier.dataset == name)
            if not was_there or newest_upload(self._store, name) is not None:
                raise

    def _is_erased(self, name: str, made: list[MadeVersion], using: list[Entry]) -> bool:
        """Whether nothing is left but for the sweep."""
        if any(not each.is_purged for each in made) or newest_upload(self._store, name) is not None:
            return False
        return not self._open(using)

    def _bound(self, name: str) -> str:
        """What the ids of all uploads that are there are, or come after it, and of those begun until now."""
        newest, now = newest_upload(self._store, name), time_part(self.jobs.clock())
        return now if newest is None else min(now, upload_in(newest.key)[1])

    def _outside(self, using: list[Entry]) -> list[str]:
        """The folders in other buckets to which jobs wrote scores."""
        folders = []
        for some in batched(using[:_MOST_READ], _READ_TOGETHER):
            documents = read_many(self._store, [job_key(each.job) for each in some], skip_damaged=True)
            for each, document in zip(some, documents, strict=True):
                place = document and (document.body.get("request") or {}).get("to")
                if place:
                    folders.append(f"{place['uri']}{each.job}/")
        return folders

    def _open(self, using: list[Entry]) -> list[Entry]:
        """The jobs that may not be over."""
        opened = {each.id for each in self.jobs.opened()}
        return [each for each in using if each.job in opened]

    def _cancel(self, using: list[Entry]) -> tuple[int, list[str]]:
        """Cancel the jobs that are not over; how many these were, and which are not over yet."""
        waiting, cancelled = [], 0
        for each in self._open(using):
            try:
                job = self.jobs.get(each.job)
                if not job.over and not job.cancelling:  # each time that is asked sends a message
                    cancelled += 1
                    job = self.jobs.cancel(each.job)
            except JobNotFound:
                continue  # its submitter died, or will find the upload gone
            if not job.over:
                waiting.append(job.id)
        return cancelled, waiting

    def _purge(self, made: list[MadeVersion]) -> bool:
        """Purge versions, whatever model they are of; whether there was time for all of them."""
        deletion = Deletion(self.registry)
        models: dict[str, list[int]] = {}
        for each in made:
            if not each.is_purged:
                models.setdefault(each.entry.model, []).append(each.version)
        for model, numbers in models.items():
            for some in batched(numbers, _AT_ONCE):
                if self.is_over():
                    return False
                with suppress(ModelNotFound):  # another model has its name, which was purged before
                    deletion.purge_versions(model, some)
        return True

    def _report(
        self, name: str, made: list[MadeVersion], erased: Erasure | None, done: "_Done"
    ) -> ErasureReport:
        versions = [
            {"model": each.entry.model, "version": each.version, "deleted": each.registered["deleted"]}
            for each in made
            if each.is_purged
        ]
        pending = is_pending(self._store, name)
        outside = (erased.outside, erased.omitted) if erased else ((), 0)
        return ErasureReport(
            name,
            done.complete,
            done.waiting,
            versions,
            gone(*done.removed, len(versions), done.cancelled),
            going(len(versions), done.jobs) if pending else [],
            expiring(self.kept),
            staying(*outside),
        )


class _Done(NamedTuple):
    """What a request did."""

    complete: bool
    removed: Removed = Removed(0, 0)
    cancelled: int = 0
    waiting: list[str] = []  # noqa: RUF012 - a list that nobody changes
    jobs: int = 0


def _check_among(name: str, entries: Iterable[Entry], among: Callable[[str], bool] | None) -> None:
    """Raise `Forbidden` where there are entries of models that the caller may not have; none is named."""
    if among is not None and not all(among(each.model) for each in entries):
        raise Forbidden(
            f"expected a key for all models that the dataset '{name}' went into, or whose jobs read it, got "
            "one for some of them: ask with a key for all models"
        )


def _check_unused(name: str, made: list[MadeVersion]) -> None:
    """Raise `VersionInUse` while aliases point at versions; all of them are named."""
    pointing: dict[str, list[str]] = {}
    for each in made:
        for alias in each.aliases:
            pointing.setdefault(each.entry.model, []).append(f"'{alias}' (version {each.version})")
    if pointing:
        told = "; ".join(
            f"model '{model}': {', '.join(sorted(each))}" for model, each in sorted(pointing.items())
        )
        raise VersionInUse(
            f"aliases point at versions made from the dataset '{name}', and nothing was deleted: {told}; "
            "point them at other versions or remove them, then delete again"
        )
