"""A version that was made elsewhere, from its upload to everything that is asked of a version."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.rest.answers import ANSWERS
from handlers.services import Services
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import Job
from ml_core.jobs.trainer import run_job
from ml_core.registry.registry import artifact_key
from tests.unit.handlers.conftest import ROWS, Ask, asking, services_over

ROW = {"instances": [ROWS[3], ROWS[20]]}


@pytest.fixture
def services(trained: Path, tmp_path: Path) -> Services:
    shutil.copytree(trained, tmp_path / "root")
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
