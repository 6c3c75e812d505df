"""The arithmetic that computes nothing: each of its functions adds the operators that would.

An estimator's `compute` on a `Value` in the place of a matrix writes its graph. All is float64, in operators
of the default domain. Results are those of the other arithmetics but for rounding; what is equal but for
rounding (a decision of 0, two centres equally near) may go to the other side.
"""

from __future__ import annotations

from math import sqrt, sumprod

from ml_core.arithmetic.pairs import pairs_of
from ml_core.arithmetic.plain import ROUNDING
from ml_core.conflicts import NotExported
from ml_core.onnx.graph import BOOL, DOUBLE, INT64, Value
from ml_core.safetensors import pack, unpack_rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.arithmetic.pairs import Coefficients
    from ml_core.onnx.graph import Graph
    from ml_core.safetensors import Tensor

# The exponent of a Gaussian may be off by at most so much; else it is computed from differences, which takes
# memory for rows × points × numbers.
_HARMLESS = 1e-12


class GraphArithmetic:
    """`ml_core.arithmetic.contract.Arithmetic`, of which labels are a `Value` too.

    Rows are encoded before they reach an estimator: `rows.py`.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def standardised(self, X: Value, mean: Tensor, scale: Tensor) -> Value:
        """(x - mean) / scale, column by column."""
        add, graph = self._graph.node, self._graph
        return add("Div", add("Sub", X, graph.tensor(mean)), graph.tensor(scale))

    def affine(self, X: Value, weights: Tensor, intercepts: Sequence[float]) -> Value:
        """x·w + b for every row w of the weights and its intercept b."""
        graph = self._graph
        product = graph.node("Gemm", X, graph.tensor(weights), graph.doubles(intercepts), transB=1)
        return product._replace(columns=len(intercepts))

    def distances(self, X: Value, points: Tensor) -> Value:
        """The Euclidean distance of every row to every point."""
        return self._graph.node("Sqrt", self._squared_distances(X, points))

    def nearest(self, X: Value, points: Tensor, measured: Value) -> Value:  # noqa: ARG002 - as every arithmetic
        """Which point is nearest to each row; the first of several."""
        return self._graph.node("ArgMin", measured, axis=1, keepdims=0, datatype=INT64)

    def rbf_kernel(self, X: Value, points: Tensor, gamma: float) -> Value:
        """exp(-gamma·‖x − p‖²) for every row x and point p."""
        squares = self._expanded(X, points, gamma) or self._squared_distances(X, points)
        return self._graph.node("Exp", self._times(squares, -gamma))

    def _squared_distances(self, X: Value, points: Tensor) -> Value:
        """‖x − p‖² of the differences, which loses no digits: rows × points × numbers at once."""
        graph = self._graph
        rows = graph.node("Unsqueeze", X, graph.integers([1]))
        differences = graph.node("Sub", rows, graph.tensor(points))
        return graph.node("ReduceSumSquare", differences, graph.integers([2]), keepdims=0)

    def _expanded(self, X: Value, points: Tensor, gamma: float) -> Value | None:
        """‖x‖² − 2x·p + ‖p‖², where rounding it does no harm to the kernel; else None.

        Both are moved so that the points' mean is 0: what all have in common only costs digits. Rows further
        out than the points lose more, but to them the kernel is next to 0.
        """
        centre = _centre(points)
        squares, doubled = [], bytearray()
        for row in unpack_rows(points.packed, len(centre)):  # one at a time: there may be very many
            moved = [x - c for x, c in zip(row, centre, strict=True)]
            squares.append(sumprod(moved, moved))
            doubled += pack([-2 * x for x in moved])
        # The bound of `vectorised._squared_distances`, for rows as far out as the furthest point.
        reach = 2 * sqrt(gamma * max(squares)) + 1
        loss = (8 + 2 * sqrt(len(centre))) * ROUNDING * reach * reach
        if not loss <= _HARMLESS:  # also of what overflowed
            return None
        graph, add = self._graph, self._graph.node
        Y = add("Sub", X, graph.doubles(centre))
        lengths = add("ReduceSumSquare", Y, graph.integers([1]), keepdims=1)
        products = graph.constant(DOUBLE, points.shape, bytes(doubled))
        crossed = add("Gemm", Y, products, graph.doubles(squares), transB=1)
        return add("Max", add("Add", crossed, lengths), graph.double(0.0))

    def polynomial_kernel(self, X: Value, points: Tensor, gamma: float, coef0: float, degree: int) -> Value:
        """(gamma·x·p + coef0) to the power of `degree`, for every row x and point p."""
        return self._power(self._products(X, points, gamma, coef0), degree)

    def sigmoid_kernel(self, X: Value, points: Tensor, gamma: float, coef0: float) -> Value:
        """tanh(gamma·x·p + coef0) for every row x and point p."""
        return self._graph.node("Tanh", self._products(X, points, gamma, coef0))

    def _products(self, X: Value, points: Tensor, gamma: float, coef0: float) -> Value:
        product = self._graph.node("Gemm", X, self._graph.tensor(points), transB=1)
        if gamma != 1.0:
            product = self._times(product, gamma)
        return self._plus(product, coef0) if coef0 else product

    def _power(self, base: Value, exponent: int) -> Value:
        """By repeated squaring, as `plain.power`."""
        if exponent == 1:
            return base
        root = self._power(self._graph.node("Mul", base, base), exponent // 2)
        return self._graph.node("Mul", root, base) if exponent % 2 else root

    def one_versus_one(self, kernel: Value, coefficients: Coefficients) -> Value:
        """The decision of each pair of classes, positive for the first of the two."""
        graph, classes = self._graph, len(coefficients.counts)
        sums = []
        for number, group in enumerate(coefficients.groups):
            # What the vectors of a class say in its pair with each other class. One without vectors says 0,
            # by a vector of another class whose coefficients are all 0.
            begin, end = (group.start, group.stop) if group.start < group.stop else (0, 1)
            others = [other for other in range(classes) if other != number]
            weights = [list(coefficients.against(number, other)) or [0.0] for other in others]
            some = graph.node(
                "Slice", kernel, graph.integers([begin]), graph.integers([end]), graph.integers([1])
            )
            each = graph.doubles([w for row in weights for w in row], len(others), end - begin)
            sums.append(graph.node("Gemm", some, each, transB=1))
        said = graph.node("Concat", *sums, axis=1)
        width, pairs = classes - 1, coefficients.pairs
        for_one = graph.node("Gather", said, graph.integers(i * width + j - 1 for i, j in pairs), axis=1)
        for_other = graph.node("Gather", said, graph.integers(j * width + i for i, j in pairs), axis=1)
        decided = graph.node("Add", for_one, for_other)
        return graph.node("Add", decided, graph.doubles(coefficients.intercepts))

    def most_votes(self, pairs: Value, classes: int) -> Value:
        """The class that wins most of its pairs, the first of several."""
        won = self._graph.node("Greater", pairs, self._graph.double(0.0), datatype=BOOL)
        return self._first_largest(self._votes(won, classes))

    def one_versus_rest(self, pairs: Value, classes: int) -> Value:
        """scikit-learn's decision of each class: its votes, plus a confidence in (-1/3, 1/3)."""
        graph, add = self._graph, self._graph.node
        lost = add("Less", pairs, graph.double(0.0), datatype=BOOL)
        signed = add("Mul", self._by_class(pairs, classes), self._signs(classes))
        confidences = self._sums(signed)
        bounds = add("Mul", self._plus(add("Abs", confidences), 1.0), graph.double(3.0))
        return add("Add", self._votes(add("Not", lost), classes), add("Div", confidences, bounds))

    def _votes(self, won: Value, classes: int) -> Value:
        """How many pairs each class wins, given which of them the first of the two does."""
        graph, add = self._graph, self._graph.node
        signed = add("Mul", self._by_class(graph.cast(won, DOUBLE), classes), self._signs(classes))
        # Of the second of two: 1 - x, of which 1 is added here.
        seconds = (float(other < one) for one in range(classes) for other in range(classes) if other != one)
        return self._sums(add("Add", signed, graph.doubles(seconds, classes, classes - 1)))

    def _by_class(self, pairs: Value, classes: int) -> Value:
        """Rows × classes × the pairs that the class is one of."""
        order = {pair: place for place, pair in enumerate(pairs_of(classes))}
        places = (
            order[min(one, other), max(one, other)]
            for one in range(classes)
            for other in range(classes)
            if other != one
        )
        return self._graph.node("Gather", pairs, self._graph.integers(places, classes, classes - 1), axis=1)

    def _signs(self, classes: int) -> Value:
        """1 where the class is the first of its pair, -1 where it is the second."""
        signs = (
            1.0 if one < other else -1.0 for one in range(classes) for other in range(classes) if other != one
        )
        return self._graph.doubles(signs, classes, classes - 1)

    def _sums(self, by_class: Value) -> Value:
        return self._graph.node("ReduceSum", by_class, self._graph.integers([2]), keepdims=0)

    def negated(self, matrix: Value) -> Value:
        """Every number times -1."""
        return self._graph.node("Neg", matrix)

    def largest(self, matrix: Value) -> Value:
        """The first column of each row's largest number; of a single column, whether it is above 0."""
        if matrix.columns != 1:
            return self._first_largest(matrix)
        graph = self._graph
        above = graph.node("Greater", matrix, graph.double(0.0), datatype=BOOL)
        return graph.node("Squeeze", graph.cast(above, INT64), graph.integers([1]))

    def _first_largest(self, matrix: Value) -> Value:
        return self._graph.node("ArgMax", matrix, axis=1, keepdims=0, datatype=INT64)

    def sigmoid(self, matrix: Value, slopes: Sequence[float], offsets: Sequence[float]) -> Value:
        """1 / (1 + exp(-(slope·x + offset))), column by column."""
        graph, add = self._graph, self._graph.node
        x = add("Add", add("Mul", matrix, graph.doubles(slopes)), graph.doubles(offsets))
        # The operator Sigmoid loses the digits of small probabilities, and exp(-x) overflows.
        small = add("Exp", add("Neg", add("Abs", x)))
        positive = add("GreaterOrEqual", x, graph.double(0.0), datatype=BOOL)
        share = add("Where", positive, graph.double(1.0), small, datatype=DOUBLE)
        return add("Div", share, self._plus(small, 1.0))._replace(columns=len(slopes))

    def coupled(
        self,
        pairs: Value,  # noqa: ARG002 - as every arithmetic
        slopes: Sequence[float],  # noqa: ARG002
        offsets: Sequence[float],  # noqa: ARG002
        classes: int,  # noqa: ARG002
    ) -> Value:
        """What has no such form: how often libsvm's steps are repeated depends on the row."""
        raise NotExported(
            "probabilities that libsvm couples are approached step by step, which no operator of ONNX does; "
            "the version's artifact holds the model; one that was fitted without probabilities is exported"
        )

    def softmax(self, matrix: Value) -> Value:
        """exp(x) over the sum of the row's exp(x)."""
        return self._graph.node("Softmax", matrix, axis=1)

    def complemented(self, matrix: Value) -> Value:
        """One column p becomes two: 1 - p and p."""
        other = self._graph.node("Sub", self._graph.double(1.0), matrix)
        return self._graph.node("Concat", other, matrix, axis=1)

    def shares(self, matrix: Value) -> Value:
        """Every number over the sum of its row; equal shares where that sum is 0."""
        graph, add = self._graph, self._graph.node
        totals = add("ReduceSum", matrix, graph.integers([1]), keepdims=1)
        empty = add("Equal", totals, graph.double(0.0), datatype=BOOL)
        equal = graph.double(1 / matrix.columns)
        return add("Where", empty, equal, add("Div", matrix, totals), datatype=DOUBLE)

    def _times(self, matrix: Value, factor: float) -> Value:
        return self._graph.node("Mul", matrix, self._graph.double(factor))

    def _plus(self, matrix: Value, term: float) -> Value:
        return self._graph.node("Add", matrix, self._graph.double(term))


def _centre(points: Tensor) -> list[float]:
    """The mean of the points."""
    total = [0.0] * points.shape[1]
    for row in unpack_rows(points.packed, len(total)):
        total = [sum_of + x for sum_of, x in zip(total, row, strict=True)]
    return [each / points.shape[0] for each in total]
