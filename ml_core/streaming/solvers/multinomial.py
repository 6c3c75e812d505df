"""Logistic regression of several classes at once: the sums, and what is to be least.

All classes are one machine, whose coefficients are those of each class one after the other. To move every
class by the same changes no probability: the penalty settles it for the weights, and the intercepts are
held together by their sum, 0.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.solvers.derivatives import SHARES, Derivatives, slices
from ml_core.streaming.solvers.limits import in_full
from ml_core.streaming.solvers.nearest import BEFORE, COST, MARGIN, merged, most_of, none, of_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.coordinates import Coordinates

    type Numbers = NDArray[np.float64]


class MultinomialKernel(NamedTuple):
    """The derivatives of the multinomial loss summed over rows.

    Args:
        costs: what a row's loss is multiplied by, for each class.
        coefficients: classes × coefficients of each: where to look.
        coordinates: how rows are seen.
        moved: classes × coefficients of each: the step that led there.
        along: 1 × directions × coefficients: along which it is told how the gradient turns.
        full: whether the curvature is summed in full.
        of_classes: otherwise, whether that of each class by itself is, or only the diagonal.
    """

    costs: "Numbers"
    coefficients: "Numbers"
    coordinates: "Coordinates"
    moved: "Numbers"
    along: "Numbers"
    full: bool
    of_classes: bool

    @property
    def work(self) -> int:
        """How many multiplications a row takes."""
        classes, width = len(self.coefficients), len(self.coefficients.T)
        if not self.full:
            directions: int = self.along.shape[1]
            own = (width + 1) // 2 if self.of_classes else 0
            return (4 + own + 2 * directions) * classes * width
        return classes * width * (3 + (classes + 1) * (width + 1) // 4)

    def __call__(self, X: "Numbers", y: "NDArray[np.int64] | None", /) -> Derivatives:
        """The sums over a block."""
        assert y is not None  # noqa: S101 - for the type checker: this is a classifier
        size = self.coefficients.size
        loss, gradient = np.zeros(1), np.zeros((1, size))
        width = len(self.coefficients.T)
        of_classes = (1, len(self.coefficients), width, width) if self.of_classes else (1, size)
        curvature = np.zeros((1, size, size) if self.full else of_classes)
        turned, shorter = np.zeros(self.along.shape), np.zeros((1, len(SHARES)))
        sums = Derivatives(loss, gradient, curvature, turned, shorter, none(width))
        classes, columns = self.coefficients.shape
        for some in slices(len(X), columns + classes * (1 + self.along.shape[1])):
            near = self._sum(self.coordinates.seen(X[some]), y[some], sums)
            sums = sums._replace(near=merged(sums.near, near, 1))
        return sums

    def _sum(self, rows: "Numbers", y: "NDArray[np.int64]", sums: Derivatives) -> "Numbers":
        """Add to the sums, and say which rows are near."""
        decisions = rows @ self.coefficients.T
        cost, changes = self.costs[y], rows @ self.moved.T
        for place, share in enumerate(SHARES):
            sums.shorter[0, place] += cost @ _losses(decisions - (1.0 - share) * changes, y)
        losses, shares, wrong = _looked(decisions, y, cost)
        sums.loss[0] += cost @ losses
        sums.gradient[0] += (wrong.T @ rows).ravel()
        if self.full:
            _add_curvature(sums.curvature[0], rows, shares, cost)
            width, distances = rows.shape[1], _distances(losses, wrong, y, cost)
            near = of_machine(
                0, rows, np.ones(len(y)), cost, y.astype(np.float64), distances, most_of(1, width)
            )
        else:
            near = none(rows.shape[1])
            curved = shares * (1.0 - shares) * cost[:, np.newaxis]
            if self.of_classes:
                for number, factors in enumerate(np.sqrt(curved).T):
                    rooted = rows * factors[:, np.newaxis]
                    sums.curvature[0, number] += rooted.T @ rooted
            else:
                sums.curvature[0] += (curved.T @ (rows * rows)).ravel()
            sums.turned[0] += _turned(self.along[0], rows, shares, cost)
        return near


def _losses(decisions: "Numbers", y: "NDArray[np.int64]") -> "Numbers":
    decisions = decisions - decisions.max(axis=1, keepdims=True)
    found: Numbers = np.log(np.exp(decisions).sum(axis=1)) - decisions[np.arange(len(y)), y]
    return found


def _looked(
    decisions: "Numbers", y: "NDArray[np.int64]", cost: "Numbers"
) -> "tuple[Numbers, Numbers, Numbers]":
    """Each row's loss, the probabilities of the classes, and its slope by decision times its cost."""
    each = np.arange(len(y))
    decisions = decisions - decisions.max(axis=1, keepdims=True)
    shares = np.exp(decisions)
    own = shares[each, y]
    shares[each, y] = 0.0
    others = shares.sum(axis=1)
    losses = np.where(own == 1.0, np.log1p(others), np.log(own + others) - decisions[each, y])
    total = own + others
    shares /= total[:, np.newaxis]
    wrong = shares * cost[:, np.newaxis]
    wrong[each, y] = -cost * (others / total)
    shares[each, y] = own / total
    return losses, shares, wrong


