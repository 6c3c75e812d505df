"""An algorithm whose fit can be continued: logistic regression by gradient descent, a checkpoint each step.

It leaves the rest to another delivery after so many steps.
"""

from collections.abc import Mapping
from typing import Any

from ml_core import hyperparameters as hp
from ml_core.algorithms import stranger  # type: ignore[attr-defined]
from ml_core.algorithms.base import Algorithm, FitContext, TrainingData
from ml_core.algorithms.tasks import CLASSIFICATION
from ml_core.errors import Unfinished
from ml_core.preprocessing.scaling import Preprocessing
from ml_core.safetensors import Tensor, float64

NearestMean = stranger.NearestMean


def fit(
    data: TrainingData, chosen: Mapping[str, Any], context: FitContext
) -> tuple["stranger.NearestMean", Preprocessing]:
    """Means that are pulled apart, step by step; noise comes from the seed and the step."""
    import numpy as np
    from threadpoolctl import threadpool_info

    from ml_core.preprocessing.fitting import preprocess

    X, preprocessing = preprocess(data.X, data.columns, scale=True)
    assert data.y is not None
    onehot = np.eye(int(data.y.max()) + 1)[data.y]
    weights, step = np.zeros((onehot.shape[1], X.shape[1])), 0
    state = context.checkpoints.latest() if context.checkpoints else None
    if state is not None:
        numbers = np.frombuffer(state, dtype="<f8")
        step, weights = int(numbers[0]), numbers[1:].reshape(weights.shape).copy()
    threads = max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
    began = step
    while step < chosen["steps"]:
        if context.checkpoints is not None and step - began == chosen["per_delivery"]:
            raise Unfinished(f"continues at step {step} of {chosen['steps']}")
        step += 1
        noise = np.random.Generator(np.random.PCG64(np.random.SeedSequence((data.seed, step))))
        logits = X @ weights.T + noise.normal(0, 0.01, (len(X), len(weights)))
        probability = np.exp(logits - logits.max(axis=1, keepdims=True))
        probability /= probability.sum(axis=1, keepdims=True)
        loss = -np.log(probability[np.arange(len(X)), data.y]).mean()
        weights -= 0.1 * (probability - onehot).T @ X / len(X)
        context.progress(step, chosen["steps"], {"loss": float(loss), "threads": threads})
        if context.checkpoints is not None:
            context.checkpoints.save(np.concatenate([[step], weights.ravel()]).astype("<f8").tobytes())
    tensor = Tensor(weights.shape, weights.astype("<f8").tobytes())
    return NearestMean(tensor, Tensor((1,), b"\1", "U8")), preprocessing


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> "stranger.NearestMean":  # noqa: ARG001
    """The state that the tensors describe."""
    return NearestMean(float64(tensors.pop("means"), 2), tensors.pop("seen"))


ALGORITHM = Algorithm(
    title="Patient descent",
    task=CLASSIFICATION,
    objective="log_loss",
    hyperparameters=(
        hp.Hyperparameter("steps", hp.Integer(1, 1000), 12, "how many steps"),
        hp.Hyperparameter("per_delivery", hp.Integer(1, 1000), 1000, "how many of them one delivery does"),
    ),
    fit=fit,
    restore=restore,
    environment=lambda: {"OPENBLAS_NUM_THREADS": "1"},
)
