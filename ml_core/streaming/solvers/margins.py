"""Sums for machines that each tell some classes from others by one linear decision.

Two classes are one machine; one versus rest is a machine for each class, one versus one for each pair. A
pass sums for all of them that are not done.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.solvers.derivatives import SHARES, Derivatives, slices
from ml_core.streaming.solvers.losses import BENDS, LOSSES
from ml_core.streaming.solvers.nearest import merged, most_of, none, of_machine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.coordinates import Coordinates

    type Numbers = NDArray[np.float64]


class Machines(NamedTuple):
    """What machines tell apart.

    Args:
        signs: machines × classes: 1 where a machine's decision is to be positive, -1 negative, 0 where it
            does not look at rows of the class.
        costs: machines × classes: what each such row's loss is multiplied by.
    """

    signs: "Numbers"
    costs: "Numbers"


class MarginKernel(NamedTuple):
    """The derivatives of a loss summed over rows, for some machines.

    Args:
        loss: its name in `LOSSES`.
        machines: those that are summed for, as all arguments below.
        coefficients: machines × coefficients: where to look.
        coordinates: how rows are seen.
        moved: machines × coefficients: the step that led there.
        along: machines × directions × coefficients: along which it is told how gradients turn.
        full: whether the curvature is summed in full, or its diagonal.
    """

    loss: str
    machines: Machines
    coefficients: "Numbers"
    coordinates: "Coordinates"
    moved: "Numbers"
    along: "Numbers"
    full: bool

    @property
    def work(self) -> int:
        """How many multiplications a row takes at most."""
        machines, width = len(self.coefficients), len(self.coefficients.T)
        return machines * width * ((width + 5) // 2 if self.full else 4 + 2 * self.along.shape[1])

    def __call__(self, X: "Numbers", y: "NDArray[np.int64] | None", /) -> Derivatives:
        """The sums over a block."""
        assert y is not None  # noqa: S101 - for the type checker: these are classifiers
        machines, width = self.coefficients.shape
        sums = Derivatives(
            np.zeros(machines),
            np.zeros((machines, width)),
            np.zeros((machines, width, width) if self.full else (machines, width)),
            np.zeros(self.along.shape),
            np.zeros((machines, len(SHARES))),
            none(width),
        )
        for some in slices(len(X), width + machines):
            near = self._sum(self.coordinates.seen(X[some]), y[some], sums)
            sums = sums._replace(near=merged(sums.near, near, machines))
        return sums

    def _sum(self, rows: "Numbers", y: "NDArray[np.int64]", sums: Derivatives) -> "Numbers":
        """Add to the sums, and say which rows are near."""
        machines, width = self.coefficients.shape
        near = [none(width)]
        decisions, changes = rows @ self.coefficients.T, rows @ self.moved.T
        loss_of = LOSSES[self.loss]
        for machine, (signs, costs) in enumerate(zip(*self.machines, strict=True)):
            sign, cost, looked_at = signs[y], costs[y], rows
            decision, change = decisions[:, machine], changes[:, machine]
            if not signs.all():
                chosen = np.flatnonzero(sign)
                sign, cost, looked_at = sign[chosen], cost[chosen], rows[chosen]
                decision, change = decision[chosen], change[chosen]
            margins, change = sign * decision, sign * change
            loss, slope, curvature = loss_of(margins)
            for place, share in enumerate(SHARES):
                sums.shorter[machine, place] += cost @ loss_of(margins - (1.0 - share) * change)[0]
            sums.loss[machine] += cost @ loss
            sums.gradient[machine] += (cost * sign * slope) @ looked_at
            _add_curvature(sums.curvature[machine], looked_at, cost * curvature, full=self.full)
            if self.along.size:
                across = looked_at @ self.along[machine].T
                across *= (cost * curvature)[:, np.newaxis]
                sums.turned[machine] += across.T @ looked_at
            if self.full:
                most = most_of(machines, width)
                distances = np.abs(margins - BENDS[self.loss])
                near.append(of_machine(machine, looked_at, sign, cost, margins, distances, most))
        return np.concatenate(near)


def _add_curvature(into: "Numbers", rows: "Numbers", factors: "Numbers", *, full: bool) -> None:
    if not full:
        into += factors @ (rows * rows)
        return
    if not factors.all():  # a squared hinge curves only where a margin is below 1
        curved = np.flatnonzero(factors)
        rows, factors = rows[curved], factors[curved]
    rooted = rows * np.sqrt(factors)[:, np.newaxis]
    into += rooted.T @ rooted  # a matrix by itself: BLAS computes one half, and the other is its mirror
