"""What scikit-learn's object answers, and what the model made of it does, in every way to ask it."""

import json
import math
from typing import Any

import numpy as np

from ml_core import from_scikit_learn
from ml_core.arithmetic import plain, vectorised
from ml_core.inputs.frames import NO_LIMITS
from ml_core.inputs.rows import Rows
from ml_core.model.model import Model
from ml_core.model.parameters import parameters_of
from tests.unit.ml_core.onnx_runtime import feed, run

METHODS = {"probability": "predict_proba", "decision": "decision_function", "distance": "transform"}
CLOSE = 1e-9
# In plain Python a row takes long, and in ONNX a model: so many are asked there.
FEW = 40


def assert_same(estimator: Any, X: Any, *, onnx: bool = True, **options: Any) -> Model:
    """The model, whose answers are the estimator's for every row of `X`."""
    model = from_scikit_learn(estimator, **options)
    used = X if hasattr(X, "columns") else X[:, [_place(name) for name in model.features]]
    rows = model.rows_of(used)
    assert isinstance(rows, Rows)
    labels, theirs = estimator.predict(X), _numbers(estimator, model, X)
    few = min(FEW, len(X))
    width = 8 * len(model.features)
    whole = model.compute(rows.packed, list(model.outputs), arithmetic=vectorised)
    first = model.compute(rows.packed[: few * width], list(model.outputs), arithmetic=plain)
    for found, count in ((whole, len(X)), (first, few)):
        assert _labels(model, found["label"]) == labels[:count].tolist()
        for name, values in theirs.items():
            _assert_close(found[name], values[:count], name)
    assert [*model.predict(used)] == labels.tolist()
    assert _as_sent(model, used).packed == rows.packed
    if onnx:
        some = used[:few]
        found = run(model.to_onnx(), feed(model, some))
        assert found["label"].tolist() == labels[:few].tolist()
        for name, values in theirs.items():
            _assert_close(found[name], values[:few], name)
    parameters_of(model)
    return model


def assert_explained(model: Model, X: Any) -> None:
    """Its explanations of some rows add up to the margins."""
    for explanation in model.explain(X[:3], background=X[3:9]):
        size = abs(explanation.base) + sum(map(abs, explanation.attributions.values()))
        assert explanation.error <= CLOSE * (1 + size)
        assert explanation.margin >= -CLOSE * (1 + size)


def _place(name: str) -> int:
    return int(name.removeprefix("x"))


def _numbers(estimator: Any, model: Model, X: Any) -> dict[str, Any]:
    found = {}
    for name, method in METHODS.items():
        # One of pairs of classes tells other decisions; the model's are those of classes.
        last = getattr(estimator, "steps", [(None, estimator)])[-1][1]
        if hasattr(estimator, method) and getattr(last, "decision_function_shape", "ovr") == "ovr":
            assert name in model.outputs
            found[name] = getattr(estimator, method)(X)
    assert len(found) == len(model.outputs) - 1 or not found
    return found


def _assert_close(ours: Any, theirs: Any, name: str) -> None:
    # scikit-learn's distances are roots of squares that lost digits to each other.
    power = 2 if name == "distance" else 1
    said = np.asarray(theirs).reshape(len(theirs), -1) ** power
    found = np.asarray(ours).reshape(said.shape) ** power
    assert (np.abs(found - said) <= CLOSE * np.maximum(1, np.abs(said).max(axis=1, keepdims=True))).all()


def _labels(model: Model, numbers: list[int]) -> list[Any]:
    return [*numbers] if model.classes is None else [model.classes[number] for number in numbers]


def _as_sent(model: Model, X: Any) -> Rows:
    """The rows as they come in the JSON of a request, by names or in order."""
    if hasattr(X, "columns"):
        records = X[[*model.features]].astype(object).to_dict("records")
        sent: list[Any] = [{name: _json(value) for name, value in row.items()} for row in records]
    else:
        sent = [[_json(value) for value in row] for row in X.tolist()]
    rows = model.rows(json.loads(json.dumps(sent, allow_nan=False)), limits=NO_LIMITS)
    assert isinstance(rows, Rows)
    return rows


def _json(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value
