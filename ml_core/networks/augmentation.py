"""Small changes of pictures that leave their class: a training sees each picture in several ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from ml_core.networks.layers import Array


class PictureAugmentation:
    """Moves each picture by up to `shift` pixels in both directions, and mirrors half of them.

    What comes in at an edge repeats the edge's pixels: no value is made up, whatever the background is.

    Args:
        shift: how many pixels a picture is moved at most, each distance as likely.
        flip: whether left and right are exchanged in half of the pictures.
    """

    def __init__(self, *, shift: int = 0, flip: bool = False) -> None:
        self._shift = shift
        self._flip = flip

    def __call__(self, x: Array, random: np.random.Generator) -> Array:
        """Batch × height × width × channels, changed; x may be overwritten."""
        if self._shift:
            x = self._shifted(x, random.integers(0, 2 * self._shift + 1, (2, len(x))))
        if self._flip:
            mirrored = random.random(len(x)) < 0.5
            x[mirrored] = x[mirrored, :, ::-1]
        return x

    def _shifted(self, x: Array, corners: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Array:
        """Each picture cut, at its corner, out of one with wider edges."""
        edge = self._shift
        wider = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="edge")
        of_sample, of_row, of_column, of_channel = wider.strides
        cuts = as_strided(
            wider,
            (len(x), 2 * edge + 1, 2 * edge + 1, *x.shape[1:]),
            (of_sample, of_row, of_column, of_row, of_column, of_channel),
            writeable=False,
        )
        down, right = corners
        cut: Array = cuts[np.arange(len(x)), down, right]
        return cut
