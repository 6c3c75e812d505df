"""Labels are scikit-learn's, decisions and probabilities within 1e-9 of it, in both arithmetics.

Errors are relative to the sum of the absolute terms that a decision is made of.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core import train_model
from ml_core.model.model import Model
from tests.unit.ml_core import reference
from tests.unit.ml_core.reference import CLASSIFICATION, Expected, Floats

KERNELS = ("linear", "rbf", "poly", "sigmoid")
TRUTH, PATHS = 1e-9, 1e-12


@pytest.fixture(autouse=True)
def _unconverged_is_fine() -> Iterator[None]:
    """An unfinished solver's model is a model: it must be predicted with as well as any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_agrees(model: Model, rows: Floats, expected: Expected) -> None:
    both = [reference.values(model, rows, name) for name in reference.ARITHMETICS]
    for values in both:
        assert [model.classes[label] for label in values["label"]] == expected.labels  # type: ignore[index]
        errors = np.abs(np.asarray(values["decision"]) - expected.decisions)
        assert (errors <= TRUTH * expected.sizes).all()
        if expected.probabilities is not None:
            assert np.abs(np.asarray(values["probability"]) - expected.probabilities).max() < TRUTH
    between = np.abs(np.asarray(both[0]["decision"]) - np.asarray(both[1]["decision"]))
    assert (between <= PATHS * expected.sizes).all()


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dataset", CLASSIFICATION)
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"class_weight": "balanced", "C": 0.01},
        {"fit_intercept": False, "C": 100.0},
        {"l1_ratio": 0.5, "max_iter": 20},
    ],
    ids=str,
)
def test_logistic_regression_on_the_bundled_sets(dataset: str, scale: bool, chosen: dict[str, Any]) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    model = train_model(X, y, algorithm="logistic_regression", scale=scale, **chosen)
    assert_agrees(model, X, reference.logistic_regression(X, y, X, scale=scale, **chosen))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dataset", CLASSIFICATION)
@pytest.mark.parametrize(
    "chosen",
    [{}, {"class_weight": "balanced", "C": 10.0, "gamma": "auto", "coef0": 1.0, "degree": 2}],
    ids=str,
)
def test_svm_on_the_bundled_sets(dataset: str, kernel: str, scale: bool, chosen: dict[str, Any]) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    rows = X[::3]  # a third tells as much, and keeps plain Python quick
    chosen = {"kernel": kernel, "max_iter": 5000, **chosen}
    model = train_model(X, y, algorithm="svm", scale=scale, **chosen)
    assert_agrees(model, rows, reference.svm(X, y, rows, scale=scale, **chosen))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dataset", ["iris", "breast_cancer"])
def test_calibrated_probabilities(dataset: str, kernel: str) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    model = train_model(X, y, algorithm="svm", kernel=kernel, probability=True)
    expected = reference.svm(X, y, X, kernel=kernel, probability=True)
    assert expected.probabilities is not None
    assert_agrees(model, X, expected)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dataset", CLASSIFICATION)
@pytest.mark.parametrize(
    "chosen", [{"n_clusters": 3}, {"n_clusters": 12, "init": "random", "algorithm": "elkan"}], ids=str
)
def test_kmeans_on_the_bundled_sets(dataset: str, scale: bool, chosen: dict[str, Any]) -> None:
    X = CLASSIFICATION[dataset].data
    model = train_model(X, algorithm="kmeans", hyperparameters={"scale": scale, **chosen})
    assert_clusters_agree(model, X, reference.kmeans(X, X, scale=scale, **chosen))


def assert_clusters_agree(model: Model, rows: Floats, expected: reference.Clusters) -> None:
    both = [reference.values(model, rows, name) for name in reference.ARITHMETICS]
    assert both[0]["label"] == both[1]["label"]
    for values in both:
        agree = np.equal(values["label"], expected.labels)
        assert agree[expected.clear].all()
        errors = np.abs(np.square(np.asarray(values["distance"])) - expected.distances**2)
        assert (errors <= TRUTH * expected.sizes).all()
    plain, vectorised = (np.asarray(values["distance"]) for values in both)
    assert (np.abs(plain - vectorised) <= PATHS * plain).all()


