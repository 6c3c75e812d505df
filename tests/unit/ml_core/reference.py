"""scikit-learn called directly, and the sizes that rounding errors are measured by."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ml_core.arithmetic import plain, vectorised
from ml_core.arithmetic.contract import Arithmetic
from ml_core.model.model import Model

type Floats = NDArray[np.float64]

CLASSIFICATION = {
    "iris": datasets.load_iris(),
    "wine": datasets.load_wine(),
    "breast_cancer": datasets.load_breast_cancer(),
    "digits": datasets.load_digits(),
}
ARITHMETICS: dict[str, Arithmetic[Any]] = {"plain": plain, "vectorised": vectorised}


class Expected(NamedTuple):
    """What scikit-learn says of rows; `sizes` are the sums of the absolute terms of each decision."""

    labels: list[Any]
    decisions: Floats
    sizes: Floats
    probabilities: Floats | None


def packed(X: Floats) -> bytes:
    return np.ascontiguousarray(X, dtype="<f8").tobytes()


def values(model: Model, X: Floats, arithmetic: str) -> Mapping[str, Any]:
    """Everything that a model says of rows, in one of the arithmetics whatever their number."""
    return model.compute(packed(X), model.outputs, arithmetic=ARITHMETICS[arithmetic])


def pipeline(estimator: Any, *, scale: bool) -> Any:
    return make_pipeline(StandardScaler(), estimator) if scale else make_pipeline(estimator)


def _seen(fitted: Any, rows: Floats) -> Floats:
    """The rows as the last step of a pipeline sees them."""
    return np.asarray(fitted[:-1].transform(rows) if len(fitted) > 1 else rows)


def logistic_regression(X: Floats, y: Any, rows: Floats, *, scale: bool = True, **given: Any) -> Expected:
    solver = "saga" if given.get("l1_ratio") else "lbfgs"
    fitted = pipeline(LogisticRegression(solver=solver, random_state=0, **given), scale=scale).fit(X, y)
    Z, estimator = _seen(fitted, rows), fitted[-1]
    sizes = np.abs(Z) @ np.abs(estimator.coef_).T + np.abs(estimator.intercept_)
    decisions = fitted.decision_function(rows).reshape(sizes.shape)
    return Expected(fitted.predict(rows).tolist(), decisions, sizes, fitted.predict_proba(rows))


def svm(
    X: Floats, y: Any, rows: Floats, *, scale: bool = True, probability: bool = False, **given: Any
) -> Expected:
    fitted = pipeline(SVC(**given), scale=scale).fit(X, y)
    decisions = fitted.decision_function(rows).reshape(len(rows), -1)
    sizes = _svm_sizes(fitted[-1], _seen(fitted, rows))
    if decisions.shape[1] > 1:  # a class's decision is its votes and a third of its pairs' sum, at most
        classes = decisions.shape[1]
        pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
        own = [[column for column, pair in enumerate(pairs) if each in pair] for each in range(classes)]
        sizes = 1 + np.stack([sizes[:, columns].sum(axis=1) for columns in own], axis=1)
    probabilities = None
    if probability:
        folds = min(5, int(np.unique(y, return_counts=True)[1].min()))
        calibrated = CalibratedClassifierCV(pipeline(SVC(**given), scale=scale), ensemble=False, cv=folds)
        probabilities = calibrated.fit(X, y).predict_proba(rows)
    return Expected(fitted.predict(rows).tolist(), decisions, sizes, probabilities)


def _svm_sizes(estimator: Any, Z: Floats) -> Floats:
    """The sum of |coefficient × kernel| of each pair; a product of rows counts as its absolute terms."""
    products = np.abs(Z) @ np.abs(estimator.support_vectors_).T
    bases = estimator._gamma * products + abs(estimator.coef0)
    if estimator.kernel == "rbf":
        distances = ((Z[:, None, :] - estimator.support_vectors_[None]) ** 2).sum(axis=2)
        kernel = np.exp(-estimator._gamma * distances)
    elif estimator.kernel == "sigmoid":
        kernel = np.ones_like(products)
    else:
        kernel = products if estimator.kernel == "linear" else bases**estimator.degree
    groups = [slice(begin, end) for begin, end in pairwise(np.cumsum([0, *estimator.n_support_]).tolist())]
    dual, sizes = np.abs(estimator.dual_coef_), []
    for i in range(len(groups)):
        for j in range(i + 1, len(groups)):
            one = kernel[:, groups[i]] @ dual[j - 1, groups[i]]
            sizes.append(one + kernel[:, groups[j]] @ dual[i, groups[j]])
    return np.asarray(np.stack(sizes, axis=1) + np.abs(estimator.intercept_))


class Clusters(NamedTuple):
    """What scikit-learn's k-means says of rows; `sizes` are the absolute terms of its squared distances."""

    labels: list[int]
    distances: Floats
    sizes: Floats
    # Whether a row's two nearest centres lie further apart than scikit-learn's own rounding reaches.
    clear: NDArray[np.bool_]


def kmeans(X: Floats, rows: Floats, *, scale: bool = False, **given: Any) -> Clusters:
    fitted = pipeline(KMeans(random_state=0, **given), scale=scale).fit(X)
    centres = fitted[-1].cluster_centers_
    Z = _seen(fitted, rows)
    lengths, centre_lengths = (Z**2).sum(axis=1), (centres**2).sum(axis=1)
    sizes = (np.sqrt(lengths)[:, None] + np.sqrt(centre_lengths)) ** 2
    squares = np.sort(((Z[:, None, :] - centres[None]) ** 2).sum(axis=2), axis=1)
    margin = squares[:, 1] - squares[:, 0] if len(centres) > 1 else np.full(len(rows), np.inf)
    clear = margin > 1e-13 * sizes.max(axis=1)
    return Clusters(fitted.predict(rows).tolist(), fitted.transform(rows), sizes, clear)


def learnt(model: Model) -> tuple[Any, ...]:
    """What a model learnt, apart from how it reads values."""
    encoding: Any = model.description["encoding"]
    kept = [{k: v for k, v in each.items() if k not in ("read", "missing")} for each in encoding]
    tensors = {name: tensor.packed for name, tensor in model.estimator.tensors().items()}
    return kept, model.features, model.classes, model.estimator.parameters(), tensors
