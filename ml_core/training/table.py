"""The rows that a referenced table becomes once it is read."""

from typing import TYPE_CHECKING, Any

from ml_core.errors import Fault, InvalidInput, shown
from ml_core.inputs import columns as kinds
from ml_core.inputs.columns import Feature
from ml_core.inputs.labels import Labels
from ml_core.inputs.rows import Rows
from ml_core.tables import reading
from ml_core.training.rows import TrainingRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.inputs.labels import Label
    from ml_core.tables.columns import Column, Dataset
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

# Of words that are all different in so many rows, none will be met again: they name rows.
IDENTIFIER_ROWS = 50
# Columns become rows in blocks of so many numbers, which stay in the processor's cache.
_TRANSPOSED = 1 << 16
# A column of its own for each word: past this many a model is no longer small.
MOST_CATEGORIES = 10_000


def read_rows(data: "TableReference", path: str, budget: "Budget") -> TrainingRows:
    """The rows of the table at `path`.

    Rows without a target are left out. Raises `InvalidInput` for what does not fit the table,
    `MalformedInput` for a file that is none, `TooLarge` for one past the budget.
    """
    wanted = None
    if data.features is not None:
        wanted = {*data.features, *filter(None, [data.target])}
    dataset = reading.read(path, declared=data.format, names=wanted, budget=budget)
    target = _target(dataset, data.target)
    columns, warnings = _feature_columns(dataset, data)
    present = None if target is None else target.present
    if present is not None and not present.all():
        warnings.append(f"{int((~present).sum())} rows have no target and are left out")
    else:
        present = None
    flags = sum(column.kind != kinds.CATEGORY and not column.present.all() for column in columns)
    budget.check(dataset.rows, len(columns), len(columns) + flags)
    labels = None if target is None else _labels(target, present)
    described = tuple(Feature(column.name, _kind(column), column.words) for column in columns)
    names = tuple(column.name for column in columns)
    said = (*dataset.warnings, *warnings)
    return TrainingRows(_matrix(columns, present), names, labels, described, said)


def _target(dataset: "Dataset", name: str | None) -> "Column | None":
    if name is None:
        return None
    column = dataset.column(name)
    if column is None:
        raise InvalidInput.at(
            "$.data.target", f"the table has no column {shown(name)}; it has {_names(dataset)}"
        )
    if column.kind not in (kinds.CATEGORY, kinds.BOOLEAN, "integer"):
        labels = "words, truth values or whole numbers"
        raise InvalidInput.at(
            "$.data.target", f"labels are {labels}; column {shown(name)} is of type {column.kind}"
        )
    return column


def _names(dataset: "Dataset") -> str:
    names = [column.name for column in dataset.columns]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(map(shown, names[:20])) + more


def _feature_columns(dataset: "Dataset", data: "TableReference") -> "tuple[list[Column], list[str]]":
    """The columns to train on, and what is to be said of those that are left out."""
    if data.features is not None:
        return _named_columns(dataset, data.features), []
    columns, warnings = [], []
    for column in dataset.columns:
        objection = None if column.name == data.target else _objection(column) or _identifies(column)
        if objection:
            warnings.append(f"column '{column.name}' is left out: it {objection}")
        elif column.name != data.target:
            columns.append(column)
    if not columns:
        raise InvalidInput.at("$.data.features", "; ".join(["no column is left to train on", *warnings]))
    return columns, warnings


def _named_columns(dataset: "Dataset", names: "Sequence[str]") -> "list[Column]":
    by_name = {column.name: column for column in dataset.columns}
    columns, faults = [], []
    for index, name in enumerate(names):
        column = by_name.get(name)
        wrong = "the table has no such column" if column is None else _objection(column)
        if wrong or column is None:
            faults.append(Fault(f"$.data.features[{index}]", f"{shown(name)}: {wrong}"))
        else:
            columns.append(column)
    if faults:
        raise InvalidInput(faults)
    return columns


def _objection(column: "Column") -> str | None:
    """What speaks against a column as a feature."""
    if column.kind == "text" or len(column.words) > MOST_CATEGORIES:
        return f"holds more than {MOST_CATEGORIES} different words"
    if column.kind == "other":
        return "holds lists, objects or bytes"
    return None


def _identifies(column: "Column") -> str | None:
    values = len(column.words)
    if values >= IDENTIFIER_ROWS and values == int(column.present.sum()):
        return "holds another word in each row, as a name or number of the row would"
    return None


def _kind(column: "Column") -> str:
    return kinds.NUMBER if column.kind == "integer" else column.kind


def _labels(target: "Column", present: Any) -> Labels:  # noqa: ANN401 - an array of truth values
    import numpy as np

    values = target.values if present is None else target.values[present]
    different, numbers = np.unique(values, return_inverse=True)
    if target.kind == kinds.CATEGORY:
        classes: tuple[Label, ...] = tuple(target.words[code] for code in different.tolist())
    else:
        classes = tuple(map(bool if target.kind == kinds.BOOLEAN else int, different.tolist()))
    return Labels(classes, numbers)


def _matrix(columns: "Sequence[Column]", present: Any) -> Rows:  # noqa: ANN401 - an array of truth values
    import numpy as np

    places = None if present is None else np.flatnonzero(present)
    rows = len(columns[0].values if places is None else places)
    X = np.empty((rows, len(columns)))
    step = max(1, _TRANSPOSED // len(columns))
    for begin in range(0, rows, step):
        block = slice(begin, begin + step)
        some = block if places is None else places[block]
        X[block] = np.array([_floats(column.values[some]) for column in columns]).T
    return Rows(memoryview(X).cast("B"), len(columns), "$.data")


def _floats(values: Any) -> Any:  # noqa: ANN401 - arrays
    """Numbers as they are, places of words as numbers, NaN where one is missing."""
    import numpy as np

    return values if values.dtype.kind == "f" else np.where(values < 0, np.nan, values)
