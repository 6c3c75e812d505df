"""NPZ files of pictures and labels, as Keras' `mnist.npz`, MedMNIST and `numpy.savez` have them."""

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import InvalidInput
from ml_core.inputs.arrays import channels_seem_first
from ml_core.inputs.rounding import PIXELS, erased_in_array
from ml_core.picture_files.archive import WHERE, Archive
from ml_core.picture_files.labelled_arrays import (
    ArrayHeader,
    ArrayPair,
    array_headers,
    check_pair,
    pairs_of,
    read_array,
    told_of_pairs,
)
from ml_core.picture_files.sizes import SHAPE_WHERE, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What arrays of pictures are called; see `labelled_arrays.py`.
_PICTURES = ("x", "images", "image", "pictures", "data", "features", "arr_0")
_WHOLE = "bui"
# Of pixels looked at together.
_BLOCK = 1 << 22


class NpzLayout(NamedTuple):
    """The arrays that are read, the shape of a picture, how the arrays come to it, and what is to be said."""

    pairs: list[ArrayPair]
    shape: Shape
    moved: bool
    warnings: list[str]

    @property
    def pictures(self) -> int:
        """How many there are."""
        return sum(pair.samples.shape[0] for pair in self.pairs)

    @property
    def whole(self) -> bool:
        """Whether all numbers are of one byte."""
        return all(
            pair.samples.dtype.kind in "bu" and pair.samples.dtype.itemsize == 1 for pair in self.pairs
        )


def lay_out_arrays(archive: Archive, said: Shape | None) -> NpzLayout:
    """Which arrays are pictures and labels. Raises `InvalidInput` and `MalformedInput`."""
    headers = array_headers(archive)
    pairs = pairs_of(headers, _PICTURES)
    shapes = {pair.samples.shape[1:] for pair in pairs}
    if len(shapes) > 1:
        told = ", ".join(str(pair.samples) for pair in pairs)
        raise InvalidInput.at(WHERE, f"expected pictures of one shape in all arrays, got {told}")
    for pair in pairs:
        check_pair(pair, "picture")
    warnings: list[str] = []
    shape, moved = _shape_of(pairs[0].samples, said, warnings)
    warnings += told_of_pairs(headers, pairs)
    return NpzLayout(pairs, shape, moved, warnings)


def read_pixels(archive: Archive, layout: NpzLayout) -> "NDArray[Any]":
    """All pictures: uint8 where all are whole numbers from 0 to 255, else float32.

    `layout.warnings` take what rounding to that erases.
    """
    arrays = [
        _pixels(read_array(archive, pair.samples), pair.samples, layout.warnings) for pair in layout.pairs
    ]
    dtype = np.uint8 if all(array.dtype == np.uint8 for array in arrays) else np.float32
    height, width, channels = layout.shape
    whole = np.empty((layout.pictures, height, width, channels), dtype)
    begin = 0
    for array in arrays:
        target = whole[begin : begin + len(array)]
        if layout.moved:
            target[...] = array.transpose(0, 2, 3, 1)
        else:
            target[...] = array.reshape(target.shape)
        begin += len(array)
    return whole


def _shape_of(array: ArrayHeader, said: Shape | None, warnings: list[str]) -> tuple[Shape, bool]:
    """The shape of a picture, and whether its channels come first in the file."""
    found = array.shape[1:]
    if len(found) == 2:
        found = (*found, 1)
    fits = f'say "image": [height, width, channels] in data for {array}'
    if len(found) == 1 and said is not None and prod(said) == found[0]:
        return said, False
    if len(found) != 3:
        raise InvalidInput.at(
            SHAPE_WHERE,
            f"expected pictures × height × width, or × channels too, got {array}; of pixels in one row, "
            '"image": [height, width, channels] says the shape',
        )
    if not all(found):
        raise InvalidInput.at(WHERE, f"pictures without pixels: {array}")
    first = (found[1], found[2], found[0])
    if said is not None:
        if said == found:
            return said, False
        if said == first:
            return said, True
        raise InvalidInput.at(
            SHAPE_WHERE,
            f"expected {list(found)}, the shape of a picture in {array}, got {list(said)}; arrays are not "
            "resized",
        )
    if channels_seem_first(found):
        warnings.append(
            f"the channels of {array} are taken to come first: pictures of {'×'.join(map(str, first))}; "
            f"{fits} if not"
        )
        return first, True
    return (found[0], found[1], found[2]), False


def _pixels(array: "NDArray[Any]", header: ArrayHeader, warnings: list[str]) -> "NDArray[Any]":
    """Pixels as uint8, where they are whole numbers from 0 to 255, or as float32."""
    kind = array.dtype.kind
    if kind == "b" or array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if kind in _WHOLE and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    flat = single.reshape(-1)
    if not all(np.isfinite(flat[begin : begin + _BLOCK]).all() for begin in range(0, len(flat), _BLOCK)):
        place = int(np.flatnonzero(~np.isfinite(flat))[0]) // max(1, prod(array.shape[1:]))
        raise InvalidInput.at(
            WHERE, f"picture {place} of {header} holds a number that is missing, infinite or past float32"
        )
    warnings += erased_in_array(array, PIXELS)
    return single
