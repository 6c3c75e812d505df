"""From a request's JSON to a model that predicts, through the artifact's bytes."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from ml_core import algorithms, predict, train_model
from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.training.notebook import Trained, TrainingRequest, check_request, fit

DATA = {
    "logistic_regression": datasets.load_breast_cancer(),
    "svm": datasets.load_iris(),
    "kmeans": datasets.load_wine(),
}
DIGITS = datasets.load_digits(n_class=3)
QUICK = {"epochs": 12, "learning_rate": 0.01, "batch_size": 16}
# What is no table: pictures, and sequences of unequal length that rise or fall.
NETWORKS: dict[str, dict[str, Any]] = {
    "cnn": {
        "instances": DIGITS.images[:120].astype(int).tolist(),
        "targets": DIGITS.target[:120].tolist(),
        "hyperparameters": {**QUICK, "channels": [8], "dense": [16]},
    },
    "rnn": {
        "instances": [
            [[(-1) ** place * step / 9, 1.0] for step in range(3 + place % 7)] for place in range(80)
        ],
        "targets": ["up", "down"] * 40,
        "hyperparameters": {**QUICK, "hidden_size": 8},
    },
}


def body(algorithm: str, **more: Any) -> dict[str, Any]:
    if algorithm in NETWORKS:
        return {"algorithm": algorithm, **NETWORKS[algorithm], **more}
    data = DATA[algorithm]
    request: dict[str, Any] = {"algorithm": algorithm, "instances": data.data.tolist(), **more}
    if algorithms.algorithm(algorithm).task.supervised:
        request["targets"] = data.target_names[data.target].tolist()
    return request


def trained(request: dict[str, Any]) -> Trained:
    sent = json.loads(json.dumps(request))
    return fit(check_request(sent, Limits()), lambda phase, percentage: None)  # noqa: ARG005


@pytest.mark.parametrize("algorithm", algorithms.names())
def test_a_trained_model_is_loaded_from_its_bytes_and_predicts(algorithm: str) -> None:
    request = body(algorithm, test_fraction=0)
    model = Model.from_bytes(trained(request).artifact)
    rows = model.rows(request["instances"], limits=Limits())
    labels = model.predict_rows(rows)["label"]
    assert labels is not None
    assert len(labels) == len(request["instances"])
    if "targets" in request:
        right = sum(label == target for label, target in zip(labels, request["targets"], strict=True))
        assert right > 0.95 * len(labels)


@pytest.mark.parametrize("algorithm", algorithms.names())
def test_equal_input_and_seed_give_equal_bytes(algorithm: str) -> None:
    assert trained(body(algorithm)).artifact == trained(body(algorithm)).artifact


@pytest.mark.parametrize("algorithm", algorithms.names())
def test_a_stored_request_trains_what_the_request_itself_does(algorithm: str) -> None:
    request = check_request(body(algorithm), Limits())
    stored = TrainingRequest.from_bytes(request.to_bytes())
    assert stored.summary() == request.summary()
    assert fit(stored, lambda *_: None).artifact == fit(request, lambda *_: None).artifact


def test_a_manifest_is_json_and_tells_the_objective_on_both_parts() -> None:
    objectives = {}
    for algorithm in algorithms.names():
        request = body(algorithm)
        manifest: Any = json.loads(json.dumps(trained(request).manifest))
        assert manifest["rows"] + manifest["test_rows"] == len(request["instances"])
        objectives[algorithm] = set(manifest["metrics"]["training"]) & set(manifest["metrics"]["test"])
    assert all("log_loss" in objectives[name] for name in ("cnn", "logistic_regression", "rnn"))
    assert "hinge_loss" in objectives["svm"]
    assert "inertia" in objectives["kmeans"]


def test_the_articles_two_functions_work_on_arrays() -> None:
    data = DATA["svm"]
    model = train_model(data.data, data.target, algorithm="svm", kernel="linear")
    labels = predict(model, data.data)
    assert sum(label == target for label, target in zip(labels, data.target, strict=True)) > 140


def test_notebooks_may_hold_numpys_scalars_and_weigh_classes_by_their_labels() -> None:
    data = DATA["svm"]
    rows = [tuple(row) for row in data.data]
    chosen: dict[str, Any] = {"kernel": "linear", "C": 2.0, "max_iter": 1000, "class_weight": {"1": 3.0}}
    numpys: dict[str, Any] = {
        **chosen,
        "seed": np.int64(0),
        "C": np.float64(2),
        "max_iter": np.int64(1000),
        "class_weight": {np.int64(1): 3},
    }
    plain = train_model(data.data.tolist(), data.target.tolist(), "svm", **chosen)
    assert train_model(rows, list(data.target), "svm", **numpys).to_bytes() == plain.to_bytes()
    assert predict(plain, rows) == predict(plain, data.data)


@pytest.mark.parametrize("seed", [-1, "a", None, 2**32, 0.5])
def test_a_seed_that_is_none_is_told_and_not_the_rows(seed: Any) -> None:
    with pytest.raises(InvalidInput, match="seed: expected an integer from 0 to 4294967295"):
        train_model([[1.0], [2.0]], [0, 1], seed=seed)
