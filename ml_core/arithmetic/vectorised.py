"""The arithmetic in numpy, float64 throughout: a matrix is an array."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from ml_core.arithmetic import plain
from ml_core.arithmetic.bounds import BLOCK_NUMBERS, CLOSE, NotFinite
from ml_core.arithmetic.pairs import Coefficients, pairs_of
from ml_core.arithmetic.plain import power
from ml_core.safetensors import Tensor

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
    from ml_core.arithmetic.layout import Layout

type Matrix = NDArray[np.float64]

ROUNDING = 2.0**-53
# How much a distance relatively, and the exponent of a Gaussian, may be off before a row is computed the
# longer way. A decision that an exponent's error could turn is within `CLOSE` of zero, and summed again. The
# bound grows with the columns: rows of a thousand that are scaled, with gamma 1 / 1000, reach 1.5e-13.
HARMLESS = 1e-13
HARMLESS_EXPONENT = CLOSE / 2
# Below, the numbers that make up a square lose digits to underflow.
SMALLEST_SQUARE = 1e-280
# What is gathered at a time, to be added while it is still in the processor's cache.
CACHED_NUMBERS = 1 << 16


def matrix(packed: bytes | memoryview, width: int) -> Matrix:
    """A view of the bytes."""
    return np.frombuffer(packed, dtype="<f8").reshape(-1, width)


def lists(matrix: Matrix) -> list[list[float]]:
    """The matrix as lists of floats."""
    result: list[list[float]] = matrix.tolist()
    return result


def _array(tensor: Tensor) -> Matrix:
    return np.frombuffer(tensor.packed, dtype="<f8").reshape(tensor.shape)


class OneHotRows:
    """Encoded rows: their leading numbers, and for each column of words the place of its 1, -1 for none.

    With thousands of words a row is nearly all zeros: products with weights are taken without making it.
    """

    __slots__ = ("leading", "ones", "shape")

    def __init__(self, leading: Matrix, ones: "NDArray[np.signedinteger]", width: int) -> None:
        self.leading = leading
        self.ones = ones
        self.shape = (len(leading), width)

    def __len__(self) -> int:
        return len(self.leading)

    def with_leading(self, leading: Matrix) -> "OneHotRows":
        """The same words behind other numbers."""
        return OneHotRows(leading, self.ones, self.shape[1])

    def __getitem__(self, rows: "NDArray[np.intp]") -> Matrix:
        """Some of the rows in full."""
        first, width = self.leading.shape[1], self.shape[1]
        full = np.zeros((len(rows), width + 1))
        full[:, :first] = self.leading[rows]
        for places in self.ones[rows].T:
            full[np.arange(len(rows)), places] = 1.0  # of -1 into the column that is left out
        return full[:, :-1]

    def products(self, W: Matrix) -> Matrix:
        """x·w for every row x, and every row w of W."""
        first = self.leading.shape[1]
        products: Matrix = self.leading @ W[:, :first].T
        weights = np.vstack([np.zeros(len(W)), W[:, first:].T])  # no word finds the zeros
        places = np.where(self.ones < 0, 0, self.ones - (first - 1))
        step = max(1, CACHED_NUMBERS // len(W))
        for begin in range(0, len(self), step):
            some = slice(begin, begin + step)
            for column in places[some].T:
                products[some] += weights[column]
        return products

    def squares(self) -> Matrix:
        """‖x‖² for every row x."""
        numbers = np.einsum("ij,ij->i", self.leading, self.leading)
        squares: Matrix = numbers + np.count_nonzero(self.ones >= 0, axis=1)
        return squares


def encoded(X: Matrix, layout: "Layout") -> Matrix | OneHotRows:
    """Rows of features as the rows of numbers that the layout makes of them."""
    if layout.changes_nothing(X.shape[1]) and not np.isnan(X).any():
        return X
    first = len(layout.numbers) + len(layout.missing_indicator)
    leading = np.empty((len(X), first))
    numbers = leading[:, : len(layout.numbers)]
    numbers[:] = X[:, [column for column, _ in layout.numbers]]
    np.copyto(numbers, [replacement for _, replacement in layout.numbers], where=np.isnan(numbers))
    leading[:, len(layout.numbers) :] = np.isnan(X[:, list(layout.missing_indicator)])
    if not layout.categories:
        return leading
    ones = np.empty((len(X), len(layout.categories)), np.int64)
    begin = first
    for number, (column, count, missing) in enumerate(layout.categories):
        places = np.where(np.isnan(X[:, column]), count, X[:, column]).astype(np.int64)
        ones[:, number] = np.where((places >= 0) & (places < count + missing), begin + places, -1)
        begin += count + missing
    return OneHotRows(leading, ones, begin)


def dense(X: Matrix | OneHotRows) -> Matrix:
    """The rows in full."""
    return X[np.arange(len(X))] if isinstance(X, OneHotRows) else X


def _products(X: Matrix | OneHotRows, W: Matrix) -> Matrix:
    """x·w for every row x of X, and every row w of W."""
    return X.products(W) if isinstance(X, OneHotRows) else X @ W.T


def _squares(X: Matrix | OneHotRows) -> Matrix:
    """‖x‖² for every row x."""
    return X.squares() if isinstance(X, OneHotRows) else np.einsum("ij,ij->i", X, X)


def _length(X: Matrix | OneHotRows) -> float:
    """The length of all rows as one vector: the root of the sum of all their squares."""
    if isinstance(X, OneHotRows):
        return float(np.hypot(_length(X.leading), np.count_nonzero(X.ones >= 0) ** 0.5))
    numbers = X.ravel(order="K")  # a view, in either order of memory
    return float(np.sqrt(numbers @ numbers))


def _row(X: Matrix | OneHotRows, number: int) -> list[float]:
    """One row in full."""
    row: list[float] = X[np.array([number])][0].tolist()
    return row


@np.errstate(all="ignore")
def standardised(X: Matrix | OneHotRows, mean: Tensor, scale: Tensor) -> Matrix | OneHotRows:
    """(x - mean) / scale, column by column."""
    means, scales = _array(mean), _array(scale)
    if isinstance(X, OneHotRows):
        first = X.leading.shape[1]
        if not means[first:].any() and (scales[first:] == 1).all():  # words are not scaled
            return X.with_leading(_finite((X.leading - means[:first]) / scales[:first]))
    result: Matrix = dense(X) - means
    result /= scales
    return _finite(result)


@np.errstate(all="ignore")
def affine(X: Matrix | OneHotRows, weights: Tensor, intercepts: Sequence[float]) -> Matrix:
    """x·w + b for every row w of the weights and its intercept b."""
    W = _array(weights)
    products = _products(X, W) + np.asarray(intercepts)
    lengths, constants = np.sqrt(_squares(W)), np.abs(intercepts)
    # The sign of what is 0 but for rounding decides a label: those rows are computed as few rows are. None is
    # longer than all rows together, which are measured at once: mostly that rules out every row.
    close = np.flatnonzero((np.abs(products) < CLOSE * (_length(X) * lengths + constants)).any(axis=1))
    if len(close):
        sizes = np.sqrt(_squares(X[close]))[:, None] * lengths
        close = close[(np.abs(products[close]) < CLOSE * (sizes + constants)).any(axis=1)]
    for row in close.tolist():
        products[row] = plain.affine_row(_row(X, row), weights, intercepts)
    return _finite(products)


@np.errstate(all="ignore")
def distances(X: Matrix | OneHotRows, points: Tensor) -> Matrix:
    """The Euclidean distance of every row to every point."""
    squares = _squared_distances(X, points)
    result = np.sqrt(squares)
    # Squares overflow and underflow long before distances do: such rows are measured as few rows are.
    held = (squares > SMALLEST_SQUARE) & (squares < np.inf)
    for row in np.flatnonzero(~held.all(axis=1)):
        result[row] = plain.distances_row(_row(X, int(row)), points)
    return _finite(result)


def nearest(X: Matrix | OneHotRows, points: Tensor, measured: Matrix) -> list[int]:
    """Which point is nearest to each row; the first of several that are equally near within rounding."""
    labels: list[int] = nearest_numbers(X, points, measured).tolist()
    return labels


def nearest_numbers(X: Matrix | OneHotRows, points: Tensor, measured: Matrix) -> NDArray[np.int64]:
    """As `nearest`, as an array."""
    labels: NDArray[np.int64] = measured.argmin(axis=1)
    close = np.count_nonzero(measured <= measured.min(axis=1, keepdims=True) * (1 + CLOSE), axis=1) > 1
    for row in np.flatnonzero(close).tolist():
        labels[row] = plain.nearest_one(_row(X, row), measured[row].tolist(), points.rows)
    return labels


@np.errstate(all="ignore")
def rbf_kernel(X: Matrix | OneHotRows, points: Tensor, gamma: float) -> Matrix:
    """exp(-gamma·‖x − p‖²) for every row x and point p."""
    exponents = _squared_distances(X, points, bandwidth=gamma**-0.5)
    for some in _cached_rows(exponents):
        np.multiply(some, -gamma, out=some)
        np.exp(some, out=some)
    return exponents


def _cached_rows(matrix: Matrix) -> Iterator[Matrix]:
    """All rows, a few at a time, which stay in the processor's cache."""
    step = max(1, CACHED_NUMBERS // max(1, matrix.shape[1]))
    return (matrix[begin : begin + step] for begin in range(0, len(matrix), step))


class _Centred(NamedTuple):
    """Points around their mean as far as `first`: it, -2 times the differences from it, and their squares."""

    first: int
    centre: NDArray[np.float64]
    doubled: Matrix
    squares: NDArray[np.float64]


_centred_points: "WeakKeyDictionary[Tensor, _Centred]" = WeakKeyDictionary()


def _centred(points: Tensor, first: int) -> _Centred:
    """The points around their mean, whose columns from `first` on count as 0; kept as long as they are."""
    found = _centred_points.get(points)
    if found is None or found.first != first:
        P = _array(points)
        centre = P.mean(axis=0)  # what all have in common only costs digits
        centre[first:] = 0.0
        Q = P - centre
        squares = _squares(Q)
        Q *= -2.0
        found = _centred_points[points] = _Centred(first, centre, Q, squares)
    return found


def _squared_distances(X: Matrix | OneHotRows, points: Tensor, bandwidth: float = 0.0) -> Matrix:
    """‖x − p‖² for every row x and point p, precise relatively, or for exp(-‖x − p‖² / bandwidth²).

    The expansion ‖x‖² − 2x·p + ‖p‖² is one fast matrix product, but loses to rounding what its terms exceed
    their sum by: about (‖x‖ + ‖p‖)², which with d = ‖x − p‖ is at most (2‖x‖ + d)². Relative to d² that is
    most for the nearest point; and exp(-d²/bandwidth²) shrinks faster than the loss grows, from one bandwidth
    past the nearest point on. Rows that lose too much are computed from the differences.
    """
    if isinstance(X, OneHotRows):  # words are short: they stay as they are
        first = X.leading.shape[1]
        centred = _centred(points, first)
        Y: Matrix | OneHotRows = X.with_leading(X.leading - centred.centre[:first])
    else:
        centred = _centred(points, X.shape[1])
        Y = X - centred.centre
    lengths = _squares(Y)
    squares = _products(Y, centred.doubled)
    least = np.empty(len(squares))
    done = 0
    for some in _cached_rows(squares):
        rows = slice(done, done + len(some))
        np.add(some, lengths[rows, None], out=some)
        np.add(some, centred.squares, out=some)
        np.maximum(some, 0.0, out=some)
        least[rows] = some.min(axis=1)
        done = rows.stop
    nearest = np.sqrt(least)
    # Rounding errors of a sum of d terms grow as the square root of d; the constant is generous.
    terms = X.leading.shape[1] + X.ones.shape[1] if isinstance(X, OneHotRows) else X.shape[1]
    steps = 8 + 2 * terms**0.5
    loss = steps * ROUNDING * (2 * np.sqrt(lengths) + nearest + bandwidth) ** 2
    harmless = HARMLESS_EXPONENT * bandwidth * bandwidth if bandwidth else HARMLESS * nearest**2
    precise = loss <= harmless  # False where anything overflowed
    _replace(squares, np.flatnonzero(~precise), X, _array(points))
    return squares


def _replace(squares: Matrix, rows: NDArray[np.intp], X: Matrix | OneHotRows, P: Matrix) -> None:
    """Compute these rows of squared distances from the differences, in the fewer and longer steps."""
    most = max(1, BLOCK_NUMBERS // P.shape[1])
    for block in (rows[begin : begin + most] for begin in range(0, len(rows), most)):
        chosen = X[block]
        if len(block) <= len(P):
            for row, values in zip(block, chosen, strict=True):
                squares[row] = _squares(P - values)
        else:
            for column, point in enumerate(P):
                squares[block, column] = _squares(chosen - point)


@np.errstate(all="ignore")
def polynomial_kernel(
    X: Matrix | OneHotRows, points: Tensor, gamma: float, coef0: float, degree: int
) -> Matrix:
    """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
    return _finite(power(gamma * _products(X, _array(points)) + coef0, degree))


@np.errstate(all="ignore")
def sigmoid_kernel(X: Matrix | OneHotRows, points: Tensor, gamma: float, coef0: float) -> Matrix:
    """tanh(gamma·x·p + coef0) for every row x and point p."""
    return np.tanh(_finite(gamma * _products(X, _array(points)) + coef0))


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
    most = np.maximum(kernel.max(axis=1, keepdims=True), -kernel.min(axis=1, keepdims=True))
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
    labels: list[int] = most_voted_numbers(pairs, classes).tolist()
    return labels


def most_voted_numbers(pairs: Matrix, classes: int) -> NDArray[np.int64]:
    """As `most_votes`, as an array."""
    votes = np.zeros((len(pairs), classes), dtype=np.intp)
    for column, (i, j) in enumerate(pairs_of(classes)):
        won = pairs[:, column] > 0
        votes[:, i] += won
        votes[:, j] += ~won
    labels: NDArray[np.int64] = votes.argmax(axis=1)
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
    labels: list[int] = largest_numbers(matrix).tolist()
    return labels


def largest_numbers(matrix: Matrix) -> NDArray[np.int64]:
    """As `largest`, as an array."""
    labels: NDArray[np.int64] = (
        matrix.argmax(axis=1) if matrix.shape[1] > 1 else (matrix[:, 0] > 0).astype(np.int64)
    )
    return labels


@np.errstate(all="ignore")
def sigmoid(matrix: Matrix, slopes: Sequence[float], offsets: Sequence[float]) -> Matrix:
    """1 / (1 + exp(-(slope·x + offset))), column by column."""
    x = matrix * np.asarray(slopes) + np.asarray(offsets)
    small = np.exp(-np.abs(x))  # exp(-x) overflows for a negative x
    result: Matrix = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return result


@np.errstate(all="ignore")
def coupled(pairs: Matrix, slopes: Sequence[float], offsets: Sequence[float], classes: int) -> Matrix:
    """The probability of each class, of the decisions of pairs, as libsvm couples it."""
    said = sigmoid(pairs, [-slope for slope in slopes], [-offset for offset in offsets])
    said = np.clip(said, plain.LEAST_COUPLED, 1.0 - plain.LEAST_COUPLED)
    r = np.zeros((len(pairs), classes, classes))
    for column, (i, j) in enumerate(pairs_of(classes)):
        r[:, i, j] = said[:, column]
        r[:, j, i] = 1.0 - said[:, column]
    turned = r.transpose(0, 2, 1)
    Q = -turned * r
    for t in range(classes):
        Q[:, t, t] = (turned[:, t] ** 2).sum(axis=1)
    p = np.full((len(pairs), classes), 1.0 / classes)
    left = np.arange(len(pairs))  # the rows that are not near enough yet
    for _ in range(max(plain.COUPLED_ROUNDS, classes)):
        some, some_p = Q[left], p[left]
        Qp = np.einsum("ntj,nj->nt", some, some_p)
        pQp = np.einsum("nt,nt->n", some_p, Qp)
        far = ~(np.abs(Qp - pQp[:, None]).max(axis=1) < plain.COUPLED_ERROR / classes)
        left, some, some_p, Qp, pQp = left[far], some[far], some_p[far], Qp[far], pQp[far]
        if not len(left):
            break
        for t in range(classes):
            own = some[:, t, t]
            diff = (pQp - Qp[:, t]) / own
            some_p[:, t] += diff
            pQp = (pQp + diff * (diff * own + 2.0 * Qp[:, t])) / (1.0 + diff) / (1.0 + diff)
            Qp = (Qp + diff[:, None] * some[:, t]) / (1.0 + diff[:, None])
            some_p /= 1.0 + diff[:, None]
        p[left] = some_p
    return p


@np.errstate(all="ignore")
def softmax(matrix: Matrix) -> Matrix:
    """exp(x) over the sum of the row's exp(x)."""
    # Subtracting the maximum changes nothing but keeps exp in range: it overflows past 709.
    return shares(np.exp(matrix - matrix.max(axis=1, keepdims=True)))


@np.errstate(all="ignore")
def greatest_shares(matrix: Matrix) -> list[float]:
    """The greatest number of each row of `softmax`; of a single column x that of 0 and x."""
    if matrix.shape[1] == 1:
        total = 1.0 + np.exp(-np.abs(matrix[:, 0]))
    else:
        total = np.exp(matrix - matrix.max(axis=1, keepdims=True)).sum(axis=1)
    shares: list[float] = (1.0 / total).tolist()
    return shares


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
