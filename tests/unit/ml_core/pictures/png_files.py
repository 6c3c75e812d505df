"""PNG files of every kind, written by hand: Pillow writes few of them."""

import struct
import zlib
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)] + [
    (colour, depth) for colour in (4, 6) for depth in (8, 16)
]
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_file(
    samples: NDArray[Any],
    colour: int,
    depth: int,
    *,
    filters: tuple[int, ...] = (0,),
    interlaced: bool = False,
    palette: bytes = b"",
    transparent: bytes = b"",
    parts: int = 1,
) -> bytes:
    """Samples, height × width × samples of a pixel, as a PNG file whose lines are filtered in turns."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    lines = b"".join(
        _filtered(samples[top::down, left::across], depth, filters) for left, top, across, down in passes
    )
    packed = zlib.compress(lines)
    step = -(-len(packed) // parts)
    body = chunk(b"IHDR", header) + chunk(b"tEXt", b"Title\0none")
    if palette:
        body += chunk(b"PLTE", palette)
    if transparent:
        body += chunk(b"tRNS", transparent)
    for begin in range(0, len(packed), step):
        body += chunk(b"IDAT", packed[begin : begin + step])
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def _filtered(samples: NDArray[Any], depth: int, filters: tuple[int, ...]) -> bytes:
    height, width, count = samples.shape
    if not height or not width:
        return b""
    step = max(1, count * depth // 8)
    kinds = cycle(filters)
    above = [0] * len(_packed(samples[0], depth))
    lines = bytearray()
    for row in samples:
        line = list(_packed(row, depth))
        kind = next(kinds)
        lines.append(kind)
        for place, value in enumerate(line):
            left = line[place - step] if place >= step else 0
            corner = above[place - step] if place >= step else 0
            lines.append((value - _guess(kind, left, above[place], corner)) & 255)
        above = line
    return bytes(lines)


def _packed(row: NDArray[Any], depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype(np.uint8).tobytes()
    bits = ((row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(-1)).tobytes()


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    estimate = left + up - corner
    distances = [abs(estimate - each) for each in (left, up, corner)]
    return (left, up, corner)[distances.index(min(distances))]


def mixed_filters(seed: int) -> tuple[int, ...]:
    """Filters in turns, all of them among the first ten lines."""
    order = np.random.default_rng(seed).permutation([0, 1, 2, 3, 4, 4, 3, 1, 2, 0])
    return tuple(order.tolist())
