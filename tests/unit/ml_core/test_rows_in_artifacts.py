"""A version says that its artifact holds training rows exactly where some are found in it."""

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from ml_core.arithmetic import vectorised
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.training.notebook import check_request, fit
from tests.unit.ml_core.reference import CLASSIFICATION
from tests.unit.test_features import table

IRIS, CANCER = CLASSIFICATION["iris"], CLASSIFICATION["breast_cancer"]
MIXED, ANSWERS = table(150, 0.1, seed=5)
XOR = [[0.1, 0.1], [1.1, 1.1], [0.1, 1.1], [1.1, 0.1]] * 3  # no line parts them: their vectors are kept
TABLES: dict[str, tuple[list[Any], list[Any]]] = {
    "iris": (IRIS.data.tolist(), IRIS.target.tolist()),
    "cancer": (CANCER.data.tolist(), CANCER.target.tolist()),
    "mixed": (MIXED, ANSWERS),
    "xor": (XOR, [0, 0, 1, 1] * 3),
    "apart": ([[1.07**place, 1.0] for place in range(30)] + [[1e4, 7.0]], [0, 1] * 15 + [1]),
}


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    ("algorithm", "chosen"),
    [
        ("logistic_regression", {}),
        ("svm", {"kernel": "linear", "max_iter": 500}),
        ("svm", {"kernel": "rbf"}),
        ("svm", {"kernel": "poly", "max_iter": 500}),
        ("svm", {"kernel": "sigmoid", "probability": True}),
        ("kmeans", {"n_clusters": 2}),
        ("kmeans", {"n_clusters": 1}),
    ],
)
def test_it_says_so_exactly_where_it_is_so(algorithm: str, chosen: Any, name: str, scale: bool) -> None:
    instances, targets = TABLES[name]
    body = {
        "algorithm": algorithm,
        "instances": instances,
        "targets": None if algorithm == "kmeans" else targets,
        "hyperparameters": {**chosen, "scale": scale},
        "test_fraction": 0,
    }
    trained = fit(check_request(body, Limits()), lambda *_: None)
    model = Model.from_bytes(trained.artifact)
    assert trained.manifest["contains_training_rows"] is bool(held(model, instances))


def test_held_out_rows_do_not_count() -> None:
    """The only row of a cluster was trained on."""
    instances, _ = TABLES["apart"]
    body = {"algorithm": "kmeans", "instances": instances, "hyperparameters": {"n_clusters": 2}}
    for seed in range(6):
        trained = fit(check_request({**body, "seed": seed}, Limits()), lambda *_: None)
        train, _ = train_test_split(range(len(instances)), test_size=0.2, random_state=seed)
        rows = [instances[place] for place in train]
        found = held(Model.from_bytes(trained.artifact), rows)
        assert trained.manifest["contains_training_rows"] is bool(found) is (len(instances) - 1 in train)


def held(model: Model, instances: list[Any]) -> int:
    """How many training rows stand in the tensors, as the estimator sees them."""
    X: Any = vectorised.matrix(model.rows(instances, limits=Limits()).packed, len(model.features))
    if model.encoding:
        X = vectorised.dense(vectorised.encoded(X, model.encoding.layout))
    if model.scaling:
        X = (X - np.array(model.scaling.mean.values)) / np.array(model.scaling.scale.values)
    sizes = np.abs(X).max(axis=0) + 1e-300
    found = 0
    for tensor in model.estimator.tensors().values():
        if len(tensor.shape) == 2 and tensor.shape[1] == X.shape[1]:
            kept = np.array(tensor.rows)
            found += sum(int((np.abs(X - row) <= 1e-12 * sizes).all(axis=1).any()) for row in kept)
    return found
