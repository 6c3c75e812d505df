"""Pictures brought to a model's shape: channels as by Pillow's `convert`, sizes as by its bilinear `resize`.

Training and predictions shape a picture here, and to the same bytes: all sums are of whole numbers that
float64 holds exactly, so that neither their order nor the processor matters.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    type Pixels = NDArray[np.uint8]

CHANNELS = (1, 2, 3, 4)
# ITU-R 601-2, in 65,536ths.
_LUMA = (19595, 38470, 7471)
# A pixel's share in another is a whole number of 2 ** -22.
_SHARES = 22
# So many columns or lines are made together: others do not share many pixels with them.
_TOGETHER = 16
# Numbers that are float64 at a time.
_BLOCK_NUMBERS = 1 << 20


def shaped(pixels: Pixels, shape: Sequence[int]) -> Pixels:
    """A picture, height × width × channels, in the shape of a model's."""
    height, width, channels = shape
    return resized(with_channels(pixels, channels), height, width)


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """A picture in grey (1 channel), grey and alpha (2), RGB (3), or RGB and alpha (4).

    Alpha is left out where it is not asked for, and what was see-through keeps the colour that it has in the
    file, as by Pillow, Keras and torchvision; where it is asked for and missing, it is 255.
    """
    found = pixels.shape[-1]
    if found == channels:
        return pixels
    colour = pixels[..., : found - (found in (2, 4))]
    if channels in (1, 2) and colour.shape[-1] == 3:
        colour = _grey(colour)
    elif channels in (3, 4) and colour.shape[-1] == 1:
        colour = np.repeat(colour, 3, axis=-1)
    if channels in (1, 3):
        return np.ascontiguousarray(colour)
    alpha = pixels[..., -1:] if found in (2, 4) else np.full_like(pixels[..., :1], 255)
    return np.concatenate([colour, alpha], axis=-1)


def _grey(colour: Pixels) -> Pixels:
    red, green, blue = (colour[..., place].astype(np.uint32) * share for place, share in enumerate(_LUMA))
    return ((red + green + blue + 0x8000) >> 16).astype(np.uint8)[..., None]


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """A picture in another size: the bytes of Pillow's bilinear `resize`, across and then down.

    A pixel is the mean of those that it covers, weighted by nearness; a larger picture is interpolated.
    Pillow itself begins with either side, and is a level of 255 off at most.
    """
    if pixels.shape[1] != width:
        pixels = _narrowed(pixels, width)
    if pixels.shape[0] != height:
        lines = pixels.reshape(len(pixels), -1)
        made = np.empty((height, lines.shape[1]), np.uint8)
        for part in _shares(len(pixels), height):
            made[part.made] = _rounded(part.weights.T @ lines[part.of].astype(np.float64))
        pixels = made.reshape(height, *pixels.shape[1:])
    return pixels


def _narrowed(pixels: Pixels, width: int) -> Pixels:
    lines, found, channels = pixels.shape
    made = np.empty((lines, width, channels), np.uint8)
    for part in _shares(found, width):
        step = max(1, _BLOCK_NUMBERS // (len(part.weights) * channels))
        for top in range(0, lines, step):
            some = pixels[top : top + step, part.of].transpose(0, 2, 1).astype(np.float64, order="C")
            mixed = some.reshape(-1, len(part.weights)) @ part.weights
            made[top : top + step, part.made] = (
                _rounded(mixed).reshape(*some.shape[:2], -1).transpose(0, 2, 1)
            )
    return made


def _rounded(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of pixels times shares, as pixels."""
    return np.clip((sums.astype(np.int64) + (1 << (_SHARES - 1))) >> _SHARES, 0, 255)


class _Shares:
    """Of which pixels some are made, and the share of each: those it is made of × those made."""

    __slots__ = ("made", "of", "weights")

    def __init__(self, made: slice, of: slice, weights: NDArray[np.float64]) -> None:
        self.made = made
        self.of = of
        self.weights = weights


@lru_cache(64)
def _shares(found: int, made: int) -> list[_Shares]:
    """How `made` pixels in a row come of `found` ones."""
    scale = found / made
    reach = max(scale, 1.0)
    columns: list[tuple[int, NDArray[np.float64]]] = []
    for place in range(made):
        centre = (place + 0.5) * scale
        first, last = max(0, int(centre - reach + 0.5)), min(found, int(centre + reach + 0.5))
        near = np.maximum(0.0, 1.0 - np.abs((np.arange(first, last) - centre + 0.5) / reach))
        columns.append((first, np.floor(near / near.sum() * (1 << _SHARES) + 0.5)))
    parts = []
    for begin in range(0, made, _TOGETHER):
        some = columns[begin : begin + _TOGETHER]
        first, last = some[0][0], max(start + len(near) for start, near in some)
        weights = np.zeros((last - first, len(some)))
        for place, (start, near) in enumerate(some):
            weights[start - first : start - first + len(near), place] = near
        parts.append(_Shares(slice(begin, begin + len(some)), slice(first, last), weights))
    return parts
