"""What each operator of a graph makes of values that are known (`graph_values.py`).

An operator that is not here, or is asked for something that no model here computes, is not converted.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ml_core.converting.fitted import refuse
from ml_core.converting.graph_values import (
    ClassName,
    ClassPlace,
    Constant,
    Differences,
    KernelScores,
    LinearScores,
    Logistic,
    LogisticPart,
    NamedShares,
    NearestPlace,
    PointDistances,
    Quadratic,
    RowsAcross,
    Shares,
    SquaredLengths,
    TableRows,
)
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ml_core.algorithms.svm import Kernel
    from ml_core.converting.graph_reading import GraphNode

    # What a node is given, and what it gives.
    type Given = Sequence[Any]
    type Follow = Callable[[GraphNode, Given], tuple[Any, ...]]

# How far ‖p‖² may be off, by its size: it is rounded to float32 or float64 before it is written.
_SINGLE, _DOUBLE = 1e-6, 1e-12
_FLOATS, _INT32, _INT64, _STRING = (1, 11), 6, 7, 8
# More columns are not mixed with each other here: that takes the square of their number.
_MOST_MIXED = 2_000


def followed(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """The values of a node's outputs. Raises `NotConverted`."""
    follow = _FOLLOW.get(node.operator)
    if follow is None:
        refuse(node.path, f"{node.operator} is not converted: such a graph can be imported as it is")
    if len(given) < _LEAST.get(node.operator, 1):
        stop(node, given, f"with {_LEAST.get(node.operator, 1)} inputs")
    return follow(node, given)


def stop(node: GraphNode, given: Given, needed: str) -> NoReturn:
    """Raise `NotConverted` at a node that is not given what it could be said with."""
    got = ", ".join(type(value).__name__ for value in given) or "nothing"
    refuse(node.path, f"{node.operator} is converted {needed}; it gets {got}")


