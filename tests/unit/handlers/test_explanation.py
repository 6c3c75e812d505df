"""`:explain`: the margin of every row's label, split over the columns that callers send."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from math import comb, fsum
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.direct import predict_directly
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.http import Response
from handlers.settings import read_settings
from handlers.single.model import OneModel, api_of
from ml_core.model.model import Model
from ml_core.registry.registry import artifact_key
from ml_core.training.notebook import train_model
from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import (
    COLOURED,
    PICTURES,
    SEQUENCES,
    TEXTS,
    folder_of_networks,
    register,
)

# Artifacts of earlier releases, of rows of a table.
OLD = [
    path
    for path in sorted((Path(__file__).parents[1] / "ml_core" / "artifacts").glob("[12]-*.json"))
    if "nn" not in path.stem
]
PLANS = ["basic", "plus", None]
FEATURES = ["age", "plan", "active", "spend"]
TABLE: list[dict[str, Any]] = [
    {
        "age": 20 + row * 7 % 41,
        "plan": PLANS[row % 3],
        "active": row % 4 == 0,
        "spend": None if row % 11 == 0 else row * 13 % 17 / 4,
    }
    for row in range(120)
]
TWO = ["yes" if row["age"] + 9 * (row["plan"] == "plus") > 42 else "no" for row in TABLE]
THREE = [row["age"] // 7 % 3 for row in TABLE]
NUMBERS = [
    {"a": float(row["age"]), "b": row["age"] ** 2 / 40, "c": place % 9 / 2} for place, row in enumerate(TABLE)
]
KERNELS = ("linear", "rbf", "poly", "sigmoid")
# What each model is trained on, by which algorithm, with which hyperparameters.
MODELS: dict[str, tuple[list[Any], list[Any] | None, str, dict[str, Any]]] = {
    "regression": (TABLE, TWO, "logistic_regression", {}),
    "several": (TABLE, THREE, "logistic_regression", {}),
    **{f"svm-{kernel}": (TABLE, TWO, "svm", {"kernel": kernel}) for kernel in KERNELS},
    "svm-several": (TABLE, THREE, "svm", {}),
    "groups": (TABLE, None, "kmeans", {"n_clusters": 3, "scale": True}),
    "numbers": (NUMBERS, [label == "yes" for label in TWO], "logistic_regression", {}),
    "few": (TABLE[:12], TWO[:12], "logistic_regression", {}),
}
EXPLAINED = [name for name in MODELS if name != "few"]
ASKED = {name: (NUMBERS if name == "numbers" else TABLE)[3:70:13] for name in MODELS}
UNITS = {"groups": "squared distance", "regression": "log-odds", "several": "log-odds", "numbers": "log-odds"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    services = services_over(folder)
    for name in MODELS:
        register(services, name, trained_as(name))
    return folder


def trained_as(name: str, **more: Any) -> Model:
    rows, targets, algorithm, hyperparameters = MODELS[name]
    return train_model(rows, targets, algorithm, **hyperparameters, **more)


@pytest.fixture(scope="module")
def ask(root: Path) -> Ask:
    return asking(services_over(root))


def explain(ask: Ask, model: str, body: Any, **headers: str) -> Any:
    """The answer to a body, which meets its schema."""
    return answered(ask("POST", f"/v1/models/{model}:explain", json.dumps(body).encode(), **headers))


def answered(response: Response) -> Any:
    assert response.status == 200, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Explanations"])
    return value


def refused(response: Response, status: int, code: str) -> Any:
    problem = json.loads(response.body)
    assert (response.status, problem["code"]) == (status, code), problem
    return problem


def faults(ask: Ask, model: str, body: Any) -> list[tuple[str, str]]:
    """Where a body's faults are, and what they say."""
    response = ask("POST", f"/v1/models/{model}:explain", json.dumps(body).encode())
    problem = refused(response, 422, "invalid_input")
    return [(fault["path"], fault["message"]) for fault in problem["faults"]]


