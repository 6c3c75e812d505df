"""The versions that were made from a dataset, whatever model they are of."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from ml_core.documents import Body, read_many
from ml_core.jobs.jobs import untold_id
from ml_core.ports import ObjectStore
from ml_core.registry.origins import Entry, is_known, read_entry, uploaded, versions_of
from ml_core.registry.registry import ModelDocument, Registry, model_key, spelling, version_of
from ml_core.registry.retention import is_restorable, restorable_until
from ml_core.registry.segments import registered_number
from ml_core.registry.versions import contains_rows, read_manifests

_READERS = 8  # entries read at a time
_MOST_LOOKED_AT = 5_000  # entries, for one page


class MadeVersion(NamedTuple):
    """A version made from a dataset, as it is registered now.

    Args:
        entry: what was written down of it before it was.
        origin: what that says: the upload's `uri`, the artifact's `sha256`, and whether it is a `copy`.
        registered: what is registered of it, with its `job`; of one that was purged little is left.
        aliases: those that point at it.
    """

    entry: Entry
    origin: dict[str, Any]
    registered: Body
    aliases: list[str]

    @property
    def version(self) -> int:
        """Its number."""
        number: int = self.registered["version"]
        return number

    @property
    def is_purged(self) -> bool:
        """Whether nothing can bring it back, and what is stored of it is being removed."""
        return bool(self.registered.get("purged"))


class MadeVersionsPage(NamedTuple):
    """Part of the versions made from a dataset, newest first; `next_after` continues it, None ends it.

    A page may be short, even empty, with more to come.
    """

    versions: list[dict[str, Any]]
    next_after: str | None


def made_versions_page(
    registry: Registry,
    dataset: str,
    limit: int,
    after: str | None = None,
    *,
    retention: float,
    among: Callable[[str], bool] | None = None,
) -> MadeVersionsPage:
    """At most `limit` versions that were made from a dataset, by jobs older than the one with the id `after`.

    `among` says of a model's name whether it may be told, None tells all. Raises `Unavailable`.
    """
    entries = versions_of(registry.store, dataset, after)
    looked = list(islice(entries, limit if among is None else _MOST_LOOKED_AT))
    told = [entry for entry in looked if among is None or among(entry.model)]
    shown, next_after = told[:limit], None
    if len(told) > limit or (len(told) == limit and next(entries, None) is not None):
        next_after = shown[-1].job
    elif next(entries, None) is not None:
        next_after = untold_id(looked[-1].job, after)
        shown = [entry for entry in shown if entry.job < next_after]
    found = _with_manifests(registry.store, made_versions(registry, dataset, shown))
    versions = [_told(registry, made, manifest, retention) for made, manifest in found]
    return MadeVersionsPage(versions, next_after)


def made_versions(registry: Registry, dataset: str, entries: Iterable[Entry]) -> list[MadeVersion]:
    """The versions of the entries, of those that were registered. Raises `Unavailable`."""
    listed = list(entries)
    store = registry.store
    with ThreadPoolExecutor(_READERS) as readers:
        origins = list(readers.map(partial(read_entry, store), listed))
        models = _models(store, {entry.model for entry in listed})
        numbers = list(readers.map(partial(_numbers, models), listed))
    found = []
    for entry, origin, theirs in zip(listed, origins, numbers, strict=True):
        of = uploaded(origin.get("uri"))
        model = models.get(entry.model)
        if of is None or of.dataset != dataset or model is None:
            continue
        registered = model.entries(theirs)
        for number in theirs:
            if number in registered:
                pointing = [each.alias for each in model.aliases if number in each.versions]
                found.append(MadeVersion(entry, origin, {"job": entry.job, **registered[number]}, pointing))
    return found


def was_used(store: ObjectStore, dataset: str) -> bool:
    """Whether a version was made from a dataset of that name, if it is there or not. Raises `Unavailable`."""
    if not is_known(store, dataset):
        return False
    for entry in versions_of(store, dataset):
        of = uploaded(read_entry(store, entry).get("uri"))
        if of is not None and of.dataset == dataset:
            return True
    return False


def _models(store: ObjectStore, names: set[str]) -> dict[str, ModelDocument]:
    """The models' documents by the name that was asked for, also of those that were deleted."""
    ordered = sorted(names)
    documents = read_many(store, map(model_key, ordered))
    return {
        name: ModelDocument(spelling(name, document.body), document, store)
        for name, document in zip(ordered, documents, strict=True)
        if document is not None
    }


def _numbers(models: dict[str, ModelDocument], entry: Entry) -> list[int]:
    """The versions that a job registered: one, but an earlier release may have registered it twice."""
    model = models.get(entry.model)
    if model is None or model.store is None:
        return []
    numbers = {model.number_of(entry.job), registered_number(model.store, model.name, entry.job)}
    return sorted(number for number in numbers if number is not None)


def _with_manifests(
    store: ObjectStore, found: Sequence[MadeVersion]
) -> list[tuple[MadeVersion, dict[str, Any]]]:
    """Each with its manifest, which is empty where that is gone."""
    whole = [made for made in found if "sha256" in made.registered]
    manifests = iter(read_manifests(store, [version_of(made.registered) for made in whole]))
    return [(made, next(manifests) if "sha256" in made.registered else {}) for made in found]


def _told(
    registry: Registry, made: MadeVersion, manifest: dict[str, Any], retention: float
) -> dict[str, Any]:
    """A version in the list."""
    entry = made.registered
    back = "deleted" in entry and is_restorable(entry, registry.clock(), retention)
    return {
        "model": made.entry.model,
        "version": made.version,
        "job": made.entry.job,
        "created": entry.get("created"),
        "algorithm": entry.get("algorithm"),
        "data": {
            "uri": made.origin["uri"],
            "revision": (manifest.get("data") or {}).get("revision"),
        },
        "copy": made.origin["copy"],
        "aliases": made.aliases,
        "deleted": entry.get("deleted"),
        "restorable_until": restorable_until(entry, retention) if back else None,
        "contains_training_rows": contains_rows(manifest) if manifest else None,
        "private": bool(manifest.get("privacy")) if manifest else None,
    }
