"""Cross-entropy: what a classifying network minimises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ml_core.networks.layers import Array


class CrossEntropy:
    """The mean of -log p(class), each sample weighted by its class, as PyTorch's `cross_entropy` has it.

    Args:
        weights: the weight of each class; None where all are 1.
    """

    def __init__(self, weights: NDArray[np.float64] | None = None) -> None:
        self._weights = weights

    def sums(self, scores: Array, y: NDArray[np.int64]) -> tuple[float, float]:
        """The sum of weighted losses, and of weights: batches added up give the mean of all.

        Args:
            scores: batch × classes, before softmax.
            y: the class of each.
        """
        total, _ = self._computed(scores, y)
        return total, self.weight(y)

    def weight(self, y: NDArray[np.int64]) -> float:
        """The sum of the samples' weights."""
        return float(self._of(y).sum())

    def gradient(
        self, scores: Array, y: NDArray[np.int64], of: float | None = None
    ) -> tuple[float, float, Array]:
        """The two sums, and the gradient of their quotient by the scores.

        Args:
            scores: batch × classes, before softmax.
            y: the class of each.
            of: divides the gradient in the place of the weights' sum, where these are a part of a batch.
        """
        total, logarithms = self._computed(scores, y)
        weight = self.weight(y)
        slope = np.exp(logarithms)
        slope[np.arange(len(y)), y] -= 1
        slope *= (self._of(y) / (of or weight))[:, None]
        return total, weight, slope.astype(scores.dtype)

    def _computed(self, scores: Array, y: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        """The sum, and the logarithm of each probability: in float64, there are few numbers."""
        shifted = scores.astype(np.float64)
        shifted -= shifted.max(axis=1, keepdims=True)
        logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses = -logarithms[np.arange(len(y)), y]
        return float((losses * self._of(y)).sum()), logarithms

    def _of(self, y: NDArray[np.int64]) -> NDArray[np.float64]:
        """The weight of each sample."""
        return np.ones(len(y)) if self._weights is None else self._weights[y]


def class_weights(
    chosen: Mapping[int, float] | str | None, y: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64] | None:
    """The weight of each class.

    Args:
        chosen: by class number, 1 where one is not named; "balanced" for samples / (classes × samples of the
            class), as scikit-learn has it; None for none.
        y: the class of each sample that is trained on.
        n_classes: how many classes there are.
    """
    if chosen is None:
        return None
    if isinstance(chosen, str):
        return len(y) / (n_classes * np.maximum(np.bincount(y, minlength=n_classes), 1))
    return np.array([chosen.get(number, 1.0) for number in range(n_classes)], np.float64)
