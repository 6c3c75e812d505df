"""Predicting as a notebook does."""

from typing import Any

from ml_core.errors import InvalidInput, shown
from ml_core.inputs.frames import NO_LIMITS, plain_rows, rows_of
from ml_core.model.model import Model


def predict(model: Model, X: Any, output: str = "label") -> list[Any]:  # noqa: ANN401 - whatever a notebook holds
    """One output of a model for every row of `X`: lists, an array or a data frame.

    `output` is "label", "probability" (rows × classes), "decision" (one number for each row of a two-class
    model, else rows × classes) or "distance" (rows × clusters), as far as the model gives it, or by
    scikit-learn's names "predict", "predict_proba", "decision_function", "transform". Raises `InvalidInput`.
    """
    if model.encoding:
        rows = model.rows(plain_rows(X, model.features), limits=NO_LIMITS, where="X")
    else:
        rows = rows_of(X, model.features)
    if model.output_spec(output) is None:
        raise InvalidInput.at(
            "output", f"this model gives {', '.join(model.outputs)}; it has no {shown(output)}"
        )
    return model.predict_rows(rows, [output])[output]
