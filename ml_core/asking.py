"""Predicting as a notebook does."""

from typing import Any

from ml_core.model.model import Model


def predict(model: Any, X: Any, output: str = "label") -> list[Any]:  # noqa: ANN401 - whatever a notebook holds
    """One output of a model for every row.

    Args:
        model: as `train_model` and `from_scikit_learn` return it, or a fitted object of scikit-learn's, which
            is asked as the model that `from_scikit_learn` makes of it.
        X: lists, an array or a data frame; for an object of scikit-learn's with all columns that it was
            fitted to.
        output: "label", "probability" (rows × classes), "decision" (one number for each row of a two-class
            model, else rows × classes) or "distance" (rows × clusters), as far as the model gives it. So are
            scikit-learn's names "predict", "predict_proba", "decision_function", "transform".

    Raises:
        InvalidInput: of `X` or `output`.
        NotConverted: `model` is neither.
    """
    if isinstance(model, Model):
        return model.output_of(X, output)
    from ml_core.converting.scikit_learn import answers

    return answers(model, X, output)
