"""What is known of versions: what the registry says of each, and its manifest, which its training wrote."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ml_core.errors import AlgorithmNotFound, ObjectNotFound
from ml_core.ports import ObjectStore
from ml_core.registry.listing import versions_page
from ml_core.registry.registry import ModelDocument, Registry, Version, manifest_key

_READERS = 8  # manifests read at a time

type Manifest = dict[str, Any]


class ComparedVersions(NamedTuple):
    """Part of a model's versions, newest first; `next_before` continues it, None ends it.

    A page may be short, even empty, with more to come, where many versions were deleted.
    """

    versions: list[dict[str, Any]]
    next_before: int | None


class Versions:
    """The versions of a registry's models, described."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get(self, name: str, version: int) -> dict[str, Any]:
        """All that is known of a version.

        Raises `ModelNotFound`, `VersionNotFound`, `ObjectNotFound` (its manifest), `Unavailable`.
        """
        model = self._registry.model(name)
        found = model.pick(version)
        manifest = json.loads(self._registry.store.get(manifest_key(found.job)).data)
        more = {
            "curves": manifest.get("curves"),
            "contains_training_rows": contains_rows(manifest),
            "registered": manifest.get("registered"),
        }
        lineage = _lineage(found, manifest)
        return {**manifest, **more, "name": name, **found._asdict(), "lineage": lineage}

    def page(self, name: str, limit: int = 100, before: int | None = None) -> ComparedVersions:
        """At most `limit` versions older than the one numbered `before`, to be compared.

        Raises `ModelNotFound`, `Unavailable`.
        """
        model = self._registry.model(name)
        page = versions_page(model, limit, before)
        manifests = read_manifests(self._registry.store, page.versions)
        listed = [
            _compared(model, version, manifest)
            for version, manifest in zip(page.versions, manifests, strict=True)
        ]
        return ComparedVersions(listed, page.next_before)

    def warnings(self, name: str, numbers: list[int]) -> list[str]:
        """What callers should know before those versions answer them in turn. Raises as `page`."""
        model = self._registry.model(name)
        versions = [model.pick(number) for number in numbers]
        manifests = read_manifests(self._registry.store, versions)
        pictures = [*_pixel_rows(versions, manifests), *_other_numbers(versions, manifests)]
        if pictures:
            return pictures
        mixed = [v.version for v, manifest in zip(versions, manifests, strict=True) if "encoding" in manifest]
        plain = [version.version for version in versions if version.version not in mixed]
        if not mixed or not plain:
            return _read_otherwise(versions, manifests)
        return [f"missing values are taken by {_called(mixed)}, and refused by {_called(plain)}"]


# How far the numbers of pictures may be from those of other pictures: light ones from dark ones.
_MOST_TIMES = 2
# What of a rule takes more of callers, and reads nothing otherwise.
_ALIKE = ("trim", "spelled", "optional")


def _read_otherwise(versions: list[Version], manifests: list[Manifest]) -> list[str]:
    """Which versions read what callers write, such as "1,073.55" or "NA", by other rules than the first."""
    rules = [_rules(manifest) for manifest in manifests]
    others = [v.version for v, theirs in zip(versions, rules, strict=True) if theirs != rules[0]]
    if not others:
        return []
    theirs = rules[[version.version for version in versions].index(others[0])]
    column = next(name for name, rule in theirs.items() if rule != rules[0].get(name))
    first = f"version {versions[0].version}"
    told = f"text is read by other rules in {_called(others)} than in {first}, such as column '{column}'"
    return [f"{told}: send numbers, dates of ISO 8601 and null"]


def _pixel_rows(versions: list[Version], manifests: list[Manifest]) -> list[str]:
    """Which versions take rows of pixels, where others take pictures alone, or pixels in other columns."""
    columns = [(manifest.get("input") or {}).get("pixels") for manifest in manifests]
    with_rows = [v.version for v, theirs in zip(versions, columns, strict=True) if theirs]
    without = [v.version for v, theirs in zip(versions, columns, strict=True) if not theirs]
    if not with_rows:
        return []
    if without:
        return [f"rows of pixels are taken by {_called(with_rows)}, and refused by {_called(without)}"]
    others = [v.version for v, theirs in zip(versions, columns, strict=True) if theirs != columns[0]]
    if not others:
        return []
    first = f"version {versions[0].version}"
    return [f"pixels are in other columns in {_called(others)} than in {first}: send pictures"]


