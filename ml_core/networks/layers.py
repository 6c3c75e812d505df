"""What a layer of a network is, and the layers that every kind of network has.

Layers compute in the type of their parameters: float32 in training, float64 where tests check gradients.
Weights start as PyTorch's do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Array = NDArray[Any]
"""Numbers of one floating type, float32 or float64."""


class Layer(Protocol):
    """A part of a network. It keeps what `forward` saw until `backward` has used it.

    `parameters` are read anew at every pass and written in place by the optimiser. `gradients` has the same
    keys after `backward`; its arrays may be new at each pass, and are written by nobody else.
    """

    parameters: dict[str, Array]
    gradients: dict[str, Array]

    def forward(self, x: Any, random: np.random.Generator | None) -> Any:  # noqa: ANN401 - layers differ
        """The layer's answer to a batch.

        Args:
            x: what the layer before gave; for the first layer what `Inputs.batch` gave.
            random: random numbers while training (dropout); None while measuring, when nothing need be kept
                for `backward`.
        """
        ...

    def backward(self, dy: Any) -> Any:  # noqa: ANN401 - as above
        """The loss's gradient by `x`, from its gradient by the answer; sets `gradients`.

        None where nobody asks: a network's first layer is made with `first=True` and need not compute it.
        A layer that is made with `fixed=True` is not trained, and leaves `gradients` empty.
        `dy` may be overwritten.
        """
        ...


def uniform(random: np.random.Generator, shape: tuple[int, ...], inputs: int) -> NDArray[np.float32]:
    """First weights or biases, uniform between ±1/√inputs: PyTorch's for dense and convolution layers.

    Args:
        random: where they are drawn from.
        shape: theirs.
        inputs: how many numbers each of the layer's answers is computed from.
    """
    bound = 1 / np.sqrt(inputs)
    return random.uniform(-bound, bound, shape).astype(np.float32)


class Dense:
    """y = x·Wᵀ + b, where x is batch × inputs; `weight` is outputs × inputs, `bias` one for each output."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        random: np.random.Generator,
        *,
        first: bool = False,
        fixed: bool = False,
    ) -> None:
        self.parameters: dict[str, Array] = {
            "weight": uniform(random, (outputs, inputs), inputs),
            "bias": uniform(random, (outputs,), inputs),
        }
        self.gradients: dict[str, Array] = {}
        self._first, self._fixed = first, fixed
        self._x: Array = np.empty(0)

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """Batch × inputs → batch × outputs."""
        self._x = x
        y: Array = x @ self.parameters["weight"].T
        y += self.parameters["bias"]
        return y

    def backward(self, dy: Array) -> Array | None:
        """Batch × outputs → batch × inputs."""
        if not self._fixed:
            self.gradients = {"weight": dy.T @ self._x, "bias": dy.sum(axis=0)}
        if self._first:
            return None
        dx: Array = dy @ self.parameters["weight"]
        return dx


class WithoutParameters:
    """What layers without parameters share."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}


class Relu(WithoutParameters):
    """max(x, 0), of any shape."""

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """The same shape."""
        self._y: Array = np.maximum(x, 0)
        return self._y

    def backward(self, dy: Array) -> Array:
        """The same shape; 0 where x was not above 0."""
        dx: Array = dy * (self._y > 0)
        return dx


class Flatten(WithoutParameters):
    """Batch × any axes → batch × numbers, in row-major order."""

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """The numbers of each sample in one row."""
        self._shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        """The axes as they were."""
        return dy.reshape(self._shape)


class Dropout(WithoutParameters):
    """While training, numbers are 0 with the probability `rate`, and the others are divided by 1 - rate."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._factors: Array | None = None

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:
        """The same shape; x itself while measuring."""
        self._factors = None
        if random is None or not self.rate:
            return x
        kept = random.random(x.shape, dtype=np.float32) >= self.rate
        self._factors = kept.astype(x.dtype)
        self._factors *= 1 / (1 - self.rate)
        return x * self._factors

    def backward(self, dy: Array) -> Array:
        """The same shape."""
        return dy if self._factors is None else dy * self._factors
