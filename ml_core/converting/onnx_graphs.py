"""A small ONNX graph as a model of this project's, which predicts without onnxruntime and is explained.

The graph is followed node by node (`graph_operators.py`). What its outputs are in the end is a linear
classifier's label, scores and probabilities, or the clusters and distances of k-means; or it is refused at
the node that is neither. Such a graph can be imported as it is instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.chosen import hyperparameters_of
from ml_core.converting.fitted import is_text, refuse
from ml_core.converting.graph_operators import followed
from ml_core.converting.graph_reading import read_graph
from ml_core.converting.graph_values import (
    ClassName,
    ClassPlace,
    Constant,
    KernelScores,
    LinearScores,
    Logistic,
    NamedShares,
    NearestPlace,
    PointDistances,
    Shares,
    TableRows,
)
from ml_core.errors import InvalidInput, shown
from ml_core.model.model import Model
from ml_core.onnx.scan import scan
from ml_core.preprocessing.scaling import Scaling
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.inputs.labels import Label
    from ml_core.onnx.scan import ScannedGraph

_FLOATS = ("FP32", "FP64")
# What is told of a shape needs no room in the file, and has it here.
_MOST_COLUMNS = 100_000
# What a classifier's outputs are.
_ANSWERS = (ClassName, ClassPlace, NamedShares, LinearScores, KernelScores, Logistic, Shares)


def from_onnx(
    data: bytes, *, features: Sequence[str] | None = None, classes: Sequence[Label] | None = None
) -> Model:
    """A graph that another library exported as a model that can be deployed, registered and explained.

    It is a linear classifier, a support vector machine of two classes without probabilities, k-means, or this
    project's own export of linear models and k-means; with scalers before it. Linear classifiers are
    skl2onnx's LogisticRegression, LinearSVC, RidgeClassifier and LinearDiscriminantAnalysis, in single and
    double precision, and a layer of PyTorch's, with or without a softmax or sigmoid behind it. Weights are
    taken as they are written, in single precision by most.

    Args:
        data: the file.
        features: what its columns are called; without them as the file's inputs where each is one column, as
            this project's own export has them, or else x0, x1 and so on. Columns that nothing looks at are no
            features.
        classes: the labels, in the order of the scores, where the graph does not name them.

    Raises:
        NotConverted: what it does cannot be said exactly; the path of the fault is the node's.
        InvalidInput: of `features` or `classes`, or it is a file that may not be imported either.
    """
    scanned = scan(data)
    graph = read_graph(data, scanned.nodes, scanned.numbers)
    values: dict[str, Any] = {name: Constant(array) for name, array in graph.constants.items()}
    names = _inputs(scanned, values)
    for node in graph.nodes:
        missing = [name for name in node.inputs if name and name not in values]
        if missing:
            refuse(node.path, f"expected {shown(missing[0])} to be made before it, got it nowhere before")
        with np.errstate(all="ignore"):  # what overflows is refused in the end
            made = followed(node, [values[name] if name else None for name in node.inputs])
        values |= dict(zip(node.outputs, made, strict=False))
    outputs = {}
    for port in scanned.outputs:
        if port.name not in values:
            refuse("model.graph", f"expected a node that makes the output {shown(port.name)}, got none")
        outputs[port.name] = values[port.name]
    rows, estimator, algorithm, found = _estimator(outputs, classes)
    known = _features(names, features, graph.properties)
    return _model(rows, estimator, algorithm, [known[column] for column in rows.columns], found)


def _inputs(scanned: ScannedGraph, values: dict[str, Any]) -> list[str]:
    """Take the inputs as rows; a name for each of their columns, which is empty where there is none."""
    names: list[str] = []
    for place, port in enumerate(scanned.inputs):
        width = port.shape[1] if port.shape is not None and len(port.shape) == 2 else None
        if width is None or port.datatype not in _FLOATS or width > _MOST_COLUMNS:
            refuse(
                f"model.graph.input[{place}]",
                f"expected rows of floating-point numbers, at most {_MOST_COLUMNS:,} of them, "
                f"got {port.datatype} of "
                f"{'any shape' if port.shape is None else f'the shape {[*port.shape]}'}",
            )
        columns = range(len(names), len(names) + width)
        values[port.name] = TableRows(tuple(columns), np.zeros(width), np.ones(width))
        names += [port.name] if width == 1 else [""] * width
    return names


def _features(
    names: list[str], given: Sequence[str] | None, properties: Mapping[str, str]
) -> tuple[str, ...]:
    """What the inputs' columns are called. Raises `InvalidInput`."""
    if given is None:
        told = _told(properties.get("features", ""))
        if len(told) == len(names):
            return told
        return tuple(name or f"x{place}" for place, name in enumerate(names))
    if len(given) != len(names):
        raise InvalidInput.at(
            "features", f"expected {len(names)} names, one for each column, got {len(given)}"
        )
    for place, name in enumerate(given):
        if not is_text(name) or not name or name in given[:place]:
            raise InvalidInput.at(f"features[{place}]", f"expected a name, once, got {shown(name)}")
    return tuple(given)


