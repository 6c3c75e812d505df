"""What a file of an archive is, and how large its picture, without its pixels."""

import os
from typing import TYPE_CHECKING, NamedTuple

from ml_core.errors import MalformedInput
from ml_core.picture_files import jpeg
from ml_core.pictures import png

if TYPE_CHECKING:
    from ml_core.picture_files.jpeg import Readable

PNG, JPEG = "png", "jpeg"
TAKEN = "PNG and JPEG are taken"
# Enough to know every format by, and a PNG's header.
_HEAD = 512
# A palette, and what may stand before it.
_MOST_BEFORE_PIXELS = 1 << 16
_OTHER_PICTURES = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"\0\0\1\0": "an icon",
    b"8BPS": "a Photoshop file",
    b"\0\0\0\x0cjP": "a JPEG 2000 file",
    b"\xff\x0a": "a JPEG XL file",
    b"P5": "a PGM",
    b"P6": "a PPM",
    b"<svg": "an SVG",
}
_ARCHIVES = {
    b"PK\x03\x04": "a zip file",
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
}
_NAMED_AS_PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif"),
    *(".avif", ".svg", ".jp2", ".jxl", ".ppm", ".pgm", ".dcm"),
)


class PictureHeader(NamedTuple):
    """A picture's format, its size as it is looked at, whether it has colours, and whether it has alpha."""

    format: str
    height: int
    width: int
    colour: bool
    alpha: bool = False


def read_header(file: "Readable", name: str) -> PictureHeader | None:
    """What the picture in a file says of itself; None for a file that neither is one nor is named like one.

    Raises `MalformedInput` for a broken picture, one of another format, and an archive in the archive.
    """
    head = file.read(_HEAD)
    if png.is_png(head):
        return _of_png(head + file.read(_MOST_BEFORE_PIXELS))
    if jpeg.is_jpeg(head):
        return _of_jpeg(_After(head, file))
    named = os.path.splitext(name)[1].lower() in _NAMED_AS_PICTURES
    if not head and named:
        raise MalformedInput("it is empty")
    what = _first(_ARCHIVES, head)
    if what is not None:
        raise MalformedInput(f"it is {what} within the zip file: unpack it, and put its files there")
    what = _other_picture(head) if named else None
    if what is not None:
        raise MalformedInput(f"it is {what}; {TAKEN}: convert it")
    if named:
        raise MalformedInput(f"it is no picture of a format that is known; {TAKEN}")
    return None


def _first(kinds: dict[bytes, str], head: bytes) -> str | None:
    return next((what for magic, what in kinds.items() if head.startswith(magic)), None)


def _other_picture(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP"
    if head[4:8] == b"ftyp":
        return "an AVIF" if head[8:12] in (b"avif", b"avis") else "a HEIC"
    if head[128:132] == b"DICM":
        return "a DICOM file"
    return "an SVG" if head.lstrip().startswith((b"<?xml", b"<svg")) else _first(_OTHER_PICTURES, head)


def _of_png(head: bytes) -> PictureHeader:
    header = png.read_header(head)
    colour, alpha = png.colours_of(head)
    return PictureHeader(PNG, header.height, header.width, colour, alpha)


def _of_jpeg(file: "Readable") -> PictureHeader:
    header = jpeg.read_header(file)
    sides = (header.height, header.width)
    height, width = sides[::-1] if header.turned else sides
    return PictureHeader(JPEG, height, width, header.components > 1)


class _After:
    """A file of which the beginning was read already."""

    def __init__(self, head: bytes, file: "Readable") -> None:
        self._head = head
        self._file = file

    def read(self, size: int, /) -> bytes:
        """So many bytes, or what is left."""
        begin, self._head = self._head[:size], self._head[size:]
        return begin + self._file.read(size - len(begin)) if len(begin) < size else begin
