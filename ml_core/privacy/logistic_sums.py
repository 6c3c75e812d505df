"""The two sums of rows that logistic regression is fitted from, each released with noise.

This is all that a fit sees of the rows: what it computes of releases is free. All sums are of whole numbers,
exact in any order; the residuals come from tables, since an exponential may round differently by its place in
an array.
"""

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.privacy.accounting import variance_of
from ml_core.privacy.rows import UNIT, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from ml_core.privacy.budget import Noise, PrivacyBudget

    # Gives the rows in blocks, again and again: whole numbers of `rows.whole_rows`, and their classes.
    type Blocks = Callable[[], Iterable[tuple[NDArray[np.float64], NDArray[np.int64]]]]

_WEIGHT = 1 << 20  # what stands for 1 in a weight
_MOST_WEIGHT = 1 << 32
_RESIDUAL = 1 << 12  # what stands for 1 in a residual
# A decision is in units of UNIT · _WEIGHT = 2³⁰; the tables have 2⁹ entries for each 1, from -16 to 16.
_SHIFT, _FINE, _FURTHEST = 21, 1 << 9, 16
_SHARE = 1 << 20  # what stands for 1 in the table of exponentials
# Of a view: the length that rows may have, the largest number of its matrix, and how far out any number is
# looked at.
_LENGTH, _LARGEST, _OUTERMOST = 1 << 15, 1 << 30, float(1 << 22)


class Released(NamedTuple):
    """A sum in units of 1, and the standard deviation of the noise in each of its numbers."""

    values: "NDArray[np.float64]"
    deviation: float


class View(NamedTuple):
    """Rows multiplied by a matrix and no longer than a bound: what gradients are summed over.

    A matrix that is known, as one that is computed of releases is, tells nothing of the rows. One that makes
    all directions of the rows about equally long lets noise, which is as wide in each, hide none of them.

    Args:
        matrix: columns × columns, whole numbers up to 2³⁰: the products with a row's are exact in any order.
        factor: what they are multiplied by then. Single products are rounded alike wherever they stand.
        unit: what stands for 1 in them.
    """

    matrix: "NDArray[np.float64]"
    factor: float
    unit: float

    @classmethod
    def of(cls, matrix: "NDArray[np.float64]", length: float) -> "View":
        """The view by a matrix in which rows, in units of 1, are no longer than a length."""
        scale = _LARGEST / float(np.abs(matrix).max())
        unit = _LENGTH / length
        return cls(np.trunc(matrix * scale), unit / (scale * UNIT), unit)

    def rows(self, X: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Whole rows as they are seen: whole numbers. Each depends on itself alone."""
        seen = np.trunc(np.clip((X @ self.matrix) * self.factor, -_OUTERMOST, _OUTERMOST))
        return shortened(seen, _LENGTH)


class LogisticSums:
    """Noisy sums over rows of two or more classes, as long as the budget lasts.

    Args:
        blocks: the rows.
        width: their columns.
        classes: at least 2; their numbers begin at 0.
        longest: no row is longer, in the units of rows.
        budget: what the releases may cost.
        noise: where the noise comes from.
    """

    def __init__(
        self,
        blocks: "Blocks",
        *,
        width: int,
        classes: int,
        longest: int,
        budget: "PrivacyBudget",
        noise: "Noise",
    ) -> None:
        self.width = width
        self.classes = classes
        self.longest = longest
        self.decisions = 1 if classes == 2 else classes
        self.budget = budget
        self._blocks = blocks
        self._noise = noise
        # One row adds x xᵀ to the one. Of its upper triangle the squares sum to ½(|x|⁴ + Σxᵢ⁴), and no number
        # of a row is above UNIT: Σxᵢ⁴ ≤ UNIT²|x|². To the other it adds r v: v, the row as
        # it is seen, is no longer than the length of a view, and r than 1 for two classes, and √2 for more.
        self.of_products = -(-(longest**4 + min(longest, UNIT) ** 2 * longest**2) // 2)
        self.of_gradient = (1 if classes == 2 else 2) * _RESIDUAL**2 * _LENGTH**2

    def products(self, rho: Fraction) -> Released:
        """XᵀX, columns × columns."""
        self.budget.spend(rho)
        total = np.zeros((self.width, self.width), np.int64)
        for X, _ in self._blocks():
            total += (X.T @ X).astype(np.int64)
        upper = np.triu_indices(self.width)
        variance = variance_of(self.of_products, rho)
        total[upper] += np.array(self._noise(variance, len(upper[0])), np.int64)
        total[upper[1], upper[0]] = total[upper]
        return Released(total / UNIT**2, float(variance) ** 0.5 / UNIT**2)

    def gradient(self, weights: "NDArray[np.float64]", view: View, rho: Fraction) -> Released:
        """The gradient of the losses at the weights as it is seen, decisions × columns.

        A row that a view shortens counts less.
        """
        self.budget.spend(rho)
        whole = whole_weights(weights)
        total = np.zeros((self.decisions, self.width), np.int64)
        residuals = _of_two if self.decisions == 1 else _of_several
        for X, y in self._blocks():
            found = residuals(decisions(X, whole), y).astype(np.float64)
            total += (found.T @ view.rows(X)).astype(np.int64)
        variance = variance_of(self.of_gradient, rho)
        total += np.array(self._noise(variance, total.size), np.int64).reshape(total.shape)
        unit = _RESIDUAL * view.unit
        return Released(total / unit, float(variance) ** 0.5 / unit)


def whole_weights(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Weights as whole numbers."""
    return np.asarray(np.clip(np.round(weights * _WEIGHT), -_MOST_WEIGHT, _MOST_WEIGHT))


def decisions(X: "NDArray[np.float64]", whole: "NDArray[np.float64]") -> "NDArray[np.int64]":
    """The decisions of whole rows by whole weights, exact: rows × decisions."""
    return np.asarray(X @ whole.T).astype(np.int64)


def _of_two(decisions: "NDArray[np.int64]", y: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Probability of the second class, less 1 where it is true; from -1 to 1 in units of 1/4096."""
    place = np.clip((decisions >> _SHIFT) + _FURTHEST * _FINE, 0, 2 * _FURTHEST * _FINE - 1)
    found: NDArray[np.int64] = _sigmoids()[place] - (y * _RESIDUAL)[:, None]
    return found


def _of_several(decisions: "NDArray[np.int64]", y: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Each class's probability, less 1 of the true one; no longer than √2 in units of 1/4096."""
    below = decisions.max(axis=1, keepdims=True) - decisions
    shares = _exponentials()[np.minimum(below >> _SHIFT, _FURTHEST * _FINE - 1)]
    residuals: NDArray[np.int64] = shares * _RESIDUAL // shares.sum(axis=1, keepdims=True)
    residuals[np.arange(len(y)), y] -= _RESIDUAL
    return residuals


@cache
def _sigmoids() -> "NDArray[np.int64]":
    places = (np.arange(2 * _FURTHEST * _FINE) + 0.5) / _FINE - _FURTHEST
    return np.round(_RESIDUAL / (1 + np.exp(-places))).astype(np.int64)


@cache
def _exponentials() -> "NDArray[np.int64]":
    return np.round(_SHARE * np.exp(-(np.arange(_FURTHEST * _FINE) + 0.5) / _FINE)).astype(np.int64)
