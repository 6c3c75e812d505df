"""The arithmetic in numpy, float64 throughout: a matrix is an array."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_core.arithmetic import CLOSE, Coefficients, NotFinite, pairs_of, plain, power
from ml_core.tensors import Tensor

if "numpy" not in sys.modules and "OPENBLAS_NUM_THREADS" not in os.environ:
    # A function has one or two processors: OpenBLAS's threads cost a fifth of the import and win nothing.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy as np

    del os.environ[
        "OPENBLAS_NUM_THREADS"
    ]  # read once, at the import; not for processes that are started later
else:
    import numpy as np

from numpy.typing import NDArray

if TYPE_CHECKING:
    from ml_core.features import Layout

type Matrix = NDArray[np.float64]

ROUNDING = 2.0**-53
# How much the exponent of a Gaussian, and a distance relatively, may be off before a row is computed the
# longer way.
HARMLESS = 1e-13
# Below, the numbers that make up a square lose digits to underflow.
SMALLEST_SQUARE = 1e-280


def matrix(packed: bytes | memoryview, width: int) -> Matrix:
    """A view of the bytes."""
    return np.frombuffer(packed, dtype="<f8").reshape(-1, width)


def lists(matrix: Matrix) -> list[list[float]]:
    """The matrix as lists of floats."""
    result: list[list[float]] = matrix.tolist()
    return result


def _array(tensor: Tensor) -> Matrix:
    return np.frombuffer(tensor.packed, dtype="<f8").reshape(tensor.shape)


class Wide:
    """Encoded rows: their leading numbers, and for each column of words the place of its 1, -1 for none.

    With thousands of words a row is nearly all zeros: products with weights are taken without making it.
    """

    __slots__ = ("_dense", "leading", "ones", "width")

    def __init__(self, leading: Matrix, ones: "NDArray[np.int64]", width: int) -> None:
        self.leading = leading
        self.ones = ones
        self.width = width
        self._dense: Matrix | None = None

    def __len__(self) -> int:
        return len(self.leading)

    def dense(self) -> Matrix:
        """The rows in full; made once."""
        if self._dense is None:
            self._dense = np.zeros((len(self), self.width + 1))
            self._dense[:, : self.leading.shape[1]] = self.leading
            for places in self.ones.T:
                self._dense[np.arange(len(self)), places] = 1.0  # of -1 into the column that is left out
        return self._dense[:, :-1]

    def products(self, W: Matrix) -> Matrix:
        """x·w for every row x, and every row w of W."""
        first = self.leading.shape[1]
        products: Matrix = self.leading @ W[:, :first].T
        weights = np.vstack([W.T, np.zeros(len(W))])  # the place -1 finds the zeros
        for places in self.ones.T:
            products += weights[places]
        return products

    def lengths(self) -> Matrix:
        """‖x‖ for every row x."""
        squares = np.einsum("ij,ij->i", self.leading, self.leading)
        return np.asarray(np.sqrt(squares + np.count_nonzero(self.ones >= 0, axis=1)))

    def row(self, number: int) -> list[float]:
        """One row in full."""
        values = [*self.leading[number].tolist(), *[0.0] * (self.width - self.leading.shape[1])]
        for place in self.ones[number].tolist():
            if place >= 0:
                values[place] = 1.0
        return values


def encoded(X: Matrix, layout: "Layout") -> Wide:
    """Rows of features as the rows of numbers that the layout makes of them."""
    first = len(layout.numbers) + len(layout.flagged)
    leading = np.empty((len(X), first))
    for place, (column, replacement) in enumerate(layout.numbers):
        leading[:, place] = np.where(np.isnan(X[:, column]), replacement, X[:, column])
    for place, column in enumerate(layout.flagged, start=len(layout.numbers)):
        leading[:, place] = np.isnan(X[:, column])
    ones = np.empty((len(X), len(layout.words)), np.int64)
    begin = first
    for number, (column, count, missing) in enumerate(layout.words):
        places = np.where(np.isnan(X[:, column]), count, X[:, column]).astype(np.int64)
        ones[:, number] = np.where((places >= 0) & (places < count + missing), begin + places, -1)
        begin += count + missing
    return Wide(leading, ones, begin)


def dense(X: Matrix | Wide) -> Matrix:
    """The rows in full."""
    return X.dense() if isinstance(X, Wide) else X


@np.errstate(all="ignore")
def standardised(X: Matrix | Wide, mean: Tensor, scale: Tensor) -> Matrix:
    """(x - mean) / scale, column by column."""
    return _finite((dense(X) - _array(mean)) / _array(scale))


@np.errstate(all="ignore")
def affine(X: Matrix | Wide, weights: Tensor, intercepts: Sequence[float]) -> Matrix:
    """x·w + b for every row w of the weights and its intercept b."""
    W = _array(weights)
    products = (X.products(W) if isinstance(X, Wide) else X @ W.T) + np.asarray(intercepts)
    lengths = X.lengths() if isinstance(X, Wide) else np.sqrt(np.einsum("ij,ij->i", X, X))
    sizes = lengths[:, None] * np.sqrt(np.einsum("ij,ij->i", W, W))
    # The sign of what is 0 but for rounding decides a label: those rows are computed as few rows are.
    for row in np.flatnonzero((np.abs(products) < CLOSE * (sizes + np.abs(intercepts))).any(axis=1)):
        values = X.row(int(row)) if isinstance(X, Wide) else X[row].tolist()
        products[row] = plain.affine_row(values, weights, intercepts)
    return _finite(products)


@np.errstate(all="ignore")
def distances(X: Matrix | Wide, points: Tensor) -> Matrix:
    """The Euclidean distance of every row to every point."""
    X = dense(X)
    squares = _squared_distances(X, _array(points))
    result = np.sqrt(squares)
    # Squares overflow and underflow long before distances do: such rows are measured as few rows are.
    held = (squares > SMALLEST_SQUARE) & (squares < np.inf)
    for row in np.flatnonzero(~held.all(axis=1)):
        result[row] = plain.distances_row(X[row].tolist(), points)
    return _finite(result)


def nearest(X: Matrix | Wide, points: Tensor, measured: Matrix) -> list[int]:
    """Which point is nearest to each row; the first of several that are equally near within rounding."""
    X = dense(X)
    labels: list[int] = measured.argmin(axis=1).tolist()
    close = np.count_nonzero(measured <= measured.min(axis=1, keepdims=True) * (1 + CLOSE), axis=1) > 1
    for row in np.flatnonzero(close).tolist():
        labels[row] = plain.nearest_one(X[row].tolist(), measured[row].tolist(), points.rows)
    return labels


@np.errstate(all="ignore")
def gaussian(X: Matrix | Wide, points: Tensor, gamma: float) -> Matrix:
    """exp(-gamma·‖x − p‖²) for every row x and point p."""
    exponents = _squared_distances(dense(X), _array(points), bandwidth=gamma**-0.5)
    exponents *= -gamma
    return np.exp(exponents, out=exponents)


def _squared_distances(X: Matrix, P: Matrix, bandwidth: float = 0.0) -> Matrix:
    """‖x − p‖² for every row x and point p, precise relatively, or for exp(-‖x − p‖² / bandwidth²).

    The expansion ‖x‖² − 2x·p + ‖p‖² is one fast matrix product, but loses to rounding what its terms exceed
    their sum by: about (‖x‖ + ‖p‖)², which with d = ‖x − p‖ is at most (2‖x‖ + d)². Relative to d² that is
    most for the nearest point; and exp(-d²/bandwidth²) shrinks faster than the loss grows, from one bandwidth
    past the nearest point on. Rows that lose too much are computed from the differences.
    """
    centre = P.mean(axis=0)  # what all have in common only costs digits
    Y, Q = X - centre, P - centre
    lengths = np.einsum("ij,ij->i", Y, Y)
    squares = Y @ Q.T
    squares *= -2.0
    squares += lengths[:, None]
    squares += np.einsum("ij,ij->i", Q, Q)
    np.maximum(squares, 0.0, out=squares)
    nearest = np.sqrt(squares.min(axis=1))
    # Rounding errors of a sum of d terms grow as the square root of d; the constant is generous.
    steps = 8 + 2 * X.shape[1] ** 0.5
    loss = steps * ROUNDING * (2 * np.sqrt(lengths) + nearest + bandwidth) ** 2
    precise = loss <= HARMLESS * (bandwidth * bandwidth or nearest**2)  # False where anything overflowed
    _replace(squares, np.flatnonzero(~precise), X, P)
    return squares


def _replace(squares: Matrix, rows: NDArray[np.intp], X: Matrix, P: Matrix) -> None:
    """Compute these rows of squared distances from the differences, in the fewer and longer steps."""
    if len(rows) <= len(P):
        for row in rows:
            difference = P - X[row]
            squares[row] = np.einsum("ij,ij->i", difference, difference)
    else:
        chosen = X[rows]
        for column, point in enumerate(P):
            difference = chosen - point
            squares[rows, column] = np.einsum("ij,ij->i", difference, difference)


@np.errstate(all="ignore")
def polynomial(X: Matrix | Wide, points: Tensor, gamma: float, coef0: float, degree: int) -> Matrix:
    """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
    return _finite(power(gamma * (dense(X) @ _array(points).T) + coef0, degree))


