"""Models by name: immutable versions, and aliases that point at them.

    models/{name in lower case}.json
        name            the name as it was first spelled; none in documents of earlier releases: lower case
        versions        job id → {version, created, sha256, size, algorithm, metric}: a retry registers
                        nothing twice. `metric` is [name, value], missing where nothing was measured
        next_version    only grows, also over the model's deletion: a number is never used again
        aliases         alias → {version, weights where there are several, etag, updated}: the ETag is its own
        history         alias → the newest of what was done to it; the rest is elsewhere (`history.py`)
        reasons         alias → why that was done, where a schedule did it
        tombstones      job id → what was in `versions`, and when it was deleted (`deletion.py`)
        deleted         when the whole model was deleted, else null
        elsewhere       what is known of the versions that are not in this document (`segments.py`)

This document is what a cold prediction reads, and what every change of the model rewrites. So it holds the
newest versions, those that aliases name, and what was deleted last; `changes.py` moves the others out. The
document of an earlier release holds everything, and is read as it is.

What a version is, is in `artifacts/{job id}.safetensors` and, its manifest, in `artifacts/{job id}.json`;
both are written once, before the version is registered.

Spellings of a name that differ only in case share a document, so that two of them are never both there.
Another spelling may have it when the model was deleted and nothing of it can be restored.
"""

from __future__ import annotations

import time

from ml_core.documents import Body, Document, read, read_if_changed, read_many, timestamp, update
from ml_core.errors import AliasNotFound, ModelNotFound, NameTaken, ObjectNotFound, VersionNotFound
from ml_core.names import beginnings, check_name, is_name, taken
from ml_core.objects import LARGEST_PAGE
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ml_core.ports import ObjectStore
    from ml_core.registry.segments import Segments

PRODUCTION = "production"  # the alias that is meant when neither version nor alias is named
_FOLDER = "models/"
_ENDING = ".json"
# After it come the documents of models: their names begin with a letter or a digit.
NAMES = f"{_FOLDER}-~"
_REGISTERING = (
    180.0  # seconds: many trainers of one model may finish at once, and GCS takes one write a second
)
_NOWHERE: Body = {
    "live": 0,
    "newest": 0,
    "erased": [],
}  # as in `segments.py`, which predictions do not import


def artifact_key(job_id: str) -> str:
    """Where a job's artifact is kept."""
    return f"artifacts/{job_id}.safetensors"


def manifest_key(job_id: str) -> str:
    """Where the description of a job's artifact is kept."""
    return f"artifacts/{job_id}.json"


class Version(Record):
    """One registered version. `size` is its artifact's, in bytes; `created` is RFC 3339."""

    version: int
    job: str
    created: str
    sha256: str
    size: int
    algorithm: str


class Alias(Record):
    """A name for a version, or for several that share its traffic.

    `version` is the one with the greatest weight, the oldest of equals; `weights` are those of each version
    where there are several, else None. `etag` changes with every write of this alias, and of no other.
    """

    alias: str
    version: int
    weights: dict[str, int] | None
    etag: str
    updated: str

    @property
    def versions(self) -> list[int]:
        """The versions that it points at."""
        return [self.version] if self.weights is None else sorted(map(int, self.weights))


class Choice(Record):
    """The version that answers a caller, by which alias if by any, and all that it could have been."""

    version: Version
    alias: str | None
    among: tuple[Version, ...]


