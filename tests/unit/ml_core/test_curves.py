"""Curves are scikit-learn's, of at most 101 of their points, and lose nothing that could be seen."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.model_selection import train_test_split

from ml_core import predict, train_model
from ml_core.algorithms.tasks.curves import (
    MOST_POINTS,
    calibration,
    curves,
    precision_recall,
    roc,
    shown_points,
)
from ml_core.algorithms.tasks.ranking import Ranking
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import check_request, fit
from tests.unit.ml_core.reference import CLASSIFICATION

CLOSE: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}

type Points = NDArray[np.float64]


def whole_roc(scores: Any, positive: Any) -> Points:
    fpr, tpr, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    return np.stack([fpr, tpr], axis=1)


def whole_precision_recall(scores: Any, positive: Any) -> Points:
    precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    return np.stack([recall, precision], axis=1)[::-1]


def check_points(whole: Points, shown: Any, names: tuple[str, str], farthest: float) -> None:
    """Points of the whole curve in its order, both ends among them, and nothing far from the line."""
    points = np.stack([shown[name] for name in names], axis=1)
    assert len(points) == len(shown["thresholds"]) <= MOST_POINTS
    assert points[0].tolist() == whole[0].tolist()
    assert points[-1] == pytest.approx(whole[-1], **CLOSE)
    places = [np.flatnonzero(np.abs(whole - point).max(axis=1) < 1e-12) for point in points]
    assert all(len(found) for found in places)
    assert max(distances(whole, points)) <= farthest


def distances(whole: Points, line: Points) -> list[float]:
    """How far each point is from the nearest place of a line through others."""
    begins, spans = line[:-1], np.diff(line, axis=0)
    lengths = np.maximum((spans**2).sum(axis=1), 1e-300)
    nearest = []
    for point in whole:
        along = np.clip(((point - begins) * spans).sum(axis=1) / lengths, 0, 1)
        nearest.append(float(np.hypot(*(begins + along[:, None] * spans - point).T).min()))
    return nearest


@pytest.mark.parametrize("values", [1, 2, 5, 60, 10**7])
@pytest.mark.parametrize(("rows", "share"), [(2, 0.5), (30, 0.5), (3000, 0.5), (3000, 0.01)])
def test_what_is_shown_is_the_curve(rows: int, share: float, values: int) -> None:
    """Whatever ties there are, and however few rows are of the class."""
    random = np.random.default_rng(rows + values)
    positive = np.append([True, False], random.random(rows - 2) < share)
    scores = np.floor((random.normal(size=rows) + positive) * values) / values
    ranking = Ranking(scores, positive)
    check_points(whole_roc(scores, positive), roc(ranking), ("fpr", "tpr"), 0.02)
    shown = precision_recall(ranking)
    check_points(whole_precision_recall(scores, positive), shown, ("recall", "precision"), 0.02)


def test_thresholds_are_what_divides_the_rows() -> None:
    random = np.random.default_rng(1)
    positive = random.random(500) < 0.4
    scores = np.round(random.normal(size=500) + positive, 1)
    ranking = Ranking(scores, positive)
    for curve, x, y in ((roc, "fpr", "tpr"), (precision_recall, "recall", "precision")):
        shown: Any = curve(ranking)
        first, *thresholds = shown["thresholds"]
        assert first is None
        assert thresholds == sorted(thresholds, reverse=True)
        for threshold, across, up in zip(thresholds, shown[x][1:], shown[y][1:], strict=True):
            taken = scores >= threshold
            told = {
                "fpr": taken[~positive].mean(),
                "tpr": taken[positive].mean(),
                "recall": taken[positive].mean(),
                "precision": positive[taken].mean(),
            }
            assert (across, up) == (pytest.approx(told[x]), pytest.approx(told[y]))


@pytest.mark.parametrize("overlap", [0.5, 1.0, 3.0])
def test_a_million_rows_are_101_points(overlap: float) -> None:
    random = np.random.default_rng(0)
    positive = random.random(1_000_000) < 0.1
    scores = random.normal(size=len(positive)) + positive / overlap
    ranking = Ranking(scores, positive)
    shown = roc(ranking)
    assert len(shown["fpr"]) == MOST_POINTS == len(precision_recall(ranking)["recall"])
    assert metrics.auc(shown["fpr"], shown["tpr"]) == pytest.approx(ranking.roc_auc(), abs=5e-4)
    both = precision_recall(ranking)
    area = metrics.auc(both["recall"], both["precision"])
    assert area == pytest.approx(ranking.average_precision(), abs=5e-3)
    assert len(json.dumps([shown, both])) < 20_000


def test_a_curve_of_few_corners_is_shown_whole() -> None:
    x = np.append(np.linspace(0, 0.5, 1000), np.linspace(0.5, 1, 1000)[1:])
    y = np.minimum(x, 0.5)
    assert shown_points(x, y).tolist() == [0, 999, 1998]
    assert shown_points(x, x).tolist() == [0, 1998]
    assert shown_points(x[:1], y[:1]).tolist() == [0]
    assert shown_points(np.zeros(3), np.array([0.0, 1.0, 0.0])).tolist() == [0, 1, 2]


@pytest.mark.parametrize("rows", [1, 9, 1000])
def test_calibration_is_scikit_learns(rows: int) -> None:
    """On the bins' edges too, and with bins that hold no row."""
    random = np.random.default_rng(rows)
    for probabilities in (random.random(rows), random.integers(0, 11, rows) / 10, random.random(rows) ** 9):
        positive = random.random(rows) < probabilities
        shown = calibration(probabilities, positive)
        true, predicted = calibration_curve(positive, probabilities, n_bins=10, pos_label=True)
        assert shown["prob_true"] == pytest.approx(true, **CLOSE)
        assert shown["prob_pred"] == pytest.approx(predicted, **CLOSE)
        assert sum(shown["count"]) == rows
        assert min(shown["count"]) > 0


