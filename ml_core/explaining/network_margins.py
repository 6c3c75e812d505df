"""The margin between two classes of a network, and its gradient, along the way from a baseline to an input.

All nodes of one way pass the layers together, and no other input does: what is told of an input does not
depend on what it is asked with.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import TYPE_CHECKING

from ml_core.explaining.gradients import ENOUGH, Integral, integrated

# After `gradients`, which imports it as `arithmetic/vectorised.py` says.
import numpy as np  # isort: skip

from ml_core.arithmetic.network import SequenceNetwork
from ml_core.networks import convolutional, recurrent
from ml_core.networks.fitted import picture_layers, sequence_choices, sequence_layers
from ml_core.networks.network import backward, forward
from ml_core.networks.sequences import SequenceBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.arithmetic.network import PictureNetwork
    from ml_core.explaining.gradients import Along
    from ml_core.networks.network import Layers

    type Floats = NDArray[np.float64]

# Layers keep in float64 what training keeps in float32, 128 MiB of it, and a function has less memory than a
# training: a quarter of the inputs pass at once, in 64 MiB. One alone may take twice as much.
_SHARE_AT_ONCE, _SHARE_ALONE = 4, 2


def fits(network: PictureNetwork | SequenceNetwork, size: int) -> bool:
    """Whether one picture, or a sequence of so many steps, passes the layers and back in 128 MiB."""
    return size <= _most_at_once(network) // _SHARE_ALONE


def _most_at_once(network: PictureNetwork | SequenceNetwork) -> int:
    """How many pictures, or steps of sequences, training would let pass at once."""
    if isinstance(network, SequenceNetwork):
        return recurrent.most_at_once(network.layers[0][0].input.inputs, sequence_choices(network))
    if not network.convolutions:
        return 1 << 12
    chosen = {"channels": [layer.outputs for layer in network.convolutions]}
    return convolutional.most_at_once(network.shape, chosen)


class NetworkMargins:
    """What a network's margins are made of; a subclass knows what its layers take."""

    def __init__(self, layers: Layers, at_once: int) -> None:
        self._layers = layers
        self._at_once = at_once

    def integrated(
        self,
        baselines: Floats,
        x: Floats,
        classes: tuple[int, int],
        *,
        together: bool,
        most_nodes: int,
    ) -> Integral:
        """What each place of x adds to the margin of the first class over the second; the mean of all ways.

        Args:
            baselines: each of the shape of x.
            x: what the first layer takes of one picture or sequence.
            classes: their numbers.
            together: whether the numbers of the last axis are one place: the channels of a pixel, or the
                vector of a token.
            most_nodes: of each way, as for `gradients.integrated`.
        """
        # What several ways are off is of either sign.
        enough = ENOUGH * sqrt(len(baselines))
        ways = [
            integrated(
                self._way(baseline, x, classes, together=together), most_nodes=most_nodes, enough=enough
            )
            for baseline in baselines
        ]
        parts: Floats = np.mean([way.parts for way in ways], axis=0)
        base = fsum(way.base for way in ways) / len(ways)
        return Integral(parts, base, ways[0].margin, sum(way.nodes for way in ways))

    def _way(self, baseline: Floats, x: Floats, classes: tuple[int, int], *, together: bool) -> Along:
        """The way from a baseline to x."""
        moved = x - baseline

        def along(nodes: Floats) -> tuple[Floats, Floats]:
            margins, parts = [], []
            at_once = self._at_once_of(x)
            for begin in range(0, len(nodes), at_once):
                some = nodes[begin : begin + at_once].reshape(-1, *[1] * x.ndim)
                margin, slope = self._margins(baseline + some * moved, classes)
                slope *= moved
                margins.append(margin)
                parts.append((slope.sum(axis=-1) if together else slope).reshape(len(some), -1))
            return np.concatenate(margins), np.concatenate(parts)

        return along

    def _margins(self, batch: Floats, classes: tuple[int, int]) -> tuple[Floats, Floats]:
        """The margin of each input of a batch, and its gradient by every number of it."""
        scores = forward(self._layers, self._taken(batch))
        label, against = classes
        margins = scores[:, label] - scores[:, against]
        slope = np.zeros_like(scores)
        slope[:, label], slope[:, against] = 1.0, -1.0
        return margins, self._given(backward(self._layers, slope), batch.shape)

    def _at_once_of(self, x: Floats) -> int:
        """How many like it may pass the layers together."""
        raise NotImplementedError

    def _taken(self, batch: Floats) -> Floats | SequenceBatch:
        """What the first layer takes of a batch."""
        raise NotImplementedError

    def _given(self, slope: Floats | SequenceBatch, shape: tuple[int, ...]) -> Floats:
        """The gradient as the batch is, from what the first layer gives back."""
        raise NotImplementedError


class PictureMargins(NetworkMargins):
    """Those of a network for pictures: height × width × channels, standardised."""

    def __init__(self, network: PictureNetwork) -> None:
        super().__init__(picture_layers(network), max(1, _most_at_once(network) // _SHARE_AT_ONCE))

    def _at_once_of(self, x: Floats) -> int:  # noqa: ARG002 - the shape
        return self._at_once

    def _taken(self, batch: Floats) -> Floats:
        return batch

    def _given(self, slope: Floats, shape: tuple[int, ...]) -> Floats:  # type: ignore[override]
        return slope.reshape(shape)


class SequenceMargins(NetworkMargins):
    """Those of a network for sequences: steps × numbers, standardised or embedded."""

    def __init__(self, network: SequenceNetwork) -> None:
        super().__init__(sequence_layers(network), _most_at_once(network) // _SHARE_AT_ONCE)

    def _at_once_of(self, x: Floats) -> int:
        return max(1, self._at_once // len(x))

    def _taken(self, batch: Floats) -> SequenceBatch:
        count, length, width = batch.shape
        steps = np.ascontiguousarray(batch.swapaxes(0, 1)).reshape(-1, width)
        return SequenceBatch(steps, np.full(length, count), np.arange(count))

    def _given(self, slope: SequenceBatch, shape: tuple[int, ...]) -> Floats:  # type: ignore[override]
        count, length, width = shape
        turned: Floats = slope.steps.reshape(length, count, width).swapaxes(0, 1)
        return turned
