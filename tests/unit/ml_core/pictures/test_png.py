"""PNG files, read as Pillow reads them, and hostile bytes."""

import ast
import io
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from ml_core.errors import InvalidInput, MalformedInput, TooLarge
from ml_core.pictures import png
from ml_core.pictures.png import ResizingAllowance, read_png
from ml_core.pictures.shaping import resized, shaped, with_channels
from tests.unit.ml_core.pictures.png_files import KINDS, SAMPLES, chunk, mixed_filters, png_file

SIZES = [(1, 1), (1, 9), (9, 1), (8, 8), (13, 17)]


def samples_of(colour: int, depth: int, size: tuple[int, int], seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << depth, (*size, SAMPLES[colour]), dtype=np.uint16)


def palette_of(depth: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, 3 << depth, dtype=np.uint8).tobytes()


def by_pillow(data: bytes) -> NDArray[Any]:
    """Pillow's pixels, of 16 bits the upper byte, and with the axis of channels."""
    with Image.open(io.BytesIO(data)) as image:
        clear = "transparency" in image.info
        mode = {"P": "RGBA" if clear else "RGB", "1": "L"}.get(image.mode, image.mode)
        array = np.asarray(image.convert(mode))
    if array.dtype != np.uint8:
        array = (array >> 8).astype(np.uint8)
    if data[25] == 4 and array.shape[-1] == 4:  # Pillow makes colours of grey and alpha of 16 bits
        array = array[..., [0, 3]]
    return array if array.ndim == 3 else array[..., None]


@pytest.mark.parametrize("interlaced", [False, True], ids=["lines", "interlaced"])
@pytest.mark.parametrize(("colour", "depth"), KINDS)
def test_every_kind_is_read_as_by_pillow(colour: int, depth: int, interlaced: bool) -> None:
    for seed, size in enumerate(SIZES):
        samples = samples_of(colour, depth, size, seed)
        palette = palette_of(depth, seed) if colour == 3 else b""
        for filters in ((seed,), (1, 2), mixed_filters(seed)):
            data = png_file(
                samples, colour, depth, filters=filters, interlaced=interlaced, palette=palette, parts=3
            )
            assert np.array_equal(png.decode(data), by_pillow(data)), (size, filters)


@pytest.mark.parametrize(("colour", "depth"), [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8)])
def test_a_colour_that_is_declared_transparent_has_no_alpha(colour: int, depth: int) -> None:
    samples = samples_of(colour, depth, (6, 7))
    samples[2, 3] = samples[0, 0]
    clear = b"".join(struct.pack(">H", value) for value in samples[0, 0].tolist())
    read = png.decode(png_file(samples, colour, depth, transparent=clear))
    same = (samples == samples[0, 0]).all(axis=-1)
    assert same.sum() >= 2
    assert np.array_equal(read[..., -1], np.where(same, 0, 255))
    assert np.array_equal(read[..., :-1], png.decode(png_file(samples, colour, depth)))


def test_sixteen_bits_are_compared_whole_where_one_colour_is_transparent() -> None:
    samples = np.array([[[0x1234], [0x1235]]], np.uint16)
    read = png.decode(png_file(samples, 0, 16, transparent=b"\x12\x34"))
    assert read.tolist() == [[[0x12, 0], [0x12, 255]]]


def test_a_palette_may_be_transparent_in_part() -> None:
    samples = samples_of(3, 4, (5, 6))
    data = png_file(samples, 3, 4, palette=palette_of(4), transparent=bytes([0, 100, 200]))
    assert np.array_equal(png.decode(data), by_pillow(data))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_are_those_of_pillows_convert(channels: int) -> None:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        rng = np.random.default_rng(1)
        image = Image.fromarray(rng.integers(0, 256, (9, 8, 4), dtype=np.uint8)).convert(mode)
        file = io.BytesIO()
        image.save(file, "PNG")
        expected = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(9, 8, channels)
        assert np.array_equal(with_channels(png.decode(file.getvalue()), channels), expected), mode


def test_alpha_is_kept_where_it_is_asked_for() -> None:
    rng = np.random.default_rng(2)
    colours = rng.integers(0, 256, (3, 4, 4), dtype=np.uint8)
    assert with_channels(colours, 4) is colours
    assert np.array_equal(with_channels(colours, 2)[..., 1], colours[..., 3])
    assert (with_channels(colours[..., :3], 4)[..., 3] == 255).all()
    assert np.array_equal(with_channels(colours[..., :1], 3)[..., 2], colours[..., 0])


