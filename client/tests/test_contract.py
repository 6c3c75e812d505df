"""The client beside the service's description of itself: each route is reached, each member is known."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serverless_ml import Client, Conflict, DatasetHandle, NotFound, answers

from client.tests.misbehaving import Came, Misbehaving
from client.tests.service import ROOT, Service

# What no method of the client is for: health, pages for people, and other servers' protocols.
NOT_MEANT = {
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/{model}"),
    ("GET", "/v2/models/{model}/ready"),
    ("POST", "/v2/models/{model}/infer"),
    ("GET", "/v2/models/{model}/versions/{version}"),
    ("GET", "/v2/models/{model}/versions/{version}/ready"),
    ("POST", "/v2/models/{model}/versions/{version}/infer"),
    # TensorFlow Serving's name of an alias.
    ("POST", "/v1/models/{model}/labels/{alias}:predict"),
    ("POST", "/v1/models/{model}/labels/{alias}:explain"),
    ("POST", "/v1/models/{model}/labels/{alias}:score"),
}
ROW = {"age": 44, "plan": "pro", "active": True, "since": "2026-10-01", "country": "PL", "spend": 31.5}


@pytest.fixture(scope="module")
def walked(
    service: Service, churn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Misbehaving, dict[str, Any]]]:
    """Everything that the client does, done once on a model of its own; what came and was answered."""
    with Misbehaving(service.url) as between, Client(between.url, progress=False) as client:
        yield between, _walk(client, churn, tmp_path_factory.mktemp("walked"))


def _walk(client: Client, churn: str, folder: Path) -> dict[str, Any]:
    """Do it all; the answers, by the names of their schemas."""
    file = client.model(churn).download(folder)
    model = client.model("walked")
    got: dict[str, Any] = {"Version": client.register("walked", file, origin={"description": "walked"})}
    client.register("walked", file.read_bytes(), wait=False).wait()
    got |= _told_of_keys(client)
    got["Algorithms"], got["OpenAPI"] = client.algorithms(), client.openapi()
    dataset = client.upload("walked", ROOT / "examples" / "churn.csv")
    got["Dataset"], got["Datasets"] = dataset.describe(), client.datasets()
    assert dataset.describe(types={"plan": "number"}).state == "options_refused"
    job = client.train("walked", target="churned", wait=False)
    job.wait()
    got["Job"], got["Jobs"] = client.job(job.id).record, client.jobs(model="walked")
    job.cancel()  # which is over
    got["Models"], got["Model"] = client.models(), model.describe()
    got["Overview"] = client.overview()
    got["ModelEntry"] = got["Overview"][0]
    written = model.annotate({"description": "A walk.", "tags": {"way": "long"}})
    got["About"] = model.annotate({"tags": {"way": None}}, etag=written.about_etag)
    with pytest.raises(Conflict):
        model.annotate({"description": None}, etag=written.about_etag)
    assert model.annotate({"tags": {"first": "yes"}}, 1).tags == {"first": "yes"}
    got["Versions"], got["Schema"] = model.versions(), model.schema()
    model.schema(3)
    got["Parameters"], got["Profile"] = model.parameters(), model.profile(3)
    assert model.onnx(folder).stat().st_size > 1000
    model.promote(1)
    model.canary({1: 90, 3: 10})
    model.rollback()
    model.schema("production")
    got["Alias"], got["History"], got["Aliases"] = model.alias(), model.history(), model.aliases()
    where: dict[str, Any]
    for where in ({}, {"version": 3}, {"alias": "production"}):
        predictions, receipts = client.predict("walked", [ROW], receipts=True, **where)
        got["Explanations"] = client.explain("walked", [ROW], **where)
        assert client.feedback("walked", receipts, predictions).counted == 1
        scores = client.score("walked", "dataset://walked", **where)
        got["Scored"], got["JobFiles"] = scores.job, scores.files()
    got["Monitoring"] = model.monitoring(3)
    got["AliasMonitoring"] = model.monitoring(alias="production", since="2026-01-01")
    with pytest.raises(Conflict):
        model.delete(1)
    model.delete_alias("production")
    model.delete(1)
    assert [each.version for each in model.describe().deleted] == [1]
    got["Restored"] = model.restore(1)
    got |= _walk_to_its_end(client, dataset)
    client.upload("walked", ROOT / "examples" / "churn.csv").delete()
    model.delete(purge=True)
    with pytest.raises(NotFound):
        model.describe()
    return got


def _told_of_keys(client: Client) -> dict[str, Any]:
    """What is known of those who ask; and something more that they did."""
    client.import_onnx("walked-graph", ROOT / "tests" / "samples" / "onnx" / "ridge.onnx")
    client.model("walked-graph").delete(purge=True)
    entries = client.audit(model="walked")
    return {"Caller": client.whoami(), "Usage": client.usage(), "Audit": entries, "AuditEntry": entries[0]}


def _walk_through_a_schedule(client: Client) -> answers.Schedule:
    """What is done to a schedule; as it was in between."""
    model = client.model("scheduled")
    train = {"algorithm": "svm", "data": {"uri": "dataset://walked", "target": "churned"}}
    with pytest.raises(NotFound):
        model.schedule()
    first = model.set_schedule(train, every="P1D", on=["upload"], most_a_day=2)
    with pytest.raises(Conflict):
        model.set_schedule(train, every="P7D", etag="another")
    second = model.set_schedule(train, every="P7D", etag=first.etag, paused=True)
    with pytest.raises(Conflict):
        model.delete_schedule(etag=first.etag)
    found = model.schedule()
    assert (found, found.every, found.paused) == (second, "P7D", True)
    model.delete_schedule(etag=found.etag)
    return found


def _walk_to_its_end(client: Client, dataset: DatasetHandle) -> dict[str, Any]:
    """What is done to a dataset that versions were made from, and to a schedule on it."""
    schedule = _walk_through_a_schedule(client)
    with pytest.raises(Conflict):
        dataset.set_budget(4, 1e-6, etag="another")
    dataset.set_budget(4, 1e-6)
    budget = dataset.budget()
    with pytest.raises(Conflict, match="privacy budget"):
        dataset.describe()
    assert dataset.remove_budget(etag=budget.etag).budget is None
    made = dataset.versions()
    told = {"Budget": budget, "MadeVersions": made, "MadeVersion": made[0], "Schedule": schedule}
    return {**told, "Erasure": dataset.erase()}


def test_every_route_is_reached(walked: tuple[Misbehaving, dict[str, Any]]) -> None:
    between, got = walked
    routes = {
        (method.upper(), path)
        for path, methods in got["OpenAPI"]["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert routes >= NOT_MEANT, "no longer there"
    reached = {route for route in routes for came in between.came if _is_of(came, *route)}
    assert routes - NOT_MEANT - reached == set()


def _is_of(came: Came, method: str, path: str) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/:]+", re.escape(path))
    return came.method == method and re.fullmatch(pattern, came.path.partition("?")[0]) is not None


RECORDS: dict[str, type[answers.Answer]] = {
    "Version": answers.Version,
    "Job": answers.Job,
    "Dataset": answers.Dataset,
    "Model": answers.ModelDescription,
    "Alias": answers.Alias,
    "Monitoring": answers.Monitoring,
    "AliasMonitoring": answers.AliasMonitoring,
    "Profile": answers.Profile,
    "Caller": answers.Caller,
    "Usage": answers.Usage,
    "AuditEntry": answers.AuditEntry,
    "ModelEntry": answers.ModelEntry,
    "MadeVersion": answers.MadeVersion,
    "Erasure": answers.Erasure,
    "About": answers.About,
    "Budget": answers.PrivacyBudget,
    "Schedule": answers.Schedule,
}
# They come in lists alone.
_ENTRIES = frozenset(("ModelEntry", "MadeVersion", "AuditEntry"))


def _members(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The names of all members that an answer may have by its schema."""
    if "$ref" in schema:
        return _members(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    parts = [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())]
    return set(schema.get("properties", {})).union(*(_members(document, part) for part in parts))


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_a_field_for_each_member(walked: tuple[Misbehaving, dict[str, Any]], name: str) -> None:
    document = walked[1]["OpenAPI"]
    known = {each.metadata.get("member", each.name) for each in dataclasses.fields(RECORDS[name])}
    declared = _members(document, {"$ref": f"#/components/schemas/{name}"})
    # TensorFlow Serving's list of versions, and what is told of omitted faults.
    assert declared - known - {"model_version_status", "faults_omitted"} == set()


