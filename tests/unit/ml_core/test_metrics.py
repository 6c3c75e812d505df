"""Metrics are scikit-learn's, on the rows that its own split trains on and holds out."""

import re
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from ml_core.algorithms.tasks.clustering import SILHOUETTE_ROWS
from ml_core.inputs.frames import rows_of
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import check_request, fit
from tests.unit.ml_core.reference import CLASSIFICATION, pipeline

CLOSE: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}


def manifest(algorithm: str, X: Any, y: Any = None, **more: Any) -> Any:
    body = {
        "algorithm": algorithm,
        "instances": X.tolist(),
        "targets": None if y is None else y.tolist(),
        **more,
    }
    return fit(check_request(body, Limits()), lambda *_: None).manifest


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("fraction", [0.2, 0.35])
@pytest.mark.parametrize("dataset", ["breast_cancer", "wine"])
def test_logistic_regression(dataset: str, fraction: float, seed: int) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    told = manifest("logistic_regression", X, y, test_fraction=fraction, seed=seed)
    parts = train_test_split(X, y, test_size=fraction, random_state=seed, stratify=y)
    model = pipeline(LogisticRegression(), scale=True).fit(parts[0], parts[2])
    assert (told["rows"], told["test_rows"]) == (len(parts[0]), len(parts[1]))
    for part, rows, labels in (("training", parts[0], parts[2]), ("test", parts[1], parts[3])):
        expected = {
            "log_loss": metrics.log_loss(labels, model.predict_proba(rows)),
            "accuracy": model.score(rows, labels),
            "f1_macro": metrics.f1_score(labels, model.predict(rows), average="macro"),
        }
        confusion = metrics.confusion_matrix(labels, model.predict(rows)).tolist()
        if dataset == "breast_cancer":
            expected["roc_auc"] = metrics.roc_auc_score(labels, model.decision_function(rows))
        assert told["metrics"][part].pop("confusion_matrix") == confusion
        assert told["metrics"][part] == {
            name: pytest.approx(value, **CLOSE) for name, value in expected.items()
        }


@pytest.mark.parametrize("dataset", ["breast_cancer", "wine"])
def test_the_svms_objective_is_the_hinge_loss(dataset: str) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    told = manifest("svm", X, y, test_fraction=0, hyperparameters={"kernel": "rbf", "C": 2})["metrics"]
    decisions = pipeline(SVC(C=2), scale=True).fit(X, y).decision_function(X)
    assert set(told) == {"training"}
    assert told["training"]["hinge_loss"] == pytest.approx(metrics.hinge_loss(y, decisions), **CLOSE)
    assert "log_loss" not in told["training"]
    if dataset == "breast_cancer":  # the article's formula, with classes as -1 and 1
        formula = np.maximum(0, 1 - (2 * y - 1) * decisions).mean()
        assert told["training"]["hinge_loss"] == pytest.approx(formula, **CLOSE)


def test_a_calibrated_svm_has_a_log_loss_too() -> None:
    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    told = manifest("svm", X, y, hyperparameters={"probability": True})["metrics"]
    assert {"hinge_loss", "log_loss"} <= set(told["training"]) & set(told["test"])


@pytest.mark.parametrize("scale", [True, False])
def test_the_objective_of_kmeans_is_inertia(scale: bool) -> None:
    X = CLASSIFICATION["wine"].data
    told = manifest("kmeans", X, hyperparameters={"n_clusters": 3, "scale": scale})["metrics"]
    train, test = train_test_split(X, test_size=0.2, random_state=0)
    model = pipeline(KMeans(3, random_state=0), scale=scale).fit(train)
    for part, rows in (("training", train), ("test", test)):
        seen = model[:-1].transform(rows) if scale else rows
        assert told[part]["inertia"] == pytest.approx(-model.score(rows), rel=1e-9)
        assert told[part]["silhouette"] == pytest.approx(
            metrics.silhouette_score(seen, model.predict(rows)), rel=1e-9
        )
    assert told["training"]["inertia"] == pytest.approx(model[-1].inertia_, rel=1e-9)


def test_there_is_no_silhouette_of_a_single_cluster() -> None:
    X = CLASSIFICATION["iris"].data
    told = manifest("kmeans", X, hyperparameters={"n_clusters": 1})["metrics"]
    assert set(told["training"]) == {"inertia"}


def test_the_silhouette_of_many_rows_is_sampled_and_repeatable() -> None:
    X = np.random.default_rng(0).normal(size=(3 * SILHOUETTE_ROWS, 2))
    chosen = {"n_clusters": 4}
    first, again = (manifest("kmeans", X, hyperparameters=chosen)["metrics"] for _ in range(2))
    assert first == again
    train = train_test_split(X, test_size=0.2, random_state=0)[0]
    whole = metrics.silhouette_score(train, KMeans(4, random_state=0).fit_predict(train))
    assert first["training"]["silhouette"] == pytest.approx(whole, abs=0.02)


@pytest.mark.parametrize("part", [slice(0, 50), slice(0, 100), slice(90, 110), slice(40, 150)])
def test_the_macro_f1_is_of_the_classes_that_occur_or_are_predicted(part: slice) -> None:
    from ml_core import train_model
    from ml_core.algorithms.tasks.classification import measure

    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    model = train_model(X, y)
    told = measure(model, X[part], y[part], objective="log_loss")
    said = model.predict(rows_of(X[part], model.features))["label"]
    assert told["f1_macro"] == pytest.approx(metrics.f1_score(y[part], said, average="macro"))


def test_a_held_out_part_without_one_of_two_classes_has_no_roc_auc() -> None:
    from ml_core import train_model
    from ml_core.algorithms.tasks.classification import measure

    X, y = CLASSIFICATION["breast_cancer"].data, CLASSIFICATION["breast_cancer"].target
    model, ones = train_model(X, y), y == 1
    told: Any = measure(model, X[ones], y[ones], objective="log_loss")
    assert "roc_auc" not in told
    assert np.sum(told["confusion_matrix"]) == ones.sum()


@pytest.mark.parametrize(
    ("algorithm", "chosen", "told"),
    [
        (
            "logistic_regression",
            {"max_iter": 2},
            r"lbfgs failed to converge after 2 iteration\(s\).*max_iter=2\)\.$",
        ),
        ("logistic_regression", {"max_iter": 1, "l1_ratio": 0.5}, "max_iter was reached"),
        ("svm", {"max_iter": 3}, "Solver terminated early"),
        ("kmeans", {"n_clusters": 100}, "Number of distinct clusters"),
    ],
)
def test_what_did_not_converge_is_a_warning_of_the_manifest(algorithm: str, chosen: Any, told: str) -> None:
    X, y = CLASSIFICATION["wine"].data, CLASSIFICATION["wine"].target
    if algorithm == "kmeans":
        X, y = np.repeat(X[:20], 8, axis=0), None
    (text,) = manifest(algorithm, X, y, hyperparameters=chosen, test_fraction=0)["warnings"]
    assert "\n" not in text
    assert "http" not in text
    assert re.search(told, text)


def test_progress_is_told_phase_by_phase() -> None:
    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    phases: list[tuple[str, float | None]] = []
    body = {"algorithm": "svm", "instances": X.tolist(), "targets": y.tolist()}
    fit(check_request(body, Limits()), lambda phase, percentage: phases.append((phase, percentage)))
    assert phases == [("splitting", None), ("fitting", None), ("measuring", None)]
