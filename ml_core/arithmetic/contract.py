"""What both arithmetics offer. For type checkers alone: nothing imports this while predicting."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.arithmetic.layout import Layout
    from ml_core.arithmetic.pairs import Coefficients
    from ml_core.safetensors import Tensor


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

    def rbf_kernel(self, X: M, points: "Tensor", gamma: float) -> M:
        """exp(-gamma·‖x − p‖²) for every row x and point p."""
        ...

    def polynomial_kernel(self, X: M, points: "Tensor", gamma: float, coef0: float, degree: int) -> M:
        """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
        ...

    def sigmoid_kernel(self, X: M, points: "Tensor", gamma: float, coef0: float) -> M:
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

    def coupled(self, pairs: M, slopes: "Sequence[float]", offsets: "Sequence[float]", classes: int) -> M:
        """The probability of each class, of what `one_versus_one` gives, as libsvm couples it.

        Of each pair 1 / (1 + exp(slope·decision + offset)) is the probability of its first. Those of the
        classes are approached step by step from equal ones, until they are near enough: where libsvm stops.
        """
        ...

    def softmax(self, matrix: M) -> M:
        """exp(x) over the sum of the row's exp(x)."""
        ...

    def greatest_shares(self, matrix: M) -> list[float]:
        """The greatest number of each row of `softmax`; of a single column x that of 0 and x."""
        ...

    def complemented(self, matrix: M) -> M:
        """One column p becomes two: 1 - p and p."""
        ...

    def shares(self, matrix: M) -> M:
        """Every number over the sum of its row; equal shares where that sum is 0."""
        ...
