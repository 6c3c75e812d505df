"""The least of a parabola and some hinges, by an interior point method: exact where smoothing is not."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]

ITERATIONS = 80
# The gap to the dual at the end, as a share of the objective.
GAP = 1e-10
# What of the optimality conditions may be left, in units of the largest cost.
LEFT = 1e-6
# As near to the bounds as a step may come.
INSIDE = 0.995


class Hinges(NamedTuple):
    """Terms cost · max(0, lack - row·step), one for each row."""

    rows: "Numbers"
    costs: "Numbers"
    lacks: "Numbers"

    def at(self, step: "Numbers") -> float:
        """Their sum after a step."""
        return float(self.costs @ np.maximum(0.0, self.lacks - self.rows @ step))


def least(curvature: "Numbers", gradient: "Numbers", hinges: Hinges) -> "Numbers":
    """The step with the least ½·step·curvature·step + gradient·step + hinges."""
    unit = float(max(hinges.costs.max(initial=0.0), 1e-300))
    curvature, gradient = curvature / unit, gradient / unit
    step = np.zeros(len(gradient))
    if not len(hinges.rows):
        return -_solve(curvature, gradient)
    point = _Point(curvature, gradient, hinges._replace(costs=hinges.costs / unit), step)
    for _ in range(ITERATIONS):
        if point.near or not point.moved():
            break
    return point.step


class _Point:
    """A place inside the bounds: the step, each hinge's excess over and slack below, and its multiplier."""

    def __init__(self, curvature: "Numbers", gradient: "Numbers", hinges: Hinges, step: "Numbers") -> None:
        self._curvature, self._gradient, self._hinges = curvature, gradient, hinges
        self.step = step
        far = hinges.lacks - hinges.rows @ step
        room = 1.0 + float(np.abs(far).mean())
        self._over, self._slack = np.maximum(far, 0.0) + room, np.maximum(-far, 0.0) + room
        self._multipliers = 0.5 * hinges.costs

    @property
    def _gap(self) -> float:
        rest = self._hinges.costs - self._multipliers
        return float(self._multipliers @ self._slack + rest @ self._over)

    @property
    def near(self) -> bool:
        """Whether no digit that matters is left to gain."""
        bent = self._curvature @ self.step
        size = abs(float(0.5 * self.step @ bent + self._gradient @ self.step)) + self._hinges.at(self.step)
        dual, primal = self._residuals()
        scale = 1.0 + float(np.abs(self._gradient).max())
        far = max(float(np.abs(dual).max()) / scale, float(np.abs(primal).max()))
        return self._gap <= GAP * max(size, 1e-12) and far <= LEFT

    def _residuals(self) -> "tuple[Numbers, Numbers]":
        rows, _, lacks = self._hinges
        dual = self._curvature @ self.step + self._gradient - self._multipliers @ rows
        return dual, rows @ self.step + self._over - self._slack - lacks

    def moved(self) -> bool:
        """Make one step of Mehrotra's; False where no digit is left to make it with."""
        rest = self._hinges.costs - self._multipliers
        by_slack, by_over = self._multipliers * self._slack, rest * self._over
        _, multipliers, slack, over = guess = self._direction(by_slack, by_over)
        length = self._length(guess)
        expected = (self._multipliers + length * multipliers) @ (self._slack + length * slack)
        expected += (rest - length * multipliers) @ (self._over + length * over)
        middle = (float(expected) / self._gap) ** 3 * self._gap / (2 * len(rest))
        direction = self._direction(
            by_slack + multipliers * slack - middle, by_over - multipliers * over - middle
        )
        length = INSIDE * self._length(direction)
        if not (np.isfinite(length) and all(np.isfinite(part).all() for part in direction)):
            return False
        self.step = self.step + length * direction[0]
        self._multipliers = self._multipliers + length * direction[1]
        self._slack, self._over = self._slack + length * direction[2], self._over + length * direction[3]
        return True

    def _direction(
        self, by_slack: "Numbers", by_over: "Numbers"
    ) -> "tuple[Numbers, Numbers, Numbers, Numbers]":
        """The changes of step, multipliers, slack and excess that would bring these products to 0."""
        rows, costs, _ = self._hinges
        rest = costs - self._multipliers
        weights = 1.0 / (self._over / rest + self._slack / self._multipliers)
        dual, primal = self._residuals()
        pull = weights * (by_over / rest - by_slack / self._multipliers - primal)
        rooted = rows * np.sqrt(weights)[:, np.newaxis]
        step = _solve(self._curvature + rooted.T @ rooted, pull @ rows - dual)
        multipliers = pull - weights * (rows @ step)
        slack = (-by_slack - self._slack * multipliers) / self._multipliers
        return step, multipliers, slack, (-by_over + self._over * multipliers) / rest

    def _length(self, direction: "tuple[Numbers, ...]") -> float:
        """How far all stay above 0, at most 1."""
        _, multipliers, slack, over = direction
        rest = self._hinges.costs - self._multipliers
        pairs = (
            (self._multipliers, multipliers),
            (rest, -multipliers),
            (self._slack, slack),
            (self._over, over),
        )
        return min([1.0, *(_room(place, change) for place, change in pairs)])


def _room(place: "Numbers", change: "Numbers") -> float:
    down = change < 0
    return float((place[down] / -change[down]).min(initial=np.inf))


def _solve(matrix: "Numbers", vector: "Numbers") -> "Numbers":
    diagonal = np.sqrt(np.diagonal(matrix))
    by = 1.0 / np.where(diagonal > 0, diagonal, 1.0)
    scaled = matrix * by[:, np.newaxis] * by
    np.fill_diagonal(scaled, np.diagonal(scaled) + 1e-14)
    solution: Numbers = by * np.linalg.solve(scaled, by * vector)
    return solution
