"""The rows nearest to where a loss bends, kept as they are: the next step counts with them exactly.

A parabola says how a row's loss changes while its margin moves by about 1. Where classes lie apart, margins
move by far more, and the few rows in between decide where the least is.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.losses import Loss

    type Numbers = NDArray[np.float64]

# The numbers of all rows that are kept of a pass, 4 MiB; but as many rows as may decide where the least is.
KEPT = 1 << 19
# What stands before each kept row, which is multiplied by its sign.
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
    bend: float,
    most: int,
) -> "Numbers":
    """Those of these rows that may be among the nearest."""
    distances = np.abs(margins - bend)
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
    return max(KEPT // (machines * (BEFORE + width)), 2 * width + 50)


def least(
    near: "Numbers",
    loss_of: "Loss",
    gradient: "Numbers",
    curvature: "Numbers",
    solved: "Callable[[Numbers, Numbers], Numbers]",
) -> "Numbers":
    """The step to the least of the kept rows' losses and of a parabola that stands for all others.

    Args:
        near: the kept rows of one machine.
        loss_of: their loss.
        gradient: that of all rows and the penalty, at the place.
        curvature: theirs.
        solved: Newton's step, of a curvature and a gradient.
    """
    rows, costs, at = near[:, BEFORE:], near[:, COST], near[:, MARGIN]

    def looked(step: "Numbers") -> "tuple[float, Numbers, Numbers]":
        loss, slope, bent = loss_of(at + rows @ step)
        return float(costs @ loss), (costs * slope) @ rows, costs * bent

    def curved(factors: "Numbers") -> "Numbers":
        some = np.flatnonzero(factors)
        rooted = rows[some] * np.sqrt(factors[some])[:, np.newaxis]
        found: Numbers = rooted.T @ rooted
        return found

    step = np.zeros(len(gradient))
    value, slope, factors = looked(step)
    rest, bent = gradient - slope, curvature - curved(factors)  # of all that is not kept
    for _ in range(STEPS):
        down = slope + rest + bent @ step
        further = solved(bent + curved(factors), down)
        promised = float(down @ further)
        if -promised <= PRECISE * max(value, 1e-300):
            break
        length, before = 1.0, value + float(rest @ step + 0.5 * step @ bent @ step)
        while length > 1e-8:
            tried = step + length * further
            value, slope, factors = looked(tried)
            if value + float(rest @ tried + 0.5 * tried @ bent @ tried) <= before + 1e-4 * length * promised:
                break
            length *= 0.5
        else:
            break
        step = tried
    return step