@np.errstate(all="ignore")
def hyperbolic(X: Matrix | Wide, points: Tensor, gamma: float, coef0: float) -> Matrix:
    """tanh(gamma·x·p + coef0) for every row x and point p."""
    return np.tanh(_finite(gamma * (dense(X) @ _array(points).T) + coef0))


@np.errstate(all="ignore")
def one_versus_one(kernel: Matrix, coefficients: Coefficients) -> Matrix:
    """The decision of each pair of classes, positive for the first of the two."""
    dual, groups = _array(coefficients.dual), coefficients.groups
    # sums[i][:, r]: what the vectors of class i say in its pair with the r-th of the other classes
    sums = [kernel[:, group] @ dual[:, group].T for group in groups]
    decided = np.empty((len(kernel), len(coefficients.pairs)))
    for column, (i, j) in enumerate(coefficients.pairs):
        decided[:, column] = sums[i][:, j - 1] + sums[j][:, i]
    decided += np.asarray(coefficients.intercepts)
    most = np.abs(kernel).max(axis=1, keepdims=True)
    close = CLOSE * (most * np.asarray(coefficients.sizes) + np.abs(coefficients.intercepts))
    for column in np.flatnonzero((np.abs(decided) <= close).any(axis=0)).tolist():
        rows = np.abs(decided[:, column]) <= close[:, column]
        decided[rows, column] = _sum_in_turn(kernel[rows], coefficients, column)
    return _finite(decided)


