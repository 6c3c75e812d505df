"""Losses of a margin, with their slopes and curvatures. A margin is sign × decision: right where positive."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]
    # Of margins: each one's loss, slope and curvature.
    type Loss = Callable[[Numbers], tuple[Numbers, Numbers, Numbers]]

LOG, SQUARED_HINGE = "log", "squared_hinge"


def log(margins: "Numbers") -> "tuple[Numbers, Numbers, Numbers]":
    """The logarithm of 1 + exp(-margin)."""
    small = np.exp(-np.abs(margins))
    share = 1.0 / (1.0 + small)
    slope = -np.where(margins >= 0, small * share, share)
    return np.maximum(-margins, 0.0) + np.log1p(small), slope, small * share * share


def squared_hinge(margins: "Numbers") -> "tuple[Numbers, Numbers, Numbers]":
    """The square of what a margin lacks to 1."""
    lacks = np.maximum(1.0 - margins, 0.0)
    return lacks * lacks, -2.0 * lacks, np.where(lacks > 0, 2.0, 0.0)


LOSSES: "dict[str, Loss]" = {LOG: log, SQUARED_HINGE: squared_hinge}
# The margin at which each changes the most from what a parabola says.
BENDS = {LOG: 0.0, SQUARED_HINGE: 1.0}
