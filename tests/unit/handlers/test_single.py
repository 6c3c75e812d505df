"""A function with one model of its own."""

from typing import Any

import pytest

from handlers.direct import predict_directly
from handlers.single.model import OneModel, api_of
from ml_core.errors import AliasNotFound, VersionNotFound
from ml_core.training.notebook import train_model
from tests.unit.handlers.conftest import REQUESTS, ROWS


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> OneModel:
    fitted = train_model(ROWS, REQUESTS["iris"]["targets"])
    path = tmp_path_factory.mktemp("single") / "model.safetensors"
    path.write_bytes(fitted.to_bytes())
    return OneModel("My-Iris", str(path))


def test_it_answers_a_predict_body_with_a_prediction(model: OneModel) -> None:
    answer = predict_directly(api_of(model), {"model": "model", "instances": ROWS[:2]}, "r1")
    assert answer == {
        "predictions": ["low", "low"],
        "classes": ["high", "low", "middle"],
        "model": {"name": "My-Iris", "version": 1},
    }


@pytest.mark.parametrize("body", [{}, {"instances": [[1]]}, {"instances": [["1"] * 4]}])
def test_a_body_that_is_wrong_is_answered_with_the_problem(model: OneModel, body: dict[str, Any]) -> None:
    problem = predict_directly(api_of(model), {"model": "model", **body}, "r1")
    assert problem["code"] == "invalid_input"
    assert problem["faults"]


def test_the_model_is_read_once(model: OneModel) -> None:
    fresh = OneModel("m", model._path)
    assert [fresh.resolve("m").cold for _ in range(3)] == [True, False, False]


def test_it_has_version_1_and_no_alias(model: OneModel) -> None:
    assert model.resolve("m", 1).version == 1
    with pytest.raises(VersionNotFound):
        model.resolve("m", 2)
    with pytest.raises(AliasNotFound):
        model.resolve("m", alias="production")
