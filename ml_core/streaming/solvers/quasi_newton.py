"""L-BFGS: steps by what the last places told, where a curvature in full would be too large."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]

# The places remembered.
MEMORY = 20


class QuasiNewton:
    """The two loops of L-BFGS, around the curvature's diagonal.

    Args:
        ridge: the penalty of each coefficient.
        machines: how many there are.
    """

    full, precise, sure = False, 1e-9, False

    def __init__(self, ridge: "Numbers", machines: int) -> None:
        self._ridge = ridge
        width = len(ridge)
        # The changes between places and of their gradients, the latest first, and the latest place.
        self._moved = np.zeros((machines, MEMORY, width))
        self._turned = np.zeros((machines, MEMORY, width))
        self._known = np.zeros(machines, dtype=np.intp)
        self._last = np.full((machines, 2, width), np.nan)

    def of(self, machine: int, at: "Numbers", gradient: "Numbers", curvature: "Numbers") -> "Numbers":
        """The step from there."""
        self._remember(machine, at, gradient)
        diagonal = curvature + self._ridge
        known = int(self._known[machine])
        pairs = list(zip(self._moved[machine, :known], self._turned[machine, :known], strict=True))
        step, shares = -gradient, []
        for moved, turned in pairs:
            shares.append(float(moved @ step) / float(moved @ turned))
            step = step - shares[-1] * turned
        step = step / np.where(diagonal > 0, diagonal, 1.0)
        for (moved, turned), share in zip(reversed(pairs), reversed(shares), strict=True):
            step = step + (share - float(turned @ step) / float(moved @ turned)) * moved
        return step

    def _remember(self, machine: int, at: "Numbers", gradient: "Numbers") -> None:
        before, gradient_before = self._last[machine]
        moved, turned = at - before, gradient - gradient_before
        if moved @ turned > 1e-14 * np.sqrt((moved @ moved) * (turned @ turned)):  # false of the first: NaN
            for kept, new in ((self._moved, moved), (self._turned, turned)):
                kept[machine, 1:] = kept[machine, :-1].copy()
                kept[machine, 0] = new
            self._known[machine] = min(MEMORY, self._known[machine] + 1)
        self._last[machine] = at, gradient

    def state(self) -> "dict[str, NDArray[Any]]":
        """The places remembered."""
        return {f"direction{name}": getattr(self, name) for name in _KEPT}

    def restore(self, state: "dict[str, NDArray[Any]]") -> None:
        """Remember what `state` gave."""
        for name in _KEPT:
            setattr(self, name, state[f"direction{name}"])

    def passed_on(self, state: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
        """How gradients turned between places; no place, whose gradient would be another."""
        return {**state, "direction_last": np.full_like(self._last, np.nan)}


_KEPT = ("_moved", "_turned", "_known", "_last")
