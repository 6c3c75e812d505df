"""Versions that are deleted: kept for a while, so that they can be restored, then removed by the sweep.

A deleted version is a tombstone in its model's document: what was registered of it, and when it was deleted.
Its number is never used again. Its artifact and manifest stay for the retention time. One that is purged
leaves nothing but its number: nobody can bring it back, and the next sweep removes what is stored of it.
"""

from typing import Any, NamedTuple

from ml_core.conflicts import VersionGone, VersionInUse
from ml_core.documents import Body, timestamp
from ml_core.errors import VersionNotFound
from tests.previous.registry import Alias, ModelDocument, Registry, Version
from tests.previous.retention import RETENTION, is_restorable, purge_version, restorable_until

# What restores may come after the sweep has looked, before it has removed the last of what it found.
_SWEEPS_TIME = 3600.0


class Deleted(NamedTuple):
    """A deleted version; `restorable_until` is None where nothing can bring it back."""

    version: int
    deleted: str
    restorable_until: str | None


class Kept(NamedTuple):
    """The jobs whose artifacts are needed, and those whose artifacts have to go."""

    needed: set[str]
    purged: set[str]


class Deletion:
    """Deletes and restores what is in a registry; `retention` is in seconds."""

    def __init__(self, registry: Registry, retention: float = RETENTION) -> None:
        self._registry = registry
        self._retention = retention

    def delete_version(self, name: str, version: int, *, purge: bool = False) -> None:
        """Delete a version that no alias points at; with `purge`, for good, also one deleted before.

        Raises `ModelNotFound`, `VersionNotFound`, `VersionInUse`, `Unavailable`.
        """

        def change(model: ModelDocument, body: Body) -> None:
            job = model.job_of(version)
            if purge and job is not None and job in body["tombstones"]:
                purge_version(body, job)
                return
            found = model.pick(version)
            _refuse_aliased(name, [alias for alias in model.aliases if version in alias.versions])
            self._bury(body, found.job, purge)

        self._registry.change(name, change, deleted_too=purge)

    def delete_model(self, name: str, *, purge: bool = False) -> None:
        """Delete a model that has no alias, and all its versions; a later one of its name counts on.

        With `purge`, for good, also what was deleted before. Raises `ModelNotFound`, `VersionInUse`,
        `Unavailable`.
        """

        def change(model: ModelDocument, body: Body) -> None:
            _refuse_aliased(name, model.aliases)
            for job in list(body["versions"]):
                self._bury(body, job, purge)
            for job in body["tombstones"] if purge else ():
                purge_version(body, job)
            body["deleted"] = body["deleted"] or self._registry.now()

        self._registry.change(name, change, deleted_too=purge)

    def restore(self, name: str, version: int) -> Version:
        """Bring back a version that was deleted lately, and its model with it; one that is there stays.

        Raises `ModelNotFound`, `VersionNotFound`, `VersionGone` when its time is over, `Unavailable`.
        """

        def change(model: ModelDocument, body: Body) -> None:
            job = model.job_of(version)
            if job in body["versions"]:
                return
            if job is None:
                raise VersionNotFound(f"model '{name}' has no version {version}")
            entry = body["tombstones"].pop(job)
            if not self._is_restorable(entry):
                why = "purged" if entry.get("purged") else "deleted too long ago"
                raise VersionGone(f"version {version} of model '{name}' cannot be restored: it was {why}")
            del entry["deleted"]
            body["versions"][job] = entry
            body["deleted"] = None

        return self._registry.change(name, change, deleted_too=True).pick(version)

    def deleted(self, model: ModelDocument) -> list[Deleted]:
        """The model's deleted versions, newest first."""
        found = [
            Deleted(
                entry["version"],
                entry["deleted"],
                restorable_until(entry, self._retention) if self._is_restorable(entry) else None,
            )
            for entry in model.tombstones.values()
        ]
        return sorted(found, reverse=True)

    def kept(self) -> Kept:
        """What of all artifacts has to stay, and what has to go. Raises `Unavailable`."""
        cut = timestamp(self._registry.clock() - self._retention - _SWEEPS_TIME)
        kept = Kept(set(), set())
        for body in self._registry.documents():
            kept.needed.update(body["versions"])
            for job, entry in body["tombstones"].items():
                if entry.get("purged"):
                    kept.purged.add(job)
                elif entry["deleted"] > cut:
                    kept.needed.add(job)
        return kept

    def _is_restorable(self, entry: dict[str, Any]) -> bool:
        return is_restorable(entry, self._registry.clock(), self._retention)

    def _bury(self, body: Body, job: str, purge: bool) -> None:
        body["tombstones"][job] = {**body["versions"].pop(job), "deleted": self._registry.now()}
        if purge:
            purge_version(body, job)


def _refuse_aliased(name: str, aliases: list[Alias]) -> None:
    if aliases:
        pointing = ", ".join(f"'{alias.alias}' ({_versions_of(alias)})" for alias in aliases)
        raise VersionInUse(f"model '{name}' has aliases in the way: {pointing}")


def _versions_of(alias: Alias) -> str:
    numbers = ", ".join(map(str, alias.versions))
    return f"version {numbers}" if alias.weights is None else f"versions {numbers}"
