"""How good a classifier is: the objective that training went after, and the figures people expect beside it.

All are what scikit-learn's functions of the same name give, from one pass of the model as it will serve.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.algorithms.tasks.curves import curves
from ml_core.algorithms.tasks.measured import Measured
from ml_core.algorithms.tasks.ranking import Ranking
from ml_core.algorithms.tasks.values import values_of
from ml_core.errors import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label
    from ml_core.inputs.samples import Samples
    from ml_core.model.model import Model


def measure(
    model: "Model",
    samples: "Samples",
    y: "NDArray[np.int64]",
    *,
    objective: str,
    seed: int = 0,  # noqa: ARG001 - nothing here is estimated on a sample
    majority: int | None = None,
) -> Measured:
    """How good a classifier is on samples, given their class numbers.

    A model that gives decisions has its hinge loss where that is the objective: for two classes
    mean(max(0, 1 - y·f(x))) with y = ±1, for more Crammer and Singer's, on the one-versus-rest decisions. One
    that gives probabilities has its log loss in any case. `roc_auc` and `pr_auc` (the average precision) are
    given for two classes, where both occur, by the decisions or else the probabilities of the second class.
    `balanced_accuracy` is the mean recall of the classes that occur, and `baseline` the accuracy of answering
    every row with the class of number `majority`, the most frequent of the rows trained on. `per_class` is
    in the order of the model's classes, and what would divide by 0 is 0. The confusion matrix has a row for
    each true class and a column for each predicted one, in the same order.
    """
    given = [name for name in ("decision", "probability") if name in model.outputs]
    found = values_of(model, samples, given)
    labels, decisions, probabilities = found["label"], found.get("decision"), found.get("probability")
    classes = model.classes or ()
    losses = losses_of(objective, y, decisions, probabilities)
    counted = np.bincount(y * len(classes) + labels, minlength=len(classes) ** 2)
    confusion = counted.reshape(len(classes), len(classes))
    metrics = metrics_of(classes, confusion, losses, ScoredSamples(y, decisions, probabilities), majority)
    return Measured.of(metrics, curves(classes, y, decisions, probabilities), found)


class ScoredSamples(NamedTuple):
    """The class numbers of rows, and what a model says of them."""

    y: "NDArray[np.int64]"
    decisions: "NDArray[np.float64] | None"
    probabilities: "NDArray[np.float64] | None"


def losses_of(
    objective: str,
    y: "NDArray[np.int64]",
    decisions: "NDArray[np.float64] | None",
    probabilities: "NDArray[np.float64] | None",
) -> dict[str, float]:
    """The mean losses of rows, given what a model says of them."""
    losses: dict[str, float] = {}
    if objective == "hinge_loss" and decisions is not None:
        losses["hinge_loss"] = float(np.mean(hinge_losses(decisions, y)))
    if probabilities is not None:
        losses["log_loss"] = log_loss(probabilities, y)
    return losses


def metrics_of(
    classes: "Sequence[Label]",
    confusion: "NDArray[np.int64]",
    losses: "Mapping[str, float]",
    scored: ScoredSamples,
    majority: int | None,
) -> dict[str, object]:
    """The metrics, given how rows of each class were answered, and the scores by which they are ranked."""
    measured: dict[str, object] = {**losses}
    each, rows = _per_class(confusion, classes), int(confusion.sum())
    measured["accuracy"] = int(np.diag(confusion).sum()) / rows
    measured["balanced_accuracy"] = float(np.mean([one["recall"] for one in each if one["support"]]))
    if majority is not None:
        measured["baseline"] = int(confusion[majority].sum()) / rows
    # Of the classes that occur or are predicted, as in scikit-learn.
    met = confusion.sum(axis=0) + confusion.sum(axis=1)
    measured["f1_macro"] = float(np.mean([one["f1"] for one, times in zip(each, met, strict=True) if times]))
    y = scored.y
    if len(classes) == 2 and 0 < y.sum() < len(y):
        scores = scores_of_the_second(scored.decisions, scored.probabilities)
        if scores is not None:
            ranking = Ranking(scores, y == 1)
            measured["roc_auc"] = ranking.roc_auc()
            measured["pr_auc"] = ranking.average_precision()
    measured["per_class"] = each
    measured["confusion_matrix"] = confusion.tolist()
    return measured


def doubts(model: "Model", held_out: "Mapping[str, Any]", majority: int) -> list[str]:
    """What the metrics of held-out rows say against the model: that its answers are worth no more than one.

    `majority` is the number of the class that is most frequent among the rows trained on.
    """
    accuracy, baseline = held_out["accuracy"], held_out["baseline"]
    if accuracy > baseline:
        return []
    label = shown((model.classes or ())[majority])
    than = f"no better than always answering {label} ({baseline:.3f})"
    return [f"accuracy {accuracy:.3f} on held-out rows is {than}"]


def _per_class(confusion: "NDArray[np.int64]", classes: "Sequence[Label]") -> list[dict[str, Any]]:
    """The figures of each class; what would divide by 0 is 0."""
    hits, support, answered = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    figures = zip(
        classes,
        _shares(hits, answered),
        _shares(hits, support),
        _shares(2 * hits, support + answered),
        support.tolist(),
        strict=True,
    )
    return [dict(zip(("class", "precision", "recall", "f1", "support"), row, strict=True)) for row in figures]


def _shares(parts: "NDArray[np.int64]", wholes: "NDArray[np.int64]") -> list[float]:
    shares: list[float] = np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0).tolist()
    return shares


def scores_of_the_second(
    decisions: "NDArray[np.float64] | None", probabilities: "NDArray[np.float64] | None"
) -> "NDArray[np.float64] | None":
    """The score of each row for the second of two classes, given what a model says of it."""
    if decisions is not None:
        return decisions[:, 0]
    return None if probabilities is None else probabilities[:, 1]


def hinge_losses(decisions: "NDArray[np.float64]", y: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """The loss of each row: how far its own class's decision is from being 1 above all others."""
    if decisions.shape[1] == 1:
        margins = decisions[:, 0] * (2 * y - 1)
    else:
        every = np.arange(len(y))
        own = decisions[every, y]
        others = decisions.copy()
        others[every, y] = -np.inf
        margins = own - others.max(axis=1)
    losses: NDArray[np.float64] = np.maximum(0.0, 1.0 - margins)
    return losses


def log_loss(probabilities: "NDArray[np.float64]", y: "NDArray[np.int64]") -> float:
    """The mean of `log_losses`."""
    return float(np.mean(log_losses(probabilities, y)))


def log_losses(probabilities: "NDArray[np.float64]", y: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """The loss of each row: -log of the probability that its own class is given."""
    smallest = np.finfo(np.float64).eps  # as in scikit-learn: the logarithm of 0 says nothing
    own = np.clip(probabilities[np.arange(len(y)), y], smallest, 1 - smallest)
    losses: NDArray[np.float64] = -np.log(own)
    return losses
