"""What a row's loss costs by its class, as scikit-learn weighs classes."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def costs(
    C: float, class_weight: "str | Mapping[int, float] | None", counts: "Sequence[int]"
) -> "NDArray[np.float64]":
    """C times the weight of each class.

    Args:
        C: the inverse strength of the regularisation.
        class_weight: "balanced", a weight for each class number, or None.
        counts: how many rows each class has.
    """
    if class_weight is None:
        return np.full(len(counts), C)
    if class_weight == "balanced":
        rows, classes = sum(counts), len(counts)
        return np.array([C * (rows / (classes * count)) for count in counts])
    weights: Any = class_weight
    return np.array([C * float(weights.get(number, 1.0)) for number in range(len(counts))])