class ModelDocument:
    """One model as the store has it; `stored` is the store's opaque revision of it.

    A version that is not in the document is read when it is asked for, and then kept: it cannot change while
    the document does not. With no `store`, only what the document holds is known.
    """

    __slots__ = (
        "_aliases",
        "_choices",
        "_jobs",
        "_live",
        "_segments",
        "_versions",
        "elsewhere",
        "history",
        "name",
        "next_version",
        "reasons",
        "revision",
        "store",
        "stored",
        "tombstones",
    )

    def __init__(self, name: str, document: Document, store: ObjectStore | None = None) -> None:
        self.name = name
        self.stored = document.stored
        self.store = store
        self.revision: int = document.body["revision"]
        self.next_version: int = document.body["next_version"]
        self._versions: Body = document.body["versions"]
        self._jobs: dict[int, str] = {entry["version"]: job for job, entry in self._versions.items()}
        self._aliases: Body = document.body["aliases"]
        self.tombstones: Body = document.body["tombstones"]
        self.history: Body = document.body.get("history", {})
        self.reasons: Body = document.body.get("reasons", {})
        self.elsewhere: Body = document.body.get("elsewhere", _NOWHERE)
        self._segments: Segments | None = None
        self._live: dict[int, Version] = {}
        self._choices: dict[tuple[int | None, str | None], Choice] = {}

    @property
    def versions(self) -> list[Version]:
        """All versions, oldest first, wherever they are: a long model is read a page at a time instead."""
        found = [version_of(entry) for entry in self.entries_below() if "deleted" not in entry]
        return found[::-1]

    @property
    def ready(self) -> bool:
        """Whether there is a version."""
        return bool(self._versions or self.elsewhere["live"])

    @property
    def aliases(self) -> list[Alias]:
        """The aliases, by name."""
        return [_alias(name, self._aliases[name]) for name in sorted(self._aliases)]

    def held(self) -> list[Body]:
        """What the document itself has of versions, deleted or not, each with its `job`."""
        return [
            {"job": job, **entry}
            for entries in (self._versions, self.tombstones)
            for job, entry in entries.items()
        ]

    def entry(self, version: int) -> Body | None:
        """What is registered of the version, deleted or not, with its `job`; None where there never was one.

        Raises `Unavailable`.
        """
        job = self._jobs.get(version)
        if job is not None:
            return {"job": job, **self._versions[job]}
        return self.entries([version]).get(version)

    def entries(self, numbers: Iterable[int]) -> dict[int, Body]:
        """As `entry`, of several, by number."""
        held = {entry["version"]: entry for entry in self.held()}
        wanted = [number for number in numbers if 0 < number < self.next_version]
        found = {number: held[number] for number in wanted if number in held}
        elsewhere = [number for number in wanted if number not in held]
        if elsewhere:
            if self._segments is None:
                from ml_core.registry.segments import Segments

                self._segments = Segments(self.store, self.name, self.elsewhere)
            found.update(self._segments.entries(elsewhere))
        return found

    def entries_below(
        self, before: int | None = None, bottom: int = 1, *, at_once: int = 100
    ) -> Iterator[Body]:
        """What is registered of the versions below a number, down to `bottom`, deleted or not, newest first.

        So many are looked for `at_once`. Raises `Unavailable`.
        """
        from itertools import batched

        top = self.next_version if before is None else min(before, self.next_version)
        for numbers in batched(range(top - 1, bottom - 1, -1), at_once):
            found = self.entries(numbers)
            yield from (found[number] for number in numbers if number in found)

    def live_entry(self, version: int) -> Body:
        """What is registered of a version, with its `job`. Raises `VersionNotFound`, `Unavailable`."""
        entry = self.entry(version)
        if entry is None or "deleted" in entry:
            raise VersionNotFound(self._why_not(version, deleted=entry is not None))
        return entry

    def alias(self, alias: str) -> Alias:
        """The alias with that name. Raises `AliasNotFound`."""
        if alias not in self._aliases:
            raise AliasNotFound(f"model '{self.name}' has no alias '{alias}'")
        return _alias(alias, self._aliases[alias])

    def number_of(self, job_id: str) -> int | None:
        """The version that the job registered, deleted or not; None when this document has none of it."""
        entry = self._versions.get(job_id) or self.tombstones.get(job_id)
        return None if entry is None else entry["version"]

    def pick(self, version: int | None = None, alias: str | None = None) -> Version:
        """The version of that number or alias; without either, `production` where it exists, else the newest.

        Of an alias with several versions, the one with the greatest weight.
        Raises `VersionNotFound`, `AliasNotFound`, `Unavailable`.
        """
        return self.choose(version, alias).version

    def choose(self, version: int | None = None, alias: str | None = None, key: str | None = None) -> Choice:
        """As `pick`; of an alias with several versions the one that falls to the key.

        Raises `VersionNotFound`, `AliasNotFound`, `Unavailable`.
        """
        kept = self._choices.get((version, alias))
        if kept is not None:
            return kept
        if version is not None:
            choice = self._only(version)
        elif alias is None and PRODUCTION not in self._aliases:
            choice = self._only(self.newest())
        else:
            found = self.alias(PRODUCTION if alias is None else alias)
            if found.weights is not None:
                return self._shared(found, found.weights, key)
            choice = self._only(found.version, found.alias)
        # No key decides, and a document does not change: what was chosen once is chosen again.
        self._choices[version, alias] = choice
        return choice

    def _shared(self, found: Alias, weights: dict[str, int], key: str | None) -> Choice:
        among = tuple(map(self._numbered, found.versions))
        if key is None:
            return Choice(self._numbered(found.version), found.alias, among)
        from ml_core.registry.split import chosen

        number = int(chosen(weights, self.name, found.alias, key))
        return Choice(self._numbered(number), found.alias, among)

    def _only(self, version: int, alias: str | None = None) -> Choice:
        found = self._numbered(version)
        return Choice(found, alias, (found,))

    def newest(self) -> int:
        """The greatest number of a version that is there, 0 without one. Raises `Unavailable`."""
        newest = max(self._jobs, default=0)
        if newest > self.elsewhere["newest"] or not self.elsewhere["live"]:
            return newest
        # An earlier release has deleted the newest ones, and knows of no others.
        below = self.entries_below(self.elsewhere["newest"] + 1)
        return next((entry["version"] for entry in below if "deleted" not in entry), newest)

    def _numbered(self, version: int) -> Version:
        found = self._live.get(version)
        if found is None:
            found = self._live[version] = version_of(self.live_entry(version))
        return found

    def _why_not(self, version: int, *, deleted: bool) -> str:
        if not self.ready:
            return f"model '{self.name}' has no versions: all were deleted"
        why = " any more: it was deleted" if deleted else ""
        return f"model '{self.name}' has no version {version}{why}"


