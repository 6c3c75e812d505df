"""Going down to the least objective, a step of each machine after each pass over the rows.

A pass looks at where a step led, and sums all that the next step needs: a step that leads down costs no
pass but its own. It also sums the loss at some shares of the step: of one that leads up, the best of them is
where the next pass looks. Machines that are done are summed no more.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ml_core.streaming.solvers import kept
from ml_core.streaming.solvers.derivatives import SHARES
from ml_core.streaming.solvers.nearest import MACHINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.contract import BlockKernel
    from ml_core.streaming.solvers.derivatives import Derivatives
    from ml_core.streaming.solvers.nearest import KeptRows

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

    def kept(self, near: "Numbers", at: "Numbers") -> "KeptRows":
        """The losses of rows of a machine that were kept of a pass which looked there."""
        ...

    def of_nothing(self, counts: "Sequence[int]") -> "Numbers":
        """What it is for each machine where all coefficients are 0, of so many rows of each class."""
        ...

    def kernel(
        self,
        machines: "NDArray[np.intp]",
        coefficients: "Numbers",
        moved: "Numbers",
        along: "Numbers",
        *,
        full: bool,
    ) -> "BlockKernel[Derivatives]":
        """What to sum for these machines there; see `MarginKernel`."""
        ...


class Place(NamedTuple):
    """A place that a machine came to, and what a pass told there.

    Args:
        at: its coefficients.
        gradient: that of loss and penalty.
        curvature: that of the loss, in full or its diagonal.
        turned: directions × coefficients: how the gradient of the loss turns along each.
        near: the rows that were kept.
    """

    at: "Numbers"
    gradient: "Numbers"
    curvature: "Numbers"
    turned: "Numbers"
    near: "Numbers"


class Direction(Protocol):
    """Where a machine goes next."""

    full: bool
    """Whether it needs the curvature in full, or its diagonal."""
    precise: float
    """A machine is done when its next step would lower the objective by less than this share of it."""
    sure: bool
    """Whether that step is then taken, without a pass to look at where it leads."""

    def along(self, machines: "NDArray[np.intp]") -> "Numbers":
        """Machines × directions × coefficients: along which a pass is to tell how gradients turn."""
        ...

    def of(self, machine: int, place: Place) -> "Numbers":
        """The step from there, downwards. Told of each place that a machine comes to, in order."""
        ...

    def forget(self, machine: int) -> None:
        """What it was told led far astray."""
        ...

    def state(self) -> "dict[str, NDArray[Any]]":
        """What it remembers, by names that begin with 'direction_'."""
        ...

    def restore(self, state: "dict[str, NDArray[Any]]") -> None:
        """Remember what `state` gave."""
        ...

    def passed_on(self, state: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
        """The part of another's `state` that holds for an objective that is nearly the same."""
        ...


