"""The polynomial kernel: (gamma·x·s + coef0)^p, whose Shapley values truncated power series give.

u^p is p! times the coefficient of s^p in e^{su}, and e^{su} is a product over columns as the RBF kernel is:
of each column the series e^{s·a}, cut after s^p, where a is the column's product with the vector; of an
absent column their mean. Each power of t in the quadrature brings a power of s with it, so that half as many
nodes as the degree are exact. The product of all series but one is the exponential of their logarithms' sum.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from ml_core.explaining.quadrature import gauss_legendre

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.explaining.vectors import VectorPiece

    type Array = NDArray[np.float64]

# A step on an array takes the time of so many multiplications for each of its elements.
_ELEMENT = 4


class PolynomialGame:
    """Series of columns, in the place of `known` of `KernelGame`: degree × columns × vectors.

    They are the coefficients of s¹ to s^p; that of s⁰ is 1 everywhere.
    """

    def __init__(self, gamma: float, coef0: float, degree: int) -> None:
        self._gamma = gamma
        self._coef0 = coef0
        self._degree = degree

    def nodes(self, n_columns: int) -> Sequence[int]:  # noqa: ARG002 - as of every kernel
        """Half as many as the degree."""
        return [(self._degree + 1) // 2]

    def work(self, n_columns: int) -> int:
        """About twice the square of the degree for each column and node."""
        (nodes,) = self.nodes(n_columns)
        return _ELEMENT * n_columns * nodes * 2 * self._degree * (self._degree + 2)

    def of_row(self, piece: VectorPiece, values: Sequence[float], row: Sequence[float]) -> Array:
        """Each column's series."""
        return self._series(piece.products(values, row))

    def of_marginals(self, piece: VectorPiece, columns: Sequence[Sequence[tuple[float, float]]]) -> Array:
        """Each column's series on average."""
        found = np.zeros((self._degree, len(piece.columns), len(piece)))
        for place, column in enumerate(piece.columns):
            for value, share in columns[column]:
                found[:, place] += share * self._series(piece.products_of(column, value))
        return found

    def _series(self, products: Array) -> Array:
        """That of e^{s·gamma·product}."""
        found = np.empty((self._degree, *products.shape))
        np.multiply(products, self._gamma, out=found[0])
        for power in range(1, self._degree):
            np.multiply(found[power - 1], found[0], out=found[power])
            found[power] /= power + 1
        return found

    def kernel(self, known: Array) -> Array:
        """The coefficient of s^p in the product of all series and e^{s·coef0}, times p!."""
        logarithm = _logarithm(known).sum(axis=1)
        logarithm[0] += self._coef0
        found: Array = factorial(self._degree) * _exponential(logarithm)[-1]
        return found

    def parts(self, known: Array, absent: Array, coefficients: Array, nodes: int) -> Array:
        """Each column's part, by so many nodes."""
        differences, degree = known - absent, self._degree
        total = np.zeros(known.shape[1:])
        for t, weight in gauss_legendre(nodes):
            logarithms = _logarithm(absent + t * differences)
            others = logarithms.sum(axis=1)
            others[0] += self._coef0
            product = _exponential(others[:, None] - logarithms)
            total += weight * differences[-1]
            for power in range(degree - 1):
                total += weight * differences[power] * product[degree - 2 - power]
        found: Array = factorial(degree) * (total @ coefficients)
        return found


def _logarithm(series: Array) -> Array:
    """The logarithm of 1 + the series, which begins at s¹ as the result does."""
    found = series.copy()
    for k in range(1, len(series)):  # found[k] is that of s^{k + 1}
        for i in range(k):
            found[k] -= (i + 1) / (k + 1) * found[i] * series[k - i - 1]
    return found


def _exponential(series: Array) -> Array:
    """The exponential of a series that begins at s¹, without the 1 that it begins with."""
    found = np.empty_like(series)
    for k in range(len(series)):
        found[k] = series[k]
        for i in range(k):
            found[k] += (i + 1) / (k + 1) * series[i] * found[k - i - 1]
    return found
