"""The arithmetic in plain Python: a matrix is a list of rows. Imports nothing that is not built in."""

from __future__ import annotations

from itertools import chain
from math import dist, exp, isfinite, isnan, sumprod, tanh

from ml_core.arithmetic.bounds import CLOSE, NotFinite
from ml_core.arithmetic.pairs import Coefficients, pairs_of
from ml_core.safetensors import Tensor, unpack_rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.arithmetic.layout import Layout

type Row = Sequence[float]
type Matrix = Sequence[Row]

ROUNDING = 2.0**-53
# libsvm's: no probability of a pair is less, an error below this over the number of classes is none, and so
# many rounds are the most.
LEAST_COUPLED, COUPLED_ERROR, COUPLED_ROUNDS = 1e-7, 0.005, 100


def matrix(packed: bytes | memoryview, width: int) -> Matrix:
    """The rows as tuples."""
    return list(unpack_rows(packed, width))


def lists(matrix: Matrix) -> list[list[float]]:
    """The matrix as lists of floats."""
    return [list(row) for row in matrix]


def encoded(X: Matrix, layout: Layout) -> Matrix:
    """Rows of features as the rows of numbers that the layout makes of them."""
    wide = []
    for row in X:
        numbers = [
            replacement if isnan(row[column]) else row[column] for column, replacement in layout.numbers
        ]
        numbers += [float(isnan(row[column])) for column in layout.missing_indicator]
        for column, count, missing in layout.categories:
            ones = [0.0] * (count + missing)
            place = count if isnan(row[column]) else int(row[column])
            if 0 <= place < len(ones):
                ones[place] = 1.0
            numbers += ones
        wide.append(numbers)
    return wide


def standardised(X: Matrix, mean: Tensor, scale: Tensor) -> Matrix:
    """(x - mean) / scale, column by column."""
    columns = list(zip(mean.values, scale.values, strict=True))
    return _finite(tuple((x - m) / s for x, (m, s) in zip(row, columns, strict=True)) for row in X)


def affine(X: Matrix, weights: Tensor, intercepts: Sequence[float]) -> Matrix:
    """x·w + b for every row w of the weights and its intercept b."""
    learnt = list(zip(weights.rows, intercepts, strict=True))
    return _finite([[sumprod(x, w) + b for w, b in learnt] for x in X])


def affine_row(x: Row, weights: Tensor, intercepts: Sequence[float]) -> Row:
    """One row of `affine`, whatever its numbers."""
    return [sumprod(x, w) + b for w, b in zip(weights.rows, intercepts, strict=True)]


def distances(X: Matrix, points: Tensor) -> Matrix:
    """The Euclidean distance of every row to every point."""
    return _finite(distances_row(x, points) for x in X)


def distances_row(x: Row, points: Tensor) -> Row:
    """One row of `distances`, whatever its numbers."""
    return [dist(x, p) for p in points.rows]


def nearest(X: Matrix, points: Tensor, measured: Matrix) -> list[int]:
    """Which point is nearest to each row; the first of several that are equally near within rounding."""
    return [nearest_one(x, row, points.rows) for x, row in zip(X, measured, strict=True)]


def nearest_one(x: Row, measured: Row, points: Matrix) -> int:
    """The nearest of the points, given how far each of them is, give or take its rounding."""
    reach = min(measured) * (1 + CLOSE)
    first, *others = (index for index, distance in enumerate(measured) if distance <= reach)
    for other in others:
        if _is_nearer(x, points[other], points[first]):
            first = other
    return first


def _is_nearer(x: Row, one: Row, other: Row) -> bool:
    """Whether x is nearer to one point than to the other, beyond rounding.

    ‖x − p‖² − ‖x − q‖² = (q − p)·((x − p) + (x − q)) keeps the digits that the two squares lose to each other
    when x is far away, or when all three lie far from the origin.
    """
    gaps = [q - p for p, q in zip(one, other, strict=True)]
    sums = [(v - p) + (v - q) for v, p, q in zip(x, one, other, strict=True)]
    sizes = [abs(v - p) + abs(v - q) for v, p, q in zip(x, one, other, strict=True)]
    return sumprod(gaps, sums) < -4 * ROUNDING * sumprod(map(abs, gaps), sizes)


