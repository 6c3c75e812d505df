"""Finds what earlier releases made from uploads, and writes it down as is done now (`registry/origins.py`).

It goes through all models' documents and the manifests of their versions: each sweep does a part. Who is
first to ask what was made from a dataset has the rest of the first round done, and all jobs looked at.
Instances of an earlier release may go on for a while, or come back: so there is another round through the
models after a day, and then one a week.

    registry/made-from/-scan.json
        after       [phase, key, version] that the next part comes after: `models`, in the first round then
                    `jobs`; null between two rounds
        began       when the present round began
        complete    when the latest that came to its end had begun; null until the first one did
        rounds      how many came to their end
"""

import logging
from collections.abc import Callable
from itertools import batched
from typing import NamedTuple

from ml_core.documents import Body, Document, read, read_many, replace_damaged, timestamp
from ml_core.errors import DocumentDamaged, ObjectNotFound
from ml_core.jobs.jobs import Jobs, job_key
from ml_core.registry.origins import PREFIX, is_noted, note_job, note_version
from ml_core.registry.registry import NAMES, ModelDocument, Registry, spelling, version_of
from ml_core.registry.retention import DAY
from ml_core.registry.versions import read_manifests

log = logging.getLogger(__name__)

_KEY = f"{PREFIX}-scan.json"
_MODELS, _JOBS = "models", "jobs"
_AT_ONCE = 20  # versions, whose manifests are read together
_PAGE = 25  # documents of models
_PARTS = 25  # of models, for one sweep: each is `_AT_ONCE` versions of one
_MOST_READ = 100  # jobs at once
_BEGINNING: Body = {"after": None, "began": None, "complete": None, "rounds": 0}


class OriginScan(NamedTuple):
    """Goes through what is registered and through all jobs. `is_over` says that there is no more time."""

    registry: Registry
    jobs: Jobs
    is_over: Callable[[], bool]

    def sweep(self) -> None:
        """Do a part of a round through the models, where it is time for one. Raises `Unavailable`."""
        place = self._place()
        if place["began"] is None and place["complete"] is not None:
            days = 1 if place["rounds"] < 2 else 7
            if place["complete"] > self._ago(days):
                return
        if place["after"] is None or place["after"][0] == _MODELS:
            parts = iter(range(_PARTS))
            self._go_on(place, lambda: self.is_over() or next(parts, None) is None, with_jobs=False)

    def first_round(self) -> bool:
        """Go on with the first round, if that is not over; whether it is. Raises `Unavailable`."""
        place = self._place()
        if place["complete"] is not None:
            return True
        if place["began"] is not None and place["began"] < self._ago(1):
            place.update(_BEGINNING)  # what was looked at so long ago may have changed
        return self._go_on(place, self.is_over, with_jobs=True)

    def _ago(self, days: int) -> str:
        return timestamp(self.jobs.clock() - days * DAY)

    def _place(self) -> Body:
        try:
            found = read(self.jobs.store, _KEY).body
        except ObjectNotFound:
            found = {}
        except DocumentDamaged as error:
            log.error("%s; what was made from datasets is looked up again", error)  # noqa: TRY400 - foreseen
            found = {}
        return {name: found.get(name, value) for name, value in _BEGINNING.items()}

    def _go_on(self, place: Body, is_over: Callable[[], bool], *, with_jobs: bool) -> bool:
        """Do a part of the present round, and write down how far it is; whether it came to its end."""
        place["began"] = place["began"] or timestamp(self.jobs.clock())
        after = place["after"] = place["after"] or [_MODELS, None, None]
        ended = after[0] != _MODELS or self._look_at_models(after, is_over)
        if ended and place["complete"] is None:
            ended = with_jobs and self._look_at_jobs(after)
        if ended:
            rounds = place["rounds"] + 1
            place.update(after=None, began=None, complete=place["began"], rounds=rounds)
        replace_damaged(self.jobs.store, _KEY, lambda body: {**(body or {}), **place})
        return ended

    def _look_at_models(self, after: list[str | int | None], is_over: Callable[[], bool]) -> bool:
        while True:
            page = self.registry.store.list("models/", after=str(after[1] or NAMES), limit=_PAGE)
            keys = [found.key for found in page.objects]
            for key, document in zip(
                keys, read_many(self.registry.store, keys, skip_damaged=True), strict=True
            ):
                if is_over():
                    return False
                try:
                    if document is not None and not self._look_at(key, document, after, is_over):
                        return False
                except (DocumentDamaged, ValueError) as error:  # of a document, or of a manifest
                    log.error("what a model was made from is not looked up: %s", error)  # noqa: TRY400 - foreseen
                after[1:] = [key, None]
            if page.next_after is None:
                after[:] = [_JOBS, None, None]
                return True

    def _look_at(
        self, key: str, document: Document, after: list[str | int | None], is_over: Callable[[], bool]
    ) -> bool:
        """Look at a model's versions, the newest first; whether there was time for all of them."""
        name = spelling(key.removeprefix("models/").removesuffix(".json"), document.body)
        model, before = ModelDocument(name, document, self.registry.store), after[2]
        for entries in batched(model.entries_below(None if before is None else int(before)), _AT_ONCE):
            versions = [version_of(entry) for entry in entries if "sha256" in entry]
            for version, manifest in zip(
                versions, read_manifests(self.registry.store, versions), strict=True
            ):
                told = {**manifest, "sha256": version.sha256}
                if is_noted(self.registry.store, version.job, model.name, told):
                    continue
                note_version(self.registry.store, version.job, model.name, told)
            after[2] = entries[-1]["version"]
            if is_over():
                return False
        return True

    def _look_at_jobs(self, after: list[str | int | None]) -> bool:
        while not self.is_over():
            page = self.jobs.traces_page(None if after[1] is None else str(after[1]))
            for traces in batched(page.traces, _MOST_READ):
                documents = read_many(
                    self.jobs.store, [job_key(each.id) for each in traces], skip_damaged=True
                )
                for each, document in zip(traces, documents, strict=True):
                    if document is not None:
                        said = document.body
                        note_job(self.jobs.store, each.id, said["model"], said.get("request") or {})
                after[1] = traces[-1].id
                if self.is_over():
                    return False
            if page.next_after is None:
                return True
            after[1] = page.next_after
        return False