def _told(text: str) -> tuple[str, ...]:
    """The features that a file of ours tells."""
    try:
        found = json.loads(text)
    except ValueError:
        return ()
    sound = isinstance(found, list) and all(map(is_text, found)) and len({*found}) == len(found)
    return tuple(found) if sound else ()


def _estimator(
    outputs: Mapping[str, Any], classes: Sequence[Label] | None
) -> tuple[TableRows, FittedEstimator, str, tuple[Label, ...] | None]:
    """What the outputs are those of. Raises `NotConverted`, `InvalidInput`."""
    for name, value in outputs.items():
        if isinstance(value, NearestPlace | PointDistances):
            return _k_means(outputs, classes)
        if isinstance(value, Logistic) and value.other and not value.paired:
            _refuse_output(name, "expected the probability of the second class", value)
        if not isinstance(value, _ANSWERS):
            _refuse_output(name, "expected a classifier's answer or k-means'", value)
    return _classifier(outputs, classes)


def _refuse_output(name: str, expected: str, value: object) -> None:
    got = type(value).__name__
    refuse(f"model.graph.output.{name}", f"{expected}, got {got}: such a graph can be imported as it is")


def _k_means(
    outputs: Mapping[str, Any], classes: Sequence[Label] | None
) -> tuple[TableRows, FittedEstimator, str, None]:
    """k-means, of which each output is the nearest centre or the distances."""
    from ml_core.algorithms.kmeans import KMeans

    if classes is not None:
        raise InvalidInput.at("classes", f"expected none, clusters have numbers, got {len(classes)}")
    found: PointDistances | None = None
    for name, value in outputs.items():
        distances = value.distances if isinstance(value, NearestPlace) else value
        if not isinstance(distances, PointDistances) or (found and not found.is_same(distances)):
            _refuse_output(name, "expected k-means' clusters or distances", value)
        if distances is value and value.squared:
            _refuse_output(name, "expected distances", value)
        found = found or distances
    assert found is not None  # noqa: S101 - for the type checker: there is an output
    return found.rows, KMeans(_tensor(found.points)), "kmeans", None


def _classifier(
    outputs: Mapping[str, Any], classes: Sequence[Label] | None
) -> tuple[TableRows, FittedEstimator, str, tuple[Label, ...]]:
    """What the labels, scores and probabilities are those of: all have to be of the same scores."""
    found: LinearScores | KernelScores | None = None
    named: set[tuple[Label, ...]] = set()
    for name, value in outputs.items():
        scores = _scores(value)
        if found is not None and not found.is_same(scores):
            _refuse_output(name, "expected what is computed of the same scores as the other outputs", value)
        found = found or scores
        if isinstance(value, ClassName | NamedShares):
            named.add(value.labels)
    assert found is not None  # noqa: S101 - for the type checker: there is an output
    if isinstance(found, KernelScores):
        known = _classes(outputs, named, found.classes, classes)
        if _ascending(known) != [*range(len(known))]:
            refuse(
                "model.graph", f"expected labels in ascending order, got {shown([*known])}: fit it with such"
            )
        return found.rows, _machine(found, outputs), "svm", known
    known = _classes(outputs, named, max(2, found.several), classes)
    order = _ascending(known)
    return found.rows, *_linear(found, outputs, order), tuple(known[place] for place in order)


def _ascending(labels: tuple[Label, ...]) -> list[int]:
    """The labels' places in ascending order, in which a model has them."""
    return sorted(range(len(labels)), key=lambda place: labels[place])


def _machine(scores: KernelScores, outputs: Mapping[str, Any]) -> FittedEstimator:
    """A support vector machine."""
    from ml_core.algorithms.svm import SVM

    for name, value in outputs.items():
        if isinstance(value, KernelScores) and scores.classes > 2:
            _refuse_output(name, "expected labels alone of more than two classes", value)
    return SVM(scores.classes, scores.pairs, None)


def _linear(
    scores: LinearScores, outputs: Mapping[str, Any], order: list[int]
) -> tuple[FittedEstimator, str]:
    """A logistic regression where there are probabilities, else a linear machine; classes in this order."""
    from ml_core.algorithms.logistic_regression import LogisticRegression
    from ml_core.algorithms.one_versus_rest import OneVersusRest

    shares = [_shares(value) for value in outputs.values()]
    likely = next((value for value in shares if value is not None), None)
    single = _single(scores, likely, outputs)
    if single.several == 1:  # positive for the second class
        sign = 1.0 if order == [0, 1] else -1.0
        weights, intercepts = _tensor(sign * single.weights), _tensor(sign * single.intercepts).values
    else:
        weights, intercepts = _tensor(single.weights[order]), _tensor(single.intercepts[order]).values
    if likely is None:
        return OneVersusRest(weights, intercepts), "svm"
    return LogisticRegression(weights, intercepts), "logistic_regression"


