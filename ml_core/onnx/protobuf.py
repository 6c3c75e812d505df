"""Messages of protobuf's wire format (https://protobuf.dev/programming-guides/encoding), written only.

A message is its fields one after another; each has the field's number, how its value is written, and that.
Equal calls give equal bytes.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable

    # What is still to be joined: large tensors are not copied on the way into their message.
    type Parts = list[bytes | memoryview]

_VARINT, _LENGTH, _FIXED32 = 0, 2, 5


def integer(field: int, value: int) -> Parts:
    """An integer, of 64 bits at most."""
    return [_varint(field << 3 | _VARINT) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)]


def integers(field: int, values: Iterable[int]) -> Parts:
    """A repeated integer."""
    return [part for value in values for part in integer(field, value)]


def float32(field: int, value: float) -> Parts:
    """A number of single precision."""
    return [_varint(field << 3 | _FIXED32) + struct.pack("<f", value)]


def content(field: int, value: bytes | memoryview) -> Parts:
    """Bytes as they are."""
    return [_varint(field << 3 | _LENGTH) + _varint(len(value)), value]


def text(field: int, value: str) -> Parts:
    """A string. Raises `UnicodeEncodeError` for half a surrogate pair, which is no text."""
    return content(field, value.encode())


def message(field: int, parts: Parts) -> Parts:
    """A message within a message."""
    return [_varint(field << 3 | _LENGTH) + _varint(sum(map(len, parts))), *parts]


def joined(parts: Parts) -> bytes:
    """The message's bytes."""
    return b"".join(parts)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth bit says that more follow."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