class Descent:
    """The descents of all machines of an objective, side by side.

    Args:
        objective: what is to be least.
        direction: where to go from a place.
        most: as many passes as it may make.
        start: machines × coefficients to begin at.
    """

    def __init__(
        self,
        objective: Objective,
        direction: Direction,
        most: int,
        *,
        start: "Numbers | None" = None,
    ) -> None:
        self._objective, self._direction, self._most = objective, direction, most
        machines, width = objective.shape
        self.passes = 0
        self.objectives: list[float] = []
        self._trial = np.zeros((machines, width)) if start is None else start.copy()
        # The last place that was looked at and taken, or nothing: what the trial is a step from.
        self._at = np.zeros((machines, width))
        self._step = np.zeros((machines, width))
        self._length = np.zeros(machines)  # the share of the step that the trial is
        self._slope = np.zeros(machines)  # along the step, at the beginning of it
        self._value = np.full(machines, np.inf)  # the objective at the last place
        self._done = np.zeros(machines, dtype=bool)
        self._nothing = np.full(machines, np.inf)  # the objective where all coefficients are 0, if known

    def remember(self, near: "Descent", counts: "Sequence[int]") -> None:
        """Begin where a descent of a sample ended, of which so many rows of each class are the whole.

        A machine whose beginning there turns out to be worse than nothing begins from nothing.
        """
        self._nothing = self._objective.of_nothing(counts)
        self._direction.restore(self._direction.passed_on(near._direction.state()))  # noqa: SLF001 - its own kind

    @property
    def done(self) -> bool:
        """Whether no machine needs another pass, or none may be made."""
        return bool(self._done.all()) or self.passes >= self._most

    @property
    def converged(self) -> bool:
        """Whether every machine is as near to its least objective as was asked for."""
        return bool(self._done.all())

    @property
    def promised(self) -> float:
        """By how much the next steps of machines that are not done would lower it, as they tell it."""
        return float(-0.5 * self._slope[~self._done].sum())

    @property
    def coefficients(self) -> "Numbers":
        """Machines × coefficients of the best place found."""
        return np.where(self._done[:, np.newaxis], self._trial, self._at)

    def next(self) -> "BlockKernel[Derivatives] | None":
        """What to sum in the next pass; None when done."""
        if self.done:
            return None
        active = np.flatnonzero(~self._done)
        moved = self._trial[active] - self._at[active]
        return self._objective.kernel(
            active, self._trial[active], moved, self._direction.along(active), full=self._direction.full
        )

    def take(self, sums: "Derivatives") -> None:
        """Make a step of the sums of what `next` gave."""
        self.passes += 1
        for place, machine in enumerate(np.flatnonzero(~self._done).tolist()):
            value = float(sums.loss[place]) + self._penalty(self._trial[machine])
            if not np.isfinite(self._value[machine]) and value > self._nothing[machine] * (1 + ROUNDING):
                self._begin_shorter(machine, sums.shorter[place])
            elif self._leads_down(machine, value):
                near = sums.near[sums.near[:, MACHINE] == place]
                at = self._trial[machine].copy()
                gradient = sums.gradient[place] + self._objective.ridge * at
                told = Place(at, gradient, sums.curvature[place], sums.turned[place], near)
                self._go_on(machine, value, told)
            else:
                self._shorten(machine, sums.shorter[place])
        self.objectives.append(float(np.minimum(self._value, self._nothing).sum()))

    def _leads_down(self, machine: int, value: float) -> bool:
        before = self._value[machine]
        promised = ENOUGH * self._length[machine] * self._slope[machine]
        if np.isfinite(before):
            return bool(value <= before + promised + ROUNDING * abs(before))
        if not np.isfinite(value):
            raise OverflowError("the sums over the rows overflow")
        return True

    def _go_on(self, machine: int, value: float, place: Place) -> None:
        """From a place with this objective."""
        self._at[machine] = place.at
        step = self._direction.of(machine, place)
        slope = float(place.gradient @ step)
        self._done[machine] = -0.5 * slope <= self._direction.precise * abs(value)
        if not self._done[machine] or self._direction.sure:
            self._trial[machine] = self._at[machine] + step
        self._step[machine], self._slope[machine], self._length[machine] = step, slope, 1.0
        self._value[machine] = value

    def _penalty(self, coefficients: "Numbers") -> float:
        return 0.5 * float(self._objective.ridge @ coefficients**2)

    def _of_shares(self, machine: int, losses: "Numbers") -> "Numbers":
        """The objective at each share of the step to the trial."""
        at, moved = self._at[machine], self._trial[machine] - self._at[machine]
        penalties = [self._penalty(at + share * moved) for share in SHARES]
        values: Numbers = losses + np.array(penalties)
        return values

    def _begin_shorter(self, machine: int, losses: "Numbers") -> None:
        """Begin at the share of the sample's end that is best, or from nothing."""
        values = self._of_shares(machine, losses)
        best = int(values.argmin())
        self._trial[machine] *= SHARES[best] if values[best] < self._nothing[machine] else 0.0
        self._direction.forget(machine)

    def _shorten(self, machine: int, losses: "Numbers") -> None:
        """Go to the share of the step that leads down the most; to a smaller one where none does."""
        promised = ENOUGH * self._length[machine] * self._slope[machine]
        values = self._of_shares(machine, losses)
        down = values <= self._value[machine] + promised * np.array(SHARES)
        best = int(np.where(down, values, np.inf).argmin())
        if not down.any():  # what the step was made of is not to be believed
            best = len(SHARES) - 1
            self._direction.forget(machine)
        self._length[machine] *= SHARES[best]
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
    "_done",
    "_nothing",
)
