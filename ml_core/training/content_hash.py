"""Holds rows out by a keyed hash of what is in them: the same row is always on the same side.

So a row that was held out once is never trained on later, whatever was appended to the table, in whatever
order its rows are, and however it is read. Who has not the key cannot tell which rows are held out.
"""

from datetime import date
from hashlib import blake2b
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.tables.columns import CATEGORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ALL_HASHES = 1 << 64
_EPOCH = date(1970, 1, 1).toordinal()
_TRUTH = {"true": 1.0, "false": 0.0}


class HashedColumn(NamedTuple):
    """A column as it is hashed: its name, and its words where its values are places of those."""

    name: str
    kind: str
    words: "Sequence[str]"

    def content(self, values: "NDArray[np.float64]") -> "NDArray[np.uint64]":
        """What is hashed of each value; NaN is a missing one."""
        numbers = values + 0.0  # -0 is 0
        numbers[np.isnan(numbers)] = np.nan  # of many that are stored, one
        if self.kind != CATEGORY:
            return numbers.view(np.uint64)
        words = np.array([_of_word(word) for word in self.words], np.uint64)
        found = numbers.view(np.uint64).copy()
        there = ~np.isnan(numbers)
        found[there] = words[numbers[there].astype(np.int64)]
        return found


class ContentHash(NamedTuple):
    """Holds a row out if the hash of its values in some columns is below `test_fraction` of all hashes.

    The hash is BLAKE2b with the key. A smaller fraction holds out some of the same rows, and no other.
    """

    key: str
    test_fraction: float

    def held_out(
        self, columns: "Sequence[HashedColumn]", values: "Sequence[NDArray[np.float64]]"
    ) -> "NDArray[np.bool_]":
        """Whether each row is held out, given its values in each column."""
        order = sorted(range(len(columns)), key=lambda place: columns[place].name)
        table = np.stack([columns[place].content(values[place]) for place in order], axis=1)
        packed, width, key = table.astype("<u8").tobytes(), 8 * len(order), bytes.fromhex(self.key)
        hashes = b"".join(
            blake2b(packed[begin : begin + width], digest_size=8, key=key).digest()
            for begin in range(0, len(packed), width)
        )
        least_kept = min(int(self.test_fraction * _ALL_HASHES), _ALL_HASHES - 1)
        below: NDArray[np.bool_] = np.frombuffer(hashes, "<u8") < np.uint64(least_kept)
        return below


def _of_word(word: str) -> int:
    """What is hashed of a word: of a number, a date or a truth value that of the value.

    A column of numbers becomes one of words when a single word is appended; its rows stay on their sides.
    """
    value = _value_of(word)
    if value is None:
        return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
    return int(np.float64(value + 0.0).view(np.uint64))


def _value_of(word: str) -> float | None:
    if word.lower() in _TRUTH:
        return _TRUTH[word.lower()]
    try:
        number = float(word)
    except ValueError:
        pass
    else:
        return number if isfinite(number) else None
    try:
        return float(date.fromisoformat(word).toordinal() - _EPOCH)
    except ValueError:
        return None
