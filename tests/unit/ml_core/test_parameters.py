"""What a model tells of itself, applied by hand to rows as callers have them, decides as the model does."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ml_core import algorithms, train_model
from ml_core.algorithms.learnt import LinearDecisions, Side
from ml_core.arithmetic import vectorised
from ml_core.arithmetic.pairs import pairs_of
from ml_core.conflicts import NotDescribed
from ml_core.errors import TooLarge
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.model.parameters import parameters_of
from ml_core.preprocessing.scaling import Scaling
from ml_core.safetensors import Tensor
from ml_core.tables.memory import NO_BUDGET
from ml_core.training.notebook import check_request, fit
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest
from tests.stranger.folder import BODY, FOLDER
from tests.unit.ml_core.reference import CLASSIFICATION
from tests.unit.test_features import table

CHURN = "examples/churn.csv"
ARTIFACTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "artifacts")


def told_of(model: Model, **more: Any) -> Any:
    """What a caller gets: JSON."""
    return json.loads(json.dumps(parameters_of(model, **more), allow_nan=False))


def number_of(value: Any) -> float:
    """A value as its column counts it."""
    if isinstance(value, str):
        instant = datetime.fromisoformat(value)
        since = instant.replace(tzinfo=instant.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return since.total_seconds() / 86_400
    return float(value)


def terms(told: Any, decision: Any, row: dict[str, Any]) -> Iterator[float]:
    """What a decision adds up for a row, from nothing but the answer."""
    imputed = {each["column"]: each.get("imputed") for each in told["columns"]}
    yield decision["intercept"]
    for each in decision["coefficients"]:
        value = row[each["column"]]
        if each.get("missing"):
            yield each["coefficient"] * (value is None)
        elif "category" in each:
            yield each["coefficient"] * (value == each["category"])
        else:
            yield each["coefficient"] * number_of(imputed[each["column"]] if value is None else value)


def by_hand(told: Any, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Every decision for every row, and the sums of the absolute terms."""
    decided, sizes = [], []
    for row in rows:
        added = [list(terms(told, decision, row)) for decision in told["decisions"]]
        decided.append([fsum(each) for each in added])
        sizes.append([fsum(map(abs, each)) for each in added])
    return np.array(decided), np.array(sizes)


def check(model: Model, rows: list[dict[str, Any]]) -> Any:
    """The answer alone decides as the model does."""
    told = told_of(model)
    assert told["kind"] == "linear"
    decisions, sizes = by_hand(told, rows)
    packed = model.rows(rows, limits=Limits()).packed
    found = model.compute(packed, model.outputs, arithmetic=vectorised)
    classes: Any = model.classes
    sides = [(each["class"], each["against"]) for each in told["decisions"]]
    if len(classes) == 2:
        assert sides == [(classes[1], classes[0])]
        expected = np.asarray(found["decision"]).reshape(-1, 1)
    elif model.algorithm == "svm":
        assert sides == [(classes[i], classes[j]) for i, j in pairs_of(len(classes))]
        expected = np.asarray(model.estimator.pairs.decisions(vectorised, matrix(model, packed)))  # type: ignore[attr-defined]
    else:
        assert sides == [(each, None) for each in classes]
        expected = np.asarray(found["decision"])
    assert (np.abs(decisions - expected) <= 1e-9 * sizes).all()
    if told["calibration"] is not None:
        check_calibration(told, found, classes)
    return told


def matrix(model: Model, packed: Any) -> Any:
    X: Any = vectorised.matrix(packed, len(model.features))
    if model.encoding:
        X = vectorised.encoded(X, model.encoding.layout)
    if model.scaling:
        X = vectorised.standardised(X, model.scaling.mean, model.scaling.scale)
    return X


def check_calibration(told: Any, found: Any, classes: Any) -> None:
    decisions = np.asarray(found["decision"]).reshape(len(found["label"]), -1)
    slopes = np.array([each["slope"] for each in told["calibration"]])
    offsets = np.array([each["offset"] for each in told["calibration"]])
    each = 1 / (1 + np.exp(slopes * decisions + offsets))
    probabilities = np.hstack([1 - each, each]) if len(classes) == 2 else each / each.sum(1, keepdims=True)
    assert [one["class"] for one in told["calibration"]] == list(classes[1 if len(classes) == 2 else 0 :])
    assert_allclose(probabilities, found["probability"], rtol=1e-9, atol=1e-12)


def fitted(algorithm: str, instances: Any, targets: Any, **chosen: Any) -> Model:
    body = {"algorithm": algorithm, "instances": instances, "targets": targets, "hyperparameters": chosen}
    return Model.from_bytes(fit(check_request(body, Limits()), lambda *_: None).artifact)


