"""Serving: a pointer that is asked for again, and artifacts that stay warm."""

import hashlib
import os
import threading
from typing import cast

import pytest

from ml_core.errors import AliasNotFound, ArtifactInvalid, ModelNotFound, VersionNotFound
from ml_core.model.model import Model
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, artifact_key
from ml_core.serving import Models
from providers.local.runtime.store import FolderStore
from tests.contract.faults import Clock, FaultyStore, fail_before


class Loaded:
    """Stands in for a model; its size is what its artifact says."""

    def __init__(self, data: bytes) -> None:
        self.name = data.decode()
        self.nbytes = int(data.split(b"-")[-1])


class Served:
    """Models in a store whose operations are counted, served by a clock that a test puts forward."""

    def __init__(self, root: str, max_bytes: int = 100) -> None:
        self.store = FolderStore(root)
        self.registry = Registry(self.store)
        self.aliases = Aliases(self.registry)
        self.watched = FaultyStore(self.store, 0, fail_before)
        self.clock = Clock()
        self.loaded: list[str] = []
        self.models = Models(
            self.watched, alias_ttl=2.0, max_bytes=max_bytes, load=self._load, clock=self.clock
        )

    def _load(self, data: bytes) -> Model:
        self.loaded.append(data.decode())
        return cast("Model", Loaded(data))

    def register(self, name: str, artifact: str) -> int:
        job = hashlib.sha256(f"{name} {artifact}".encode()).hexdigest()[:28]
        self.store.put_if_absent(artifact_key(job), artifact.encode())
        sha256 = hashlib.sha256(artifact.encode()).hexdigest()
        return self.registry.register(name, job, sha256=sha256, size=len(artifact), algorithm="none")

    def operations(self) -> list[str]:
        done, self.watched.operations = self.watched.operations, []
        return done


@pytest.fixture
def served(tmp_path: object) -> Served:
    return Served(os.path.join(str(tmp_path), "store"))


def test_the_first_is_cold_and_the_next_asks_the_store_nothing(served: Served) -> None:
    served.register("iris", "a-10")
    first = served.models.resolve("iris")
    assert (first.name, first.version, first.cold) == ("iris", 1, True)
    assert served.operations() == ["get models", "get artifacts"]
    second = served.models.resolve("iris")
    assert (second.model, second.cold) == (first.model, False)
    assert served.operations() == []


def test_who_wants_no_older_answer_has_the_store_asked_once(served: Served) -> None:
    served.register("iris", "a-10")
    served.models.resolve("iris")
    served.register("iris", "b-10")
    assert served.models.resolve("iris").version == 1
    served.models.look_again("iris")
    assert served.models.resolve("iris").version == 2
    served.operations()
    assert served.models.resolve("iris").version == 2
    assert served.operations() == []
    served.models.look_again("never asked for")


def test_a_roll_back_is_seen_within_the_alias_ttl(served: Served) -> None:
    served.register("iris", "a-10")
    served.register("iris", "b-10")
    served.aliases.set("iris", "production", 2)
    assert served.models.resolve("iris").version == 2
    served.aliases.set("iris", "production", 1)
    served.clock.ahead += 1.5
    assert served.models.resolve("iris").version == 2
    served.clock.ahead += 0.6
    assert served.models.resolve("iris").version == 1


def test_an_unchanged_pointer_is_not_sent_again(served: Served) -> None:
    served.register("iris", "a-10")
    served.models.resolve("iris")
    served.operations()
    served.clock.ahead += 10
    assert not served.models.resolve("iris").cold
    assert served.operations() == ["get_if_changed models"]


def test_a_clock_that_is_set_back_does_not_freeze_a_pointer(served: Served) -> None:
    served.register("iris", "a-10")
    served.models.resolve("iris")
    served.operations()
    served.clock.ahead -= 3600
    served.models.resolve("iris")
    assert served.operations() == ["get_if_changed models"]


def test_a_new_version_and_a_new_alias_are_found_at_once_although_the_pointer_is_kept(served: Served) -> None:
    served.register("iris", "a-10")
    assert served.models.resolve("iris").version == 1
    served.register("iris", "b-10")
    assert served.models.resolve("iris", 2).version == 2
    served.aliases.set("iris", "production", 1)
    assert served.models.resolve("iris", alias="production").version == 1


def test_what_is_missing_is_looked_up_once_and_then_missing(served: Served) -> None:
    served.register("iris", "a-10")
    served.models.resolve("iris")
    served.operations()
    with pytest.raises(AliasNotFound):
        served.models.resolve("iris", alias="new")
    assert served.operations() == ["get_if_changed models"]


def test_versions_and_aliases_are_chosen(served: Served) -> None:
    served.register("iris", "a-10")
    served.register("iris", "b-10")
    served.aliases.set("iris", "old", 1)
    assert served.models.resolve("iris").version == 2
    assert served.models.resolve("iris", 1).version == 1
    assert served.models.resolve("iris", alias="old").version == 1
    with pytest.raises(VersionNotFound):
        served.models.resolve("iris", 3)
    with pytest.raises(AliasNotFound):
        served.models.resolve("iris", alias="new")
    with pytest.raises(ModelNotFound):
        served.models.resolve("wine")
    with pytest.raises(ModelNotFound):
        served.models.resolve("../models/iris")


