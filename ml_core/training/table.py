"""The rows that a referenced table becomes once it is read."""

from typing import TYPE_CHECKING, Any

from ml_core.errors import Fault, InvalidInput, quoted, raise_faults, shown
from ml_core.inputs import columns as kinds
from ml_core.inputs.columns import Feature
from ml_core.inputs.labels import Labels
from ml_core.inputs.rows import Rows
from ml_core.tables import reading
from ml_core.tables.columns import first_infinite
from ml_core.tables.options import MISSING_WORDS
from ml_core.tables.suitability import objection, unusable
from ml_core.training.rows import TrainingRows
from ml_core.training.split import AT_RANDOM, Split, column_of
from ml_core.training.splitting import TableSplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.inputs.labels import Label
    from ml_core.tables.columns import Column, Dataset
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

# Columns become rows in blocks of so many numbers, which stay in the processor's cache.
_TRANSPOSED = 1 << 16
_MOST_NAMED = 5


def read_rows(
    data: "TableReference", path: str, budget: "Budget", split: Split = AT_RANDOM, *, held_out: bool = True
) -> TrainingRows:
    """The rows of the table at `path`, some of which are to be `held_out`.

    Rows without a target are left out, and those without a value in the column of the split. Raises
    `InvalidInput` for what does not fit the table, `MalformedInput` for a file that is none, `TooLarge` for
    one past the budget.
    """
    wanted = None
    if data.features is not None:
        wanted = {*data.features, *filter(None, [data.target, column_of(split)])}
    options = data.options.reading(column_of(split))
    dataset = reading.read(path, declared=data.format, names=wanted, budget=budget, options=options)
    target = _target(dataset, data.target)
    by = TableSplit.of(dataset, split, _names(dataset)) if column_of(split) else None
    columns, warnings = _feature_columns(dataset, data, column_of(split))
    _check_finite(columns)
    present = None if target is None else target.present
    if target is not None and present is not None and not present.any():
        raise InvalidInput.at("$.data.target", f"no row has a value in column {shown(target.name)}")
    if target is not None and present is not None and not present.all():
        warnings.append(_without_target(target, int((~present).sum())))
    else:
        present = None
    if by is not None:
        present, told = by.rows_kept(present, held_out=held_out)
        warnings += told
    flags = sum(column.kind != kinds.CATEGORY and not column.present.all() for column in columns)
    budget.check(dataset.rows, len(columns), len(columns) + flags)
    labels = None if target is None else _labels(target, present)
    described = tuple(Feature(column.name, _kind(column), column.words, column.rule) for column in columns)
    names = tuple(column.name for column in columns)
    said = (*dataset.warnings, *warnings)
    ranks = by.ranks(present) if by is not None and held_out else None
    return TrainingRows(_matrix(columns, present), names, labels, described, said, ranks)


def _target(dataset: "Dataset", name: str | None) -> "Column | None":
    if name is None:
        return None
    column = dataset.column(name)
    if column is None:
        raise InvalidInput.at(
            "$.data.target", f"the table has no column {shown(name)}; it has {_names(dataset)}"
        )
    if column.kind not in (kinds.CATEGORY, kinds.BOOLEAN, "integer"):
        raise InvalidInput.at("$.data.target", _no_labels(column))
    return column


def _no_labels(column: "Column") -> str:
    """Why a column holds no labels, and what to do."""
    labels = "expected words, truth values or whole numbers to tell classes apart"
    example = ""
    if column.kind == "number":
        values = column.values[column.present]
        example = f", such as {float(values[0])!r}" if len(values) else ""
        return (
            f"{labels}, got numbers with a fraction{example}: column {shown(column.name)} looks like a "
            "quantity. Put it into classes first; an algorithm that predicts quantities is not offered"
        )
    return f"{labels}; column {shown(column.name)} is of type {column.kind}"