LINEAR = [("logistic_regression", {}), ("svm", {"kernel": "linear"})]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
@pytest.mark.parametrize("dataset", ["iris", "wine", "breast_cancer", "digits"])
def test_numbers_of_real_tables(dataset: str, algorithm: str, chosen: Any, scale: bool) -> None:
    X, y = CLASSIFICATION[dataset].data[::2], CLASSIFICATION[dataset].target[::2]
    if algorithm == "svm" and not scale:
        chosen = {**chosen, "max_iter": 1000}
    model = fitted(algorithm, X.tolist(), y.tolist(), scale=scale, **chosen)
    rows = [dict(zip(model.features, row, strict=True)) for row in CLASSIFICATION[dataset].data.tolist()]
    check(model, rows)


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e6, 1.7e9])
@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
def test_columns_far_from_zero(algorithm: str, chosen: Any, shift: float) -> None:
    """Seconds since 1970, years, account numbers: the weights cannot take such a scaling in."""
    X, y = CLASSIFICATION["iris"].data + shift, CLASSIFICATION["iris"].target
    model = fitted(algorithm, X.tolist(), y.tolist(), **chosen)
    assert (model.scaling is not None) == (shift > 1e4)
    told = check(model, [dict(zip(model.features, row, strict=True)) for row in X.tolist()])
    if shift == 1e6 and algorithm == "logistic_regression":
        scaled = told_of(fitted(algorithm, CLASSIFICATION["iris"].data.tolist(), y.tolist()))
        for mine, theirs in zip(told["decisions"], scaled["decisions"], strict=True):
            for one, other in zip(mine["coefficients"], theirs["coefficients"], strict=True):
                assert one["coefficient"] == pytest.approx(other["coefficient"], rel=1e-3)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("algorithm", "chosen"), [*LINEAR, ("svm", {"kernel": "linear", "probability": True})]
)
def test_words_truth_values_and_gaps(
    algorithm: str, chosen: Any, classes: int, missing: float, scale: bool
) -> None:
    rows, targets = table(240, missing, seed=classes)
    if classes == 3:
        targets = [target if place % 3 else "perhaps" for place, target in enumerate(targets)]
    for row in rows:
        row["income"] = row["income"] if row["income"] is None else row["income"] / 1000
    model = fitted(algorithm, rows, targets, scale=scale, **chosen)
    asked, _ = table(100, 0.4, seed=9)
    asked += [{**row, "city": "never seen", "plan": None} for row in asked[:20]]
    told = check(model, asked)
    entries = told["decisions"][0]["coefficients"]
    plan = [each for each in entries if each["column"] == "plan"]
    assert [each.get("category") for each in plan] == ["basic", "plus", "pro", None][: len(plan)]
    for column in ("age", "active", "plan", "city"):
        flagged = [each for each in entries if each["column"] == column and each.get("missing") is True]
        assert len(flagged) == (missing > 0)


@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
def test_words_beside_a_column_far_from_zero(algorithm: str, chosen: Any) -> None:
    """The scaling stays beside weights, some of which are of words that it leaves alone."""
    rows, targets = table(240, 0.2, seed=7)
    for row in rows:
        row["age"] = row["age"] and row["age"] + 1e7
    model = fitted(algorithm, rows, targets, **chosen)
    assert model.scaling is not None
    check(model, rows)


def of_the_table(algorithm: str, path: str, target: str, **chosen: Any) -> Model:
    chosen = algorithms.algorithm(algorithm).check(chosen)
    supervised = algorithms.algorithm(algorithm).task.supervised
    reference = TableReference("file:t.csv", target=target if supervised else None)
    request = TrainingRequest(algorithm, chosen, reference, 0.2, 0).with_rows(path, NO_BUDGET)
    return Model.from_bytes(fit(request, lambda *_: None).artifact)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(("algorithm", "chosen"), LINEAR)
def test_dates_and_all_other_columns_of_a_file(algorithm: str, chosen: Any, scale: bool) -> None:
    chosen = {**chosen, "max_iter": 2000} if not scale else chosen
    model = of_the_table(algorithm, CHURN, "churned", scale=scale, **chosen)
    rows: list[dict[str, Any]] = [
        {"age": None, "plan": "pro", "active": True, "since": "2026-10-01", "country": "PL", "spend": 31.5},
        {"age": 44, "plan": "basic", "active": None, "since": None, "country": None, "spend": None},
        {"age": 0, "plan": None, "active": False, "since": "1969-12-31T23:00:00+02:00", "country": "XX"},
    ]
    asked = [{name: row.get(name) for name in model.features} for row in rows]
    told = check(model, asked)
    kinds = {each["column"]: each for each in told["columns"]}
    assert [kinds[name]["kind"] for name in ("age", "plan", "active", "since")] == [
        "number",
        "category",
        "boolean",
        "date",
    ]
    assert kinds["since"]["imputed"][:3] == "202"
    assert 0 < kinds["active"]["imputed"] < 1
    assert "imputed" not in kinds["plan"]


