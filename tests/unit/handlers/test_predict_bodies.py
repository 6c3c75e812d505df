"""What `:predict` and `/v2` take beside rows of exactly the model's columns."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.direct import predict_directly
from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.rest import forms, openapi
from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.components import resolved
from handlers.rest.http import Response
from handlers.settings import read_settings
from ml_core.algorithms.outputs import METHODS
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


# The model of docs/walk.md, which OpenAPI's examples ask, and one of a frame whose columns have no names.
FRUIT = {
    "algorithm": "logistic_regression",
    "feature_names": ["grams", "redness"],
    "instances": [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]],
    "targets": ["apple", "apple", "quince", "quince"],
}
UNNAMED = {**FRUIT, "feature_names": ["0", "1"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bodies")
    services = services_over(folder)
    for name, body in {**MODELS, "fruit": FRUIT, "unnamed": UNNAMED}.items():
        more = {"test_fraction": 0} if body["instances"] is FRUIT["instances"] else {}
        assert train_now(services, {"model": name, **body, **more}).state == "succeeded"
    return folder


@pytest.fixture(scope="module")
def ask(root: Path) -> Ask:
    return asking(services_over(root))


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


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as TensorFlow Serving's column format has them."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def split_of(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Rows as pandas' `to_dict(orient="split")` has them."""
    return {"columns": list(rows[0]), "data": [list(row.values()) for row in rows], **more}


