"""The rows nearest to where a loss bends, kept as they are: the next step counts with them exactly.

A parabola says how a row's loss changes while its margin moves by about 1. Where classes lie apart, margins
move by far more, and the few rows in between decide where the least is.
"""

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.losses import Loss

    type Numbers = NDArray[np.float64]

# The numbers of all rows that are kept of a pass, 4 MiB; but as many rows as may decide where the least is,
# up to 16 MiB: a quarter as many as there are coefficients still do.
KEPT, MOST_KEPT = 1 << 19, 1 << 21
# What stands before each kept row, which is multiplied by its sign.
# Of several classes at once its class is said in the place of its margin.
MACHINE, COST, MARGIN, DISTANCE, BEFORE = 0, 1, 2, 3, 4
# The steps of Newton's by which the least is found among kept rows.
STEPS, PRECISE = 100, 1e-11


def none(width: int) -> "Numbers":
    """No rows of so many coefficients."""
    return np.zeros((0, BEFORE + width))


def of_machine(  # noqa: PLR0917 - what a row has
    machine: int,
    rows: "Numbers",
    signs: "Numbers",
    costs: "Numbers",
    margins: "Numbers",
    distances: "Numbers",
    most: int,
) -> "Numbers":
    """Those of these rows that may be among the nearest."""
    some = np.arange(len(rows))
    if len(rows) > most:
        some = np.sort(np.argsort(distances, kind="stable")[:most])
    made = np.empty((len(some), BEFORE + rows.shape[1]))
    made[:, MACHINE], made[:, COST], made[:, MARGIN] = machine, costs[some], margins[some]
    made[:, DISTANCE] = distances[some]
    np.multiply(rows[some], signs[some, np.newaxis], out=made[:, BEFORE:])
    return made


def merged(one: "Numbers", other: "Numbers", machines: int) -> "Numbers":
    """The nearest rows of both: of those that are as near, the first."""
    both = np.concatenate([one, other])
    most = most_of(machines, both.shape[1] - BEFORE)
    if len(both) <= most:
        return both
    kept = np.zeros(len(both), dtype=bool)
    for machine in range(machines):
        own = np.flatnonzero(both[:, MACHINE] == machine)
        kept[own[np.argsort(both[own, DISTANCE], kind="stable")[:most]]] = True
    return both[kept]


def most_of(machines: int, width: int) -> int:
    """How many rows are kept of each machine."""
    numbers = machines * (BEFORE + width)
    return max(KEPT // numbers, min(2 * width + 50, max(width // 4, MOST_KEPT // numbers)))


class KeptRows(Protocol):
    """The losses of kept rows, as the coefficients move."""

    def looked(self, step: "Numbers") -> "tuple[float, Numbers, Callable[[], Numbers]]":
        """Their sum after a step, its gradient, and what computes its curvature."""
        ...


class KeptMargins(NamedTuple):
    """Kept rows of one machine, and the loss of their margins."""

    near: "Numbers"
    loss_of: "Loss"

    def looked(self, step: "Numbers") -> "tuple[float, Numbers, Callable[[], Numbers]]":
        """Their sum after a step, its gradient, and what computes its curvature."""
        rows, costs = self.near[:, BEFORE:], self.near[:, COST]
        loss, slope, bent = self.loss_of(self.near[:, MARGIN] + rows @ step)

        def curved() -> "Numbers":
            factors = costs * bent
            some = np.flatnonzero(factors)
            rooted = rows[some] * np.sqrt(factors[some])[:, np.newaxis]
            found: Numbers = rooted.T @ rooted
            return found

        return float(costs @ loss), (costs * slope) @ rows, curved


def least(
    kept: KeptRows,
    gradient: "Numbers",
    curvature: "Numbers",
    solved: "Callable[[Numbers, Numbers], Numbers]",
) -> "Numbers":
    """The step to the least of the kept rows' losses and of a parabola that stands for all others.

    Args:
        kept: the kept rows of one machine.
        gradient: that of all rows and the penalty, at the place.
        curvature: theirs.
        solved: Newton's step, of a curvature and a gradient.
    """
    step = np.zeros(len(gradient))
    value, slope, curved = kept.looked(step)
    rest, bent = gradient - slope, curvature - curved()  # of all that is not kept
    for _ in range(STEPS):
        down = slope + rest + bent @ step
        further = solved(bent + curved(), down)
        promised = float(down @ further)
        if -promised <= PRECISE * max(value, 1e-300):
            step = step + further  # what is left is the square of that
            break
        length, before = 1.0, value + float(rest @ step + 0.5 * step @ bent @ step)
        while length > 1e-8:
            tried = step + length * further
            value, slope, curved = kept.looked(tried)
            if value + float(rest @ tried + 0.5 * tried @ bent @ tried) <= before + 1e-4 * length * promised:
                break
            length *= 0.5
        else:
            break
        step = tried
    return step