def rbf_kernel(X: Matrix, points: Tensor, gamma: float) -> Matrix:
    """exp(-gamma·‖x − p‖²) for every row x and point p."""
    return [[exp(-gamma * d * d) for d in (dist(x, p) for p in points.rows)] for x in X]


def polynomial_kernel(X: Matrix, points: Tensor, gamma: float, coef0: float, degree: int) -> Matrix:
    """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
    return _finite([power(gamma * sumprod(x, p) + coef0, degree) for p in points.rows] for x in X)


def sigmoid_kernel(X: Matrix, points: Tensor, gamma: float, coef0: float) -> Matrix:
    """tanh(gamma·x·p + coef0) for every row x and point p."""
    bases = _finite([gamma * sumprod(x, p) + coef0 for p in points.rows] for x in X)
    return [[tanh(base) for base in row] for row in bases]


def one_versus_one(kernel: Matrix, coefficients: Coefficients) -> Matrix:
    """The decision of each pair of classes, positive for the first of the two."""
    pairs, groups = coefficients.pairs, coefficients.groups
    weights = [(coefficients.against(i, j), coefficients.against(j, i)) for i, j in pairs]
    columns = [(groups[i], groups[j], u, v) for (i, j), (u, v) in zip(pairs, weights, strict=True)]

    def decisions(row: Row) -> Row:
        sums = [sumprod(row[one], u) + sumprod(row[other], v) for one, other, u, v in columns]
        decided = [total + b for total, b in zip(sums, coefficients.intercepts, strict=True)]
        most = max(map(abs, row))
        for index, (size, b) in enumerate(zip(coefficients.sizes, coefficients.intercepts, strict=True)):
            if abs(decided[index]) <= CLOSE * (size * most + abs(b)):
                one, other, u, v = columns[index]
                decided[index] = _sum_in_turn((*row[one], *row[other]), u + v) + b
        return decided

    return _finite(decisions(row) for row in kernel)


def _sum_in_turn(row: Row, coefficients: Row) -> float:
    """The sum of products, each addition rounded: neither `sum` nor `sumprod` does that."""
    total = 0.0
    for k, coefficient in zip(row, coefficients, strict=True):
        total += coefficient * k
    return total


def most_votes(pairs: Matrix, classes: int) -> list[int]:
    """The class that wins most of its pairs, the first of several, as libsvm counts them."""
    order = pairs_of(classes)

    def votes(row: Row) -> list[int]:
        won = [0] * classes
        for (i, j), decision in zip(order, row, strict=True):
            won[i if decision > 0 else j] += 1
        return won

    return [_first_largest(votes(row)) for row in pairs]


def one_versus_rest(pairs: Matrix, classes: int) -> Matrix:
    """scikit-learn's decision of each class: its votes, plus a confidence in (-1/3, 1/3)."""
    order = pairs_of(classes)

    def decisions(row: Row) -> Row:
        votes, confidences = [0.0] * classes, [0.0] * classes
        for (i, j), decision in zip(order, row, strict=True):
            votes[j if decision < 0 else i] += 1
            confidences[i] += decision
            confidences[j] -= decision
        return [vote + c / (3 * (abs(c) + 1)) for vote, c in zip(votes, confidences, strict=True)]

    return _finite(decisions(row) for row in pairs)


def negated(matrix: Matrix) -> Matrix:
    """Every number times -1."""
    return [[-number for number in row] for row in matrix]


def largest(matrix: Matrix) -> list[int]:
    """The first column of each row's largest number; of a single column, whether it is above 0."""
    if matrix and len(matrix[0]) == 1:
        return [int(x > 0) for (x,) in matrix]
    return [_first_largest(row) for row in matrix]


def sigmoid(matrix: Matrix, slopes: Sequence[float], offsets: Sequence[float]) -> Matrix:
    """1 / (1 + exp(-(slope·x + offset))), column by column."""
    columns = list(zip(slopes, offsets, strict=True))
    return [[_logistic(a * x + b) for x, (a, b) in zip(row, columns, strict=True)] for row in matrix]


