"""A network: named layers, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ml_core.networks.layers import Array, Layer

type Layers = Sequence[tuple[str, Layer]]
"""Layers in order; the parameter `weight` of the layer `dense.0` is the network's `dense.0.weight`.

A parameter named "" has its layer's name, and a layer named "" leaves its parameters theirs.
"""


def forward(layers: Layers, x: Any, random: np.random.Generator | None = None) -> Array:  # noqa: ANN401 - layers differ
    """What the last layer answers to a batch: batch × classes, before softmax."""
    for _, layer in layers:
        x = layer.forward(x, random)
    scores: Array = x
    return scores


def backward(layers: Layers, dy: Array) -> Any:  # noqa: ANN401 - as above
    """Set every layer's gradients, from the loss's gradient by what the last one answered.

    Returns the gradient by what the first layer took, None where that one was made with `first=True`.
    """
    passed: Any = dy
    for _, layer in reversed(layers):
        passed = layer.backward(passed)
    return passed


def parameters_of(layers: Layers) -> dict[str, Array]:
    """Every parameter by its full name; the arrays themselves."""
    return {_joined(name, key): array for name, layer in layers for key, array in layer.parameters.items()}


def gradients_of(layers: Layers) -> dict[str, Array]:
    """Every gradient under its parameter's full name, in the parameters' order."""
    return {_joined(name, key): layer.gradients[key] for name, layer in layers for key in layer.parameters}


def tensors_of(layers: Layers) -> dict[str, Tensor]:
    """Every parameter as a tensor of an artifact: F32, copied."""
    return {
        name: Tensor(array.shape, array.astype("<f4", copy=False).tobytes(), "F32")
        for name, array in parameters_of(layers).items()
    }


def _joined(layer: str, key: str) -> str:
    return f"{layer}.{key}" if layer and key else layer or key
