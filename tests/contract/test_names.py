"""Names on every store: none leaves its place or meets another's, and of two spellings one is there."""

import json
import os

import pytest

from ml_core.conflicts import VersionGone
from ml_core.datasets.datasets import Datasets, left_behind
from ml_core.datasets.sources import upload_key
from ml_core.documents import read
from ml_core.errors import DatasetNotFound, InvalidInput, ModelNotFound, NameTaken
from ml_core.jobs.jobs import FAILED, SUCCEEDED
from ml_core.jobs.sweep import sweep
from ml_core.ports import ObjectStore, SignedUpload, every_object
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry
from ml_core.registry.retention import DAY, RETENTION
from tests.contract.bench import Bench, sources
from tests.contract.faults import Clock, RememberingQueue
from tests.contract.places import Place, race

# Each begins, ends or goes on as another does, or is a word to some file system, or looks like a key of ours.
NAMES = sorted(
    [
        *(
            "a",
            "a-",
            "a-b",
            "a.b",
            "a.b.json",
            "a.c",
            "a.d",
            "a.d.d",
            "a.json",
            "a.json.json",
            "a0",
            "a_",
            "a__b",
        ),
        *(
            "A1",
            "a1.json",
            "a..b",
            "a.B-c",
            "0",
            "0.0",
            "con",
            "NUL.txt",
            "com1.json",
            "aux-",
            "Jobs",
            "models",
        ),
        *("datasets", "index.html", "desktop.ini", "x.c", "x.d", "X", "Y" * 62 + "_", f"Z{'z' * 62}"),
    ],
    key=str.lower,
)


class NoSigner:
    """Signs nothing: the tests write to the store themselves."""

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        return SignedUpload(f"{key}?{seconds}", {})


def datasets_of(store: ObjectStore) -> Datasets:
    return Datasets(store, NoSigner(), RememberingQueue())


def begin(store: ObjectStore, name: str) -> str:
    """Begin an upload; its id."""
    return datasets_of(store).begin(name).uri.rpartition("/")[2]


def put(store: ObjectStore, name: str, data: bytes = b"a,b\n1,2\n") -> str:
    """Upload a file; the upload's id."""
    upload = begin(store, name)
    store.put_if_absent(upload_key(name, upload), data)
    return upload


def register(registry: Registry, name: str, job: str) -> int:
    return registry.register(name, job, sha256=job, size=1, algorithm="none")


def listed_models(registry: Registry, limit: int, prefix: str = "") -> list[str]:
    names: list[str] = []
    after = None
    while True:
        page = registry.models(limit, after, prefix=prefix)
        names += [model.name for model in page.models]
        after = page.next_after
        if after is None:
            return names


def listed_datasets(store: ObjectStore, limit: int, prefix: str = "") -> list[str]:
    names: list[str] = []
    after = None
    while True:
        page = datasets_of(store).list(limit, after, prefix=prefix)
        assert len(page.datasets) <= limit
        names += [each.name for each in page.datasets]
        after = page.next_after
        if after is None:
            return names


def test_models_of_all_kinds_of_names_are_apart_and_listed_in_order(store: ObjectStore) -> None:
    registry = Registry(store)
    for name in NAMES:
        assert register(registry, name, f"job of {name}") == 1
    for name in NAMES:
        assert [version.job for version in registry.model(name).versions] == [f"job of {name}"]
    keys = [found.key for found in every_object(store, "")]
    assert len(keys) == len(NAMES)
    assert all(key.startswith("models/") and key.count("/") == 1 and key == key.lower() for key in keys)
    for limit in (1, 2, 5, 1000):
        assert listed_models(registry, limit) == NAMES
    Deletion(registry).delete_model("a", purge=True)
    assert register(registry, "a.json", "another") == 2
    with pytest.raises(ModelNotFound):
        registry.model("a")


BEGINNINGS = ["a", "A", "a.", "a-", "a.d", "a.json", "a1", "N", "x", "y" * 62, "z" * 63, "q", "a.b.json"]


def beginning(prefix: str) -> list[str]:
    return [name for name in NAMES if name.lower().startswith(prefix.lower())]


def test_models_are_found_by_what_their_names_begin_with(store: ObjectStore) -> None:
    registry = Registry(store)
    for name in NAMES:
        register(registry, name, f"job of {name}")
    for prefix in BEGINNINGS:
        for limit in (1, 3, 1000):
            assert listed_models(registry, limit, prefix) == beginning(prefix)
    assert registry.models(100, "0", prefix="a").models[0].name == "a", "after a name that comes before them"
    assert registry.models(100, "z", prefix="a").models == [], "after one that comes behind them"
    assert [
        model.name for model in registry.models(100, prefix="a", among=lambda name: "b" in name).models
    ] == [name for name in beginning("a") if "b" in name.lower()]


