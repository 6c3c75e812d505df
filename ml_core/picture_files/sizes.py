"""Which shape the pictures of a data set have, or are to be given."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from ml_core.errors import InvalidInput
from ml_core.picture_files.headers import PictureHeader
from ml_core.pictures.shaping import CHANNELS

type Shape = tuple[int, int, int]

SHAPE_WHERE = "$.data.image"
# What is proposed at most: small networks are trained from scratch.
_PROPOSED = 64
# How much the proportion of a picture's sides may change before it is called stretched.
_LEAST, _MOST = 0.9, 1.1


def check_shape(shape: Shape | None) -> None:
    """Raise `InvalidInput` for a shape that pictures of files are not brought to."""
    if shape is not None and shape[2] not in CHANNELS:
        raise InvalidInput.at(SHAPE_WHERE, f"expected 1, 2, 3 or 4 channels, got {shape[2]}")


def shape_of(headers: Sequence[PictureHeader], said: Shape | None) -> tuple[Shape, list[str]]:
    """The shape that all pictures are brought to, height × width × channels, and what is to be said of it.

    Raises `InvalidInput` where their sizes differ and nobody said a shape.
    """
    sizes = Counter((header.height, header.width) for header in headers)
    coloured = sum(header.colour for header in headers)
    channels = said[2] if said is not None else 3 if coloured else 1
    if said is None and len(sizes) > 1:
        low, high = min(sizes), max(sizes)
        proposed = [*_proposed(headers), channels]
        raise InvalidInput.at(
            SHAPE_WHERE,
            f"the pictures have {len(sizes)} different sizes, from {low[0]}×{low[1]} to {high[0]}×{high[1]} "
            f"(height × width): say to which they are resized, such as {proposed} (height, width, channels)",
        )
    height, width = said[:2] if said is not None else next(iter(sizes))
    return (height, width, channels), _told(headers, sizes, coloured, (height, width, channels))


def _proposed(headers: Sequence[PictureHeader]) -> list[int]:
    heights, widths = [header.height for header in headers], [header.width for header in headers]
    return [min(_PROPOSED, int(median(heights))), min(_PROPOSED, int(median(widths)))]


def _told(
    headers: Sequence[PictureHeader], sizes: Counter[tuple[int, int]], coloured: int, shape: Shape
) -> list[str]:
    told = []
    height, width, channels = shape
    others = len(headers) - sizes[height, width]
    if others:
        stretched = sum(
            count
            for (high, wide), count in sizes.items()
            if not _LEAST < high * width / (wide * height) < _MOST
        )
        told.append(
            f"{others} of {len(headers)} pictures are resized to {height}×{width}"
            + (f", {stretched} of them stretched: their sides are in another proportion" if stretched else "")
        )
    grey = len(headers) - coloured
    if channels >= 3 and grey and coloured:
        told.append(f"{grey} of {len(headers)} pictures are grey, and read as colours")
    if channels < 3 and coloured:
        told.append(f"{coloured} of {len(headers)} pictures have colours, and are read as grey")
    alpha = sum(header.alpha for header in headers)
    if channels in (1, 3) and alpha:
        told.append(
            f"{alpha} of {len(headers)} pictures may be see-through, which is left out: pixels that nobody "
            "sees "
            f"keep the colour that the file has; {channels + 1} channels keep it"
        )
    return told
