"""Integrated gradients: what each place of an input adds to a margin on the way from a baseline to it.

The way is the straight line x(t) = baseline + t · (input - baseline). A place adds the integral over t, from
0 to 1, of the margin's gradient there times how far the place moves; all places together add the difference
of the margins at both ends. ReLUs, and the greatest of several numbers, make the gradient jump on the way, so
that no rule with fixed nodes gets close. Here the panels of the trapezoidal rule are halved where they are
worst, which each tells by itself: what its places add is the difference of the margins at its two ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ml_core.arithmetic.vectorised  # noqa: F401 - it says how numpy is imported
from ml_core.records import Record

import numpy as np  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    type Floats = NDArray[np.float64]
    # At each node t the margin, and the gradient times how far each place moves: nodes × places.
    type Along = Callable[[Floats], tuple[Floats, Floats]]

FEWEST_NODES, MOST_NODES = 17, 257
# Halving ends when what panels are off, added up without sign, is this share of all parts without sign. What
# they are off together is about a tenth of it.
ENOUGH = 1e-3
# At an end numbers may be equal that are not on the way: of a picture without contrast all maxima are ties,
# and without biases every ReLU is at its bend. The gradient is taken on the way, so close to the end.
_BESIDE_END = 2.0**-40
# So many of the panels are halved at a time: the worst quarter.
_SHARE = 4


class Integral(Record):
    """What places add to a margin, between a baseline and an input.

    Args:
        parts: one for each place.
        base: the margin of the baseline.
        margin: that of the input.
        nodes: at how many points of the way gradients were computed.
    """

    parts: Floats
    base: float
    margin: float
    nodes: int


@np.errstate(all="ignore")
def integrated(along: Along, *, most_nodes: int = MOST_NODES, enough: float = ENOUGH) -> Integral:
    """The integral along one way, at no more nodes than `most_nodes`, which is at least `FEWEST_NODES`.

    `enough` is as of `ENOUGH`; of many ways whose mean is taken, each need not be as close. What overflows is
    told as it is: a margin or a part is no finite number then.
    """
    nodes = np.linspace(0.0, 1.0, FEWEST_NODES)
    margins, slopes = along(np.clip(nodes, _BESIDE_END, 1 - _BESIDE_END))
    while True:
        widths = np.diff(nodes)
        rise = slopes.sum(axis=1)
        off = np.abs(np.diff(margins) - widths * (rise[:-1] + rise[1:]) / 2)
        weights = (np.append(widths, 0.0) + np.append(0.0, widths)) / 2
        parts = weights @ slopes
        spare = most_nodes - len(nodes)
        if not spare or not off.sum() > enough * np.abs(parts).sum():
            return Integral(parts, float(margins[0]), float(margins[-1]), len(nodes))
        worst = np.argsort(-off, kind="stable")[: min(spare, len(off) // _SHARE)]
        worst = np.sort(worst[off[worst] > 0])
        between = (nodes[worst] + nodes[worst + 1]) / 2
        more_margins, more_slopes = along(between)
        nodes = np.insert(nodes, worst + 1, between)
        margins = np.insert(margins, worst + 1, more_margins)
        slopes = np.insert(slopes, worst + 1, more_slopes, axis=0)
