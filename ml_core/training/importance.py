"""Permutation importance: how much worse a model is on held-out rows when one column is mixed up among them.

It is scikit-learn's `permutation_importance`: of a classifier the decrease of the accuracy, and beside it the
increase of the log loss where the model gives probabilities. Of clusters it is the share of rows that change
theirs. A column is one of the caller's, all that it becomes in the model included.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.algorithms.tasks.classification import log_loss
from ml_core.algorithms.tasks.values import values_of
from ml_core.arithmetic.bounds import NotFinite
from ml_core.inputs.samples import TableSamples
from ml_core.preprocessing.recoding import recoded
from ml_core.training.profiling import evenly_spaced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.samples import Samples
    from ml_core.model.model import Model

FEWEST_ROWS = 20
MOST_ROWS = 2_000
REPEATS = 5
SECONDS = 10.0
"""So long it may take, or as long as fitting took: all that bounds it where a row's work is not known."""
MOST_COLUMNS = 200
"""Of a wider table those columns are told that matter most."""

# All of it takes about as many multiplications, some seconds. Besides those of the model a row takes what is
# about so many, and each of its numbers.
_MULTIPLICATIONS = 3_000_000_000
_ROW, _NUMBER = 500, 5
# Rather than fewer rows there are fewer repeats, but two at least: one has no spread.
_ENOUGH_ROWS, _FEWEST_REPEATS = 100, 2
_OVERFLOWS = "rows with values of other rows overflow; rescale the columns"


class _Extent(NamedTuple):
    """How much is measured."""

    rows: int
    repeats: int


def importance(
    model: "Model",
    samples: "Samples",
    y: "NDArray[np.int64] | None",
    *,
    seed: int,
    stop: "Callable[[], bool]",
) -> tuple[dict[str, object] | None, list[str]]:
    """The importance of each column as JSON values, and what is to be said where it is not measured.

    There is none for fewer than `FEWEST_ROWS` held-out rows, and for what is no table. Once
    `stop` says so, what was begun is left out.
    """
    if not isinstance(samples, TableSamples) or model.reader is not None or len(samples) < FEWEST_ROWS:
        return None, []
    extent = _extent(model, len(samples))
    if extent is None:
        return None, [_left_out("it would take too much work on so many columns")]
    places = evenly_spaced(len(samples), extent.rows)
    X = np.ascontiguousarray(recoded(samples.X[places], samples.columns, model.encoding))
    random = np.random.default_rng(seed)
    orders = [random.permutation(extent.rows) for _ in range(extent.repeats)]
    try:
        found = permuted(model, X, None if y is None else y[places], orders, stop)
    except NotFinite:
        return None, [_left_out(_OVERFLOWS)]
    if found is None:
        return None, [_left_out("there was not time enough")]
    if not all(np.isfinite(values).all() for values in found.values()):
        return None, [_left_out(_OVERFLOWS)]
    return _described(model, extent.rows, found), []


def _left_out(why: str) -> str:
    return f"the importance of the columns is not measured: {why}"


def _extent(model: "Model", held_out: int) -> _Extent | None:
    """How many rows and repeats the work allows; None where that is too few."""
    work = getattr(model.estimator, "work", 0) + _ROW + _NUMBER * model.peak_width
    most = _MULTIPLICATIONS // (work * len(model.features))
    whole, enough = min(held_out, MOST_ROWS), min(held_out, _ENOUGH_ROWS)
    if enough * REPEATS <= most:
        return _Extent(min(whole, most // REPEATS), REPEATS)
    repeats = most // enough
    return _Extent(enough, repeats) if repeats >= _FEWEST_REPEATS else None


def permuted(
    model: "Model",
    X: "NDArray[np.float64]",
    y: "NDArray[np.int64] | None",
    orders: "Sequence[NDArray[np.int64]]",
    stop: "Callable[[], bool]" = bool,  # never
) -> "dict[str, NDArray[np.float64]] | None":
    """What mixing up each column does, by what is measured: repeats × columns.

    Each repeat puts the rows' values in one of the `orders`, the same in every column. Of clusters, where
    there is no `y`, "cluster_changed" is measured, else "accuracy" and "log_loss". Once `stop` says so, whole
    repeats count, if there are enough; else the result is None. Raises `NotFinite`.
    """
    before = _values(model, X)
    changed: list[list[dict[str, float]]] = []
    for order in orders:
        row: list[dict[str, float]] = []
        for column in range(X.shape[1]):
            if stop():
                return _arrays(changed) if len(changed) >= _FEWEST_REPEATS else None
            kept = X[:, column].copy()
            X[:, column] = kept[order]
            same = np.array_equal(X[:, column], kept, equal_nan=True)
            after = before if same else _values(model, X)
            X[:, column] = kept
            row.append(_worse(before, after, y))
        changed.append(row)
    return _arrays(changed)


def _values(model: "Model", X: "NDArray[np.float64]") -> "dict[str, NDArray[Any]]":
    asked = [name for name in ("probability",) if name in model.outputs]
    return values_of(model, TableSamples(X), asked)


def _worse(
    before: "dict[str, NDArray[Any]]", after: "dict[str, NDArray[Any]]", y: "NDArray[np.int64] | None"
) -> dict[str, float]:
    if y is None:
        return {"cluster_changed": float(np.mean(before["label"] != after["label"]))}
    hits = int((before["label"] == y).sum()) - int((after["label"] == y).sum())
    worse = {"accuracy": hits / len(y)}
    if "probability" in before:
        worse["log_loss"] = log_loss(after["probability"], y) - log_loss(before["probability"], y)
    return worse


def _arrays(measured: list[list[dict[str, float]]]) -> "dict[str, NDArray[np.float64]]":
    return {name: np.array([[one[name] for one in row] for row in measured]) for name in measured[0][0]}


def _described(model: "Model", rows: int, found: "dict[str, NDArray[np.float64]]") -> dict[str, object]:
    (metric, first), *others = found.items()
    order = np.argsort(-first.mean(axis=0), kind="stable").tolist()
    columns = [
        {
            "column": model.features[place],
            **_spread(first[:, place]),
            **{name: _spread(values[:, place]) for name, values in others},
        }
        for place in order[:MOST_COLUMNS]
    ]
    return {
        "metric": metric,
        "rows": rows,
        "repeats": len(first),
        "columns": columns,
        **({"columns_omitted": len(order) - MOST_COLUMNS} if len(order) > MOST_COLUMNS else {}),
    }


def _spread(values: "NDArray[np.float64]") -> dict[str, float]:
    return {"mean": float(values.mean()), "std": float(values.std())}
