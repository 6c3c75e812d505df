"""PNG pictures as numpy's arrays, by zlib and numpy alone: one reader for training and for predictions.

Of what a picture says no memory is taken before its size is checked, and no more is unpacked than its size
says. Colour profiles, gamma and EXIF are left alone, as Pillow's `convert`, Keras and torchvision leave them.
"""

from __future__ import annotations

import zlib

# Before numpy: it sets how many threads numpy has.
from ml_core.arithmetic import vectorised  # noqa: F401
from ml_core.errors import InvalidInput, MalformedInput, TooLarge
from ml_core.pictures.shaping import shaped
from ml_core.records import Record

import numpy as np  # isort: skip

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.pictures.shaping import Pixels

    type Bytes = bytes | memoryview

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 50_000_000
MOST_SIDE = 16_384
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    COLOUR: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    COLOUR_ALPHA: (8, 16),
}
# The filters of lines: each byte is told as its difference from another, or from a mean or a guess of others.
_SUB, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4
# Adam7's passes: where each begins, across and down, and how far its pixels are apart.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# Deflate packs at most so many bytes into one.
_MOST_DEFLATED = 1032
_UNDERSTOOD = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
# So many lines are undone together at least, where they stand on one another.
_LINES_TOGETHER = 256


class PngHeader(Record):
    """What a PNG file says of itself: pixels, bits a sample, and how a pixel is made of samples."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool


class PackedPng(Record):
    """A PNG file that was unpacked, its lines still filtered: an array for each pass that has any."""

    header: PngHeader
    palette: bytes
    transparent: bytes
    passes: tuple[Pixels, ...]


class ResizingAllowance:
    """How many pixels of a request's pictures may be unpacked to be resized.

    Of a long line, each pixel takes as long as some hundreds of a square: both sides are counted too.
    """

    A_SIDE = 256

    def __init__(self, pixels: int = 1 << 25) -> None:
        self.pixels = self.left = pixels

    def spend(self, header: PngHeader) -> None:
        """Count a picture. Raises `TooLarge` where the request has too many, before they are unpacked."""
        self.left -= header.height * header.width + self.A_SIDE * (header.height + header.width)
        if self.left < 0:
            raise TooLarge(
                f"the request's pictures have more than about {self.pixels} pixels to be resized: send "
                "fewer, or send "
                "them in the model's size"
            )


def png_shape(data: Bytes, where: str) -> tuple[int, int, int]:
    """Height, width and channels (1 for grey, 3 for colours) of a PNG file. Raises `InvalidInput`."""
    try:
        header, (colour, _) = read_header(data), colours_of(data)
    except MalformedInput as error:
        raise InvalidInput.at(where, str(error)) from None
    return header.height, header.width, 3 if colour else 1


def read_png(
    data: Bytes,
    shape: tuple[int, int, int],
    where: str,
    expecting: str = "the model",
    allowance: ResizingAllowance | None = None,
) -> bytes:
    """The bytes of the picture in a PNG file, in a model's shape, as they are read from training files.

    A picture of another size is refused before it is unpacked; with an allowance it is resized.

    Raises:
        InvalidInput: at `where`, for a broken file and another size.
        TooLarge: past the allowance.
    """
    try:
        header = read_header(data)
        if (header.height, header.width) != tuple(shape[:2]):
            if allowance is None:
                expected = f"{expecting} expects pictures of {shape[0]}×{shape[1]} pixels (height × width)"
                raise InvalidInput.at(where, f"{expected}, got one of {header.height}×{header.width}")
            allowance.spend(header)
        return shaped(decode(data), shape).tobytes()
    except MalformedInput as error:
        raise InvalidInput.at(where, str(error)) from None


def is_png(head: Bytes) -> bool:
    """Whether a file that begins with `head` is a PNG file."""
    return bytes(head[:8]) == SIGNATURE


def read_header(head: Bytes) -> PngHeader:
    """What the first 33 bytes of a file say. Raises `MalformedInput`."""
    name, body = next(_chunks(memoryview(head)[:33]), (b"", memoryview(b"")))
    if name != b"IHDR" or len(body) != 13:
        raise MalformedInput("the PNG is broken: it does not begin with a header of 13 bytes")
    width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    depth, colour, packing, filtering, interlacing = body[8:]
    if not width or not height:
        raise MalformedInput("the PNG is broken: it has no pixels")
    if depth not in _DEPTHS.get(colour, ()):
        raise MalformedInput(f"the PNG is broken: colour type {colour} with {depth} bits a sample")
    if packing or filtering or interlacing > 1:
        raise MalformedInput(
            "the PNG is packed, filtered or interlaced in a way that the standard does not have"
        )
    return PngHeader(width, height, depth, colour, bool(interlacing))


def colours_of(head: Bytes) -> tuple[bool, bool]:
    """Whether a picture has colours, and whether it has alpha, as far as a file's beginning says.

    A palette may hold greys alone. Raises `MalformedInput`.
    """
    header = read_header(head)
    colour = header.colour in (COLOUR, COLOUR_ALPHA, PALETTE)
    alpha = header.colour in (GREY_ALPHA, COLOUR_ALPHA)
    for name, body in _chunks(memoryview(head)):
        if name == b"PLTE" and header.colour == PALETTE:
            palette = bytes(body)
            colour = not palette[::3] == palette[1::3] == palette[2::3]
        alpha = alpha or name == b"tRNS"
        if name == b"IDAT":
            break
    return colour, alpha


def decode(data: Bytes, *, most_pixels: int = MOST_PIXELS) -> Pixels:
    """The pixels of a PNG file: height × width × 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).

    Samples of 1, 2 and 4 bits are spread over 0 to 255, of those of 16 bits the upper byte is taken.

    Raises:
        MalformedInput: for bytes that are no PNG file, and for more than `most_pixels`.
    """
    return pixels_of([unpack(data, most_pixels=most_pixels)])[0]


def unpack(data: Bytes, *, most_pixels: int = MOST_PIXELS) -> PackedPng:
    """A file's filtered lines. Raises `MalformedInput`, as `decode` does."""
    view = memoryview(data)
    header = read_header(view)
    _check_size(header, most_pixels)
    palette = transparent = b""
    packed: list[memoryview] = []
    ended = False
    for name, body in _chunks(view):
        if name == b"PLTE":
            palette = bytes(body)
        elif name == b"tRNS":
            transparent = bytes(body)
        elif name == b"IDAT":
            packed.append(body)
        elif name == b"IEND":
            ended = True
            break
    if not ended:
        raise MalformedInput("the PNG is broken: it ends too early")
    _check_palette(header, palette)
    shapes = list(_pass_shapes(header))
    lines = _inflate(b"".join(packed), sum(rows * (1 + stride) for rows, stride in shapes))
    passes, begin = [], 0
    for rows, stride in shapes:
        size = rows * (1 + stride)
        passes.append(lines[begin : begin + size].reshape(rows, 1 + stride))
        begin += size
        if passes[-1][:, 0].max() > _PAETH:
            raise MalformedInput("the PNG is broken: a line has a filter that the standard does not have")
    return PackedPng(header, palette, transparent, tuple(passes))


