"""The RBF kernel: exp(-gamma·‖x - s‖²) is a product over columns, whose Shapley values a quadrature gives.

With p the factor of a known column and q that of an absent one, a column's value is
(p - q)·∫₀¹ Π (q + t·(p - q)) dt over the other columns: the integral of a polynomial in t of a degree one
less than there are columns, for which half as many nodes are exact. No factor is negative, so nothing
cancels. Of many columns far fewer nodes do: how well the parts add up tells when there are enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_core.explaining.quadrature import gauss_legendre

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.explaining.vectors import VectorPiece

    type Array = NDArray[np.float64]

FIRST_NODES = 6
# An element of a quadrature takes the time of so many multiplications.
_ELEMENT = 16


class RbfGame:
    """Factors of columns, in the place of `known` of `KernelGame`."""

    def __init__(self, gamma: float) -> None:
        self._gamma = gamma

    def nodes(self, n_columns: int) -> Sequence[int]:
        """Twice as many each time, up to half of the columns."""
        exact = (n_columns + 1) // 2
        tried = []
        some = FIRST_NODES
        while some < exact:
            tried.append(some)
            some *= 2
        return [*tried, exact]

    def work(self, n_columns: int) -> int:
        """An element for each column and node; what is done where the first two numbers of nodes suffice."""
        return _ELEMENT * n_columns * sum(self.nodes(n_columns)[:2])

    def of_row(self, piece: VectorPiece, values: Sequence[float], row: Sequence[float]) -> Array:
        """Each column's factor."""
        return self._factors(piece.squares(values, row))

    def of_marginals(self, piece: VectorPiece, columns: Sequence[Sequence[tuple[float, float]]]) -> Array:
        """Each column's factor on average."""
        found = np.zeros((len(piece.columns), len(piece)))
        for place, column in enumerate(piece.columns):
            for value, share in columns[column]:
                found[place] += share * self._factors(piece.squares_of(column, value))
        return found

    def _factors(self, squares: Array) -> Array:
        return np.exp(-self._gamma * squares)

    def kernel(self, known: Array) -> Array:
        """The product of all factors."""
        product: Array = np.multiply.reduce(known, axis=0)
        return product

    def parts(self, known: Array, absent: Array, coefficients: Array, nodes: int) -> Array:
        """Each column's part, by so many nodes."""
        differences = known - absent
        total, factors = np.zeros(known.shape), np.empty(known.shape)
        for t, weight in gauss_legendre(nodes):
            np.multiply(differences, t, out=factors)
            factors += absent
            product = np.multiply.reduce(factors, axis=0)
            product *= weight
            np.divide(product, factors, out=factors)
            total += factors
        total *= differences
        found: Array = total @ coefficients
        if np.isnan(found).any():  # 0/0, of a column whose factors are both 0: its part is 0
            np.nan_to_num(total, copy=False, nan=0.0)
            found = total @ coefficients
        return found
