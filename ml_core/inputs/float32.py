"""Numbers as float32: what networks are trained on and asked with."""

from __future__ import annotations

import struct
from math import isfinite

from ml_core.errors import shown
from ml_core.inputs.instances import wrong_number

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def pack32(numbers: Sequence[Any]) -> bytes | None:
    """Numbers as little-endian float32; None where one is no finite number of that size."""
    if not set(map(type, numbers)) <= {int, float}:
        return None
    try:
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
    except (struct.error, OverflowError):  # past the largest float32
        return None
    return packed if is_finite32(packed) else None


def unpack32(packed: bytes | memoryview) -> tuple[float, ...]:
    """The numbers that `pack32` packed."""
    return struct.unpack(f"<{len(packed) // 4}f", packed)


def is_finite32(packed: bytes | memoryview) -> bool:
    """Whether no packed number is NaN or infinite."""
    # The exponent's eight bits lie in the two highest bytes: only a number with the highest at 0x7f or 0xff
    # may be none.
    highest = bytes(packed[3::4])
    if b"\x7f" not in highest and b"\xff" not in highest:
        return True
    return all(map(isfinite, unpack32(packed)))


def wrong_number32(value: object) -> str | None:
    """What is wrong with a value that is to be a finite float32; None if nothing is."""
    told = wrong_number(value)
    if told is None and pack32([value]) is None:
        return f"expected a number of single precision, at most 3.4e38, got {shown(value)}"
    return told