@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_is_pillows_across_and_then_down(channels: int) -> None:
    rng = np.random.default_rng(channels)
    for _ in range(150):
        height, width, new_height, new_width = map(int, rng.integers(1, 90, 4))
        pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        image = Image.fromarray(pixels.squeeze(-1) if channels == 1 else pixels)
        across = image.resize((new_width, height), Image.Resampling.BILINEAR)
        expected = np.asarray(across.resize((new_width, new_height), Image.Resampling.BILINEAR))
        found = resized(pixels, new_height, new_width)
        assert np.array_equal(found, expected.reshape(found.shape))
        at_once = np.asarray(image.resize((new_width, new_height), Image.Resampling.BILINEAR))
        assert np.abs(at_once.reshape(found.shape).astype(int) - found).max() <= 1


def test_resizing_a_photograph_in_blocks_gives_pillows_bytes() -> None:
    pixels = np.tile(load_sample_images().images[0], (3, 3, 1))
    expected = Image.fromarray(pixels).resize((64, len(pixels)), Image.Resampling.BILINEAR)
    expected = expected.resize((64, 48), Image.Resampling.BILINEAR)
    assert np.array_equal(resized(pixels, 48, 64), np.asarray(expected))


def test_pictures_that_are_alike_are_read_together_as_alone() -> None:
    files = [
        png_file(samples_of(2, 8, (9, 11), seed), 2, 8, filters=mixed_filters(seed)) for seed in range(20)
    ]
    together = png.pixels_of([png.unpack(data) for data in files])
    assert all(np.array_equal(each, png.decode(data)) for each, data in zip(together, files, strict=True))


def test_a_line_is_not_laid_out_as_a_square() -> None:
    """One pixel wide and thousands high: diagonals of all of it would take its square."""
    samples = samples_of(0, 8, (3_000, 1))
    data = png_file(samples, 0, 8, filters=(4, 3))
    png.decode(data)
    tracemalloc.start()
    try:
        read = png.decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(read, samples.astype(np.uint8))
    assert peak < 1 << 20


def bomb(width: int, height: int, packed: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bomb(100_000, 100_000, b""), "at most"),
        (bomb(16_384, 16_384, b""), "at most"),
        (bomb(2**31, 1, b""), "at most"),
        (bomb(7_000, 7_000, zlib.compress(bytes(10))), "holds less"),
        (bomb(64, 64, zlib.compress(bytes(200_000_000), 9)), None),
    ],
)
def test_no_memory_is_taken_for_what_a_bomb_says(data: bytes, says: str | None) -> None:
    tracemalloc.start()
    try:
        if says is None:
            assert png.decode(data).shape == (64, 64, 1)
        else:
            with pytest.raises(MalformedInput, match=says):
                png.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


