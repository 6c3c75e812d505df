"""Newton's step, of the gradient and the curvature at a place."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.streaming.solvers.nearest import least

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.descent import Place
    from ml_core.streaming.solvers.nearest import KeptRows

    type Numbers = NDArray[np.float64]
    # Of kept rows of a machine and its coefficients, where they were kept: their losses.
    type Keeping = Callable[[Numbers, Numbers], KeptRows]

# Added to the diagonal once it is scaled to ones: nothing to a curvature that is known, and enough where
# rows say nothing of a coefficient.
JITTER = 1e-14


class Newton:
    """Straight to where the parabola of a place has its least.

    Args:
        ridge: the penalty of each coefficient.
        keeping: the losses of rows that are kept.
        pinned: added to the curvature where a direction changes nothing; None where every one does.
    """

    full, precise, sure = True, 1e-7, True  # what is left after the step is the square of that

    def __init__(self, ridge: "Numbers", keeping: "Keeping", pinned: "Numbers | None" = None) -> None:
        self._ridge, self._keeping, self._pinned = ridge, keeping, pinned

    def along(self, machines: "NDArray[np.intp]") -> "Numbers":
        """No directions: the curvature in full tells all."""
        return np.zeros((len(machines), 0, len(self._ridge)))

    def of(self, machine: int, place: "Place") -> "Numbers":
        """The step from there."""
        del machine
        whole = place.curvature + np.diag(self._ridge)
        if len(place.near):
            return least(self._keeping(place.near, place.at), place.gradient, whole, self._step)
        return self._step(whole, place.gradient)

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
