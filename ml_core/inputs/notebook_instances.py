"""Pictures, sequences and texts as a notebook holds them, as JSON would have them."""

from collections.abc import Sequence
from typing import Any

from ml_core.errors import InvalidInput
from ml_core.inputs.scalars import NotTaken, json_value


def plain_instances(X: Any, features: Sequence[str]) -> list[Any]:  # noqa: ANN401 - whatever a notebook holds
    """Arrays, lists and a data frame's column as nested lists of plain values. Raises `InvalidInput`."""
    if hasattr(X, "columns"):
        (name,) = features if len(features) == 1 else (None,)
        if name is None or name not in X.columns:
            raise InvalidInput.at("X", f"expected a data frame with the column {', '.join(features)}")
        X = X[name]
    if not hasattr(X, "__iter__") or isinstance(X, str):
        raise InvalidInput.at("X", "expected a list or an array of instances")
    found = []
    for index, instance in enumerate(X):
        try:
            found.append(_plain(instance))
        except NotTaken as reason:
            raise InvalidInput.at(f"X[{index}]", str(reason)) from None
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401
    if hasattr(value, "__array__") and value.ndim:
        return value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return json_value(value)
