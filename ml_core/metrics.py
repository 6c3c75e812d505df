"""How good a model is: the objective that training went after, and the figures people expect beside it.

All are scikit-learn's functions of the same name, on the predictions of the model as it will serve them.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.instances import Rows
    from ml_core.model import Model

# The silhouette compares every row with every other: past this many, a sample of them tells as much.
SILHOUETTE_ROWS = 2_000


def of_classifier(
    model: "Model", rows: "Rows", y: "NDArray[np.int64]", *, objective: str
) -> dict[str, object]:
    """The metrics of a classifier on rows and their class numbers.

    The objective is `log_loss` or `hinge_loss` (for two classes mean(max(0, 1 - y·f(x))) with y = ±1, for
    more Crammer and Singer's, on the one-versus-rest decisions); a model that gives probabilities has its log
    loss in any case. `roc_auc` is given for two classes, where both occur. The confusion matrix has a row for
    each true class and a column for each predicted one, in the order of the model's classes.
    """
    import numpy as np
    from sklearn import metrics

    outputs = ["label", "decision", *(["probability"] if "probability" in model.outputs else [])]
    predicted = model.predict(rows, outputs)
    numbers = {label: number for number, label in enumerate(model.classes or ())}
    labels = np.array([numbers[label] for label in predicted.labels or ()])
    every = np.arange(len(numbers))
    decisions = np.asarray(predicted.decisions)
    measured: dict[str, object] = {}
    if objective == "hinge_loss":
        measured["hinge_loss"] = float(metrics.hinge_loss(y, decisions, labels=every))
    if predicted.probabilities is not None:
        measured["log_loss"] = float(metrics.log_loss(y, np.asarray(predicted.probabilities), labels=every))
    measured["accuracy"] = float(metrics.accuracy_score(y, labels))
    measured["f1_macro"] = float(
        metrics.f1_score(y, labels, average="macro", labels=every, zero_division=0.0)
    )
    if len(every) == 2 and len(set(y.tolist())) == 2:
        measured["roc_auc"] = float(metrics.roc_auc_score(y, decisions))
    measured["confusion_matrix"] = metrics.confusion_matrix(y, labels, labels=every).tolist()
    return measured


def of_clusters(model: "Model", rows: "Rows", *, seed: int) -> dict[str, object]:
    """The metrics of a clustering: `inertia`, J = Σ‖x − μ‖², and the mean silhouette.

    There is no silhouette where all rows are in one cluster, or each is in one of its own. Both are
    measured between rows as the model sees them, after its scaling.
    """
    predicted = model.predict(rows, ["label", "distance"])
    distances = predicted.distances or []
    # Summed without rounding: the figure does not depend on the order of rows.
    measured: dict[str, object] = {"inertia": math.fsum(min(row) ** 2 for row in distances)}
    silhouette = _silhouette(model, rows, predicted.labels or [], seed)
    if silhouette is not None:
        measured["silhouette"] = silhouette
    return measured


def _silhouette(model: "Model", rows: "Rows", labels: "Sequence[object]", seed: int) -> float | None:
    import numpy as np
    from sklearn.metrics import silhouette_score

    from ml_core.arithmetic import vectorised

    chosen = np.arange(len(labels))
    if len(chosen) > SILHOUETTE_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, SILHOUETTE_ROWS, replace=False))
    sampled = np.asarray(labels)[chosen]
    if not 2 <= len(set(sampled.tolist())) < len(sampled):
        return None
    X = vectorised.matrix(rows.packed, rows.n_features)[chosen]
    if model.encoding:
        X = vectorised.dense(vectorised.encoded(X, model.encoding.layout))
    if model.scaling:
        X = vectorised.standardised(X, model.scaling.mean, model.scaling.scale)
    return float(silhouette_score(X, sampled))
