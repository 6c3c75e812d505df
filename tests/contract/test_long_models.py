"""A model with more versions than its document holds, on every store."""

import pytest

from ml_core.conflicts import VersionGone
from ml_core.documents import read
from ml_core.errors import ModelNotFound, NameTaken, VersionNotFound
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import Aliases
from ml_core.registry.changes import KEPT
from ml_core.registry.deletion import Deletion
from ml_core.registry.listing import versions_page
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.retention import DAY
from ml_core.registry.segments import SIZE
from ml_core.registry.sweeping import Sweeper
from tests.contract.faults import Clock

LENGTH = SIZE + KEPT + 5


class Long:
    """A registry with one long model."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.clock = Clock()
        self.registry = Registry(store, self.clock)
        self.deletion = Deletion(self.registry)
        for number in range(1, LENGTH + 1):
            assert self.register(f"job-{number:03d}") == number

    def register(self, job: str, name: str = "Fruit") -> int:
        return self.registry.register(name, job, sha256=job, size=1, algorithm="none")

    def sweep(self, days: float = 0) -> int:
        self.clock.ahead += days * DAY
        return Sweeper(self.registry, lambda: False, set(), lambda job: None if job else job).sweep()

    def numbers(self) -> list[int]:
        return [version.version for version in self.registry.model("Fruit").versions]

    def files(self, *numbers: int) -> None:
        for number in numbers:
            for key in (artifact_key, manifest_key):
                self.store.put_if_absent(key(f"job-{number:03d}"), b"{}")


@pytest.fixture
def long(store: ObjectStore) -> Long:
    return Long(store)


def test_every_version_is_found_and_its_job_registers_no_more(long: Long) -> None:
    assert len(read(long.store, "models/fruit.json").body["versions"]) == KEPT + 1
    model = long.registry.model("Fruit")
    for number in (1, 2, SIZE, SIZE + 1, LENGTH):
        assert model.pick(number).job == f"job-{number:03d}"
        assert long.register(f"job-{number:03d}") == number
        assert long.registry.number_of("Fruit", f"job-{number:03d}") == number
    with pytest.raises(VersionNotFound, match=f"no version {LENGTH + 1}"):
        model.pick(LENGTH + 1)
    assert long.numbers() == list(range(1, LENGTH + 1))
    assert [found.name for found in long.registry.models(1).models] == ["Fruit"]
    assert long.registry.models(1).next_after is None


def test_pages_go_on_where_the_one_before_ended(long: Long) -> None:
    for number in (1, 3, 20, 21, LENGTH):
        long.deletion.delete_version("Fruit", number)
    live, deleted, before = [], [], None
    while True:
        page = versions_page(long.registry.model("Fruit"), 7, before)
        assert len(page.versions) <= 7
        live += [version.version for version in page.versions]
        deleted += [entry["version"] for entry in page.deleted]
        before = page.next_before
        if before is None:
            break
    assert deleted == [LENGTH, 21, 20, 3, 1]
    assert live[::-1] == long.numbers()


def test_an_alias_may_name_any_version_and_a_prediction_by_it_reads_one_document(long: Long) -> None:
    aliases = Aliases(long.registry)
    aliases.set("Fruit", "production", 2)
    assert read(long.store, "models/fruit.json").body["versions"]["job-002"]["version"] == 2
    aliases.set("Fruit", "production", {"3": 1, "4": 1})
    aliases.promote("Fruit", "production")
    assert aliases.roll_back("Fruit", "production").version == 2
    assert long.registry.model("Fruit").pick().job == "job-002"
    changes = aliases.history("Fruit", "production").changes
    assert [change.kind for change in changes] == ["rollback", "promote", "set", "set"]
    assert len(read(long.store, "models/fruit.json").body["versions"]) <= KEPT + 3


def test_old_versions_are_deleted_restored_and_purged_as_new_ones_are(long: Long) -> None:
    long.files(2, 3, LENGTH)
    before = long.registry.model("Fruit").pick(2)
    for number in (2, 3, 5, LENGTH):
        long.deletion.delete_version("Fruit", number)
    assert long.deletion.restore("Fruit", 2) == before
    long.deletion.delete_version("Fruit", 3, purge=True)
    for job in range(20):
        long.register(f"more-{job}")
    with pytest.raises(VersionGone, match="purged"):
        long.deletion.restore("Fruit", 3)
    assert [each.version for each in long.deletion.deleted(long.registry.model("Fruit"))] == [LENGTH, 5, 3]
    assert long.sweep() == 2, "what was purged"
    assert long.sweep(days=8) == 2, "what was deleted"
    assert [found.key for found in long.store.list("artifacts/").objects] == [
        manifest_key("job-002"),
        artifact_key("job-002"),
    ]


def test_the_newest_is_found_when_all_that_the_document_holds_are_deleted(long: Long) -> None:
    for number in range(LENGTH, 10, -1):
        assert long.registry.model("Fruit").pick().version == number
        long.deletion.delete_version("Fruit", number)
    assert long.registry.model("Fruit").pick().version == 10


def test_a_long_model_is_deleted_and_restored_in_one_write(long: Long) -> None:
    long.files(1)
    long.deletion.delete_model("Fruit")
    with pytest.raises(ModelNotFound):
        long.registry.model("Fruit")
    with pytest.raises(NameTaken, match="can be restored"):
        long.register("other", "FRUIT")
    assert long.deletion.restore("Fruit", 4).version == 4
    assert long.numbers() == [4]
    assert long.register("new") == LENGTH + 1
    assert long.sweep(days=8) == 2
    with pytest.raises(VersionGone, match="deleted too long ago"):
        long.deletion.restore("Fruit", 5)
    long.deletion.delete_model("Fruit", purge=True)
    assert long.register("other", "FRUIT") == LENGTH + 2
    with pytest.raises(VersionGone, match="purged"):
        long.deletion.restore("FRUIT", 4)
    assert long.registry.model("FRUIT").pick().job == "other"