class Problem:
    """Random rows around a centre for each class, in columns whose units and offsets differ wildly."""

    def __init__(
        self, *, seed: int, rows: int, features: int, classes: int, spread: float, offset: float
    ) -> None:
        random = np.random.default_rng(seed)
        centres = random.normal(size=(classes, features)) * 2
        self.y = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
        units = 10 ** random.uniform(-spread, spread, features)
        shift = units * random.normal(size=features) * 10**offset
        self.X = (centres[self.y] + random.normal(size=(rows, features))) * units + shift
        fresh = centres[random.integers(0, classes, 20)] + 3 * random.normal(size=(20, features))
        self.rows = np.vstack([self.X[:10], fresh * units + shift, np.zeros((1, features)), shift[None]])


problems = st.builds(
    Problem,
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(12, 60),
    features=st.integers(1, 6),
    classes=st.integers(2, 4),
    spread=st.sampled_from([0.0, 1.0, 4.0]),
    offset=st.sampled_from([-1.0, 2.0, 5.0]),
)


@given(problem=problems, scale=st.booleans(), C=st.sampled_from([0.01, 1.0, 100.0]))
@settings(max_examples=50, derandomize=True)
def test_logistic_regression_on_badly_scaled_rows(problem: Problem, scale: bool, C: float) -> None:
    model = train_model(problem.X, problem.y, scale=scale, C=C)
    expected = reference.logistic_regression(problem.X, problem.y, problem.rows, scale=scale, C=C)
    assert_agrees(model, problem.rows, expected)


@given(problem=problems, kernel=st.sampled_from(KERNELS), C=st.sampled_from([0.1, 10.0]))
@settings(max_examples=50, derandomize=True)
def test_svm_on_badly_scaled_rows(problem: Problem, kernel: str, C: float) -> None:
    chosen: dict[str, Any] = {"kernel": kernel, "C": C, "max_iter": 2000, "coef0": 0.5}
    model = train_model(problem.X, problem.y, algorithm="svm", **chosen)
    assert_agrees(model, problem.rows, reference.svm(problem.X, problem.y, problem.rows, **chosen))


@given(problem=problems, scale=st.booleans(), n_clusters=st.integers(1, 6))
@settings(max_examples=50, derandomize=True)
def test_kmeans_on_badly_scaled_rows(problem: Problem, scale: bool, n_clusters: int) -> None:
    model = train_model(problem.X, algorithm="kmeans", scale=scale, n_clusters=n_clusters)
    expected = reference.kmeans(problem.X, problem.rows, scale=scale, n_clusters=n_clusters)
    assert_clusters_agree(model, problem.rows, expected)


@given(problem=problems, kernel=st.sampled_from(KERNELS))
@settings(max_examples=20, derandomize=True)
def test_svm_on_unscaled_rows_agrees_between_the_arithmetics(problem: Problem, kernel: str) -> None:
    model = train_model(problem.X, problem.y, algorithm="svm", kernel=kernel, scale=False, max_iter=2000)
    plain, vectorised = (
        reference.values(model, problem.rows, arithmetic) for arithmetic in reference.ARITHMETICS
    )
    assert plain["label"] == vectorised["label"]


def test_a_saturated_kernel_gets_libsvms_labels() -> None:
    """With tanh at ±1 everywhere, decisions are what rounding leaves of terms that cancel."""
    X, y = CLASSIFICATION["wine"].data, CLASSIFICATION["wine"].target
    chosen: dict[str, Any] = {"kernel": "sigmoid", "gamma": 1.0, "scale": False}
    expected = reference.svm(X, y, X, **chosen)
    model = train_model(X, y, algorithm="svm", **chosen)
    for arithmetic in reference.ARITHMETICS:
        assert reference.values(model, X, arithmetic)["label"] == expected.labels


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("C", [1.0, 10.0])
def test_a_linear_kernel_that_cannot_part_the_classes_gets_libsvms_labels(C: float, scale: bool) -> None:
    """On XOR all weights cancel: which side of 0 a decision falls is decided by rounding."""
    X, y = np.repeat([[0.0, 0], [1, 0], [0, 1], [1, 1]], 10, axis=0), np.repeat([0, 1, 1, 0], 10)
    rows = np.vstack([X, X * np.random.default_rng(1).normal(1, 0.2, X.shape)])
    expected = reference.svm(X, y, rows, kernel="linear", C=C, scale=scale)
    model = train_model(X, y, algorithm="svm", kernel="linear", C=C, scale=scale)
    for arithmetic in reference.ARITHMETICS:
        assert reference.values(model, rows, arithmetic)["label"] == expected.labels
