"""Algorithms, artifacts, registry, jobs and use cases. Knows no cloud, no HTTP and no environment.

For notebooks: `train_model(X, y)` fits a model to arrays or data frames, `predict(model, X)` asks it.
`from_scikit_learn(estimator)` makes one of a model that scikit-learn fitted, `from_onnx(file)` of a small
graph that another library exported.
"""

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from ml_core.asking import predict as predict
    from ml_core.converting.onnx_graphs import from_onnx as from_onnx
    from ml_core.converting.scikit_learn import from_scikit_learn as from_scikit_learn
    from ml_core.training.notebook import train_model as train_model

__all__ = ["from_onnx", "from_scikit_learn", "predict", "train_model"]

_PUBLIC = {
    "from_onnx": "ml_core.converting.onnx_graphs",
    "from_scikit_learn": "ml_core.converting.scikit_learn",
    "predict": "ml_core.asking",
    "train_model": "ml_core.training.notebook",
}


def __getattr__(name: str) -> object:
    """A public name, imported at its first use: what only predicts must not pay for training."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)
