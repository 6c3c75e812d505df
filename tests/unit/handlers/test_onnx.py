"""`GET …/onnx`: a version as a file that other runtimes predict with."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import ml_core.algorithms
from handlers.auth import ROLES, TRAIN
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from handlers.rest.routes import ROUTES
from handlers.settings import read_settings
from ml_core.inputs.rows import Limits
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.trainer import run_job
from ml_core.model.model import Model
from ml_core.registry.registry import artifact_key
from ml_core.training.notebook import check_request
from tests.stranger.folder import BODY, FIT, FOLDER
from tests.unit.handlers.conftest import REQUESTS, ROWS, Ask, asking, services_over
from tests.unit.ml_core.onnx_runtime import properties, run


def problem(response: Response, status: int) -> Any:
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Problem"])
    return value


@pytest.mark.parametrize("model", REQUESTS)
def test_the_file_answers_as_predict_does(ask: Ask, model: str) -> None:
    response = ask("GET", f"/v1/models/{model}/versions/1/onnx")
    assert response.status == 200
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == f'attachment; filename="{model}-1.onnx"'
    assert response.headers["etag"] == f'"{hashlib.sha256(response.body).hexdigest()}"'
    assert (properties(response.body)["model"], properties(response.body)["version"]) == (model, "1")
    found = run(response.body, {"input-0": np.array(ROWS, dtype=float)})
    body = {"instances": ROWS, "outputs": list(found)}
    answer = ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode())
    assert answer.status == 200, answer.body
    for place, row in enumerate(json.loads(answer.body)["predictions"]):
        for name, value in row.items():
            close = value if isinstance(value, str) else pytest.approx(value, rel=1e-11, abs=1e-12)
            assert found[name].tolist()[place] == close


def test_who_has_it_gets_304_and_no_file(ask: Ask) -> None:
    path = "/v1/models/iris/versions/1/onnx"
    etag = ask("GET", path).headers["etag"]
    known = ask("GET", path, if_none_match=etag)
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", etag)
    assert ask("GET", path, if_none_match='"another"').status == 200
    head = ask("HEAD", path)
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", etag)
    assert int(head.headers["content-length"]) == len(ask("GET", path).body)


def test_what_is_not_there_is_404(ask: Ask) -> None:
    assert problem(ask("GET", "/v1/models/iris/versions/2/onnx"), 404)["code"] == "version_not_found"
    assert problem(ask("GET", "/v1/models/none/versions/1/onnx"), 404)["code"] == "model_not_found"


def test_it_takes_the_role_of_the_artifact() -> None:
    """A kernel SVM's vectors are rows that it was trained on."""
    roles = {route.target: route.access for route in ROUTES}
    assert roles["onnx:onnx"] == roles["artifacts:artifact"] == TRAIN
    assert TRAIN in ROLES


@pytest.mark.parametrize("most", [1024, 8192])
def test_what_is_too_long_is_413_with_the_command_that_makes_the_same_file(
    trained: Path, tmp_path: Path, most: int
) -> None:
    """Beforehand where the numbers alone are too many, else when it is there."""
    whole = asking(services_over(trained))("GET", "/v1/models/digits/versions/1/onnx").body
    assert len(whole) > 1024
    most = most if most < len(whole) else len(whole) - 1
    settings = read_settings({"ML_ROOT": str(trained), "ML_MAX_ANSWER_BYTES": str(most)})
    services = folder_services(settings, key_records=None)
    told = problem(asking(services)("GET", "/v1/models/digits/versions/1/onnx"), 413)["detail"]
    command = told.partition("`python -m ")[2].partition("`")[0].split()
    artifact = services.store.get(artifact_key(services.registry.model("digits").pick(1).job)).data
    (tmp_path / "digits-1.safetensors").write_bytes(artifact)
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"digits-1.onnx: {len(whole):,} bytes\n"
    assert (tmp_path / "digits-1.onnx").read_bytes() == whole
    assert Model.from_bytes(artifact).to_onnx(name="digits", version=1) == whole