def outputs(ask: Ask, model: str, rows: list[Any], *names: str) -> list[dict[str, Any]]:
    body = json.dumps({"instances": rows, "outputs": ["label", *names]}).encode()
    response = ask("POST", f"/v1/models/{model}:predict", body)
    assert response.status == 200, response.body
    predictions: list[dict[str, Any]] = json.loads(response.body)["predictions"]
    return predictions


def margins(ask: Ask, model: str, rows: list[Any], label: Any, against: Any) -> list[float]:
    """By what `:predict` answers alone: how far each row is on the side of a label against another."""
    if model == "groups":
        found = outputs(ask, model, rows, "distance")
        return [row["distance"][against] ** 2 - row["distance"][label] ** 2 for row in found]
    found = outputs(ask, model, rows, "decision")
    body = json.dumps({"instances": rows[:1]}).encode()
    classes = json.loads(ask("POST", f"/v1/models/{model}:predict", body).body)["classes"]
    own, other = classes.index(label), classes.index(against)
    if len(classes) > 2:
        return [row["decision"][own] - row["decision"][other] for row in found]
    return [row["decision"] if own else -row["decision"] for row in found]


@pytest.mark.parametrize("model", EXPLAINED)
@pytest.mark.parametrize("background", [None, TABLE[1:90:11]], ids=["profile", "rows"])
def test_the_parts_add_up_from_base_to_the_margin_that_predict_has(
    ask: Ask, model: str, background: list[Any] | None
) -> None:
    body: dict[str, Any] = {"instances": ASKED[model]}
    if background is not None:
        body["background"] = {"instances": NUMBERS[1:90:11] if model == "numbers" else background}
    answer = explain(ask, model, body)
    predicted = outputs(ask, model, ASKED[model])
    assert answer["predictions"] == [row["label"] for row in predicted]
    assert answer["model"] == {"name": model, "version": 1}
    assert len(answer["explanations"]) == len(ASKED[model])
    for row, told in zip(ASKED[model], answer["explanations"], strict=True):
        assert list(told["attributions"]) == (["a", "b", "c"] if model == "numbers" else FEATURES)
        assert told["unit"] == UNITS.get(model, "decision")
        exact = model != "svm-sigmoid"
        assert (told["method"], told["exact"]) == ("exact" if exact else "permutations", exact)
        assert ("standard_errors" in told) != exact
        assert told["game"] == ("marginals" if background is None else "rows")
        scale = max(1.0, *map(abs, told["attributions"].values()))
        total = fsum((told["base"], *told["attributions"].values()))
        assert total == pytest.approx(told["margin"], abs=1e-9 * scale)
        assert abs(total - told["margin"]) <= told["additivity_error"] + 1e-15 * scale
        if model != "svm-several":  # whose decisions for each class are not those of pairs
            assert told["margin"] >= 0
            (margin,) = margins(ask, model, [row], told["label"], told["against"])
            assert told["margin"] == pytest.approx(margin, abs=1e-9 * scale)


@pytest.mark.parametrize("model", [name for name in EXPLAINED if name != "svm-several"])
def test_the_parts_are_shapley_values_of_what_predict_answers(ask: Ask, model: str) -> None:
    """By `:predict` alone: the margins of every coalition, whose other columns are another row's."""
    names = ["a", "b", "c"] if model == "numbers" else FEATURES
    x, other = ASKED[model][0], ASKED[model][2]
    (told,) = explain(ask, model, {"instances": [x], "background": {"instances": [other]}})["explanations"]
    coalitions = [frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)]
    mixed = [{name: (x if name in some else other)[name] for name in names} for some in coalitions]
    value = dict(zip(coalitions, margins(ask, model, mixed, told["label"], told["against"]), strict=True))
    for name in names:
        expected = fsum(
            (value[some | {name}] - value[some]) / (len(names) * comb(len(names) - 1, len(some)))
            for some in coalitions
            if name not in some
        )
        scale = max(1.0, *map(abs, value.values()))
        error = 1e-9 * scale if told["exact"] else 6 * told["standard_errors"][name] + 1e-9
        assert told["attributions"][name] == pytest.approx(expected, abs=error), name
    assert told["base"] == pytest.approx(value[frozenset()], abs=1e-9)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in FEATURES}


