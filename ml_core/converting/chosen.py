"""The hyperparameters that mean the same here and there."""

from typing import TYPE_CHECKING, Any

from ml_core import algorithms
from ml_core.hyperparameters import REFUSED
from ml_core.inputs.rules import spelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.inputs.labels import Label


def hyperparameters_of(
    algorithm: str, given: "Mapping[str, Any]", classes: "tuple[Label, ...]" = ()
) -> dict[str, object]:
    """Those of `given` that the algorithm has and takes; a value that it would refuse is left out."""
    kinds = {each.name: each.kind for each in algorithms.algorithm(algorithm).algorithm.hyperparameters}
    found: dict[str, object] = {}
    for name, value in given.items():
        read = kinds[name].read(_as_json(name, value, classes))
        if read is not REFUSED:
            found[name] = read
    return found


def _as_json(name: str, value: Any, classes: "tuple[Label, ...]") -> object:  # noqa: ANN401
    if name == "class_weight" and isinstance(value, dict):
        plain = {_plain(label): _plain(weight) for label, weight in value.items()}
        return {_text(label): plain[label] for label in classes if label in plain}
    return _plain(value)


def _text(label: "Label") -> str:
    """A label as a key of an object."""
    return label if isinstance(label, str) else spelled(label)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A scalar of numpy's as Python's own."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
