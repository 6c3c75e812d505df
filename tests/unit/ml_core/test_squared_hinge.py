"""A support vector machine with the loss 'squared_hinge' is scikit-learn's `LinearSVC`, all the way."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from ml_core import algorithms, train_model
from ml_core.converting.scikit_learn import from_scikit_learn
from ml_core.model.model import Model
from tests.unit.ml_core.onnx_runtime import feed, run
from tests.unit.ml_core.reference import ARITHMETICS, CLASSIFICATION, values

CHOSEN: dict[str, Any] = {"kernel": "linear", "loss": "squared_hinge"}


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("dataset", ["iris", "breast_cancer"])
def test_it_says_what_linear_svc_says(dataset: str, class_weight: Any) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    trained = train_model(X, y, "svm", C=0.5, class_weight=class_weight, **CHOSEN)
    model = Model.from_bytes(trained.to_bytes())
    theirs = make_pipeline(
        StandardScaler(), LinearSVC(C=0.5, class_weight=class_weight, dual=False, tol=1e-6)
    ).fit(X, y)
    for arithmetic in ARITHMETICS:
        found = values(model, X, arithmetic)
        assert found["label"] == theirs.predict(X).tolist()
        assert_allclose(np.squeeze(found["decision"]), theirs.decision_function(X), rtol=1e-8, atol=1e-8)
    exported = run(model.to_onnx(), feed(model, X))
    assert exported["label"].tolist() == theirs.predict(X).tolist()
    assert model.outputs == ("label", "decision")
    assert model.contains_training_rows is False
    assert model.to_bytes() == trained.to_bytes()


def test_its_parameters_are_the_weights_of_each_class() -> None:
    from ml_core.algorithms.learnt import LinearDecisions

    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    model = train_model(X, y, "svm", scale=False, **CHOSEN)
    theirs = LinearSVC(dual=False, tol=1e-6).fit(X, y)
    learnt = model.learnt()
    assert isinstance(learnt, LinearDecisions)
    assert [(side.positive, side.against) for side in learnt.sides] == [(0, None), (1, None), (2, None)]
    assert_allclose(np.array(learnt.weights), theirs.coef_, rtol=1e-9, atol=1e-10)


def test_a_fitted_linear_svc_becomes_the_same_model_and_tells_its_loss() -> None:
    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target
    model = from_scikit_learn(LinearSVC(dual=False, tol=1e-6).fit(X, y))
    assert model.hyperparameters["loss"] == "squared_hinge"
    trained = train_model(X, y, "svm", scale=False, **CHOSEN)
    assert_allclose(
        np.array(values(model, X, "plain")["decision"]),
        np.array(values(trained, X, "plain")["decision"]),
        rtol=1e-10,
        atol=1e-10,
    )


def test_its_artifacts_hold_no_training_rows() -> None:
    keeps = algorithms.algorithm("svm").algorithm.keeps_rows
    assert keeps(CHOSEN) is False
    assert keeps({"kernel": "linear"}) is None
    assert keeps({"kernel": "rbf", "loss": "hinge"}) is True


def test_a_request_of_an_earlier_release_that_tells_no_loss_is_fitted() -> None:
    from ml_core.algorithms.base import FitContext, TrainingData
    from ml_core.inputs.samples import TableSamples

    X, y = CLASSIFICATION["iris"].data, CLASSIFICATION["iris"].target.astype(np.int64)
    info = algorithms.algorithm("svm")
    chosen = {name: value for name, value in info.check({"kernel": "linear"}).items() if name != "loss"}
    estimator, _ = info.algorithm.fit(TrainingData(TableSamples(X, None), y, 0), chosen, FitContext())
    assert estimator.n_classes == 3
