"""Protobuf's wire format, read (https://protobuf.dev/programming-guides/encoding); `protobuf.py` writes it.

Nothing here calls itself and nothing is copied: what a message holds are views of the file. Groups, which
ONNX never had, are refused. A file costs what its length says: numbers that stand one after another under the
same tag, as those of a tree ensemble do by the million, are found as one run by the regular expressions of C.
"""

from __future__ import annotations

import re
import struct
from functools import cache

from ml_core.errors import InvalidInput
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# More fields than this are not looked at one by one; a run of numbers counts as one.
MOST_FIELDS = 4_000_000
_LARGEST_TAG = (1 << 32) - 1
_BLOCK = 1 << 20
_WIDTHS = {FIXED64: 8, FIXED32: 4}
_HIGH = bytes(range(0x80, 0x100))


class NumberRun(Record):
    """Numbers of one field: packed into one value, or (`tag`) each with its tag of one byte before it."""

    view: memoryview
    wire: int
    tag: int

    def total(self) -> int:
        """How many there are."""
        if self.wire != VARINT:
            return len(self.view) // (_WIDTHS[self.wire] + self.tag)
        blocks = (bytes(self.view[begin : begin + _BLOCK]) for begin in range(0, len(self.view), _BLOCK))
        # The last byte of a varint is below 0x80, and so is a tag of one byte.
        return sum(len(block.translate(None, _HIGH)) for block in blocks) // (1 + self.tag)

    def integers(self) -> Iterator[int]:
        """The numbers as integers of 64 bits with a sign."""
        position = 0
        while position < len(self.view):
            value, position = _varint(self.view, position + self.tag, "")
            yield value - (1 << 64) if value >> 63 else value

    def floats(self) -> list[float]:
        """The numbers as floating point of their width."""
        code = "d" if self.wire == FIXED64 else "f"
        place = "x" if self.tag else ""
        return [number for (number,) in struct.iter_unpack(f"<{place}{code}", self.view)]


class Field(Record):
    """A field of a message: its number, and what it holds by its wire type."""

    number: int
    value: memoryview | NumberRun


class WireReader:
    """Reads the messages of one file, and counts their fields."""

    def __init__(self) -> None:
        self.fields_read = 0

    def fields(self, message: memoryview, path: str) -> Iterator[Field]:
        """The fields of a message, in the order of the file.

        Raises:
            InvalidInput: at `path`, it is no message, or the file has more than `MOST_FIELDS` fields.
        """
        position, end = 0, len(message)
        while position < end:
            self._count(path)
            begin = position
            tag, position = _varint(message, position, path)
            wire = tag & 7
            if tag > _LARGEST_TAG or tag >> 3 == 0 or wire not in (VARINT, FIXED64, LENGTH, FIXED32):
                raise _broken(path, f"a field of protobuf, got the tag {tag}", begin)
            if wire != LENGTH:
                numbers, position = _run(message, begin, position, wire, path)
                yield Field(tag >> 3, numbers)
                continue
            length, position = _varint(message, position, path)
            if length > end - position:
                raise _broken(path, f"{length:,} bytes, got {end - position:,}", position)
            yield Field(tag >> 3, message[position : position + length])
            position += length

    def _count(self, path: str) -> None:
        self.fields_read += 1
        if self.fields_read > MOST_FIELDS:
            raise InvalidInput.at(path, f"expected a file of at most {MOST_FIELDS:,} fields, got more")


def packed(view: memoryview, wire: int, path: str) -> NumberRun:
    """The numbers that are packed into one value. Raises `InvalidInput`."""
    if wire != VARINT:
        if len(view) % _WIDTHS[wire]:
            raise InvalidInput.at(
                path, f"expected packed numbers of {_WIDTHS[wire]} bytes each, got {len(view):,} bytes"
            )
    elif view and (view[-1] > 0x7F or _TOO_LONG.search(view)):
        raise InvalidInput.at(path, "expected packed integers of at most 64 bits, got others")
    return NumberRun(view, wire, 0)


_TOO_LONG = re.compile(rb"[\x80-\xff]{10}")


def _run(message: memoryview, begin: int, position: int, wire: int, path: str) -> tuple[NumberRun, int]:
    """Numbers under the same tag, from `begin` on, and where they end."""
    tagged = position - begin
    if tagged > 1:  # a tag of several bytes: no field of ONNX that is repeated has one
        end = _varint(message, position, path)[1] if wire == VARINT else position + _WIDTHS[wire]
        if end > len(message):
            raise _broken(path, f"{_WIDTHS[wire]} bytes, got {len(message) - position}", position)
        return NumberRun(message[position:end], wire, 0), end
    found = _pattern(message[begin], wire).match(message, begin)
    if found is None:
        raise _broken(path, "a whole number of protobuf, got a part of one", position)
    return NumberRun(message[begin : found.end()], wire, 1), found.end()


@cache
def _pattern(tag: int, wire: int) -> re.Pattern[bytes]:
    """A run of numbers, possessive: what was taken is not given back, so a run costs its length."""
    value = rb"[\x80-\xff]{0,9}+[\x00-\x7f]" if wire == VARINT else b".{%d}" % _WIDTHS[wire]
    return re.compile(rb"(?:" + re.escape(bytes([tag])) + value + rb"){1,65536}+", re.DOTALL)


def _varint(view: memoryview, position: int, path: str) -> tuple[int, int]:
    """An integer of at most 64 bits without a sign, and where it ends. Raises `InvalidInput`."""
    value = 0
    for place, byte in enumerate(view[position : position + 10]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + place + 1
    raise _broken(path, "an integer of protobuf, got a part of one", position)


def _broken(path: str, expected: str, position: int) -> InvalidInput:
    return InvalidInput.at(path, f"expected {expected} (byte {position:,} of it); is it a file of ONNX?")
