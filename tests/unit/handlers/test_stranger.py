"""What callers see of an algorithm that nothing knows: the list, OpenAPI, refusals, predictions, `/v2`."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import ml_core.algorithms
from handlers.rest.openapi import document
from ml_core.inputs.rows import Limits
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.trainer import run_job
from ml_core.training.notebook import check_request
from tests.stranger.folder import BODY, FIT, FOLDER, ROWS
from tests.unit.handlers.conftest import Ask, asking, services_over


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, FOLDER])
        services = services_over(tmp_path_factory.mktemp("strange"))
        request = check_request(BODY, Limits(), services.data.check)
        job = services.jobs.submit("odd", request.to_bytes(), request.summary())
        context = TrainerContext(services.jobs, services.registry, fit_command=FIT)
        ended = run_job(job.id, context).job
        assert ended is not None
        assert ended.state == "succeeded", ended
        yield asking(services)


def read(ask: Ask, method: str, path: str, body: object = None, status: int = 200) -> Any:
    answer = ask(method, path, b"" if body is None else json.dumps(body).encode())
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def test_it_is_listed_and_a_module_beside_it_is_not(ask: Ask) -> None:
    listed = {each["name"]: each for each in read(ask, "GET", "/v1/algorithms")["algorithms"]}
    assert listed["stranger"]["available"] is True
    assert listed["stranger"]["task"] == "classification"
    assert listed["stranger"]["summary"] == "", "one that tells nothing of itself is listed too"
    assert all(listed[name]["summary"] for name in ("logistic_regression", "svm", "kmeans", "cnn", "rnn"))
    assert listed["needy"]["available"] is False
    assert "beside" not in listed


@pytest.mark.usefixtures("ask")
def test_openapi_describes_it() -> None:
    described = json.dumps(document())
    assert "whether to fail with an error of its own" in described
    assert '"beside"' not in described


def test_what_lacks_a_library_is_refused_at_once(ask: Ask) -> None:
    problem = read(ask, "POST", "/v1/models/odd:train", {**BODY, "algorithm": "needy"}, 422)
    (fault,) = problem["faults"]
    assert fault["path"] == "$.algorithm"
    assert "library_that_nobody_has, which is not installed: install it" in fault["message"]
    assert len(read(ask, "GET", "/v1/jobs")["jobs"]) == 1


def test_a_name_that_is_no_algorithm_is_refused(ask: Ask) -> None:
    for name in ("beside", "base", "contract", "outputs", "tasks", "__init__", "../ports"):
        problem = read(ask, "POST", "/v1/models/odd:train", {**BODY, "algorithm": name}, 422)
        assert "stranger" in problem["faults"][0]["message"]


def test_its_outputs_are_asked_by_their_names(ask: Ask) -> None:
    outputs = ["label", "farness", "probability"]
    answer = read(ask, "POST", "/v1/models/odd:predict", {"instances": ROWS[:3], "outputs": outputs})
    assert [list(each) for each in answer["predictions"]] == [outputs] * 3
    problem = read(ask, "POST", "/v1/models/odd:predict", {"instances": ROWS, "outputs": ["decision"]}, 422)
    assert "gives label, probability, farness; it has no 'decision'" in problem["faults"][0]["message"]


def test_the_open_inference_protocol_knows_them_too(ask: Ask) -> None:
    described = {each["name"]: each for each in read(ask, "GET", "/v2/models/odd")["outputs"]}
    assert list(described) == ["predict", "predict_proba", "farness"]
    assert described["farness"] == {"name": "farness", "datatype": "FP64", "shape": [-1, 1]}
    columns = list(zip(*ROWS[:2], strict=True))
    kinds = ["FP64", "BYTES", "BOOL", "FP64"]
    inputs = [
        {"name": f"x{place}", "shape": [2, 1], "datatype": kind, "data": list(column)}
        for place, (kind, column) in enumerate(zip(kinds, columns, strict=True))
    ]
    body = {"inputs": inputs, "outputs": [{"name": "farness"}, {"name": "predict_proba"}]}
    answer = read(ask, "POST", "/v2/models/odd/infer", body)
    assert [(each["name"], each["shape"]) for each in answer["outputs"]] == [
        ("farness", [2, 1]),
        ("predict_proba", [2, 2]),
    ]


def test_many_rows_of_words_are_predicted(ask: Ask) -> None:
    """Vectorised, one-hot columns come folded together: the contract hides it."""
    many = ROWS * 300
    answer = read(ask, "POST", "/v1/models/odd:predict", {"instances": many, "outputs": ["label"]})
    assert answer["predictions"][: len(ROWS)] == answer["predictions"][-len(ROWS) :]
