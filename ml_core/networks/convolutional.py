"""The network for pictures: blocks of a convolution and a pooling, then dense layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.networks import randomness
from ml_core.networks.convolution import AveragePooling, Convolution, MaxPooling
from ml_core.networks.layers import Dense, Dropout, Flatten, Relu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ml_core.inputs.samples import PictureSamples
    from ml_core.networks.layers import Array, Layer

# So many numbers are read at once where all pictures are summed up.
_BLOCK = 1 << 20
# What a layer gives is kept for its gradient, which stands beside it on the way back, once padded: of each
# number three in float32.
_BYTES_OF_NUMBER = 12
_MOST_BYTES = 128 << 20


class PictureInputs:
    """Pictures as the first layer takes them: (x - mean) / scale, as float32, made for a batch at a time.

    Args:
        samples: the pictures, uint8 or float32; kept as they are.
        mean: what is subtracted, one number for each channel.
        scale: what the rest is divided by, one for each channel.
    """

    def __init__(
        self, samples: PictureSamples, mean: NDArray[np.float32], scale: NDArray[np.float32]
    ) -> None:
        self._pictures = samples.array
        self._mean = mean
        self._scale = scale

    def __len__(self) -> int:
        return len(self._pictures)

    def batch(self, places: NDArray[np.int64]) -> Array:
        """Places × height × width × channels, float32."""
        x: Array = self._pictures[places].astype(np.float32)
        x -= self._mean
        x /= self._scale
        return x


def scaling(samples: PictureSamples, kind: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean and the scale of each channel, for `PictureInputs`.

    Args:
        samples: pictures, uint8 or float32.
        kind: "standardise" for their mean and standard deviation; "0-1" for what brings bytes from 0 to 1,
            and other numbers from their least to their greatest; "none" for 0 and 1.
    """
    pictures = samples.array
    channels = pictures.shape[-1]
    mean, scale = np.zeros(channels), np.ones(channels)
    if kind == "standardise":
        mean, scale = _moments(pictures.reshape(-1, channels))
    elif kind == "0-1" and pictures.dtype == np.uint8:
        scale[:] = 255
    elif kind == "0-1":
        mean[:] = pictures.min()
        scale[:] = pictures.max() - mean
    divisor = np.minimum(scale, np.finfo(np.float32).max).astype(np.float32)
    divisor[divisor == 0] = 1  # all numbers are equal, or as good as equal
    return mean.astype(np.float32), divisor


def _moments(pixels: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean and the standard deviation of each channel, block by block."""
    step = max(1, _BLOCK // pixels.shape[1])
    blocks = [pixels[begin : begin + step] for begin in range(0, len(pixels), step)]
    mean = np.zeros(pixels.shape[1])
    for block in blocks:
        mean += block.sum(axis=0, dtype=np.float64) / len(pixels)
    variance = np.zeros(pixels.shape[1])
    for block in blocks:
        variance += np.square(block - mean).sum(axis=0) / len(pixels)
    return mean, np.sqrt(variance)


def build(
    shape: tuple[int, int, int],
    n_classes: int,
    chosen: Mapping[str, Any],
    seed: int | None,
    *,
    to_inputs: bool = False,
) -> list[tuple[str, Layer]]:
    """The layers, with their first weights.

    Args:
        shape: height, width and channels of a picture. Each pooling halves height and width, and at least
            one pixel must be left.
        n_classes: how many numbers the last layer gives.
        chosen: "channels", "kernel_size", "pooling", "dense" and "dropout" of the hyperparameters.
        seed: what the weights are drawn from; None for zeros, which a fitted network's weights replace.
        to_inputs: whether the gradient by the pictures is asked for, in place of those by the weights.
    """
    random = randomness.zeros() if seed is None else randomness.generator(seed, *randomness.WEIGHTS)
    height, width, channels = shape
    layers: list[tuple[str, Layer]] = []
    for number, outputs in enumerate(chosen["channels"]):
        convolution = Convolution(
            channels,
            outputs,
            chosen["kernel_size"],
            random,
            first=number == 0 and not to_inputs,
            fixed=to_inputs,
        )
        layers += [(f"conv.{number}", convolution), *_pooled(chosen["pooling"])]
        height, width, channels = height // 2, width // 2, outputs
    layers.append(("", Flatten()))
    inputs = height * width * channels
    for number, outputs in enumerate([*chosen["dense"], n_classes]):
        if number:
            layers.append(("", Relu()))
        layers += [
            ("", Dropout(chosen["dropout"])),
            (f"dense.{number}", Dense(inputs, outputs, random, fixed=to_inputs)),
        ]
        inputs = outputs
    return layers


def most_at_once(shape: tuple[int, int, int], chosen: Mapping[str, Any]) -> int:
    """How many pictures may pass the layers together, so that what these keep of them takes 128 MiB.

    Args:
        shape: as for `build`.
        chosen: "channels" of the hyperparameters.
    """
    height, width, channels = shape
    numbers = 0
    for outputs in chosen["channels"]:
        numbers += height * width * (channels + outputs)
        height, width, channels = height // 2, width // 2, outputs
    return max(1, _MOST_BYTES // (_BYTES_OF_NUMBER * numbers))


def _pooled(kind: str) -> list[tuple[str, Layer]]:
    """Max pooling and ReLU give the same in either order: after the pooling there is a quarter to do."""
    if kind == "max":
        return [("", MaxPooling()), ("", Relu())]
    return [("", Relu()), ("", AveragePooling())]
