"""The arithmetic that predictions stand on, written twice: plain Python for few rows, numpy for many.

Importing numpy costs more than a small prediction, so `choose` takes it only where there is enough to do.
Both modules offer the functions of `Arithmetic`; their results agree within 1e-12 relative to the sum of the
absolute terms, and give equal labels.
"""

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.features import Layout
    from ml_core.tensors import Tensor

# Plain Python meets 65,536 numbers in about two milliseconds, a fortieth of the time that numpy takes to be
# imported.
PLAIN_NUMBERS = 1 << 16
# What a row costs in plain Python besides its numbers, as a count of numbers: calls, tuples, lists.
ROW_NUMBERS = 100
# A block of rows has at most this many numbers in any one matrix (32 MiB): memory stays bounded whatever is
# asked.
BLOCK_NUMBERS = 1 << 22
# Results that are this close, relative to their terms, are compared by a longer computation that tells a tie.
CLOSE = 1e-12


class NotFinite(ArithmeticError):
    """A row's result overflowed; `row` counts within the matrix at hand."""

    def __init__(self, row: int) -> None:
        super().__init__(f"the result of row {row} is not a finite number")
        self.row = row


class Arithmetic[M](Protocol):
    """What both modules offer. `M` is their kind of matrix: one row for each row that is predicted.

    Each function whose result can overflow raises `NotFinite`.
    """

    def matrix(self, packed: bytes | memoryview, width: int) -> M:
        """Rows of `width` float64 numbers, from their little-endian bytes."""
        ...

    def lists(self, matrix: M) -> list[list[float]]:
        """The matrix as lists of floats."""
        ...

    def encoded(self, X: M, layout: "Layout") -> M:
        """Rows of features, NaN where one is missing, as the numbers that the layout makes of them."""
        ...

    def standardised(self, X: M, mean: "Tensor", scale: "Tensor") -> M:
        """(x - mean) / scale, column by column."""
        ...

    def affine(self, X: M, weights: "Tensor", intercepts: "Sequence[float]") -> M:
        """x·w + b for every row w of the weights and its intercept b."""
        ...

    def distances(self, X: M, points: "Tensor") -> M:
        """The Euclidean distance of every row to every point."""
        ...

    def nearest(self, X: M, points: "Tensor", measured: M) -> list[int]:
        """Which point is nearest to each row, given `distances`; the first of several equally near."""
        ...

    def gaussian(self, X: M, points: "Tensor", gamma: float) -> M:
        """exp(-gamma·‖x − p‖²) for every row x and point p."""
        ...

    def polynomial(self, X: M, points: "Tensor", gamma: float, coef0: float, degree: int) -> M:
        """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
        ...

    def hyperbolic(self, X: M, points: "Tensor", gamma: float, coef0: float) -> M:
        """tanh(gamma·x·p + coef0) for every row x and point p."""
        ...

    def one_versus_one(self, kernel: M, coefficients: "Coefficients") -> M:
        """The decision of each pair of classes (0, 1), (0, 2) … (1, 2) …, positive for the first of the two.

        `kernel` has a column for each support vector. A decision that is 0 but for rounding is summed again
        in libsvm's order: where many terms cancel (a saturated kernel, symmetric rows), only that gives its
        label.
        """
        ...

    def most_votes(self, pairs: M, classes: int) -> list[int]:
        """The class that wins most of its pairs, the first of several, as libsvm counts them."""
        ...

    def one_versus_rest(self, pairs: M, classes: int) -> M:
        """scikit-learn's decision of each class: its votes, plus a confidence in (-1/3, 1/3)."""
        ...

    def negated(self, matrix: M) -> M:
        """Every number times -1."""
        ...

    def largest(self, matrix: M) -> list[int]:
        """The first column of each row's largest number; of a single column, whether it is above 0."""
        ...

    def sigmoid(self, matrix: M, slopes: "Sequence[float]", offsets: "Sequence[float]") -> M:
        """1 / (1 + exp(-(slope·x + offset))), column by column."""
        ...

    def softmax(self, matrix: M) -> M:
        """exp(x) over the sum of the row's exp(x)."""
        ...

    def complemented(self, matrix: M) -> M:
        """One column p becomes two: 1 - p and p."""
        ...

    def shares(self, matrix: M) -> M:
        """Every number over the sum of its row; equal shares where that sum is 0."""
        ...


class Coefficients:
    """What libsvm multiplies kernels with.

    The support vectors are grouped by class, with `counts` in each; row r of `dual` (one row fewer than there
    are classes) holds each vector's coefficient against the r-th of the other classes; each pair has an
    intercept.
    """

    def __init__(self, dual: "Tensor", counts: "Sequence[int]", intercepts: "Sequence[float]") -> None:
        self.dual = dual
        self.counts = counts
        self.intercepts = intercepts
        self.pairs = pairs_of(len(counts))
        ends = list(accumulate(counts, initial=0))
        self.groups = [slice(begin, end) for begin, end in pairwise(ends)]
        self._sizes: list[float] | None = None

    @property
    def sizes(self) -> list[float]:
        """The sum of each pair's absolute coefficients; made once."""
        if self._sizes is None:
            self._sizes = [
                sum(map(abs, self.against(i, j))) + sum(map(abs, self.against(j, i))) for i, j in self.pairs
            ]
        return self._sizes

    def against(self, one: int, other: int) -> tuple[float, ...]:
        """The coefficients of one class's vectors in its pair with another."""
        return self.dual.rows[other - (other > one)][self.groups[one]]


def pairs_of(classes: int) -> list[tuple[int, int]]:
    """Every pair of classes, in libsvm's order."""
    return [(i, j) for i in range(classes) for j in range(i + 1, classes)]


def is_few(rows: int, numbers: int) -> bool:
    """Whether plain Python is to predict `rows` rows with a model of `numbers` numbers.

    Only these two decide, never what happens to be loaded: equal requests are answered by equal arithmetic.
    """
    return rows * (ROW_NUMBERS + numbers) <= PLAIN_NUMBERS


def choose(rows: int, numbers: int) -> Arithmetic[Any]:
    """The arithmetic for `rows` rows and a model of `numbers` numbers."""
    if is_few(rows, numbers):
        from ml_core.arithmetic import plain

        return plain
    from ml_core.arithmetic import vectorised

    return vectorised


def power[N: (float, NDArray[np.float64])](base: N, exponent: int) -> N:
    """The base, a number or an array, to a power of at least 1, by repeated squaring, as in libsvm.

    Multiplication overflows to infinity, which is noticed later, where `**` on floats would raise.
    """
    if exponent == 1:
        return base
    root = power(base * base, exponent // 2)
    return root * base if exponent % 2 else root
