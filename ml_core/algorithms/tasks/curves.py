"""What a classifier's scores look like over all thresholds: ROC, precision and recall, calibration.

The points are those of scikit-learn's `roc_curve`, `precision_recall_curve` and `calibration_curve`. A
version's manifest has them: of many, those are kept that show the curve's course.
"""

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.algorithms.tasks.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label

    type Floats = NDArray[np.float64]

MOST_CLASSES = 10
MOST_POINTS = 101
BINS = 10
# A point nearer than this to the line through its neighbours lies on it, but for rounding.
_ON_THE_LINE = 1e-12


def curves(
    classes: "Sequence[Label]",
    y: "NDArray[np.int64]",
    decisions: "Floats | None",
    probabilities: "Floats | None",
) -> list[dict[str, Any]]:
    """The curves of rows of class numbers `y`, by the scores that a model gives them.

    Of two classes those of the second; of up to `MOST_CLASSES` those of each one against all others; of more
    none. A class has no curves where all rows are of it, or none is. Two classes are ranked by decisions,
    several by probabilities: decisions for different classes say nothing of how rows compare.
    """
    if len(classes) > MOST_CLASSES:
        return []
    two = len(classes) == 2
    found = []
    for number in [1] if two else range(len(classes)):
        positive = y == number
        if positive.all() or not positive.any():
            continue
        probability = None if probabilities is None else probabilities[:, number]
        decision = None if decisions is None else decisions[:, 0 if two else number]
        scores = (decision, probability) if two else (probability, decision)
        best = next((each for each in scores if each is not None), None)
        if best is None:
            continue
        ranking = Ranking(best, positive)
        found.append(
            {
                "class": classes[number],
                "score": "decision" if best is decision else "probability",
                "roc": roc(ranking),
                "precision_recall": precision_recall(ranking),
                "calibration": None if probability is None else calibration(probability, positive),
            }
        )
    return found


def roc(ranking: Ranking) -> dict[str, list[float | None]]:
    """False and true positive rates at falling thresholds. The first point takes no row, and has none."""
    fpr = np.append(0, ranking.false_alarms / ranking.false_alarms[-1])
    tpr = np.append(0, ranking.hits / ranking.hits[-1])
    kept = shown_points(fpr, tpr)
    return {
        "fpr": fpr[kept].tolist(),
        "tpr": tpr[kept].tolist(),
        "thresholds": _thresholds(ranking, kept),
    }


def precision_recall(ranking: Ranking) -> dict[str, list[float | None]]:
    """Recall and precision at falling thresholds. The first point takes no row, and has none."""
    recall = np.append(0, ranking.hits / ranking.hits[-1])
    precision = np.append(1, ranking.hits / (ranking.hits + ranking.false_alarms))
    kept = shown_points(recall, precision)
    return {
        "recall": recall[kept].tolist(),
        "precision": precision[kept].tolist(),
        "thresholds": _thresholds(ranking, kept),
    }


def _thresholds(ranking: Ranking, kept: "NDArray[np.int64]") -> list[float | None]:
    return [None, *ranking.thresholds[kept[1:] - 1].tolist()]


def calibration(probabilities: "Floats", positive: "NDArray[np.bool_]") -> dict[str, list[float]]:
    """How often rows are of the class that a model gives such a probability.

    In bins of equal width that hold any rows: the share of the class, the mean probability, and the rows.
    """
    bins = np.searchsorted(np.linspace(0.0, 1.0, BINS + 1)[1:-1], probabilities)
    count = np.bincount(bins, minlength=BINS)
    there = count > 0
    true = np.bincount(bins, weights=positive, minlength=BINS)[there] / count[there]
    predicted = np.bincount(bins, weights=probabilities, minlength=BINS)[there] / count[there]
    return {"prob_true": true.tolist(), "prob_pred": predicted.tolist(), "count": count[there].tolist()}


def shown_points(x: "Floats", y: "Floats", most: int = MOST_POINTS) -> "NDArray[np.int64]":
    """The places of at most `most` points that show a curve, its ends among them.

    As long as there is room, that point is added which lies farthest from the line through those taken so
    far (Douglas and Peucker's simplification). A curve of fewer corners is shown whole.
    """
    kept = {0, len(x) - 1}
    waiting: list[tuple[float, int, int, int]] = []

    def look(begin: int, end: int) -> None:
        if end - begin > 1:
            distance, place = _farthest(x, y, begin, end)
            if distance > _ON_THE_LINE:
                heappush(waiting, (-distance, place, begin, end))

    look(0, len(x) - 1)
    while waiting and len(kept) < most:
        _, place, begin, end = heappop(waiting)
        kept.add(place)
        look(begin, place)
        look(place, end)
    return np.array(sorted(kept), dtype=np.int64)


def _farthest(x: "Floats", y: "Floats", begin: int, end: int) -> tuple[float, int]:
    """Which point between two of them is farthest from the line that joins these, and how far."""
    across, up = x[end] - x[begin], y[end] - y[begin]
    right, above = x[begin + 1 : end] - x[begin], y[begin + 1 : end] - y[begin]
    length = np.hypot(across, up)
    far = np.abs(across * above - up * right) / length if length > 0 else np.hypot(right, above)
    place = int(far.argmax())
    return float(far[place]), begin + 1 + place
