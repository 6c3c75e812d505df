"""Margins that are linear in an encoded row: the parts of its columns in closed form.

With the expected row E, a column's part is w·(x - E) over its places: the Shapley value of either game, since
a linear margin has no interactions. Sums and products are `sumprod`'s, which rounds once, and differences are
taken before they are multiplied: columns far from zero lose no digits.
"""

from __future__ import annotations

from math import fsum, nan, sumprod

from ml_core.explaining.explanation import EXACT
from ml_core.explaining.split import MarginParts
from ml_core.records import Protocol

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ml_core.explaining.background import BackgroundGame
    from ml_core.explaining.coding import Coding

# How many numbers are kept for the pairs of labels that were asked for: eight bytes and an object each.
_KEPT_NUMBERS = 1 << 17


class LinearMargin(Protocol):
    """How far a row is on the side of one label against another."""

    weights: Sequence[float]

    def of(self, row: Sequence[float]) -> float:
        """The margin of an encoded row, which may be infinite or NaN where it overflows."""


class WeightedMargin:
    """w·x + b."""

    def __init__(self, weights: Sequence[float], constant: float) -> None:
        self.weights: Sequence[float] = weights
        self._all = (*weights, constant)

    def of(self, row: Sequence[float]) -> float:
        """The margin of an encoded row."""
        return sumprod((*row, 1.0), self._all)


class CentresMargin:
    """‖x − other‖² − ‖x − own‖²: how much nearer, in squares, the own centre is.

    It is (own − other)·((x − other) + (x − own)), which keeps the digits that squares lose to each other.
    """

    def __init__(self, own: Sequence[float], other: Sequence[float]) -> None:
        self._gaps = [p - q for p, q in zip(own, other, strict=True)]
        self._pairs = list(zip(own, other, strict=True))
        self.weights: Sequence[float] = [2.0 * gap for gap in self._gaps]

    def of(self, row: Sequence[float]) -> float:
        """The margin of an encoded row."""
        return sumprod(self._gaps, [(x - q) + (x - p) for x, (p, q) in zip(row, self._pairs, strict=True)])


class LinearParts:
    """The parts of each column, with all that does not depend on the row worked out before.

    `base` is the margin of the expected row.
    """

    def __init__(self, margin: LinearMargin, coding: Coding, expected: Sequence[float]) -> None:
        self.margin_of = margin.of
        self.base = margin.of(expected)
        weights, leading = margin.weights, coding.leading
        self._weights = weights[:leading]
        self._expected = expected[:leading]
        self._n_columns = len(coding.columns)
        self._numbers = [
            (column, place)
            for column, placed in enumerate(coding.columns)
            for place in (placed.number, placed.flag)
            if place is not None
        ]
        self._tables = [
            (column, placed.words, _table(coding, column, weights, expected))
            for column, placed in enumerate(coding.columns)
            if placed.first is not None
        ]
        in_order = [(place, place) for place in range(self._n_columns)]
        self._aligned = self._numbers == in_order and not self._tables
        self.numbers = 4 * coding.width
        """How many numbers are kept, about."""

    def of(self, values: Sequence[float], row: Sequence[float]) -> list[float]:
        """Each column's part: `values` is the row as packed, `row` as the estimator takes it."""
        # Words follow in the row.
        leading = [w * (x - e) for w, x, e in zip(self._weights, row, self._expected)]  # noqa: B905
        if self._aligned:
            return leading
        parts = [0.0] * self._n_columns
        for column, place in self._numbers:
            parts[column] += leading[place]
        for column, words, table in self._tables:
            value = values[column]
            word = words if value != value else int(value)  # noqa: PLR0124 - NaN is not
            parts[column] = table[word] if 0 <= word <= words else table[-1]
        return parts


def _table(coding: Coding, column: int, weights: Sequence[float], expected: Sequence[float]) -> list[float]:
    """The part of each word, of a missing one, and of one that is not known."""
    places = coding.columns[column].places
    ours = [weights[place] for place in places]
    means = [expected[place] for place in places]
    # One that is none of the words; of a word only its own place differs from that.
    none = coding.scaled(places, [0.0] * len(places))
    ones = coding.scaled(places, [1.0] * len(places))
    terms = [w * (x - e) for w, x, e in zip(ours, none, means, strict=True)]
    total = fsum(terms)
    changed = zip(ours, ones, none, means, strict=True)
    found = [total + w * (one - zero) for w, one, zero, _ in changed]
    if not coding.columns[column].missing_word:
        found.append(total)
    return [*found, total]


class LinearSplit:
    """Linear margins of any pair of labels, against one background."""

    method = EXACT

    def __init__(
        self, margin_of: Callable[[int, int], LinearMargin], coding: Coding, background: BackgroundGame
    ) -> None:
        self.game = background.game
        self.work = coding.width
        self._margin_of = margin_of
        self._coding = coding
        self._expected = background.expected(coding)
        self._kept: dict[tuple[int, int], LinearParts] = {}

    def of(
        self,
        values: Sequence[Sequence[float]],
        rows: Sequence[Sequence[float]],
        pairs: Sequence[tuple[int, int]],
    ) -> list[MarginParts]:
        """The margins and their parts, as `MarginSplit` says."""
        found = []
        for row_of_columns, row, pair in zip(values, rows, pairs, strict=True):
            try:
                split = self._kept.get(pair) or self._made(pair)
            except (OverflowError, ValueError):  # a sum, or the difference of two infinities
                found.append(MarginParts(nan, nan, (), nan))
                continue
            found.append(MarginParts.of(split.base, split.margin_of(row), split.of(row_of_columns, row)))
        return found

    def _made(self, pair: tuple[int, int]) -> LinearParts:
        made = LinearParts(self._margin_of(*pair), self._coding, self._expected)
        # Threads may make one twice, or keep one too many: nothing else comes of that.
        while len(self._kept) >= max(1, _KEPT_NUMBERS // made.numbers):
            self._kept.pop(next(iter(self._kept), pair), None)
        self._kept[pair] = made
        return made
