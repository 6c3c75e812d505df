"""The registry on every store."""

import json
import threading

import pytest

from ml_core.conflicts import VersionInUse
from ml_core.documents import read
from ml_core.errors import (
    AliasNotFound,
    InvalidInput,
    ModelNotFound,
    RevisionMismatch,
    Unavailable,
    VersionNotFound,
)
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import ANY, Aliases, Terms
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, manifest_key
from ml_core.registry.versions import Versions
from tests.contract.faults import Fault, FaultyStore, do_twice, fail_before, lose_answer
from tests.contract.places import Place, race


@pytest.fixture
def registry(store: ObjectStore) -> Registry:
    """A registry without models."""
    return Registry(store)


def _register(registry: Registry, job: str, name: str = "iris") -> int:
    return registry.register(name, job, sha256=f"sha of {job}", size=7, algorithm="kmeans")


def _if(etag: str) -> Terms:
    return Terms(one_of=frozenset({etag}))


class TestVersions:
    def test_eight_processes_lose_and_overwrite_no_version(self, place: Place) -> None:
        """Eight processes register 25 versions each of one model."""
        written = race([place.process("register", "iris", "25") for _ in range(8)])
        told = {job: number for each in written for job, number in json.loads(each).items()}
        model = Registry(place.open()).model("iris")
        assert {version.job: version.version for version in model.versions} == told
        assert sorted(told.values()) == list(range(1, 201))
        assert model.revision == 200
        assert all(version.sha256 == version.job for version in model.versions)

    def test_a_job_registers_once(self, registry: Registry) -> None:
        assert [_register(registry, job) for job in ("a", "b", "a", "b")] == [1, 2, 1, 2]
        assert len(registry.model("iris").versions) == 2

    def test_a_number_is_never_used_again(self, registry: Registry) -> None:
        """Not after the newest version is deleted, nor after the model is and a new one has its name."""
        _register(registry, "a")
        _register(registry, "b")
        Deletion(registry).delete_version("iris", 2)
        assert _register(registry, "c") == 3
        Deletion(registry).delete_model("iris")
        assert _register(registry, "d") == 4
        model = registry.model("iris")
        assert [version.version for version in model.versions] == [4]
        assert [each.version for each in Deletion(registry).deleted(model)] == [3, 2, 1]

    def test_a_deleted_version_stays_deleted_when_its_job_comes_again(self, registry: Registry) -> None:
        _register(registry, "a")
        _register(registry, "b")
        Deletion(registry).delete_version("iris", 2)
        assert _register(registry, "b") == 2
        assert registry.number_of("iris", "b") == 2
        assert [version.version for version in registry.model("iris").versions] == [1]

    def test_a_version_is_its_manifest_and_what_the_registry_adds(
        self, store: ObjectStore, registry: Registry
    ) -> None:
        store.put_if_absent(manifest_key("a"), b'{"algorithm": "kmeans", "metrics": {}}')
        _register(registry, "a")
        version = Versions(registry).get("iris", 1)
        assert version["metrics"] == {}
        assert (version["name"], version["version"], version["sha256"]) == ("iris", 1, "sha of a")
        with pytest.raises(VersionNotFound, match="'iris' has no version 2"):
            Versions(registry).get("iris", 2)

    @pytest.mark.parametrize(
        "name", ["", "-a", ".a", "_a", "a.", "a/b", "../x", "a\\b", "a" * 64, "é", "a b"]
    )
    def test_names_have_a_rule(self, registry: Registry, name: str) -> None:
        with pytest.raises(InvalidInput):
            _register(registry, "a", name)
        with pytest.raises(ModelNotFound):
            registry.model(name)
        with pytest.raises(ModelNotFound):
            Deletion(registry).delete_model(name)


class TestPicking:
    def test_the_newest_version_unless_production_is_set(self, registry: Registry) -> None:
        _register(registry, "a")
        _register(registry, "b")
        assert registry.model("iris").pick().version == 2
        Aliases(registry).set("iris", "production", 1)
        Aliases(registry).set("iris", "staging", 2)
        model = registry.model("iris")
        assert model.pick().version == 1
        assert model.pick(alias="staging").version == 2
        assert model.pick(version=2).job == "b"

    def test_what_is_not_there_is_said(self, registry: Registry) -> None:
        with pytest.raises(ModelNotFound, match="no model 'iris'"):
            registry.model("iris")
        _register(registry, "a")
        with pytest.raises(VersionNotFound, match="no version 9"):
            registry.model("iris").pick(9)
        with pytest.raises(AliasNotFound, match="no alias 'canary'"):
            registry.model("iris").pick(alias="canary")
        Deletion(registry).delete_version("iris", 1)
        with pytest.raises(VersionNotFound, match="all were deleted"):
            registry.model("iris").pick()