def coupled(pairs: Matrix, slopes: Sequence[float], offsets: Sequence[float], classes: int) -> Matrix:
    """The probability of each class, of the decisions of pairs, as libsvm couples it."""
    order = pairs_of(classes)
    found = []
    for said in sigmoid(pairs, [-slope for slope in slopes], [-offset for offset in offsets]):
        r = [[0.0] * classes for _ in range(classes)]
        for (i, j), probability in zip(order, said, strict=True):
            r[i][j] = min(max(probability, LEAST_COUPLED), 1.0 - LEAST_COUPLED)
            r[j][i] = 1.0 - r[i][j]
        found.append(_coupled_row(r, classes))
    return found


def _coupled_row(r: list[list[float]], classes: int) -> list[float]:
    """The probabilities p that come nearest to r[i][j] = p[i] / (p[i] + p[j]), by libsvm's iteration."""
    order = range(classes)
    Q = [[-r[j][t] * r[t][j] for j in order] for t in order]
    for t in order:
        Q[t][t] = sum(r[j][t] * r[j][t] for j in order if j != t)
    p = [1.0 / classes] * classes
    for _ in range(max(COUPLED_ROUNDS, classes)):
        Qp = [sum(q * x for q, x in zip(Q[t], p, strict=True)) for t in order]
        pQp = sum(x * y for x, y in zip(p, Qp, strict=True))
        if max(abs(each - pQp) for each in Qp) < COUPLED_ERROR / classes:
            break
        for t in order:
            diff = (pQp - Qp[t]) / Q[t][t]
            p[t] += diff
            pQp = (pQp + diff * (diff * Q[t][t] + 2.0 * Qp[t])) / (1.0 + diff) / (1.0 + diff)
            Qp = [(each + diff * q) / (1.0 + diff) for each, q in zip(Qp, Q[t], strict=True)]
            p = [each / (1.0 + diff) for each in p]
    return p


def softmax(matrix: Matrix) -> Matrix:
    """exp(x) over the sum of the row's exp(x)."""
    # Subtracting the maximum changes nothing but keeps exp in range: it overflows past 709.
    return shares([[exp(x - top) for x in row] for row, top in zip(matrix, map(max, matrix), strict=True)])


def greatest_shares(matrix: Matrix) -> list[float]:
    """The greatest number of each row of `softmax`; of a single column x that of 0 and x."""
    if len(matrix[0]) == 1:
        return [1.0 / (1.0 + exp(-abs(x))) for (x,) in matrix]
    return [1.0 / sum([exp(x - top) for x in row]) for row, top in zip(matrix, map(max, matrix), strict=True)]


def complemented(matrix: Matrix) -> Matrix:
    """One column p becomes two: 1 - p and p."""
    return [[1.0 - p, p] for (p,) in matrix]


def shares(matrix: Matrix) -> Matrix:
    """Every number over the sum of its row; equal shares where that sum is 0."""
    totals = [sum(row) for row in matrix]
    return [
        [x / total for x in row] if total else [1 / len(row)] * len(row)
        for row, total in zip(matrix, totals, strict=True)
    ]


def _logistic(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + exp(-x))
    small = exp(x)  # exp(-x) would overflow
    return small / (1.0 + small)


def _first_largest(row: Row) -> int:
    return max(range(len(row)), key=row.__getitem__)


def _finite(rows: Iterable[Row]) -> Matrix:
    matrix = list(rows)
    if all(map(isfinite, chain.from_iterable(matrix))):
        return matrix
    for index, row in enumerate(matrix):
        if not all(map(isfinite, row)):
            raise NotFinite(index)
    return matrix


def power[N: (float, NDArray[np.float64])](base: N, exponent: int) -> N:
    """The base, a number or an array, to a power of at least 1, by repeated squaring, as in libsvm.

    Multiplication overflows to infinity, which is noticed later, where `**` on floats would raise.
    """
    if exponent == 1:
        return base
    root = power(base * base, exponent // 2)
    return root * base if exponent % 2 else root
