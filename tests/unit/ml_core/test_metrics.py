"""Metrics are scikit-learn's, on the rows that its own split trains on and holds out."""

import re
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from ml_core import predict, train_model
from ml_core.algorithms.tasks.classification import measure
from ml_core.algorithms.tasks.clustering import SILHOUETTE_ROWS
from ml_core.algorithms.tasks.ranking import Ranking
from ml_core.inputs.rows import Limits
from ml_core.inputs.samples import TableSamples
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
        expected = figures(labels, model.predict(rows), np.arange(len(np.unique(y))))
        expected["log_loss"] = metrics.log_loss(labels, model.predict_proba(rows))
        expected["accuracy"] = model.score(rows, labels)
        dummy = DummyClassifier(strategy="most_frequent").fit(parts[0], parts[2])
        expected["baseline"] = dummy.score(rows, labels)
        if dataset == "breast_cancer":
            decisions = model.decision_function(rows)
            expected["roc_auc"] = metrics.roc_auc_score(labels, decisions)
            expected["pr_auc"] = metrics.average_precision_score(labels, decisions)
        same(told["metrics"][part], expected)


def figures(y: Any, answered: Any, classes: Any) -> dict[str, Any]:
    """What scikit-learn says of labels and of what was answered in their place."""
    each = metrics.precision_recall_fscore_support(y, answered, labels=classes, zero_division=0)
    names = ("class", "precision", "recall", "f1", "support")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that no row has, which it leaves out
        balanced = metrics.balanced_accuracy_score(y, answered)
    return {
        "accuracy": metrics.accuracy_score(y, answered),
        "balanced_accuracy": balanced,
        "f1_macro": metrics.f1_score(y, answered, average="macro"),
        "per_class": [
            dict(zip(names, row, strict=True))
            for row in zip(classes.tolist(), *(column.tolist() for column in each), strict=True)
        ],
        "confusion_matrix": metrics.confusion_matrix(y, answered, labels=classes).tolist(),
    }


def same(told: Any, expected: Any) -> None:
    """Equal but for rounding."""
    told, expected = dict(told), dict(expected)
    assert told.pop("confusion_matrix") == expected.pop("confusion_matrix")
    for mine, theirs in zip(told.pop("per_class"), expected.pop("per_class"), strict=True):
        assert mine == {**theirs, **{name: pytest.approx(theirs[name], **CLOSE) for name in theirs}}
        assert type(mine["support"]) is int
    assert told == {name: pytest.approx(value, **CLOSE) for name, value in expected.items()}


@pytest.mark.parametrize("dataset", ["breast_cancer", "wine", "digits"])
def test_classes_that_held_out_rows_lack_count_as_for_scikit_learn(dataset: str) -> None:
    """Of every subset of the classes, also of one that is never answered."""
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    classes = np.arange(len(np.unique(y)))
    model = train_model(X[::3], y[::3], hyperparameters={"C": 1e-5})
    rows = np.random.default_rng(0).permutation(len(X))
    answered = np.array(predict(model, X))
    for there in ([0], [1], [0, 1], [len(classes) - 1, 0], list(classes)):
        some = rows[np.isin(y[rows], there)][:60]
        told: Any = measure(model, TableSamples(X[some]), y[some], objective="log_loss", majority=1).metrics
        expected = figures(y[some], answered[some], classes)
        expected["baseline"] = np.mean(y[some] == 1)
        for name in ("log_loss", "roc_auc", "pr_auc"):
            expected |= {name: told[name]} if name in told else {}
        assert ("pr_auc" in told) == (len(classes) == 2 == len(there))
        same(told, expected)


def test_rankings_with_ties_are_scikit_learns() -> None:
    random = np.random.default_rng(3)
    for size, values in ((2, 1), (5, 2), (40, 3), (40, 40), (1000, 7), (1000, 10**6)):
        scores = random.integers(0, values, size) / values - 0.25
        positive = np.append([True, False], random.random(size - 2) < 0.3)
        ranking = Ranking(scores, positive)
        assert ranking.roc_auc() == pytest.approx(metrics.roc_auc_score(positive, scores), **CLOSE)
        average = metrics.average_precision_score(positive, scores)
        assert ranking.average_precision() == pytest.approx(average, **CLOSE)


def rare(label: Any, other: Any) -> Any:
    """Rows that tell nothing of their label, which a tenth of them has."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    return X, np.array([label if place % 10 == 0 else other for place in range(200)])


@pytest.mark.parametrize(
    ("labels", "said"), [(("yes", "no"), "'no'"), ((7, -3), "-3"), ((True, False), "false")]
)
def test_a_model_no_better_than_the_most_frequent_class_is_told_of(labels: Any, said: str) -> None:
    told = manifest("logistic_regression", *rare(*labels))
    assert told["warnings"] == [
        f"accuracy 0.900 on held-out rows is no better than always answering {said} (0.900)"
    ]
    assert told["metrics"]["test"]["accuracy"] == told["metrics"]["test"]["baseline"] == 0.9


def test_a_model_that_is_better_is_not_nor_one_without_held_out_rows() -> None:
    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    assert manifest("logistic_regression", X, y)["warnings"] == []
    X, y = rare("yes", "no")
    assert manifest("logistic_regression", X, y, test_fraction=0)["warnings"] == []


def test_the_baseline_is_of_the_rows_trained_on() -> None:
    """Also where held-out rows have another most frequent class; of equals the first."""
    X = CLASSIFICATION["iris"].data[:, :2]
    y = np.array(["b", "a"] * 75)
    told = manifest("logistic_regression", X, y, test_fraction=0.1, seed=1)
    train, test = train_test_split(y, test_size=0.1, random_state=1, stratify=y)
    for part, labels in (("training", train), ("test", test)):
        dummy = DummyClassifier(strategy="most_frequent").fit(train, train)
        assert told["metrics"][part]["baseline"] == dummy.score(labels, labels)


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
        assert told[part]["cluster_sizes"] == np.bincount(model.predict(rows), minlength=3).tolist()
    assert told["training"]["inertia"] == pytest.approx(model[-1].inertia_, rel=1e-9)


def test_there_is_no_silhouette_of_a_single_cluster() -> None:
    X = CLASSIFICATION["iris"].data
    told = manifest("kmeans", X, hyperparameters={"n_clusters": 1})["metrics"]
    assert set(told["training"]) == {"inertia", "cluster_sizes"}
    assert (told["training"]["cluster_sizes"], told["test"]["cluster_sizes"]) == ([120], [30])


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
    told = measure(model, TableSamples(X[part]), y[part], objective="log_loss")
    said = model.predict(X[part])
    assert told.metrics["f1_macro"] == pytest.approx(metrics.f1_score(y[part], said, average="macro"))


def test_a_held_out_part_without_one_of_two_classes_has_no_roc_auc() -> None:
    X, y = CLASSIFICATION["breast_cancer"].data, CLASSIFICATION["breast_cancer"].target
    model, ones = train_model(X, y), y == 1
    told: Any = measure(model, TableSamples(X[ones]), y[ones], objective="log_loss").metrics
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
    assert phases == [("starting", None), ("splitting", None), ("fitting", None), ("measuring", None)]
