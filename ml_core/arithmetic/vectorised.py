"""The arithmetic in numpy, float64 throughout: a matrix is an array."""

import os
import sys
from collections.abc import Sequence
from itertools import accumulate, pairwise

from ml_core.arithmetic import NotFinite, plain, power
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

type Matrix = NDArray[np.float64]

ROUNDING = 2.0**-53
# How much the exponent of a Gaussian, and a distance relatively, may be off before a row is computed the
# longer way.
HARMLESS = 1e-13


def matrix(packed: bytes | memoryview, width: int) -> Matrix:
    """A view of the bytes."""
    return np.frombuffer(packed, dtype="<f8").reshape(-1, width)


def lists(matrix: Matrix) -> list[list[float]]:
    """The matrix as lists of floats."""
    result: list[list[float]] = matrix.tolist()
    return result


def _array(tensor: Tensor) -> Matrix:
    return np.frombuffer(tensor.packed, dtype="<f8").reshape(tensor.shape)


@np.errstate(all="ignore")
def standardised(X: Matrix, mean: Tensor, scale: Tensor) -> Matrix:
    """(x - mean) / scale, column by column."""
    return _finite((X - _array(mean)) / _array(scale))


@np.errstate(all="ignore")
def affine(X: Matrix, weights: Tensor, intercepts: Sequence[float]) -> Matrix:
    """x·w + b for every row w of the weights and its intercept b."""
    return _finite(X @ _array(weights).T + np.asarray(intercepts))


@np.errstate(all="ignore")
def distances(X: Matrix, points: Tensor) -> Matrix:
    """The Euclidean distance of every row to every point."""
    result = np.sqrt(_squared_distances(X, _array(points), relative=HARMLESS))
    # A square overflows long before the distance does: those rows are measured as few rows are.
    for row in np.flatnonzero(~np.isfinite(result).all(axis=1)):
        result[row] = (
            plain.distances([tuple(X[row].tolist())], points)[0] if np.isfinite(X[row]).all() else np.nan
        )
    return _finite(result)


def nearest(X: Matrix, points: Tensor, measured: Matrix) -> list[int]:
    """Which point is nearest to each row; the first of several that are equally near within rounding."""
    labels: list[int] = measured.argmin(axis=1).tolist()
    close = np.count_nonzero(measured <= measured.min(axis=1, keepdims=True) * (1 + plain.CLOSE), axis=1) > 1
    for row in np.flatnonzero(close).tolist():
        labels[row] = plain.nearest_one(X[row].tolist(), measured[row].tolist(), points.rows)
    return labels


@np.errstate(all="ignore")
def gaussian(X: Matrix, points: Tensor, gamma: float) -> Matrix:
    """exp(-gamma·‖x − p‖²) for every row x and point p."""
    exponents = _squared_distances(X, _array(points), absolute=HARMLESS / gamma)
    exponents *= -gamma
    return np.exp(exponents, out=exponents)


def _squared_distances(X: Matrix, P: Matrix, *, absolute: float = 0.0, relative: float = 0.0) -> Matrix:
    """‖x − p‖² for all rows and points, each row right within `absolute` + `relative` × its smallest.

    The expansion ‖x‖² − 2x·p + ‖p‖² is one fast matrix product, but loses to rounding what its terms exceed
    their sum by. Rows whose bound on that loss is too large are computed from the differences.
    """
    lengths, point_lengths = np.einsum("ij,ij->i", X, X), np.einsum("ij,ij->i", P, P)
    squares = X @ P.T
    squares *= -2.0
    squares += lengths[:, None]
    squares += point_lengths
    # Rounding errors of a sum of d terms grow as the square root of d; the constant is generous.
    steps = 8 + 2 * X.shape[1] ** 0.5
    loss = steps * ROUNDING * (np.sqrt(lengths) + np.sqrt(point_lengths.max())) ** 2
    exact = loss <= absolute + relative * squares.min(axis=1)  # False where anything overflowed
    _replace(squares, np.flatnonzero(~exact), X, P)
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
def polynomial(X: Matrix, points: Tensor, gamma: float, coef0: float, degree: int) -> Matrix:
    """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
    return _finite(power(gamma * (X @ _array(points).T) + coef0, degree))


@np.errstate(all="ignore")
def hyperbolic(X: Matrix, points: Tensor, gamma: float, coef0: float) -> Matrix:
    """tanh(gamma·x·p + coef0) for every row x and point p."""
    return np.tanh(_finite(gamma * (X @ _array(points).T) + coef0))


@np.errstate(all="ignore")
def one_versus_one(
    kernel: Matrix, dual: Tensor, counts: Sequence[int], intercepts: Sequence[float]
) -> Matrix:
    """The decision of each pair of classes, positive for the first of the two."""
    coefficients = _array(dual)
    # sums[i][:, r]: what the vectors of class i say in its pair with the r-th of the other classes
    sums = [
        kernel[:, begin:end] @ coefficients[:, begin:end].T
        for begin, end in pairwise(accumulate(counts, initial=0))
    ]
    decisions = np.empty((len(kernel), len(intercepts)))
    for column, (i, j) in enumerate(_pairs(len(counts))):
        decisions[:, column] = sums[i][:, j - 1] + sums[j][:, i] + intercepts[column]
    return _finite(decisions)


def most_votes(pairs: Matrix, classes: int) -> list[int]:
    """The class that wins most of its pairs, the first of several, as libsvm counts them."""
    votes = np.zeros((len(pairs), classes), dtype=np.intp)
    for column, (i, j) in enumerate(_pairs(classes)):
        won = pairs[:, column] > 0
        votes[:, i] += won
        votes[:, j] += ~won
    labels: list[int] = votes.argmax(axis=1).tolist()
    return labels


@np.errstate(all="ignore")
def one_versus_rest(pairs: Matrix, classes: int) -> Matrix:
    """scikit-learn's decision of each class: its votes, plus a confidence in (-1/3, 1/3)."""
    votes, confidences = np.zeros((len(pairs), classes)), np.zeros((len(pairs), classes))
    for column, (i, j) in enumerate(_pairs(classes)):
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


def _pairs(classes: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(classes) for j in range(i + 1, classes)]


def _finite(matrix: Matrix) -> Matrix:
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise NotFinite(int(finite.argmin()))
    return matrix