def _other_numbers(versions: list[Version], manifests: list[Manifest]) -> list[str]:
    """Which versions were trained on pictures of other numbers than the first that says it.

    The same picture is another one to them: bytes to a network that was trained on numbers from 0 to 1.
    """
    each = [(manifest.get("input") or {}).get("numbers") for manifest in manifests]
    known = [(version, theirs) for version, theirs in zip(versions, each, strict=True) if theirs]
    others = [version.version for version, theirs in known if _differ(known[0][1], theirs)]
    if not others:
        return []
    first, ours = known[0]
    theirs = next(theirs for version, theirs in known if version.version == others[0])
    files = "" if ours["bytes"] == theirs["bytes"] else ", and of one kind alone PNG files are taken"
    here, there = f"{_range(theirs)} in {_called(others)}", f"{_range(ours)} in version {first.version}"
    return [f"pictures have {here}, and {there}: numbers that fit one may not fit the other{files}"]


def _differ(one: Manifest, other: Manifest) -> bool:
    """Whether pictures are of bytes in one alone, or the numbers of one go more than twice as far."""
    ours, theirs = (max(map(abs, numbers["range"])) for numbers in (one, other))
    return bool(one["bytes"] != other["bytes"] or max(ours, theirs) > _MOST_TIMES * min(ours, theirs))


def _range(numbers: Manifest) -> str:
    least, most = numbers["range"]
    return f"numbers from {least:.6g} to {most:.6g}"


def _rules(manifest: Manifest) -> dict[str, object]:
    """How each column of a version is read, and which words stand for a missing value in it."""
    lists = manifest.get("missing_words", ())
    return {
        each["name"]: (
            {name: value for name, value in each.get("read", {}).items() if name not in _ALIKE},
            lists[each["missing"]] if "missing" in each else None,
        )
        for each in manifest.get("encoding", ())
    }


def read_manifests(store: ObjectStore, versions: Iterable[Version]) -> list[Manifest]:
    """The versions' manifests, several read at a time; empty where one is missing. Raises `Unavailable`."""
    from concurrent.futures import ThreadPoolExecutor

    def read(version: Version) -> Manifest:
        try:
            manifest: Manifest = json.loads(store.get(manifest_key(version.job)).data)
        except ObjectNotFound:
            return {}
        return manifest

    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(read, versions))


def _called(numbers: list[int]) -> str:
    return f"version{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def contains_rows(manifest: Manifest) -> bool | None:
    """Whether the artifact holds training rows; of an older manifest as far as the algorithm tells it."""
    if "contains_training_rows" in manifest:
        told: bool | None = manifest["contains_training_rows"]
        return told
    from ml_core import algorithms

    try:
        info = algorithms.algorithm(manifest["algorithm"])
    except (KeyError, AlgorithmNotFound):
        return None
    return info.algorithm.keeps_rows(manifest.get("hyperparameters", {}))


def _lineage(version: Version, manifest: Manifest) -> dict[str, Any]:
    """Where the version came from: enough to train it again, and to know whether that gave the same."""
    kept = {name: manifest.get(name) for name in ("data", "seed", "test_fraction", "library_versions")}
    # Before a manifest said how, rows were held out at random.
    split = manifest.get("split", {"by": "random"} if "test_fraction" in manifest else None)
    return {"job": version.job, **kept, "split": split}


def _compared(model: ModelDocument, version: Version, manifest: Manifest) -> dict[str, Any]:
    """A version in the list in which versions are compared."""
    kept = {name: manifest.get(name) for name in ("hyperparameters", "metrics", "rows", "test_rows")}
    if kept["metrics"]:  # without the history of each: that is in the version
        kept["metrics"] = {name: part for name, part in kept["metrics"].items() if name != "history"}
    privacy = manifest.get("privacy")
    pointing = [alias.alias for alias in model.aliases if version.version in alias.versions]
    return {
        **version._asdict(),
        **kept,
        "aliases": pointing,
        **({"privacy": privacy} if privacy else {}),
        "registered": _registered(manifest),
        "lineage": _lineage(version, manifest),
    }


def _registered(manifest: Manifest) -> dict[str, Any] | None:
    """Who registered what was made elsewhere; what is told of its origin is in the version."""
    told: dict[str, Any] | None = manifest.get("registered")
    return None if told is None else {name: value for name, value in told.items() if name != "origin"}
