"""The pictures of a request are counted before they are unpacked: few bytes of PNG hold a million numbers."""

import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.errors import TooLarge
from ml_core.inputs.encoded import Encoded
from ml_core.inputs.float32 import unpack32
from ml_core.inputs.frames import NO_LIMITS
from ml_core.inputs.instance_tensors import instances_from_tensors
from ml_core.inputs.rows import MOST_PICTURE_NUMBERS, Limits
from ml_core.inputs.tensors import InputTensor
from ml_core.preprocessing.picture_input import PictureInput, training_pictures
from tests.unit.handlers.conftest import asking, services_over
from tests.unit.handlers.networks import b64, network, png, register
from tests.unit.handlers.test_network_tensors import infer, infer_bytes, refused, tensor
from tests.unit.ml_core.networks_at_random import cnn

SIDE = 1024
PIXELS = SIDE * SIDE
MOST = MOST_PICTURE_NUMBERS // PIXELS
LIMITS = Limits()
GREY = PictureInput((SIDE, SIDE, 1))
MIB = 1 << 20


def black(side: int) -> bytes:
    """A PNG file of zeros, packed as small as it gets."""
    lines = zlib.compress(bytes((1 + side) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", lines), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


FILE = black(SIDE)
IN_JSON = {"b64": b64(FILE)}
RAW = {"b64": b64(bytes(PIXELS)), "dtype": "uint8"}


def peak_of(read: Callable[[], object]) -> int:
    """How many bytes were taken at once, more than there were before."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def of_tensor(datatype: str, shape: list[int], data: Any) -> object:
    given = InputTensor("input-0", datatype, shape, data)
    return instances_from_tensors(GREY, [given], LIMITS, expecting="the model")


def test_a_file_is_small_for_what_it_holds() -> None:
    assert len(b64(FILE)) < PIXELS / 500


@pytest.mark.parametrize(
    "read",
    [
        lambda count: GREY.read([IN_JSON] * count, limits=LIMITS),
        lambda count: GREY.read([{"image": IN_JSON}] * count, limits=LIMITS),
        lambda count: GREY.read([RAW] * count, limits=LIMITS),
        lambda count: GREY.of_columns([[IN_JSON] * count], lambda _, row: f"$[{row}]", "$.inputs"),
        lambda count: GREY.of_files([Encoded(FILE, None, "")] * count, "$.inputs[0].data"),
        lambda count: of_tensor("BYTES", [count], [b64(FILE)] * count),
        lambda count: of_tensor("BYTES", [count], (struct.pack("<I", len(FILE)) + FILE) * count),
        lambda count: of_tensor("UINT8", [count, SIDE, SIDE, 1], b""),
        lambda count: training_pictures([IN_JSON] * count, None, LIMITS),
        lambda count: training_pictures([RAW] * count, GREY.shape, LIMITS),
    ],
)
def test_more_numbers_than_a_request_may_have_are_refused_before_they_are_unpacked(
    read: Callable[[int], object],
) -> None:
    def ask_for_more() -> None:
        with pytest.raises(TooLarge, match=f"{MOST + 1} pictures of 1024 × 1024 × 1, 34,603,008 numbers"):
            read(MOST + 1)

    GREY.read([IN_JSON], limits=LIMITS)  # imports numpy
    assert peak_of(ask_for_more) < MIB / 2


def test_as_many_as_may_be_are_read() -> None:
    found = GREY.read([IN_JSON] * MOST, limits=LIMITS)
    assert (len(found), found.dtype, len(found.packed)) == (MOST, "U8", MOST_PICTURE_NUMBERS)
    small = PictureInput((1, 2, 1))
    with pytest.raises(TooLarge):
        small.read([[1, 2]] * 3, limits=Limits(max_picture_numbers=5))
    assert len(GREY.read([IN_JSON] * (MOST + 1), limits=NO_LIMITS)) == MOST + 1  # of a notebook


def test_pictures_are_read_into_one_buffer() -> None:
    reader = PictureInput((512, 512, 1))
    files = [{"b64": b64(black(512))}] * 80
    reader.read(files[:1], limits=LIMITS)  # imports numpy
    assert peak_of(lambda: reader.read(files, limits=LIMITS)) < 1.5 * 80 * 512 * 512


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0), (0, 0, 1), (1, 1, 0), (1, 1)])
def test_bytes_among_floats_are_the_same_numbers(order: tuple[int, ...]) -> None:
    width = 150
    bytes_of = np.arange(width * width, dtype=np.uint8).reshape(width, width)
    floats = bytes_of / np.float32(3)
    forms: list[Any] = [
        floats.tolist(),
        {"b64": b64(png(bytes_of))},
        {"b64": b64(bytes_of.tobytes()), "dtype": "uint8"},
    ]
    pictures: list[Any] = [floats, bytes_of, bytes_of]
    found = PictureInput((width, width, 1)).read([forms[place] for place in order], limits=LIMITS)
    numbers = [*found.packed] if found.dtype == "U8" else [*unpack32(found.packed)]
    assert found.dtype == ("F32" if 0 in order else "U8")
    assert numbers == np.concatenate([pictures[place].ravel() for place in order]).tolist()


def test_a_request_of_too_many_numbers_is_a_413(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    shape = (512, 512, 1)
    random = np.random.default_rng(3)
    register(
        services,
        "large",
        network(
            cnn(random, shape=shape, channels=(1, 1, 1, 1, 1, 1), classes=2),
            PictureInput(shape),
            ("a", "b"),
        ),
    )
    ask = asking(services)
    file = black(512)
    count = MOST_PICTURE_NUMBERS // 512**2 + 1
    files = [{"b64": b64(file)}] * count
    told = f"{count} pictures of 512 × 512 × 1, {count * 512**2:,} numbers; at most 33,554,432 are taken in"
    train = {"algorithm": "cnn", "instances": files, "targets": ["a", "b", *["a"] * (count - 2)]}
    for action, body, where in (
        ("predict", {"instances": files}, "$.instances has "),
        ("predict", {"inputs": {"image": files}}, "$.inputs.* has "),
        ("train", train, "$.instances has "),
    ):
        answer = ask("POST", f"/v1/models/large:{action}", json.dumps(body).encode())
        assert refused(answer, 413)[0].startswith(where + told)
    elements = tensor([b64(file)] * count, "BYTES", [count])
    assert refused(infer(ask, "large", elements), 413)[0].startswith("$.inputs[0] has " + told)
    elements = tensor([file] * count, "BYTES", [count])
    assert refused(infer_bytes(ask, "large", elements), 413)[0].startswith("$.inputs[0] has " + told)
