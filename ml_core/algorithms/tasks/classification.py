"""How good a classifier is: the objective that training went after, and the figures people expect beside it.

All are what scikit-learn's functions of the same name give, from one pass of the model as it will serve.
"""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.algorithms.tasks.values import values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.model.model import Model


def measure(
    model: "Model",
    X: "NDArray[np.float64]",
    y: "NDArray[np.int64]",
    columns: "Sequence[Feature] | None" = None,
    *,
    objective: str,
    seed: int = 0,  # noqa: ARG001 - nothing here is estimated on a sample
) -> dict[str, object]:
    """The metrics of a classifier on rows, whose words are numbered as in `columns`, and their class numbers.

    A model that gives decisions has its hinge loss where that is the objective: for two classes
    mean(max(0, 1 - y·f(x))) with y = ±1, for more Crammer and Singer's, on the one-versus-rest decisions. One
    that gives probabilities has its log loss in any case. `roc_auc` is given for two classes, where both
    occur, by the decisions or else the probabilities of the second class. The confusion matrix has a row for
    each true class and a column for each predicted one, in the order of the model's classes.
    """
    given = [name for name in ("decision", "probability") if name in model.outputs]
    found = values_of(model, X, columns, given)
    labels, decisions, probabilities = found["label"], found.get("decision"), found.get("probability")
    classes = len(model.classes or ())
    measured: dict[str, object] = {}
    if objective == "hinge_loss" and decisions is not None:
        measured["hinge_loss"] = _hinge_loss(decisions, y)
    if probabilities is not None:
        measured["log_loss"] = _log_loss(probabilities, y)
    confusion = np.bincount(y * classes + labels, minlength=classes**2).reshape(classes, classes)
    hits, met = np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1)
    measured["accuracy"] = int(hits.sum()) / len(y)
    # Of the classes that occur or are predicted, as in scikit-learn.
    measured["f1_macro"] = float(np.mean(2 * hits[met > 0] / met[met > 0]))
    if classes == 2 and 0 < y.sum() < len(y):
        if decisions is not None:
            measured["roc_auc"] = _roc_auc(decisions[:, 0], y)
        elif probabilities is not None:
            measured["roc_auc"] = _roc_auc(probabilities[:, 1], y)
    measured["confusion_matrix"] = confusion.tolist()
    return measured


def _hinge_loss(decisions: "NDArray[np.float64]", y: "NDArray[np.int64]") -> float:
    if decisions.shape[1] == 1:
        margins = decisions[:, 0] * (2 * y - 1)
    else:
        every = np.arange(len(y))
        own = decisions[every, y]
        others = decisions.copy()
        others[every, y] = -np.inf
        margins = own - others.max(axis=1)
    return float(np.mean(np.maximum(0.0, 1.0 - margins)))


def _log_loss(probabilities: "NDArray[np.float64]", y: "NDArray[np.int64]") -> float:
    smallest = np.finfo(np.float64).eps  # as in scikit-learn: the logarithm of 0 says nothing
    own = np.clip(probabilities[np.arange(len(y)), y], smallest, 1 - smallest)
    return float(-np.mean(np.log(own)))


def _roc_auc(decisions: "NDArray[np.float64]", y: "NDArray[np.int64]") -> float:
    """How often a row of the second class is decided above one of the first; a tie is half of it."""
    order = np.argsort(decisions)
    ends = np.flatnonzero(np.append(np.diff(decisions[order]) != 0, True))  # the last of equal decisions
    positive = np.cumsum(y[order])[ends]
    negative = ends + 1 - positive
    below = np.append(0, negative[:-1])
    twice = np.diff(positive, prepend=0) * (below + negative)
    return float(twice.sum() / (2 * positive[-1] * negative[-1]))