def lists_of(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Rows in the order of the features, in which all models here were trained."""
    return [list(row.values()) for row in rows]


def backwards(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(reversed(row.items())) for row in rows]


FORMS: dict[str, Any] = {
    "columns": lambda rows: {"inputs": columns_of(rows)},
    "columns backwards": lambda rows: {"inputs": columns_of(backwards(rows))},
    "rows as inputs": lambda rows: {"inputs": lists_of(rows)},
    "split": lambda rows: {"dataframe_split": split_of(rows)},
    "split backwards": lambda rows: {"dataframe_split": split_of(backwards(rows), index=["b", {}])},
    "split without columns": lambda rows: {"dataframe_split": {"data": lists_of(rows)}},
    "records": lambda rows: {"dataframe_records": backwards(rows)},
}


def kind_of(form: str) -> str:
    return form.partition(" ")[0]


BY_NAME = ["columns", "columns backwards", "split", "split backwards", "records"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", MODELS)
def test_every_form_is_answered_as_the_same_rows_are(ask: Ask, model: str, form: str) -> None:
    outputs = ["distance", "label"] if model == "groups" else ["probability", "label", "decision"]
    for asked in ({}, {"outputs": outputs}, {"outputs": outputs[:1]}):
        for rows in (ASKED[model], ASKED[model][:1], ASKED[model] * 40):
            expected = predict(ask, model, {"instances": rows, **asked})
            found = predict(ask, model, {**FORMS[form](rows), **asked})
            if "inputs" in FORMS[form](rows):
                by_row = found.pop("outputs")
                if asked:
                    assert list(by_row) == asked["outputs"]
                    by_row = [
                        dict(zip(by_row, row, strict=True)) for row in zip(*by_row.values(), strict=True)
                    ]
                found = {**found, "predictions": by_row}
            assert found == expected


@pytest.mark.parametrize("form", BY_NAME)
@pytest.mark.parametrize("model", MODELS)
def test_a_form_with_names_ignores_or_refuses_others(ask: Ask, model: str, form: str) -> None:
    rows = [{"id": number, **row, "": None} for number, row in enumerate(ASKED[model])]
    exact, body = predict(ask, model, FORMS[form](ASKED[model])), FORMS[form](rows)
    assert predict(ask, model, {**body, "unknown_columns": "ignore"}) == exact
    faults = wrong(ask, model, body)
    assert all('send "unknown_columns": "ignore"' in message for _, message in faults)
    last = len(FEATURES) + 1
    expected = {
        "columns": {"$.inputs.id", '$.inputs[""]'},
        "split": {"$.dataframe_split.columns[0]", f"$.dataframe_split.columns[{last}]"},
        "records": {"$.dataframe_records[0].id", '$.dataframe_records[0][""]'},
    }
    assert {path for path, _ in faults} >= expected[kind_of(form)]


@pytest.mark.parametrize("form", BY_NAME)
@pytest.mark.parametrize("model", MODELS)
def test_a_form_that_lacks_a_column_is_refused_though_others_are_ignored(
    ask: Ask, model: str, form: str
) -> None:
    rows = [{"Age": 1, "plan": row["plan"], "active": row["active"]} for row in ASKED[model][:1]]
    ((path, message),) = wrong(ask, model, {**FORMS[form](rows), "unknown_columns": "ignore"})
    where = {
        "columns": "$.inputs",
        "split": "$.dataframe_split.columns",
        "records": "$.dataframe_records[0]",
    }
    assert (path, message) == (where[kind_of(form)], "feature 'age' is missing")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("column", FEATURES)
def test_a_value_that_is_wrong_is_told_by_its_place_in_the_body(
    ask: Ask, model: str, form: str, column: str
) -> None:
    """It is where its path leads in the body that was sent."""
    rows = [dict(row) for row in ASKED[model]]
    rows[3][column] = {"a": "value that is wrong"}
    body = FORMS[form](rows)
    ((path, _),) = wrong(ask, model, body)
    assert at(body, path) == rows[3][column]


def at(body: Any, path: str) -> Any:
    """What a simple JSON path leads to."""
    for step in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        body = body[step[0]] if step[0] else body[int(step[1])]
    return body


def test_a_row_that_cannot_be_computed_is_told_in_every_form(ask: Ask) -> None:
    names = FRUIT["feature_names"]
    rows = [dict(zip(names, row, strict=True)) for row in ([150, 0.4], [-1.7e308, 1.7e308])]
    expected = {
        "columns": "$.inputs.*[1]",
        "rows": "$.inputs[1]",
        "split": "$.dataframe_split.data[1]",
        "records": "$.dataframe_records[1]",
    }
    for form, sent in FORMS.items():
        ((path, message),) = wrong(ask, "fruit", sent(rows))
        assert path == expected[kind_of(form)]
        assert "overflows" in message


def of_split(**members: Any) -> dict[str, Any]:
    return {"dataframe_split": {**split_of(NUMBERS[:2]), **members}}


ONE = NUMBERS[0]
WRONG: dict[str, tuple[Any, str, str]] = {
    "no rows at all": ({"outputs": ["label"]}, "$", "got none"),
    "two forms": (
        {"instances": [[1, 2, 3]], "inputs": [[1, 2, 3]]},
        "$",
        "one of instances, inputs, dataframe_split, dataframe_records, got instances and inputs",
    ),
    "three forms": (
        {"inputs": [], "dataframe_split": 1, "dataframe_records": 2},
        "$",
        "got inputs and dataframe_split and dataframe_records",
    ),
    "columns of two lengths": (
        {"inputs": {"age": [1, 2], "plan": [1], "active": [1, 2]}},
        "$.inputs.plan",
        "has 1 values, and $.inputs.age has 2",
    ),
    "a column that is no list": (
        {"inputs": {"age": 31, "plan": [1], "active": [1]}},
        "$.inputs.age",
        "expected a list with a value for each row, got 31",
    ),
    "columns of no row": ({"inputs": {name: [] for name in FEATURES}}, "$.inputs.age", "at least one row"),
    "inputs of no column": ({"inputs": {}}, "$.inputs", "feature 'age' is missing"),
    "inputs that are text": ({"inputs": "age"}, "$.inputs", "or a list of rows, got 'age'"),
    "inputs that are null": ({"inputs": None}, "$.inputs", "or a list of rows, got null"),
    "inputs of no row": ({"inputs": []}, "$.inputs", "at least one row"),
    "inputs of one row without a list around": ({"inputs": [1, 2, 3]}, "$.inputs[0]", "got 1"),
    "inputs of objects": ({"inputs": [ONE]}, "$.inputs[0]", "expected a list, got an object"),
    "inputs of short rows": ({"inputs": [[1, 2]]}, "$.inputs[0]", "expects 3 features, row 0 has 2"),
    "a split that is a list": ({"dataframe_split": []}, "$.dataframe_split", "an object is expected"),
    "a split without data": ({"dataframe_split": {"columns": FEATURES}}, "$.dataframe_split", "lacks 'data'"),
    "a split of other members": (of_split(dtypes=[]), "$.dataframe_split", "has 'dtypes', which is not"),
    "a column there twice": (
        of_split(columns=["age", "plan", "active", "age"], data=[[1, 2, 3, 4]]),
        "$.dataframe_split.columns[3]",
        "'age' is there twice, first at $.dataframe_split.columns[0]",
    ),
    "an unknown column there twice": (
        {**of_split(columns=[*FEATURES, 0, "0"], data=[[1, 2, 3, 4, 5]]), "unknown_columns": "ignore"},
        "$.dataframe_split.columns[4]",
        "'0' is there twice",
    ),
    "a column's name that is none": (
        of_split(columns=["age", None, "active"]), "$.dataframe_split.columns[1]", "is null"
    ),
    "columns that are text": (of_split(columns="age"), "$.dataframe_split.columns", "a list is expected"),
    "no columns": (of_split(columns=[]), "$.dataframe_split.columns", "at least 1"),
    "data that are an object": (of_split(data={}), "$.dataframe_split.data", "expected a list of rows"),
    "data of no row": (of_split(data=[]), "$.dataframe_split.data", "at least one row"),
    "data of objects": (of_split(data=[[1, 2, 3], ONE]), "$.dataframe_split.data[1]", "expected a list of 3"),
    "data of short rows": (
        of_split(data=[[1, 2, 3], [1, 2]]), "$.dataframe_split.data[1]", "has 2 values for 3 columns"
    ),
    "data without columns, of objects": (
        {"dataframe_split": {"data": [ONE]}}, "$.dataframe_split.data[0]", "expected a list, got an object"
    ),
    "data without columns, of short rows": (
        {"dataframe_split": {"data": [[1]]}}, "$.dataframe_split.data[0]", "expects 3 features"
    ),
    "records that are lists": (
        {"dataframe_records": [ONE, [1, 2, 3]]}, "$.dataframe_records[1]", "expected an object, got a list"
    ),
    "records that are an object": ({"dataframe_records": ONE}, "$.dataframe_records", "expected a list"),
    "no record": ({"dataframe_records": []}, "$.dataframe_records", "at least one row"),
    "a null where a number is due": (
        {"inputs": {"age": [1, None], "plan": [1, 2], "active": [1, 2]}},
        "$.inputs.age[1]",
        "expected a number, got null",
    ),
    "a number past float64": (of_split(data=[[1, 2, 10**400]]), "$.dataframe_split.data[0][2]", "finite"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_with_its_place(ask: Ask, case: str) -> None:
    body, path, message = WRONG[case]
    found = wrong(ask, "plain", body)
    assert found[0][0] == path
    assert message in found[0][1]


@pytest.mark.parametrize("form", FORMS)
def test_rows_past_the_limit_are_refused_in_every_form(root: Path, form: str) -> None:
    settings = read_settings({"ML_ROOT": str(root), "ML_MAX_ROWS": "3"})
    ask = asking(folder_services(settings, key_records=None))
    for rows, status in ((3, 200), (4, 413)):
        body = json.dumps(FORMS[form](NUMBERS[:rows])).encode()
        answer = ask("POST", "/v1/models/plain:predict", body)
        assert answer.status == status, answer.body
    assert "at most 3 are taken" in json.loads(answer.body)["detail"]
    assert "$." in json.loads(answer.body)["detail"]


def test_a_frames_columns_may_be_numbers(ask: Ask) -> None:
    """Of a frame that was made of an array, pandas says they are 0, 1, 2."""
    expected = predict(ask, "unnamed", {"instances": FRUIT["instances"]})
    data = [[redness, grams] for grams, redness in FRUIT["instances"]]
    assert predict(ask, "unnamed", {"dataframe_split": {"columns": [1, 0], "data": data}}) == expected
    ((path, message),) = wrong(
        ask, "unnamed", {"dataframe_split": {"columns": [0, 1, True], "data": [[1, 2, 3]]}}
    )
    assert (path, message) == (
        "$.dataframe_split.columns[2]",
        "is true or false; a string or a whole number is expected",
    )


def examples(path: str) -> list[Any]:
    found: list[Any] = described(path)["examples"]
    return found


def described(path: str) -> Any:
    """The schema of a body, with what it refers to."""
    document = openapi.document()
    content = document["paths"][path]["post"]["requestBody"]["content"]
    return {
        **resolved(document, content["application/json"]["schema"]),
        "components": document["components"],
    }


@pytest.mark.parametrize("body", examples("/v1/models/{model}:predict"))
def test_every_example_is_answered_by_the_readmes_model(ask: Ask, body: Any) -> None:
    predict(ask, "fruit", body)


def test_there_is_an_example_of_every_form_and_the_contract_takes_one_at_a_time() -> None:
    schema = described("/v1/models/{model}:predict")
    given = examples("/v1/models/{model}:predict")
    assert {form for form in ("instances", *forms.FORMS) if any(form in body for body in given)} == {
        "instances", *forms.FORMS
    }  # fmt: skip
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert all(map(valid, given))
    assert not valid({"outputs": ["label"]})
    assert not valid({**given[0], **given[-1]})
    assert all(valid(sent(ASKED["mixed"])) for sent in FORMS.values())


@pytest.mark.parametrize("body", examples("/v2/models/{model}/infer"))
def test_the_open_inference_protocols_examples_are_too(ask: Ask, body: Any) -> None:
    infer(ask, "fruit", body)


OURS = {theirs: ours for ours, theirs in METHODS.items()}
OUTPUTS = {"mixed": ["label", "probability", "decision"], "groups": ["label", "distance"]}


@pytest.mark.parametrize("model", OUTPUTS)
def test_v1_takes_scikit_learns_names_and_answers_by_them(ask: Ask, model: str) -> None:
    ours = OUTPUTS[model]
    theirs = [METHODS[name] for name in ours]
    rows = {"instances": ASKED[model]}
    expected = predict(ask, model, {**rows, "outputs": ours})["predictions"]
    for asked in (theirs, theirs[::-1], [*ours, *theirs], [theirs[0], *ours[1:]]):
        found = predict(ask, model, {**rows, "outputs": asked})["predictions"]
        assert [list(row) for row in found] == [asked] * len(found)
        for row, whole in zip(found, expected, strict=True):
            assert all(row[name] == whole[name if name in ours else OURS[name]] for name in asked)
    by_column = predict(ask, model, {"inputs": columns_of(ASKED[model]), "outputs": theirs})["outputs"]
    assert by_column == {METHODS[name]: [row[name] for row in expected] for name in ours}


@pytest.mark.parametrize("model", OUTPUTS)
def test_v2_takes_the_names_of_v1_and_answers_by_them(ask: Ask, model: str) -> None:
    ours = OUTPUTS[model]
    body = {"inputs": tensors(ASKED[model])}
    if model == "groups":
        body = {"inputs": [{**tensor, "datatype": "FP64"} for tensor in body["inputs"]]}

    def asked(names: list[str], **each: Any) -> list[dict[str, Any]]:
        sent = {**body, "outputs": [{"name": name, **each} for name in names]}
        found: list[dict[str, Any]] = infer(ask, model, sent)["outputs"]
        return found

    expected = asked([METHODS[name] for name in ours])
    for names in (ours, [*ours, *map(METHODS.__getitem__, ours)]):
        found = asked(names)
        assert [output["name"] for output in found] == names
        for output in found:
            (same,) = (
                each for each in expected if each["name"] == METHODS.get(output["name"], output["name"])
            )
            assert {**output, "name": ""} == {**same, "name": ""}


def test_an_output_that_is_not_given_is_told_by_the_name_that_was_asked(ask: Ask) -> None:
    body = {"instances": ASKED["mixed"], "outputs": ["predict", "transform"]}
    ((path, message),) = wrong(ask, "mixed", body)
    assert path == "$.outputs[1]"
    assert message == "this model gives label, probability, decision; it has no 'transform'"
    sent = {"inputs": tensors(TABLE[:2]), "outputs": [{"name": "label"}, {"name": "distance"}]}
    ((path, message),) = refused(ask("POST", "/v2/models/mixed/infer", json.dumps(sent).encode()), 400)
    assert path == "$.outputs[1].name"
    assert message.endswith("it cannot give 'distance'")


def test_an_answer_of_an_output_by_both_names_counts_twice(root: Path) -> None:
    settings = read_settings({"ML_ROOT": str(root), "ML_MAX_CELLS": "8"})
    ask = asking(folder_services(settings, key_records=None))
    for outputs, status in ((["label"], 200), (["label", "predict"], 413)):
        body = json.dumps({"instances": ASKED["groups"], "outputs": outputs}).encode()
        assert ask("POST", "/v1/models/groups:predict", body).status == status


@pytest.mark.parametrize("form", FORMS)
def test_a_bare_event_may_have_every_form(root: Path, ask: Ask, form: str) -> None:
    event = {"model": "mixed", **FORMS[form](ASKED["mixed"])}
    found = predict_directly(Api(services_over(root)), event, "r1")
    assert found == predict(ask, "mixed", FORMS[form](ASKED["mixed"]))
