"""What both arithmetics of networks offer. For type checkers alone: nothing imports this while predicting."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ml_core.inputs.arrays import Pictures, Sequences
    from ml_core.safetensors import Tensor


class NetworkArithmetic[A](Protocol):
    """What `plain_networks` and `vectorised_networks` offer, computed in float64 over float32 weights.

    `A` is their kind of array. Each function whose result can overflow raises `NotFinite`.
    """

    def pictures(self, pictures: "Pictures", mean: "Tensor", scale: "Tensor") -> A:
        """(x - mean) / scale, channel by channel, of every picture."""
        ...

    def sequences(self, sequences: "Sequences", mean: "Tensor", scale: "Tensor") -> A:
        """The same of every step."""
        ...