def test_a_deleted_version_is_not_served_any_more(served: Served) -> None:
    served.register("iris", "a-10")
    served.register("iris", "b-10")
    served.models.resolve("iris", 2)
    Deletion(served.registry).delete_version("iris", 2)
    served.clock.ahead += 3
    with pytest.raises(VersionNotFound, match="it was deleted"):
        served.models.resolve("iris", 2)
    Deletion(served.registry).delete_model("iris")
    served.clock.ahead += 3
    with pytest.raises(ModelNotFound):
        served.models.resolve("iris")
    served.register("iris", "c-10")
    assert served.models.resolve("iris").version == 3


def test_an_artifact_that_was_swept_a_moment_ago_is_a_deleted_version(served: Served) -> None:
    served.register("iris", "a-10")
    served.register("iris", "b-10")
    served.models.resolve("iris", 1)
    job = served.registry.model("iris").pick(2).job
    Deletion(served.registry).delete_version("iris", 2)
    served.store.delete(artifact_key(job))
    with pytest.raises(VersionNotFound):
        served.models.resolve("iris", 2)


def test_an_artifact_that_is_damaged_or_missing_is_not_served(served: Served) -> None:
    served.register("iris", "a-10")
    key = artifact_key(served.registry.model("iris").pick(1).job)
    served.store.put_if_unchanged(key, b"b-10", served.store.get(key).revision)
    with pytest.raises(ArtifactInvalid, match="'iris' version 1 is damaged"):
        served.models.resolve("iris")
    served.store.delete(key)
    with pytest.raises(ArtifactInvalid, match="'iris' version 1 is missing"):
        served.models.resolve("iris")
    assert served.loaded == []


def test_the_longest_unused_model_goes_first(served: Served) -> None:
    for name in ("a", "b", "c"):
        served.register(name, f"{name}-40")
    for name in ("a", "b", "a", "c", "a", "b"):
        served.models.resolve(name)
    assert served.loaded == ["a-40", "b-40", "c-40", "b-40"]


def test_a_model_larger_than_the_room_is_served_all_the_same(served: Served) -> None:
    served.register("small", "s-10")
    served.register("large", "l-1000")
    for name in ("small", "large", "large", "small", "small"):
        served.models.resolve(name)
    assert served.loaded == ["s-10", "l-1000", "s-10"]


def test_equal_artifacts_are_kept_once(served: Served) -> None:
    served.register("a", "same-10")
    served.register("b", "same-10")
    assert served.models.resolve("a").model is served.models.resolve("b").model


def test_of_threads_that_need_a_model_one_loads_it(served: Served) -> None:
    for name in ("a", "b"):
        served.register(name, f"{name}-10")
    together = threading.Barrier(8)

    def resolve(name: str) -> None:
        together.wait()
        for _ in range(50):
            assert served.models.resolve(name).version == 1

    threads = [threading.Thread(target=resolve, args=(name,)) for name in ("a", "b") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(served.loaded) == ["a-10", "b-10"]


def test_a_load_that_fails_is_tried_again(served: Served) -> None:
    served.register("iris", "a-ten")
    for _ in range(2):
        with pytest.raises(ValueError, match="ten"):
            served.models.resolve("iris")
    assert len(served.loaded) == 2


def test_an_artifact_of_a_later_format_names_its_model(served: Served) -> None:
    def refuse(_: bytes) -> Model:
        raise ArtifactInvalid("format 9; this release reads format 1")

    served.register("iris", "a-10")
    models = Models(served.store, alias_ttl=0, max_bytes=100, load=refuse)
    with pytest.raises(ArtifactInvalid, match="'iris' version 1 cannot be read: format 9"):
        models.resolve("iris")


def test_versions_that_share_an_alias_stay_warm_together_past_the_room_that_there_is(served: Served) -> None:
    """They would else push each other out with every second request."""
    served.register("iris", "a-80")
    served.register("iris", "b-80")
    served.register("other", "c-10")
    served.aliases.set("iris", "production", {"1": 50, "2": 50})
    for key in range(30):
        served.models.resolve("iris", key=str(key))
    assert sorted(served.loaded) == ["a-80", "b-80"]
    served.aliases.promote("iris", "production")
    served.clock.ahead += 3
    served.models.resolve("iris")
    served.models.resolve("other")
    assert served.loaded[-1] == "c-10"
    served.models.resolve("iris", 2)
    served.models.resolve("other")
    assert len(served.loaded) == 3, "what the promotion left behind made room"


def test_what_answers_is_told_with_the_alias_that_led_to_it(served: Served) -> None:
    served.register("iris", "a-10")
    assert served.models.resolve("iris").alias is None
    served.aliases.set("iris", "production", 1)
    served.clock.ahead += 3
    assert served.models.resolve("iris").alias == "production"
    served.aliases.set("iris", "blue", 1)
    assert served.models.resolve("iris", alias="blue").alias == "blue"
    assert served.models.resolve("iris", 1).alias is None
