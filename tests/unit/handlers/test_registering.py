"""A version that was made elsewhere, from its upload to everything that is asked of a version."""

import hashlib
import json
import time
from functools import partial
from operator import add
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.rest.answers import ANSWERS
from handlers.services import Services
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import Job, Jobs
from ml_core.jobs.sweep import sweep
from ml_core.jobs.trainer import run_job
from ml_core.registry.registry import artifact_key
from tests.unit.handlers.conftest import ROWS, Ask, asking, copy_of, services_over

ROW = {"instances": [ROWS[3], ROWS[20]]}


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    copy_of(trained, tmp_path / "root")
    return services_over(tmp_path / "root")


@pytest.fixture
def ask(services: Services) -> Ask:
    return asking(services)


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status == status, answer
    return json.loads(answer.body)


def put(services: Services, ask: Ask, model: str, data: bytes) -> str:
    """Upload a file; what `:register` takes."""
    begun = told(ask("POST", f"/v1/models/{model}:upload", host="x"), 201)
    jsonschema.validate(begun, ANSWERS["ArtifactUpload"])
    key = begun["url"].partition("/uploads/")[2].partition("?")[0]
    services.store.write_stream(key, [data])
    uri: str = begun["uri"]
    return uri


def run(services: Services, job: dict[str, Any]) -> Job:
    """What the trainer makes of a job."""
    ended = run_job(job["id"], TrainerContext(services.jobs, services.registry, services.data)).job
    assert ended is not None
    return ended


def registered(services: Services, ask: Ask, model: str, data: bytes, **more: Any) -> Job:
    body = json.dumps({"uri": put(services, ask, model, data), **more}).encode()
    job = told(ask("POST", f"/v1/models/{model}:register", body), 202)
    jsonschema.validate(job, ANSWERS["Job"])
    assert job["request"]["kind"] == "register"
    return run(services, job)


def artifact(services: Services, model: str, version: int = 1) -> bytes:
    return services.store.get(artifact_key(services.registry.model(model).pick(version).job)).data


@pytest.mark.parametrize("model", ["iris", "truth", "digits", "groups"])
def test_what_was_trained_elsewhere_answers_here_as_there(
    services: Services, ask: Ask, model: str, tmp_path: Path
) -> None:
    data = artifact(services, model)
    elsewhere = services_over(tmp_path / "elsewhere")
    asked = asking(elsewhere)
    origin = {"description": "from dev", "library_versions": {"numpy": "2.0"}, "version": {"metrics": {}}}
    job = registered(elsewhere, asked, "copied", data, origin=origin)
    assert (job.state, job.error, job.version) == ("succeeded", None, 1)
    version = told(asked("GET", "/v1/models/copied/versions/1"))
    jsonschema.validate(version, ANSWERS["Version"])
    assert version["registered"] == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "by": None,
        "at": job.created,
        "origin": origin,
    }
    assert version["sha256"] == version["registered"]["sha256"]
    assert (version["metrics"], version["rows"], version["lineage"]["split"]) == ({}, None, None)
    there = told(ask("GET", f"/v1/models/{model}/versions/1"))
    for name in ("algorithm", "hyperparameters", "features", "classes", "task"):
        assert version[name] == there[name]
    assert artifact(elsewhere, "copied") == data
    for path, body in (("predict", ROW), ("explain", {**ROW, "background": ROW})):
        here, other = (
            told(each("POST", f"/v1/models/{name}:{path}", json.dumps(body).encode()))
            for each, name in ((asked, "copied"), (ask, model))
        )
        assert here["predictions"] == other["predictions"]
    for path, schema in (("parameters", "Parameters"), ("profile", "Profile"), ("monitoring", "Monitoring")):
        answer = asked("GET", f"/v1/models/copied/versions/1/{path}")
        assert answer.status == ask("GET", f"/v1/models/{model}/versions/1/{path}").status, answer
        if answer.status == 200:
            jsonschema.validate(json.loads(answer.body), ANSWERS[schema])
    assert asked("GET", "/v1/models/copied/versions/1/onnx").status == 200
    assert asked("GET", "/v1/models/copied/schema").status == 200