FORMS: dict[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "objects": lambda rows: {"instances": rows},
    "lists": lambda rows: {"instances": [[row[name] for name in FEATURES] for row in rows]},
    "columns": lambda rows: {"inputs": _columns(rows)},
    "a tensor": lambda rows: {"inputs": [[row[name] for name in FEATURES] for row in rows]},
    "records": lambda rows: {"dataframe_records": rows},
    "a frame": lambda rows: {
        "dataframe_split": {
            "columns": FEATURES[::-1],
            "data": [[row[name] for name in FEATURES[::-1]] for row in rows],
        }
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_in_every_form_that_a_prediction_takes(ask: Ask, form: str) -> None:
    rows = ASKED["regression"]
    assert explain(ask, "regression", FORMS[form](rows)) == explain(ask, "regression", {"instances": rows})


def _csv(rows: list[dict[str, Any]]) -> bytes:
    cells = [
        ["" if row[name] is None else json.dumps(row[name]).strip('"') for name in FEATURES] for row in rows
    ]
    return "\n".join([",".join(FEATURES), *(",".join(line) for line in cells)]).encode()


@pytest.mark.parametrize(
    ("model", "query", "body"),
    [
        ("regression", "", {}),
        ("regression", "?top=2&unknown_columns=ignore", {"top": 2, "unknown_columns": "ignore"}),
        ("several", "?against=1", {"against": 1}),
        ("groups", "?against=2", {"against": 2}),
    ],
)
def test_rows_come_as_csv_with_the_rest_in_the_query(
    ask: Ask, model: str, query: str, body: dict[str, Any]
) -> None:
    against = body.get("against")
    labels = outputs(ask, model, TABLE)
    rows = [row for row, told in zip(TABLE, labels, strict=True) if told["label"] != against][:5]
    answer = ask("POST", f"/v1/models/{model}:explain{query}", _csv(rows), content_type="text/csv")
    assert answered(answer) == explain(ask, model, {"instances": rows, **body})


def test_labels_of_every_kind_are_written_in_a_query_as_in_json(ask: Ask) -> None:
    numbers = "a,b,c\n" + "\n".join(",".join(map(str, row.values())) for row in NUMBERS[:9])
    body = json.dumps({"instances": NUMBERS[:9]}).encode()
    labels = json.loads(ask("POST", "/v1/models/numbers:predict", body).body)["predictions"]
    other = json.dumps(not labels[0])
    path = "/v1/models/numbers:explain?against="
    line = numbers.splitlines()[1]
    told = answered(ask("POST", path + other, f"a,b,c\n{line}".encode(), content_type="text/csv"))
    assert told["explanations"][0]["against"] is (not labels[0])
    problem = refused(
        ask("POST", path + "True", numbers.encode(), content_type="text/csv"), 422, "invalid_input"
    )
    assert problem["faults"][0] == {
        "path": "query.against",
        "message": "expected one of 'false', 'true', got 'True'",
    }


def test_members_of_a_body_are_not_looked_for_in_the_query(ask: Ask) -> None:
    body = json.dumps({"instances": ASKED["regression"]}).encode()
    response = ask("POST", "/v1/models/regression:explain?top=2&against=no", body)
    problem = refused(response, 422, "invalid_input")
    assert sorted(fault["path"] for fault in problem["faults"]) == ["query.against", "query.top"]


@pytest.mark.parametrize("model", EXPLAINED)
@pytest.mark.parametrize("top", [1, 2, 4, 99])
def test_with_top_the_largest_parts_come_first_and_the_rest_is_told(ask: Ask, model: str, top: int) -> None:
    whole = explain(ask, model, {"instances": ASKED[model]})["explanations"]
    some = explain(ask, model, {"instances": ASKED[model], "top": top})["explanations"]
    for told, all_of_it in zip(some, whole, strict=True):
        parts = all_of_it["attributions"]
        assert len(told["attributions"]) == min(top, len(parts))
        assert told["attributions"].items() <= parts.items()
        sizes = [abs(part) for part in told["attributions"].values()]
        assert sizes == sorted(map(abs, parts.values()), reverse=True)[:top]
        left_out = [part for name, part in parts.items() if name not in told["attributions"]]
        assert told["rest"] == pytest.approx(fsum(left_out), abs=1e-15)
        same = {"attributions": None, "rest": None, "standard_errors": None}
        assert {**told, **same} == {**all_of_it, **same}
        if "standard_errors" in told:
            assert list(told["standard_errors"]) == list(told["attributions"])


def test_against_names_the_other_label(ask: Ask) -> None:
    (row,) = [row for row in TABLE if outputs(ask, "several", [row])[0]["label"] == 0][:1]
    default = explain(ask, "several", {"instances": [row]})["explanations"][0]
    told = {
        other: explain(ask, "several", {"instances": [row], "against": other})["explanations"][0]
        for other in (1, 2)
    }
    assert {each["against"] for each in told.values()} == {1, 2}
    assert default == told[default["against"]]
    assert default["margin"] == min(each["margin"] for each in told.values())
    assert told[1] == explain(ask, "several", {"instances": [row], "against": 1.0})["explanations"][0]


@pytest.mark.parametrize(
    ("model", "against", "expected"),
    [
        ("regression", "maybe", "expected one of"),
        ("regression", 1, "expected one of"),
        ("several", "1", "expected one of"),
        ("several", True, "expected one of"),
        ("several", 3, "expected one of"),
        ("groups", 3, "expected one of"),
        ("groups", -1, "expected one of"),
        ("regression", None, "a string or a whole number or true or false is expected"),
        ("regression", ["no"], "a string or a whole number or true or false is expected"),
    ],
)
def test_a_label_that_is_none_of_the_models_is_a_fault(
    ask: Ask, model: str, against: Any, expected: str
) -> None:
    ((path, message),) = faults(ask, model, {"instances": ASKED[model], "against": against})
    assert path == "$.against"
    assert expected in message


def test_a_row_is_not_compared_with_its_own_label(ask: Ask) -> None:
    labels = [row["label"] for row in outputs(ask, "regression", ASKED["regression"])]
    assert set(labels) == {"yes", "no"}
    found = faults(ask, "regression", {"instances": ASKED["regression"], "against": "no"})
    assert len(found) == labels.count("no")
    assert all(path == "$.against" for path, _ in found)
    assert f"$.instances[{labels.index('no')}]" in found[0][1]


BACKGROUNDS: dict[str, tuple[Any, str]] = {
    "no object": ([TABLE[0]], "$.background"),
    "null": (None, "$.background"),
    "without rows": ({}, "$.background"),
    "more than rows": ({"instances": [TABLE[0]], "inputs": []}, "$.background"),
    "rows that are no list": ({"instances": TABLE[0]}, "$.background.instances"),
    "no row": ({"instances": []}, "$.background.instances"),
    "101 rows": ({"instances": TABLE[:101]}, "$.background.instances"),
    "a row that is too short": ({"instances": [["basic"]]}, "$.background.instances[0]"),
    "a value of another kind": (
        {"instances": [TABLE[0], {**TABLE[1], "age": "old"}]},
        "$.background.instances[1].age",
    ),
    "a column that is unknown": ({"instances": [{**TABLE[0], "id": 7}]}, "$.background.instances[0].id"),
    "a value past float64": (
        {"instances": [{**TABLE[0], "spend": 10**400}]},
        "$.background.instances[0].spend",
    ),
}


@pytest.mark.parametrize("case", BACKGROUNDS)
def test_a_fault_of_the_background_is_told_with_its_place(ask: Ask, case: str) -> None:
    background, expected = BACKGROUNDS[case]
    found = faults(ask, "regression", {"instances": ASKED["regression"], "background": background})
    assert found[0][0] == expected


def test_a_background_may_have_100_rows_and_columns_that_are_ignored(ask: Ask) -> None:
    rows = [{**row, "id": place} for place, row in enumerate(TABLE[:100])]
    body = {
        "instances": rows[:2],
        "background": {"instances": rows},
        "unknown_columns": "ignore",
        "notes": True,
    }
    answer = explain(ask, "regression", body)
    assert answer["explanations"][0]["game"] == "rows"
    assert answer["notes"] == []


def test_notes_tell_of_the_background_as_well(ask: Ask) -> None:
    odd = {**TABLE[1], "plan": "gold"}
    body = {"instances": [odd], "background": {"instances": [TABLE[1], odd]}, "notes": True}
    answer = explain(ask, "regression", body)
    paths = [note["path"] for note in answer["notes"]]
    assert paths == ["$.instances[0].plan", "$.background.instances[1].plan"]


@pytest.mark.parametrize("member", ["outputs", "receipt", "tops"])
def test_a_member_that_is_not_known_is_a_fault(ask: Ask, member: str) -> None:
    ((path, message),) = faults(ask, "regression", {"instances": ASKED["regression"], member: True})
    assert path == "$"
    assert member in message


@pytest.mark.parametrize("top", [0, -1, 1.5, "2", None, True])
def test_top_is_a_whole_number_from_1(ask: Ask, top: Any) -> None:
    assert faults(ask, "regression", {"instances": ASKED["regression"], "top": top})[0][0] == "$.top"


def test_what_cannot_be_computed_is_the_rows_fault(ask: Ask) -> None:
    far = {**TABLE[1], "age": 1.7e308, "spend": -1.7e308}
    assert faults(ask, "groups", {"instances": [TABLE[0], far]})[0][0] == "$.instances[1]"
    body = {"instances": TABLE[:1], "background": {"instances": [far, far]}}
    for model in ("groups", "regression", "svm-rbf"):
        response = ask("POST", f"/v1/models/{model}:explain", json.dumps(body).encode())
        assert response.status in (200, 422), response.body


class TestWithoutAProfile:
    def test_a_version_of_too_few_rows_asks_for_a_background(self, ask: Ask) -> None:
        body = json.dumps({"instances": ASKED["few"]}).encode()
        problem = refused(ask("POST", "/v1/models/few:explain", body), 409, "not_explained")
        assert "`background`" in problem["detail"]
        assert "train" in problem["detail"]
        told = explain(ask, "few", {"instances": ASKED["few"], "background": {"instances": TABLE[:12]}})
        assert {each["game"] for each in told["explanations"]} == {"rows"}

    @pytest.mark.parametrize("file", OLD, ids=lambda path: path.stem)
    def test_a_version_of_an_earlier_format_asks_for_a_background(self, tmp_path: Path, file: Path) -> None:
        kept = json.loads(file.read_text("utf-8"))
        artifact, rows = bytes.fromhex(kept["artifact"]), kept["rows"]
        services = services_over(tmp_path)
        services.store.put_if_absent(artifact_key("old"), artifact)
        digest, algorithm = hashlib.sha256(artifact).hexdigest(), file.stem[2:]
        services.registry.register("old", "old", sha256=digest, size=len(artifact), algorithm=algorithm)
        ask = asking(services)
        body = {"instances": rows}
        response = ask("POST", "/v1/models/old:explain", json.dumps(body).encode())
        assert "`background`" in refused(response, 409, "not_explained")["detail"]
        told = explain(ask, "old", {**body, "background": body})
        assert len(told["explanations"]) == len(rows)


def test_the_same_key_is_explained_by_the_version_that_predicts_for_it(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "copy")
    services = services_over(tmp_path / "copy")
    register(services, "regression", trained_as("regression", C=0.1))
    ask = asking(services)
    weights = json.dumps({"weights": {"1": 50, "2": 50}}).encode()
    assert ask("PUT", "/v1/models/regression/aliases/production", weights).status == 200
    body = json.dumps({"instances": ASKED["regression"][:1]}).encode()
    versions = set()
    for number in range(20):
        path = "/v1/models/regression"
        answers = [
            json.loads(ask("POST", f"{path}{part}:{verb}", body, x_routing_key=f"k{number}").body)["model"]
            for verb in ("predict", "explain")
            for part in ("", "/aliases/production", "/labels/production")
        ]
        assert all(answer == answers[0] for answer in answers)
        versions.add(answers[0]["version"])
    assert versions == {1, 2}
    for version in (1, 2):
        told = answered(ask("POST", f"/v1/models/regression/versions/{version}:explain", body))
        assert told["model"]["version"] == version


def test_the_line_in_the_log_says_model_version_and_rows(
    ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    explain(ask, "regression", {"instances": ASKED["regression"]})
    written = capsys.readouterr().out
    line = json.loads(written)
    assert (line["model"], line["version"], line["rows"]) == ("regression", 1, len(ASKED["regression"]))
    assert line["route"] == "/v1/models/{model}:explain"
    assert not {"instances", "attributions"} & line.keys()


LINEAR = ["regression", "several", "svm-linear", "groups", "numbers"]


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("model", LINEAR)
def test_a_counterfactual_turns_the_label_when_it_is_sent(ask: Ask, model: str, background: bool) -> None:
    rows = ASKED[model]
    body: dict[str, Any] = {"instances": rows, "counterfactual": {"actionable": list(rows[0])}}
    if background:
        body["background"] = {"instances": rows}
    turned = 0
    for row, told in zip(rows, explain(ask, model, body)["explanations"], strict=True):
        found = told["counterfactual"]
        ways = [({each["column"]: each["to"]}, each) for each in found["single"]]
        if found["together"]:
            changes = found["together"]["changes"]
            ways.append(({each["column"]: each["to"] for each in changes}, found["together"]))
            assert all(each["from"] == row[each["column"]] for each in changes)
        for changed, way in ways:
            (predicted,) = outputs(ask, model, [{**row, **changed}])
            assert predicted["label"] == way["label"] != told["label"]
        turned += len(ways)
    assert turned


def test_a_counterfactual_stands_beside_the_largest_parts(ask: Ask) -> None:
    rows = ASKED["regression"]
    body = {"instances": rows, "counterfactual": {"actionable": ["age"]}}
    whole = explain(ask, "regression", body)["explanations"]
    some = explain(ask, "regression", {**body, "top": 1})["explanations"]
    assert [each["counterfactual"] for each in some] == [each["counterfactual"] for each in whole]


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (["age"], "$.counterfactual"),
        ({}, "$.counterfactual"),
        ({"actionable": []}, "$.counterfactual.actionable"),
        ({"actionable": "age"}, "$.counterfactual.actionable"),
        ({"actionable": ["age", 3]}, "$.counterfactual.actionable[1]"),
        ({"actionable": ["age", "height"]}, "$.counterfactual.actionable[1]"),
        ({"actionable": ["age"], "fixed": ["plan"]}, "$.counterfactual"),
    ],
)
def test_a_fault_of_a_counterfactual_is_told_with_its_place(ask: Ask, sent: Any, path: str) -> None:
    body = {"instances": ASKED["regression"], "counterfactual": sent}
    assert faults(ask, "regression", body)[0][0] == path


def test_a_kernel_has_no_counterfactual(ask: Ask) -> None:
    body = {"instances": ASKED["svm-rbf"], "counterfactual": {"actionable": ["age"]}}
    response = ask("POST", "/v1/models/svm-rbf:explain", json.dumps(body).encode())
    assert "leave `counterfactual` out" in refused(response, 409, "not_explained")["detail"]


@pytest.fixture(scope="module")
def ask_networks(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return asking(services_over(folder_of_networks(tmp_path_factory.mktemp("networks"))))


class TestNetworks:
    @pytest.fixture
    def ask(self, ask_networks: Ask) -> Ask:
        return ask_networks

    @pytest.mark.parametrize(
        ("model", "instances"),
        [("digits", PICTURES), ("colours", COLOURED), ("waves", SEQUENCES), ("reviews", TEXTS)],
    )
    def test_parts_of_every_kind_add_up_but_for_what_is_told(
        self, ask: Ask, model: str, instances: list[Any]
    ) -> None:
        answer = explain(ask, model, {"instances": instances})
        predicted = outputs(ask, model, instances, "probability")
        assert answer["predictions"] == [row["label"] for row in predicted]
        for instance, told, row in zip(instances, answer["explanations"], predicted, strict=True):
            assert (told["method"], told["exact"], told["game"]) == (
                "integrated_gradients",
                False,
                "baseline",
            )
            assert told["unit"] == "log-odds"
            assert told["probability"] == max(row["probability"])
            parts = told["attributions"]
            if model == "reviews":
                assert all(each["text"] == instance[each["begin"] : each["end"]] for each in parts)
                numbers = [each["value"] for each in parts]
            else:
                assert len(parts) == len(instance)
                numbers = [number for line in parts for number in line]
            error = abs(fsum((told["base"], *numbers)) - told["margin"])
            assert error == pytest.approx(told["completeness_error"], abs=1e-9)
            assert error < 0.01 * max(1.0, abs(told["margin"]))

    def test_of_texts_the_words_with_the_largest_parts_can_be_asked_for(self, ask: Ask) -> None:
        whole = explain(ask, "reviews", {"instances": TEXTS})["explanations"]
        some = explain(ask, "reviews", {"instances": TEXTS, "top": 2})["explanations"]
        for told, all_of_it in zip(some, whole, strict=True):
            words = sorted(all_of_it["attributions"], key=lambda word: -abs(word["value"]))
            assert told["attributions"] == words[:2]
            assert told["rest"] == pytest.approx(fsum(word["value"] for word in words[2:]), abs=1e-15)

    @pytest.mark.parametrize(
        ("model", "instances", "member"),
        [
            ("digits", PICTURES, "top"),
            ("waves", SEQUENCES, "top"),
            ("digits", PICTURES, "counterfactual"),
            ("reviews", TEXTS, "counterfactual"),
        ],
    )
    def test_what_is_of_tables_is_a_fault(
        self, ask: Ask, model: str, instances: list[Any], member: str
    ) -> None:
        body = {"instances": instances, member: 2 if member == "top" else {"actionable": ["x0"]}}
        assert faults(ask, model, body)[0][0] == f"$.{member}"

    def test_a_background_is_read_as_instances_are(self, ask: Ask) -> None:
        body: dict[str, Any] = {"instances": PICTURES[:2], "background": {"instances": PICTURES[2:]}}
        assert explain(ask, "digits", body)["explanations"][0]["game"] == "rows"
        body["background"]["instances"] = [PICTURES[2], PICTURES[3][1:]]
        assert faults(ask, "digits", body)[0][0].startswith("$.background.instances[1]")

    def test_too_long_an_answer_is_refused_before_anything_is_computed(self, tmp_path: Path) -> None:
        ask = asking(services_over(folder_of_networks(tmp_path), ML_MAX_CELLS="127"))
        body = json.dumps({"instances": PICTURES[:2]}).encode()
        problem = refused(ask("POST", "/v1/models/digits:explain", body), 413, "too_large")
        assert "2 explanations have 128 parts; at most 127 are given" in problem["detail"]
        texts = {"instances": ["a good film " * 60]}
        refused(ask("POST", "/v1/models/reviews:explain", json.dumps(texts).encode()), 413, "too_large")
        assert explain(ask, "reviews", {**texts, "top": 3})["explanations"]


@pytest.mark.parametrize("path", ["", "/versions/1", "/aliases/production", "/labels/production"])
def test_who_may_only_predict_is_refused(root: Path, path: str) -> None:
    keys = {role: new_key(role) for role in ("predict", "train")}
    records = [key.record for key in keys.values()]
    services = folder_services(read_settings({"ML_ROOT": str(root)}), key_records=lambda: records)
    ask, target = asking(services), f"/v1/models/regression{path}:explain"
    body = json.dumps({"instances": TABLE[:2]}).encode()
    refused(ask("POST", target, body, x_api_key=keys["predict"].key), 403, "forbidden")
    refused(ask("POST", target, body), 401, "unauthenticated")
    status = ask("POST", target, body, x_api_key=keys["train"].key).status
    assert status == (404 if "production" in path else 200)


@pytest.mark.parametrize(
    ("setting", "most", "said"),
    [
        ("ML_MAX_CELLS", "7", "2 explanations have 8 parts; at most 7 are given"),
        ("ML_MAX_ANSWER_BYTES", "1024", "at most 1,024 are possible"),
        ("ML_MAX_MULTIPLICATIONS", "1", "at most 1 "),
        ("ML_MAX_ROWS", "1", "at most 1 are taken"),
    ],
)
def test_too_much_is_refused_before_anything_is_computed(
    root: Path, monkeypatch: pytest.MonkeyPatch, setting: str, most: str, said: str
) -> None:
    ask = asking(services_over(root, **{setting: most}))
    monkeypatch.setattr(Model, "compute", None)
    rows = TABLE[:40] if setting == "ML_MAX_ANSWER_BYTES" else TABLE[:2]
    body = json.dumps({"instances": rows}).encode()
    assert said in refused(ask("POST", "/v1/models/regression:explain", body), 413, "too_large")["detail"]


def test_few_columns_of_many_rows_are_an_answer(root: Path) -> None:
    ask = asking(services_over(root, ML_MAX_CELLS="8"))
    body: dict[str, Any] = {"instances": TABLE[:8]}
    refused(ask("POST", "/v1/models/regression:explain", json.dumps(body).encode()), 413, "too_large")
    assert len(explain(ask, "regression", {**body, "top": 1})["explanations"]) == 8


@pytest.mark.parametrize(
    "more", [{}, {"version": 1}, {"against": "no", "top": 2}, {"routing_key": "k"}], ids=str
)
def test_a_bare_event_is_answered_with_the_explanation(root: Path, ask: Ask, more: dict[str, Any]) -> None:
    rows = [row for row, label in zip(TABLE, TWO, strict=True) if label == "yes"][:3]
    body = {name: value for name, value in more.items() if name in ("against", "top")}
    event = {"model": "regression", "verb": "explain", "instances": rows, **more}
    found = predict_directly(Api(services_over(root)), event, "r1")
    assert found == explain(ask, "regression", {"instances": rows, **body})


def test_a_function_of_one_model_explains(root: Path, tmp_path: Path, ask: Ask) -> None:
    artifact = tmp_path / "model.safetensors"
    artifact.write_bytes(services_over(root).models.resolve("regression").model.to_bytes())
    alone = api_of(OneModel("one", str(artifact)))
    event = {"model": "model", "verb": "explain", "instances": TABLE[:2]}
    found = predict_directly(alone, event, "r1")
    assert found == {
        **explain(ask, "regression", {"instances": TABLE[:2]}),
        "model": {"name": "one", "version": 1},
    }
    assert predict_directly(alone, {**event, "verb": "train"}, "r1")["faults"][0]["path"] == "$.verb"


def test_a_linear_explanation_needs_no_numpy(root: Path) -> None:
    program = """
import json, sys
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request
from handlers.settings import read_settings
api = Api(folder_services(read_settings({"ML_ROOT": sys.argv[1]}), key_records=None))
for model in ("regression", "groups", "svm-linear"):
    asked = Request("POST", f"/v1/models/{model}:explain", {}, {}, sys.argv[2].encode(), "r1")
    answer = api.handle(asked)
    assert answer.status == 200, answer
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), json.dumps({"instances": TABLE[:3]})],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert not {name for name in loaded if name.split(".")[0] in ("numpy", "sklearn", "scipy")}
