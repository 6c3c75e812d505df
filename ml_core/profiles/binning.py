"""The bins of a column of numbers: edges between groups of values, and what is told of each bin.

Everything is found in the sorted values, so the order of the rows changes nothing.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from itertools import pairwise
from math import ldexp, ulp
from sys import float_info
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.inputs.columns import BOOLEAN
from ml_core.profiles.profile import LEAST, NumbersProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

# An edge may be so far from its quantile, as a part of a bin's rows, for the sake of a rounder number.
_SLACK = 0.1
# How many gaps are tried where the first has no number in it.
_GAPS = 9
# So many times as far as the mean of the outer bin from its edge are `low` and `high`; or twice that, and
# again, until no value is beyond.
_FAR = Decimal(8)
_MOST_DIGITS = 17  # say any float64
_EXACT = Context(prec=2_000)  # a float64 has fewer digits, and so has a sum of two
_LARGE = ldexp(1.0, 900)


class _Groups(NamedTuple):
    """Equal values together: group i is `values[i]`, and `ends[i]` values are up to it."""

    values: "NDArray[np.float64]"
    ends: "NDArray[np.int64]"

    @property
    def counts(self) -> "NDArray[np.int64]":
        return np.diff(self.ends, prepend=0)


def numbers_profile(
    name: str, kind: str, ordered: "NDArray[np.float64]", missing: int, most: int
) -> NumbersProfile:
    """The profile of a column, given its values in ascending order without a -0.0 or NaN.

    It has at most `most` bins, each of at least `LEAST` values, and none where there are fewer than that.
    """
    if len(ordered) < LEAST:
        return NumbersProfile(name, kind, missing, (), (), (), 0.0, 0.0)
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    ends = np.append(changes, len(ordered))
    cuts = _cuts(_Groups(ordered[ends - 1], ends), most)
    edges = [edge for _, edge in cuts]
    bounds = [0, *(int(ends[group]) for group, _ in cuts), len(ordered)]
    bins = [ordered[begin:end] for begin, end in pairwise(bounds)]
    means = [_mean(each) for each in bins]
    low, high = _limits(kind, ordered, edges, means)
    counts = tuple(map(len, bins))
    return NumbersProfile(name, kind, missing, tuple(edges), counts, tuple(means), low, high)


def _cuts(groups: _Groups, most: int) -> list[tuple[int, float]]:
    """The last group of each bin but the last one, and the edge that ends it."""
    rows = int(groups.ends[-1])
    edges: dict[int, float] = {}
    for position, slack in _wanted(groups, most):
        edges.update(_edge_near(groups, position, slack))
    chosen = sorted(edges)
    ends = [0, *(int(groups.ends[group]) for group in chosen), rows]
    # What is too small, or one too many, is put to its smaller neighbour.
    while len(chosen) >= most or min(map(int.__sub__, ends[1:], ends)) < LEAST:
        sizes = [rows + 1, *map(int.__sub__, ends[1:], ends), rows + 1]
        smallest = sizes.index(min(sizes))
        cut = smallest - 1 - (sizes[smallest - 1] <= sizes[smallest + 1])
        del chosen[cut], ends[cut + 1]
    return [(group, edges[group]) for group in chosen]


def _wanted(groups: _Groups, most: int) -> list[tuple[float, float]]:
    """After how many values a bin should end, and how far from there it may.

    A value that is frequent enough has a bin of its own; those between two of these are divided evenly.
    """
    rows = int(groups.ends[-1])
    counts = groups.counts
    candidates = np.flatnonzero(counts >= LEAST)
    size, frequent = _bin_size(counts[candidates], rows, most)
    slack = min(_SLACK * size, (size - LEAST) / 2)  # no bin becomes too small by it
    wanted: list[tuple[float, float]] = []
    reached = 0
    for group in [*candidates[frequent].tolist(), len(counts)]:
        begin = int(groups.ends[group - 1]) if group else 0
        between = begin - reached
        parts = max(1, round(between / size))
        wanted += [(reached + between * part / parts, slack) for part in range(1, parts)]
        wanted += [(float(position), 0.0) for position in (reached, begin)]
        reached = int(groups.ends[group]) if group < len(counts) else rows
    return [(position, slack) for position, slack in wanted if 0 < position < rows]


def _bin_size(counts: "NDArray[np.int64]", rows: int, most: int) -> "tuple[float, NDArray[np.bool]]":
    """How many values a bin should have, and which of these counts, at least `LEAST` each, have their own."""
    size = max(rows / most, LEAST)
    frequent = counts >= size
    while True:
        own = int(frequent.sum())
        rest = rows - int(counts[frequent].sum())
        if own < most:
            size = max(rest / (most - own), LEAST)
        more = counts >= size
        if own >= most or int(more.sum()) == own:
            return size, frequent
        frequent = more


def _edge_near(groups: _Groups, position: float, slack: float) -> dict[int, float]:
    """The group after which a bin ends that should have ended after `position` values, and its edge.

    Of the gaps within `slack` values it is that of the shortest decimal. Nothing where no gap near has a
    number in it that is not a value itself.
    """
    last = len(groups.values) - 2
    nearest = min(int(np.searchsorted(groups.ends, position)), last)
    if nearest and position - groups.ends[nearest - 1] <= groups.ends[nearest] - position:
        nearest -= 1
    first = min(int(np.searchsorted(groups.ends, position - slack)), nearest)
    final = min(max(int(np.searchsorted(groups.ends, position + slack, side="right")) - 1, nearest), last)
    edge = shortest_between(float(groups.values[first]), float(groups.values[final + 1]))
    if edge is not None:
        group = int(np.searchsorted(groups.values, edge, side="right")) - 1
        if groups.values[group] != edge:
            return {group: edge}
    for group in sorted(range(first, final + 1), key=lambda group: abs(group - nearest))[:_GAPS]:
        edge = shortest_between(float(groups.values[group]), float(groups.values[group + 1]))
        if edge is not None:
            return {group: edge}
    # No number is between the two. The greater one is the edge, if it is no secret.
    if groups.ends[nearest + 1] - groups.ends[nearest] >= LEAST:
        return {nearest: float(groups.values[nearest + 1])}
    return {}


def shortest_between(low: float, high: float) -> float | None:
    """The number strictly between two that has the fewest digits, of several the one nearest the middle.

    None where there is no number between.
    """
    if low < 0 < high:
        return 0.0
    width = high - low
    middle = low + width / 2 if width <= float_info.max else low / 2 + high / 2
    if not low < middle < high:
        return None
    for digits in range(_MOST_DIGITS):
        rounded = float(f"{middle:.{digits}e}")
        if low < rounded < high:
            return rounded
    return middle


def _mean(values: "NDArray[np.float64]") -> float:
    """The mean of ascending values: exactly theirs where they are equal, and never past the outer ones."""
    first, last = float(values[0]), float(values[-1])
    if first == last:
        return first
    scale = 1.0 if max(-first, last) < _LARGE else 1 / _LARGE
    mean = float((values * scale).sum() / len(values)) / scale
    return min(max(mean, first), last)


def _limits(
    kind: str, ordered: "NDArray[np.float64]", edges: list[float], means: list[float]
) -> tuple[float, float]:
    """Round numbers beyond which a value is far from all of these, found by means alone.

    The value itself where there is but one. The two of truth values are no secret.
    """
    first, last = float(ordered[0]), float(ordered[-1])
    if kind == BOOLEAN or first == last:
        return first, last
    if edges:
        return _beyond(edges[0], means[0], first, -1), _beyond(edges[-1], means[-1], last, 1)
    centre = means[0]
    deviation = 2 * _mean(np.sort(np.abs(ordered / 2 - centre / 2)))
    below, above = max(centre - deviation, -float_info.max), min(centre + deviation, float_info.max)
    return _beyond(centre, below, first, -1), _beyond(centre, above, last, 1)


def _beyond(edge: float, mean: float, outermost: float, side: int) -> float:
    """A round number that is far from an edge as its values' mean goes, and farther than the outermost."""
    distance = _EXACT.abs(_EXACT.subtract(Decimal(mean), Decimal(edge))) or Decimal(ulp(edge))
    away, limit = _FAR, edge
    while not side * limit > side * outermost and abs(limit) < float_info.max:
        far = _EXACT.multiply(distance, away)
        exact = _EXACT.add(Decimal(edge), far.copy_sign(Decimal(side)))
        unit = Decimal((0, (1,), far.adjusted() - 1))
        rounded = exact.quantize(unit, ROUND_CEILING if side > 0 else ROUND_FLOOR, context=_EXACT)
        limit = min(max(float(rounded), -float_info.max), float_info.max)
        away *= 2
    return limit
