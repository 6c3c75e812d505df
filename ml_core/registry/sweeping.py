"""What the sweep does in the registry: it removes files that no version needs, a bounded part at a time.

Three things lead it to them; of each it looks at about as much in a sweep, however much there is.

    registry/purged/...     versions that were purged
    registry/deleted/...    versions that were deleted, by the time of it: those whose time is over
    artifacts/              page after page, beside `registry/jobs/`: what no job registered

The models' documents it reads through once a week, page after page, and brings them to the present form: what
they need not hold is moved out, what they hold is written down in `registry/jobs/`, and where an earlier
release has deleted versions, that is told as above. How far it is, is in

    registry/sweep.json
        models, artifacts       the key that the next page comes after; null at the beginning
        began                   when the present reading of the models began; null between two
        complete                when the latest that came to its end had begun
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import batched
from typing import NamedTuple

from ml_core.documents import Body, Document, read, read_many, replace_damaged, timestamp, update
from ml_core.errors import DocumentDamaged, JobNotFound, ObjectNotFound
from ml_core.objects import ObjectInfo
from ml_core.ports import ObjectStore
from ml_core.registry.about import about_version_key, forget_model
from ml_core.registry.changes import DELETED, PURGED, leaving, move_out, tell_sweep_of
from ml_core.registry.history import shorten
from ml_core.registry.registry import (
    NAMES,
    ModelDocument,
    Registry,
    artifact_key,
    manifest_key,
    model_key,
    spelling,
)
from ml_core.registry.retention import DAY, RETENTION, seconds
from ml_core.registry.segments import INDEX, SIZE, registered_number, write_entries, write_index

log = logging.getLogger(__name__)

MOST_MODELS = 100  # documents that one sweep reads
MOST_ARTIFACTS = 1000  # that one sweep looks at in the store's listing
_MOST_ASKED = 100  # jobs of which it then reads more
_MOST_MOVED = 400  # versions that are moved out of a document of an earlier release at once
_MOST_PAGES = 5  # of the list of jobs that registered
_AT_ONCE = 8 * SIZE  # versions of a model looked at, before the time is
_ORPHANED = DAY  # seconds: longer than any job or request lives
_SWEEPS_TIME = 3600.0  # seconds after which nobody is in the middle of a deletion or a restore any more
_WEEK = 7 * DAY
_PLACE = "registry/sweep.json"
_BEGINNING: Body = {"models": None, "artifacts": None, "began": None, "complete": None}


class Sweeper(NamedTuple):
    """Who sweeps a registry.

    `retention` is how many seconds a deleted version's files stay. `is_over` says that there is no more time.
    `unfinished` are the jobs that may still register a version, read before the registry is.
    `model_of_failed` gives the model of a job that ended without a version, None for any other job; it raises
    `JobNotFound`.
    """

    registry: Registry
    is_over: Callable[[], bool]
    unfinished: set[str]
    model_of_failed: Callable[[str], str | None]
    retention: float = RETENTION

    def sweep(self) -> int:
        """Do what there is to do, as far as the time goes; how many files were removed.

        Raises `Unavailable`; the next sweep goes on.
        """
        place = _read_place(self._store)
        before = dict(place)
        removed = self._sweep_deleted()
        self._sweep_models(place)
        removed += self._sweep_artifacts(place)
        if place != before:
            replace_damaged(self._store, _PLACE, lambda body: {**(body or {}), **place})
        return removed

    @property
    def _store(self) -> ObjectStore:
        return self.registry.store

    @property
    def _cut(self) -> str:
        """What was deleted before it, nobody can restore any more."""
        return timestamp(self.registry.clock() - self.retention - _SWEEPS_TIME)

    def _until_over[Item](self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if self.is_over():
                return
            yield item

    def _sweep_deleted(self) -> int:
        """Remove the files of versions that were purged, and of those deleted whose time is over."""
        removed = 0
        for prefix, end in ((PURGED, None), (DELETED, f"{DELETED}{self._cut}")):
            for found in self._until_over(self._store.list(prefix).objects):
                if end is not None and found.key > end:
                    break
                try:
                    removed += self._sweep_range(found)
                except DocumentDamaged as error:
                    log.error("what was deleted stays where it is: %s", error)  # noqa: TRY400 - foreseen
        return removed

    def _sweep_range(self, found: ObjectInfo) -> int:
        """Remove the files of a range of versions that somebody was about to delete."""
        try:
            told = read(self._store, found.key).body
            model = _model(self._store, told["model"])
        except ObjectNotFound:
            return 0  # another sweep was first
        purging = found.key.startswith(PURGED) and not told["done"]
        young = purging and found.modified > self.registry.clock() - _SWEEPS_TIME
        removed = 0
        for numbers in batched(range(told["first"], told["last"] + 1), _AT_ONCE):
            entries = model.entries(numbers)
            if young and not all("purged" in entries.get(number, ()) for number in numbers):
                return removed  # somebody may be about to
            removed += self._remove_files(model, list(entries.values()))
            if self.is_over():
                update(self._store, found.key, partial(_going_on_at, numbers[-1] + 1))
                return removed
        self._forget_erased(model)
        self._forget_deleted(model.name)
        self._store.delete(found.key)
        return removed

    def _forget_deleted(self, name: str) -> None:
        """Leave nothing of what was written about a model of which nobody can restore anything."""
        body = read(self._store, model_key(name)).body
        elsewhere = body.get("elsewhere", {})
        erased = [deleted for _, _, deleted, purged in elsewhere.get("erased", ()) if not purged]
        if (
            body["deleted"] is not None
            and all(map(self._is_due, body["tombstones"].values()))
            and max([elsewhere.get("latest", ""), *erased]) <= self._cut
        ):
            forget_model(self._store, name)

    def _remove_files(self, model: ModelDocument, entries: list[Body]) -> int:
        """Remove the files of what nobody can restore, and what else is kept of purged versions."""
        due = [each for each in entries if self._is_due(each)]
        removed = sum(
            _remove_files_of(self._store, each["job"]) for each in due if not self._is_shared(model, each)
        )
        held = {each["version"] for each in model.held()}
        purged = [each for each in due if "purged" in each and each["version"] not in held]
        if purged:
            copies = [{name: value for name, value in each.items() if name != "at"} for each in purged]
            write_entries(self._store, model.name, copies, model.revision)
        return removed

    def _is_shared(self, model: ModelDocument, entry: Body) -> bool:
        """Whether another version needs the files: an earlier release may register a job once more."""
        job, number = entry["job"], entry["version"]
        told = {model.number_of(job), registered_number(self._store, model.name, job)} - {None, number}
        others = model.entries(other for other in told if other is not None)
        return not all(self._is_due(other) for other in others.values())

    def _is_due(self, entry: Body) -> bool:
        return "deleted" in entry and ("purged" in entry or entry["deleted"] <= self._cut)

    def _forget_erased(self, model: ModelDocument) -> None:
        """Of deletions of a whole model whose time is over, one line is enough."""
        over = [each for each in model.elsewhere["erased"] if each[3] or each[2] <= self._cut]
        if len(over) < 2:
            return

        def change(body: Body | None) -> Body | None:
            assert body is not None  # noqa: S101  # documents are never removed
            erased = body["elsewhere"]["erased"]
            if erased[: len(over)] != over:
                return None
            body["elsewhere"]["erased"] = [[*over[-1][:3], True], *erased[len(over) :]]
            return body

        update(self._store, model_key(model.name), change)

    def _sweep_models(self, place: Body) -> None:
        """Bring a page of the models' documents to the present form, where it is time to."""
        now = timestamp(self.registry.clock())
        if place["began"] is None:
            if place["complete"] is not None and place["complete"] > timestamp(self.registry.clock() - _WEEK):
                return
            place["began"] = now
        known = place["complete"]  # what was written before was looked at; clocks may differ a little
        since = None if known is None else timestamp(seconds(known) - _SWEEPS_TIME)
        page = self._store.list("models/", after=place["models"] or NAMES, limit=MOST_MODELS)
        for batch in batched(page.objects, _AT_ONCE // SIZE):
            if self.is_over():
                return
            documents = read_many(self._store, [found.key for found in batch], skip_damaged=True)
            for found, document in zip(batch, documents, strict=True):
                try:
                    if document is None:
                        log.error("the document '%s' is damaged", found.key)
                    elif not self._bring_up(found, document, since):
                        return
                except DocumentDamaged as error:
                    log.error("a model is not swept: %s", error)  # noqa: TRY400 - foreseen
                place["models"] = found.key
        if page.next_after is None:
            place.update(models=None, began=None, complete=place["began"])

    def _bring_up(self, found: ObjectInfo, document: Document, since: str | None) -> bool:
        """Bring a model's document to the present form; whether there was time for all of it.

        What it holds was written down before where it was not written since: the store's clock tells that,
        for entries may come under any clock, and with a copy of the document.
        """
        name = spelling(found.key.removeprefix("models/").removesuffix(".json"), document.body)
        model = ModelDocument(name, document, self._store)
        self._tell(model, since)
        if leaving(document.body):
            while self._move_out(name):
                if self.is_over():
                    return False
            model = _model(self._store, name)
        new = model.held() if since is None or timestamp(found.modified) >= since else []
        for batch in self._until_over(batched(new, _AT_ONCE)):
            write_index(self._store, model.name, batch)
        if any(len(lines) > 1 for lines in model.history.values()):
            self._shorten(model)
        return not self.is_over()

    def _move_out(self, name: str) -> bool:
        """Take out what a document need not hold, as much as goes at once; whether that was anything."""
        moved = False

        def change(body: Body | None) -> Body | None:
            nonlocal moved
            assert body is not None  # noqa: S101  # documents are never removed
            moved = move_out(self._store, name, body, leaving(body, _MOST_MOVED))
            return body if moved else None

        update(self._store, model_key(name), change)
        return moved

    def _tell(self, model: ModelDocument, since: str | None) -> None:
        """Have the next sweeps look at what an earlier release has deleted, which tells nobody."""
        entries = [
            entry
            for entry in model.tombstones.values()
            if since is None or entry.get("purged") or entry["deleted"] >= since
        ]
        tell_sweep_of(self._store, model.name, entries)

    def _shorten(self, model: ModelDocument) -> None:
        def change(body: Body | None) -> Body | None:
            assert body is not None  # noqa: S101  # documents are never removed
            now = ModelDocument(spelling(model.name, body), Document(body, ""), self._store)
            return body if shorten(self._store, now, body) else None

        update(self._store, model_key(model.name), change)

    def _sweep_artifacts(self, place: Body) -> int:
        """Remove a page's files that no job registered."""
        after = place["artifacts"]
        page = self._store.list("artifacts/", after=after, limit=MOST_ARTIFACTS)
        by_job: dict[str, list[ObjectInfo]] = {}
        for found in page.objects:
            by_job.setdefault(_job_of(found.key), []).append(found)
        if not by_job:
            place["artifacts"] = None
            return 0
        known, known_until = self._registered(next(iter(by_job)), next(reversed(by_job)))
        oldest, removed, asked = self.registry.clock() - _ORPHANED, 0, 0
        for job, files in self._until_over(by_job.items()):
            if job > known_until or asked == _MOST_ASKED:
                return removed
            place["artifacts"] = files[-1].key
            if job in known or job in self.unfinished or any(each.modified >= oldest for each in files):
                continue
            asked += 1
            if self._is_orphan(job, files, place["complete"]):
                for found in files:
                    self._store.delete(found.key)
                    removed += 1
        if not self.is_over():
            place["artifacts"] = page.next_after
        return removed

    def _registered(self, first: str, last: str) -> tuple[set[str], str]:
        """The jobs from one on that are known to have registered, and the one up to which that is all.

        Before the first there may be any number of jobs whose files were removed.
        """
        begin: str | None = f"{INDEX}{first}"
        jobs: set[str] = set()
        for _ in range(_MOST_PAGES):
            page = self._store.list(INDEX, after=begin)
            found = [each.key.removeprefix(INDEX).removesuffix(".json") for each in page.objects]
            jobs.update(found)
            begin = page.next_after
            if begin is None or found[-1] >= last:
                return jobs, last
        return jobs, found[-1]

    def _is_orphan(self, job: str, files: list[ObjectInfo], complete: str | None) -> bool:
        """Whether no version has the files of a job whose registration is not written down."""
        try:
            model = self.model_of_failed(job)
        except JobNotFound:
            # Nobody can register it any more. What was registered before the models were read is known.
            return complete is not None and all(timestamp(each.modified) < complete for each in files)
        except DocumentDamaged:
            return False
        return model is not None and self.registry.number_of(model, job) is None


def _read_place(store: ObjectStore) -> Body:
    try:
        found = read(store, _PLACE).body
    except ObjectNotFound:
        found = {}
    except DocumentDamaged as error:
        log.error("%s; the registry is swept from its beginning", error)  # noqa: TRY400 - foreseen
        found = {}
    return {name: found.get(name) for name in _BEGINNING}


def _model(store: ObjectStore, name: str) -> ModelDocument:
    """The model, also one that was deleted. Raises `ObjectNotFound`, `Unavailable`."""
    document = read(store, model_key(name))
    return ModelDocument(spelling(name, document.body), document, store)


def _remove_files_of(store: ObjectStore, job: str) -> int:
    """Remove a job's artifact and then its manifest; how many files. Without a manifest, that was done.

    What was written about the version goes first, and does not count.
    """
    try:
        store.get(manifest_key(job))
    except ObjectNotFound:
        return 0
    remove_artifact(store, job)
    return 2


def remove_artifact(store: ObjectStore, job: str) -> None:
    """Remove a job's artifact and then its manifest; what was written about the version goes first."""
    store.delete(about_version_key(job))
    store.delete(artifact_key(job))
    store.delete(manifest_key(job))


def _going_on_at(number: int, body: Body | None) -> Body | None:
    """The rest of what was deleted; None where another sweep did it all."""
    return None if body is None else {**body, "first": number}


def _job_of(artifact: str) -> str:
    return artifact.removeprefix("artifacts/").partition(".")[0]
