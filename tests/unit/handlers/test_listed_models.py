"""The list of models: what it tells of each, to whom, and what that costs."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from handlers.auth import INSPECT, PREDICT, TRAIN
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.algorithms.tasks import headline
from ml_core.documents import read
from ml_core.registry.aliases import Aliases
from ml_core.registry.changes import KEPT
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, model_key
from tests.contract.faults import RememberingQueue
from tests.counting_store import CountingStore
from tests.previous.deletion import Deletion as PreviousDeletion
from tests.previous.registry import Registry as PreviousRegistry
from tests.unit.handlers.conftest import asking, services_over
from tests.unit.handlers.test_rights import earlier

NOTHING: dict[str, Any] = {"description": None, "tags": {}}


class Listed:
    """An api over a store in memory that counts what is asked of it."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.registry = Registry(self.store)
        settings = read_settings({})
        services = Services(settings, store=lambda: self.store, queue=RememberingQueue, key_records=None)
        self.ask = asking(services)

    def register(self, name: str, *metrics: float | tuple[str, float] | None, algorithm: str = "svm") -> None:
        """Versions that reached so much, one after the other."""
        for metric in metrics:
            told = ("accuracy", metric) if isinstance(metric, float) else metric
            job = os.urandom(14).hex()
            self.registry.register(name, job, sha256="0" * 64, size=1, algorithm=algorithm, metric=told)

    def listed(self, query: str = "") -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.ask("GET", f"/v1/models{query}").body)
        assert [entry["name"] for entry in told["entries"]] == told["models"]
        return told

    def entry(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(each for each in self.listed()["entries"] if each["name"] == name)
        return found


@pytest.fixture
def service() -> Listed:
    return Listed()


def test_each_trained_model_is_told_with_what_its_newest_version_reached(trained: Path) -> None:
    ask = asking(services_over(trained))
    told = json.loads(ask("GET", "/v1/models").body)
    assert [entry["name"] for entry in told["entries"]] == told["models"]
    for entry in told["entries"]:
        version = json.loads(ask("GET", f"/v1/models/{entry['name']}/versions/1").body)
        measured = version["metrics"].get("test") or version["metrics"]["training"]
        name = "silhouette" if version["task"] == "clustering" else "accuracy"
        newest = entry["newest"]
        assert newest["metric"] == {"name": name, "value": pytest.approx(measured[name], rel=1e-3)}
        assert {name: newest[name] for name in ("version", "created", "algorithm")} == {
            name: version[name] for name in ("version", "created", "algorithm")
        }
        assert entry["trend"] == [{"version": 1, "value": newest["metric"]["value"]}]
        assert {name: entry[name] for name in NOTHING} == NOTHING


@pytest.mark.parametrize(
    ("task", "metrics", "expected"),
    [
        (
            "classification",
            {"training": {"accuracy": 1.0}, "test": {"accuracy": 0.123456}},
            ("accuracy", 0.1235),
        ),
        ("classification", {"training": {"accuracy": 0.5}, "test": None}, ("accuracy", 0.5)),
        ("clustering", {"training": {"inertia": 123456.7, "silhouette": 0.25}}, ("silhouette", 0.25)),
        ("clustering", {"training": {"inertia": 123456.7}}, ("inertia", 123500.0)),
        ("clustering", {"training": {"cluster_sizes": [1]}}, None),
        ("classification", {}, None),
        ("classification", None, None),
        ("regression", {"training": {"r2": 0.5}}, None),
    ],
)
def test_one_metric_stands_for_all(task: str, metrics: Any, expected: object) -> None:
    assert headline({"task": task, "metrics": metrics}) == expected


def test_the_trend_is_that_of_the_newest_versions(service: Listed) -> None:
    service.register("long", *(step / 100 for step in range(40)))
    Aliases(service.registry).set("long", "first", 1)
    Aliases(service.registry).set("long", "Best", {"2": 1, "39": 1})
    entry = service.entry("long")
    assert entry["aliases"] == ["Best", "first"]
    assert entry["newest"]["version"] == 40
    told = [(each["version"], each["value"]) for each in entry["trend"]]
    assert told == [(number, (number - 1) / 100) for number in range(41 - len(told), 41)]
    assert KEPT <= len(told) <= 12


def test_what_was_measured_otherwise_is_no_part_of_the_trend(service: Listed) -> None:
    service.register("mixed", None, 0.5, ("inertia", 7.5), None, ("silhouette", 0.5), 0.75)
    entry = service.entry("mixed")
    assert entry["newest"]["metric"] == {"name": "accuracy", "value": 0.75}
    assert entry["trend"] == [{"version": 2, "value": 0.5}, {"version": 6, "value": 0.75}]
    service.register("mixed", None)  # as an earlier release writes it
    entry = service.entry("mixed")
    assert (entry["newest"]["version"], entry["newest"]["metric"], entry["trend"]) == (7, None, [])


def test_a_document_of_an_earlier_release_is_told_as_far_as_it_goes(service: Listed) -> None:
    earlier_registry = PreviousRegistry(service.store)
    for number in range(30):
        earlier_registry.register("old", f"{number:028x}", sha256="0", size=1, algorithm="kmeans")
    service.register("old", 0.5)
    assert (service.entry("old")["newest"]["version"], len(service.entry("old")["trend"])) == (31, 1)
    # What is registered now, an earlier release reads and keeps.
    number = earlier_registry.register("old", "f" * 28, sha256="0", size=1, algorithm="kmeans")
    assert earlier_registry.model("old").pick(31).algorithm == "svm"
    PreviousDeletion(earlier_registry).delete_version("old", number)
    assert service.entry("old")["newest"]["metric"] == {"name": "accuracy", "value": 0.5}


def test_without_a_version_there_is_no_newest(service: Listed) -> None:
    service.register("gone", 0.5, 0.75)
    deletion = Deletion(service.registry)
    deletion.delete_version("gone", 2)
    assert service.entry("gone")["trend"] == [{"version": 1, "value": 0.5}]
    deletion.delete_version("gone", 1)
    empty: dict[str, Any] = {"name": "gone", "newest": None, "aliases": [], "trend": [], **NOTHING}
    assert service.entry("gone") == empty
    deletion.restore("gone", 2)
    assert service.entry("gone")["trend"] == [{"version": 2, "value": 0.75}]
    deletion.delete_version("gone", 2, purge=True)
    assert service.entry("gone") == empty
    deletion.delete_model("gone")
    assert service.listed()["entries"] == []


def test_the_newest_is_found_where_an_earlier_release_deleted_those_before(service: Listed) -> None:
    service.register("long", *(step / 100 for step in range(30)))
    for number in range(22, 31):
        PreviousDeletion(PreviousRegistry(service.store)).delete_version("long", number)
    assert service.entry("long")["newest"]["version"] == 21


def test_a_key_is_told_no_more_than_of_one_model_alone(trained: Path) -> None:
    keys = [earlier(PREDICT), earlier(TRAIN)]
    settings = read_settings({"ML_ROOT": str(trained)})
    ask = asking(folder_services(settings, key_records=lambda: [made.record for made in keys]))
    assert INSPECT not in json.loads(ask("GET", "/v1/whoami", x_api_key=keys[0].key).body)["rights"]
    few, more = (json.loads(ask("GET", "/v1/models", x_api_key=made.key).body) for made in keys)
    assert few == more
    for entry in few["entries"]:
        for path in ("", "/versions"):
            assert ask("GET", f"/v1/models/{entry['name']}{path}", x_api_key=keys[0].key).status == 200


def test_a_page_reads_as_much_whatever_there_is_of_each_model(service: Listed) -> None:
    """One list, and one document of each model of the page."""
    told = []
    for versions in (2, 60):
        for number in range(30):
            service.register(f"m-{number:03d}", *([0.5] * versions))
        service.store.forget()
        page = service.listed("?limit=10")
        assert len(page["entries"]) == 10
        told.append((dict(service.store.requests), service.store.bytes))
    (few, read_few), (many, read_many) = told
    assert few == many
    assert many["list models"] == 1
    assert many["get models"] <= 10 + 2, "two of them tell that there are more"
    assert read_many < 10 * read_few


def test_one_of_many_is_found_by_the_beginning_of_its_name(service: Listed) -> None:
    """One list, and the documents of what is found: however many others there are."""
    told = []
    for others in (30, 300):
        for number in range(others):
            service.register(f"m-{number:03d}", 0.5)
        for name in ("Price-eu", "price-us"):
            service.register(name, 0.5)
        service.store.forget()
        found = service.listed("?prefix=PRICE-&limit=10")
        assert (found["models"], found["next_after"]) == (["Price-eu", "price-us"], None)
        told.append(dict(service.store.requests))
    assert told[0] == told[1]
    assert told[1]["list models"] == 1
    assert told[1]["get models"] == 2
    assert service.listed("?prefix=nothing")["models"] == []
    for wrong in ("", "-", "../x", "a/b", "x" * 64):
        assert service.ask("GET", f"/v1/models?prefix={wrong}").status == 422, wrong


def test_a_cold_prediction_reads_little_more(service: Listed) -> None:
    """The document is read before the first prediction: the metric takes some thirty bytes a version."""
    service.register("plain", *([None] * 8))
    service.register("told", *([("accuracy", 0.9123)] * 8))
    bare, told = (len(service.store.get(model_key(name)).data) for name in ("plain", "told"))
    assert told - bare <= 8 * 32


def test_a_version_that_moves_out_and_back_keeps_its_metric(service: Listed) -> None:
    service.register("long", *(step / 100 for step in range(30)))
    for number in range(30, 1, -1):
        Deletion(service.registry).delete_version("long", number)
    assert service.entry("long")["trend"] == [{"version": 1, "value": 0.0}]
    assert read(service.store, model_key("long")).body["versions"]
    Deletion(service.registry).restore("long", 12)
    assert service.entry("long")["newest"]["metric"] == {"name": "accuracy", "value": 0.11}
