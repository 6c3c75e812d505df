"""Shapley values by their definition: over all coalitions of a row's columns, asking the model itself."""

from itertools import product
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.arithmetic import vectorised
from ml_core.model.model import Model
from ml_core.preprocessing.batch import RowBatch

type Floats = NDArray[np.float64]


def margins(model: Model, rows: Floats, own: int, other: int) -> Floats:
    """How far each row of columns is on the side of one label against another, as the model computes it."""
    packed = np.ascontiguousarray(rows).astype("<f8").tobytes()
    estimator: Any = model.estimator
    if model.algorithm == "svm":
        batch = RowBatch(packed, len(model.features), model.encoding, model.scaling)
        arithmetic: Any = vectorised
        pairs = np.asarray(estimator.pairs.decisions(arithmetic, batch.matrix(arithmetic)))
        place = estimator_pairs(len(model.classes or ())).index((min(own, other), max(own, other)))
        return np.asarray(pairs[:, place] if own < other else -pairs[:, place])
    if model.algorithm == "kmeans":
        batch = RowBatch(packed, len(model.features), model.encoding, model.scaling)
        centres = np.array(estimator.centres.rows, np.longdouble)
        squares = [((batch.dense() - centres[number]) ** 2).sum(axis=1) for number in (own, other)]
        return np.asarray(squares[1] - squares[0])
    found = np.asarray(model.compute(packed, ("decision",), arithmetic=vectorised)["decision"])
    if len(model.classes or ()) == 2:
        return np.asarray((1 if own else -1) * found.reshape(-1))
    return np.asarray(found[:, own] - found[:, other])


def estimator_pairs(classes: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(classes) for j in range(i + 1, classes)]


def shapley(values: Floats, n_columns: int) -> Floats:
    """Of the value of each coalition, whose number has a bit for each column that is known."""
    sizes = np.array([coalition.bit_count() for coalition in range(1 << n_columns)])
    weights = [factorial(s) * factorial(n_columns - s - 1) / factorial(n_columns) for s in range(n_columns)]
    exact = values.astype(np.longdouble)
    parts = np.empty(n_columns)
    for column in range(n_columns):
        without = np.flatnonzero(~(np.arange(1 << n_columns) >> column) & 1)
        added = exact[without | (1 << column)] - exact[without]
        parts[column] = float((np.array(weights)[sizes[without]] * added).sum())
    return parts


def of_rows(model: Model, row: Floats, background: Floats, own: int, other: int) -> tuple[float, Floats]:
    """The base and the parts of the game of whole rows."""
    n_columns = len(row)
    known = (np.arange(1 << n_columns)[:, None] >> np.arange(n_columns)) & 1 == 1
    values = np.mean([margins(model, np.where(known, row, each), own, other) for each in background], axis=0)
    return float(values[0]), shapley(values, n_columns)


def of_marginals(
    model: Model, row: Floats, drawn: list[list[tuple[float, float]]], own: int, other: int
) -> tuple[float, Floats]:
    """The same where each column is drawn by itself: every combination of values is asked for."""
    n_columns = len(row)
    choices = [[(float(value), 1.0), *values] for value, values in zip(row, drawn, strict=True)]
    grid = np.array(list(product(*([value for value, _ in each] for each in choices))))
    found = margins(model, grid, own, other).reshape([len(each) for each in choices])
    values = np.empty(1 << n_columns)
    for coalition in range(1 << n_columns):
        expected = found.astype(np.longdouble)
        for column in reversed(range(n_columns)):
            if coalition >> column & 1:
                expected = np.take(expected, 0, axis=column)
            else:
                shares = np.array([share for _, share in drawn[column]])
                expected = np.tensordot(
                    np.take(expected, range(1, len(choices[column])), axis=column), shares, (column, 0)
                )
        values[coalition] = float(expected)
    return float(values[0]), shapley(values, n_columns)
