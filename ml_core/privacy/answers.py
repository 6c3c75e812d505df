"""What a privately trained model answers of rows, in whole numbers, and noisy counts of it.

The answer to a row depends on that row alone: arithmetic of floats would let a row more change the last digit
of another's decision, and so its label. So these are the answers to the whole numbers that rows are made of.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ml_core.privacy.accounting import variance_of
from ml_core.privacy.logistic_sums import decisions, whole_weights
from ml_core.privacy.rows import UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ml_core.privacy.budget import Noise, PrivacyBudget

# The share of a budget that pays for how many rows are in each cluster; the rest for how far they are.
_SIZES = Fraction(1, 2)


class Answers(Protocol):
    """What a model answers."""

    def labels(self, X: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """The class or cluster of each row, whole numbers × columns."""
        ...


class LinearAnswers:
    """Those of weights, decisions × columns, in units of 1."""

    def __init__(self, weights: "NDArray[np.float64]") -> None:
        self._weights = whole_weights(weights)

    def labels(self, X: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """The class of the greatest decision, of several the first; of two classes the second above 0."""
        found = decisions(X, self._weights)
        if found.shape[1] == 1:
            return (found[:, 0] > 0).astype(np.int64)
        return np.asarray(np.argmax(found, axis=1), np.int64)


class NearestAnswers:
    """Those of centres, clusters × columns, in units of 1."""

    def __init__(self, centres: "NDArray[np.float64]") -> None:
        self._centres = np.round(np.clip(centres, -1.0, 1.0) * UNIT)
        self._squares = np.einsum("ij,ij->i", self._centres, self._centres)
        self.clusters = len(centres)

    def labels(self, X: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """The nearest centre, of several the first."""
        return np.asarray(np.argmin(self._compared(X), axis=1), np.int64)

    def squares(self, X: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """The squared distance to the nearest centre."""
        lengths = np.einsum("ij,ij->i", X, X)
        return np.asarray(lengths + self._compared(X).min(axis=1), np.int64)

    def furthest(self, longest: int) -> int:
        """The greatest squared distance that a row of bounded length may have to the nearest centre."""
        length = int(np.ceil(np.sqrt(self._squares.min())))
        return (longest + length) ** 2

    def _compared(self, X: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """|c|² − 2x·c, which is least where the distance is."""
        compared: NDArray[np.float64] = self._squares - 2 * (X @ self._centres.T)
        return compared


class NoisyCounts(NamedTuple):
    """Counts with noise, none of them below 0, and the standard deviation of the noise in each."""

    counts: "NDArray[np.int64]"
    deviation: float


class Spread(NamedTuple):
    """Of clusters: how many rows each has, and the sum of squared distances to the nearest centre."""

    sizes: NoisyCounts
    inertia: float


def counted(total: int, rho: Fraction, budget: "PrivacyBudget", noise: "Noise") -> NoisyCounts:
    """How many rows there are. One row changes it by 1."""
    return _counted(np.array([total], np.int64), rho, budget, noise)


def confusion(
    blocks: "Iterable[tuple[NDArray[np.float64], NDArray[np.int64]]]",
    answers: Answers,
    classes: int,
    budget: "PrivacyBudget",
    noise: "Noise",
) -> NoisyCounts:
    """How rows of each class are answered, classes × classes. Spends the whole budget.

    One row changes one count by 1.
    """
    total = np.zeros(classes * classes, np.int64)
    for X, y in blocks:
        total += np.bincount(y * classes + answers.labels(X), minlength=classes * classes)
    found = _counted(total, budget.left, budget, noise)
    return found._replace(counts=found.counts.reshape(classes, classes))


def spread(
    blocks: "Iterable[tuple[NDArray[np.float64], NDArray[np.int64]]]",
    answers: NearestAnswers,
    *,
    longest: int,
    budget: "PrivacyBudget",
    noise: "Noise",
) -> Spread:
    """The sizes of clusters, and how far rows are from their centres. Spends the whole budget.

    One row changes one size by 1, and the sum of squares by no more than the furthest that a row may be.
    """
    sizes, squares = np.zeros(answers.clusters, np.int64), 0
    for X, _ in blocks:
        sizes += np.bincount(answers.labels(X), minlength=answers.clusters)
        squares += int(answers.squares(X).sum())
    rho = budget.left
    found = _counted(sizes, rho * _SIZES, budget, noise)
    rest = rho * (1 - _SIZES)
    budget.spend(rest)
    (drawn,) = noise(variance_of(answers.furthest(longest) ** 2, rest), 1)
    return Spread(found, max(0, squares + drawn) / UNIT**2)


def _counted(
    total: "NDArray[np.int64]", rho: Fraction, budget: "PrivacyBudget", noise: "Noise"
) -> NoisyCounts:
    budget.spend(rho)
    variance = variance_of(1, rho)
    noisy = total + np.array(noise(variance, len(total)), np.int64)
    return NoisyCounts(_none_below(noisy), float(variance) ** 0.5)


def _none_below(noisy: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The nearest counts of which none is below 0 and that sum to the same, but for what is rounded.

    With those below 0 only brought there, many counts of noise would sum to rows that nobody has: each is
    lowered as much as that adds.
    """
    total = max(0, int(noisy.sum()))
    falling = np.sort(noisy)[::-1]
    over = (np.cumsum(falling) - total) / np.arange(1, len(noisy) + 1)
    lowered = noisy - over[max(0, int((falling > over).sum()) - 1)]
    return np.asarray(np.rint(np.maximum(lowered, 0)), np.int64)
