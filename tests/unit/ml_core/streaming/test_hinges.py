"""Linear machines with the hinge, fitted in passes, are libsvm's."""

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.svm import SVC

from ml_core import algorithms
from ml_core.streaming.solvers.coordinates import Coordinates
from ml_core.streaming.solvers.doors import faults_of, solver_for
from ml_core.streaming.solvers.hinge_descent import HingeDescent
from ml_core.streaming.solvers.linear import two_classes
from ml_core.streaming.solvers.starting import StartingRows
from tests.unit.ml_core.streaming.tables import in_order_of, one_pass, passes, table


def fit_of(X: Any, y: Any, sample: StartingRows | None = None, **given: Any) -> Any:
    chosen = algorithms.algorithm("svm").check({"kernel": "linear", **given})
    if isinstance(weights := chosen["class_weight"], dict):
        chosen["class_weight"] = {int(number): weight for number, weight in weights.items()}
    counts = np.bincount(y).tolist()
    return solver_for("svm", chosen, columns=X.shape[1], counts=counts, seed=0, sample=sample)


def drawn(X: Any, y: Any, share: float) -> StartingRows:
    places = np.sort(np.random.default_rng(1).choice(len(X), int(share * len(X)), replace=False))
    return StartingRows(X[places], y[places])


def objectives(model: Any, X: Any, y: Any, costs: Any) -> Any:
    """That of each pair."""
    (weights, intercepts), found = model, []
    for pair, (one, other) in enumerate(zip(*np.triu_indices(y.max() + 1, 1), strict=True)):
        rows = (y == one) | (y == other)
        margins = np.where(y[rows] == one, 1, -1) * (X[rows] @ weights[pair] + intercepts[pair])
        losses = costs[y[rows]] @ np.maximum(0.0, 1.0 - margins)
        found.append(losses + 0.5 * weights[pair] @ weights[pair])
    return np.array(found)


def of_libsvm(X: Any, y: Any, C: float, class_weight: Any) -> Any:
    fitted = SVC(kernel="linear", C=C, tol=1e-7, class_weight=class_weight).fit(X, y)
    sign = -1.0 if y.max() == 1 else 1.0
    return sign * fitted.coef_, sign * fitted.intercept_


def learnt(fit: Any) -> Any:
    pairs = fit.estimator().pairs
    return np.array(pairs.weights.rows), np.array(pairs.intercepts)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 0.5}])
@pytest.mark.parametrize(
    ("name", "order", "C"),
    [("breast_cancer", "labels", 1.0), ("iris raw", "drawn", 1.0), ("wine", "column", 0.1)],
)
def test_the_objective_is_libsvms(name: str, order: str, C: float, class_weight: Any) -> None:
    X, y = in_order_of(order, *table(name))
    text = {str(k): v for k, v in class_weight.items()} if isinstance(class_weight, dict) else class_weight
    fit = passes(fit_of(X, y, C=C, class_weight=text), X, y)
    counts = np.bincount(y)
    costs = np.full(len(counts), C)
    if class_weight == "balanced":
        costs = C * len(y) / (len(counts) * counts)
    elif class_weight:
        costs = C * np.array([class_weight.get(number, 1.0) for number in range(len(counts))])
    theirs = of_libsvm(X, y, C, class_weight)
    best = objectives(theirs, X, y, costs)
    assert (objectives(learnt(fit), X, y, costs) <= best * (1 + 1e-6)).all()
    assert_allclose(learnt(fit)[0], theirs[0], atol=2e-3)
    assert fit.passes <= 4
    assert not fit.warnings


def test_labels_are_libsvms() -> None:
    from ml_core.model.model import Model
    from tests.unit.ml_core.reference import values

    X, y = table("wine")
    fit = passes(fit_of(X, y), X, y)
    names = tuple(f"x{place}" for place in range(X.shape[1]))
    model = Model(fit.estimator(), algorithm="svm", hyperparameters={}, features=names, classes=(0, 1, 2))
    found = values(Model.from_bytes(model.to_bytes()), X, "vectorised")
    theirs = SVC(kernel="linear", tol=1e-7).fit(X, y)
    assert found["label"] == theirs.predict(X).tolist()
    assert_allclose(np.array(found["decision"]), theirs.decision_function(X), atol=1e-3)


def overlapping(rows: int) -> Any:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(rows, 6))
    return X, (X @ rng.normal(size=6) + 2.0 * rng.normal(size=rows) > 1).astype(np.int64)


@pytest.mark.parametrize("share", [None, 0.2])
def test_where_most_rows_are_smoothed_the_end_is_the_same(share: float | None) -> None:
    """As in a table of many rows, of which few can be kept."""
    X, y = overlapping(4000)
    whole = HingeDescent(two_classes(np.ones(2)), Coordinates(intercept=True), 6, 100)
    start = None
    if share:
        rows = drawn(X, y, share)
        near = HingeDescent(two_classes(np.ones(2) / share), Coordinates(intercept=True), 6, 100)
        passes(near, rows.X, rows.y)  # type: ignore[arg-type]
        start = near.coefficients
    few = HingeDescent(
        two_classes(np.ones(2)), Coordinates(intercept=True), 6, 100, start=start, width=0.2 if share else 2.0
    )
    few._near = 60
    for descent in (whole, few):
        passes(descent, X, y, 5)  # type: ignore[arg-type]
        assert descent.converged
    assert whole.passes <= 3
    assert few.passes <= 12
    assert few.objectives[-1] <= whole.objectives[-1] * (1 + 1e-6)


def test_a_fit_killed_between_passes_goes_on_to_the_last_bit() -> None:
    X, y = table("wine")
    sample = drawn(X, y, 0.5)
    whole, current = passes(fit_of(X, y, sample), X, y), fit_of(X, y, sample)
    while not one_pass(current, X, y):
        state = current.state()
        current = fit_of(X, y)
        current.restore(state)
    assert current.state() == whole.state()


def test_kernels_go_to_other_processes() -> None:
    X, y = table("wine")
    kernel = fit_of(X, y).next()
    there = pickle.loads(pickle.dumps(kernel))(X, y)  # noqa: S301 - ours
    assert [each.loss for each in there.machines] == [each.loss for each in kernel(X, y).machines]
    assert kernel.work > X.shape[1]


@pytest.mark.parametrize("blocks", [1, 7, 50])
def test_parts_of_every_size_give_the_same_model(blocks: int) -> None:
    X, y = in_order_of("labels", *table("breast_cancer"))
    one, other = (learnt(passes(fit_of(X, y), X, y, some)) for some in (3, blocks))
    assert_allclose(other[0], one[0], rtol=1e-6, atol=1e-7)


def test_pairs_of_too_many_columns_are_refused_with_what_fits() -> None:
    chosen = algorithms.algorithm("svm").check({"kernel": "linear"})
    assert faults_of("svm", chosen, columns=300, classes=3) == []
    (fault,) = faults_of("svm", chosen, columns=300, classes=20)
    assert fault.path == "$.hyperparameters.loss"
    assert "expected 'squared_hinge'" in fault.message
