"""A fitted network as layers again, in float64, whose gradients go back to what the network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_core.networks import convolutional, randomness, recurrent
from ml_core.networks.network import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.arithmetic.network import Affine, PictureNetwork, RecurrentCell, SequenceNetwork
    from ml_core.networks.network import Layers
    from ml_core.safetensors import Tensor

_DIRECTIONS = (recurrent.FORWARD, recurrent.BACKWARD)


def float64(tensor: Tensor) -> NDArray[np.float64]:
    """A tensor of float32 as an array to compute with."""
    return np.frombuffer(tensor.packed, "<f4").astype(np.float64).reshape(tensor.shape)


def picture_layers(network: PictureNetwork) -> Layers:
    """The layers of a network for pictures, which take them standardised."""
    chosen = {
        "channels": [layer.outputs for layer in network.convolutions],
        "kernel_size": network.kernel_size,
        "pooling": network.pooling,
        "dense": [layer.outputs for layer in network.dense[:-1]],
        "dropout": 0.0,
    }
    layers = convolutional.build(network.shape, network.dense[-1].outputs, chosen, None, to_inputs=True)
    weights = dict([*_numbered("conv", network.convolutions), *_numbered("dense", network.dense)])
    return _with_weights(layers, weights)


def sequence_layers(network: SequenceNetwork) -> Layers:
    """The layers of a network for sequences, which take steps that are standardised or embedded already."""
    chosen = sequence_choices(network)
    inputs = network.layers[0][0].input.inputs
    layers = recurrent.build(inputs, network.head.outputs, chosen, randomness.zeros(), to_inputs=True)
    weights = dict(_affine("head", network.head))
    for number, cells in enumerate(network.layers):
        for direction, cell in zip(_DIRECTIONS, cells, strict=False):
            weights |= _cell(f"rnn.{number}.{direction}", cell)
    return _with_weights(layers, weights)


def sequence_choices(network: SequenceNetwork) -> dict[str, object]:
    """The hyperparameters that the network's layers have."""
    first = network.layers[0]
    return {
        "cell": network.cell,
        "hidden_size": first[0].width,
        "layers": len(network.layers),
        "bidirectional": len(first) == 2,
        "reads": network.reads,
        "dropout": 0.0,
    }


def _numbered(prefix: str, layers: Sequence[Affine]) -> Iterator[tuple[str, Tensor]]:
    for number, layer in enumerate(layers):
        yield from _affine(f"{prefix}.{number}", layer)


def _affine(name: str, layer: Affine) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", layer.weight
    yield f"{name}.bias", layer.bias


def _cell(name: str, cell: RecurrentCell) -> dict[str, Tensor]:
    return {
        f"{name}.input": cell.input.weight,
        f"{name}.input_bias": cell.input.bias,
        f"{name}.recurrent": cell.recurrent.weight,
        f"{name}.recurrent_bias": cell.recurrent.bias,
    }


def _with_weights(layers: Layers, weights: dict[str, Tensor]) -> Layers:
    """The layers, which compute in the type of their parameters, with a fitted network's in float64."""
    assert parameters_of(layers).keys() == weights.keys()  # noqa: S101 - the artifact was checked
    for name, layer in layers:
        for key in layer.parameters:
            layer.parameters[key] = float64(weights[f"{name}.{key}"])
    return layers
