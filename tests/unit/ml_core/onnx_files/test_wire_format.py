"""Protobuf's wire format, read: what is written comes back, and what is broken is refused where it breaks."""

import struct
from random import Random

import pytest

from ml_core.errors import InvalidInput
from ml_core.onnx import protobuf as pb
from ml_core.onnx.wire_format import FIXED32, FIXED64, VARINT, NumberRun, WireReader, packed

INTEGERS = (0, 1, 127, 128, 300, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, -1, -2, -(2**31), -(2**63))


def fields(data: bytes) -> list[tuple[int, object]]:
    """What is read, numbers as lists of integers."""
    return [
        (number, list(value.integers()) if isinstance(value, NumberRun) else bytes(value))
        for number, value in WireReader().fields(memoryview(data), "model")
    ]


def test_what_is_written_is_read() -> None:
    data = pb.joined(
        [*pb.text(1, "a"), *pb.integers(7, INTEGERS), *pb.text(300, "ü" * 200), *pb.integer(16, -3)]
    )
    assert fields(data) == [
        (1, b"a"), (7, list(INTEGERS)), (300, ("ü" * 200).encode()), (16, [-3]),
    ]  # fmt: skip


@pytest.mark.parametrize("number", INTEGERS)
@pytest.mark.parametrize("field", [1, 15, 16, 2047, 2**29 - 1])
def test_any_integer_under_any_tag(number: int, field: int) -> None:
    assert fields(pb.joined(pb.integer(field, number))) == [(field, [number])]


@pytest.mark.parametrize("length", [1, 2, 65_535, 65_536, 65_537, 200_000])
def test_runs_hold_all_of_their_numbers(length: int) -> None:
    chance = Random(length)  # noqa: S311
    numbers = [chance.choice(INTEGERS) for _ in range(length)]
    (*runs,) = WireReader().fields(memoryview(pb.joined(pb.integers(7, numbers))), "model")
    values = [value for _, value in runs]
    assert all(isinstance(value, NumberRun) for value in values)
    assert sum(value.total() for value in values if isinstance(value, NumberRun)) == length
    assert [each for value in values if isinstance(value, NumberRun) for each in value.integers()] == numbers
    assert len(runs) == -(-length // 65_536)


@pytest.mark.parametrize(("wire", "code"), [(FIXED32, "f"), (FIXED64, "d")])
@pytest.mark.parametrize("length", [1, 3, 70_000])
def test_runs_of_floating_point(wire: int, code: str, length: int) -> None:
    numbers = [place / 4 for place in range(length)]
    tagged = b"".join(bytes([7 << 3 | wire]) + struct.pack(f"<{code}", number) for number in numbers)
    found = [value for _, value in WireReader().fields(memoryview(tagged), "model")]
    assert [each for run in found if isinstance(run, NumberRun) for each in run.floats()] == numbers
    whole = packed(memoryview(struct.pack(f"<{length}{code}", *numbers)), wire, "model")
    assert (whole.total(), whole.floats()) == (length, numbers)


def test_packed_integers() -> None:
    data = b"".join(pb.joined(pb.integer(1, number))[1:] for number in INTEGERS)
    found = packed(memoryview(data), VARINT, "model")
    assert (found.total(), list(found.integers())) == (len(INTEGERS), list(INTEGERS))
    assert packed(memoryview(b""), VARINT, "model").total() == 0


LENGTH_OF_2_GB = b"\x0a\xff\xff\xff\xff\x07"


@pytest.mark.parametrize(
    "data",
    [
        *(b"\x08", b"\x08\x80", b"\x08" + b"\x80" * 10, b"\x08" + b"\xff" * 11, b"\x80", b"\xff" * 10),
        *(b"\x0a", b"\x0a\x05abcd", b"\x0a\x80", LENGTH_OF_2_GB, b"\x0a" + b"\xff" * 9 + b"\x01"),
        *(b"\x0d\0\0\0", b"\x09\0\0\0\0\0\0\0", b"\x85\x01\0\0\0", b"\x81\x01\0\0\0\0\0\0\0"),
        *(b"\x0b", b"\x0c", b"\x0b\x0c", b"\x0e", b"\x0f"),  # groups, and wire types that are none
        *(b"\x00\x00", b"\x02\x00", b"\x88\x80\x80\x80\x80\x01\x00"),  # field 0, a tag of 36 bits
        b"not a model at all",
    ],
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    for before in (b"", b"\x0a\x01a", b"\x10\x01" * 3):
        with pytest.raises(InvalidInput) as error:
            fields(before + data)
        assert [fault.path for fault in error.value.faults] == ["model"]
        assert str(error.value).startswith("model: expected ")


@pytest.mark.parametrize(
    ("data", "wire"),
    [(b"\x80", VARINT), (b"\x01" + b"\xff" * 10 + b"\x01", VARINT), (b"abc", FIXED32), (b"abcdefg", FIXED64)],
)
def test_broken_packed_numbers(data: bytes, wire: int) -> None:
    with pytest.raises(InvalidInput, match=r"^model\.x: expected packed "):
        packed(memoryview(data), wire, "model.x")


def test_every_cut_of_a_message_is_refused_or_ends_between_fields() -> None:
    whole = pb.joined([*pb.text(1, "abc"), *pb.integer(2, 300), *pb.float32(3, 1.5), *pb.integer(20, 2**40)])
    ends = {0, 5, 8, 13, len(whole)}
    for cut in range(len(whole) + 1):
        if cut in ends:
            assert fields(whole[:cut]) == fields(whole)[: sorted(ends).index(cut)]
        else:
            with pytest.raises(InvalidInput):
                fields(whole[:cut])
