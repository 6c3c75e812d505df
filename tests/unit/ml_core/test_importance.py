"""How much a version depends on each column: as scikit-learn measures it, on the rows held out, in bounds."""

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import inspection

from ml_core import train_model
from ml_core.arithmetic.bounds import NotFinite
from ml_core.inputs.rows import Limits
from ml_core.inputs.samples import TableSamples
from ml_core.model.model import Model
from ml_core.training import importance as module
from ml_core.training.importance import importance, permuted
from ml_core.training.notebook import check_request, fit
from tests.unit.ml_core.reference import CLASSIFICATION

CHURN = Path(__file__).parents[3] / "examples" / "churn.csv"


def trained(algorithm: str, instances: Any, targets: Any = None, **more: Any) -> dict[str, Any]:
    """A manifest as its readers have it."""
    body = {"algorithm": algorithm, "instances": instances, "targets": targets, **more}
    manifest = fit(check_request(body, Limits()), lambda *_: None).manifest
    return json.loads(json.dumps(manifest, allow_nan=False))  # type: ignore[no-any-return]


def churn() -> tuple[pd.DataFrame, list[str]]:
    with open(CHURN, encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    frame = pd.DataFrame(read).drop(columns=["customer", "churned"])
    for column in ("age", "spend"):
        frame[column] = pd.to_numeric(frame[column].replace("", None))
    return frame, [row["churned"] for row in read]


class Wrapped:
    """A model as scikit-learn's function takes it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.classes_ = np.array(model.classes)
        self._estimator_type = "classifier"

    def fit(self, X: Any, y: Any) -> None:
        raise NotImplementedError

    def predict(self, X: Any) -> Any:
        return self.model.predict(X)

    def predict_proba(self, X: Any) -> Any:
        return self.model.predict_proba(X)

    def score(self, X: Any, y: Any) -> float:
        return float(np.mean(self.predict(X) == np.asarray(y)))


def orders_of(seed: int, rows: int, repeats: int) -> list[Any]:
    """The orders of rows that scikit-learn's function measures with: it shuffles what it has shuffled."""
    drawn = np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1)
    random = np.random.RandomState(drawn)
    index, order, orders = np.arange(rows), np.arange(rows), []
    for _ in range(repeats):
        random.shuffle(index)
        order = order[index]
        orders.append(order)
    return orders


def log_loss_scorer(estimator: Wrapped, X: Any, y: Any) -> float:
    from sklearn.metrics import log_loss

    return -float(log_loss(y, estimator.predict_proba(X), labels=estimator.classes_))


CASES = {
    "wine": (CLASSIFICATION["wine"].data, CLASSIFICATION["wine"].target, "logistic_regression"),
    "breast_cancer": (
        CLASSIFICATION["breast_cancer"].data[:, :9],
        CLASSIFICATION["breast_cancer"].target,
        "svm",
    ),
    "digits": (CLASSIFICATION["digits"].data[::2, 10:20], CLASSIFICATION["digits"].target[::2], "svm"),
}


@pytest.mark.parametrize("name", [*CASES, "churn"])
def test_it_is_scikit_learns_given_the_same_orders(name: str) -> None:
    X, y, algorithm = CASES[name] if name in CASES else (*churn(), "logistic_regression")
    rows = np.arange(len(y))
    fitted, held_out = rows % 4 > 0, rows % 4 == 0
    y = np.asarray(y)
    chosen = {"probability": True} if algorithm == "svm" and name != "digits" else {}
    model = train_model(X[fitted], y[fitted].tolist(), algorithm, hyperparameters=chosen)
    numbers = np.array([(model.classes or ()).index(label) for label in y[held_out].tolist()])
    packed = model.rows_of(X[held_out])
    matrix = np.frombuffer(packed.packed, "<f8").reshape(len(numbers), -1).copy()
    found = permuted(model, matrix, numbers, orders_of(7, len(numbers), 5))
    assert found is not None
    for metric, scoring in (("accuracy", None), ("log_loss", log_loss_scorer)):
        if metric == "log_loss" and "probability" not in model.outputs:
            assert metric not in found
            continue
        expected = inspection.permutation_importance(
            Wrapped(model), X[held_out], y[held_out], scoring=scoring, n_repeats=5, random_state=7
        )
        np.testing.assert_allclose(found[metric].T, expected.importances, rtol=1e-9, atol=1e-12)


def test_a_version_says_it_of_the_rows_held_out() -> None:
    frame, churned = churn()
    instances = json.loads(frame.to_json(orient="records"))
    told = trained("logistic_regression", instances, churned, test_fraction=0.3, seed=3)
    found = told["importance"]
    assert (found["metric"], found["rows"], found["repeats"]) == ("accuracy", 48, 5)
    assert {each["column"] for each in found["columns"]} == set(frame)
    assert all(each.keys() == {"column", "mean", "std", "log_loss"} for each in found["columns"])
    means = [each["mean"] for each in found["columns"]]
    assert means == sorted(means, reverse=True)
    assert trained("logistic_regression", instances, churned, test_fraction=0.3, seed=3) == told
    assert told["warnings"] == []


