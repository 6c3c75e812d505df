"""What `:predict` and `/v2` take beside rows of exactly the model's columns."""

import json
from typing import Any

import jsonschema
import pytest

from handlers.jobs import train_now
from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from tests.unit.handlers.conftest import ROWS, Ask, asking, services_over

PLANS = ["basic", "plus", None]
TABLE: list[dict[str, Any]] = [
    {"age": 20 + row % 40, "plan": PLANS[row % 3], "active": row % 4 == 0} for row in range(60)
]
TARGETS = ["yes" if row % 5 < 2 else "no" for row in range(60)]
FEATURES = ["age", "plan", "active"]
DATATYPES = {"age": "FP64", "plan": "BYTES", "active": "BOOL"}
MODELS: dict[str, dict[str, Any]] = {
    "mixed": {"algorithm": "logistic_regression", "instances": TABLE, "targets": TARGETS},
    "plain": {
        "algorithm": "logistic_regression",
        "instances": [row[:3] for row in ROWS],
        "targets": [(0, 1, 2)[row % 3] for row in range(30)],
        "feature_names": FEATURES,
    },
    "groups": {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 3},
        "instances": [row[:3] for row in ROWS],
        "feature_names": FEATURES,
    },
}
NUMBERS = [dict(zip(FEATURES, row, strict=False)) for row in ROWS]
ASKED = {"mixed": TABLE[:7], "plain": NUMBERS[:7], "groups": NUMBERS[:7]}
MORE = {"id": "c-1", "churned": None, "": [1, {"a": 2}]}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    services = services_over(tmp_path_factory.mktemp("bodies"))
    for name, body in MODELS.items():
        assert train_now(services, {"model": name, **body}).state == "succeeded"
    return asking(services)


def predict(ask: Ask, model: str, body: Any) -> Any:
    """The answer to a body, which meets its schema."""
    return answered(ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode()), "Predictions")


def infer(ask: Ask, model: str, body: Any) -> Any:
    return answered(ask("POST", f"/v2/models/{model}/infer", json.dumps(body).encode()), "Inference")


def answered(response: Response, schema: str) -> Any:
    assert response.status == 200, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS[schema])
    return value


def refused(response: Response, status: int = 422) -> list[tuple[str, str]]:
    """Where a problem's faults are, and what they say."""
    problem = json.loads(response.body)
    assert (response.status, problem["code"]) == (status, "invalid_input"), problem
    return [(fault["path"], fault["message"]) for fault in problem["faults"]]


def wrong(ask: Ask, model: str, body: Any) -> list[tuple[str, str]]:
    return refused(ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode()))


def tensors(rows: list[dict[str, Any]], **more: str) -> list[dict[str, Any]]:
    """A tensor for each column of the rows."""
    return [
        {"name": name, "datatype": kind, "shape": [len(rows)], "data": [row.get(name) for row in rows]}
        for name, kind in {**more, **DATATYPES}.items()
    ]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_the_model_does_not_know_changes_nothing_where_it_is_ignored(
    ask: Ask, model: str, place: str
) -> None:
    rows = [{**MORE, **row} if place == "before" else {**row, **MORE} for row in ASKED[model]]
    exact = predict(ask, model, {"instances": ASKED[model]})
    assert predict(ask, model, {"instances": rows, "unknown_columns": "ignore"}) == exact
    mixed = [*rows[:3], *map(list, map(dict.values, ASKED[model][3:]))]
    assert predict(ask, model, {"instances": mixed, "unknown_columns": "ignore"}) == exact


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("said", [{}, {"unknown_columns": "refuse"}])
def test_else_it_is_refused_with_what_to_do(ask: Ask, model: str, said: dict[str, str]) -> None:
    row = {**ASKED[model][0], "id": 1}
    ((path, message),) = wrong(ask, model, {"instances": [row], **said})
    assert path == "$.instances[0].id"
    assert message == (
        f"model '{model}' version 1 has no feature 'id'; leave it out, "
        'or send "unknown_columns": "ignore"'
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_misspelt_column_is_missing_though_others_are_ignored(ask: Ask, model: str) -> None:
    row = {**{name: value for name, value in ASKED[model][0].items() if name != "age"}, "Age": 31}
    body = {"instances": [ASKED[model][0], row], "unknown_columns": "ignore"}
    assert wrong(ask, model, body) == [("$.instances[1]", "feature 'age' is missing")]


@pytest.mark.parametrize("value", ["Ignore", "", True, None, ["ignore"]])
def test_what_becomes_of_them_is_one_of_two_words(ask: Ask, value: Any) -> None:
    body = {"instances": ASKED["plain"], "unknown_columns": value}
    assert [path for path, _ in wrong(ask, "plain", body)] == ["$.unknown_columns"]
    sent = {"inputs": tensors(TABLE[:2]), "parameters": {"unknown_columns": value}}
    faults = refused(ask("POST", "/v2/models/mixed/infer", json.dumps(sent).encode()), 400)
    assert [path for path, _ in faults] == ["$.parameters.unknown_columns"]


def test_tensors_of_other_columns_are_ignored_where_that_is_asked_for(ask: Ask) -> None:
    exact = infer(ask, "mixed", {"inputs": tensors(TABLE[:5])})
    odd = {"name": "odd", "datatype": "FP64", "shape": [2, 2, 1], "data": [1, 2, 3, 4]}
    sent = [odd, *tensors(TABLE[:5], id="INT64", churned="BYTES")]
    body = {"inputs": sent, "parameters": {"unknown_columns": "ignore"}}
    assert infer(ask, "mixed", body) == exact
    faults = refused(ask("POST", "/v2/models/mixed/infer", json.dumps({"inputs": sent}).encode()), 400)
    assert [path for path, _ in faults] == [f"$.inputs[{place}].name" for place in range(3)]
    assert faults[1][1] == (
        "model 'mixed' version 1 has no feature 'id'; leave it out, "
        'or send "parameters": {"unknown_columns": "ignore"}'
    )


def test_a_tensor_that_is_missing_or_there_twice_is_refused_all_the_same(ask: Ask) -> None:
    ignoring = {"parameters": {"unknown_columns": "ignore"}}
    for inputs, path in (
        (tensors(TABLE[:5], Age="FP64")[:3], "$.inputs"),
        ([*tensors(TABLE[:5]), tensors(TABLE[:5])[1]], "$.inputs[3].name"),
    ):
        body = json.dumps({"inputs": inputs, **ignoring}).encode()
        assert [at for at, _ in refused(ask("POST", "/v2/models/mixed/infer", body), 400)] == [path]
