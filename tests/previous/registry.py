"""Models by name: immutable versions, and aliases that point at them, in one document per model.

    models/{name in lower case}.json
        name            the name as it was first spelled; none in documents of earlier releases: lower case
        versions        job id → {version, created, sha256, size, algorithm}: a retry registers nothing twice
        next_version    only grows, also over the model's deletion: a number is never used again
        aliases         alias → {version, weights where there are several, etag, updated}: the ETag is its own
        history         alias → what was done to it (`aliases.py`, which also writes the aliases)
        tombstones      job id → what was in `versions`, and when it was deleted (`deletion.py`)
        deleted         when the whole model was deleted, else null

What a version is, is in `artifacts/{job id}.safetensors` and, its manifest, in `artifacts/{job id}.json`;
both are written once, before the version is registered.

Spellings of a name that differ only in case share a document, so that two of them are never both there.
Another spelling may have it when the model was deleted and nothing of it can be restored.
"""

from __future__ import annotations

import time

from ml_core.documents import Body, Document, read, read_if_changed, read_many, timestamp, update
from ml_core.errors import (
    AliasNotFound,
    ModelNotFound,
    NameTaken,
    ObjectNotFound,
    VersionNotFound,
)
from ml_core.names import beginnings, check_name, is_name, taken
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ml_core.ports import ObjectStore