class TestAliases:
    def test_an_alias_has_an_etag_of_its_own(self, registry: Registry) -> None:
        """Neither a new version nor another alias changes it."""
        _register(registry, "a")
        etag = Aliases(registry).set("iris", "production", 1).etag
        _register(registry, "b")
        Aliases(registry).set("iris", "staging", 2)
        assert registry.model("iris").alias("production").etag == etag
        moved = Aliases(registry).set("iris", "production", 2, terms=_if(etag))
        assert moved.etag != etag
        assert registry.model("iris").alias("production") == moved

    def test_a_lost_race_is_a_mismatch(self, registry: Registry) -> None:
        _register(registry, "a")
        with pytest.raises(RevisionMismatch, match="does not exist"):
            Aliases(registry).set("iris", "production", 1, terms=_if(ANY))
        first = Aliases(registry).set("iris", "production", 1)
        Aliases(registry).set("iris", "production", 1, terms=_if(ANY))
        with pytest.raises(RevisionMismatch, match="changed meanwhile"):
            Aliases(registry).set("iris", "production", 1, terms=_if(first.etag))
        with pytest.raises(RevisionMismatch):
            Aliases(registry).delete("iris", "production", terms=_if(first.etag))

    def test_an_alias_points_at_a_version_that_exists(self, registry: Registry) -> None:
        _register(registry, "a")
        with pytest.raises(VersionNotFound):
            Aliases(registry).set("iris", "production", 2)
        with pytest.raises(ModelNotFound):
            Aliases(registry).set("wine", "production", 1)
        with pytest.raises(InvalidInput):
            Aliases(registry).set("iris", "Production!", 1)
        assert registry.model("iris").aliases == []

    def test_what_an_alias_points_at_is_not_deleted(self, registry: Registry) -> None:
        _register(registry, "a")
        Aliases(registry).set("iris", "production", 1)
        with pytest.raises(VersionInUse, match="'production'"):
            Deletion(registry).delete_version("iris", 1)
        with pytest.raises(VersionInUse, match="'production'"):
            Deletion(registry).delete_model("iris")
        Aliases(registry).delete("iris", "production")
        with pytest.raises(AliasNotFound):
            Aliases(registry).delete("iris", "production")
        Deletion(registry).delete_version("iris", 1)

    def test_of_promotions_that_know_the_same_state_one_wins(self, place: Place) -> None:
        registry = Registry(place.open())
        _register(registry, "a")
        known = Aliases(registry).set("iris", "production", 1).etag
        won: list[str] = []

        def promote() -> None:
            try:
                won.append(
                    Aliases(Registry(place.open())).set("iris", "production", 1, terms=_if(known)).etag
                )
            except RevisionMismatch:
                return

        racers = [threading.Thread(target=promote) for _ in range(4)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert won == [registry.model("iris").alias("production").etag]


class TestListing:
    def test_deleted_models_are_not_listed(self, registry: Registry) -> None:
        for name in ("wine", "iris", "digits", "iris-2"):
            _register(registry, f"job-{name}", name)
        Deletion(registry).delete_model("wine")
        page = registry.models()
        assert sorted(model.name for model in page.models) == ["digits", "iris", "iris-2"]
        assert page.next_after is None

    def test_the_list_is_paged(self, registry: Registry) -> None:
        names = [f"model-{number}" for number in range(7)]
        for name in names:
            _register(registry, f"job-{name}", name)
        Deletion(registry).delete_model("model-2")
        listed: list[str] = []
        after = None
        while True:
            page = registry.models(limit=3, after=after)
            listed += [model.name for model in page.models]
            after = page.next_after
            if after is None:
                break
        assert listed == [name for name in names if name != "model-2"]


class TestFailing:
    @pytest.mark.parametrize("fault", [fail_before, lose_answer, do_twice])
    @pytest.mark.parametrize("nth", range(1, 7))
    def test_a_promotion_happens_once_whatever_answer_is_lost(
        self, store: ObjectStore, nth: int, fault: Fault
    ) -> None:
        """With If-Match: a writer that took its own write for another's would report a lost race."""
        known = _prepared(store)
        faulty = FaultyStore(store, nth, fault)
        try:
            alias = Aliases(Registry(faulty)).set("iris", "production", 2, terms=_if(known))
        except Unavailable:
            assert nth == 1, "only the first look may fail the promotion"
            return
        assert Registry(store).model("iris").alias("production") == alias
        assert read(store, "models/iris.json").body["revision"] == 4

    def test_a_lost_answer_is_found_under_later_writes(self, store: ObjectStore) -> None:
        """Another writer came between the write whose answer was lost and the second look."""
        known = _prepared(store)

        def overtaken(operation: object) -> object:
            assert callable(operation)
            operation()
            _register(Registry(store), "c")
            raise Unavailable("lost")

        # After looking at the model and its history, and keeping the line of history that is replaced.
        faulty = Registry(FaultyStore(store, 4, overtaken))
        alias = Aliases(faulty).set("iris", "production", 2, terms=_if(known))
        assert Registry(store).model("iris").alias("production") == alias
        assert len(Registry(store).model("iris").versions) == 3


def _prepared(store: ObjectStore) -> str:
    registry = Registry(store)
    _register(registry, "a")
    _register(registry, "b")
    return Aliases(registry).set("iris", "production", 1).etag