def _distances(losses: "Numbers", wrong: "Numbers", y: "NDArray[np.int64]", cost: "Numbers") -> "Numbers":
    """How far each row's decision is from where its class is as probable as all others together."""
    others = -wrong[np.arange(len(y)), y]
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = np.abs(losses + np.log(others / cost))
    return np.where(np.isnan(found), np.inf, found)


def _turned(along: "Numbers", rows: "Numbers", shares: "Numbers", cost: "Numbers") -> "Numbers":
    """How the gradient turns along directions: each class's decision, against the mean of all."""
    directions, classes = len(along), len(shares.T)
    across = (rows @ along.reshape(directions * classes, -1).T).reshape(len(rows), directions, classes)
    across -= (across @ shares[:, :, np.newaxis]).reshape(len(rows), directions, 1)
    across *= (shares * cost[:, np.newaxis])[:, np.newaxis, :]
    return (across.reshape(len(rows), -1).T @ rows).reshape(directions, -1)


def _add_curvature(into: "Numbers", rows: "Numbers", shares: "Numbers", cost: "Numbers") -> None:
    """That of each class by itself, and of each pair of classes once: each a matrix by its own transpose."""
    width = rows.shape[1]
    places = [slice(number * width, (number + 1) * width) for number in range(len(shares.T))]
    costly = np.sqrt(cost)
    for one, place in enumerate(places):
        mine = np.sqrt(shares[:, one]) * costly
        for other in range(one, len(places)):
            theirs = np.maximum(0.0, 1.0 - shares[:, one]) if other == one else shares[:, other]
            rooted = rows * (mine * np.sqrt(theirs))[:, np.newaxis]
            block = rooted.T @ rooted  # BLAS computes one half, and the other is its mirror
            if other == one:
                into[place, place] += block
            else:
                into[place, places[other]] -= block
                into[places[other], place] -= block


class KeptClasses(NamedTuple):
    """Kept rows, and where they were kept: classes × coefficients of each."""

    near: "Numbers"
    at: "Numbers"

    def looked(self, step: "Numbers") -> "tuple[float, Numbers, Callable[[], Numbers]]":
        """The sum of their losses after a step, its gradient, and what computes its curvature."""
        rows, cost, y = self.near[:, BEFORE:], self.near[:, COST], self.near[:, MARGIN].astype(np.intp)
        losses, shares, wrong = _looked(rows @ (self.at + step.reshape(self.at.shape)).T, y, cost)

        def curved() -> "Numbers":
            found = np.zeros((len(step), len(step)))
            _add_curvature(found, rows, shares, cost)
            return found

        return float(cost @ losses), (wrong.T @ rows).ravel(), curved


class MultinomialObjective:
    """Σ cost · (-log of the class's probability) + ½‖weights‖².

    Args:
        costs: what a row's loss is multiplied by, for each class.
        coordinates: how rows are seen.
        columns: how many a row has.
    """

    def __init__(self, costs: "Numbers", coordinates: "Coordinates", columns: int) -> None:
        self._costs, self._coordinates = costs, coordinates
        of_class = coordinates.ridge(columns, of_intercept=0.0)
        self.ridge = np.tile(of_class, len(costs))
        self.shape = (1, len(self.ridge))

    @property
    def pinned(self) -> "Numbers | None":
        """What holds the intercepts together in a curvature in full; None where there is none of either."""
        if not self._coordinates.intercept:
            return None
        size = len(self.ridge)
        if not in_full(1, size):
            return None
        free = (self.ridge == 0.0).astype(np.float64)
        pinned: Numbers = np.outer(free, free) / free.sum()
        return pinned

    def of_nothing(self, counts: "Sequence[int]") -> "Numbers":
        """What it is where all coefficients are 0, of so many rows of each class."""
        found: Numbers = self._costs @ np.array(counts, dtype=np.float64) * np.log([len(self._costs)])
        return found

    def kept(self, near: "Numbers", at: "Numbers") -> KeptClasses:
        """The losses of kept rows."""
        return KeptClasses(near, at.reshape(len(self._costs), -1))

    def kernel(
        self,
        machines: "NDArray[np.intp]",  # noqa: ARG002 - there is one
        coefficients: "Numbers",
        moved: "Numbers",
        along: "Numbers",
        *,
        full: bool,
    ) -> MultinomialKernel:
        """What to sum there."""
        by_class, moved = (found.reshape(len(self._costs), -1) for found in (coefficients, moved))
        of_classes = not full and in_full(*by_class.shape)
        return MultinomialKernel(self._costs, by_class, self._coordinates, moved, along, full, of_classes)
