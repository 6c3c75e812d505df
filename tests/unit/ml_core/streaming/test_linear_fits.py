"""Linear models fitted in passes are those that scikit-learn fits to all rows at once."""

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from ml_core import algorithms
from ml_core.errors import InvalidInput
from ml_core.streaming.solvers import nearest
from ml_core.streaming.solvers.doors import faults_of, solver_for
from ml_core.streaming.solvers.starting import StartingRows
from tests.unit.ml_core.streaming.tables import in_order_of, one_pass, passes, table


def chosen(algorithm: str, **given: Any) -> dict[str, Any]:
    filled: dict[str, Any] = algorithms.algorithm(algorithm).check(given)
    weights = filled["class_weight"]
    if isinstance(weights, dict):
        filled["class_weight"] = {int(number): weight for number, weight in weights.items()}
    return filled


def fit_of(algorithm: str, X: Any, y: Any, sample: StartingRows | None = None, **given: Any) -> Any:
    counts = np.bincount(y).tolist()
    return solver_for(
        algorithm, chosen(algorithm, **given), columns=X.shape[1], counts=counts, seed=0, sample=sample
    )


def drawn(X: Any, y: Any, share: float) -> StartingRows:
    places = np.sort(np.random.default_rng(1).choice(len(X), int(share * len(X)), replace=False))
    return StartingRows(X[places], y[places])


def log_objective(model: Any, X: Any, y: Any, costs: Any) -> float:
    """The objective of scikit-learn's logistic regression, of anything with weights and intercepts."""
    weights, intercepts = model
    decisions = X @ weights.T + intercepts
    if decisions.shape[1] == 1:
        decisions = np.hstack([np.zeros_like(decisions), decisions])
    decisions = decisions - decisions.max(axis=1, keepdims=True)
    losses = np.log(np.exp(decisions).sum(axis=1)) - decisions[np.arange(len(y)), y]
    return float(costs[y] @ losses + 0.5 * (weights**2).sum())


def squared_objective(model: Any, X: Any, y: Any, costs: Any) -> float:
    """The sum of `LinearSVC`'s objectives, whose intercepts bear the penalty too.

    Of more than two classes liblinear weighs only the one that is told from the rest, which costs C = 0.5.
    """
    weights, intercepts = model
    signs = 2.0 * np.eye(y.max() + 1)[y] - 1.0 if len(weights) > 1 else 2.0 * y[:, np.newaxis] - 1.0
    lacks = np.maximum(0.0, 1.0 - signs * (X @ weights.T + intercepts))
    each = np.where(signs > 0, costs[y][:, np.newaxis], 0.5) if len(weights) > 1 else costs[y][:, np.newaxis]
    return float((each * lacks**2).sum() + 0.5 * (weights**2).sum() + 0.5 * (intercepts**2).sum())


def coefficients(fit: Any) -> tuple[Any, Any]:
    estimator = fit.estimator()
    return np.array(estimator.weights.rows), np.array(estimator.intercepts)


def costs_of(C: float, weights: Any, y: Any) -> Any:
    counts = np.bincount(y)
    if weights == "balanced":
        return C * len(y) / (len(counts) * counts)
    return C * np.array([(weights or {}).get(number, 1.0) for number in range(len(counts))])


WEIGHTS: list[Any] = [None, "balanced", {0: 3.0, 1: 0.5}]


@pytest.mark.parametrize(
    ("name", "order", "class_weight"),
    [
        ("breast_cancer", "drawn", None),
        ("breast_cancer", "labels", "balanced"),
        ("breast_cancer raw", "column", {0: 3.0, 1: 0.5}),
        ("iris raw", "labels", None),
        ("wine", "labels", {0: 3.0, 1: 0.5}),
        ("wine raw", "column", "balanced"),
    ],
)
def test_logistic_regression_is_that_of_all_rows(name: str, order: str, class_weight: Any) -> None:
    X, y = in_order_of(order, *table(name))
    text = {str(k): v for k, v in class_weight.items()} if isinstance(class_weight, dict) else class_weight
    fit = passes(fit_of("logistic_regression", X, y, class_weight=text), X, y)
    tight = LogisticRegression(
        tol=1e-12, max_iter=10_000, solver="newton-cholesky", class_weight=class_weight
    ).fit(X, y)
    costs = costs_of(1.0, class_weight, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-10)
    assert_allclose(coefficients(fit)[0], tight.coef_, rtol=1e-5, atol=1e-7)
    assert_allclose(coefficients(fit)[1], tight.intercept_, rtol=1e-5, atol=1e-5)
    assert not fit.warnings
    assert fit.passes <= 10
    assert fit.expected == fit.passes == len(fit.objectives)