PRODUCTION = "production"  # the alias that is meant when neither version nor alias is named
_FOLDER = "models/"
_ENDING = ".json"
_REGISTERING = (
    180.0  # seconds: many trainers of one model may finish at once, and GCS takes one write a second
)


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
    """One model as the store has it; `stored` is the store's opaque revision of it."""

    __slots__ = ("_aliases", "_jobs", "_versions", "history", "name", "revision", "stored", "tombstones")

    def __init__(self, name: str, document: Document) -> None:
        self.name = name
        self.stored = document.stored
        self.revision: int = document.body["revision"]
        self._versions: Body = document.body["versions"]
        self._jobs: dict[int, str] = {entry["version"]: job for job, entry in self._versions.items()}
        self._aliases: Body = document.body["aliases"]
        self.tombstones: Body = document.body["tombstones"]
        self.history: Body = document.body.get("history", {})

    @property
    def versions(self) -> list[Version]:
        """The versions, oldest first."""
        return sorted(_version(job, entry) for job, entry in self._versions.items())

    @property
    def aliases(self) -> list[Alias]:
        """The aliases, by name."""
        return [_alias(name, self._aliases[name]) for name in sorted(self._aliases)]

    def job_of(self, version: int) -> str | None:
        """The job that registered the version, deleted or not; None where there never was one."""
        buried = {entry["version"]: job for job, entry in self.tombstones.items()}
        return self._jobs.get(version) or buried.get(version)

    def alias(self, alias: str) -> Alias:
        """The alias with that name. Raises `AliasNotFound`."""
        if alias not in self._aliases:
            raise AliasNotFound(f"model '{self.name}' has no alias '{alias}'")
        return _alias(alias, self._aliases[alias])

    def number_of(self, job_id: str) -> int | None:
        """The version that the job registered, deleted or not; None when it registered none."""
        entry = self._versions.get(job_id) or self.tombstones.get(job_id)
        return None if entry is None else entry["version"]

    def pick(self, version: int | None = None, alias: str | None = None) -> Version:
        """The version of that number or alias; without either, `production` where it exists, else the newest.

        Of an alias with several versions, the one with the greatest weight.
        Raises `VersionNotFound`, `AliasNotFound`.
        """
        return self.choose(version, alias).version

    def choose(self, version: int | None = None, alias: str | None = None, key: str | None = None) -> Choice:
        """As `pick`; of an alias with several versions the one that falls to the key.

        Raises `VersionNotFound`, `AliasNotFound`.
        """
        if version is not None:
            return self._only(version)
        if alias is None and PRODUCTION not in self._aliases:
            return self._only(max(self._jobs, default=0))
        found = self.alias(PRODUCTION if alias is None else alias)
        if found.weights is None:
            return self._only(found.version, found.alias)
        among = tuple(map(self._numbered, found.versions))
        if key is None:
            return Choice(self._numbered(found.version), found.alias, among)
        from ml_core.registry.split import chosen

        number = int(chosen(found.weights, self.name, found.alias, key))
        return Choice(self._numbered(number), found.alias, among)

    def _only(self, version: int, alias: str | None = None) -> Choice:
        found = self._numbered(version)
        return Choice(found, alias, (found,))

    def _numbered(self, version: int) -> Version:
        job = self._jobs.get(version)
        if job is None:
            raise VersionNotFound(self._why_not(version))
        return _version(job, self._versions[job])

    def _why_not(self, version: int) -> str:
        if not self._versions:
            return f"model '{self.name}' has no versions: all were deleted"
        deleted = " any more: it was deleted" if self.job_of(version) else ""
        return f"model '{self.name}' has no version {version}{deleted}"


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
            document = read(self.store, _key(name))
        except ObjectNotFound as error:
            raise _no_model(name) from error
        return _existing(name, document)

    def model_if_changed(self, known: ModelDocument) -> ModelDocument | None:
        """The model, or None while it is as `known`. Raises `ModelNotFound`, `Unavailable`."""
        try:
            document = read_if_changed(self.store, _key(known.name), known.stored)
        except ObjectNotFound as error:
            raise _no_model(known.name) from error
        return None if document is None else _existing(known.name, document)

    def models(self, limit: int = 100, after: str | None = None) -> ModelsPage:
        """At most `limit` (1 to 1000) models after the one named `after`; a short page need not be last.

        They are in the order of their names in lower case. Raises `InvalidInput` (`after`), `Unavailable`.
        """
        if after is not None:
            check_name(after, "after")
        names, more = self._names_after("" if after is None else after.lower(), limit)
        documents = zip(names, read_many(self.store, map(_key, names)), strict=True)
        found = [
            (ModelDocument(_spelling(name, document.body), document), document.body["deleted"])
            for name, document in documents
            if document is not None
        ]
        shown = found[:limit]
        models = [model for model, deleted in shown if deleted is None]  # others are kept for their numbers
        more = more or len(found) > limit
        return ModelsPage(models, shown[-1][0].name if shown and more else None)

    def _names_after(self, last: str, limit: int) -> tuple[list[str], bool]:
        """The next names in lower case after `last`, in order, and whether the store's listing goes on.

        Keys are in another order where a name begins with another: `a-b.json` comes before `a.json`. So the
        listing begins before what goes on from `last`, and what may come later than its end is added to the
        names: not all of them need exist.
        """
        names: list[str] = []
        listed = f"{_FOLDER}{last}" if last else None
        while True:
            page = self.store.list(_FOLDER, after=listed, limit=limit)
            found = [_name_in(each.key) for each in page.objects if each.key.endswith(_ENDING)]
            names += [name for name in found if name > last]
            listed = page.next_after
            if listed is None:
                return sorted(names), False
            if names:
                return sorted({*names, *(name for name in beginnings(names[-1]) if name > last)}), True

    def number_of(self, name: str, job_id: str) -> int | None:
        """The version that the job registered, deleted or not; None when it registered none."""
        try:
            return ModelDocument(name, read(self.store, _key(name))).number_of(job_id)
        except ObjectNotFound:
            return None

    def register(self, name: str, job_id: str, *, sha256: str, size: int, algorithm: str) -> int:
        """Give the job's artifact the model's next version number; a job that has one keeps it.

        The artifact and its manifest must be in the store. Raises `InvalidInput` (the name), `NameTaken`,
        `Unavailable`.
        """
        check_name(name, "model")

        def change(body: Body | None) -> Body | None:
            body = body or _empty(name)
            if job_id in body["versions"] or job_id in body["tombstones"]:
                return None
            if _spelling(name, body) != name:
                self._take_over(name, body)
            entry = {"created": self.now(), "sha256": sha256, "size": size, "algorithm": algorithm}
            body["versions"][job_id] = {"version": body["next_version"], **entry}
            body["next_version"] += 1
            body["deleted"] = None
            return body

        document = update(self.store, _key(name), change, patience=_REGISTERING)
        number = ModelDocument(name, document).number_of(job_id)
        assert number is not None  # the change that was just written
        return number

    def check_spelling(self, name: str) -> None:
        """Raise `NameTaken` where a model's name differs from `name` in case alone. Raises `Unavailable`."""
        try:
            body = read(self.store, _key(name)).body
        except ObjectNotFound:
            return
        if _spelling(name, body) != name:
            self._refuse_if_left(name, body)

    def _take_over(self, name: str, body: Body) -> None:
        """Have the document be that of a model in another spelling. Only its numbers go on."""
        from tests.previous.retention import purge_version

        self._refuse_if_left(name, body)
        for job in body["tombstones"]:
            purge_version(body, job)
        body["history"] = {}
        body["name"] = name

    def _refuse_if_left(self, name: str, body: Body) -> None:
        """Raise `NameTaken` unless nothing is left of the model in the other spelling."""
        from tests.previous.retention import RETENTION, is_restorable

        other = _spelling(name, body)
        if body["deleted"] is None:
            raise taken("a model", other)
        retention = RETENTION if self._retention is None else self._retention
        if any(is_restorable(entry, self.clock(), retention) for entry in body["tombstones"].values()):
            raise NameTaken(
                f"a model '{other}' was deleted and can be restored; names that differ only in case are "
                f"refused: use '{other}', or purge it (DELETE with purge=true)"
            )

    def documents(self) -> Iterator[Body]:
        """All models' documents, also of those that were deleted. Raises `Unavailable`."""
        after = None
        while True:
            page = self.store.list(_FOLDER, after=after)
            for document in read_many(self.store, [found.key for found in page.objects]):
                if document is not None:
                    yield document.body
            after = page.next_after
            if after is None:
                return

    def change(
        self, name: str, change: Callable[[ModelDocument, Body], None], *, deleted_too: bool = False
    ) -> ModelDocument:
        """Change the model's document, which `change` gets to see and to modify, as `documents.update` does.

        Raises `ModelNotFound` (with `deleted_too` only where there never was one), `Unavailable`, and what
        `change` raises.
        """
        if not is_name(name):
            raise _no_model(name)

        def change_existing(body: Body | None) -> Body | None:
            if body is None or (body["deleted"] is not None and not deleted_too):
                raise _no_model(name)
            _check_spelled(name, body)
            change(ModelDocument(name, Document(body, "")), body)
            return body

        return ModelDocument(name, update(self.store, _key(name), change_existing))

    def now(self) -> str:
        """The time as the documents have it."""
        return timestamp(self.clock())