def _scores(value: Any) -> LinearScores | KernelScores:  # noqa: ANN401 - any of the kinds that have scores
    if isinstance(value, NamedShares):
        value = value.shares
    scores: LinearScores | KernelScores = (
        value if isinstance(value, LinearScores | KernelScores) else value.scores
    )
    return scores


def _shares(value: Any) -> Shares | Logistic | None:  # noqa: ANN401
    if isinstance(value, NamedShares):
        return value.shares
    return value if isinstance(value, Shares | Logistic) else None


def _single(
    scores: LinearScores, likely: Shares | Logistic | None, outputs: Mapping[str, Any]
) -> LinearScores:
    """The scores as a model here has them: of two classes one, that of the second."""
    if isinstance(likely, Logistic) and scores.several > 1 and not scores.are_opposite():
        refuse(
            "model.graph",
            "its probabilities are of one class against the rest, which no logistic regression here has",
        )
    if scores.several != 2:
        if likely is not None and scores.several == 1 and isinstance(likely, Shares):
            refuse("model.graph", "expected a softmax of two scores or more, got one of a single score")
        return scores
    for name, value in outputs.items():
        if isinstance(value, LinearScores) and not scores.are_opposite():
            _refuse_output(name, "expected one score for two classes, or one and its opposite", value)
    # Of a score and its opposite, which are the same for others, it is the one.
    if (likely is None and scores.are_opposite()) or isinstance(likely, Logistic):
        return scores._replace(weights=scores.weights[1:], intercepts=scores.intercepts[1:])
    # exp(b) / (exp(a) + exp(b)) = 1 / (1 + exp(-(b - a)))
    return scores._replace(
        weights=scores.weights[1:] - scores.weights[:1],
        intercepts=scores.intercepts[1:] - scores.intercepts[:1],
    )


def _classes(
    outputs: Mapping[str, Any],
    named: set[tuple[Label, ...]],
    several: int,
    given: Sequence[Label] | None,
) -> tuple[Label, ...]:
    """The labels, in the order of the scores. Raises `InvalidInput`, `NotConverted`."""
    places = any(isinstance(value, ClassPlace) for value in outputs.values())
    known = next(iter(named), None)
    if len(named) > 1 or (known and places) or (known and len({*known}) != len(known)):
        refuse("model.graph", "expected outputs that name the same labels, each once, got others")
    if given is None:
        if known is None and not places:
            raise InvalidInput.at(
                "classes",
                f"expected {several} labels, in the order of the scores, got none: the graph names none",
            )
        return known or tuple(range(several))
    told = tuple(given)
    if known is not None and told != known:
        raise InvalidInput.at("classes", f"expected those of the graph, {shown([*known])}, got others")
    for kind in (str, bool, int):
        if all(type(label) is kind for label in told) and len({*told}) == len(told) == several:
            return told
    raise InvalidInput.at(
        "classes", f"expected {several} words, whole numbers or truth values, each once, got {shown([*told])}"
    )


def _model(
    rows: TableRows,
    estimator: FittedEstimator,
    algorithm: str,
    features: list[str],
    classes: tuple[Label, ...] | None,
) -> Model:
    """The model, read as strictly as any other artifact."""
    if len({*rows.columns}) != len(rows.columns):
        refuse("model.graph", "a column of the inputs reaches it twice")
    if not (rows.scale > 0).all():
        refuse("model.graph", "expected columns that are divided by numbers above 0, got others")
    scaling = None if rows.is_plain() else Scaling(_tensor(rows.shift), _tensor(rows.scale))
    together = estimator.absorb_scaling(scaling) if scaling else None
    told = _told_of(estimator) if algorithm == "svm" else {}
    model = Model(
        together or estimator,
        algorithm=algorithm,
        hyperparameters=hyperparameters_of(algorithm, {**told, "scale": scaling is not None}),
        features=tuple(features),
        classes=classes,
        scaling=None if together else scaling,
    )
    return Model.from_bytes(model.to_bytes())


def _told_of(estimator: Any) -> dict[str, object]:  # noqa: ANN401 - one of two kinds of machines
    """The hyperparameters that a machine shows."""
    kernel = getattr(getattr(estimator, "pairs", None), "kernel", None)
    if kernel is None:
        return {"kernel": "linear", "loss": "squared_hinge", "probability": False}
    return {"kernel": kernel.kind, "gamma": kernel.gamma, "probability": False}


def _tensor(array: Any) -> Tensor:  # noqa: ANN401 - an array
    if not np.isfinite(array).all():
        refuse(
            "model.graph",
            "expected finite numbers, got others: they are too large, or too small to divide by",
        )
    return Tensor.of(np.asarray(array, float).ravel().tolist(), *array.shape)