@pytest.mark.parametrize(
    ("dataset", "algorithm", "chosen"),
    [
        ("breast_cancer", "logistic_regression", {}),
        ("breast_cancer", "svm", {}),
        ("wine", "logistic_regression", {}),
        ("iris", "svm", {"probability": True}),
        ("iris", "svm", {}),
        ("digits", "logistic_regression", {}),
    ],
)
def test_a_manifest_has_the_curves_of_both_parts(dataset: str, algorithm: str, chosen: Any) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    body = {"algorithm": algorithm, "instances": X.tolist(), "targets": y.tolist()}
    told: Any = fit(check_request({**body, "hyperparameters": chosen}, Limits()), lambda *_: None).manifest
    json.dumps(told["curves"], allow_nan=False)
    classes = np.unique(y).tolist()
    parts = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
    model = train_model(parts[0], parts[2], algorithm, hyperparameters=chosen)
    for part, rows, labels in (("training", parts[0], parts[2]), ("test", parts[1], parts[3])):
        shown = told["curves"][part]
        assert [each["class"] for each in shown] == (classes[1:] if len(classes) == 2 else classes)
        for each in shown:
            positive = labels == each["class"]
            scores = np.array(predict(model, rows, each["score"]))
            scores = scores if scores.ndim == 1 else scores[:, each["class"]]
            check_points(whole_roc(scores, positive), each["roc"], ("fpr", "tpr"), 1e-9)
            both = whole_precision_recall(scores, positive)
            check_points(both, each["precision_recall"], ("recall", "precision"), 0.01)
            assert (each["calibration"] is not None) == ("probability" in model.outputs)
            several_probable = len(classes) > 2 and "probability" in model.outputs
            assert each["score"] == ("probability" if several_probable else "decision")


def test_there_are_none_where_there_is_nothing_to_tell_apart() -> None:
    scores = np.random.default_rng(0).random((20, 3))
    y = np.arange(20) % 2
    assert [each["class"] for each in curves("abc", y, scores, None)] == ["a", "b"]
    assert curves("abc", y * 0, scores, None) == []
    assert curves("ab", y * 0 + 1, scores[:, :1], None) == []
    assert curves("abc", y, None, None) == []
    assert curves(range(11), y, None, np.ones((20, 11)) / 11) == []


def test_a_clustering_has_none() -> None:
    body = {"algorithm": "kmeans", "instances": CLASSIFICATION["iris"].data.tolist()}
    assert "curves" not in fit(check_request(body, Limits()), lambda *_: None).manifest
