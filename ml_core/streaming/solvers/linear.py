"""Objectives of linear decisions with a loss of their margins, each machine with its own penalty."""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.streaming.solvers.losses import LOSSES
from ml_core.streaming.solvers.margins import Machines, MarginKernel
from ml_core.streaming.solvers.nearest import KeptMargins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.coordinates import Coordinates

    type Numbers = NDArray[np.float64]


class LinearObjective:
    """Σ cost · loss(margin) + ½‖weights‖², for each machine.

    Args:
        loss: its name in `LOSSES`.
        machines: what they tell apart.
        coordinates: how rows are seen.
        columns: how many a row has.
        of_intercept: the intercept's share in the penalty.
    """

    def __init__(
        self,
        loss: str,
        machines: Machines,
        coordinates: "Coordinates",
        columns: int,
        *,
        of_intercept: float = 0.0,
    ) -> None:
        self._loss, self._machines, self._coordinates = loss, machines, coordinates
        self.ridge = coordinates.ridge(columns, of_intercept=of_intercept)
        self.shape = (len(machines.signs), len(self.ridge))

    def of_nothing(self, counts: "Sequence[int]") -> "Numbers":
        """What it is for each machine where all coefficients are 0, of so many rows of each class."""
        loss, _, _ = LOSSES[self._loss](np.zeros(1))
        signs, costs = self._machines
        found: Numbers = np.abs(signs) * costs @ np.array(counts, dtype=np.float64) * loss[0]
        return found

    def kept(self, near: "Numbers", at: "Numbers") -> KeptMargins:
        """The losses of kept rows of a machine."""
        del at  # kept rows tell their margins
        return KeptMargins(near, LOSSES[self._loss])

    def kernel(
        self,
        machines: "NDArray[np.intp]",
        coefficients: "Numbers",
        moved: "Numbers",
        along: "Numbers",
        *,
        full: bool,
    ) -> MarginKernel:
        """What to sum for these machines there."""
        chosen = Machines(self._machines.signs[machines], self._machines.costs[machines])
        return MarginKernel(self._loss, chosen, coefficients, self._coordinates, moved, along, full)


def two_classes(costs: "Numbers") -> Machines:
    """One machine, positive for the second class. `costs` are those of each class."""
    return Machines(np.array([[-1.0, 1.0]]), costs[np.newaxis])


def one_versus_rest(costs: "Numbers") -> Machines:
    """A machine for each class, positive for it; of two classes only the second's.

    `costs` are machines × classes; see `costs_of_rest`.
    """
    classes = len(costs.T)
    signs = np.array([[-1.0, 1.0]]) if classes == 2 else 2.0 * np.eye(classes) - 1.0
    return Machines(signs, costs)


def costs_of_rest(costs: "Numbers", plain: float) -> "Numbers":
    """Machines × classes: the cost of each class as a machine has it that decides for one of them.

    liblinear weighs only the class that a machine decides for, and the rest costs C; of two classes it
    weighs both.
    """
    classes = len(costs)
    return costs[np.newaxis] if classes == 2 else np.where(np.eye(classes) > 0, costs, plain)


def one_versus_one(costs: "Numbers") -> Machines:
    """A machine for each pair (0, 1), (0, 2) … (1, 2) …, positive for the first, as libsvm has them."""
    first, second = np.triu_indices(len(costs), 1)
    each = np.eye(len(costs))
    return Machines(each[first] - each[second], (each[first] + each[second]) * costs)
