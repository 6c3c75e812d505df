"""What people write today to train on a table that a machine's memory holds: pandas and scikit-learn.

`python -m benchmarks.comparison_streaming fit FOLDER MODEL` reads the Parquet files of a folder, fits a
logistic regression to standardised columns and stores its weights; `… gaps FOLDER MODEL…` tells how far such
models end above the least of the objective, which Newton's method finds. They run in `.tools/bench`.
"""

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TARGET = "label"


def table(folder: str) -> tuple[Any, "NDArray[np.bool_]"]:
    """The columns of numbers, and whether each row is of the second class."""
    frame = pd.read_parquet(folder)
    label = frame.pop(TARGET).to_numpy()
    return frame, label == max(label)


def fit(folder: str, model: str) -> None:
    """Fit as a script does, with scikit-learn's own defaults."""
    X, y = table(folder)
    scaler = StandardScaler()
    fitted = LogisticRegression().fit(scaler.fit_transform(X), y)
    weights = fitted.coef_[0] / scaler.scale_
    with open(model, "w", encoding="utf-8") as file:
        json.dump([*weights, float(fitted.intercept_[0] - weights @ scaler.mean_)], file)
    sys.stdout.write(json.dumps({"rows": len(y)}))


def gaps(folder: str, *models: str) -> None:
    """By how much of the least objective each model is above it."""
    X, y = table(folder)
    scaler = StandardScaler()
    Z = scaler.fit_transform(X)
    tight = LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1_000).fit(Z, y)
    least = objective(Z, y, tight.coef_[0], tight.intercept_[0])
    found = {}
    for model in models:
        with open(model, encoding="utf-8") as file:
            *weights, intercept = json.load(file)
        moved = intercept + np.asarray(weights) @ scaler.mean_
        found[model] = objective(Z, y, np.asarray(weights) * scaler.scale_, moved) / least - 1
    sys.stdout.write(json.dumps(found))


def objective(Z: "NDArray[np.float64]", y: "NDArray[np.bool_]", weights: Any, intercept: float) -> float:
    """Σ log(1 + exp(-s·(z·w + b))) + ½‖w‖², where s is 1 in the second class, else -1, and C is 1."""
    decisions = np.where(y, 1.0, -1.0) * (Z @ weights + intercept)
    return float(np.logaddexp(0.0, -decisions).sum() + 0.5 * (weights @ weights))


def main(verb: str, *arguments: str) -> None:
    """Fit, or tell how far models are from the best."""
    verbs: dict[str, Callable[..., None]] = {"fit": fit, "gaps": gaps}
    verbs[verb](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
