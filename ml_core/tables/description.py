"""What a dataset holds, in figures: what a person looks at before training on it."""

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.tables.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    DURATION,
    INTEGER,
    LISTS,
    NUMBER,
    OTHER,
    TEXT,
    Column,
    Dataset,
    first_infinite,
    value_shown,
)
from ml_core.tables.suitability import Objection, objection

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of a column with more different values than this the most frequent are shown.
MOST_VALUES = 20
BINS = 20
# Of how a column was read, what a person wants to know.
_TOLD = ("decimal", "thousands", "unit", "date", "true", "false", "optional")


def describe(dataset: Dataset) -> dict[str, Any]:
    """Format, rows, columns and warnings as JSON values.

    A column has its name, type, how many values are missing and how many different ones there are; numbers
    and dates have their range (dates as ISO 8601), numbers a mean; what could be a target has `values`, how
    often each occurs, most frequent first: its class balance. Numbers and dates have a histogram. `read` says
    how values were read where that is no matter of course, `missing_words` which words stood for a missing
    value and how often, and `left_out` why a column is no feature unless it is named.
    """
    objections = {column.name: objection(column) for column in dataset.columns}
    told = [
        f"column '{name}' {found.reason}"
        for name, found in objections.items()
        if found and not found.left_out
    ]
    told += [
        f"column '{column.name}' holds infinity (row {row}), which no model takes"
        for column in dataset.columns
        if (row := first_infinite(column))
    ]
    return {
        "format": dataset.format,
        **({"read": dict(dataset.read)} if dataset.read else {}),
        "rows": dataset.rows,
        "complete": dataset.complete,
        "columns": [_column(column, objections[column.name]) for column in dataset.columns],
        "warnings": [*dataset.warnings, *told],
    }


def _column(column: Column, against: Objection | None) -> dict[str, Any]:
    present = column.values[column.present]
    described: dict[str, Any] = {
        "name": column.name,
        "type": column.kind,
        "missing": len(column.values) - len(present),
    }
    if column.missing_words:
        described["missing_words"] = dict(column.missing_words)
    if read := _how_read(column):
        described["read"] = read
    if against and against.left_out:
        described["left_out"] = against.reason
    if column.kind in (TEXT, DURATION, LISTS, OTHER):
        return described
    different, counts = np.unique(present, return_counts=True)
    described["distinct"] = len(different)
    if column.kind in (NUMBER, INTEGER, DATE):
        described |= _figures(column, present)
    if column.kind in (CATEGORY, BOOLEAN) or (column.kind == INTEGER and len(different) <= MOST_VALUES):
        most = np.argsort(-counts, kind="stable")[:MOST_VALUES]
        described["values"] = [
            {"value": value_shown(column, different[place]), "rows": int(counts[place])} for place in most
        ]
    return described


def _how_read(column: Column) -> dict[str, object]:
    """How the values were read, where that is no matter of course."""
    usual = {"true": ["true"], "false": ["false"]}
    told = {name: value for name, value in column.rule.described().items() if name in _TOLD}
    return {name: value for name, value in told.items() if usual.get(name) != value}


def _figures(column: Column, present: "NDArray[np.float64]") -> dict[str, Any]:
    """Range, mean and histogram of the finite numbers, and how many are infinite."""
    infinite = np.isinf(present)
    finite = present[~infinite] if infinite.any() else present
    figures: dict[str, Any] = {"infinite": int(infinite.sum())} if len(finite) < len(present) else {}
    if not len(finite):
        return figures
    figures["range"] = [value_shown(column, finite.min()), value_shown(column, finite.max())]
    if column.kind != DATE:
        figures["mean"] = _mean(finite)
    return {**figures, "histogram": _histogram(column, finite)}


def _histogram(column: Column, values: "NDArray[np.float64]") -> dict[str, Any]:
    """How many values each of at most `BINS` equal parts of the range holds; the last holds its end too."""
    low, high = float(values.min()), float(values.max())
    bins = BINS
    if column.kind == INTEGER:
        bins = min(BINS, int(high - low) + 1)
    if low == high or not isfinite(high - low):
        return {"edges": [value_shown(column, low), value_shown(column, high)], "counts": [len(values)]}
    # Between numbers of which float64 holds few or none, an edge may be rounded past the next.
    edges = np.maximum.accumulate(np.minimum(np.linspace(low, high, bins + 1), high))
    counts, _ = np.histogram(values, edges)
    shown = [value_shown(column, edge) if column.kind == DATE else float(edge) for edge in edges.tolist()]
    return {"edges": shown, "counts": counts.tolist()}


def _mean(values: "NDArray[np.float64]") -> float:
    """The mean, also of values whose sum is past what float64 holds."""
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    return mean if isfinite(mean) else float((values / len(values)).sum())
