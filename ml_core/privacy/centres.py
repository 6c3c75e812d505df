"""k-means from noisy sums: few looks at the rows, most of the work on what was released.

Where Lloyd's method begins matters more than its noise, and a start chosen among the rows would tell of them.
So how many rows there are, and what they and their squares sum to, is released first, and points are laid
out where that says that rows are. How many rows are nearest to each and what they sum to is released once:
k-means of those noisy means, weighted by the noisy counts, is free and gives the start of two noisy steps of
Lloyd's method.
"""

from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.privacy.accounting import variance_of
from ml_core.privacy.rows import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from ml_core.privacy.budget import Noise, PrivacyBudget

    # Gives the rows in blocks, again and again: whole numbers of `rows.whole_rows`.
    type RowBlocks = Callable[[], Iterable[NDArray[np.float64]]]

CANDIDATES = 8  # for each cluster
STEPS = 2
# The shares of the budget that pay for where rows are, and for the candidates; the rest is divided among the
# steps.
PLACE, START = Fraction(1, 10), Fraction(9, 20)
# How many standard deviations from the mean candidates are laid out.
_WIDE = 2.0


class Clusters(NamedTuple):
    """What was found: centres × columns in units of 1, and about how many rows are nearest to each."""

    centres: "NDArray[np.float64]"
    sizes: "NDArray[np.float64]"


class NoisyMoments(NamedTuple):
    """How many rows there are, their sums and those of their squares, all with noise, in units of 1."""

    rows: float
    sums: "NDArray[np.float64]"
    squares: "NDArray[np.float64]"
    deviation: float
    """Of the noise of each."""

    def placed(self, points: "NDArray[np.float64]", numbers: int) -> "NDArray[np.float64]":
        """Points from -1 to 1, the first of whose columns, which are of numbers, are put where rows are."""
        rows = max(self.rows, 1.0)
        middle = np.clip(self.sums / rows, -1.0, 1.0)
        spread = np.sqrt(
            np.clip(np.maximum(self.squares / rows - middle**2, self.deviation / rows), 0.0, 1.0)
        )
        found = points.copy()
        found[:, :numbers] = np.clip((middle + _WIDE * spread * points)[:, :numbers], -1.0, 1.0)
        return found


class Nearest(NamedTuple):
    """How many rows are nearest to each point, and their sums, both with noise, in units of 1."""

    counts: "NDArray[np.float64]"
    sums: "NDArray[np.float64]"
    deviation: float
    """Of a count's noise."""

    @property
    def counted(self) -> "NDArray[np.bool_]":
        """Where more was counted than noise is wide."""
        return self.counts > self.deviation

    def means(self, otherwise: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The means of the rows; the points themselves where hardly one was counted."""
        counts = np.where(self.counted, self.counts, 1.0)[:, None]
        return np.where(self.counted[:, None], np.clip(self.sums / counts, -1.0, 1.0), otherwise)


class NearestSums:
    """Noisy sums over rows by what they are nearest to, as long as the budget lasts.

    They are all that a fit sees of the rows.

    Args:
        blocks: the rows.
        longest: no row is longer, in the units of rows.
        budget: what the releases may cost.
        noise: where the noise comes from.
    """

    def __init__(self, blocks: "RowBlocks", longest: int, budget: "PrivacyBudget", noise: "Noise") -> None:
        self.budget = budget
        self._blocks = blocks
        self._longest = longest
        self._noise = noise

    def moments(self, width: int, rho: Fraction) -> NoisyMoments:
        """Those of rows of so many columns.

        A row adds `longest` to one number, itself to a sum, and its squares in units of 1, rounded down, to
        another: together they change by √3 · longest at most, since no number of a row is above 1.
        """
        self.budget.spend(rho)
        rows, total = 0, np.zeros((2, width), np.int64)
        for X in self._blocks():
            rows += len(X)
            total += np.array([X.sum(axis=0), np.floor(X * X / UNIT).sum(axis=0)]).astype(np.int64)
        variance = variance_of(3 * self._longest**2, rho)
        (drawn,) = self._noise(variance, 1)
        total += np.array(self._noise(variance, total.size), np.int64).reshape(total.shape)
        sums, squares = total / UNIT
        return NoisyMoments(rows + drawn / self._longest, sums, squares, float(variance) ** 0.5 / UNIT)

    def nearest(self, points: "NDArray[np.float64]", rho: Fraction) -> Nearest:
        """The counts and sums of points × columns, from -1 to 1.

        A row adds itself to one sum, and what it counts to one count.
        """
        self.budget.spend(rho)
        whole = np.round(np.clip(points, -1.0, 1.0) * UNIT)
        squares = np.einsum("ij,ij->i", whole, whole)
        counts, sums = np.zeros(len(points), np.int64), np.zeros(points.shape, np.int64)
        for X in self._blocks():
            place = np.argmin(squares - 2 * (X @ whole.T), axis=1)
            chosen = np.zeros((len(X), len(points)))
            chosen[np.arange(len(X)), place] = 1.0
            counts += np.bincount(place, minlength=len(points))
            sums += (chosen.T @ X).astype(np.int64)
        count = counts_as(self._longest, points.shape[1])
        variance = variance_of(self._longest**2 + count**2, rho)
        counts = counts * count + np.array(self._noise(variance, counts.size), np.int64)
        sums += np.array(self._noise(variance, sums.size), np.int64).reshape(sums.shape)
        return Nearest(counts / count, sums / UNIT, float(variance) ** 0.5 / count)


def counts_as(longest: int, width: int) -> int:
    """What a row adds to a count: of many columns less than to sums, which have noise in each of them."""
    return max(1, round(longest / sqrt(sqrt(width))))


def centres(
    sums: NearestSums, candidates: "NDArray[np.float64]", clusters: int, *, numbers: int, seed: int
) -> Clusters:
    """The centres of so many clusters. Spends the whole budget of the sums.

    Args:
        sums: of the rows.
        candidates: points × columns, from -1 to 1, chosen without a look at the rows; at least one a cluster.
        clusters: how many.
        numbers: how many of the first columns are of numbers, which lie anywhere within bounds.
        seed: of the k-means of the released means, which depends on the rows by them alone.
    """
    from sklearn.cluster import KMeans

    rho = sums.budget.left
    placed = sums.moments(candidates.shape[1], rho * PLACE).placed(candidates, numbers)
    first = sums.nearest(placed, rho * START)
    # What noise alone could have counted has no mean that is worth anything.
    told = first.counts > 2 * first.deviation
    if told.sum() < clusters:
        told = first.counts >= np.sort(first.counts)[-clusters]
    weights = np.maximum(first.counts[told], 1.0)
    start = KMeans(clusters, n_init=10, random_state=seed)
    start.fit(first.means(placed)[told], sample_weight=weights)
    found = start.cluster_centers_
    for _ in range(STEPS):
        released = sums.nearest(found, rho * (1 - PLACE - START) / STEPS)
        found = released.means(found)
    return Clusters(found, np.maximum(released.counts, 0.0))