def test_ten_classes_of_pictures_take_few_passes_from_a_sample() -> None:
    X, y = table("digits raw")
    X, y = X[:600], y[:600]
    fit = passes(fit_of("logistic_regression", X, y, drawn(X, y, 0.5), C=0.01), X, y)
    tight = LogisticRegression(C=0.01, tol=1e-10, max_iter=10_000).fit(X, y)
    costs = costs_of(0.01, None, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert abs(coefficients(fit)[0].sum(axis=0)).max() < 1e-12
    assert fit.passes <= 10


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_badly_scaled_columns_far_from_zero_lose_no_digits(fit_intercept: bool) -> None:
    X, y = table("breast_cancer")
    bad = X[:, :10] * 10.0 ** np.arange(-3, 7) + (1e6 * np.arange(10) if fit_intercept else 0.0)
    fit = passes(
        fit_of("logistic_regression", bad, y, drawn(bad, y, 0.8), fit_intercept=fit_intercept), bad, y
    )
    centre = bad.mean(axis=0) if fit_intercept else np.zeros(10)  # which the intercept takes up
    tight = LogisticRegression(
        tol=1e-12, max_iter=10_000, solver="newton-cholesky", fit_intercept=fit_intercept
    ).fit(bad - centre, y)
    costs = costs_of(1.0, None, y)
    weights, intercepts = coefficients(fit)
    best = log_objective((tight.coef_, tight.intercept_), bad - centre, y, costs)
    assert log_objective((weights, intercepts + weights @ centre), bad - centre, y, costs) <= best * (
        1 + 1e-8
    )
    assert fit.passes <= 10


@pytest.mark.parametrize("class_weight", WEIGHTS)
@pytest.mark.parametrize("name", ["breast_cancer", "iris raw", "wine"])
def test_the_squared_hinge_is_that_of_all_rows(name: str, class_weight: Any) -> None:
    X, y = in_order_of("labels", *table(name))
    text = {str(k): v for k, v in class_weight.items()} if isinstance(class_weight, dict) else class_weight
    fit = passes(fit_of("svm", X, y, kernel="linear", loss="squared_hinge", C=0.5, class_weight=text), X, y)
    tight = LinearSVC(C=0.5, dual=False, tol=1e-10, max_iter=100_000, class_weight=class_weight).fit(X, y)
    costs = costs_of(0.5, class_weight, y)
    best = squared_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert squared_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert_allclose(coefficients(fit)[0], tight.coef_, rtol=1e-4, atol=1e-5)
    assert fit.passes <= 10


def test_all_rows_as_the_sample_take_one_pass() -> None:
    X, y = table("breast_cancer")
    fit = passes(fit_of("logistic_regression", X, y, StartingRows(X, y)), X, y)
    assert fit.passes == 1


def test_separable_classes_take_few_passes_from_a_sample() -> None:
    X, y = table("iris raw")
    apart = (y == 0).astype(np.int64)
    fit = passes(fit_of("logistic_regression", X, apart, drawn(X, apart, 0.5)), X, apart)
    assert fit.passes <= 5


def test_more_coefficients_than_newton_takes_are_fitted_by_l_bfgs() -> None:
    rng = np.random.default_rng(5)
    X = (rng.random((1500, 1600)) < 0.02).astype(np.float64)
    y = (X @ rng.normal(size=1600) + rng.normal(size=1500) > 0).astype(np.int64)
    fit = passes(fit_of("logistic_regression", X, y, drawn(X, y, 0.5), C=0.3), X, y)
    tight = LogisticRegression(C=0.3, tol=1e-10, max_iter=10_000).fit(X, y)
    costs = costs_of(0.3, None, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert fit.passes <= 40


def pair_of_digits() -> Any:
    """Two digits that a plane parts."""
    X, y = table("digits raw")
    some = (y == 3) | (y == 8)
    return X[some], (y[some] == 8).astype(np.int64)


@pytest.mark.parametrize("C", [100.0, 1000.0])
@pytest.mark.parametrize(
    ("kept", "most"), [(1 << 19, 4), (1, 15)], ids=["as many rows kept as there are", "few rows kept"]
)
def test_a_weak_penalty_on_classes_that_lie_apart_takes_few_passes(
    monkeypatch: pytest.MonkeyPatch, C: float, kept: int, most: int
) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.KEPT", kept)
    X, y = in_order_of("labels", *pair_of_digits())
    fit = passes(fit_of("logistic_regression", X, y, C=C), X, y)
    tight = LogisticRegression(C=C, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    costs = costs_of(C, None, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert fit.passes <= most
    fit = passes(fit_of("svm", X, y, kernel="linear", loss="squared_hinge", C=C), X, y)
    assert fit.passes <= most
    found = squared_objective(coefficients(fit), X, y, costs)
    assert found == pytest.approx(fit.objectives[-1], rel=1e-8)
    assert not fit.warnings


@pytest.mark.parametrize("C", [1e3, 1e6])
@pytest.mark.parametrize(
    ("kept", "most"), [(1 << 19, 3), (1, 20)], ids=["as many rows kept as there are", "few rows kept"]
)
@pytest.mark.parametrize("rows", [1000, 4000])
def test_a_weak_penalty_on_four_classes_that_lie_apart_takes_few_passes(
    monkeypatch: pytest.MonkeyPatch, rows: int, C: float, kept: int, most: int
) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.KEPT", kept)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 10))
    y = (X @ rng.normal(size=(10, 4))).argmax(axis=1).astype(np.int64)
    X, y = in_order_of("labels", X, y)
    fit = passes(fit_of("logistic_regression", X, y, drawn(X, y, 0.3), C=C), X, y)
    tight = LogisticRegression(C=C, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    costs = costs_of(C, None, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert fit.passes <= most


def test_a_sample_that_is_learnt_by_heart_is_not_begun_from() -> None:
    rng = np.random.default_rng(2)
    words = [np.eye(kinds)[rng.choice(kinds, 6000, p=_shares(kinds))] for kinds in (60, 30, 5)]
    X = np.hstack(words)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = (X @ rng.normal(size=95) + 3.0 * rng.logistic(size=6000) > 0).astype(np.int64)
    few, many = drawn(X, y, 0.1), drawn(X, y, 0.9)
    nothing = passes(fit_of("logistic_regression", X, y), X, y)
    assert passes(fit_of("logistic_regression", X, y, few), X, y).objectives == nothing.objectives
    assert passes(fit_of("logistic_regression", X, y, many), X, y).objectives[0] < nothing.objectives[0]


def test_rows_nearest_to_the_bend_are_the_same_whatever_the_parts() -> None:
    rng = np.random.default_rng(3)
    rows, margins = rng.normal(size=(40, 400)), np.round(rng.normal(size=40), 1)  # with ties
    places = np.arange(40)

    def near(some: Any) -> Any:
        ones = np.ones(len(some))
        return nearest.of_machine(0, rows[some], ones, ones, margins[some], np.abs(margins[some]), 40)

    def within(parts: list[Any]) -> Any:
        found = nearest.none(400)
        for some in parts:
            found = nearest.merged(found, near(some), 1)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml_core.streaming.solvers.nearest.most_of", lambda *_: 7)
        whole = within([places])
        assert len(whole) == 7
        for parts in (2, 3, 13):
            assert (within(np.array_split(places, parts)) == whole).all()


@pytest.mark.parametrize(
    ("algorithm", "given"),
    [("logistic_regression", {}), ("svm", {"kernel": "linear", "loss": "squared_hinge"})],
)
@pytest.mark.parametrize("full", [True, False])
def test_a_sample_unlike_the_rows_is_no_worse_than_none(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, given: dict[str, Any], full: bool
) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.KEPT", 1)
    monkeypatch.setattr("ml_core.streaming.solvers.doors.in_full", lambda *_: full)
    X, y = table("breast_cancer")
    unlike = np.argsort(X[:, 0] * (2 * y - 1))[:60]  # those that are on the wrong side
    sample = StartingRows(X[unlike], y[unlike])
    without = passes(fit_of(algorithm, X, y, **given), X, y)
    fit = passes(fit_of(algorithm, X, y, sample, **given), X, y)
    assert max(fit.objectives) <= without.objectives[0] * (1 + 1e-12)
    assert fit.objectives[-1] == pytest.approx(without.objectives[-1], rel=1e-7)
    assert fit.passes <= without.passes + 2


def mostly_one_hot(rows: int) -> Any:
    """1,120 columns: numbers that go together, and words of which some are rare."""
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(rows, 30)) @ (np.eye(30) + 0.3 * rng.normal(size=(30, 30)))
    words = [np.eye(kinds)[rng.choice(kinds, rows, p=_shares(kinds))] for kinds in (700, 300, 60, 20, 10)]
    X = np.hstack([numbers, *words])
    decisions = X @ rng.normal(size=X.shape[1])
    noise = rng.logistic(size=rows) * decisions.std() / 1.5
    return X, (decisions - decisions.mean() + noise > 0).astype(np.int64)


def _shares(kinds: int) -> Any:
    shares = 1.0 / np.arange(1, kinds + 1)
    return shares / shares.sum()


def test_many_columns_of_words_are_fitted_in_few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.doors.in_full", lambda *_: False)
    X, y = in_order_of("labels", *mostly_one_hot(3000))
    for sample in (None, drawn(X, y, 0.3)):
        fit = passes(fit_of("svm", X, y, sample, kernel="linear", loss="squared_hinge"), X, y)
        weights = np.hstack([*coefficients(fit)[0], *coefficients(fit)[1]])
        seen = np.hstack([X, np.ones((len(X), 1))])
        lacks = np.maximum(0.0, 1.0 - (2 * y - 1) * (seen @ weights))
        value = lacks @ lacks + 0.5 * weights @ weights
        slope = weights - 2.0 * seen.T @ ((2 * y - 1) * lacks)
        # The objective curves by 1 at least, so that no place is lower by more than this.
        assert 0.5 * slope @ slope <= 1e-6 * value
        assert not fit.warnings
        assert fit.passes <= 30


def standardised_words(rows: int) -> Any:
    """280 columns, of which those of rare words are far more alike than their weights may be."""
    rng = np.random.default_rng(2)
    words = [np.eye(kinds)[rng.choice(kinds, rows, p=_shares(kinds))] for kinds in (180, 80, 20)]
    X = np.hstack(words)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-3)
    decisions = X @ rng.normal(size=X.shape[1])
    return X, (decisions + rng.logistic(size=rows) * decisions.std() / 1.5 > 0).astype(np.int64)


@pytest.mark.parametrize("rows", [2000, 4000])
def test_standardised_words_take_few_passes_where_few_rows_are_kept(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.KEPT", 1)
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.MOST_KEPT", 1)
    X, y = in_order_of("labels", *standardised_words(rows))
    costs = costs_of(1.0, None, y)
    fit = passes(fit_of("svm", X, y, drawn(X, y, 0.3), kernel="linear", loss="squared_hinge"), X, y)
    weights = np.hstack([*coefficients(fit)[0], *coefficients(fit)[1]])
    seen = np.hstack([X, np.ones((len(X), 1))])
    slope = weights - 2.0 * seen.T @ ((2 * y - 1) * np.maximum(0.0, 1.0 - (2 * y - 1) * (seen @ weights)))
    # The objective curves by 1 at least, so that no place is lower by more than this.
    assert 0.5 * slope @ slope <= 1e-8 * squared_objective(coefficients(fit), X, y, costs)
    assert fit.passes <= 10
    fit = passes(fit_of("logistic_regression", X, y, drawn(X, y, 0.3)), X, y)
    tight = LogisticRegression(tol=1e-10, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert fit.passes <= 10


@pytest.mark.parametrize(
    ("name", "of_classes", "most"),
    [("breast_cancer", False, 40), ("digits raw", False, 40), ("digits raw", True, 20)],
)
def test_few_columns_are_fitted_without_their_curvature_too(
    name: str, of_classes: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.doors.in_full", lambda *_: False)
    monkeypatch.setattr("ml_core.streaming.solvers.multinomial.in_full", lambda *_: of_classes)
    X, y = in_order_of("labels", *table(name))
    C = 1.0 if name == "breast_cancer" else 0.01
    fit = passes(fit_of("logistic_regression", X, y, C=C), X, y)
    tight = LogisticRegression(C=C, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    costs = costs_of(C, None, y)
    best = log_objective((tight.coef_, tight.intercept_), X, y, costs)
    assert log_objective(coefficients(fit), X, y, costs) <= best * (1 + 1e-8)
    assert fit.passes <= most


@pytest.mark.parametrize(
    ("algorithm", "given"),
    [
        ("logistic_regression", {}),
        ("logistic_regression", {"C": 100.0}),
        ("svm", {"kernel": "linear", "loss": "squared_hinge"}),
    ],
)
@pytest.mark.parametrize("full", [True, False])
def test_a_fit_killed_between_passes_goes_on_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, given: dict[str, Any], full: bool
) -> None:
    if not full:
        monkeypatch.setattr("ml_core.streaming.solvers.doors.in_full", lambda *_: False)
    X, y = table("wine raw")
    sample = drawn(X, y, 0.6)
    whole, current = (fit_of(algorithm, X, y, sample, **given) for _ in range(2))
    while not one_pass(current, X, y):
        state = current.state()
        current = fit_of(algorithm, X, y, None, **given)
        current.restore(state)
        one_pass(whole, X, y)
        assert current.expected == whole.expected
    one_pass(whole, X, y)
    assert current.state() == whole.state()
    assert current.estimator().parameters() == whole.estimator().parameters()
    assert current.objectives == whole.objectives


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize("full", [True, False])
def test_parts_say_the_same_whichever_comes_first_and_however_many_at_once(
    monkeypatch: pytest.MonkeyPatch, name: str, full: bool
) -> None:
    """As mappers do: parts in any order, some at a time; their sums are added up in the parts' order."""
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.KEPT", 1)
    monkeypatch.setattr("ml_core.streaming.solvers.doors.in_full", lambda *_: full)
    X, y = in_order_of("labels", *table(name))
    parts = np.array_split(np.arange(len(y)), 9)

    def fitted(groups: list[list[int]]) -> Any:
        fit = fit_of("logistic_regression", X, y)
        while (kernel := fit.next()) is not None:
            said = {part: kernel(X[parts[part]], y[parts[part]]) for group in groups for part in group}
            total = said[0]
            for part in range(1, len(parts)):
                total = total.add(said[part])
            fit.take(total)
        return fit

    one, other = fitted([list(range(9))]), fitted([[8, 3], [1], [7, 0, 5], [2, 6, 4]])
    assert one.state() == other.state()
    whole = passes(fit_of("logistic_regression", X, y), X, y, 4)
    assert whole.objectives[-1] == pytest.approx(one.objectives[-1], rel=1e-12 if full else 1e-8)


@pytest.mark.parametrize("blocks", [1, 2, 7, 50])
def test_parts_of_every_size_give_the_same_model(blocks: int) -> None:
    X, y = in_order_of("labels", *table("wine"))
    some = coefficients(passes(fit_of("logistic_regression", X, y), X, y, blocks))
    assert_allclose(
        some[0], coefficients(passes(fit_of("logistic_regression", X, y), X, y))[0], rtol=1e-12, atol=1e-13
    )


def test_kernels_go_to_other_processes_and_tell_their_work() -> None:
    fits: list[tuple[str, str, dict[str, Any]]] = [
        ("breast_cancer", "logistic_regression", {}),
        ("wine", "logistic_regression", {}),
        ("wine", "svm", {"kernel": "linear", "loss": "squared_hinge"}),
    ]
    for name, algorithm, given in fits:
        X, y = table(name)
        kernel = fit_of(algorithm, X, y, **given).next()
        there, here = pickle.loads(pickle.dumps(kernel))(X, y), kernel(X, y)  # noqa: S301 - ours
        assert all((ours == theirs).all() for ours, theirs in zip(here, there, strict=True))
        assert kernel.work > X.shape[1]


def test_a_pass_too_few_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_core.streaming.solvers.nearest.KEPT", 1)
    X, y = table("wine")
    fit = passes(fit_of("logistic_regression", X, y, max_iter=2), X, y)
    assert fit.passes == 2
    assert "did not converge in 2 passes" in fit.warnings[0]
    assert f"to {fit.objectives[-1]:.8g}; by what it tells, about " in fit.warnings[0]
    told = float(fit.warnings[0].partition("about ")[2].split()[0])
    least = passes(fit_of("logistic_regression", X, y), X, y).objectives[-1]
    assert told == pytest.approx(fit.objectives[-1] - least, rel=0.5)


def test_what_needs_all_rows_is_refused_with_what_fits() -> None:
    def told(algorithm: str, **given: Any) -> list[str]:
        found = faults_of(algorithm, chosen(algorithm, **given), columns=5, classes=3)
        return [f"{fault.path}: {fault.message}" for fault in found]

    assert told("logistic_regression") == []
    assert "expected 0" in told("logistic_regression", l1_ratio=0.5)[0]
    kernel, probability = told("svm", probability=True)
    assert "expected 'linear'" in kernel
    assert "logistic_regression" in probability
    with pytest.raises(InvalidInput, match="l1_ratio"):
        fit_of("logistic_regression", *table("wine"), l1_ratio=1.0)
