"""A table's row as inputs of a graph, and what becomes of it before an estimator takes it.

A model of numbers takes them in one tensor. One of columns of more kinds takes a tensor for each column, with
values that are read already: a number, 1 or 0, the days since 1970-01-01 or a word. How text becomes such a
value (a decimal comma, the order of a date) is a rule of the column that no operator has.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from ml_core.inputs.columns import BOOLEAN, CATEGORY, DATE, NUMBER
from ml_core.inputs.rules import missing_numbers
from ml_core.onnx.graph import BOOL, DOUBLE, STRING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from ml_core.inputs.columns import Feature
    from ml_core.onnx.graph import Graph, Value
    from ml_core.preprocessing.encoding import Encoding

NUMBERS = "input-0"
ROWS = "N"  # the axis of the rows
_KINDS = {
    NUMBER: "a number; NaN where it is missing",
    BOOLEAN: "1 for true, 0 for false; NaN where it is missing",
    DATE: "days since 1970-01-01 (UTC); NaN where it is missing",
}


def numbers(graph: Graph, features: Sequence[str]) -> tuple[Value, dict[str, str]]:
    """Rows of numbers, and what their input holds."""
    held = "rows of numbers, in the order of the features"
    return graph.input(NUMBERS, DOUBLE, [ROWS, len(features)], held), {NUMBERS: held}


def column_inputs(encoding: Encoding, taken: Container[str]) -> dict[int, str]:
    """What the input of each column is called that the model looks at, by the column's place.

    It is the column's name, unless that is empty or means something else in the graph.
    """
    used = {column for column, _ in encoding.layout.numbers} | {*encoding.layout.missing_indicator}
    used |= {column for column, _, _ in encoding.layout.categories}
    names = [feature.name for feature in encoding.features]
    found: dict[int, str] = {}
    for column in sorted(used):
        name = names[column]
        while not name or name in taken or (name != names[column] and name in names):
            name = f"column {name}".strip()
        found[column] = name
    return found


def columns(graph: Graph, encoding: Encoding, names: dict[int, str]) -> tuple[Value, dict[str, str]]:
    """The encoded rows of a tensor for each column, and what each of these holds."""
    layout, features = encoding.layout, encoding.features
    held = {name: _held(features[column]) for column, name in names.items()}
    given = {
        column: graph.input(
            name, STRING if features[column].kind == CATEGORY else DOUBLE, [ROWS, 1], held[name]
        )
        for column, name in names.items()
    }
    parts = _numbers(graph, encoding, given)
    for column, count, missing in layout.categories:
        parts += _category(graph, features[column], given[column], count, missing=missing)
    return _side_by_side(graph, parts), held


def _held(feature: Feature) -> str:
    if feature.kind != CATEGORY:
        return _KINDS[feature.kind]
    if "" in feature.words:
        return "a word; the empty text is a word, so that none says that it is missing"
    return "a word; the empty text where it is missing"


def _numbers(graph: Graph, encoding: Encoding, given: dict[int, Value]) -> list[Value]:
    """The numbers, those that are missing replaced; and for each flagged column whether it is missing."""
    layout, features, add = encoding.layout, encoding.features, graph.node
    numbers = [column for column, _ in layout.numbers]
    # Of a column that had no value at all there is a flag alone.
    read = numbers + [column for column in layout.missing_indicator if column not in numbers]
    if not read:
        return []
    X = _side_by_side(graph, [_with_gaps(graph, features[column], given[column]) for column in read])
    missing = add("IsNaN", X, datatype=BOOL)
    parts = []
    if numbers:
        replacements = graph.doubles((number for _, number in layout.numbers), 1, len(numbers))
        first = graph.integers(range(len(numbers)))
        some = [
            each if len(read) == len(numbers) else add("Gather", each, first, axis=1) for each in (missing, X)
        ]
        parts.append(add("Where", some[0], replacements, some[1], datatype=DOUBLE))
    if layout.missing_indicator:
        places = {column: place for place, column in enumerate(read)}
        flagged = graph.integers(places[column] for column in layout.missing_indicator)
        parts.append(graph.cast(add("Gather", missing, flagged, axis=1), DOUBLE))
    return parts


def _with_gaps(graph: Graph, feature: Feature, given: Value) -> Value:
    """A column's values, NaN also where one is a number or a date that stands for a missing value."""
    gaps: set[float] = set()
    if feature.kind == NUMBER:
        gaps |= missing_numbers(feature.rule.missing)
    elif feature.kind == DATE and feature.rule.missing:
        from ml_core.inputs.texts import missing_dates

        gaps |= missing_dates(feature.rule).keys()
    for gap in sorted(gaps):
        found = graph.node("Equal", given, graph.double(gap), datatype=BOOL)
        given = graph.node("Where", found, graph.double(nan), given, datatype=DOUBLE)
    return given


def _category(graph: Graph, feature: Feature, given: Value, count: int, *, missing: bool) -> list[Value]:
    """1 for which of the first `count` words it is, 0 for each other; of one that is none all are 0."""
    parts = []
    if feature.rule.filled:
        given = _filled(graph, feature, given)
    if count:
        words = graph.words(feature.words[:count], 1, count)
        parts.append(graph.cast(graph.node("Equal", given, words, datatype=BOOL), DOUBLE))
    if missing:
        gaps = [gap for gap in dict.fromkeys(("", *feature.rule.missing)) if gap not in feature.words]
        if not gaps:
            nothing = graph.node("Equal", given, given, datatype=BOOL)
            parts.append(graph.cast(graph.node("Not", nothing), DOUBLE))
        else:
            some = graph.node("Equal", given, graph.words(gaps, 1, len(gaps)), datatype=BOOL)
            parts.append(graph.node("ReduceMax", graph.cast(some, DOUBLE), graph.integers([1]), keepdims=1))
    return parts


def _filled(graph: Graph, feature: Feature, given: Value) -> Value:
    """The word that a missing value counts as in its place."""
    gaps = [gap for gap in dict.fromkeys(("", *feature.rule.missing)) if gap not in feature.words]
    if not gaps:
        return given
    some = graph.cast(graph.node("Equal", given, graph.words(gaps, 1, len(gaps)), datatype=BOOL), DOUBLE)
    missing = graph.node("ReduceMax", some, graph.integers([1]), keepdims=1)
    filled = graph.words(feature.rule.filled, 1, 1)
    return graph.node("Where", graph.cast(missing, BOOL), filled, given, datatype=STRING)


def _side_by_side(graph: Graph, parts: list[Value]) -> Value:
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
