"""What a pass sums for a solver that goes by derivatives, of several machines at once."""

from typing import TYPE_CHECKING, NamedTuple

from ml_core.streaming.solvers.nearest import merged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]

# The shares of a step at which a pass looks as well, at the loss alone: one of them mostly leads down.
SHARES = (0.4, 0.1, 0.02)
# What a slice of rows may have of numbers, with every copy of it that a kernel makes: 2 MiB.
SLICE = 1 << 18


class Derivatives(NamedTuple):
    """The sums over rows of each machine's loss, and of what it does around where it was looked at.

    Args:
        loss: one number for each machine.
        gradient: machines × coefficients.
        curvature: machines × coefficients × coefficients; or machines × coefficients, only the diagonals;
            or machines × classes × coefficients × coefficients of each class by itself.
        turned: machines × directions × coefficients: how the gradient turns along each direction asked for.
        shorter: machines × `SHARES`: the loss where so much of the step had been made.
        near: the rows nearest to where their loss bends, of machines with a curvature in full; see `nearest`.
    """

    loss: "Numbers"
    gradient: "Numbers"
    curvature: "Numbers"
    turned: "Numbers"
    shorter: "Numbers"
    near: "Numbers"

    def add(self, other: "Derivatives", /) -> "Derivatives":
        """The sums over the rows of both."""
        return Derivatives(
            self.loss + other.loss,
            self.gradient + other.gradient,
            self.curvature + other.curvature,
            self.turned + other.turned,
            self.shorter + other.shorter,
            merged(self.near, other.near, len(self.loss)),
        )


def slices(rows: int, width: int) -> list[slice]:
    """The rows in runs whose numbers, `width` a row, fit `SLICE`."""
    step = max(1, SLICE // max(1, width))
    return [slice(first, min(rows, first + step)) for first in range(0, rows, step)]