def _sum_in_turn(kernel: Matrix, coefficients: Coefficients, pair: int) -> Matrix:
    """A pair's sum of products, each addition rounded, which neither a product of matrices nor `sum` does."""
    i, j = coefficients.pairs[pair]
    one, other = coefficients.groups[i], coefficients.groups[j]
    terms = np.hstack([kernel[:, one], kernel[:, other]])
    terms *= np.asarray(coefficients.against(i, j) + coefficients.against(j, i))
    result: Matrix = np.cumsum(terms, axis=1)[:, -1] + coefficients.intercepts[pair]
    return result


def most_votes(pairs: Matrix, classes: int) -> list[int]:
    """The class that wins most of its pairs, the first of several, as libsvm counts them."""
    votes = np.zeros((len(pairs), classes), dtype=np.intp)
    for column, (i, j) in enumerate(pairs_of(classes)):
        won = pairs[:, column] > 0
        votes[:, i] += won
        votes[:, j] += ~won
    labels: list[int] = votes.argmax(axis=1).tolist()
    return labels


@np.errstate(all="ignore")
def one_versus_rest(pairs: Matrix, classes: int) -> Matrix:
    """scikit-learn's decision of each class: its votes, plus a confidence in (-1/3, 1/3)."""
    votes, confidences = np.zeros((len(pairs), classes)), np.zeros((len(pairs), classes))
    for column, (i, j) in enumerate(pairs_of(classes)):
        lost = pairs[:, column] < 0
        votes[:, i] += ~lost
        votes[:, j] += lost
        confidences[:, i] += pairs[:, column]
        confidences[:, j] -= pairs[:, column]
    return _finite(votes + confidences / (3 * (np.abs(confidences) + 1)))


def negated(matrix: Matrix) -> Matrix:
    """Every number times -1."""
    return -matrix


def largest(matrix: Matrix) -> list[int]:
    """The first column of each row's largest number; of a single column, whether it is above 0."""
    labels: list[int] = (
        matrix.argmax(axis=1) if matrix.shape[1] > 1 else (matrix[:, 0] > 0).astype(int)
    ).tolist()
    return labels


@np.errstate(all="ignore")
def sigmoid(matrix: Matrix, slopes: Sequence[float], offsets: Sequence[float]) -> Matrix:
    """1 / (1 + exp(-(slope·x + offset))), column by column."""
    x = matrix * np.asarray(slopes) + np.asarray(offsets)
    small = np.exp(-np.abs(x))  # exp(-x) overflows for a negative x
    result: Matrix = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return result


@np.errstate(all="ignore")
def softmax(matrix: Matrix) -> Matrix:
    """exp(x) over the sum of the row's exp(x)."""
    # Subtracting the maximum changes nothing but keeps exp in range: it overflows past 709.
    return shares(np.exp(matrix - matrix.max(axis=1, keepdims=True)))


def complemented(matrix: Matrix) -> Matrix:
    """One column p becomes two: 1 - p and p."""
    return np.hstack([1.0 - matrix, matrix])


def shares(matrix: Matrix) -> Matrix:
    """Every number over the sum of its row; equal shares where that sum is 0."""
    totals = matrix.sum(axis=1, keepdims=True)
    equal = np.full_like(matrix, 1 / matrix.shape[1])
    result: Matrix = np.divide(matrix, totals, out=equal, where=totals != 0)
    return result


def _finite(matrix: Matrix) -> Matrix:
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise NotFinite(int(finite.argmin()))
    return matrix