@pytest.mark.parametrize("name", [*sorted(RECORDS.keys() - _ENTRIES), "Parameters"])
def test_what_the_service_said_is_kept_whole(walked: tuple[Misbehaving, dict[str, Any]], name: str) -> None:
    between, got = walked
    said = [json.loads(says.body) for came, says in between.said if says.body[:1] == b"{"]
    assert got[name].raw in said


def test_lists_are_kept_whole(walked: tuple[Misbehaving, dict[str, Any]]) -> None:
    between, got = walked
    said = [json.loads(says.body) for came, says in between.said if says.body[:1] == b"{"]
    for name, member in (
        ("Versions", "versions"),
        ("Jobs", "jobs"),
        ("Datasets", "datasets"),
        ("Models", "models"),
        ("Overview", "entries"),
        ("JobFiles", "files"),
        ("Audit", "entries"),
    ):
        assert any(got[name].raw == page.get(member) for page in said), name
    assert any(got["History"].raw == page.get("changes") for page in said)
    assert got["Explanations"].raw["explanations"] == [each.raw for each in got["Explanations"]]


@pytest.mark.parametrize("name", [*RECORDS, "Parameters"])
def test_a_member_that_is_not_known_is_kept(walked: tuple[Misbehaving, dict[str, Any]], name: str) -> None:
    record = walked[1][name]
    told = {**record.raw, "of_a_later_release": {"a": [1]}}
    again = type(record).from_json(told)
    assert again == record
    assert again.raw == told


def test_a_version_is_typed(walked: tuple[Misbehaving, dict[str, Any]]) -> None:
    version, job, history = (walked[1][name] for name in ("Version", "Job", "History"))
    assert version.created.tzinfo is not None
    assert version.registered["origin"]["description"] == "walked"
    assert version.metrics == {}
    assert (job.over, job.error, job.attempts[-1].outcome) == (True, None, "succeeded")
    assert [change.kind for change in history] == ["rollback", "set", "promote"]
    assert (history[1].before, history[1].after) == ({"version": 1}, {"weights": {"1": 90, "3": 10}})
    assert walked[1]["Explanations"].version in (1, 3)
    assert set(walked[1]["Explanations"].frame()) == set(ROW)


def test_what_no_record_can_be_is_told() -> None:
    from serverless_ml import UnexpectedAnswer

    told: Any
    for told in ({}, {"alias": "a", "version": 1, "updated": "yesterday"}, [], None):
        with pytest.raises(UnexpectedAnswer, match="expected"):
            answers.Alias.from_json(told)
