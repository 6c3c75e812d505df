"""`GET …/parameters`: what callers see of what a version learnt."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import ml_core.algorithms
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.inputs.rows import Limits
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.trainer import run_job
from ml_core.registry.registry import manifest_key
from ml_core.training.notebook import check_request
from tests.stranger.folder import BODY, FIT, FOLDER
from tests.unit.handlers.conftest import Ask, asking, copy_of, services_over


def read(response: Response, status: int = 200) -> Any:
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Parameters" if status == 200 else "Problem"])
    return value


@pytest.mark.parametrize(
    ("model", "kind"), [("iris", "linear"), ("truth", "linear"), ("digits", "kernel"), ("groups", "centres")]
)
def test_every_model_is_described(ask: Ask, model: str, kind: str) -> None:
    told = read(ask("GET", f"/v1/models/{model}/versions/1/parameters"))
    assert told["model"] == {"name": model, "version": 1}
    assert told["kind"] == kind
    manifest = json.loads(ask("GET", f"/v1/models/{model}/versions/1").body)
    assert told["algorithm"] == manifest["algorithm"]
    alone = 1 in manifest["metrics"]["training"].get("cluster_sizes", ())
    assert manifest["contains_training_rows"] is (kind == "kernel" or alone)
    if kind == "linear":
        assert [each["column"] for each in told["columns"]] == manifest["features"]
        assert {each["class"] for each in told["decisions"]} <= set(manifest["classes"])
    elif kind == "centres":
        sizes = [each["size"] for each in told["clusters"]]
        assert sizes == manifest["metrics"]["training"]["cluster_sizes"]
        assert sum(sizes) == manifest["rows"]
    else:
        assert [each["class"] for each in told["support_vectors"]] == manifest["classes"]
        assert "columns" not in told


def test_what_is_not_there_is_404(ask: Ask) -> None:
    assert read(ask("GET", "/v1/models/iris/versions/2/parameters"), 404)["code"] == "version_not_found"
    assert read(ask("GET", "/v1/models/none/versions/1/parameters"), 404)["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("iris", {"ML_MAX_CELLS": "4"}),
        ("digits", {"ML_MAX_CELLS": "4"}),
        ("groups", {"ML_MAX_CELLS": "4"}),
        ("iris", {"ML_MAX_ANSWER_BYTES": "1024"}),
    ],
)
def test_too_much_is_413_with_where_it_is(trained: Path, model: str, setting: dict[str, str]) -> None:
    settings = read_settings({"ML_ROOT": str(trained), **setting})
    narrow = asking(folder_services(settings, key_records=None))
    problem = read(narrow("GET", f"/v1/models/{model}/versions/1/parameters"), 413)
    assert "download the artifact" in problem["detail"]


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Services:
    copy_of(trained, tmp_path / "copy")
    return services_over(tmp_path / "copy")


def change_manifest(services: Services, model: str, change: Any) -> None:
    key = manifest_key(services.registry.model(model).pick(1).job)
    stored = services.store.get(key)
    manifest = json.loads(stored.data)
    change(manifest)
    services.store.put_if_unchanged(key, json.dumps(manifest).encode(), stored.revision)


def test_a_version_of_an_earlier_release_has_clusters_of_unknown_sizes(copied: Services) -> None:
    path = "/v1/models/groups/versions/1/parameters"
    change_manifest(copied, "groups", lambda manifest: manifest["metrics"]["training"].pop("cluster_sizes"))
    assert [each["size"] for each in read(asking(copied)("GET", path))["clusters"]] == [None] * 3
    copied.store.delete(manifest_key(copied.registry.model("groups").pick(1).job))
    assert [each["size"] for each in read(asking(copied)("GET", path))["clusters"]] == [None] * 3


@pytest.mark.parametrize(
    ("model", "hyperparameters", "told"),
    [
        ("iris", {}, False),
        ("digits", {}, True),
        ("digits", {"kernel": "linear"}, None),
        ("groups", {}, None),
    ],
)
def test_a_version_of_an_earlier_release_tells_of_training_rows_what_can_be_known(
    copied: Services, model: str, hyperparameters: dict[str, str], told: bool | None
) -> None:
    def change(manifest: Any) -> None:
        manifest.pop("contains_training_rows")
        manifest.pop("curves", None)
        manifest["hyperparameters"].update(hyperparameters)

    change_manifest(copied, model, change)
    version = json.loads(asking(copied)("GET", f"/v1/models/{model}/versions/1").body)
    jsonschema.validate(version, ANSWERS["Version"])
    assert (version["contains_training_rows"], version["curves"]) == (told, None)
    change_manifest(copied, model, lambda manifest: manifest.update(algorithm="forgotten"))
    version = json.loads(asking(copied)("GET", f"/v1/models/{model}/versions/1").body)
    assert version["contains_training_rows"] is None


def test_an_algorithm_that_says_nothing_is_409(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, FOLDER])
    services = services_over(tmp_path)
    request = check_request(BODY, Limits(), services.data.check)
    job = services.jobs.submit("odd", request.to_bytes(), request.summary())
    run_job(job.id, TrainerContext(services.jobs, services.registry, fit_command=FIT))
    problem = read(asking(services)("GET", "/v1/models/odd/versions/1/parameters"), 409)
    assert problem["code"] == "not_described"
    assert "'stranger' does not say what it learnt" in problem["detail"]
    version = json.loads(asking(services)("GET", "/v1/models/odd/versions/1").body)
    assert version["contains_training_rows"] is None


@pytest.mark.parametrize("model", ["iris", "digits", "groups"])
def test_it_takes_neither_numpy_nor_scikit_learn(trained: Path, model: str) -> None:
    program = f"""
import json, sys
from tests.unit.handlers.conftest import asking, services_over
before = set(sys.modules)
answer = asking(services_over({str(trained)!r}))("GET", "/v1/models/{model}/versions/1/parameters")
assert answer.status == 200, answer.body
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "sklearn", "scipy"} & set(json.loads(done.stdout.splitlines()[-1]))
