"""Deleting, restoring and purging versions, on every store."""

import pytest

from ml_core.conflicts import VersionGone, VersionInUse
from ml_core.documents import read
from ml_core.errors import ModelNotFound, ObjectNotFound, VersionNotFound
from ml_core.jobs.jobs import Jobs
from ml_core.jobs.sweep import sweep
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.retention import DAY, RETENTION
from tests.contract.faults import Clock, RememberingQueue


class Shelf:
    """A registry with versions whose artifacts are there, and a clock that a test puts forward."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.clock = Clock()
        self.registry = Registry(store, self.clock)
        self.deletion = Deletion(self.registry)
        for job in ("a", "b", "c"):
            self.register(job)

    def register(self, job: str) -> int:
        self.store.put_if_absent(artifact_key(job), b"artifact")
        self.store.put_if_absent(manifest_key(job), b'{"metrics": {}}')
        return self.registry.register("iris", job, sha256=job, size=8, algorithm="kmeans")

    def sweep(self, days: float = 0) -> int:
        self.clock.ahead += days * DAY
        return sweep(Jobs(self.store, RememberingQueue(), self.clock), self.registry).orphans

    def numbers(self) -> list[int]:
        return [version.version for version in self.registry.model("iris").versions]


@pytest.fixture
def shelf(store: ObjectStore) -> Shelf:
    return Shelf(store)


def test_a_deleted_version_comes_back_as_it_was_under_its_number(shelf: Shelf) -> None:
    before = shelf.registry.model("iris").pick(2)
    shelf.deletion.delete_version("iris", 2)
    assert shelf.numbers() == [1, 3]
    assert shelf.deletion.restore("iris", 2) == before
    assert shelf.numbers() == [1, 2, 3]
    assert shelf.deletion.deleted(shelf.registry.model("iris")) == []
    assert shelf.deletion.restore("iris", 2) == before, "once more changes nothing"
    assert shelf.register("d") == 4


def test_it_comes_back_until_its_time_is_over_and_the_sweep_waits_for_that(shelf: Shelf) -> None:
    shelf.deletion.delete_version("iris", 2)
    told = shelf.deletion.deleted(shelf.registry.model("iris"))
    assert [entry.version for entry in told] == [2]
    assert told[0].restorable_until is not None
    assert told[0].restorable_until[:10] > told[0].deleted[:10]
    assert shelf.sweep(days=RETENTION / DAY - 0.01) == 0
    assert shelf.deletion.restore("iris", 2).job == "b"
    shelf.deletion.delete_version("iris", 2)
    assert shelf.sweep(days=RETENTION / DAY + 0.01) == 0, "a restore may have begun before its time was over"
    with pytest.raises(VersionGone, match="deleted too long ago"):
        shelf.deletion.restore("iris", 2)
    assert shelf.deletion.deleted(shelf.registry.model("iris"))[0].restorable_until is None
    assert shelf.sweep(days=0.05) == 2
    assert [found.key for found in shelf.store.list("artifacts/").objects] == [
        key(job) for job in ("a", "c") for key in (manifest_key, artifact_key)
    ]


def test_a_purged_version_is_gone_at_once_for_good_and_from_the_store_with_the_next_sweep(
    shelf: Shelf,
) -> None:
    shelf.deletion.delete_version("iris", 2, purge=True)
    with pytest.raises(VersionGone, match="purged"):
        shelf.deletion.restore("iris", 2)
    document = read(shelf.store, "models/iris.json").body
    assert sorted(document["tombstones"]["b"]) == ["deleted", "purged", "version"], "nothing else is left"
    assert shelf.sweep() == 2
    with pytest.raises(ObjectNotFound):
        shelf.store.get(artifact_key("b"))
    shelf.deletion.delete_version("iris", 2, purge=True)
    assert shelf.register("b") == 2, "its job, delivered again, brings nothing back"
    assert shelf.numbers() == [1, 3]


def test_what_was_deleted_before_can_still_be_purged(shelf: Shelf) -> None:
    shelf.deletion.delete_version("iris", 2)
    with pytest.raises(VersionNotFound, match="it was deleted"):
        shelf.deletion.delete_version("iris", 2)
    shelf.deletion.delete_version("iris", 2, purge=True)
    assert shelf.sweep() == 2
    with pytest.raises(VersionNotFound):
        shelf.deletion.delete_version("iris", 9, purge=True)


def test_a_deleted_model_comes_back_with_the_version_that_is_restored(shelf: Shelf) -> None:
    shelf.deletion.delete_model("iris")
    with pytest.raises(ModelNotFound):
        shelf.registry.model("iris")
    shelf.deletion.restore("iris", 3)
    assert shelf.numbers() == [3]
    assert shelf.register("d") == 4


def test_a_model_is_purged_with_all_that_was_ever_deleted_of_it(shelf: Shelf) -> None:
    shelf.deletion.delete_version("iris", 1)
    shelf.deletion.delete_model("iris")
    shelf.deletion.delete_model("iris", purge=True)
    for version in (1, 2, 3):
        with pytest.raises(VersionGone):
            shelf.deletion.restore("iris", version)
    assert shelf.sweep() == 6
    assert shelf.register("d") == 4


def test_what_an_alias_points_at_is_neither_deleted_nor_purged(shelf: Shelf) -> None:
    Aliases(shelf.registry).set("iris", "production", {"1": 90, "2": 10})
    for purge in (False, True):
        for version in (1, 2):
            with pytest.raises(VersionInUse, match="'production' \\(versions 1, 2\\)"):
                shelf.deletion.delete_version("iris", version, purge=purge)
        with pytest.raises(VersionInUse):
            shelf.deletion.delete_model("iris", purge=purge)
    assert shelf.sweep(days=100) == 0


def test_only_what_was_there_is_restored(shelf: Shelf) -> None:
    with pytest.raises(VersionNotFound, match="has no version 9"):
        shelf.deletion.restore("iris", 9)
    with pytest.raises(ModelNotFound):
        shelf.deletion.restore("wine", 1)


def test_a_tombstone_of_an_earlier_release_says_too_little_to_come_back(shelf: Shelf) -> None:
    shelf.registry.change("iris", lambda _, body: _bury_as_before(body))
    assert shelf.deletion.deleted(shelf.registry.model("iris"))[0].restorable_until is None
    with pytest.raises(VersionGone):
        shelf.deletion.restore("iris", 2)


def _bury_as_before(body: dict[str, dict[str, object]]) -> None:
    del body["versions"]["b"]
    body["tombstones"]["b"] = {"version": 2, "deleted": "2999-01-01T00:00:00Z"}