def test_datasets_are_found_by_what_their_names_begin_with(store: ObjectStore) -> None:
    for name in NAMES:
        put(store, name)
    for prefix in BEGINNINGS:
        for limit in (1, 3, 1000):
            assert listed_datasets(store, limit, prefix) == beginning(prefix)


def test_datasets_of_all_kinds_of_names_are_apart_and_listed_in_order(store: ObjectStore) -> None:
    kept = {name: [put(store, name, f"{name} {nth}".encode()) for nth in range(2)] for name in NAMES}
    for name, uploads in kept.items():
        assert datasets_of(store).get(name).upload == min(uploads), "the newest"
        for nth, upload in enumerate(uploads):
            location, opened = sources(store).open(f"dataset://{name}/{upload}")
            assert (location.place, location.key) == (name, upload)
            assert b"".join(opened.chunks) == f"{name} {nth}".encode()
    for limit in (1, 2, 1000):
        assert listed_datasets(store, limit) == NAMES
    assert list(left_behind(store, float("inf"))) == []
    for name in ("a", "X"):
        datasets_of(store).delete(name)
    assert listed_datasets(store, 7) == [name for name in NAMES if name not in {"a", "X"}]
    assert len(list(left_behind(store, float("inf")))) == 4, "the records of four uploads"


def test_of_spellings_that_race_for_a_name_one_has_it(place: Place) -> None:
    spellings = ["Churn", "churn", "CHURN", "cHurn"] * 2
    told = [int(each) for each in race([place.process("claim", name, "8") for name in spellings])]
    registry = Registry(place.open())
    (model,) = registry.models().models
    assert len(model.versions) == 16
    assert told == [8 if name == model.name else 0 for name in spellings]


def test_of_jobs_that_race_for_a_name_one_has_it_and_the_other_says_why(store: ObjectStore) -> None:
    bench = Bench(store)
    first, second = (bench.jobs.submit(name, b"{}", {"algorithm": "quick"}) for name in ("Churn", "churn"))
    assert bench.deliver_until_over(second).state == SUCCEEDED
    ended = bench.deliver_until_over(first)
    assert (ended.state, len(ended.attempts)) == (FAILED, 1)
    assert ended.error is not None
    assert ended.error["code"] == "name_taken"
    assert ended.error["message"].startswith(
        "a model 'churn' exists; names that differ only in case are refused: use 'churn'"
    )
    assert [model.name for model in bench.registry.models().models] == ["churn"]
    bench.clock.ahead += 3 * DAY
    bench.sweep()
    assert len(store.list("artifacts/").objects) == 2, "what the loser trained is gone"


