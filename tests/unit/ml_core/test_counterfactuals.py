"""A change that is said to turn a label does so when the changed row is sent, and no smaller one does."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from ml_core.conflicts import NotExplained
from ml_core.errors import InvalidInput, TooLarge
from ml_core.inputs.rows import Rows
from ml_core.model.counterfactuals import Alternative, Counterfactual, counterfactual
from ml_core.model.explanations import explain
from ml_core.model.model import Model
from ml_core.profiles.profile import NumbersProfile
from tests.unit.ml_core.coalitions import margins
from tests.unit.ml_core.explained import CHURN_ROWS, LIMITS, fitted, of_churn
from tests.unit.ml_core.reference import CLASSIFICATION
from tests.unit.test_features import table

LINEAR: list[tuple[str, dict[str, Any]]] = [
    ("logistic_regression", {}),
    ("svm", {"kernel": "linear"}),
    ("kmeans", {"n_clusters": 3, "scale": True}),
]


def packed(model: Model, rows: list[dict[str, Any]]) -> Rows:
    found = model.rows(json.loads(json.dumps(rows)), limits=LIMITS)
    assert isinstance(found, Rows)
    return found


def found_for(
    model: Model, rows: list[dict[str, Any]], actionable: list[str] | None = None, **more: Any
) -> list[Counterfactual]:
    asked = packed(model, rows)
    return counterfactual(model, asked, explain(model, asked, **more), actionable or list(model.features))


def label_of(model: Model, row: dict[str, Any]) -> Any:
    return model.predict_rows(packed(model, [row]))["label"][0]


def with_changes(row: dict[str, Any], alternative: Alternative) -> dict[str, Any]:
    """The row as it would be sent."""
    return {**row, **{change.column: change.new for change in alternative.changes}}


def days(value: str) -> float:
    instant = datetime.fromisoformat(value)
    return (
        instant.replace(tzinfo=instant.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    ).total_seconds() / 86_400


def check(model: Model, row: dict[str, Any], found: Counterfactual) -> None:
    """Each change turns the label, is told from what is there, and lies in the profile's range."""
    label = label_of(model, row)
    assert model.profile is not None
    profiles = {each.name: each for each in model.profile.columns}
    kinds = {each.name: each.kind for each in model.columns}
    for alternative in [*found.single, *([found.together] if found.together else [])]:
        changed = with_changes(row, alternative)
        assert label_of(model, changed) == alternative.label != label
        for change in alternative.changes:
            profile = profiles[change.column]
            if isinstance(profile, NumbersProfile) and kinds[change.column] != "boolean":
                new = days(change.new) if kinds[change.column] == "date" else change.new
                assert profile.low <= new <= profile.high
            if kinds[change.column] == "number":
                assert change.old == row[change.column]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dataset", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
def test_single_numbers_turn_just_past_the_boundary(
    algorithm: str, chosen: Any, dataset: str, scale: bool
) -> None:
    X, y = CLASSIFICATION[dataset].data[::3], CLASSIFICATION[dataset].target[::3]
    model = fitted(algorithm, X.tolist(), y.tolist(), **{**chosen, "scale": scale})
    rows = [dict(zip(model.features, row, strict=True)) for row in X[::6].tolist()]
    listed = together = 0
    explanations = explain(model, packed(model, rows))
    for row, explanation, found in zip(rows, explanations, found_for(model, rows), strict=True):
        check(model, row, found)
        for each in found.single:
            (change,) = each.changes
            nearer = change.old + (change.new - change.old) * 0.9999
            changed = np.array([list({**row, change.column: nearer}.values())])
            own, other = int(explanation.label), int(explanation.against)
            (margin,) = margins(model, changed, own, other).tolist()
            assert margin > 0  # of more than two labels a third may be there before it
        listed += len(found.single)
        together += found.together is not None
    assert listed >= 5
    assert together >= len(rows) * 0.8


