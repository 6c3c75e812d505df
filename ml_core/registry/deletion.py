"""Versions that are deleted: kept for a while, so that they can be restored, then removed by the sweep.

A deleted version is a tombstone in its model's document, or where that keeps what it does not hold
(`segments.py`): what was registered of it, and when it was deleted. Its number is never used again. Its
artifact and manifest stay for the retention time. One that is purged leaves nothing but its number: nobody
can bring it back, and the next sweep removes what is stored of it (`sweeping.py`).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ml_core.conflicts import VersionGone, VersionInUse
from ml_core.documents import Body
from ml_core.errors import VersionNotFound
from ml_core.registry.changes import bring_in, erase, refill, tell_sweep
from ml_core.registry.registry import Alias, ModelDocument, Registry, Version
from ml_core.registry.retention import RETENTION, is_restorable, purge_version, restorable_until


class Deleted(NamedTuple):
    """A deleted version; `restorable_until` is None where nothing can bring it back."""

    version: int
    deleted: str
    restorable_until: str | None


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
            entry = (model.entry(version) if purge else None) or model.live_entry(version)
            _refuse_aliased(name, [alias for alias in model.aliases if version in alias.versions])
            now = self._registry.now()
            tell_sweep(self._registry.store, name, now, version, version, purge=purge)
            bring_in(body, entry)
            self._bury(body, entry["job"], now, purge)
            refill(body, model.entries_below(model.elsewhere["newest"] + 1))

        self._registry.change(name, change, deleted_too=purge)

    def purge_versions(self, name: str, versions: Iterable[int]) -> None:
        """Delete versions that no alias points at for good, in one change; those that are stay so.

        As many as a document holds for a while: some tens. Raises as `delete_version`.
        """
        wanted = sorted(versions)
        known = self._registry.entries(name, wanted)
        if all(entry.get("purged") for entry in known.values()):
            return

        def change(model: ModelDocument, body: Body) -> None:
            _refuse_aliased(name, [each for each in model.aliases if not {*wanted}.isdisjoint(each.versions)])
            now = self._registry.now()
            for version, entry in sorted(model.entries(wanted).items()):
                if entry.get("purged"):
                    continue
                tell_sweep(self._registry.store, name, now, version, version, purge=True)
                bring_in(body, entry)
                self._bury(body, entry["job"], now, purge=True)
            refill(body, model.entries_below(model.elsewhere["newest"] + 1))

        self._registry.change(name, change, deleted_too=True)

    def delete_model(self, name: str, *, purge: bool = False) -> None:
        """Delete a model that has no alias, and all its versions; a later one of its name counts on.

        With `purge`, for good, also what was deleted before. Raises `ModelNotFound`, `VersionInUse`,
        `Conflict` where that was done very often, `Unavailable`.
        """

        def change(model: ModelDocument, body: Body) -> None:
            _refuse_aliased(name, model.aliases)
            now = self._registry.now()
            if model.next_version > 1:
                tell_sweep(self._registry.store, name, now, 1, model.next_version - 1, purge=purge)
            for job in [*body["versions"], *(body["tombstones"] if purge else ())]:
                self._bury(body, job, now, purge)
            erase(body, now, purge=purge)
            body["deleted"] = body["deleted"] or now

        self._registry.change(name, change, deleted_too=purge)

    def restore(self, name: str, version: int) -> Version:
        """Bring back a version that was deleted lately, and its model with it; one that is there stays.

        Raises `ModelNotFound`, `VersionNotFound`, `VersionGone` when its time is over, `Unavailable`.
        """

        def change(model: ModelDocument, body: Body) -> None:
            entry = model.entry(version)
            if entry is None:
                raise VersionNotFound(f"model '{name}' has no version {version}")
            if "deleted" not in entry:
                return
            if not self._is_restorable(entry):
                why = "purged" if entry.get("purged") else "deleted too long ago"
                raise VersionGone(f"version {version} of model '{name}' cannot be restored: it was {why}")
            bring_in(body, entry)
            restored = body["tombstones"].pop(entry["job"])
            del restored["deleted"]
            body["versions"][entry["job"]] = restored
            body["deleted"] = None

        return self._registry.change(name, change, deleted_too=True).pick(version)

    def deleted(self, model: ModelDocument, entries: Iterable[Body] | None = None) -> list[Deleted]:
        """The model's deleted versions, newest first; of a page of versions, those that are in it."""
        if entries is None:
            entries = (entry for entry in model.entries_below() if "deleted" in entry)
        return [
            Deleted(
                entry["version"],
                entry["deleted"],
                restorable_until(entry, self._retention) if self._is_restorable(entry) else None,
            )
            for entry in entries
        ]

    def _is_restorable(self, entry: dict[str, Any]) -> bool:
        return is_restorable(entry, self._registry.clock(), self._retention)

    def _bury(self, body: Body, job: str, now: str, purge: bool) -> None:
        if job in body["versions"]:
            body["tombstones"][job] = {**body["versions"].pop(job), "deleted": now}
        if purge:
            purge_version(body, job)


def _refuse_aliased(name: str, aliases: list[Alias]) -> None:
    if aliases:
        pointing = ", ".join(f"'{alias.alias}' ({_versions_of(alias)})" for alias in aliases)
        raise VersionInUse(f"model '{name}' has aliases in the way: {pointing}")


def _versions_of(alias: Alias) -> str:
    numbers = ", ".join(map(str, alias.versions))
    return f"version {numbers}" if alias.weights is None else f"versions {numbers}"
