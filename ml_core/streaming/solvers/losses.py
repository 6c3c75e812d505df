"""Losses of a margin, with their slopes and curvatures. A margin is sign × decision: right where positive."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]
    # Of margins and a smoothing width: each margin's loss, slope and curvature.
    type Loss = Callable[[Numbers, float], tuple[Numbers, Numbers, Numbers]]

LOG, SQUARED_HINGE, HINGE = "log", "squared_hinge", "hinge"


def log(margins: "Numbers", width: float) -> "tuple[Numbers, Numbers, Numbers]":  # noqa: ARG001 - as every loss
    """The logarithm of 1 + exp(-margin)."""
    small = np.exp(-np.abs(margins))
    share = 1.0 / (1.0 + small)
    slope = -np.where(margins >= 0, small * share, share)
    return np.maximum(-margins, 0.0) + np.log1p(small), slope, small * share * share


def squared_hinge(margins: "Numbers", width: float) -> "tuple[Numbers, Numbers, Numbers]":  # noqa: ARG001
    """The square of what a margin lacks to 1."""
    lacks = np.maximum(1.0 - margins, 0.0)
    return lacks * lacks, -2.0 * lacks, np.where(lacks > 0, 2.0, 0.0)


def hinge(margins: "Numbers", width: float) -> "tuple[Numbers, Numbers, Numbers]":
    """What a margin lacks to 1, its kink rounded by a parabola as far as `width` on either side."""
    lacks = 1.0 - margins
    if not width:
        return np.maximum(lacks, 0.0), np.where(lacks > 0, -1.0, 0.0), np.zeros_like(lacks)
    inside = np.clip(lacks + width, 0.0, 2.0 * width)
    loss = inside * inside / (4.0 * width) + np.maximum(lacks - width, 0.0)
    curvature = np.where((lacks > -width) & (lacks < width), 0.5 / width, 0.0)
    return loss, inside / (-2.0 * width), curvature


LOSSES: "dict[str, Loss]" = {LOG: log, SQUARED_HINGE: squared_hinge, HINGE: hinge}