@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
def test_words_truth_values_dates_and_gaps(algorithm: str, chosen: Any) -> None:
    model = of_churn(algorithm, **chosen)
    rows = [{name: row.get(name) for name in model.features} for row in CHURN_ROWS]
    kinds = {each.name: each.kind for each in model.columns}
    seen = set()
    for row, found in zip(rows, found_for(model, rows), strict=True):
        check(model, row, found)
        seen |= {kinds[each.changes[0].column] for each in found.single}
        told = {each.changes[0].column for each in found.single}
        for feature in model.columns:
            if feature.kind in ("category", "boolean"):
                choices = feature.words if feature.kind == "category" else (True, False)
                turning = [
                    word
                    for word in choices
                    if label_of(model, {**row, feature.name: word}) != label_of(model, row)
                ]
                assert bool(turning) == (feature.name in told)
    assert len(seen) >= 3


def test_only_what_is_actionable_changes() -> None:
    model = of_churn("logistic_regression")
    rows = [{name: row.get(name) for name in model.features} for row in CHURN_ROWS]
    for found in found_for(model, rows, ["spend", "age", "spend"]):
        several = found.together.changes if found.together else ()
        changed = [change.column for each in found.single for change in each.changes]
        assert {*changed, *(change.column for change in several)} <= {"spend", "age"}
        assert len(set(changed)) == len(changed)


def test_together_changes_least_in_scaled_units() -> None:
    X, y = CLASSIFICATION["wine"].data, CLASSIFICATION["wine"].target
    model = fitted("kmeans", X.tolist(), y.tolist(), n_clusters=3, scale=True)
    assert model.scaling is not None
    scale = dict(zip(model.features, model.scaling.scale.values, strict=True))
    rows = [dict(zip(model.features, row, strict=True)) for row in X[::20].tolist()]
    for found in found_for(model, rows):
        assert found.together is not None
        size = np.linalg.norm([(each.new - each.old) / scale[each.column] for each in found.together.changes])
        for each in found.single:
            (change,) = each.changes
            assert abs(change.new - change.old) / scale[change.column] >= size * 0.9999


def test_of_several_labels_the_new_one_is_told() -> None:
    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    model = fitted("logistic_regression", X.tolist(), y.tolist())
    row = dict(zip(model.features, X[0].tolist(), strict=True))
    (found,) = found_for(model, [row], against=2)
    labels = {each.label for each in found.single}
    assert labels <= {1, 2}
    check(model, row, found)


def test_it_is_told_as_json() -> None:
    model = of_churn("logistic_regression")
    rows = [{name: row.get(name) for name in model.features} for row in CHURN_ROWS]
    for found in found_for(model, rows):
        told: Any = json.loads(json.dumps(found.described(), allow_nan=False))
        assert set(told) == {"single", "together"}
        assert all(set(each) == {"column", "from", "to", "label"} for each in told["single"])


def test_a_column_that_is_not_there_is_a_fault() -> None:
    model = of_churn("logistic_regression")
    rows = [{name: row.get(name) for name in model.features} for row in CHURN_ROWS]
    with pytest.raises(InvalidInput) as raised:
        found_for(model, rows, ["spend", "cost", "height"])
    assert [fault.path for fault in raised.value.faults] == [
        "$.counterfactual.actionable[1]",
        "$.counterfactual.actionable[2]",
    ]


@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid"])
def test_of_kernels_no_change_is_told(kernel: str) -> None:
    model = of_churn("svm", kernel=kernel)
    rows = [{name: row.get(name) for name in model.features} for row in CHURN_ROWS]
    with pytest.raises(NotExplained, match=r"linear SVMs .* leave `counterfactual` out"):
        found_for(model, rows)


def test_work_is_counted_before_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    model = of_churn("logistic_regression")
    asked = packed(model, [{name: row.get(name) for name in model.features} for row in CHURN_ROWS])
    explanations = explain(model, asked)
    monkeypatch.setattr(Model, "predict_rows", pytest.fail)
    with pytest.raises(TooLarge, match="changes of 4 rows take the time of"):
        counterfactual(model, asked, explanations, ["spend"], most=10)


@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
def test_mixed_rows_at_random(algorithm: str, chosen: Any) -> None:
    rows, targets = table(200, 0.2, seed=5)
    model = fitted(algorithm, rows, targets, **chosen)
    asked, _ = table(25, 0.2, seed=6)
    for row, found in zip(asked, found_for(model, asked), strict=True):
        check(model, row, found)
