"""How good a model is: the objective that training went after, and the figures people expect beside it.

All are what scikit-learn's functions of the same name give, from one pass of the model as it will serve.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.arithmetic import vectorised
from ml_core.preprocessing.fitting import blocks, recoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.model.model import Model

# The silhouette compares every row with every other: past this many, a sample of them tells as much.
SILHOUETTE_ROWS = 2_000


def of_classifier(
    model: "Model",
    X: "NDArray[np.float64]",
    y: "NDArray[np.int64]",
    columns: "Sequence[Feature] | None" = None,
    *,
    objective: str,
) -> dict[str, object]:
    """The metrics of a classifier on rows, whose words are numbered as in `columns`, and their class numbers.

    The objective is `log_loss` or `hinge_loss` (for two classes mean(max(0, 1 - y·f(x))) with y = ±1, for
    more Crammer and Singer's, on the one-versus-rest decisions); a model that gives probabilities has its log
    loss in any case. `roc_auc` is given for two classes, where both occur. The confusion matrix has a row for
    each true class and a column for each predicted one, in the order of the model's classes.
    """
    outputs = ["decision", *(["probability"] if "probability" in model.outputs else [])]
    labels, probabilities, decisions, _ = _answers(model, X, columns, outputs)
    classes = len(model.classes or ())
    measured: dict[str, object] = {}
    if objective == "hinge_loss":
        measured["hinge_loss"] = _hinge_loss(decisions, y)
    if probabilities is not None:
        measured["log_loss"] = _log_loss(probabilities, y)
    confusion = np.bincount(y * classes + labels, minlength=classes**2).reshape(classes, classes)
    hits, met = np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1)
    measured["accuracy"] = int(hits.sum()) / len(y)
    measured["f1_macro"] = float(np.mean(np.divide(2 * hits, met, out=np.zeros(classes), where=met > 0)))
    if classes == 2 and 0 < y.sum() < len(y):
        measured["roc_auc"] = _roc_auc(decisions[:, 0], y)
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


def of_clusters(
    model: "Model", X: "NDArray[np.float64]", columns: "Sequence[Feature] | None" = None, *, seed: int
) -> dict[str, object]:
    """The metrics of a clustering: `inertia`, J = Σ‖x − μ‖², and the mean silhouette.

    There is no silhouette where all rows are in one cluster, or each is in one of its own. Both are
    measured between rows as the model sees them, after its scaling.
    """
    labels, *_, distances = _answers(model, X, columns, ["distance"])
    # Summed without rounding: the figure does not depend on the order of rows.
    inertia = math.fsum(distance**2 for distance in distances.min(axis=1).tolist())
    measured: dict[str, object] = {"inertia": inertia}
    silhouette = _silhouette(model, X, columns, labels, seed)
    if silhouette is not None:
        measured["silhouette"] = silhouette
    return measured


def _answers(
    model: "Model", X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", outputs: "Sequence[str]"
) -> "list[Any]":
    """The model's answers for all rows: labels, probabilities, decisions and distances, as arrays or None."""
    answers = [
        model.answer(vectorised, memoryview(recoded(X[block], columns, model.encoding)).cast("B"), outputs)
        for block in blocks(len(X), model.widest)
    ]
    return [None if each[0] is None else np.concatenate(each) for each in zip(*answers, strict=True)]


def _silhouette(
    model: "Model",
    X: "NDArray[np.float64]",
    columns: "Sequence[Feature] | None",
    labels: "NDArray[np.int64]",
    seed: int,
) -> float | None:
    from sklearn.metrics import silhouette_score

    chosen = np.arange(len(labels))
    if len(chosen) > SILHOUETTE_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, SILHOUETTE_ROWS, replace=False))
    sampled = labels[chosen]
    if not 2 <= len(np.unique(sampled)) < len(sampled):
        return None
    made: Any = recoded(X[chosen], columns, model.encoding)
    if model.encoding:
        made = vectorised.encoded(made, model.encoding.layout)
    if model.scaling:
        made = vectorised.standardised(made, model.scaling.mean, model.scaling.scale)
    return float(silhouette_score(vectorised.dense(made), sampled))