def pixels_of(pictures: Sequence[PackedPng]) -> list[Pixels]:
    """The pixels of pictures of one header, as `decode` gives them; many small ones are as fast as one large.

    Raises `MalformedInput` where a pixel names a colour that its palette does not have.
    """
    header = pictures[0].header
    samples = _SAMPLES[header.colour]
    step = max(1, samples * header.depth // 8)
    if not header.interlaced:
        whole = _samples_of(_unfiltered([each.passes[0] for each in pictures], step), header, header.width)
    else:
        dtype = np.uint16 if header.depth == 16 else np.uint8
        whole = np.empty((len(pictures), header.height, header.width, samples), dtype)
        for place, (left, top, across, down) in enumerate(_passes_of(header)):
            lines = _unfiltered([each.passes[place] for each in pictures], step)
            target = whole[:, top::down, left::across]
            target[...] = _samples_of(lines, header, target.shape[2])
    return [_coloured(each, picture) for each, picture in zip(whole, pictures, strict=True)]


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Names and contents of the chunks that are understood. Raises `MalformedInput`."""
    if not is_png(view):
        raise MalformedInput("the file is no PNG")
    begin = len(SIGNATURE)
    while begin + 12 <= len(view):
        size, name = int.from_bytes(view[begin : begin + 4], "big"), bytes(view[begin + 4 : begin + 8])
        end = begin + 8 + size
        if end + 4 > len(view):
            break
        if name in _UNDERSTOOD:
            if zlib.crc32(view[begin + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
                raise MalformedInput(
                    f"the PNG is broken: its chunk {name.decode()} does not fit its checksum"
                )
            yield name, view[begin + 8 : end]
        elif not name[0] & 0x20:  # a capital letter says that a picture cannot be read without it
            raise MalformedInput("the PNG is broken: it has a critical chunk that the standard does not have")
        begin = end + 4


def _check_size(header: PngHeader, most_pixels: int) -> None:
    width, height = header.width, header.height
    if max(width, height) > MOST_SIDE or width * height > most_pixels:
        raise MalformedInput(
            f"the PNG has {height}×{width} pixels; at most {most_pixels} are taken, and {MOST_SIDE} on a side"
        )


def _check_palette(header: PngHeader, palette: bytes) -> None:
    if header.colour == PALETTE and (not palette or len(palette) % 3 or len(palette) > 3 << header.depth):
        raise MalformedInput(f"the PNG is broken: a palette of {len(palette)} bytes")


def _passes_of(header: PngHeader) -> list[tuple[int, int, int, int]]:
    """The passes of an interlaced picture that have pixels."""
    return [each for each in _PASSES if each[0] < header.width and each[1] < header.height]


def _pass_shapes(header: PngHeader) -> Iterator[tuple[int, int]]:
    """Of each pass its lines, and the bytes of a line."""
    bits = _SAMPLES[header.colour] * header.depth
    passes = _passes_of(header) if header.interlaced else [(0, 0, 1, 1)]
    for left, top, across, down in passes:
        columns = (header.width - left + across - 1) // across
        yield (header.height - top + down - 1) // down, (columns * bits + 7) // 8


def _inflate(packed: bytes, size: int) -> Pixels:
    """The first `size` bytes that are packed, writable. Raises `MalformedInput` where there are fewer."""
    if size > _MOST_DEFLATED * len(packed):
        raise MalformedInput("the PNG is broken: it holds less than its size says")
    inflater = zlib.decompressobj()
    try:
        unpacked = inflater.decompress(packed, size)
        if len(unpacked) < size:
            raise MalformedInput("the PNG is broken: it holds less than its size says")
        inflater.decompress(inflater.unconsumed_tail, 1)  # reads the checksum, and no bomb
    except zlib.error:
        raise MalformedInput("the PNG is broken: its content cannot be unpacked") from None
    return np.frombuffer(unpacked, np.uint8)


def _unfiltered(pictures: Sequence[Pixels], step: int) -> Pixels:
    """The lines of pictures of one shape, without their first bytes, which say how each was filtered.

    `step` is how far the byte of the pixel on the left is away.
    """
    stacked = np.stack(pictures)
    kinds, lines = stacked[:, :, 0], np.ascontiguousarray(stacked[:, :, 1:])
    most = int(kinds.max())
    if most > _UP:
        _undo_any(lines, kinds, step)
    elif most:
        _undo_simple(lines, kinds, step)
    return lines


def _undo_simple(lines: Pixels, kinds: Pixels, step: int) -> None:
    """Undo filters that look at one neighbour: a line at a time, in place."""
    count, height, stride = lines.shape
    for row in range(height):
        if (left := kinds[:, row] == _SUB).any():
            told = lines[left, row].reshape(-1, stride // step, step)
            lines[left, row] = np.add.accumulate(told, axis=1, dtype=np.uint8).reshape(-1, stride)
        if row and (up := kinds[:, row] == _UP).any():
            if count == 1:
                lines[:, row] += lines[:, row - 1]
            else:
                lines[up, row] += lines[up, row - 1]


def _undo_any(lines: Pixels, kinds: Pixels, step: int) -> None:
    """Undo every filter, in place.

    A pixel stands on those to its left, above, and between both. So those of a diagonal can be made at once,
    of all lines and pictures: they are laid out by diagonals first.
    """
    count, height, stride = lines.shape
    width = stride // step
    together = min(height, max(width, _LINES_TOGETHER))
    above = np.zeros((width, count, step), np.uint8)
    by_pixel = lines.reshape(count, height, width, step)
    for top in range(0, height, together):
        block = by_pixel[:, top : top + together]
        rows = block.shape[1]
        # Diagonal, line, picture, byte. Two diagonals and a line of zeros stand before the first.
        skewed = np.zeros((width + rows + 1, rows + 1, count, step), np.uint8)
        diagonal, line, picture, byte = skewed.strides
        upright = np.lib.stride_tricks.as_strided(
            skewed[2:, 1:], (rows, width, count, step), (diagonal + line, diagonal, picture, byte)
        )
        upright[...] = block.transpose(1, 2, 0, 3)
        skewed[1 : width + 1, 0] = above
        _undo_diagonals(skewed, kinds[:, top : top + rows].T[:, :, None], width)
        block[...] = upright.transpose(2, 0, 1, 3)
        above = upright[-1].copy()


def _undo_diagonals(skewed: Pixels, kinds: Pixels, width: int) -> None:
    """Add to each pixel what was taken from it; `kinds` are lines × pictures × 1."""
    rows = len(kinds)
    # Paeth's guess of one neighbour alone is that neighbour: but for the mean, the filters are cases of it.
    use_left = np.where((kinds == _SUB) | (kinds == _PAETH) | (kinds == _AVERAGE), 255, 0).astype(np.uint8)
    use_up = np.where(kinds >= _UP, 255, 0).astype(np.uint8)
    use_corner = np.where(kinds == _PAETH, 255, 0).astype(np.uint8)
    is_mean = kinds == _AVERAGE
    has_means = bool(is_mean.any())
    for place in range(rows + width - 1):
        low, high = max(0, place - width + 1), min(rows, place + 1)
        part = slice(low, high)
        left = (skewed[place + 1, low + 1 : high + 1] & use_left[part]).astype(np.int16)
        up = (skewed[place + 1, part] & use_up[part]).astype(np.int16)
        corner = (skewed[place, part] & use_corner[part]).astype(np.int16)
        across, down = up - corner, left - corner
        from_left, from_up, from_corner = np.abs(across), np.abs(down), np.abs(across + down)
        guess = np.where(from_up <= from_corner, up, corner)
        guess = np.where((from_left <= from_up) & (from_left <= from_corner), left, guess)
        if has_means:
            guess = np.where(is_mean[part], (left + up) >> 1, guess)
        skewed[place + 2, low + 1 : high + 1] += guess.astype(np.uint8)


def _samples_of(lines: Pixels, header: PngHeader, width: int) -> NDArray[np.uint8 | np.uint16]:
    """Pictures × height × width × samples, as the file has them."""
    count, height, _ = lines.shape
    samples = _SAMPLES[header.colour]
    if header.depth == 16:
        return lines.view(">u2").reshape(count, height, width, samples)
    if header.depth < 8:
        shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
        mask = np.uint8((1 << header.depth) - 1)
        lines = (lines[..., None] >> shifts & mask).reshape(count, height, -1)[..., :width]
    return lines.reshape(count, height, width, samples)


def _coloured(samples: NDArray[np.uint8 | np.uint16], picture: PackedPng) -> Pixels:
    """A picture's pixels, of its samples."""
    header, transparent = picture.header, picture.transparent
    if header.colour == PALETTE:
        return _painted(samples[..., 0], picture)
    pixels = _bytes_of(samples, header.depth)
    told = 2 * _SAMPLES[header.colour]
    if header.colour in (GREY_ALPHA, COLOUR_ALPHA) or len(transparent) < told:
        return pixels
    mask = (1 << header.depth) - 1
    clear = [int.from_bytes(transparent[place : place + 2], "big") & mask for place in range(0, told, 2)]
    opaque = (samples != np.array(clear, samples.dtype)).any(axis=-1, keepdims=True)
    return np.concatenate([pixels, opaque.astype(np.uint8) * np.uint8(255)], axis=-1)


def _bytes_of(samples: NDArray[np.uint8 | np.uint16], depth: int) -> Pixels:
    if depth == 16:
        return (samples >> 8).astype(np.uint8)
    return (samples * np.uint8(255 // ((1 << depth) - 1))).astype(np.uint8, copy=False)


def _painted(places: NDArray[np.uint8 | np.uint16], picture: PackedPng) -> Pixels:
    colours = np.frombuffer(picture.palette, np.uint8).reshape(-1, 3)
    if int(places.max()) >= len(colours):
        raise MalformedInput(
            f"the PNG is broken: a pixel names a colour past the {len(colours)} of its palette"
        )
    if picture.transparent:
        alpha = np.full((len(colours), 1), 255, np.uint8)
        told = np.frombuffer(picture.transparent, np.uint8)[: len(colours)]
        alpha[: len(told), 0] = told
        colours = np.concatenate([colours, alpha], axis=1)
    return colours[places]