def test_a_column_without_any_value_has_nothing_but_its_flag() -> None:
    rows = [[None, place, place % 2 == 0] for place in range(20)]
    model = fitted("logistic_regression", rows, [place > 9 for place in range(20)])
    told = check(model, [{"x0": value, "x1": 3, "x2": None} for value in (None, 5)])
    assert told["columns"][0] == {"column": "x0", "kind": "number"}
    assert [each for each in told["decisions"][0]["coefficients"] if each["column"] == "x0"] == [
        {"column": "x0", "missing": True, "coefficient": pytest.approx(0, abs=1)}
    ]


def test_the_numbers_are_scikit_learns() -> None:
    X, y = CLASSIFICATION["breast_cancer"].data, CLASSIFICATION["breast_cancer"].target
    scaler = StandardScaler().fit(X)
    theirs = LogisticRegression().fit(scaler.transform(X), y)
    told = told_of(train_model(X, y))
    (decision,) = told["decisions"]
    coefficients = theirs.coef_[0] / scaler.scale_
    assert [each["coefficient"] for each in decision["coefficients"]] == pytest.approx(coefficients, rel=1e-9)
    shifted = theirs.intercept_[0] - fsum(coefficients * scaler.mean_)
    assert decision["intercept"] == pytest.approx(shifted, rel=1e-9)


@pytest.mark.parametrize(
    ("kernel", "used"),
    [("rbf", {"gamma"}), ("poly", {"gamma", "coef0", "degree"}), ("sigmoid", {"gamma", "coef0"})],
)
@pytest.mark.parametrize("dataset", ["iris", "breast_cancer"])
def test_a_kernel_is_told_without_its_vectors(dataset: str, kernel: str, used: set[str]) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    chosen = {"kernel": kernel, "gamma": 0.25, "coef0": 0.5, "degree": 2, "max_iter": 10_000}
    model = train_model(X, y, "svm", hyperparameters=chosen)
    told = told_of(model)
    assert (told["kind"], told["kernel"], told["calibration"]) == ("kernel", kernel, None)
    given = {name: told[name] for name in ("gamma", "coef0", "degree") if told[name] is not None}
    assert given == {name: chosen[name] for name in used}
    counts = [each["count"] for each in told["support_vectors"]]
    assert [each["class"] for each in told["support_vectors"]] == list(range(len(counts)))
    assert sum(counts) == model.estimator.tensors()["vectors"].shape[0]
    sign = -1 if dataset == "breast_cancer" else 1
    intercepts: Any = model.estimator.parameters()["intercepts"]
    assert [each["intercept"] for each in told["decisions"]] == [sign * each for each in intercepts]
    assert len(json.dumps(told)) < 1000


def test_a_linear_kernel_that_is_kept_as_vectors_is_told_as_a_kernel() -> None:
    rows, answers = [[0, 0], [1, 1], [0, 1], [1, 0]], ["even", "even", "odd", "odd"]
    told = told_of(fitted("svm", rows * 3, answers * 3, kernel="linear", scale=False))
    assert (told["kind"], told["kernel"], told["gamma"]) == ("kernel", "linear", None)


@pytest.mark.parametrize("scale", [True, False])
def test_centres_are_means_of_the_callers_values(scale: bool) -> None:
    X = CLASSIFICATION["wine"].data
    model = train_model(X, algorithm="kmeans", hyperparameters={"n_clusters": 3, "scale": scale})
    seen = StandardScaler().fit_transform(X) if scale else X
    labels = KMeans(3, random_state=0).fit_predict(seen)
    told = told_of(model, cluster_sizes=np.bincount(labels).tolist())
    for cluster in told["clusters"]:
        there = labels == cluster["cluster"]
        assert cluster["size"] == there.sum()
        assert [each["column"] for each in cluster["values"]] == list(model.features)
        assert [each["value"] for each in cluster["values"]] == pytest.approx(X[there].mean(0), rel=1e-6)
    assert {cluster["size"] for cluster in told_of(model)["clusters"]} == {None}
    assert {cluster["size"] for cluster in told_of(model, cluster_sizes=[1, 2])["clusters"]} == {None}


