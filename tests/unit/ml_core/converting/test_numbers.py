"""Estimators of numbers, bare and behind scalers, on the real tables that scikit-learn ships."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from ml_core import algorithms, from_scikit_learn
from ml_core.algorithms import svm
from ml_core.conflicts import NotExported
from ml_core.errors import ArtifactInvalid
from tests.unit.ml_core.converting.compared import assert_explained, assert_same

CLASSIFIERS = [
    LogisticRegression(max_iter=30),
    LogisticRegression(C=0.1, l1_ratio=1.0, solver="liblinear"),
    LogisticRegressionCV(Cs=2, cv=2, max_iter=30, l1_ratios=(0,), use_legacy_attributes=False),
    LinearSVC(max_iter=50),
    LinearSVC(max_iter=50, fit_intercept=False, class_weight="balanced"),
    LinearSVC(max_iter=5, multi_class="crammer_singer"),
    SVC(kernel="linear", class_weight="balanced"),
    SVC(gamma="auto"),
    SVC(kernel="poly", degree=2, coef0=1.0, break_ties=True),
    SVC(kernel="sigmoid", decision_function_shape="ovo"),
]
CLUSTERINGS = [KMeans(4, n_init=1, random_state=0), MiniBatchKMeans(3, n_init=1, random_state=0)]
SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 2)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, unit_variance=True),
    RobustScaler(with_scaling=False),
]


@pytest.fixture(autouse=True)
def _unconverged_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _fits(estimator: Any, y: Any) -> bool:
    return len(set(y)) == 2 or getattr(estimator, "solver", "") != "liblinear"


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("estimator", [*CLASSIFIERS, *CLUSTERINGS], ids=str)
def test_an_estimator_alone_and_behind_a_scaler(load: Any, estimator: Any) -> None:
    X, y = load(return_X_y=True)
    X, y = X[::2], y[::2]
    if not _fits(estimator, y):
        pytest.skip("liblinear takes two classes")
    wide = getattr(estimator, "kernel", "") in ("poly", "linear") or hasattr(estimator, "multi_class")
    if not wide:  # of raw columns those take long to fit
        assert_same(clone(estimator).fit(X, y), X)
    model = assert_same(make_pipeline(StandardScaler(), clone(estimator)).fit(X, y), X)
    if load is load_iris:
        assert_explained(model, X)


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=30), SVC(), KMeans(3, n_init=1)], ids=str)
def test_every_scaler(scaler: Any, estimator: Any) -> None:
    X, y = load_wine(return_X_y=True)
    assert_same(make_pipeline(clone(scaler), clone(estimator)).fit(X, y), X, onnx=False)
    # One behind the other, and a column that never changes.
    X = np.column_stack([X[:, :4], np.full(len(X), 7.0)])
    twice = make_pipeline(clone(scaler), MinMaxScaler(), RobustScaler(), clone(estimator)).fit(X, y)
    assert_same(twice, X, onnx=False)


def test_pictures_as_columns_and_ten_classes() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[::3], y[::3].astype(str)
    for estimator in (LogisticRegression(max_iter=20), LinearSVC(max_iter=20), SVC(), SVC(kernel="linear")):
        model = assert_same(estimator.fit(X, y), X)
        assert model.classes == tuple("0123456789")
    assert_same(KMeans(10, n_init=1, random_state=0).fit(X), X)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_probabilities_that_libsvm_couples(load: Any, kernel: str) -> None:
    X, y = load(return_X_y=True)
    estimator = make_pipeline(StandardScaler(), SVC(kernel=kernel, probability=True, random_state=0))
    model = assert_same(estimator.fit(X, y), X, onnx=False)
    assert model.hyperparameters["probability"] is True
    with pytest.raises(NotExported, match="without probabilities"):
        model.to_onnx()


def test_coupled_probabilities_of_many_classes() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[:400] / 16, y[:400]
    estimator = SVC(probability=True, random_state=0, break_ties=True, C=0.02).fit(X, y)
    assert_same(estimator, X, onnx=False)


@pytest.mark.parametrize("labels", ["words", "truth", "negative", "numpy's words"])
def test_labels_of_every_kind(labels: str) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    y = {
        "words": np.array(["no", "yes"], dtype=object)[y],
        "truth": y == 1,
        "negative": y * 2 - 1,
        "numpy's words": np.array(["β", "α"])[y],
    }[labels]
    for estimator in (LogisticRegression(max_iter=20), LinearSVC(max_iter=20), SVC()):
        assert_same(make_pipeline(StandardScaler(), estimator).fit(X, y), X)


def test_columns_leave_a_column_transformer_in_its_order() -> None:
    X, y = load_wine(return_X_y=True)
    transformer = ColumnTransformer(
        [
            ("late", StandardScaler(), [9, 3]),
            ("as it comes", "passthrough", [1]),
            ("nothing", "drop", [0]),
            ("nowhere", MinMaxScaler(), []),
            ("masked", MinMaxScaler(), np.arange(13) == 5),
            ("sliced", RobustScaler(), slice(6, 8)),
        ],
        remainder=MaxAbsScaler(),
    )
    for estimator in (LogisticRegression(max_iter=30), SVC(), KMeans(3, n_init=1), LinearSVC(max_iter=30)):
        fitted = make_pipeline(transformer, StandardScaler(), estimator).fit(X, y)
        model = assert_same(fitted, X)
        assert model.features == tuple(f"x{place}" for place in range(1, 13))
    search = GridSearchCV(make_pipeline(transformer, LogisticRegression(max_iter=30)), {}, cv=2)
    assert_same(search.fit(X, y), X)


def test_a_column_that_comes_twice_counts_twice_where_weights_say_it() -> None:
    X, y = load_iris(return_X_y=True)
    transformer = make_column_transformer(
        (StandardScaler(), [0, 1]), (MinMaxScaler(), [1, 2]), ("passthrough", [1])
    )
    for estimator in (LogisticRegression(), LinearSVC(max_iter=100)):
        model = assert_same(make_pipeline(transformer, estimator).fit(X, y), X)
        assert model.features == ("x0", "x1", "x2")


def test_hyperparameters_that_mean_the_same_are_told() -> None:
    X, y = load_iris(return_X_y=True)
    y = np.array(["a", "b", "c"])[y]
    weights = {"a": 2.0, "c": np.float64(3)}
    told = from_scikit_learn(LogisticRegression(C=2, max_iter=30, class_weight=weights, tol=0).fit(X, y))
    assert told.hyperparameters == {
        "C": 2.0,
        "l1_ratio": 0.0,
        "class_weight": {"a": 2.0, "c": 3.0},
        "fit_intercept": True,
        "max_iter": 30,
        "scale": False,
    }
    told = from_scikit_learn(make_pipeline(StandardScaler(), SVC(degree=40, gamma=0.1)).fit(X, y))
    assert told.hyperparameters == {
        "kernel": "rbf",
        "C": 1.0,
        "gamma": 0.1,
        "coef0": 0.0,
        "class_weight": None,
        "max_iter": -1,
        "tol": 1e-3,
        "probability": False,
    }
    told = from_scikit_learn(KMeans(3, init=X[:3], n_init=1).fit(X))
    assert told.hyperparameters["n_clusters"] == 3
    assert "init" not in told.hyperparameters
    for model in (told, from_scikit_learn(LinearSVC(max_iter=50).fit(X, y))):
        algorithms.algorithm(model.algorithm).check(dict(model.hyperparameters))


@pytest.mark.parametrize(
    "change",
    [
        {"one_versus_rest": 1},
        {"intercepts": [0.0]},
        {"intercepts": [0.0, 0.0, float("nan")]},
        {"breaks_ties": 1},
        {"breaks_ties": None},
        {"coupling": {"slopes": [1.0], "offsets": [1.0]}},
        {"coupling": {"slopes": [1.0] * 3}},
        {"calibration": {"slopes": [1.0] * 3, "offsets": [1.0] * 3}},
    ],
    ids=str,
)
def test_what_is_new_in_an_artifact_is_read_strictly(change: dict[str, Any]) -> None:
    X, y = load_iris(return_X_y=True)
    svc = SVC(probability=True, break_ties=True, random_state=0).fit(X, y)
    linear = LinearSVC(max_iter=50).fit(X, y)
    of = from_scikit_learn(linear if "one_versus_rest" in change or "intercepts" in change else svc).estimator
    told = json.loads(json.dumps(of.parameters()))
    restored = svm.restore({**told}, {**of.tensors()})
    assert json.loads(json.dumps(restored.parameters())) == told
    with pytest.raises((TypeError, ValueError, KeyError, ArtifactInvalid)):
        svm.restore({**told, **change}, {**of.tensors()})


def test_features_are_called_as_in_the_frame_or_as_said() -> None:
    frame, y = load_iris(return_X_y=True, as_frame=True)
    model = assert_same(LogisticRegression().fit(frame, y), frame)
    assert model.features == tuple(frame.columns)
    X = frame.to_numpy()
    named = from_scikit_learn(LogisticRegression().fit(X, y), feature_names=["a", "b", "c", "d"])
    assert named.features == ("a", "b", "c", "d")
    assert from_scikit_learn(LogisticRegression().fit(X, y)).features == ("x0", "x1", "x2", "x3")


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(max_iter=30), LinearSVC(max_iter=30), SVC()], ids=str
)
def test_what_was_fitted_to_single_precision_is_asked_in_double(estimator: Any) -> None:
    X, y = load_wine(return_X_y=True)
    fitted = make_pipeline(StandardScaler(), clone(estimator)).fit(X.astype("f4"), y)
    assert_same(fitted, X, rows=X.astype("f4"))
