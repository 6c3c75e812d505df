"""Objectives of linear decisions with a loss of their margins, each machine with its own penalty."""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.streaming.solvers.margins import Machines, MarginKernel

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

    def kernel(
        self, machines: "NDArray[np.intp]", coefficients: "Numbers", widths: "Numbers", *, full: bool
    ) -> MarginKernel:
        """What to sum for these machines there."""
        chosen = Machines(self._machines.signs[machines], self._machines.costs[machines])
        return MarginKernel(self._loss, chosen, coefficients, widths, self._coordinates, full)


def two_classes(costs: "Sequence[float]") -> Machines:
    """One machine, positive for the second class."""
    return Machines(np.array([[-1.0, 1.0]]), np.array([costs], dtype=np.float64))


def one_versus_rest(costs: "Sequence[float]") -> Machines:
    """A machine for each class, positive for it; of two classes only the second's."""
    if len(costs) == 2:
        return two_classes(costs)
    signs = 2.0 * np.eye(len(costs)) - 1.0
    return Machines(signs, np.tile(np.array(costs, dtype=np.float64), (len(costs), 1)))


def one_versus_one(costs: "Sequence[float]") -> Machines:
    """A machine for each pair (0, 1), (0, 2) … (1, 2) …, positive for the first, as libsvm has them."""
    classes = len(costs)
    first, second = np.triu_indices(classes, 1)
    signs = np.eye(classes)[first] - np.eye(classes)[second]
    return Machines(signs, np.abs(signs) * np.array(costs, dtype=np.float64))
