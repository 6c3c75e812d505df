"""Going down to the least sum of hinges.

Each pass tells a model of it, and the next looks at where that is least.
"""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.streaming.solvers import kept
from ml_core.streaming.solvers.hinge import HingeKernel, HingeSums, MachineSums
from ml_core.streaming.solvers.interior import least
from ml_core.streaming.solvers.margins import Machines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.coordinates import Coordinates

    type Numbers = NDArray[np.float64]

# A machine is done when its model promises to gain less than this share of its objective.
PRECISE = 1e-7
# The width of smoothing where nothing is known and where a sample ended, what it is divided by after each
# pass, and where it ends.
WIDEST, SAMPLED, NARROWER, NARROWEST = 2.0, 0.5, 4.0, 3e-4
# The numbers of all rows that are kept of a pass: 4 MiB.
KEPT = 1 << 19
# A step that leads up is tried again at this share of its length.
SHORTER = 0.3


class HingeDescent:
    """The descents of machines with a hinge and a free intercept, side by side.

    Args:
        machines: what they tell apart.
        coordinates: how rows are seen.
        columns: how many a row has.
        most: as many passes as it may make.
        start: machines × coefficients to begin at.
        width: within which hinges are smoothed in the first pass.
    """

    def __init__(
        self,
        machines: Machines,
        coordinates: "Coordinates",
        columns: int,
        most: int,
        *,
        start: "Numbers | None" = None,
        width: float = WIDEST,
    ) -> None:
        self._machines, self._coordinates, self._most = machines, coordinates, most
        self._ridge = coordinates.ridge(columns, of_intercept=0.0)
        shape = (len(machines.signs), len(self._ridge))
        self._near = max(KEPT // (shape[0] * shape[1]), 2 * shape[1] + 50)
        self.passes = 0
        self.objectives: list[float] = []
        self._trial = np.zeros(shape) if start is None else start.copy()
        self._at = self._trial.copy()
        self._step, self._length = np.zeros(shape), np.zeros(shape[0])
        self._value = np.full(shape[0], np.inf)
        self._width = np.full(shape[0], width)
        self._done = np.zeros(shape[0], dtype=bool)

    @property
    def done(self) -> bool:
        """Whether no machine needs another pass, or none may be made."""
        return bool(self._done.all()) or self.passes >= self._most

    @property
    def converged(self) -> bool:
        """Whether every machine is as near to its least objective as was asked for."""
        return bool(self._done.all())

    @property
    def coefficients(self) -> "Numbers":
        """Machines × coefficients of the best place found."""
        return self._at

    def next(self) -> HingeKernel | None:
        """What to sum in the next pass; None when done."""
        if self.done:
            return None
        active = np.flatnonzero(~self._done)
        chosen = Machines(self._machines.signs[active], self._machines.costs[active])
        return HingeKernel(chosen, self._trial[active], self._width[active], self._coordinates, self._near)

    def take(self, sums: HingeSums) -> None:
        """Make a step of the sums of what `next` gave."""
        self.passes += 1
        for found, machine in zip(sums.machines, np.flatnonzero(~self._done).tolist(), strict=True):
            value = found.loss + 0.5 * float(self._ridge @ self._trial[machine] ** 2)
            if not np.isfinite(value) and not np.isfinite(self._value[machine]):
                raise OverflowError("the sums over the rows overflow")
            if value <= self._value[machine] * (1 + 1e-14):
                self._go_on(machine, value, found)
            else:
                self._shorten(machine)
        self.objectives.append(float(self._value.sum()))

    def _go_on(self, machine: int, value: float, found: MachineSums) -> None:
        at = self._at[machine] = self._trial[machine]
        self._value[machine] = value
        gradient = found.gradient + self._ridge * at
        curvature = found.curvature + np.diag(self._ridge)
        step = least(curvature, gradient, found.near)
        gain = found.near.at(np.zeros(len(step))) - found.near.at(step)
        gain -= float(gradient @ step + 0.5 * step @ curvature @ step)
        exact = self._width[machine] <= NARROWEST or not found.curvature.any()
        near = gain <= PRECISE * value
        self._done[machine] = near and exact
        self._width[machine] = NARROWEST if near else max(NARROWEST, self._width[machine] / NARROWER)
        self._step[machine], self._length[machine] = step, 1.0
        self._trial[machine] = at + step

    def _shorten(self, machine: int) -> None:
        self._length[machine] *= SHORTER
        self._trial[machine] = self._at[machine] + self._length[machine] * self._step[machine]
        self._done[machine] = self._length[machine] < 1e-9

    def state(self) -> bytes:
        """Where it is between two passes, exactly."""
        return kept.to_bytes({name: getattr(self, name) for name in _KEPT})

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave."""
        found = kept.from_bytes(state)
        for name in _KEPT:
            setattr(self, name, found[name])
        self.passes, self.objectives = int(found["passes"]), found["objectives"].tolist()


_KEPT = ("passes", "objectives", "_trial", "_at", "_step", "_length", "_value", "_width", "_done")
