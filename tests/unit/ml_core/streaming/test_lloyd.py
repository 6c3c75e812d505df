"""k-means in passes makes scikit-learn's steps."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from ml_core import algorithms
from ml_core.streaming.solvers.doors import solver_for
from ml_core.streaming.solvers.lloyd import LloydFit
from ml_core.streaming.solvers.starting import StartingRows
from tests.unit.ml_core.streaming.tables import one_pass, passes, table


def centres_of(fit: Any) -> Any:
    return np.array(fit.estimator().centres.rows)


@pytest.mark.parametrize("tol", [1e-4, 0.0])
@pytest.mark.parametrize(("name", "clusters"), [("iris raw", 3), ("wine raw", 8), ("digits raw", 10)])
def test_the_same_start_takes_the_same_steps(name: str, clusters: int, tol: float) -> None:
    X, _ = table(name)
    random = np.random.default_rng(3)
    start = X[random.choice(len(X), clusters, replace=False)]
    start = start + 0.01 * random.normal(size=start.shape)  # no row is as far from one as from another
    theirs = KMeans(clusters, init=start, n_init=1, tol=tol).fit(X)
    for middle in (None, X[:50].mean(axis=0)):
        fit = LloydFit(
            start[np.newaxis], np.zeros(X.shape[1]) if middle is None else middle, tol=tol, max_iter=300
        )
        passes(fit, X, None)
        assert fit.passes == theirs.n_iter_
        assert_allclose(centres_of(fit), theirs.cluster_centers_, rtol=1e-12, atol=1e-12)
    assert fit.objectives == sorted(fit.objectives, reverse=True)
    assert fit.next() is None
    assert fit.expected == fit.passes


def test_clusters_without_rows_are_moved_as_scikit_learn_moves_them() -> None:
    X, _ = table("iris raw")
    start = np.vstack([X[0], X[0] + 100.0, X[60], X[0] - 100.0])
    theirs = KMeans(4, init=start, n_init=1).fit(X)
    for blocks in (1, 7):
        fit = LloydFit(start[np.newaxis], X.mean(axis=0), tol=1e-4, max_iter=300)
        passes(fit, X, None, blocks)
        ours = centres_of(fit)
        assert fit.passes == theirs.n_iter_
        order = [np.lexsort(each.T) for each in (ours, theirs.cluster_centers_)]
        assert_allclose(ours[order[0]], theirs.cluster_centers_[order[1]], rtol=1e-12)


def test_fewer_different_rows_than_clusters_have_an_end() -> None:
    X = np.repeat(np.eye(2), 20, axis=0)
    fit = passes(
        LloydFit(np.array([[[0.0, 1.0], [1.0, 0.0], [5.0, 5.0]]]), np.zeros(2), tol=0.0, max_iter=9), X, None
    )
    assert fit.passes < 9
    assert np.isfinite(centres_of(fit)).all()
    with pytest.warns(ConvergenceWarning) as told:
        KMeans(3, random_state=0).fit(X)
    other = LloydFit(None, None, tol=0.0, max_iter=9)
    other.restore(fit.state())
    for each in (fit, other):
        assert each.warnings == [str(told[0].message)]


def test_a_start_on_a_sample_is_seeded_and_near_the_best_of_ten() -> None:
    X, _ = table("digits raw")
    chosen = algorithms.algorithm("kmeans").check({"n_clusters": 10, "n_init": 3})
    sample = StartingRows(X[np.random.default_rng(0).choice(len(X), 600, replace=False)], None)

    def fit_of(seed: int) -> Any:
        return solver_for("kmeans", chosen, columns=X.shape[1], counts=None, seed=seed, sample=sample)

    one, other = (passes(fit_of(7), X, None) for _ in range(2))
    assert one.state() == other.state()
    best = KMeans(10, n_init=10, random_state=0).fit(X).inertia_
    assert one.objectives[-1] < 1.05 * best
    assert one.passes <= 30


def test_a_sample_of_all_rows_leaves_nothing_to_do() -> None:
    X, _ = table("wine raw")
    chosen = algorithms.algorithm("kmeans").check({"n_clusters": 5, "n_init": 3})
    sample = StartingRows(X, None, whole=True)
    fit = solver_for("kmeans", chosen, columns=X.shape[1], counts=None, seed=4, sample=sample)
    theirs = KMeans(5, n_init=3, random_state=4).fit(X)
    assert fit.next() is None
    assert fit.passes == fit.expected == 0
    assert fit.warnings == []
    assert (centres_of(fit) == theirs.cluster_centers_).all()


def test_starts_share_their_passes_and_the_best_end_is_taken() -> None:
    X, _ = table("digits raw")
    random = np.random.default_rng(5)
    starts = X[random.choice(len(X), (4, 10))] + 0.01 * random.normal(size=(4, 10, X.shape[1]))
    alone = [
        passes(LloydFit(each[np.newaxis], X.mean(axis=0), tol=1e-4, max_iter=300), X, None) for each in starts
    ]
    together = passes(LloydFit(starts, X.mean(axis=0), tol=1e-4, max_iter=300), X, None)
    best = min(alone, key=lambda fit: fit.objectives[-1])
    assert (centres_of(together) == centres_of(best)).all()
    assert together.objectives[-1] == best.objectives[-1]
    assert together.passes == max(fit.passes for fit in alone)


def test_as_many_starts_are_made_as_asked_for() -> None:
    X, _ = table("digits raw")
    sample = StartingRows(X[::3], None)

    def starts(**given: Any) -> int:
        chosen = algorithms.algorithm("kmeans").check({"n_clusters": 10, **given})
        kernel: Any = solver_for(
            "kmeans", chosen, columns=X.shape[1], counts=None, seed=0, sample=sample
        ).next()
        return len(kernel.centres)

    assert [starts(), starts(n_init=4), starts(init="random"), starts(n_init=3, n_clusters=1)] == [
        1,
        4,
        10,
        1,
    ]


def test_a_fit_killed_between_passes_goes_on_to_the_last_bit() -> None:
    X, _ = table("wine raw")
    chosen = algorithms.algorithm("kmeans").check({"n_clusters": 5, "n_init": 4})
    sample = StartingRows(X[::3], None)

    def fit_of(sample: StartingRows | None) -> Any:
        return solver_for("kmeans", chosen, columns=X.shape[1], counts=None, seed=1, sample=sample)

    whole, current = passes(fit_of(sample), X, None), fit_of(sample)
    while not one_pass(current, X, None):
        state = current.state()
        current = fit_of(None)
        current.restore(state)
    assert current.state() == whole.state()


def test_parts_of_every_size_give_the_same_centres() -> None:
    X, _ = table("wine raw")
    start = X[[0, 70, 140]]
    found = [
        centres_of(
            passes(LloydFit(start[np.newaxis], X.mean(axis=0), tol=1e-4, max_iter=300), X, None, blocks)
        )
        for blocks in (1, 3, 50)
    ]
    assert_allclose(found[1], found[0], rtol=1e-13)
    assert_allclose(found[2], found[0], rtol=1e-13)


def test_no_more_passes_are_made_than_asked_for() -> None:
    X, _ = table("digits raw")
    start = X[:10] + 0.01 * np.random.default_rng(3).normal(size=(10, X.shape[1]))
    theirs = KMeans(10, init=start, n_init=1, max_iter=4).fit(X)
    fit = passes(LloydFit(start[np.newaxis], X.mean(axis=0), tol=1e-4, max_iter=4), X, None)
    assert fit.passes == 4
    assert_allclose(centres_of(fit), theirs.cluster_centers_, rtol=1e-12, atol=1e-12)