def _key(name: str) -> str:
    return f"{_FOLDER}{name.lower()}{_ENDING}"


def _name_in(key: str) -> str:
    """The name in lower case."""
    return key[len(_FOLDER) : -len(_ENDING)]


def _spelling(name: str, body: Body) -> str:
    """The model's name as it was first spelled; `name` is any spelling of it."""
    spelled: str = body.get("name", name.lower())
    return spelled


def _check_spelled(name: str, body: Body) -> None:
    """Raise `ModelNotFound` where the document is that of another spelling."""
    spelled = _spelling(name, body)
    if spelled == name:
        return
    if body["deleted"] is not None:
        raise _no_model(name)
    raise ModelNotFound(f"there is no model '{name}'; upper and lower case matter, and '{spelled}' exists")


def _empty(name: str) -> Body:
    return {"name": name, "versions": {}, "next_version": 1, "aliases": {}, "tombstones": {}, "deleted": None}


def _existing(name: str, document: Document) -> ModelDocument:
    if document.body["deleted"] is not None:
        raise _no_model(name)
    _check_spelled(name, document.body)
    return ModelDocument(name, document)


def _no_model(name: str) -> ModelNotFound:
    return ModelNotFound(f"there is no model '{name}'")


def _version(job: str, entry: Body) -> Version:
    return Version(
        entry["version"], job, entry["created"], entry["sha256"], entry["size"], entry["algorithm"]
    )


def _alias(name: str, entry: Body) -> Alias:
    return Alias(name, entry["version"], entry.get("weights"), entry["etag"], entry["updated"])
