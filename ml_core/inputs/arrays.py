"""Checked pictures and sequences as everything behind them takes them, packed without numpy.

Numbers of a caller are rounded to float32, in training as in prediction: what is read is the same in both.
Pictures of whole numbers from 0 to 255 may stay bytes.
"""

from __future__ import annotations

from math import prod

from ml_core.errors import TooLarge
from ml_core.safetensors import SIZES

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_LENGTH = 1 << 31
"""The most that a model may cut sequences and texts to: what has a number of more has no meaning."""
MOST_STEPS = 1_000_000
"""How many steps the sequences of one request may have together."""


def channels_seem_first(shape: Sequence[int]) -> bool:
    """Whether a picture's three lengths are rather channels × height × width, as PyTorch has pictures.

    Files of pictures have at most 4 channels, and are higher than that.
    """
    first, _, last = shape
    return first <= 4 < last


class Pictures:
    """Pictures of one shape, one after another, each height × width × channels, the channels together.

    Args:
        packed: their numbers, little-endian.
        shape: height, width and channels.
        dtype: "F32", or "U8" for bytes.
        where: the JSON path of the list they came in.
    """

    __slots__ = ("dtype", "packed", "shape", "where")

    def __init__(
        self,
        packed: bytes | memoryview,
        shape: tuple[int, int, int],
        dtype: str = "F32",
        where: str = "$.instances",
    ) -> None:
        self.packed = packed
        self.shape = shape
        self.dtype = dtype
        self.where = where

    def __len__(self) -> int:
        return len(self.packed) // (SIZES[self.dtype] * prod(self.shape))

    def taken(self, begin: int, end: int) -> Pictures:
        """Those from `begin` to `end`, uncopied."""
        size = SIZES[self.dtype] * prod(self.shape)
        part = memoryview(self.packed)[begin * size : end * size]
        return Pictures(part, self.shape, self.dtype, self.where)


class Sequences:
    """Sequences of steps, one after another; each has a length of its own, at least 1.

    Args:
        packed: the steps' numbers, little-endian.
        width: how many numbers a step has.
        lengths: how many steps each sequence has.
        dtype: "F32", or "I64" for the numbers of words, of which a step has one.
        where: the JSON path of the list they came in.
        texts: of the numbers of words the texts that these are, as they were sent; else None.
    """

    __slots__ = ("dtype", "lengths", "packed", "texts", "where", "width")

    def __init__(
        self,
        packed: bytes | memoryview,
        width: int,
        lengths: Sequence[int],
        dtype: str = "F32",
        where: str = "$.instances",
        *,
        texts: Sequence[str] | None = None,
    ) -> None:
        self.packed = packed
        self.width = width
        self.lengths = lengths
        self.dtype = dtype
        self.where = where
        self.texts = texts

    def __len__(self) -> int:
        return len(self.lengths)


def size_of(instances: Pictures | Sequences) -> int:
    """How many pictures there are, or steps of sequences: what work is counted by."""
    return len(instances) if isinstance(instances, Pictures) else sum(instances.lengths)


def check_numbers(count: int, shape: tuple[int, int, int], most: int, where: str) -> None:
    """Raise `TooLarge` where so many pictures have more numbers than a request may, before they are read."""
    if (numbers := count * prod(shape)) > most:
        each = " × ".join(map(str, shape))
        raise TooLarge(
            f"{where} has {count:,} pictures of {each}, {numbers:,} numbers; at most {most:,} are taken "
            "in one request"
        )


def check_steps(steps: int, where: str) -> None:
    """Raise `TooLarge` for more steps than a request may have."""
    if steps > MOST_STEPS:
        raise TooLarge(f"{where} has {steps:,} steps and more; at most {MOST_STEPS:,} are taken together")
