"""Convolution and pooling of pictures: batch × height × width × channels, the channels together.

A convolution is a product of matrices: each place's patch is one row, k·k·channels long. Patches are copied
in blocks that stay in the processor's cache, since all of them would be k·k times as large as the pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ml_core.networks.layers import WithoutParameters, uniform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ml_core.networks.layers import Array

# How many numbers of patches are copied at once: 1 MiB of float32.
BLOCK = 1 << 18


class Convolution:
    """A k × k convolution with stride 1 and zeros around the picture, so that it keeps its size; k is odd.

    `weight` is outputs × (k·k·channels), in the patches' order: row, column, channel. `bias` has one number
    for each output.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        kernel: int,
        random: np.random.Generator,
        *,
        first: bool = False,
        fixed: bool = False,
    ) -> None:
        inputs = kernel * kernel * channels
        self.parameters: dict[str, Array] = {
            "weight": uniform(random, (outputs, inputs), inputs),
            "bias": uniform(random, (outputs,), inputs),
        }
        self.gradients: dict[str, Array] = {}
        self._kernel = kernel
        self._first, self._fixed = first, fixed
        self._padded: Array = np.empty(0)

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """Batch × height × width × channels → batch × height × width × outputs."""
        self._padded = _padded(x, self._kernel)
        return _convolved(self._padded, self._kernel, self.parameters["weight"], self.parameters["bias"])

    def backward(self, dy: Array) -> Array | None:
        """The gradient by x is a convolution too: of dy, by the weights turned half around."""
        weight, kernel = self.parameters["weight"], self._kernel
        if not self._fixed:
            self._set_gradients(dy)
        if self._first:
            return None
        turned = weight.reshape(len(weight), kernel, kernel, -1)[:, ::-1, ::-1].transpose(3, 1, 2, 0)
        return _convolved(_padded(dy, kernel), kernel, turned.reshape(len(turned), -1))

    def _set_gradients(self, dy: Array) -> None:
        weight = self.parameters["weight"]
        slope, bias_slope = np.zeros_like(weight), np.zeros(len(weight), weight.dtype)
        for place, patches in _patches(self._padded, self._kernel):
            of_patches = dy[place].reshape(len(patches), -1)
            slope += of_patches.T @ patches
            bias_slope += np.ones(len(patches), dy.dtype) @ of_patches  # a sum, and faster than `sum`
        self.gradients["weight"], self.gradients["bias"] = slope, bias_slope


class MaxPooling(WithoutParameters):
    """The greatest of every 2 × 2 numbers of a channel; the last row or column of an odd size is left out.

    The gradient goes to the first of equal ones, row by row, as in PyTorch.
    """

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """Batch × height × width × channels → batch × ⌊height/2⌋ × ⌊width/2⌋ × channels."""
        self._shape = x.shape
        (left_up, right_up), (left_down, right_down) = _quarters(x)
        up, down = np.maximum(left_up, right_up), np.maximum(left_down, right_down)
        # For each four: whether the right one is taken above, and below, and whether the lower of the two is.
        self._taken = right_up > left_up, right_down > left_down, down > up
        y: Array = np.maximum(up, down, out=up)
        return y

    def backward(self, dy: Array) -> Array:
        """Where each greatest number was its gradient, and 0 elsewhere."""
        right_is_taken_up, right_is_taken_down, down_is_taken = self._taken
        dx = _empty_beside_quarters(self._shape, dy)
        (left_up, right_up), (left_down, right_down) = _quarters(dx)
        down = dy * down_is_taken
        up = np.subtract(dy, down, out=dy)
        np.multiply(up, right_is_taken_up, out=right_up)
        np.subtract(up, right_up, out=left_up)
        np.multiply(down, right_is_taken_down, out=right_down)
        np.subtract(down, right_down, out=left_down)
        return dx


class AveragePooling(WithoutParameters):
    """The mean of every 2 × 2 numbers of a channel; the last row or column of an odd size is left out."""

    def forward(self, x: Array, random: np.random.Generator | None) -> Array:  # noqa: ARG002 - the shape
        """Batch × height × width × channels → batch × ⌊height/2⌋ × ⌊width/2⌋ × channels."""
        self._shape = x.shape
        (left_up, right_up), (left_down, right_down) = _quarters(x)
        y: Array = left_up + right_up
        y += left_down
        y += right_down
        y *= 0.25
        return y

    def backward(self, dy: Array) -> Array:
        """A quarter of the gradient for each of the four."""
        dx = _empty_beside_quarters(self._shape, dy)
        dy *= 0.25
        for row in _quarters(dx):
            for quarter in row:
                quarter[...] = dy
        return dx


def _padded(x: Array, kernel: int) -> Array:
    """The pictures with as many zeros around them as the kernel reaches over their edges."""
    edge = kernel // 2
    batch, height, width, channels = x.shape
    padded = np.zeros((batch, height + 2 * edge, width + 2 * edge, channels), x.dtype)
    padded[:, edge : edge + height, edge : edge + width] = x
    return padded


def _convolved(padded: Array, kernel: int, weight: Array, bias: Array | None = None) -> Array:
    """Every patch times the weights."""
    batch, height, width, _ = padded.shape
    y = np.empty((batch, height - kernel + 1, width - kernel + 1, len(weight)), padded.dtype)
    for place, patches in _patches(padded, kernel):
        out = y[place].reshape(len(patches), -1)  # whole rows of y, so no copy
        np.matmul(patches, weight.T, out=out)
        if bias is not None:
            out += bias
    return y


def _patches(padded: Array, kernel: int) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Blocks of patches, as matrices, and the samples and rows of pictures that each is for.

    The next block is written over the one before. A block is of several pictures, or of rows of one.
    """
    batch, padded_height, padded_width, channels = padded.shape
    height, width = padded_height - kernel + 1, padded_width - kernel + 1
    of_sample, of_row, of_column, of_channel = padded.strides
    windows = as_strided(
        padded,
        (batch, height, width, kernel, kernel * channels),
        (of_sample, of_row, of_column, of_row, of_channel),
        writeable=False,
    )
    row = width * kernel * kernel * channels
    samples = min(batch, max(1, BLOCK // (height * row)))
    rows = min(height, max(1, BLOCK // row)) if samples == 1 else height
    block = np.empty((samples, rows, *windows.shape[2:]), padded.dtype)
    for sample in range(0, batch, samples):
        for begin in range(0, height, rows):
            place = slice(sample, sample + samples), slice(begin, begin + rows)
            source = windows[place]
            copied = block[: source.shape[0], : source.shape[1]]
            copied[...] = source
            yield place, copied.reshape(-1, kernel * kernel * channels)


def _quarters(x: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The numbers of every 2 × 2, as views: left and right of the upper row, then of the lower."""
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    up, down = x[:, 0:height:2], x[:, 1:height:2]
    return (up[:, :, 0:width:2], up[:, :, 1:width:2]), (down[:, :, 0:width:2], down[:, :, 1:width:2])


def _empty_beside_quarters(shape: tuple[int, ...], like: Array) -> Array:
    """An array to write the quarters of; what an odd size has left is 0."""
    dx = np.empty(shape, like.dtype)
    dx[:, shape[1] // 2 * 2 :] = 0
    dx[:, :, shape[2] // 2 * 2 :] = 0
    return dx
