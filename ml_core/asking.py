"""Predicting as a notebook does."""

from typing import Any

from ml_core.model.model import Model


def predict(model: Any, X: Any, output: str = "label") -> list[Any]:  # noqa: ANN401 - whatever a notebook holds
    """One output of a model for every row of `X`: lists, an array or a data frame.

    `model` may be a fitted object of scikit-learn's; it is asked as the model that `from_scikit_learn` makes
    of it, and `X` has all columns that it was fitted to.

    `output` is "label", "probability" (rows × classes), "decision" (one number for each row of a two-class
    model, else rows × classes) or "distance" (rows × clusters), as far as the model gives it, or by
    scikit-learn's names "predict", "predict_proba", "decision_function", "transform".

    Raises `InvalidInput`, and `NotConverted` for what is neither.
    """
    if isinstance(model, Model):
        return model.output_of(X, output)
    from ml_core.converting.scikit_learn import answers

    return answers(model, X, output)