def _same(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """What changes no value of the rows."""
    value = given[0]
    axes = _axes(node, given)
    if node.operator == "Unsqueeze" and isinstance(value, TableRows) and axes == [1]:
        return (RowsAcross(value),)
    flat = {"Reshape": [-1], "Squeeze": [1]}.get(node.operator)
    if isinstance(value, LinearScores) and value.several == 1 and flat is not None and axes == flat:
        return (value._replace(flat=True),)
    flattened = node.operator == "Flatten" and node.whole("axis", 1) == 1
    if isinstance(value, ClassName | ClassPlace | NearestPlace) or (
        flattened and not isinstance(value, Constant | RowsAcross | Differences)
    ):
        return (value,)
    stop(node, given, "for labels, and for the rows as they are")


def _identity(node: GraphNode, given: Given) -> tuple[Any, ...]:  # noqa: ARG001 - as every operator
    return (given[0],)


def _cast(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """To another width; numbers stay numbers, and whole numbers whole."""
    value, to = given[0], node.whole("to")
    place = isinstance(value, ClassPlace | NearestPlace)
    whole = place or (isinstance(value, ClassName) and isinstance(value.labels[0], int))
    words = isinstance(value, ClassName) and isinstance(value.labels[0], str)
    if isinstance(value, LogisticPart) and value.step == "label" and to == _INT64:
        return (ClassPlace(value.scores),)
    numbers = not isinstance(value, ClassName | ClassPlace | NearestPlace | Constant)
    if (to in (_INT32, _INT64) and whole) or (to == _STRING and words) or (to in _FLOATS and numbers):
        return (value,)
    stop(node, given, "to floating point, and of labels to what they are")


def _constant(node: GraphNode, given: Given) -> tuple[Any, ...]:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints", "value_strings"):
        if node.attributes.get(name) is not None:
            return (Constant(np.asarray(node.attributes[name])),)
    stop(node, given, "with numbers or words")


def _arithmetic(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """Add, Sub, Mul and Div with numbers, and the steps of a logistic function."""
    left, right = given[0], given[1]
    if isinstance(left, Constant) and isinstance(right, Constant):
        stop(node, given, "for what comes of the rows")
    if isinstance(left, Constant):
        return (_from_number(node, given, _numbers(node, given, left), right),)
    if isinstance(right, Constant):
        return (_by_number(node, given, left, _numbers(node, given, right)),)
    return (_of_two(node, given, left, right),)


def _by_number(node: GraphNode, given: Given, left: Any, numbers: Any) -> Any:  # noqa: ANN401 - any kind of value
    kind = (type(left), node.operator)
    if kind == (LogisticPart, "Add") and left.step == "small" and _is(numbers, 1):
        return left._replace(step="bottom")
    if kind == (RowsAcross, "Sub") and numbers.ndim == 2 and numbers.shape[1] == len(left.rows.columns):
        return Differences(left.rows, numbers)
    if kind == (SquaredLengths, "Mul") and _is(numbers, 0):
        return Constant(np.zeros((1, 1)))
    if kind == (Quadratic, "Add"):
        return left._replace(summands=left.summands + _by_column(node, given, numbers, len(left.summands)))
    if node.operator in ("Add", "Sub"):
        return _moved(node, given, left, 1.0, numbers if node.operator == "Add" else -numbers)
    if node.operator == "Div" and (numbers == 0).any():
        stop(node, given, "by numbers other than 0")
    return _moved(node, given, left, numbers if node.operator == "Mul" else 1.0 / numbers, 0.0)


def _from_number(node: GraphNode, given: Given, numbers: Any, right: Any) -> Any:  # noqa: ANN401
    if node.operator == "Div":
        stop(node, given, "of rows divided by numbers, not of numbers divided by rows")
    if node.operator != "Sub":
        return _by_number(node, given, right, numbers)
    if isinstance(right, Logistic) and not right.other and not right.paired and right.scores.several == 1:
        if _is(numbers, 1):
            return right._replace(other=True)
        stop(node, given, "for 1 - p")
    return _moved(node, given, right, -1.0, numbers)


def _of_two(node: GraphNode, given: Given, left: Any, right: Any) -> Any:  # noqa: ANN401
    steps = [value.step if isinstance(value, LogisticPart) else "" for value in (left, right)]
    if node.operator == "Div" and steps == ["top", "bottom"] and left.scores is right.scores:
        return Logistic(left.scores)
    if node.operator == "Add" and isinstance(right, SquaredLengths):
        left, right = right, left
    if (
        node.operator == "Add"
        and isinstance(left, SquaredLengths)
        and isinstance(right, LinearScores)
        and left.rows is right.rows
    ):
        return Quadratic(left.rows, right.weights, right.intercepts)
    stop(node, given, "of the rows and numbers")


def _moved(node: GraphNode, given: Given, value: Any, factor: Any, summand: Any) -> Any:  # noqa: ANN401
    """Factor · value + summand, column by column."""
    if isinstance(value, TableRows):
        width = len(value.columns)
        factors, summands = (_by_column(node, given, np.asarray(each), width) for each in (factor, summand))
        if (factors > 0).all():
            # (x - m)/s · f + b = (x - (m - b·s/f)) / (s/f)
            shift = value.shift - summands * value.scale / factors
            return TableRows(value.columns, shift, value.scale / factors)
        if width <= _MOST_MIXED:
            return LinearScores(value, np.diag(factors), summands)
    if isinstance(value, LinearScores) and not value.flat:
        factors, summands = (
            _by_column(node, given, np.asarray(each), value.several) for each in (factor, summand)
        )
        weights = value.weights * factors[:, None]
        same = (factors == 1).all() and not summands.any()
        return value if same else LinearScores(value.rows, weights, value.intercepts * factors + summands)
    stop(node, given, "of the rows, and of linear scores of them")


def _scaler(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """(x - offset) · scale."""
    rows = given[0]
    if not isinstance(rows, TableRows):
        stop(node, given, "for rows of numbers")
    width = len(rows.columns)
    offset = _by_column(node, given, _listed(node, given, "offset", 0.0), width)
    scale = _by_column(node, given, _listed(node, given, "scale", 1.0), width)
    return (_moved(node, given, rows, scale, -offset * scale),)


def _concat(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """Columns side by side, and 1 - p beside p."""
    if node.whole("axis") in (1, -1) and len(given) > 0:
        if all(isinstance(value, TableRows) for value in given):
            columns = tuple(column for value in given for column in value.columns)
            shift, scale = (
                np.concatenate([getattr(value, name) for value in given]) for name in ("shift", "scale")
            )
            return (TableRows(columns, shift, scale),)
        if len(given) == 2 and all(isinstance(value, Logistic) for value in given):
            first, second = given
            if first.other and not second.other and first.scores is second.scores:
                return (second._replace(paired=True),)
    stop(node, given, "for columns of numbers side by side")


def _matmul(node: GraphNode, given: Given) -> tuple[Any, ...]:
    weights = _numbers(node, given, given[1]) if _is_constant(given, 1) else None
    if weights is None or weights.ndim != 2:
        stop(node, given, "for the rows times a matrix of numbers")
    return (_linear(node, given, weights.T, np.zeros(weights.shape[1])),)


def _gemm(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """Alpha · x·B + beta · C."""
    weights = _numbers(node, given, given[1]) if _is_constant(given, 1) else None
    if weights is None or weights.ndim != 2 or node.whole("transA"):
        stop(node, given, "for the rows times a matrix of numbers")
    weights = weights if node.whole("transB") else weights.T
    intercepts = np.zeros(len(weights))
    if len(given) > 2 and given[2] is not None:
        summands = _numbers(node, given, given[2]) if _is_constant(given, 2) else None
        if summands is None:
            stop(node, given, "with numbers that are added")
        intercepts = _by_column(node, given, summands, len(weights)) * _number(node, given, "beta")
    return (_linear(node, given, weights * _number(node, given, "alpha"), intercepts),)


def _linear(node: GraphNode, given: Given, weights: Any, intercepts: Any) -> LinearScores:  # noqa: ANN401 - arrays
    """x·w + b, also of scores that are linear themselves."""
    value = given[0]
    if isinstance(value, TableRows) and weights.shape[1] == len(value.columns):
        return LinearScores(value, np.asarray(weights, float), np.asarray(intercepts, float))
    if isinstance(value, LinearScores) and not value.flat and weights.shape[1] == value.several:
        return LinearScores(value.rows, weights @ value.weights, weights @ value.intercepts + intercepts)
    stop(node, given, f"for rows of {weights.shape[1]} numbers")


def _linear_classifier(node: GraphNode, given: Given) -> tuple[Any, ...]:
    labels = _labels(node, given, "classlabels_ints")
    weights, intercepts = (_listed(node, given, name) for name in ("coefficients", "intercepts"))
    if len(labels) < 2 or len(intercepts) != len(labels) or len(weights) % len(labels):
        stop(node, given, "with weights and an intercept for each of two or more labels")
    scores = _linear(node, given, weights.reshape(len(labels), -1), intercepts)
    transform = node.text("post_transform", "NONE")
    kinds: dict[str, Any] = {"NONE": scores, "SOFTMAX": Shares(scores), "LOGISTIC": Logistic(scores)}
    if transform not in kinds:
        refuse(node.path, f"post_transform {transform} is not converted; it may be {', '.join(kinds)}")
    return ClassName(scores, labels), kinds[transform]


def _svm_classifier(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """Libsvm's machine without probabilities: the vectors of each class, and coefficients for each pair."""
    from ml_core.algorithms.svm import KernelPairs

    labels, rows = _labels(node, given, "classlabels_ints"), given[0]
    vectors, dual, rho = (_listed(node, given, name) for name in ("support_vectors", "coefficients", "rho"))
    counts, several = node.attributes.get("vectors_per_class", []), len(labels)
    sound = isinstance(counts, list) and all(isinstance(count, int) and count >= 0 for count in counts)
    if (
        not isinstance(rows, TableRows)
        or several < 2
        or not sound
        or len(counts) != several
        or not sum(counts)
    ):
        stop(node, given, "for rows of numbers, with support vectors of each of two or more labels")
    if len(_listed(node, given, "prob_a", 0.0)) > 1 or "prob_a" in node.attributes:
        refuse(node.path, "probabilities that libsvm couples are not converted: export it without them")
    transform = node.text("post_transform", "NONE")
    total, pairs = sum(counts), several * (several - 1) // 2
    fits = (len(vectors), len(dual), len(rho)) == (total * len(rows.columns), total * (several - 1), pairs)
    if not fits or transform != "NONE":
        stop(node, given, "with numbers that fit together, and without a transform")
    learnt = KernelPairs(
        _kernel(node, given),
        Tensor.of(vectors.tolist(), total, len(rows.columns)),
        Tensor.of(dual.tolist(), several - 1, total),
        tuple(counts),
        tuple(rho.tolist()),
    )
    scores = KernelScores(rows, learnt, several)
    return ClassName(scores, labels), scores


def _kernel(node: GraphNode, given: Given) -> Kernel:
    """The kernel, of which `kernel_params` are gamma, coef0 and degree."""
    from ml_core.algorithms.svm import Kernel

    kinds = {"LINEAR": "linear", "RBF": "rbf", "POLY": "poly", "SIGMOID": "sigmoid"}
    kind, told = kinds.get(node.text("kernel_type", "LINEAR")), _listed(node, given, "kernel_params")
    if kind is None or (kind != "linear" and len(told) != 3):
        stop(node, given, "with a kernel that is known, and its three numbers")
    gamma, coef0, degree = (1.0, 0.0, 3.0) if kind == "linear" else told.tolist()
    if gamma <= 0 or (kind == "poly" and (degree < 1 or degree != int(degree))):
        stop(node, given, "with a gamma above 0 and a whole degree")
    return Kernel(
        kind, gamma, coef0 if kind in ("poly", "sigmoid") else 0.0, int(degree) if kind == "poly" else 3
    )


def _normalizer(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """What sums up to 1 already."""
    value = given[0]
    sums_to_one = isinstance(value, Shares) or (isinstance(value, Logistic) and value.scores.are_opposite())
    if not sums_to_one or node.text("norm", "MAX") != "L1":
        stop(node, given, "for probabilities that sum to 1, which those of one class against the rest do not")
    return (value,)


def _zip_map(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """Probabilities with their labels."""
    labels, value = _labels(node, given, "classlabels_int64s"), given[0]
    if not isinstance(value, Shares | Logistic) or len(labels) != _width(value):
        stop(node, given, "for a probability of each label")
    return (NamedShares(value, labels),)


def _width(value: Shares | Logistic) -> int:
    """How many numbers there are for a row."""
    return 2 if isinstance(value, Logistic) and value.paired else value.scores.several


def _softmax(node: GraphNode, given: Given) -> tuple[Any, ...]:
    if not isinstance(given[0], LinearScores) or given[0].flat or node.whole("axis", -1) not in (1, -1):
        stop(node, given, "for linear scores of each row")
    return (Shares(given[0]),)


def _sigmoid(node: GraphNode, given: Given) -> tuple[Any, ...]:
    if not isinstance(given[0], LinearScores) or given[0].flat:
        stop(node, given, "for linear scores of the rows")
    return (Logistic(given[0]),)


def _place(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """ArgMax of scores and probabilities, ArgMin of distances; the first of several."""
    value = given[0]
    if node.whole("axis") not in (1, -1) or node.whole("select_last_index"):
        stop(node, given, "along each row, for the first of equal numbers")
    if node.operator == "ArgMin":
        distances = _as_distances(node, given, value) if isinstance(value, Quadratic) else value
        if isinstance(distances, PointDistances):
            return (NearestPlace(distances),)
    else:
        likely = isinstance(value, Shares | Logistic)
        if (likely and _width(value) > 1) or (isinstance(value, LinearScores) and value.several > 1):
            return (ClassPlace(value.scores if likely else value),)
    stop(node, given, "of linear scores, and of distances the smallest")


def _looked_up(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """The label at a place."""
    labels, place = given[0], given[1]
    found = labels.array if isinstance(labels, Constant) else None
    if found is None or not isinstance(place, ClassPlace) or found.ndim != 1 or node.whole("axis"):
        stop(node, given, "for the label at the largest score's place")
    kinds = {"O": str, "i": int, "b": bool}
    kind = kinds.get(found.dtype.kind)
    if kind is None or len(found) != max(2, place.scores.several):
        stop(node, given, "for a label of each class: words, whole numbers or truth values")
    return (ClassName(place.scores, tuple(kind(label) for label in found.tolist())),)


def _squared_lengths(node: GraphNode, given: Given) -> tuple[Any, ...]:
    axes = _axes(node, given)
    if isinstance(given[0], TableRows) and axes == [1] and node.whole("keepdims", 1):
        return (SquaredLengths(given[0]),)
    if isinstance(given[0], Differences) and axes == [2] and not node.whole("keepdims", 1):
        return (PointDistances(given[0].rows, given[0].points, squared=True),)
    stop(node, given, "for the lengths of rows")


def _root(node: GraphNode, given: Given) -> tuple[Any, ...]:
    value = _as_distances(node, given, given[0]) if isinstance(given[0], Quadratic) else given[0]
    if not isinstance(value, PointDistances) or not value.squared:
        stop(node, given, "for squared distances")
    return (value._replace(squared=False),)


def _as_distances(node: GraphNode, given: Given, value: Quadratic) -> PointDistances:
    """‖x‖² - 2x·p + ‖p‖² as the squared distance to p."""
    points = -value.weights / 2
    squares = (points * points).sum(axis=1)
    rounding = _SINGLE if np.array_equal(points, points.astype(np.float32)) else _DOUBLE
    if not (np.abs(squares - value.summands) <= rounding * squares).all():
        stop(node, given, "for distances, of which the numbers are none")
    return PointDistances(value.rows, points, squared=True)


def _part(node: GraphNode, given: Given) -> tuple[Any, ...]:
    """A step of the logistic function that loses no digits: 1 or exp(-|z|), over 1 + exp(-|z|)."""
    value = given[0]
    step = {("Neg", "abs"): "minus", ("Exp", "minus"): "small"}
    if isinstance(value, LogisticPart) and (node.operator, value.step) in step:
        return (value._replace(step=step[node.operator, value.step]),)
    if isinstance(value, LinearScores) and value.several == 1 and not value.flat:
        if node.operator == "Abs":
            return (LogisticPart(value, "abs"),)
        if len(given) == 2 and _is_constant(given, 1) and _is(given[1].array, 0):
            if node.operator == "GreaterOrEqual":
                return (LogisticPart(value, "above"),)
            if node.operator == "Greater":
                return (LogisticPart(value, "label"),)
    if node.operator == "Neg" and isinstance(value, TableRows | LinearScores):
        return (_moved(node, given, value, -1.0, 0.0),)
    stop(node, given, "for a single linear score compared with 0")


def _where(node: GraphNode, given: Given) -> tuple[Any, ...]:
    steps = [value.step if isinstance(value, LogisticPart) else "" for value in given]
    one = _is_constant(given, 1) and _is(given[1].array, 1)
    if steps == ["above", "", "small"] and one and given[0].scores is given[2].scores:
        return (given[2]._replace(step="top"),)
    stop(node, given, "within the logistic function")


def _numbers(node: GraphNode, given: Given, value: Any) -> Any:  # noqa: ANN401 - an array
    """A constant's finite numbers as float64."""
    found = value.array
    if found is None or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        stop(node, given, "with finite numbers")
    return found.astype(np.float64)


def _axes(node: GraphNode, given: Given) -> list[int]:
    """The axes, or the shape, that a node is told by an attribute or by its second input."""
    found = node.attributes.get("axes")
    if found is None and _is_constant(given, 1):
        found = given[1].array.ravel().tolist()
    return found if isinstance(found, list) else []


def _listed(node: GraphNode, given: Given, name: str, default: float | None = None) -> Any:  # noqa: ANN401
    """An attribute that lists finite numbers."""
    found = node.attributes.get(name, [] if default is None else [default])
    if not isinstance(found, list) or not all(isinstance(each, float) and isfinite(each) for each in found):
        stop(node, given, f"with finite numbers for {name}")
    return np.array(found)


def _number(node: GraphNode, given: Given, name: str) -> float:
    """An attribute that is a finite number, by default 1."""
    found = node.attributes.get(name, 1.0)
    if not isinstance(found, float) or not isfinite(found):
        stop(node, given, f"with a finite number for {name}")
    return found


def _labels(node: GraphNode, given: Given, whole: str) -> tuple[Any, ...]:
    """The labels that a node names: words, or whole numbers, as the attribute `whole`."""
    words, numbers = (node.attributes.get(name, []) for name in ("classlabels_strings", whole))
    for labels, kind in ((words, str), (numbers, int)):
        if not isinstance(labels, list) or not all(isinstance(label, kind) for label in labels):
            stop(node, given, "with words or whole numbers for labels")
    if words and numbers:
        stop(node, given, "with either words or whole numbers for labels")
    return tuple(words or numbers)


def _by_column(node: GraphNode, given: Given, numbers: Any, width: int) -> Any:  # noqa: ANN401
    """Numbers for each of so many columns, where one may stand for all."""
    flat = numbers.ravel()
    if len(flat) not in (1, width) or (numbers.ndim == 2 and numbers.shape[0] != 1) or numbers.ndim > 2:
        stop(node, given, f"with a number for each of {width} columns")
    return np.broadcast_to(flat, (width,)).astype(np.float64)


def _is_constant(given: Given, place: int) -> bool:
    return len(given) > place and isinstance(given[place], Constant) and given[place].array is not None


def _is(numbers: Any, value: float) -> bool:  # noqa: ANN401
    return numbers.size == 1 and float(numbers.ravel()[0]) == value


# How many inputs an operator is given at least, where it is not one.
_LEAST = {"Constant": 0} | dict.fromkeys(("Add", "Sub", "Mul", "Div", "Gather", "ArrayFeatureExtractor"), 2)
_FOLLOW: dict[str, Follow] = {
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten"), _same),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    **dict.fromkeys(("Abs", "Neg", "Exp", "Greater", "GreaterOrEqual"), _part),
    **dict.fromkeys(("Gather", "ArrayFeatureExtractor"), _looked_up),
    **dict.fromkeys(("ArgMax", "ArgMin"), _place),
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "Gemm": _gemm,
    "Identity": _identity,
    "LinearClassifier": _linear_classifier,
    "MatMul": _matmul,
    "Normalizer": _normalizer,
    "ReduceSumSquare": _squared_lengths,
    "SVMClassifier": _svm_classifier,
    "Scaler": _scaler,
    "Sigmoid": _sigmoid,
    "Softmax": _softmax,
    "Sqrt": _root,
    "Where": _where,
    "ZipMap": _zip_map,
}