def test_a_file_that_is_put_again_changes_nothing(services: Services, ask: Ask) -> None:
    first, second = artifact(services, "iris"), artifact(services, "truth")
    uri = put(services, ask, "copied", first)
    body = json.dumps({"uri": uri}).encode()
    early = told(ask("POST", "/v1/models/copied:register", body), 202)
    key = services.store.list("uploads/copied/").objects[0].key
    services.store.write_stream(key, [second])
    failed = run(services, early)
    assert failed.error is not None
    assert (failed.state, failed.error["code"], len(failed.attempts)) == ("failed", "data_changed", 1)
    late = run(services, told(ask("POST", "/v1/models/copied:register", body), 202))
    assert late.version == 1
    services.store.write_stream(key, [first])
    assert artifact(services, "copied") == second


def test_a_file_may_be_registered_as_often_as_somebody_asks(services: Services, ask: Ask) -> None:
    body = json.dumps({"uri": put(services, ask, "copied", artifact(services, "iris"))}).encode()
    for version in (1, 2):
        assert run(services, told(ask("POST", "/v1/models/copied:register", body), 202)).version == version
    again = [
        told(ask("POST", "/v1/models/copied:register", body, idempotency_key="once"), 202) for _ in range(2)
    ]
    assert again[0]["id"] == again[1]["id"]
    assert [run(services, job).version for job in again] == [3, 3]
    listed = told(ask("GET", "/v1/models/copied/versions"))
    jsonschema.validate(listed, ANSWERS["Versions"])
    assert [each["registered"].keys() for each in listed["versions"]] == [{"sha256", "size", "by", "at"}] * 3
    assert told(ask("GET", "/v1/models/iris/versions"))["versions"][0]["registered"] is None


def test_an_upload_goes_when_its_time_is_over_and_not_before(services: Services, ask: Ask) -> None:
    uri = put(services, ask, "copied", artifact(services, "iris"))
    dataset = told(ask("POST", "/v1/datasets/table:upload", host="x"), 201)
    assert dataset["uri"].startswith("dataset://table/")
    now = time.time()
    for days, left in ((1.5, 1), (6.9, 1), (7.1, 0)):
        clock = partial(add, now, days * 86_400)
        sweep(Jobs(services.store, services.queue, clock), services.registry)
        assert len(services.store.list("uploads/copied/").objects) == left
    assert services.store.list("uploads/").objects == [], "nor is the record of an upload that never came"
    refused = ask("POST", "/v1/models/copied:register", json.dumps({"uri": uri}).encode())
    assert told(refused, 422)["faults"][0]["path"] == "$.uri"
    assert "it is kept for 7 days" in told(refused, 422)["detail"]


def test_an_upload_that_went_meanwhile_is_told_by_its_job(services: Services, ask: Ask) -> None:
    body = json.dumps({"uri": put(services, ask, "copied", artifact(services, "iris"))}).encode()
    job = told(ask("POST", "/v1/models/copied:register", body), 202)
    services.store.delete(services.store.list("uploads/copied/").objects[0].key)
    failed = run(services, job)
    assert failed.error is not None
    assert [fault["path"] for fault in failed.error["faults"]] == ["$.uri"]


def test_a_registered_version_shares_the_traffic_with_a_trained_one(services: Services, ask: Ask) -> None:
    assert registered(services, ask, "iris", artifact(services, "iris")).version == 2
    weights = json.dumps({"weights": {"1": 50, "2": 50}}).encode()
    assert "warnings" not in told(ask("PUT", "/v1/models/iris/aliases/production", weights))
    assert registered(services, ask, "iris", artifact(services, "truth")).version == 3
    other = ask("PUT", "/v1/models/iris/aliases/canary", b'{"weights": {"1": 50, "3": 50}}')
    assert "takes other rows than version 1" in told(other, 422)["detail"]


def test_what_is_refused_is_told_with_its_places(services: Services, ask: Ask) -> None:
    failed = registered(services, ask, "copied", b"\x80\x04\x95" + b"\0" * 30)
    assert failed.error is not None
    assert (failed.state, failed.error["code"], len(failed.attempts)) == ("failed", "invalid_input", 1)
    assert [fault["path"] for fault in failed.error["faults"]] == ["artifact"]
    assert ask("GET", "/v1/models/copied").status == 404
