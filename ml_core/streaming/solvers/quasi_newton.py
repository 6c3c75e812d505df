"""L-BFGS in blocks: steps by what the last passes told, where a curvature in full would be too large.

Each pass also tells, exactly, how the gradient turns along some directions: the step that led there, and
those that were understood worst so far. A pass so teaches as much as that many steps of plain L-BFGS.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.descent import Place

    type Numbers = NDArray[np.float64]

# The directions of a pass: as many as have so many numbers together, within bounds; and those of several
# classes, which pull at each other.
DIRECTIONS, MOST_DIRECTIONS = 200_000, 64
OF_CLASSES, MOST_OF_CLASSES = 350_000, 128
# The passes that are remembered, and the numbers of all their directions: 34 MB, as much again for what the
# gradient does along them, or 20 directions of each machine.
MEMORY, REMEMBERED = 20, 1 << 22
# A direction is left out that others say but for this share of it.
SAID = 1e-6
# Added to the diagonal of each class's curvature once it is scaled to ones.
JITTER = 1e-10


class _Diagonal(NamedTuple):
    """A curvature of which the diagonal alone is known."""

    diagonal: "Numbers"

    @classmethod
    def of(cls, curvature: "Numbers", ridge: "Numbers") -> Self:
        """That of loss and penalty."""
        diagonal = curvature + ridge
        return cls(np.where(diagonal > 0, diagonal, 1.0))

    def undone(self, turned: "Numbers") -> "Numbers":
        """The directions along which gradients would turn so."""
        return turned / self.diagonal


class _Blocks(NamedTuple):
    """A curvature of which that of each class by itself is known: scaled to ones on its diagonal."""

    diagonal: "Numbers"
    scaled: "Numbers"

    @classmethod
    def of(cls, curvature: "Numbers", ridge: "Numbers") -> Self:
        """That of loss and penalty."""
        classes, width, _ = curvature.shape
        diagonal = np.einsum("cii->ci", curvature) + ridge.reshape(classes, width)
        diagonal = np.where(diagonal > 0, diagonal, 1.0)
        by = 1.0 / np.sqrt(diagonal)
        scaled = curvature * by[:, :, np.newaxis] * by[:, np.newaxis, :]
        each = np.arange(width)
        scaled[:, each, each] = 1.0 + JITTER
        return cls(diagonal.ravel(), scaled)

    def undone(self, turned: "Numbers") -> "Numbers":
        """The directions along which gradients would turn so."""
        by = 1.0 / np.sqrt(self.diagonal)
        of_classes = (turned * by).reshape(len(turned), len(self.scaled), -1)
        found: Numbers = np.linalg.solve(self.scaled, of_classes.transpose(1, 2, 0)).transpose(2, 0, 1)
        return found.reshape(turned.shape) * by


type _Around = _Diagonal | _Blocks


class QuasiNewton:
    """The two loops of L-BFGS over blocks of directions, around the curvature's diagonal.

    Of several classes, they are around the curvature of each class by itself where a pass tells it.

    Args:
        ridge: the penalty of each coefficient.
        machines: how many there are.
        classes: how many each have such coefficients, one after the other, that sum to 0 over them.
    """

    full, precise, sure = False, 1e-9, False

    def __init__(self, ridge: "Numbers", machines: int, classes: int = 1) -> None:
        self._ridge, self._classes = ridge, classes
        width = len(ridge)
        numbers = machines * width
        all_of_them, most = (DIRECTIONS, MOST_DIRECTIONS) if classes == 1 else (OF_CLASSES, MOST_OF_CLASSES)
        self._each = min(width, max(1, min(most, all_of_them // numbers)))
        blocks = max(1, min(MEMORY, max(MEMORY, REMEMBERED // numbers) // self._each))
        # Directions and how the gradient turns along them, of the latest pass first; and the next directions.
        self._moved = np.zeros((machines, blocks, self._each, width))
        self._turned = np.zeros_like(self._moved)
        self._known = np.zeros(machines, dtype=np.intp)
        self._along = self._between_classes(_unlike((machines, self._each, width)))

    def along(self, machines: "NDArray[np.intp]") -> "Numbers":
        """Machines × directions × coefficients: along which the next pass tells how gradients turn."""
        return self._along[machines]

    def of(self, machine: int, place: "Place") -> "Numbers":
        """The step from there."""
        moved = self._along[machine]
        turned = place.turned + self._ridge * moved
        around: _Around
        if place.curvature.ndim > 1:
            around = _Blocks.of(place.curvature, self._ridge)
        else:
            around = _Diagonal.of(place.curvature, self._ridge)
        badly = self._between_classes(self._undone(machine, turned, around) - moved)
        self._remember(machine, moved, turned)
        step = -self._undone(machine, place.gradient[np.newaxis], around)
        self._along[machine] = self._apart(np.concatenate([step, badly]), np.sqrt(around.diagonal))
        found: Numbers = step[0]
        return found

    def _undone(self, machine: int, turned: "Numbers", around: "_Around") -> "Numbers":
        """The directions along which gradients would turn so, as far as is known."""
        known = [
            (moved, turn, _inverse(moved, turn))
            for moved, turn in zip(
                self._moved[machine, : self._known[machine]],
                self._turned[machine, : self._known[machine]],
                strict=True,
            )
        ]
        shares = []
        for moved, turn, inverse in known:
            shares.append(turned @ moved.T @ inverse)
            turned = turned - shares[-1] @ turn
        found = self._between_classes(around.undone(self._between_classes(turned)))
        for (moved, turn, inverse), share in zip(reversed(known), reversed(shares), strict=True):
            found = found + (share - found @ turn.T @ inverse) @ moved
        return found

    def _remember(self, machine: int, moved: "Numbers", turned: "Numbers") -> None:
        for kept, new in ((self._moved, moved), (self._turned, turned)):
            kept[machine, 1:] = kept[machine, :-1].copy()
            kept[machine, 0] = new
        self._known[machine] = min(self._moved.shape[1], self._known[machine] + 1)

    def _apart(self, directions: "Numbers", unit: "Numbers") -> "Numbers":
        """The first of them, of length 1 in these units and at right angles; zeros for what others say."""
        scaled = directions[: self._each] * unit
        lengths = np.sqrt((scaled * scaled).sum(axis=1))
        long = lengths > 0
        scaled = scaled[long] / lengths[long, np.newaxis]
        found = np.zeros((self._each, len(unit)))
        if long.any():
            right, said = np.linalg.qr(scaled.T)
            kept = np.abs(np.diagonal(said)) > SAID
            found[: int(kept.sum())] = right.T[kept] / unit
        return found

    def _between_classes(self, directions: "Numbers") -> "Numbers":
        """What of them moves classes against each other: nothing else changes a probability."""
        if self._classes == 1:
            return directions
        by_class = directions.reshape(*directions.shape[:-1], self._classes, -1)
        moved: Numbers = (by_class - by_class.mean(axis=-2, keepdims=True)).reshape(directions.shape)
        return moved

    def forget(self, machine: int) -> None:
        """Know nothing of how gradients turn."""
        self._known[machine] = self._moved[machine] = self._turned[machine] = 0

    def state(self) -> "dict[str, NDArray[Any]]":
        """The directions remembered."""
        known = int(self._known.max(initial=0))
        return {
            "direction_moved": self._moved[:, :known],
            "direction_turned": self._turned[:, :known],
            "direction_known": self._known,
            "direction_along": self._along,
        }

    def restore(self, state: "dict[str, NDArray[Any]]") -> None:
        """Remember what `state` gave."""
        known = state["direction_moved"].shape[1]
        self._moved[:, known:] = self._turned[:, known:] = 0
        self._moved[:, :known], self._turned[:, :known] = state["direction_moved"], state["direction_turned"]
        self._known, self._along = state["direction_known"].copy(), state["direction_along"].copy()

    def passed_on(self, state: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
        """What was understood worst; and of several classes how gradients turn, which changes less."""
        if self._classes > 1:
            return state
        nothing = np.zeros_like(self._moved[:, :0])
        known = np.zeros_like(self._known)
        return {
            **state,
            "direction_moved": nothing,
            "direction_turned": nothing,
            "direction_known": known,
        }


def _unlike(shape: tuple[int, ...]) -> "Numbers":
    """Numbers that say nothing of each other: the same ones each time."""
    return np.random.default_rng(0).normal(size=shape)


def _inverse(moved: "Numbers", turned: "Numbers") -> "Numbers":
    """That of what the curvature is between directions; nothing of those without any."""
    between = moved @ turned.T
    values, vectors = np.linalg.eigh(0.5 * (between + between.T))
    some = values > 1e-14 * values.max(initial=0.0)
    inverse: Numbers = (vectors[:, some] / values[some]) @ vectors[:, some].T
    return inverse
