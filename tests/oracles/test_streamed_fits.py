"""Fits in passes over a sorted table of 100,000 rows, against scikit-learn's on all rows at once."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from ml_core import algorithms
from ml_core.streaming.solvers.doors import solver_for
from ml_core.streaming.solvers.starting import StartingRows

ROWS, COLUMNS = 100_000, 30


def sorted_table() -> Any:
    """Columns that go together; each part has rows of one class only, in the order of a column."""
    rng = np.random.default_rng(14)
    X = rng.normal(size=(ROWS, COLUMNS)) @ (np.eye(COLUMNS) + 0.2 * rng.normal(size=(COLUMNS, COLUMNS)))
    y = (X @ rng.normal(size=COLUMNS) + 4.0 * rng.logistic(size=ROWS) > 2.0).astype(np.int64)
    order = np.lexsort((X[:, 0], y))
    return np.ascontiguousarray(X[order]), y[order]


def fitted(algorithm: str, X: Any, y: Any, parts: int, sample: StartingRows | None, **given: Any) -> Any:
    chosen = algorithms.algorithm(algorithm).check(given)
    counts = np.bincount(y).tolist()
    fit: Any = solver_for(algorithm, chosen, columns=COLUMNS, counts=counts, seed=0, sample=sample)
    while (kernel := fit.next()) is not None:
        first, *others = (
            kernel(*part) for part in zip(np.array_split(X, parts), np.array_split(y, parts), strict=True)
        )
        for sums in others:
            first = first.add(sums)
        fit.take(first)
    return fit


def learnt(fit: Any) -> Any:
    estimator = fit.estimator()
    return np.array(estimator.weights.rows)[0], float(estimator.intercepts[0])


def log_objective(weights: Any, intercept: float, X: Any, y: Any) -> float:
    margins = (2 * y - 1) * (X @ weights + intercept)
    return float(np.logaddexp(0.0, -margins).sum() + 0.5 * weights @ weights)


def squared_objective(weights: Any, intercept: float, X: Any, y: Any) -> float:
    lacks = np.maximum(0.0, 1.0 - (2 * y - 1) * (X @ weights + intercept))
    return float(lacks @ lacks + 0.5 * weights @ weights + 0.5 * intercept**2)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize(
    ("algorithm", "given", "tight", "objective"),
    [
        (
            "logistic_regression",
            {},
            LogisticRegression(tol=1e-12, max_iter=1000, solver="newton-cholesky"),
            log_objective,
        ),
        (
            "svm",
            {"kernel": "linear", "loss": "squared_hinge"},
            LinearSVC(dual=False, tol=1e-10, max_iter=100_000),
            squared_objective,
        ),
    ],
    ids=["log", "squared hinge"],
)
def test_the_model_is_that_of_the_whole_sorted_table(
    sampled: bool, algorithm: str, given: dict[str, Any], tight: Any, objective: Any
) -> None:
    X, y = sorted_table()
    some = np.sort(np.random.default_rng(0).choice(ROWS, 5_000, replace=False))
    sample = StartingRows(X[some], y[some]) if sampled else None
    fit = fitted(algorithm, X, y, 20, sample, **given)
    theirs = tight.fit(X, y)
    best = objective(theirs.coef_[0], float(theirs.intercept_[0]), X, y)
    found = objective(*learnt(fit), X, y)
    assert found <= best * (1 + 1e-8)
    assert fit.passes <= 10
    other = fitted(algorithm, X, y, 7, sample, **given)
    assert objective(*learnt(other), X, y) == pytest.approx(found, rel=1e-12)


def standardised_words(rows: int) -> Any:
    """1,120 columns, mostly of rare words, each with the deviation 1."""
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(rows, 30)) @ (np.eye(30) + 0.3 * rng.normal(size=(30, 30)))
    shares = [1.0 / np.arange(1, kinds + 1) for kinds in (700, 300, 60, 20, 10)]
    words = [np.eye(len(each))[rng.choice(len(each), rows, p=each / each.sum())] for each in shares]
    X = np.hstack([numbers, *words])
    decisions = X @ rng.normal(size=X.shape[1])
    noise = rng.logistic(size=rows) * decisions.std() / 1.5
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-3)
    return X, (decisions - decisions.mean() + noise > 0).astype(np.int64)


def test_a_thousand_standardised_columns_of_words_take_few_passes() -> None:
    X, y = standardised_words(5_000)
    chosen = algorithms.algorithm("svm").check({"kernel": "linear", "loss": "squared_hinge"})
    counts = np.bincount(y).tolist()
    fit: Any = solver_for("svm", chosen, columns=X.shape[1], counts=counts, seed=0, sample=None)
    while (kernel := fit.next()) is not None:
        fit.take(kernel(X, y))
    weights, intercept = learnt(fit)
    signs = 2 * y - 1
    lacks = np.maximum(0.0, 1.0 - signs * (X @ weights + intercept))
    slope = np.append(weights - 2.0 * X.T @ (signs * lacks), intercept - 2.0 * signs @ lacks)
    # The objective curves by 1 at least, so that no place is lower by more than this.
    assert 0.5 * slope @ slope <= 1e-8 * squared_objective(weights, intercept, X, y)
    assert fit.passes <= 10
