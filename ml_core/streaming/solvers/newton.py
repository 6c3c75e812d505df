"""Newton's step, of the gradient and the curvature at a place."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.streaming.solvers.losses import LOSSES
from ml_core.streaming.solvers.nearest import least

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]

# Added to the diagonal once it is scaled to ones: nothing to a curvature that is known, and enough where
# rows say nothing of a coefficient.
JITTER = 1e-14


class Newton:
    """Straight to where the parabola of a place has its least.

    Args:
        ridge: the penalty of each coefficient.
        pinned: added to the curvature where a direction changes nothing; None where every one does.
        loss: that of rows that are kept, in `LOSSES`; "" where none are.
    """

    full, precise, sure = True, 1e-7, True  # what is left after the step is the square of that

    def __init__(self, ridge: "Numbers", pinned: "Numbers | None" = None, loss: str = "") -> None:
        self._ridge, self._pinned, self._loss = ridge, pinned, loss

    def along(self, machines: "NDArray[np.intp]") -> "Numbers":
        """No directions: the curvature in full tells all."""
        return np.zeros((len(machines), 0, len(self._ridge)))

    def of(
        self,
        machine: int,
        gradient: "Numbers",
        curvature: "Numbers",
        turned: "Numbers",
        near: "Numbers",
    ) -> "Numbers":
        """The step from there."""
        del machine, turned
        whole = curvature + np.diag(self._ridge)
        if self._loss and len(near):
            return least(near, LOSSES[self._loss], gradient, whole, self._step)
        return self._step(whole, gradient)

    def _step(self, whole: "Numbers", gradient: "Numbers") -> "Numbers":
        diagonal = np.sqrt(np.diagonal(whole))
        by = 1.0 / np.where(diagonal > 0, diagonal, 1.0)
        if self._pinned is not None:
            whole = whole + self._pinned * float(np.mean(np.diagonal(whole)))
        scaled = whole * by[:, np.newaxis] * by
        jitter = JITTER
        while True:
            np.fill_diagonal(scaled, np.diagonal(scaled) + jitter)
            step: Numbers = -by * _solved(scaled, by * gradient)
            if np.isfinite(step).all() and gradient @ step <= 0:
                return step
            jitter *= 100.0

    def forget(self, machine: int) -> None:
        """Nothing to forget."""

    def state(self) -> "dict[str, NDArray[Any]]":
        """Nothing: it remembers nothing."""
        return {}

    def restore(self, state: "dict[str, NDArray[Any]]") -> None:
        """Nothing to remember."""

    def passed_on(self, state: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
        """Nothing."""
        return state


def _solved(matrix: "Numbers", vector: "Numbers") -> "Numbers":
    try:
        solution: Numbers = np.linalg.solve(matrix, vector)
    except np.linalg.LinAlgError:
        return np.full_like(vector, np.nan)
    return solution
