"""What a dataset holds, in figures: what a person looks at before training on it."""

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.tables.columns import BOOLEAN, CATEGORY, DATE, INTEGER, NUMBER, OTHER, TEXT, Column, Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of a column with more different values than this the most frequent are shown.
MOST_VALUES = 20


def describe(dataset: Dataset) -> dict[str, Any]:
    """Format, rows, columns and warnings as JSON values.

    A column has its name, type, how many values are missing and how many different ones there are; numbers
    and dates have their range (dates as ISO 8601), numbers a mean; what could be a target has `values`, how
    often each occurs, most frequent first: its class balance.
    """
    return {
        "format": dataset.format,
        "rows": dataset.rows,
        "complete": dataset.complete,
        "columns": [_column(column) for column in dataset.columns],
        "warnings": list(dataset.warnings),
    }


def _column(column: Column) -> dict[str, Any]:
    present = column.values[column.present]
    described: dict[str, Any] = {
        "name": column.name,
        "type": column.kind,
        "missing": len(column.values) - len(present),
    }
    if column.kind in (TEXT, OTHER):
        return described
    different, counts = np.unique(present, return_counts=True)
    described["distinct"] = len(different)
    if column.kind in (NUMBER, INTEGER, DATE) and len(present):
        described["range"] = [_shown(column, present.min()), _shown(column, present.max())]
    if column.kind in (NUMBER, INTEGER) and len(present):
        described["mean"] = _mean(present)
    if column.kind in (CATEGORY, BOOLEAN) or (column.kind == INTEGER and len(different) <= MOST_VALUES):
        most = np.argsort(-counts, kind="stable")[:MOST_VALUES]
        described["values"] = [
            {"value": _shown(column, different[place]), "rows": int(counts[place])} for place in most
        ]
    return described


def _mean(values: "NDArray[np.float64]") -> float:
    """The mean, also of values whose sum is past what float64 holds."""
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    return mean if isfinite(mean) else float((values / len(values)).sum())


def _shown(column: Column, value: Any) -> Any:  # noqa: ANN401 - a scalar as JSON has it
    """A value as the file has it."""
    if column.kind == CATEGORY:
        return column.words[int(value)]
    if column.kind == BOOLEAN:
        return bool(value)
    if column.kind == DATE:
        instant = np.datetime64(round(float(value) * 86_400), "s")
        return str(instant if value % 1 else instant.astype("datetime64[D]"))
    return int(value) if column.kind == INTEGER else float(value)
