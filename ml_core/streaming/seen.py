"""What is kept of a column's values where they are not: enough to judge it, and to add up over parts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from ml_core.inputs.rules import EXACT
from ml_core.tables.columns import CATEGORY
from ml_core.tables.suitability import are_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.tables.columns import Column

# So many of the smallest hashes estimate how many different values there are; fewer values are counted.
KEPT_HASHES, _FEWEST_HASHES = 1 << 14, 1 << 8
_ALL_COLUMNS_HASHES = 1 << 22
_ALL_HASHES = 1 << 64
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def kept_hashes(columns: int) -> int:
    """How many hashes are kept of each column, where there are so many columns."""
    return max(_FEWEST_HASHES, min(KEPT_HASHES, _ALL_COLUMNS_HASHES // max(1, columns)))


def mixed(numbers: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    """Each number as one that looks drawn at random (splitmix64); different ones stay different."""
    with np.errstate(over="ignore"):
        z = numbers + np.uint64(_GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
        return z ^ (z >> np.uint64(31))


class ValuesSeen(NamedTuple):
    """What was seen of a column's values; `SeenValues` of `tables/suitability.py`.

    Args:
        rows: how many rows there were.
        present: how many of them had a value.
        low, high: the least and the greatest; infinite where there is none.
        first, last: the first and the last; NaN where there is none.
        whole: whether all are whole numbers that float64 tells apart.
        rises: whether each was greater than the one before.
        days: whether all are whole numbers that look like dates.
        total: the sum of their hashes, which tells one collection of values from another.
        smallest: the smallest hashes of different values, ascending.
        infinite: the first row, from 0, that held infinity.
        most: how many hashes are kept.
    """

    rows: int = 0
    present: int = 0
    low: float = np.inf
    high: float = -np.inf
    first: float = np.nan
    last: float = np.nan
    whole: bool = True
    rises: bool = True
    days: bool = True
    total: int = 0
    smallest: "NDArray[np.uint64]" = np.empty(0, np.uint64)
    infinite: int | None = None
    most: int = KEPT_HASHES

    @classmethod
    def of(
        cls, values: "NDArray[Any]", times: "NDArray[np.int64] | None" = None, *, most: int = KEPT_HASHES
    ) -> Self:
        """What is seen of float64 values with NaN, or of words' places with -1; `times` is how often each."""
        there = ~np.isnan(values) if values.dtype.kind == "f" else values >= 0
        rows = len(values) if times is None else int(times.sum())
        known = values if there.all() else values[there]
        if not len(known):
            return cls(rows)
        if values.dtype.kind != "f":
            return cls(
                rows, len(known) if times is None else int(times[there].sum()), whole=False, days=False
            )
        often = None if times is None else times[there]
        present = len(known) if often is None else int(often.sum())
        low, high = float(known.min()), float(known.max())
        infinite = None
        if not np.isfinite(low) or not np.isfinite(high):
            infinite = int(np.flatnonzero(np.isinf(values))[0])
        whole = infinite is None and max(-low, high) < EXACT and bool((np.floor(known) == known).all())
        found = cls(
            rows, present, low, high, float(known[0]), float(known[-1]), whole=whole, infinite=infinite
        )
        if not whole:  # what counts or names rows is whole numbers
            return found._replace(rises=False, days=False)
        hashes = mixed(known.astype(np.int64).view(np.uint64))
        with np.errstate(over="ignore"):
            total = int((hashes if often is None else hashes * often.astype(np.uint64)).sum(dtype=np.uint64))
        return found._replace(
            rises=bool((np.diff(known) > 0).all()) and (often is None or bool((often == 1).all())),
            days=are_days(known),
            total=total,
            smallest=np.unique(hashes)[:most],
            most=most,
        )

    def add(self, other: "ValuesSeen") -> "ValuesSeen":
        """What was seen of these values and of others after them."""
        if not self.present or not other.present:
            held, before = (other, self.rows) if other.present else (self, 0)
            infinite = None if held.infinite is None else held.infinite + before
            return held._replace(rows=self.rows + other.rows, infinite=infinite)
        whole = self.whole and other.whole
        infinite = self.infinite
        if infinite is None and other.infinite is not None:
            infinite = other.infinite + self.rows
        return ValuesSeen(
            self.rows + other.rows,
            self.present + other.present,
            min(self.low, other.low),
            max(self.high, other.high),
            self.first,
            other.last,
            whole,
            whole and self.rises and other.rises and self.last < other.first,
            whole and self.days and other.days,
            (self.total + other.total) % _ALL_HASHES,
            np.unique(np.concatenate([self.smallest, other.smallest]))[: min(self.most, other.most)]
            if whole
            else self.smallest[:0],
            infinite,
            min(self.most, other.most),
        )

    @property
    def different(self) -> int:
        """How many different values there are; of many an estimate, to about one per cent."""
        if len(self.smallest) < self.most:
            return len(self.smallest)
        part = (int(self.smallest[-1]) + 1) / _ALL_HASHES
        return min(self.present, round((self.most - 1) / part))

    @property
    def is_count(self) -> bool:
        """Whether each whole number from the least value to the greatest is there, once."""
        if not self.whole or self.high - self.low != self.present - 1:
            return False
        total, step = 0, 1 << 20
        for begin in range(int(self.low), int(self.high) + 1, step):
            some = np.arange(begin, min(begin + step, int(self.high) + 1), dtype=np.int64)
            total += int(mixed(some.view(np.uint64)).sum(dtype=np.uint64))
        return total % _ALL_HASHES == self.total

    @property
    def first_day(self) -> float | None:
        """The first value, where all are whole numbers that look like dates; else None."""
        return self.first if self.days and self.present else None


class LookedColumn(NamedTuple):
    """A column of which it is known what it is: `Column` of `tables/columns.py` without its values.

    `missing_words`, `rule`, `integers` and `is_index` are as there; `warnings` is what is to be said of it.
    """

    name: str
    kind: str
    words: tuple[str, ...]
    rule: Any
    missing_words: dict[str, int]
    integers: bool
    is_index: bool
    seen: ValuesSeen
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, column: "Column", seen: ValuesSeen, warnings: Sequence[str] = ()) -> Self:
        """The column without its values."""
        return cls(
            column.name,
            column.kind,
            column.words,
            column.rule,
            dict(column.missing_words),
            column.integers,
            column.is_index,
            seen,
            tuple(warnings),
        )

    @property
    def is_words(self) -> bool:
        """Whether its values are places of words."""
        return self.kind == CATEGORY