class TestSpellings:
    def test_a_model_is_found_under_its_own_alone(self, store: ObjectStore) -> None:
        registry = Registry(store)
        register(registry, "Churn", "a")
        registry.check_spelling("Churn")
        with pytest.raises(NameTaken, match=r"a model 'Churn' exists; .* use 'Churn'"):
            registry.check_spelling("churn")
        with pytest.raises(NameTaken):
            register(registry, "CHURN", "b")
        for look in (
            lambda: registry.model("churn"),
            lambda: Aliases(registry).set("churn", "production", 1),
            lambda: Deletion(registry).delete_model("churn", purge=True),
            lambda: Deletion(registry).restore("churn", 1),
        ):
            with pytest.raises(ModelNotFound, match="upper and lower case matter, and 'Churn' exists"):
                look()
        assert registry.model("Churn").revision == 1

    def test_a_model_of_an_earlier_release_is_spelled_in_lower_case(self, store: ObjectStore) -> None:
        registry = Registry(store)
        register(registry, "churn", "a")
        document = read(store, "models/churn.json")
        body = {name: value for name, value in document.body.items() if name != "name"}
        store.put_if_unchanged("models/churn.json", json.dumps(body).encode(), document.stored)
        assert registry.model("churn").name == "churn"
        assert [model.name for model in registry.models().models] == ["churn"]
        with pytest.raises(NameTaken, match="'churn' exists"):
            register(registry, "Churn", "b")
        assert register(registry, "churn", "b") == 2

    def test_a_name_is_free_when_nothing_can_be_restored(self, store: ObjectStore) -> None:
        clock = Clock()
        registry = Registry(store, clock)
        deletion = Deletion(registry)
        register(registry, "Churn", "a")
        deletion.delete_version("Churn", 1, purge=True)
        with pytest.raises(NameTaken, match="exists"):
            registry.check_spelling("churn")
        register(registry, "Churn", "b")
        Aliases(registry).set("Churn", "blue", 2)
        Aliases(registry).delete("Churn", "blue")
        deletion.delete_model("Churn")
        with pytest.raises(NameTaken, match="was deleted and can be restored"):
            register(registry, "churn", "c")
        clock.ahead += RETENTION + 1
        registry.check_spelling("churn")
        assert register(registry, "churn", "c") == 3, "numbers are never used again"
        model = registry.model("churn")
        assert ([each.version for each in model.versions], model.history) == ([3], {})
        with pytest.raises(VersionGone):
            deletion.restore("churn", 2)
        with pytest.raises(ModelNotFound):
            deletion.restore("Churn", 2)
        assert [each.version for each in deletion.deleted(model)] == [2, 1]
        assert [deletion.deleted(model)[at].restorable_until for at in (0, 1)] == [None, None]
        assert [found.key for found in store.list("registry/purged/").objects] == [
            "registry/purged/churn_1-1",
            "registry/purged/churn_1-2",
        ]
        assert registry.number_of("Churn", "b") == 2, "a job that registered has registered"

    def test_a_restored_model_keeps_its_name(self, store: ObjectStore) -> None:
        registry = Registry(store)
        register(registry, "Churn", "a")
        Deletion(registry).delete_model("Churn")
        Deletion(registry).restore("Churn", 1)
        with pytest.raises(NameTaken):
            register(registry, "churn", "b")
        assert registry.model("Churn").name == "Churn"

    def test_the_sweep_keeps_what_a_name_with_capitals_needs(self, store: ObjectStore) -> None:
        bench = Bench(store)
        job = bench.deliver_until_over(bench.jobs.submit("Churn_2.1", b"{}", {"algorithm": "quick"}))
        upload = put(store, "Churn_2.1")
        bench.clock.ahead += 30 * DAY
        sweep(bench.jobs, bench.registry)
        assert bench.registry.model("Churn_2.1").number_of(job.id) == 1
        assert len(store.list("artifacts/").objects) == 2
        assert datasets_of(store).get("Churn_2.1").upload == upload
        assert len(store.list("uploads/").objects) == 1

    def test_aliases_are_compared_within_their_model(self, store: ObjectStore) -> None:
        registry = Registry(store)
        aliases = Aliases(registry)
        for name in ("one", "two"):
            register(registry, name, f"job of {name}")
        aliases.set("one", "Blue_1.0", 1)
        aliases.set("two", "blue_1.0", 1)
        for write in (aliases.set, aliases.promote):
            with pytest.raises(NameTaken, match=r"an alias 'Blue_1\.0' exists"):
                write("one", "blue_1.0", 1)
            with pytest.raises(NameTaken, match="'production' answers where none is named"):
                write("one", "Production", 1)
        aliases.set("one", "Blue_1.0", 1)
        aliases.delete("one", "Blue_1.0")
        aliases.set("one", "BLUE_1.0", 1)
        with pytest.raises(NameTaken, match=r"'BLUE_1\.0'"):
            aliases.roll_back("one", "Blue_1.0")
        assert [alias.alias for alias in registry.model("one").aliases] == ["BLUE_1.0"]

    def test_a_dataset_is_found_under_its_own_alone(self, store: ObjectStore) -> None:
        upload = put(store, "Churn")
        with pytest.raises(NameTaken, match=r"a dataset 'Churn' exists; .* use 'Churn'"):
            begin(store, "churn")
        for look in (datasets_of(store).get, datasets_of(store).delete):
            with pytest.raises(DatasetNotFound, match="'Churn' exists"):
                look("churn")
        for uri in ("dataset://churn", f"dataset://churn/{upload}", f"dataset://churn/{upload}.Churn"):
            with pytest.raises(InvalidInput):
                sources(store).open(uri)
        put(store, "Churn")
        datasets_of(store).delete("Churn")
        put(store, "churn")
        assert listed_datasets(store, 10) == ["churn"]

    def test_what_two_spellings_began_at_once_is_one_dataset(self, store: ObjectStore) -> None:
        """Both had an address before anything was there; no store asks us when the files come."""
        begun = {name: begin(store, name) for name in ("Churn", "churn")}
        for name in ("churn", "Churn"):
            store.put_if_absent(upload_key(name, begun[name]), os.urandom(8))
        (newest,) = listed_datasets(store, 10)
        assert datasets_of(store).get(newest).upload == min(begun.values())
        other = "churn" if newest == "Churn" else "Churn"
        with pytest.raises(DatasetNotFound):
            datasets_of(store).get(other)
        with pytest.raises(NameTaken):
            begin(store, other)
        datasets_of(store).delete(newest)
        assert store.list("datasets/").objects == []
