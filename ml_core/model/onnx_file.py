"""A model's file in ONNX: inputs, what is done before the estimator, the estimator, labels, properties."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ml_core.algorithms.outputs import LABEL
from ml_core.conflicts import NotExported
from ml_core.inputs.specs import FLOAT64
from ml_core.onnx import instances, rows
from ml_core.onnx.arithmetic import GraphArithmetic
from ml_core.onnx.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.inputs.labels import Label
    from ml_core.inputs.specs import InputSpec
    from ml_core.onnx.graph import Value
    from ml_core.preprocessing.encoding import Encoding
    from ml_core.preprocessing.scaling import Scaling

    type Tell = Callable[[Graph, Any], Mapping[str, Value]]

# The version of what a file's inputs, outputs and properties mean; it is raised when one of them changes.
FORMAT = "1"


def onnx_file(
    estimator: FittedEstimator,
    description: Mapping[str, Any],
    *,
    encoding: Encoding | None,
    scaling: Scaling | None,
    name: str = "",
    version: int = 0,
) -> bytes:
    """The file of a model's parts; `description` is `Model.description`. Equal models give equal bytes.

    Raises `NotExported` where the algorithm does not say itself as ONNX, or ONNX cannot say what it holds.
    """
    tell: Tell | None = getattr(estimator, "onnx", None)
    if tell is None:
        raise NotExported(
            f"the algorithm '{description['algorithm']}' does not say itself as ONNX; "
            "the version's artifact holds it"
        )
    outputs = [spec.name for spec in estimator.outputs]
    columns = rows.column_inputs(encoding, outputs) if encoding else {}
    graph = Graph([*outputs, *columns.values(), rows.NUMBERS, instances.LENGTHS])
    given: Any
    if estimator.input.datatype != FLOAT64:
        given, held = _instances(graph, estimator.input, description.get("input", {}))
    elif encoding:
        given, held = rows.columns(graph, encoding, columns)
    else:
        given, held = rows.numbers(graph, description["features"])
    if scaling:
        given = GraphArithmetic(graph).standardised(given, scaling.mean, scaling.scale)
    found = tell(graph, given)
    for spec in estimator.outputs:
        _output(graph, spec, found[spec.name], description["classes"])
    properties = {
        "format": FORMAT,
        "model": name,
        "version": str(version) if version else "",
        "algorithm": description["algorithm"],
        "features": _json(description["features"]),
        "inputs": _json(held),
        "classes": _json(description["classes"]),
    }
    if "input" in description:
        properties["input"] = _json(description["input"])
    return graph.to_bytes(name or description["algorithm"], version=version, properties=properties)


def _instances(graph: Graph, spec: InputSpec, read: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """Pictures or sequences, and what their inputs hold."""
    if len(spec.shape) == 3:
        return instances.pictures(graph, spec)
    return instances.sequences(graph, spec, read.get("max_length"))


def _output(graph: Graph, spec: OutputSpec, value: Value, classes: Sequence[Label] | None) -> None:
    """One output under its name: a number for each row, or a row of numbers; labels as callers know them."""
    if spec.kind == LABEL:
        value = value if classes is None else graph.node("Gather", _constant(graph, classes), value)
    elif not spec.shape:
        value = graph.node("Reshape", value, graph.integers([-1]))
    graph.output(spec.name, value, [rows.ROWS, *spec.shape])


def _constant(graph: Graph, classes: Sequence[Label]) -> Value:
    """The labels, in the order of their numbers."""
    if isinstance(classes[0], bool):
        return graph.flags([bool(label) for label in classes])
    if isinstance(classes[0], int):
        return graph.integers(int(label) for label in classes)
    return graph.words([str(label) for label in classes])


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
