"""A registry of the release before is read as it is, and brought to the present form without a word lost."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from obstore.store import MemoryStore

from ml_core.documents import read
from ml_core.errors import Conflict, ObjectNotFound
from ml_core.ports import ObjectStore
from ml_core.registry import changes, sweeping
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.sweeping import Sweeper
from ml_core.serving import Models
from providers.object_storage import ObstoreStore
from tests.metered_store import MeteredStore
from tests.previous.aliases import Aliases as PreviousAliases
from tests.previous.deletion import Deletion as PreviousDeletion
from tests.previous.registry import Registry as PreviousRegistry

NAME = "Fruit"
# What that release wrote: 60 versions, 13 of them deleted and 3 of those purged, three aliases and what was
# done to four.
with open(os.path.join(os.path.dirname(__file__), "..", "..", "previous", "fruit.json"), "rb") as _file:
    DOCUMENT = _file.read()
NOW = 1_790_000_000.0 + 61 * 3600  # an hour after its last change


@pytest.fixture
def store() -> ObjectStore:
    """A store with that model, and the files that the sweep has left."""
    store = ObstoreStore(MemoryStore())
    store.put_if_absent("models/fruit.json", DOCUMENT)
    body = read(store, "models/fruit.json").body
    for job in [*body["versions"], *body["tombstones"]]:
        store.put_if_absent(artifact_key(job), b"artifact")
        store.put_if_absent(manifest_key(job), b"{}")
    return store


def told(registry: Any, aliases: Any, deletion: Any) -> dict[str, object]:
    """What a release tells of the model."""
    model = registry.model(NAME)
    return {
        "versions": [tuple(version) for version in model.versions],
        "newest": model.pick(max(version.version for version in model.versions)).job,
        "production": model.pick().version,
        "aliases": [tuple(alias) for alias in model.aliases],
        "deleted": [tuple(each) for each in deletion.deleted(model)],
        "histories": [
            [tuple(change)[:7] for change in aliases.history(NAME, alias, limit=1000).changes]  # no reasons
            for alias in ("production", "canary", "old", "gone")
        ],
        "chosen": [model.choose(alias="canary", key=str(key)).version.version for key in range(50)],
        "numbers": [registry.number_of(NAME, f"{number:028x}") for number in range(1, 63)],
    }


def told_before(store: ObjectStore) -> dict[str, object]:
    registry = PreviousRegistry(store, lambda: NOW)
    return told(registry, PreviousAliases(registry), PreviousDeletion(registry))


def told_now(store: ObjectStore) -> dict[str, object]:
    registry = Registry(store, lambda: NOW)
    return told(registry, Aliases(registry), Deletion(registry))


def sweep(store: ObjectStore, now: float = NOW, over: Callable[[], bool] = lambda: False) -> int:
    return Sweeper(Registry(store, lambda: now), over, set(), lambda job: None if job else job).sweep()


def test_it_is_read_as_it_is(store: ObjectStore) -> None:
    assert told_now(store) == told_before(store)


@pytest.mark.parametrize("steps", [None, 4, 7], ids=["at once", "little by little", "in some steps"])
def test_the_sweep_makes_it_short_and_nothing_is_lost(store: ObjectStore, steps: int | None) -> None:
    before = told_before(store)
    for _ in range(1 if steps is None else 60):
        left = iter(range(steps or 10_000))
        sweep(store, over=lambda left=left: next(left, None) is None)  # type: ignore[misc]
    body = read(store, "models/fruit.json").body
    named = {number for alias in Registry(store).model(NAME).aliases for number in alias.versions}
    assert len(body["versions"]) == changes.KEPT + len(named)
    assert len(body["tombstones"]) <= changes.KEPT
    assert [len(lines) for lines in body["history"].values()] == [1, 1, 1, 1]
    assert len(store.get("models/fruit.json").data) < len(DOCUMENT) / 2
    assert told_now(store) == before
    kept = PreviousDeletion(PreviousRegistry(store, lambda: NOW)).kept()
    assert len(kept.needed) == 57, "the sweep of that release leaves the files of what was moved"


def test_what_it_had_purged_and_deleted_is_removed_in_time(store: ObjectStore) -> None:
    def files() -> int:
        return len(store.list("artifacts/").objects)

    for _ in range(3):
        sweep(store)
    assert files() == 2 * (60 - 3)
    for days in (8, 8.1, 8.2):
        sweep(store, NOW + days * 86_400)
    assert files() == 2 * (60 - 13)


def test_a_first_prediction_moves_nothing(store: ObjectStore) -> None:
    counting = MeteredStore(store)

    class Loaded:
        nbytes = 1

    body = read(store, "models/fruit.json").body
    served = Models(counting, load=lambda _: Loaded())  # type: ignore[arg-type,return-value]
    with pytest.raises(Exception, match="is damaged"):  # the artifacts are none
        served.resolve(NAME)
    assert counting.cost.requests == 2
    assert counting.cost.written == 0
    assert read(store, "models/fruit.json").body == body


def test_a_change_moves_a_bounded_part(store: ObjectStore) -> None:
    registry = Registry(store, lambda: NOW)
    before = len(read(store, "models/fruit.json").body["versions"])
    registry.register(NAME, "a" * 28, sha256="", size=1, algorithm="kmeans")
    after = len(read(store, "models/fruit.json").body["versions"])
    assert after == before + 1 - changes.MOST_MOVED
    Aliases(registry).promote(NAME, "production", 1)
    with pytest.raises(ObjectNotFound):
        store.get("registry/sweep.json")
    assert sweeping.MOST_MODELS > 1
    assert registry.model(NAME).pick(2).version == 2


def test_a_model_that_it_deletes_is_deleted_with_what_it_does_not_know(store: ObjectStore) -> None:
    sweep(store)
    clock = [NOW]
    registry = Registry(store, lambda: clock[0])
    for alias in ("production", "canary", "old"):
        Aliases(registry).delete(NAME, alias)
    assert len(registry.model(NAME).versions) == 47
    PreviousDeletion(PreviousRegistry(store, lambda: clock[0])).delete_model(NAME)
    assert registry.register(NAME, "a" * 28, sha256="", size=1, algorithm="kmeans") == 61
    model = registry.model(NAME)
    assert [version.version for version in model.versions] == [61]
    assert len(Deletion(registry).deleted(model)) == 60
    assert Deletion(registry).restore(NAME, 2).job == f"{2:028x}"
    for days in (8, 8.1, 8.2):
        sweep(store, NOW + days * 86_400)
    assert [found.key for found in store.list("artifacts/").objects] == [
        manifest_key(f"{2:028x}"),
        artifact_key(f"{2:028x}"),
    ]


def test_a_job_that_it_registers_once_more_has_two_numbers_and_both_answer(store: ObjectStore) -> None:
    """It cannot know of the first; nothing is lost or mixed up by it, and the files stay for both."""
    sweep(store)
    registry = Registry(store, lambda: NOW)
    job = f"{2:028x}"
    assert PreviousRegistry(store).register(NAME, job, sha256="s", size=1, algorithm="kmeans") == 61
    for number in range(20):
        registry.register(NAME, f"{number:028d}", sha256="", size=1, algorithm="kmeans")
    model = registry.model(NAME)
    assert (model.pick(2).job, model.pick(61).job) == (job, job)
    with pytest.raises(Conflict, match="versions 61 and 2 are of one job: use version 61"):
        Aliases(registry).set(NAME, "production", 2)
    assert Aliases(registry).set(NAME, "production", 61).version == 61
    Deletion(registry).delete_version(NAME, 4, purge=True)
