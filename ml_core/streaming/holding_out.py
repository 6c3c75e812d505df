"""Rules that hold rows out of a table whose rows are too many to be drawn from: each looks at one row alone.

At random it is a hash of the row's number. By time and by group it is the row's value.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.seen import mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ALL_HASHES = 1 << 64
# It sets these hashes apart from those that rows are drawn by for samples, which begin at the seed alone.
_OWN = 0x484F4C444F5554
PIECE_ROWS = 1 << 16


class HashedRows(NamedTuple):
    """Holds out each row whose hash is below `test_fraction` of all hashes; `moved` hashes change sides.

    The hash is splitmix64 of the row's number in the table, from 0, exclusive-or the seed's own hash. It is
    the same whatever the parts are.
    """

    seed: int
    test_fraction: float
    moved: tuple[int, ...] = ()

    def keys(self, first: int, rows: int) -> "NDArray[np.uint64]":
        """The hashes of rows from a row on, all different."""
        salt = mixed(mixed(np.array([self.seed], np.uint64)) ^ np.uint64(_OWN))
        return mixed(np.arange(first, first + rows, dtype=np.uint64) ^ salt)

    def below(self, keys: "NDArray[np.uint64]") -> "NDArray[np.bool_]":
        """Whether rows of these hashes are held out."""
        found: NDArray[np.bool_] = keys < np.uint64(
            min(int(self.test_fraction * _ALL_HASHES), _ALL_HASHES - 1)
        )
        if self.moved:
            found ^= np.isin(keys, np.array(self.moved, np.uint64))
        return found

    def held_out(self, first: int, rows: int) -> "NDArray[np.bool_]":
        """Whether rows from a row on are held out."""
        found = np.empty(rows, bool)
        for begin, some in pieces(rows):
            found[begin : begin + some] = self.below(self.keys(first + begin, some))
        return found


class ClassKeys(NamedTuple):
    """Of each value of the target: its rows, how many are held out, and the least and greatest hash."""

    values: "NDArray[np.float64]"
    rows: "NDArray[np.int64]"
    held_out: "NDArray[np.int64]"
    least: "NDArray[np.uint64]"
    greatest: "NDArray[np.uint64]"

    @classmethod
    def of(
        cls, values: "NDArray[np.float64]", keys: "NDArray[np.uint64]", held_out: "NDArray[np.bool_]"
    ) -> "ClassKeys":
        """Those of some rows."""
        return _added(values, np.ones(len(values), np.int64), held_out.astype(np.int64), keys, keys)

    def add(self, other: "ClassKeys") -> "ClassKeys":
        """Those of the rows of both."""
        return _added(*(np.concatenate(both) for both in zip(self, other, strict=True)))

    def moved(self) -> tuple[int, ...]:
        """The hashes that change sides, so that each value is on both."""
        none, every = self.held_out == 0, self.held_out == self.rows
        return tuple(sorted({*self.least[none].tolist(), *self.greatest[every].tolist()}))

    @property
    def taken(self) -> int:
        """How many rows are held out once those have changed sides."""
        return int(self.held_out.sum() + (self.held_out == 0).sum() - (self.held_out == self.rows).sum())


NO_KEYS = ClassKeys(
    np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.uint64)
)


def _added(
    values: "NDArray[np.float64]",
    rows: "NDArray[np.int64]",
    held_out: "NDArray[np.int64]",
    least: "NDArray[np.uint64]",
    greatest: "NDArray[np.uint64]",
) -> ClassKeys:
    different, places = np.unique(values, return_inverse=True)
    found = ClassKeys(
        different,
        np.zeros(len(different), np.int64),
        np.zeros(len(different), np.int64),
        np.full(len(different), _ALL_HASHES - 1, np.uint64),
        np.zeros(len(different), np.uint64),
    )
    np.add.at(found.rows, places, rows)
    np.add.at(found.held_out, places, held_out)
    np.minimum.at(found.least, places, least)
    np.maximum.at(found.greatest, places, greatest)
    return found


def pieces(rows: int) -> "Iterator[tuple[int, int]]":
    """Runs of so many rows that arrays of numbers of them are small: where each begins, and its length."""
    for begin in range(0, rows, PIECE_ROWS):
        yield begin, min(PIECE_ROWS, rows - begin)


class CountedValues(NamedTuple):
    """Different values, ascending, and how many rows have each."""

    values: "NDArray[np.float64]"
    rows: "NDArray[np.int64]"

    @classmethod
    def of(cls, values: "NDArray[np.float64]") -> "CountedValues":
        """Those of rows."""
        return cls(*np.unique(values, return_counts=True))

    def add(self, other: "CountedValues") -> "CountedValues":
        """Those of the rows of both."""
        different, places = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        rows = np.zeros(len(different), np.int64)
        np.add.at(rows, places, np.concatenate([self.rows, other.rows]))
        return CountedValues(different, rows)

    def have(self, values: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        """Whether each of other values is among them, of which there is at least one."""
        places = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        found: NDArray[np.bool_] = self.values[places] == values
        return found


NO_VALUES = CountedValues(np.empty(0), np.empty(0, np.int64))
