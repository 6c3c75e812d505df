"""Sums for the hinge: the rows nearest to its kink as they are, and all others as a smoothed hinge.

A hinge curves nowhere but at its kink, so that derivatives alone say little of where its sum is least. The
rows near the kink are few enough to be kept, and the step then counts with them exactly. What they leave is
rounded within a width, which becomes small from pass to pass.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.solvers.derivatives import slices
from ml_core.streaming.solvers.interior import Hinges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.coordinates import Coordinates
    from ml_core.streaming.solvers.margins import Machines

    type Numbers = NDArray[np.float64]


class MachineSums(NamedTuple):
    """One machine's part of `HingeSums`.

    Args:
        near: the rows nearest to the kink, times their signs.
        loss: the sum of all hinges.
        smooth: that of the smoothed hinges of all rows that are not among the nearest.
        gradient: theirs.
        curvature: theirs.
        most: how many rows may be near.
        width: within which the others are smoothed.
    """

    near: Hinges
    loss: float
    smooth: float
    gradient: "Numbers"
    curvature: "Numbers"
    most: int
    width: float

    def add(self, other: "MachineSums") -> "MachineSums":
        """The sums over the rows of both."""
        near = Hinges(*(np.concatenate(both) for both in zip(self.near, other.near, strict=True)))
        return self._replace(
            near=near,
            loss=self.loss + other.loss,
            smooth=self.smooth + other.smooth,
            gradient=self.gradient + other.gradient,
            curvature=self.curvature + other.curvature,
        ).bounded()

    def bounded(self) -> "MachineSums":
        """The same with no more near rows than may be: the farthest of them are smoothed."""
        rows, costs, lacks = self.near
        if len(lacks) <= self.most:
            return self
        order = np.argsort(np.abs(lacks), kind="stable")
        kept, left = np.sort(order[: self.most]), np.sort(order[self.most :])
        inside = np.clip(lacks[left] + self.width, 0.0, 2.0 * self.width)
        smooth = inside * inside / (4.0 * self.width) + np.maximum(lacks[left] - self.width, 0.0)
        slopes = costs[left] * inside / (-2.0 * self.width)
        curved = left[np.abs(lacks[left]) < self.width]
        rooted = rows[curved] * np.sqrt(costs[curved] / (2.0 * self.width))[:, np.newaxis]
        return self._replace(
            near=Hinges(rows[kept], costs[kept], lacks[kept]),
            smooth=self.smooth + float(costs[left] @ smooth),
            gradient=self.gradient + slopes @ rows[left],
            curvature=self.curvature + rooted.T @ rooted,
        )


class HingeSums(NamedTuple):
    """The sums of each machine."""

    machines: tuple[MachineSums, ...]

    def add(self, other: "HingeSums", /) -> "HingeSums":
        """The sums over the rows of both."""
        return HingeSums(
            tuple(one.add(their) for one, their in zip(self.machines, other.machines, strict=True))
        )


class HingeKernel(NamedTuple):
    """The hinges of rows, for some machines.

    Args:
        machines: those that are summed for, as all arguments below.
        coefficients: machines × coefficients: where to look.
        widths: within which each smooths the hinges of rows that are not near.
        coordinates: how rows are seen.
        most: how many rows may be near, for each machine.
    """

    machines: "Machines"
    coefficients: "Numbers"
    widths: "Numbers"
    coordinates: "Coordinates"
    most: int

    @property
    def work(self) -> int:
        """How many multiplications a row takes at most."""
        return self.coefficients.size * ((len(self.coefficients.T) + 5) // 2)

    def __call__(self, X: "Numbers", y: "NDArray[np.int64] | None", /) -> HingeSums:
        """The sums over a block."""
        assert y is not None  # noqa: S101 - for the type checker: these are classifiers
        machines, width = self.coefficients.shape
        total = HingeSums(tuple(self._none(width, smoothing) for smoothing in self.widths.tolist()))
        for some in slices(len(X), width + machines):
            total = total.add(self._of(self.coordinates.seen(X[some]), y[some]))
        return total

    def _none(self, width: int, smoothing: float) -> MachineSums:
        nothing = Hinges(np.zeros((0, width)), np.zeros(0), np.zeros(0))
        flat = np.zeros(width), np.zeros((width, width))
        return MachineSums(nothing, 0.0, 0.0, *flat, self.most, smoothing)

    def _of(self, rows: "Numbers", y: "NDArray[np.int64]") -> HingeSums:
        found = []
        decisions = rows @ self.coefficients.T
        for machine, (signs, costs) in enumerate(zip(*self.machines, strict=True)):
            chosen = np.flatnonzero(signs[y])
            sign, cost = signs[y][chosen], costs[y][chosen]
            lacks = 1.0 - sign * decisions[chosen, machine]
            near = Hinges(rows[chosen] * sign[:, np.newaxis], cost, lacks)
            empty = self._none(rows.shape[1], float(self.widths[machine]))
            loss = float(cost @ np.maximum(lacks, 0.0))
            found.append(empty._replace(near=near, loss=loss).bounded())
        return HingeSums(tuple(found))
