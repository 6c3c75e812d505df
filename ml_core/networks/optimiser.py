"""AdamW, as PyTorch has it, and the clipping of gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.networks.layers import Array

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# So many numbers of a parameter are worked on together: what is computed of them stays in the cache.
_BLOCK = 1 << 15


class AdamW:
    """Adam with decoupled weight decay; biases, which have one axis, do not decay.

    Args:
        parameters: what is optimised, by name; changed in place.
        learning_rate: how far a step goes.
        weight_decay: which part of a weight a step of length 1 takes away.

    `first` and `second` are the moments of each parameter, `steps` how many steps were done.
    """

    def __init__(self, parameters: Mapping[str, Array], learning_rate: float, weight_decay: float) -> None:
        self.first = {name: np.zeros_like(array) for name, array in parameters.items()}
        self.second = {name: np.zeros_like(array) for name, array in parameters.items()}
        self.steps = 0
        self._parameters = parameters
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay

    def step(self, gradients: Mapping[str, Array]) -> None:
        """Change every parameter by its gradient."""
        self.steps += 1
        for name, parameter in self._parameters.items():
            decay = self._learning_rate * self._weight_decay if parameter.ndim > 1 else 0.0
            numbers = [
                array.reshape(-1)
                for array in (parameter, gradients[name], self.first[name], self.second[name])
            ]
            for begin in range(0, parameter.size, _BLOCK):
                self._move(*(array[begin : begin + _BLOCK] for array in numbers), decay=decay)

    def _move(self, parameter: Array, slope: Array, first: Array, second: Array, *, decay: float) -> None:
        """One step of some numbers: the moments follow the gradient, the parameter follows them."""
        change = slope - first
        change *= 1 - BETA_1
        first += change
        np.multiply(slope, slope, out=change)
        change *= 1 - BETA_2
        second *= BETA_2
        second += change
        np.sqrt(second, out=change)
        change *= (1 - BETA_2**self.steps) ** -0.5
        change += EPSILON
        np.divide(first, change, out=change)
        change *= self._learning_rate / (1 - BETA_1**self.steps)
        if decay:
            parameter *= 1 - decay
        parameter -= change


def clip(gradients: Mapping[str, Array], most: float) -> None:
    """Shorten the gradients, in place, where their common Euclidean norm is above `most`."""
    squares = (float(np.vdot(gradient, gradient)) for gradient in gradients.values())
    norm = sum(squares) ** 0.5
    if norm > most:
        for gradient in gradients.values():
            np.multiply(gradient, most / (norm + 1e-6), out=gradient)
