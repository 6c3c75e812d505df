"""How good a model is on rows that were held out, as the service measures what it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serverless_ml.errors import Fault, InvalidInput

if TYPE_CHECKING:
    from serverless_ml._core.model.model import Model

_MOST_FAULTS = 20


def measured(model: Model, X: Any, y: Any) -> dict[str, Any]:
    """What a version's own document says of held-out rows: their metrics, and how many rows there were.

    Raises `InvalidInput` for rows that the model refuses, and for labels that it cannot give.
    """
    from serverless_ml._core import errors
    from serverless_ml._core.algorithms import algorithm
    from serverless_ml._core.algorithms.tasks.classification import measure
    from serverless_ml._core.inputs.rows import Rows
    from serverless_ml._core.inputs.samples import TableSamples, matrix_of
    from serverless_ml.offline import as_ours

    if model.classes is None:
        raise InvalidInput("expected no labels y for a model of clusters, which have none")
    try:
        rows = model.rows_of(X)
    except errors.InvalidInput as error:
        raise as_ours(error) from None
    if not isinstance(rows, Rows):
        raise InvalidInput("what is measured offline are rows of a table; this model takes others")
    numbers = _numbers(model.classes, y, len(rows))
    columns = model.encoding.features if model.encoding else None
    found = measure(
        model,
        TableSamples(matrix_of(rows), columns),
        numbers,
        objective=algorithm(model.algorithm).algorithm.objective,
    )
    return {"metrics": {"test": found.metrics}, "test_rows": len(rows)}


def _numbers(classes: tuple[Any, ...], y: Any, rows: int) -> Any:
    """The number of each label among the classes. `True` is no 1, and "1" is not either."""
    import numpy as np

    from serverless_ml._core.inputs.scalars import json_values

    try:
        labels = json_values(y)
    except ValueError as error:
        raise InvalidInput(f"y: {error}") from None
    if len(labels) != rows:
        raise InvalidInput(f"expected a label for each row, got {len(labels)} labels for {rows} rows")
    known = {(type(label), label): number for number, label in enumerate(classes)}
    faults, numbers = [], []
    for place, label in enumerate(labels):
        number = known.get((type(label), label))
        if number is None:
            faults.append(Fault(f"y[{place}]", f"expected one of the model's classes, got {label!r}"))
        else:
            numbers.append(number)
    if faults:
        shown = faults[:_MOST_FAULTS]
        raise InvalidInput(
            "labels that the model cannot give", faults=shown, omitted=len(faults) - len(shown)
        )
    return np.array(numbers, dtype=np.int64)
