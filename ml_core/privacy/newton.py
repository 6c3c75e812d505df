"""Logistic regression by Newton's method on released sums, for two and more classes.

The bound of the curvature that Böhning gives (¼XᵀX for two classes, ½(I − 11ᵀ/K) ⊗ XᵀX for K) does not
depend on the weights: it is released once, and each step releases a gradient (Ganesh, Haghifam, Steinke and
Thakurta, Faster Differentially Private Convex Optimization via Second-Order Methods, 2023). The number of
steps is fixed: a solver that stops early would tell of the rows by stopping.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.privacy.logistic_sums import LogisticSums, Released

STEPS = 8
# The share of the budget that pays for the curvature; the rest is divided among the gradients.
CURVATURE = Fraction(3, 10)
# Where the classes lie apart or one is rare, the curvature is far below its bound, and a step may be longer.
_LONGEST_STEP = 16.0
# How many deviations of noise a change of the gradient is taken to be larger than it was found.
_DOUBT = 2.0
_UNPENALISED = 1e-9  # keeps the intercept's curvature above 0


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
    penalties = np.full(sums.width, penalty)
    penalties[0] = _UNPENALISED
    products = sums.products(rho * CURVATURE)
    # Of K classes the pseudo-inverse of ½(I − 11ᵀ/K) is 2(I − 11ᵀ/K), and the gradients of the classes sum to
    # 0 but for noise, which is taken out of them.
    bound = (0.25 if sums.decisions == 1 else 0.5) * _bounded_below(products) + np.diag(penalties)
    inverse = np.linalg.inv(bound)
    before = None
    for _ in range(STEPS):
        found = sums.gradient(weights, rho * (1 - CURVATURE) / STEPS)
        gradient = found.values + penalties * weights
        if sums.decisions > 1:
            gradient -= gradient.mean(axis=0)
        stretch = 1.0 if before is None else _stretch(weights - before[0], gradient - before[1], bound, found)
        before = weights, gradient
        weights = weights - stretch * (gradient @ inverse)
    return weights


def _bounded_below(products: "Released") -> "NDArray[np.float64]":
    """The products, none of whose eigenvalues is below what the noise alone may make of it."""
    values, vectors = np.linalg.eigh(products.values)
    least = products.deviation * len(values) ** 0.5
    return np.asarray((vectors * np.maximum(values, least)) @ vectors.T)


def _stretch(
    step: "NDArray[np.float64]",
    change: "NDArray[np.float64]",
    bound: "NDArray[np.float64]",
    found: "Released",
) -> float:
    """How much longer than the bound of the curvature says the next step may be, by the one before.

    It is the step of Barzilai and Borwein (1988) in the metric of the bound.
    """
    expected = float(np.sum((step @ bound) * step))
    seen = float(np.sum(step * change)) + _DOUBT * 2**0.5 * found.deviation * float(np.linalg.norm(step))
    return max(1.0, expected / max(seen, expected / _LONGEST_STEP)) if expected else 1.0
