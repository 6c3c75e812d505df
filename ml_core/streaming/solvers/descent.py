"""Going down to the least objective, a step of each machine after each pass over the rows.

A pass looks at where a step led, and sums all that the next step needs: a step that leads down costs no
pass but its own. One that leads up is taken again, shorter. Machines that are done are summed no more.
"""

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ml_core.streaming.solvers import kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.contract import BlockKernel
    from ml_core.streaming.solvers.derivatives import Derivatives

    type Numbers = NDArray[np.float64]

# A step is taken if it leads down by this share of what the slope promises.
ENOUGH = 1e-4
# Objectives closer than this, relatively, are told apart by rounding alone.
ROUNDING = 1e-13


class Objective(Protocol):
    """What is to be least: a loss summed over rows, and a penalty ½·Σ ridge·coefficient² for each machine."""

    @property
    def shape(self) -> tuple[int, int]:
        """Machines × coefficients of each."""
        ...

    @property
    def ridge(self) -> "Numbers":
        """The penalty of each coefficient."""
        ...

    def kernel(
        self, machines: "NDArray[np.intp]", coefficients: "Numbers", widths: "Numbers", *, full: bool
    ) -> "BlockKernel[Derivatives]":
        """What to sum for these machines there; see `MarginKernel`."""
        ...


class Direction(Protocol):
    """Where a machine goes next."""

    full: bool
    """Whether it needs the curvature in full, or its diagonal."""
    sure: bool
    """Whether a short last step needs no pass to look at where it led."""

    def of(self, machine: int, at: "Numbers", gradient: "Numbers", curvature: "Numbers") -> "Numbers":
        """The step from there, downwards. Told of each place that a machine comes to, in order."""
        ...

    def state(self) -> "dict[str, Numbers]":
        """What it remembers, by names that begin with 'direction_'."""
        ...

    def restore(self, state: "dict[str, Numbers]") -> None:
        """Remember what `state` gave."""
        ...


class Stopping(NamedTuple):
    """When a descent is done.

    Args:
        precise: a machine is when its next step would lower the objective by less than this share of it.
        passes: at most so many.
    """

    precise: float
    passes: int


class Descent:
    """The descents of all machines of an objective, side by side.

    Args:
        objective: what is to be least.
        direction: where to go from a place.
        stopping: when it is done.
        widths: the smoothing width of each step's loss; the last is kept. (0,) for losses that need none.
        start: machines × coefficients to begin at.
    """

    def __init__(
        self,
        objective: Objective,
        direction: Direction,
        stopping: Stopping,
        *,
        widths: tuple[float, ...] = (0.0,),
        start: "Numbers | None" = None,
    ) -> None:
        self._objective, self._direction, self._stopping = objective, direction, stopping
        self._widths = widths
        machines, width = objective.shape
        self.passes = 0
        self.objectives: list[float] = []
        self._trial = np.zeros((machines, width)) if start is None else start.copy()
        self._at = self._trial.copy()  # the last place that was looked at and taken
        self._step = np.zeros((machines, width))
        self._length = np.zeros(machines)  # the share of the step that the trial is
        self._slope = np.zeros(machines)  # along the step, at the beginning of it
        self._value = np.full(machines, np.inf)  # at the last place, as trials will be compared to it
        self._told = np.zeros(machines)  # the objective itself there
        self._stage = np.zeros(machines, dtype=np.intp)
        self._done = np.zeros(machines, dtype=bool)

    @property
    def done(self) -> bool:
        """Whether no machine needs another pass, or none may be made."""
        return bool(self._done.all()) or self.passes >= self._stopping.passes

    @property
    def converged(self) -> bool:
        """Whether every machine is as near to its least objective as was asked for."""
        return bool(self._done.all())

    @property
    def coefficients(self) -> "Numbers":
        """Machines × coefficients of the best place found."""
        return np.where(self._done[:, np.newaxis], self._trial, self._at)

    def next(self) -> "BlockKernel[Derivatives] | None":
        """What to sum in the next pass; None when done."""
        if self.done:
            return None
        active = np.flatnonzero(~self._done)
        widths = np.array([self._compared_at(stage) for stage in self._stage[active]])
        return self._objective.kernel(active, self._trial[active], widths, full=self._direction.full)

    def _compared_at(self, stage: int) -> tuple[float, ...]:
        if len(self._widths) == 1:
            return self._widths
        last = len(self._widths) - 1
        return (self._widths[min(stage, last)], self._widths[min(max(stage - 1, 0), last)], 0.0)

    def take(self, sums: "Derivatives") -> None:
        """Make a step of the sums of what `next` gave."""
        self.passes += 1
        for place, machine in enumerate(np.flatnonzero(~self._done).tolist()):
            penalty = 0.5 * float(self._objective.ridge @ self._trial[machine] ** 2)
            values = sums.loss[place] + penalty
            compared = values[min(1, len(values) - 1)]
            if self._leads_down(machine, float(compared)):
                self._told[machine] = values[-1]
                self._go_on(machine, float(values[0]), sums.gradient[place], sums.curvature[place])
            else:
                self._shorten(machine, float(compared))
        self.objectives.append(float(self._told.sum()))

    def _leads_down(self, machine: int, value: float) -> bool:
        before = self._value[machine]
        promised = ENOUGH * self._length[machine] * self._slope[machine]
        return value <= before + promised + ROUNDING * abs(before) if np.isfinite(before) else True

    def _go_on(self, machine: int, value: float, gradient: "Numbers", curvature: "Numbers") -> None:
        self._at[machine] = self._trial[machine]
        gradient = gradient + self._objective.ridge * self._at[machine]
        step = self._direction.of(machine, self._at[machine], gradient, curvature)
        slope = float(gradient @ step)
        last = self._stage[machine] >= len(self._widths) - 1
        near = -0.5 * slope <= self._stopping.precise * abs(value)
        self._done[machine] = last and near
        if not self._done[machine] or self._direction.sure:
            self._trial[machine] = self._at[machine] + step
        self._step[machine], self._slope[machine], self._length[machine] = step, slope, 1.0
        self._value[machine] = value
        self._stage[machine] += 1

    def _shorten(self, machine: int, value: float) -> None:
        """Try again where a parabola through what is known has its least, within bounds."""
        length, promised = self._length[machine], self._length[machine] * self._slope[machine]
        rise = value - self._value[machine] - promised
        share = -0.5 * promised / rise if np.isfinite(rise) and rise > 0 else 0.1
        self._length[machine] = length * min(0.5, max(0.1, share))
        self._trial[machine] = self._at[machine] + self._length[machine] * self._step[machine]
        if self._length[machine] < 1e-12:  # no digit is left to go down by
            self._trial[machine] = self._at[machine]
            self._done[machine] = True

    def state(self) -> bytes:
        """Where it is between two passes, exactly."""
        own = {name: getattr(self, name) for name in _KEPT}
        return kept.to_bytes({**own, **self._direction.state()})

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave."""
        found = kept.from_bytes(state)
        for name in _KEPT:
            setattr(self, name, found[name])
        self.passes, self.objectives = int(found["passes"]), found["objectives"].tolist()
        self._direction.restore(found)


_KEPT = (
    "passes",
    "objectives",
    "_trial",
    "_at",
    "_step",
    "_length",
    "_slope",
    "_value",
    "_told",
    "_stage",
    "_done",
)