def test_what_the_answer_hangs_on_comes_first_and_what_nothing_hangs_on_is_near_nothing() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(800, 5))
    y = (2 * X[:, 3] + X[:, 1] > 0).tolist()
    found = trained("logistic_regression", X.tolist(), y)["importance"]["columns"]
    assert [each["column"] for each in found[:2]] == ["x3", "x1"]
    assert found[0]["mean"] > 0.25 > found[1]["mean"] > 0.05
    assert all(abs(each["mean"]) < 0.03 and abs(each["log_loss"]["mean"]) < 0.03 for each in found[2:])


def test_of_clusters_it_is_how_many_rows_change_theirs() -> None:
    random = np.random.default_rng(1)
    X = np.column_stack([np.repeat([0.0, 10, 20], 100) + random.normal(size=300), random.normal(size=300)])
    found = trained("kmeans", X.tolist(), hyperparameters={"n_clusters": 3}, test_fraction=0.5)["importance"]
    assert (found["metric"], found["rows"]) == ("cluster_changed", 150)
    assert [each["column"] for each in found["columns"]] == ["x0", "x1"]
    assert 0.55 < found["columns"][0]["mean"] < 0.75  # two of three rows get a value of another cluster
    assert found["columns"][1]["mean"] == 0


@pytest.mark.parametrize(("rows", "told"), [(95, False), (100, True)])
def test_of_few_rows_held_out_it_is_not_measured(rows: int, *, told: bool) -> None:
    X = np.random.default_rng(0).normal(size=(rows, 2))
    manifest = trained("logistic_regression", X.tolist(), (X[:, 0] > 0).tolist(), test_fraction=0.2)
    assert (manifest["test_rows"] >= module.FEWEST_ROWS) == told
    assert ("importance" in manifest) == told
    assert manifest["warnings"] == []


def measured(model: Model, rows: int, **more: Any) -> tuple[Any, list[str]]:
    random = np.random.default_rng(2)
    X = random.normal(size=(rows, len(model.features)))
    y = (X[:, 0] > 0).astype(np.int64)
    return importance(model, TableSamples(X), y, **{"seed": 0, "stop": bool, **more})


@pytest.fixture(scope="module")
def small() -> Model:
    X = np.random.default_rng(3).normal(size=(200, 4))
    return train_model(X, X[:, 0] > 0)


@pytest.mark.parametrize(
    ("work", "rows", "repeats"),
    [(5 * 10**4, 2_000, 5), (10**6, 150, 5), (1_500_000, 100, 5), (1_600_000, 100, 4), (3_750_000, 100, 2)],
)
def test_much_work_is_bounded_by_rows_and_then_by_repeats(
    small: Model, monkeypatch: pytest.MonkeyPatch, work: int, rows: int, repeats: int
) -> None:
    monkeypatch.setattr(type(small.estimator), "work", work - 520)
    found, told = measured(small, 5_000)
    assert (found["rows"], found["repeats"], told) == (rows, repeats, [])
    assert found["rows"] * found["repeats"] * 4 * work <= 3e9


def test_what_would_be_too_much_is_left_out_and_said(small: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(small.estimator), "work", 4_000_000)
    found, (told,) = measured(small, 5_000)
    assert found is None
    assert told.endswith(" is not measured: it would take too much work on so many columns")


def after(times: int) -> Any:
    """Says so when it is asked that many times, and from then on."""
    asked = itertools.count()
    return lambda: next(asked) >= times


def test_what_takes_too_long_is_left_out_or_has_fewer_repeats(small: Model) -> None:
    found, told = measured(small, 100, stop=after(13))  # three repeats of four columns
    assert (found["repeats"], told) == (3, [])
    found, told = measured(small, 100, stop=after(7))
    assert found is None
    assert told == ["the importance of the columns is not measured: there was not time enough"]


def test_a_wide_table_tells_the_columns_that_matter_most() -> None:
    X = np.random.default_rng(4).normal(size=(300, 260))
    model = train_model(X, X[:, 250] > 0)
    found, told = measured(model, 100)
    assert told == []
    assert (len(found["columns"]), found["columns_omitted"]) == (module.MOST_COLUMNS, 60)
    means = [each["mean"] for each in found["columns"]]
    assert means == sorted(means, reverse=True)


def test_rows_that_overflow_by_it_are_no_fault_of_the_training(
    small: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(*_: Any) -> Any:
        raise NotFinite(0)

    monkeypatch.setattr(module, "values_of", overflow)
    found, (told,) = measured(small, 100)
    assert found is None
    assert told.endswith("rows with values of other rows overflow; rescale the columns")


def test_the_rows_are_as_they_were(small: Model) -> None:
    X = np.random.default_rng(5).normal(size=(50, 4))
    before = X.copy()
    permuted(small, X, (X[:, 0] > 0).astype(np.int64), [np.arange(50)[::-1]] * 2)
    np.testing.assert_array_equal(X, before)