def test_a_file_of_any_length_comes_in_parts(trained: Path) -> None:
    path = "/v1/models/digits/versions/1/onnx"
    whole = asking(services_over(trained))("GET", path)
    settings = read_settings({"ML_ROOT": str(trained), "ML_MAX_ANSWER_BYTES": "1024"})
    ask = asking(folder_services(settings, key_records=None))
    got = b""
    while True:  # a server may give less than it is asked for, and says so
        answer = ask("GET", path, range=f"bytes={len(got)}-", if_range=whole.headers["etag"])
        assert (answer.status, answer.headers["etag"]) == (206, whole.headers["etag"])
        got += answer.body
        first = len(got) - len(answer.body)
        assert answer.headers["content-range"] == f"bytes {first}-{len(got) - 1}/{len(whole.body)}"
        if len(got) == len(whole.body):
            break
    assert got == whole.body
    assert ask("HEAD", path, range="bytes=0-9").headers["content-length"] == "10"
    assert problem(ask("GET", path, range="bytes=0-9", if_range='"another"'), 413)


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=-7", -7, None), ("bytes=9-999999999", 9, None)],
)
def test_a_part_is_what_is_asked_for(ask: Ask, asked: str, begin: int, end: int | None) -> None:
    whole = ask("GET", "/v1/models/iris/versions/1/onnx").body
    answer = ask("GET", "/v1/models/iris/versions/1/onnx", range=asked)
    assert (answer.status, answer.body) == (206, whole[begin:end])


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=-", "bytes=9-5", "bytes=0-1,3-4", "lines=0-1", "bytes=x-y", "bytes=\u0661-"]
)
def test_what_is_no_range_is_passed_over(ask: Ask, asked: str) -> None:
    answer = ask("GET", "/v1/models/iris/versions/1/onnx", range=asked)
    assert answer.status == 200
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-99999999", "bytes=-0"])
def test_what_is_past_the_file_is_416(ask: Ask, asked: str) -> None:
    length = len(ask("GET", "/v1/models/iris/versions/1/onnx").body)
    answer = ask("GET", "/v1/models/iris/versions/1/onnx", range=asked)
    assert problem(answer, 416)["code"] == "range_not_satisfiable"
    assert answer.headers["content-range"] == f"bytes */{length}"


def test_a_file_of_too_many_parts_is_not_made(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.rest.endpoints.onnx._MOST_PARTS", 0)
    settings = read_settings({"ML_ROOT": str(trained), "ML_MAX_ANSWER_BYTES": "1024"})
    ask = asking(folder_services(settings, key_records=None))
    told = problem(ask("GET", "/v1/models/digits/versions/1/onnx", range="bytes=0-9"), 413)["detail"]
    assert "Range" not in told
    assert "python -m ml_core.export" in told


def test_an_algorithm_without_a_graph_is_409(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, FOLDER])
    services = services_over(tmp_path)
    request = check_request(BODY, Limits(), services.data.check)
    job = services.jobs.submit("odd", request.to_bytes(), request.summary())
    run_job(job.id, TrainerContext(services.jobs, services.registry, fit_command=FIT))
    told = problem(asking(services)("GET", "/v1/models/odd/versions/1/onnx"), 409)
    assert told["code"] == "not_exported"
    assert "'stranger' does not say itself as ONNX" in told["detail"]


@pytest.mark.parametrize("model", REQUESTS)
def test_it_takes_neither_numpy_nor_onnx(trained: Path, model: str) -> None:
    program = f"""
import json, sys
from tests.unit.handlers.conftest import asking, services_over
before = set(sys.modules)
answer = asking(services_over({str(trained)!r}))("GET", "/v1/models/{model}/versions/1/onnx")
assert answer.status == 200, answer.body
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"numpy", "sklearn", "scipy", "onnx", "google"}