GOOD = png_file(samples_of(2, 8, (5, 4)), 2, 8, filters=(4,))
DAMAGED = {
    "empty": b"",
    "not a PNG": b"GIF89a",
    "only the signature": GOOD[:8],
    "half of it": GOOD[: len(GOOD) // 2],
    "without its end": GOOD[:-12],
    "another byte": GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:],
    "no pixels": bomb(0, 5, b""),
    "colour type 5": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 5, 0, 0, 0)),
    "4 bits of colour": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 4, 2, 0, 0, 0)),
    "interlaced by 2": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 2)),
    "no content": bomb(1, 1, b""),
    "not deflated": bomb(1, 1, b"abcdefg"),
    "too little": bomb(2, 2, zlib.compress(bytes(5))),
    "filter 9": bomb(2, 1, zlib.compress(b"\x09\0\0")),
    "another checksum": bomb(2, 1, zlib.compress(bytes(3))[:-1] + b"\xff"),
    "a colour past the palette": png_file(np.array([[[3]]]), 3, 2, palette=bytes(9)),
    "no palette": png_file(np.array([[[0]]]), 3, 2),
    "half a palette": png_file(np.array([[[0]]]), 3, 2, palette=bytes(4)),
    "too long a palette": png_file(np.array([[[0]]]), 3, 2, palette=bytes(15)),
    "unknown critical chunk": GOOD[:33] + chunk(b"ABCD", b"") + GOOD[33:],
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_broken_file_is_malformed_input(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        png.decode(data)
    with pytest.raises(InvalidInput) as refused:
        read_png(data, (1, 1, 3), "$.instances[0].b64", allowance=ResizingAllowance())
    assert refused.value.faults[0].path == "$.instances[0].b64"


def test_what_the_standard_lets_pass_is_read() -> None:
    unknown = GOOD[:33] + chunk(b"abcd", b"anything") + GOOD[33:] + b"what follows the end"
    assert np.array_equal(png.decode(unknown), png.decode(GOOD))


def fixed(data: bytearray) -> bytes:
    """The file with the checksums of its chunks made right, so that damage reaches what is behind them."""
    begin = 8
    while begin + 12 <= len(data):
        end = begin + 8 + int.from_bytes(data[begin : begin + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[begin + 4 : end]))
        begin = end + 4
    return bytes(data)


@pytest.mark.parametrize(("colour", "depth"), KINDS)
def test_hostile_bytes_raise_nothing_else(colour: int, depth: int) -> None:
    chance = random.Random(colour * 100 + depth)  # noqa: S311 - no secret
    palette = palette_of(depth) if colour == 3 else b""
    transparent = bytes(2 * SAMPLES[colour]) if chance.random() < 0.5 else b""
    files = [
        png_file(
            samples_of(colour, depth, (6, 5)), colour, depth, filters=(0, 1, 2, 3, 4), palette=palette,
            transparent=transparent, interlaced=interlaced,
        )
        for interlaced in (False, True)
    ]  # fmt: skip
    for attempt in range(500):
        data = bytearray(chance.choice(files))
        for _ in range(chance.randint(1, 4)):
            # The header is where most harm is done.
            place = chance.randrange(8, 34) if chance.random() < 0.5 else chance.randrange(len(data))
            data[place] = chance.randrange(256)
        if attempt % 7 == 0:
            del data[chance.randrange(len(data)) :]
        for hostile in (bytes(data), fixed(data)):
            try:
                pixels = png.decode(hostile, most_pixels=1 << 16)
            except MalformedInput:
                continue
            assert pixels.dtype == np.uint8
            assert pixels.ndim == 3


def test_a_picture_of_the_models_size_is_read_in_its_channels() -> None:
    samples = samples_of(2, 8, (5, 4))
    data = png_file(samples, 2, 8)
    assert read_png(data, (5, 4, 3), "$") == samples.astype(np.uint8).tobytes()
    assert read_png(data, (5, 4, 1), "$") == with_channels(samples.astype(np.uint8), 1).tobytes()


def test_another_size_is_refused_before_it_is_unpacked_or_resized_within_an_allowance() -> None:
    data = png_file(samples_of(2, 8, (5, 4)), 2, 8)
    with pytest.raises(InvalidInput, match=r"the model expects pictures of 8×8 .* got one of 5×4"):
        read_png(data, (8, 8, 3), "$.instances[0].b64")
    allowance = ResizingAllowance()
    expected = shaped(png.decode(data), (8, 8, 3)).tobytes()
    assert read_png(data, (8, 8, 3), "$", allowance=allowance) == expected
    assert allowance.left == allowance.pixels - 20 - 256 * 9
    with pytest.raises(TooLarge, match="pixels to be resized"):
        read_png(data, (8, 8, 3), "$", allowance=ResizingAllowance(1000))


def test_the_shape_of_a_file_is_told_by_its_header() -> None:
    assert png.png_shape(png_file(samples_of(4, 8, (5, 4)), 4, 8)[:-30], "$") == (5, 4, 1)
    assert png.png_shape(png_file(samples_of(6, 8, (5, 4)), 6, 8), "$") == (5, 4, 3)
    greys = bytes(value for grey in range(16) for value in (grey, grey, grey))
    assert png.png_shape(png_file(samples_of(3, 4, (5, 4)), 3, 4, palette=greys), "$") == (5, 4, 1)
    with pytest.raises(InvalidInput, match=r"\$\.x: the file is no PNG"):
        png.png_shape(b"x", "$.x")


def test_reading_imports_numpy_and_the_standard_library_alone() -> None:
    program = (
        "import sys; import zlib, numpy; before = set(sys.modules); import ml_core.pictures.png;"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout)) <= {"__future__", "_json", "_sha2", "json", "ml_core", "numpy"}
