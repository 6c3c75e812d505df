"""JPEG pictures of training files, as numpy's arrays. Headers are read here; Pillow decodes the pixels.

Pillow is in the trainer's packages alone, cut down to what this needs (providers/deploying/packages.py).
"""

from __future__ import annotations

import io
from warnings import catch_warnings

import numpy as np

from ml_core.errors import MalformedInput
from ml_core.pictures.png import MOST_PIXELS, MOST_SIDE
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Protocol

    from ml_core.pictures.shaping import Pixels

    class Readable(Protocol):
        """What gives bytes, one after another."""

        def read(self, size: int, /) -> bytes:
            """At most so many bytes."""
            ...


_START, _END, _SCAN, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
# Frames: baseline, progressive and their kin. Of the same numbers, C4, C8 and CC are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_EXIF = b"Exif\0\0"
_ORIENTATION, _SHORT = 0x0112, 3
# How often a picture's headers go on at most, and what is read of them.
_MOST_SEGMENTS = 10_000
# A picture that is made smaller is decoded at a fraction first, as long as that is so many times as large.
_SPARE = 2


class JpegHeader(Record):
    """What a JPEG file says of itself; `orientation` is EXIF's, from 1, and the sides are as stored."""

    width: int
    height: int
    components: int
    orientation: int

    @property
    def turned(self) -> bool:
        """Whether the sides change places when the picture is turned upright."""
        return self.orientation >= 5


def is_jpeg(head: bytes) -> bool:
    """Whether a file that begins with `head` is a JPEG file."""
    return head[:3] == b"\xff\xd8\xff"


def read_header(file: Readable) -> JpegHeader:
    """What a file says before its pixels. Raises `MalformedInput`."""
    if file.read(2) != bytes((0xFF, _START)):
        raise MalformedInput("the file is no JPEG")
    orientation = 1
    for _ in range(_MOST_SEGMENTS):
        marker = _marker(file)
        if marker in _ALONE:
            continue
        if marker in (_SCAN, _END, _START):
            break
        size = int.from_bytes(file.read(2), "big")
        body = file.read(max(0, size - 2))
        if size < 2 or len(body) < size - 2:
            break
        if marker == _APP1 and body.startswith(_EXIF):
            orientation = _orientation(body[len(_EXIF) :])
        elif marker in _FRAMES:
            return _frame(body, orientation)
    raise MalformedInput("the JPEG is broken: it does not say its size")


def _marker(file: Readable) -> int:
    """The next marker, after the bytes that may fill the space before it; the end's where there is none."""
    if file.read(1) != b"\xff":
        return _END
    for _ in range(_MOST_SEGMENTS):
        marker = file.read(1)
        if marker != b"\xff":
            return marker[0] if marker else _END
    return _END


def _frame(body: bytes, orientation: int) -> JpegHeader:
    if len(body) < 6:
        raise MalformedInput("the JPEG is broken: it does not say its size")
    bits, components = body[0], body[5]
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if bits != 8 or components not in (1, 3, 4):
        raise MalformedInput(
            f"the JPEG has {components} components of {bits} bits; 1 (grey), 3 (colour) and 4 (CMYK) of 8 "
            "bits "
            "are taken"
        )
    if not width or not height:
        raise MalformedInput("the JPEG is broken: it has no pixels")
    return JpegHeader(width, height, components, orientation)


def _orientation(tiff: bytes) -> int:
    """How a picture was held, as its first directory of EXIF says; 1 where it says nothing of use."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order is None:
        return 1

    def number(begin: int, size: int) -> int:
        return int.from_bytes(tiff[begin : begin + size], "little" if order == "little" else "big")

    directory = number(4, 4)
    for place in range(min(number(directory, 2), len(tiff) // 12)):
        entry = directory + 2 + 12 * place
        if number(entry, 2) == _ORIENTATION and number(entry + 2, 2) == _SHORT:
            found = number(entry + 8, 2)
            return found if 1 <= found <= 8 else 1
    return 1


def decode(data: bytes, fit: tuple[int, int] | None = None, *, most_pixels: int = MOST_PIXELS) -> Pixels:
    """The pixels of a JPEG file, upright: height × width × 1 (grey) or 3 (RGB).

    Where it is to be made to `fit` a height and width, a large picture is decoded at a half, a quarter or an
    eighth, which is still twice as large: what is left out, the mean of many pixels hardly shows.

    Raises:
        MalformedInput: for bytes that are no JPEG file, and for more than `most_pixels`.
    """
    header = read_header(io.BytesIO(data))
    if max(header.width, header.height) > MOST_SIDE or header.width * header.height > most_pixels:
        raise MalformedInput(
            f"the JPEG has {header.height}×{header.width} pixels; at most {most_pixels} are taken, and "
            f"{MOST_SIDE} on a side"
        )
    return _upright(_decoded(data, header, fit), header.orientation)


def _decoded(data: bytes, header: JpegHeader, fit: tuple[int, int] | None) -> Pixels:
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        # Not by `Image.open`, which would try every format that Pillow knows.
        with catch_warnings(action="ignore"), JpegImageFile(io.BytesIO(data)) as image:
            _check_size(image.size, header)
            if fit is not None:
                height, width = fit if not header.turned else fit[::-1]
                image.draft(None, (_SPARE * width, _SPARE * height))
            image.load()
            if image.mode in ("L", "RGB"):
                pixels: Pixels = np.asarray(image)
            else:
                pixels = np.asarray(image.convert("RGB"))
    except (MemoryError, MalformedInput):
        raise
    except Exception as error:  # noqa: BLE001 - whatever Pillow throws at a file is the file's fault
        raise MalformedInput(f"the JPEG is broken: {_reason(error)}") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _check_size(size: tuple[int, int], header: JpegHeader) -> None:
    if size != (header.width, header.height):
        raise MalformedInput("the JPEG is broken: it says two sizes")


def _reason(error: Exception) -> str:
    """What Pillow says of a file, where that is a sentence and not an accident."""
    said = str(error)
    return "it ends too early" if "truncated" in said else "its content cannot be decoded"


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """A picture as it was seen, by EXIF's number."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