@pytest.mark.parametrize("scale", [True, False])
def test_centres_of_words_gaps_and_truth_values_are_shares(scale: bool) -> None:
    rows, _ = table(300, 0.2, seed=3)
    body = {"algorithm": "kmeans", "instances": rows, "test_fraction": 0}
    request = check_request({**body, "hyperparameters": {"n_clusters": 4, "scale": scale}}, Limits())
    trained = fit(request, lambda *_: None)
    model = Model.from_bytes(trained.artifact)
    metrics: Any = trained.manifest["metrics"]
    told = told_of(model, cluster_sizes=metrics["training"]["cluster_sizes"])
    labels = model.predict(rows)
    imputed = {each["column"]: each.get("imputed") for each in told["columns"]}
    for cluster in told["clusters"]:
        own = [row for row, label in zip(rows, labels, strict=True) if label == cluster["cluster"]]
        assert cluster["size"] == len(own)
        for each in cluster["values"]:
            values = [row[each["column"]] for row in own]
            if each.get("missing"):
                expected = [value is None for value in values]
            elif "category" in each:
                expected = [value == each["category"] for value in values]
            else:
                expected = [imputed[each["column"]] if value is None else value for value in values]
            assert each["value"] == pytest.approx(np.mean(expected), rel=1e-6, abs=1e-9), each


def test_a_centres_date_is_a_date() -> None:
    told = told_of(of_the_table("kmeans", CHURN, "", n_clusters=2, scale=True))
    dates = [
        each["value"]
        for cluster in told["clusters"]
        for each in cluster["values"]
        if each["column"] == "since"
    ]
    shown = [value for value in dates if isinstance(value, str)]
    assert [datetime.fromisoformat(value).year // 10 for value in shown] == [202, 202]


@pytest.mark.parametrize("name", sorted(os.listdir(ARTIFACTS)))
def test_artifacts_of_every_format_are_described(name: str) -> None:
    with open(os.path.join(ARTIFACTS, name), encoding="utf-8") as file:
        model = Model.from_bytes(bytes.fromhex(json.load(file)["artifact"]))
    if model.reader is not None:
        with pytest.raises(NotDescribed, match="does not say what it learnt"):
            told_of(model)
        return
    told = told_of(model)
    assert told["algorithm"] == name.removesuffix(".json").partition("-")[2]


def test_more_than_an_answer_holds_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    for model, numbers in (
        (train_model(X, y), 3 * 5 + 4),
        (train_model(X, algorithm="kmeans", hyperparameters={"n_clusters": 7}), 7 * 4 + 4),
        (train_model(X, y, "svm"), 3 + 3),
    ):
        assert parameters_of(model, most=numbers)
        with pytest.raises(TooLarge, match=f"learnt {numbers} numbers; at most {numbers - 1} .*artifact"):
            parameters_of(model, most=numbers - 1)
    monkeypatch.setattr("ml_core.model.parameters._encoded", pytest.fail)
    with pytest.raises(TooLarge):
        parameters_of(train_model(X, y), most=3)


def test_an_algorithm_that_says_nothing_is_told_to_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algorithms, "__path__", [*algorithms.__path__, FOLDER])
    model = Model.from_bytes(fit(check_request(BODY, Limits()), lambda *_: None).artifact)
    with pytest.raises(NotDescribed, match="'stranger' does not say what it learnt"):
        parameters_of(model)


@pytest.mark.parametrize(("scale", "mean"), [(5e-324, 1.0), (1e-300, 1e10), (1e-10, 1e300)])
def test_what_no_number_can_say_is_refused(scale: float, mean: float) -> None:
    """In the column's own unit it would be infinite."""
    model = train_model([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    model.scaling = Scaling(Tensor.of([mean]), Tensor.of([scale]))
    with pytest.raises(NotDescribed, match=r"too large for a number"):
        parameters_of(model)


def test_at_the_mean_nothing_is_lost_of_a_column_far_from_zero() -> None:
    """The intercept is made of the coefficients as they are told, not of what they were before rounding."""
    mean, scale, weight = 1.7e9 + 1 / 3, 7.0, 0.1

    class Told:
        features, classes, encoding, algorithm = ("t",), (0, 1), None, "logistic_regression"
        scaling = Scaling(Tensor.of([mean]), Tensor.of([scale]))

        def learnt(self) -> LinearDecisions:
            return LinearDecisions((Side(1, 0),), [(weight,)], (0.25,))

    (decision,) = told_of(Told())["decisions"]  # type: ignore[arg-type]
    exact = fsum([decision["coefficients"][0]["coefficient"] * mean, decision["intercept"]])
    assert exact == pytest.approx(0.25, abs=1e-8)


def test_the_answer_is_for_the_callers_order_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("w,n,b,y\n" + "".join(f"w{i % 3},{i},{i % 2 == 0},{i > 10}\n" for i in range(30)))
    told = told_of(of_the_table("logistic_regression", str(path), "y"))
    order = [each["column"] for each in told["decisions"][0]["coefficients"]]
    assert order == ["w", "w", "w", "n", "b"]
    assert [each["column"] for each in told["columns"]] == ["w", "n", "b"]