class ModelsPage(Record):
    """Part of the list of models; `next_after` continues it, None ends it."""

    models: list[ModelDocument]
    next_after: str | None


class Registry:
    """The models in an object store."""

    def __init__(
        self,
        store: ObjectStore,
        clock: Callable[[], float] = time.time,
        *,
        retention: float | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self._retention = retention

    def model(self, name: str) -> ModelDocument:
        """The model. Raises `ModelNotFound`, `Unavailable`."""
        if not is_name(name):
            raise _no_model(name)
        try:
            document = read(self.store, model_key(name))
        except ObjectNotFound as error:
            raise _no_model(name) from error
        return self._existing(name, document)

    def model_if_changed(self, known: ModelDocument) -> ModelDocument | None:
        """The model, or None while it is as `known`. Raises `ModelNotFound`, `Unavailable`."""
        try:
            document = read_if_changed(self.store, model_key(known.name), known.stored)
        except ObjectNotFound as error:
            raise _no_model(known.name) from error
        return None if document is None else self._existing(known.name, document)

    def models(
        self,
        limit: int = 100,
        after: str | None = None,
        *,
        prefix: str = "",
        among: Callable[[str], bool] | None = None,
    ) -> ModelsPage:
        """At most `limit` (1 to 1000) models after the one named `after`; a short page need not be last.

        They are in the order of their names in lower case, all of which begin with `prefix` in lower case.
        `among` says of such a name whether it may be told, None tells all.
        Raises `InvalidInput` (`after`), `Unavailable`.
        """
        if after is not None:
            check_name(after, "after")
        names, whole = self._names_after("" if after is None else after.lower(), limit, prefix.lower(), among)
        documents = zip(names, read_many(self.store, map(model_key, names)), strict=True)
        found = [
            (ModelDocument(spelling(name, document.body), document, self.store), document.body["deleted"])
            for name, document in documents
            if document is not None
        ]
        shown = found[:limit]
        models = [model for model, deleted in shown if deleted is None]  # others are kept for their numbers
        more = not whole or len(found) > limit
        return ModelsPage(models, shown[-1][0].name if shown and more else None)

    def _names_after(
        self, last: str, limit: int, prefix: str, among: Callable[[str], bool] | None
    ) -> tuple[list[str], bool]:
        """At least `limit` of the next names in lower case after `last`, in order, and whether they are all.

        Of those that begin with `prefix`: a store lists no others.

        Keys are in another order where a name begins with another: `a-b.json` comes before `a.json`. So the
        listing begins before what goes on from `last`, and what may come later than its end is added to the
        names: not all of them need exist.
        """
        names: list[str] = []
        listed: str | None = f"{_FOLDER}{last}" if last else NAMES
        # Of a few names among many, all have to be listed.
        most = LARGEST_PAGE if among else min(limit + 1, LARGEST_PAGE)

        def told(name: str) -> bool:
            return name > last and name.startswith(prefix) and (among is None or among(name))

        while True:
            page = self.store.list(f"{_FOLDER}{prefix}", after=listed, limit=most)
            found = [_name_in(each.key) for each in page.objects if each.key.endswith(_ENDING)]
            names += filter(told, found)
            listed = page.next_after
            if listed is None:
                return sorted(names)[: limit + 1], len(names) <= limit
            if len(names) > limit:
                added = [*filter(told, beginnings(names[-1]))]
                ordered = sorted({*names, *added})[:-1]
                return ordered[
                    : limit + len(added) + 1
                ], False  # the one left out is there: that is all to know

    def number_of(self, name: str, job_id: str) -> int | None:
        """The version that the job registered, deleted or not; None when it registered none.

        Raises `Unavailable`.
        """
        from ml_core.registry.segments import registered_number

        try:
            number = ModelDocument(name, read(self.store, model_key(name))).number_of(job_id)
        except ObjectNotFound:
            return None
        return registered_number(self.store, name, job_id) if number is None else number

    def entries(self, name: str, numbers: Iterable[int]) -> dict[int, Body]:
        """What is registered of versions, by number, also of a deleted model. Raises `Unavailable`."""
        try:
            return ModelDocument(name, read(self.store, model_key(name)), self.store).entries(numbers)
        except ObjectNotFound:
            return {}

    def numbers_of(self, name: str, job_id: str) -> list[int]:
        """The versions that the job registered, deleted or not: one, but an earlier release may give two.

        Raises `Unavailable`.
        """
        from ml_core.registry.segments import registered_number

        try:
            model = ModelDocument(name, read(self.store, model_key(name)))
        except ObjectNotFound:
            return []
        numbers = {model.number_of(job_id), registered_number(self.store, name, job_id)}
        return sorted(number for number in numbers if number is not None)

    def register(
        self,
        name: str,
        job_id: str,
        *,
        sha256: str,
        size: int,
        algorithm: str,
        metric: tuple[str, float] | None = None,
    ) -> int:
        """Give the job's artifact the model's next version number; a job that has one keeps it.

        The artifact and its manifest must be in the store. `metric` is what a list shows of the version, by
        name and value. Raises `InvalidInput` (the name), `NameTaken`,
        `Unavailable`.
        """
        from ml_core.registry.about import forget_model
        from ml_core.registry.changes import erase_deleted, leaving, move_out
        from ml_core.registry.segments import registered_number

        check_name(name, "model")
        number: int | None = None

        def change(body: Body | None) -> Body | None:
            nonlocal number
            if body is None:
                body = _empty(name)
            else:
                if body["deleted"] is not None:
                    # A later model has nothing that was written about this one.
                    forget_model(self.store, name)
                number = ModelDocument(name, Document(body, "")).number_of(job_id)
                if number is None:
                    number = registered_number(self.store, name, job_id)
                if number is not None:
                    return None
            gone = leaving(body)
            erase_deleted(self.store, name, body)
            if spelling(name, body) != name:
                self._take_over(name, body)
            number = body["next_version"]
            entry = {"created": self.now(), "sha256": sha256, "size": size, "algorithm": algorithm}
            told = {} if metric is None else {"metric": list(metric)}
            body["versions"][job_id] = {"version": number, **entry, **told}
            body["next_version"] += 1
            body["deleted"] = None
            move_out(self.store, name, body, gone)
            return body

        update(self.store, model_key(name), change, patience=_REGISTERING)
        assert number is not None  # noqa: S101  # by the change that was just written
        return number

    def check_spelling(self, name: str) -> None:
        """Raise `NameTaken` where a model's name differs from `name` in case alone. Raises `Unavailable`."""
        try:
            body = read(self.store, model_key(name)).body
        except ObjectNotFound:
            return
        if spelling(name, body) != name:
            self._refuse_if_left(name, body)

    def _take_over(self, name: str, body: Body) -> None:
        """Have the document be that of a model in another spelling. Only its numbers go on."""
        from ml_core.registry.changes import elsewhere_of, erase, tell_sweep
        from ml_core.registry.retention import purge_version

        self._refuse_if_left(name, body)
        last = body["next_version"] - 1
        if last:
            tell_sweep(self.store, name, self.now(), 1, last, purge=True)
        for job in body["tombstones"]:
            purge_version(body, job)
        erase(body, self.now(), purge=True)
        body["history"] = {}
        body.pop("reasons", None)
        body["name"] = name
        elsewhere_of(body)["since"] = body["next_version"]

    def _refuse_if_left(self, name: str, body: Body) -> None:
        """Raise `NameTaken` unless nothing is left of the model in the other spelling."""
        from ml_core.registry.retention import RETENTION, is_restorable

        other = spelling(name, body)
        if body["deleted"] is None:
            raise taken("a model", other)
        retention = RETENTION if self._retention is None else self._retention
        elsewhere = body.get("elsewhere", _NOWHERE)
        erased = [deleted for _, _, deleted, purged in elsewhere["erased"] if not purged]
        if (
            any(is_restorable(entry, self.clock(), retention) for entry in body["tombstones"].values())
            or max([elsewhere.get("latest", ""), *erased]) > timestamp(self.clock() - retention)
            or elsewhere["live"] > 0
        ):
            raise NameTaken(
                f"a model '{other}' was deleted and can be restored; names that differ only in case are "
                f"refused: use '{other}', or purge it (DELETE with purge=true)"
            )

    def change(
        self, name: str, change: Callable[[ModelDocument, Body], None], *, deleted_too: bool = False
    ) -> ModelDocument:
        """Change the model's document, which `change` gets to see and to modify, as `documents.update` does.

        Raises `ModelNotFound` (with `deleted_too` only where there never was one), `Unavailable`, and what
        `change` raises.
        """
        from ml_core.registry.changes import erase_deleted, leaving, move_out

        if not is_name(name):
            raise _no_model(name)

        def change_existing(body: Body | None) -> Body | None:
            if body is None or (body["deleted"] is not None and not deleted_too):
                raise _no_model(name)
            _check_spelled(name, body)
            gone = leaving(body)
            erase_deleted(self.store, name, body)
            change(ModelDocument(name, Document(body, ""), self.store), body)
            move_out(self.store, name, body, gone)
            return body

        return ModelDocument(name, update(self.store, model_key(name), change_existing), self.store)

    def now(self) -> str:
        """The time as the documents have it."""
        return timestamp(self.clock())

    def _existing(self, name: str, document: Document) -> ModelDocument:
        if document.body["deleted"] is not None:
            raise _no_model(name)
        _check_spelled(name, document.body)
        return ModelDocument(name, document, self.store)


def model_key(name: str) -> str:
    """Where a model's document is kept."""
    return f"{_FOLDER}{name.lower()}{_ENDING}"


def _name_in(key: str) -> str:
    """The name in lower case."""
    return key[len(_FOLDER) : -len(_ENDING)]


def spelling(name: str, body: Body) -> str:
    """The model's name as it was first spelled; `name` is any spelling of it."""
    spelled: str = body.get("name", name.lower())
    return spelled


def _check_spelled(name: str, body: Body) -> None:
    """Raise `ModelNotFound` where the document is that of another spelling."""
    spelled = spelling(name, body)
    if spelled == name:
        return
    if body["deleted"] is not None:
        raise _no_model(name)
    raise ModelNotFound(f"there is no model '{name}'; upper and lower case matter, and '{spelled}' exists")


def _empty(name: str) -> Body:
    return {"name": name, "versions": {}, "next_version": 1, "aliases": {}, "tombstones": {}, "deleted": None}


def _no_model(name: str) -> ModelNotFound:
    """The error for a model that does not exist."""
    return ModelNotFound(f"there is no model '{name}'")


def version_of(entry: Body) -> Version:
    """The version of which an entry, with its `job`, says what is registered."""
    return Version(
        entry["version"], entry["job"], entry["created"], entry["sha256"], entry["size"], entry["algorithm"]
    )


def _alias(name: str, entry: Body) -> Alias:
    return Alias(name, entry["version"], entry.get("weights"), entry["etag"], entry["updated"])
