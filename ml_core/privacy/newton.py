"""Logistic regression by Newton's method on released sums, for two and more classes.

The bound of the curvature that Böhning gives (¼XᵀX for two classes, ½(I − 11ᵀ/K) ⊗ XᵀX for K) does not
depend on the weights: it is released once, and each step releases a gradient (Ganesh, Haghifam, Steinke and
Thakurta, Faster Differentially Private Convex Optimization via Second-Order Methods, 2023). The number of
steps is fixed: a solver that stops early would tell of the rows by stopping.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.privacy.logistic_sums import View
from ml_core.privacy.rows import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.privacy.logistic_sums import LogisticSums, Released

STEPS = 10
# The share of the budget that pays for the curvature; the rest is divided among the gradients.
CURVATURE = Fraction(3, 10)
# Where the classes lie apart or one is rare, the curvature is far below its bound, and a step may be longer.
_LONGEST_STEP = 16.0
# How many deviations of noise a change of the gradient is taken to be larger than it was found.
_DOUBT = 2.0
# The least eigenvalue that is believed, as a share of what the noise alone makes of the largest.
_BELIEVED = 0.25
_UNPENALISED = 1e-9  # keeps the intercept's curvature above 0


class _Directions(NamedTuple):
    """What the released products say of the rows: how long they are in which directions.

    Args:
        products: the products, none of whose eigenvalues is below what is believed.
        variances: of the columns.
        view: rows about as long in each direction.
        back: what brings a gradient that was seen so to the columns of rows.
    """

    products: "NDArray[np.float64]"
    variances: "NDArray[np.float64]"
    view: View
    back: "NDArray[np.float64]"


def newton(
    sums: "LogisticSums", penalty: float, start: "NDArray[np.float64] | None" = None
) -> "NDArray[np.float64]":
    """The weights of each class, or those of the second of two: decisions × columns.

    Spends the whole budget of the sums. The first column of the rows is the constant 1, whose weight is not
    penalised.

    Args:
        sums: of the rows.
        penalty: what half the squared weights are multiplied by, beside the sum of the losses.
        start: the weights before the first step; without it 0.
    """
    rho = sums.budget.left
    weights = np.zeros((sums.decisions, sums.width)) if start is None else start
    along = _directions(sums.products(rho * CURVATURE), sums.longest / UNIT)
    penalties = penalty * along.variances
    penalties[0] = _UNPENALISED
    # Of K classes the pseudo-inverse of ½(I − 11ᵀ/K) is 2(I − 11ᵀ/K), and the gradients of the classes sum to
    # 0 but for noise, which is taken out of them.
    bound = (0.25 if sums.decisions == 1 else 0.5) * along.products + np.diag(penalties)
    inverse = np.linalg.inv(bound)
    before = None
    for _ in range(STEPS):
        found = sums.gradient(weights, along.view, rho * (1 - CURVATURE) / STEPS)
        gradient = found.values @ along.back + penalties * weights
        if sums.decisions > 1:
            gradient -= gradient.mean(axis=0)
        stretch = 1.0
        if before is not None:
            step, change = weights - before[0], gradient - before[1]
            noise = found.deviation * float(np.linalg.norm(step @ along.back.T))
            stretch = _stretch(step, change, bound, noise)
        before = weights, gradient
        weights = weights - stretch * (gradient @ inverse)
    return weights


def _directions(products: "Released", longest: float) -> _Directions:
    """The directions of rows that are no longer than a bound, in units of 1."""
    values, vectors = np.linalg.eigh(products.values)
    # The eigenvalues of so much noise alone lie within 2 √columns deviations.
    kept = np.maximum(values, _BELIEVED * 2 * products.deviation * len(values) ** 0.5)
    # A row's mean squared length as it is seen, by as many rows as the constant column says there are; what
    # is below 0 by noise makes up for what is above. No row is longer than its own bound makes it.
    rows = max(float(products.values[0, 0]), 1.0)
    variances = np.diag(products.values) / rows - (products.values[0] / rows) ** 2
    squared = max(1.0, float((values / kept).sum())) / rows
    length = min(squared, longest**2 / float(kept.min())) ** 0.5
    root = np.sqrt(kept)
    return _Directions(
        np.asarray((vectors * kept) @ vectors.T),
        np.clip(variances, min(1.0, float(kept.min()) / rows), 1.0),
        View.of(vectors / root, length),
        np.asarray((vectors * root).T),
    )


def _stretch(
    step: "NDArray[np.float64]", change: "NDArray[np.float64]", bound: "NDArray[np.float64]", noise: float
) -> float:
    """How much longer than the bound of the curvature says the next step may be, by the one before.

    It is the step of Barzilai and Borwein (1988) in the metric of the bound.
    """
    expected = float(np.sum((step @ bound) * step))
    seen = float(np.sum(step * change)) + _DOUBT * 2**0.5 * noise
    return max(1.0, expected / max(seen, expected / _LONGEST_STEP)) if expected else 1.0
