"""Predicting as a notebook does."""

from typing import Any

from ml_core.model.model import Model


def predict(model: Model, X: Any, output: str = "label") -> list[Any]:  # noqa: ANN401 - whatever a notebook holds
    """One output of a model for every row of `X`: lists, an array or a data frame.

    `output` is "label", "probability" (rows × classes), "decision" (one number for each row of a two-class
    model, else rows × classes) or "distance" (rows × clusters), as far as the model gives it, or by
    scikit-learn's names "predict", "predict_proba", "decision_function", "transform". Raises `InvalidInput`.
    """
    return model.output_of(X, output)