def _without_target(target: "Column", rows: int) -> str:
    """What is to be said of rows without a target, and of the words that were taken for none."""
    words = [word for word in target.missing_words if word]
    if not words:
        return f"{rows} rows have no target and are left out"
    named = ", ".join(
        f"{shown(word)} ({target.missing_words[word]} rows)" for word in sorted(words)[:_MOST_NAMED]
    )
    # Among numbers and truth values the usual signs stand for a missing value whatever `missing` says.
    options = [f'"types": {{{quoted(target.name)}: "category"}}'] if target.kind != kinds.CATEGORY else []
    if not options or not set(words).isdisjoint(MISSING_WORDS):
        options.append('"missing": [""]')
    return (
        f"{rows} rows have no target and are left out: column '{target.name}' holds {named}, which stand for "
        f"a missing value; {' with '.join(options)} makes them classes"
    )


def _check_finite(columns: "Sequence[Column]") -> None:
    """Raise `InvalidInput` for infinity, which no model takes."""
    advice = '"missing": ["inf", "-inf"] makes it a gap, and "exclude" leaves the column out'
    raise_faults(
        Fault("$.data", f"column '{column.name}' holds infinity (row {row}), which no model takes; {advice}")
        for column in columns
        if (row := first_infinite(column))
    )


def _names(dataset: "Dataset") -> str:
    names = [column.name for column in dataset.columns]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(map(shown, names[:20])) + more


def _feature_columns(
    dataset: "Dataset", data: "TableReference", held_out_by: str | None
) -> "tuple[list[Column], list[str]]":
    """The columns to train on, and what is to be said of those that are left out."""
    if data.features is not None:
        return _named_columns(dataset, data.features), []
    columns, warnings = [], []
    for column in dataset.columns:
        if column.name in (data.target, held_out_by):
            continue
        against = objection(column)
        if against and against.left_out:
            warnings.append(f"column '{column.name}' is left out: it {against.reason}")
            continue
        if against:
            warnings.append(f"column '{column.name}' {against.reason}")
        columns.append(column)
    if not columns:
        told = 'no column is left to train on; "features" in data can name some of them'
        raise InvalidInput.at("$.data.features", "; ".join([told, *warnings]))
    return columns, warnings


def _named_columns(dataset: "Dataset", names: "Sequence[str]") -> "list[Column]":
    by_name = {column.name: column for column in dataset.columns}
    columns, faults = [], []
    for index, name in enumerate(names):
        column = by_name.get(name)
        wrong = "the table has no such column" if column is None else unusable(column)
        if wrong or column is None:
            faults.append(Fault(f"$.data.features[{index}]", f"{shown(name)}: {wrong}"))
        else:
            columns.append(column)
    if faults:
        raise InvalidInput(faults)
    return columns


def _kind(column: "Column") -> str:
    return kinds.NUMBER if column.kind == "integer" else column.kind


def _labels(target: "Column", present: Any) -> Labels:  # noqa: ANN401 - an array of truth values
    import numpy as np

    values = target.values if present is None else target.values[present]
    different, numbers = np.unique(values, return_inverse=True)
    if target.kind == kinds.CATEGORY and target.integers:
        return _integer_labels([int(target.words[code]) for code in different.tolist()], numbers)
    if target.kind == kinds.CATEGORY:
        classes: tuple[Label, ...] = tuple(target.words[code] for code in different.tolist())
    else:
        classes = tuple(map(bool if target.kind == kinds.BOOLEAN else int, different.tolist()))
    return Labels(classes, numbers)


def _integer_labels(labels: list[int], numbers: Any) -> Labels:  # noqa: ANN401 - an array of integers
    """Labels that are whole numbers, in their order and not in that of their words."""
    import numpy as np

    order = sorted(range(len(labels)), key=labels.__getitem__)
    places = np.empty(len(labels), np.int64)
    places[order] = np.arange(len(labels))
    return Labels(tuple(labels[place] for place in order), places[numbers])


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
