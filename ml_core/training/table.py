"""The rows that a referenced table becomes once it is read."""

from typing import TYPE_CHECKING, Any, Protocol

from ml_core.errors import Fault, InvalidInput, raise_faults, shown
from ml_core.inputs import columns as kinds
from ml_core.inputs.columns import Feature
from ml_core.inputs.rows import Rows
from ml_core.tables import reading
from ml_core.tables.columns import first_infinite
from ml_core.tables.suitability import SeenColumn, objection, unusable
from ml_core.training.labelling import Labelling
from ml_core.training.rows import TrainingRows
from ml_core.training.split import AT_RANDOM, Split, column_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ml_core.inputs.rules import ValueRule
    from ml_core.tables.columns import Column
    from ml_core.tables.memory import Budget
    from ml_core.tables.suitability import Objection
    from ml_core.training.content_hash import ContentHash
    from ml_core.training.reference import TableReference

# Columns become rows in blocks of so many numbers, which stay in the processor's cache.
_TRANSPOSED = 1 << 16


class ReadColumn(SeenColumn, Protocol):
    """A column of which it is known how its values are read."""

    @property
    def rule(self) -> "ValueRule":
        """How they are."""


def read_rows(
    data: "TableReference",
    path: str,
    budget: "Budget",
    split: Split = AT_RANDOM,
    *,
    held_out: bool = True,
    hashed: "ContentHash | None" = None,
) -> TrainingRows:
    """The rows of the table at `path`, some of which are to be `held_out`, by `hashed` if it is there.

    Rows without a target are left out, and those without a value in the column of the split. Raises
    `InvalidInput` for what does not fit the table, `MalformedInput` for a file that is none, `TooLarge` for
    one past the budget.
    """
    wanted = None
    if data.features is not None:
        wanted = {*data.features, *filter(None, [data.target, column_of(split)])}
    options = data.options.reading(column_of(split))
    dataset = reading.read(path, declared=data.format, names=wanted, budget=budget, options=options)
    labelling = Labelling.of(dataset, data.target, split)
    columns, warnings = feature_columns(dataset.columns, data, column_of(split), objection)
    check_finite((column.name, first_infinite(column)) for column in columns)
    present, told = labelling.rows_kept(held_out=held_out)
    warnings += told
    flags = sum(column.kind != kinds.CATEGORY and not column.present.all() for column in columns)
    budget.check(dataset.rows, len(columns), len(columns) + flags)
    described = tuple(feature_of(column) for column in columns)
    names = tuple(column.name for column in columns)
    said = (*dataset.warnings, *warnings)
    ranks = labelling.ranks(present, held_out=held_out)
    test = None
    if hashed is not None:
        test = _hashed_out(hashed, columns if labelling.by is None else [labelling.by.column], present)
    labels = labelling.labels(present)
    return TrainingRows(_matrix(columns, present), names, labels, described, said, ranks, test)


def _hashed_out(hashed: "ContentHash", columns: "Sequence[Column]", present: Any) -> bytes:  # noqa: ANN401
    """Whether the hash of each present row's values holds it out."""
    from ml_core.training.content_hash import HashedColumn

    values = [_floats(column.values if present is None else column.values[present]) for column in columns]
    test = hashed.held_out([HashedColumn(each.name, each.kind, each.words) for each in columns], values)
    return test.astype("u1").tobytes()


def check_finite(first: "Iterable[tuple[str, int | None]]") -> None:
    """Raise `InvalidInput` for infinity, which no model takes: columns and the first row that holds it."""
    advice = '"missing": ["inf", "-inf"] makes it a gap, and "exclude" leaves the column out'
    raise_faults(
        Fault("$.data", f"column '{name}' holds infinity (row {row}), which no model takes; {advice}")
        for name, row in first
        if row
    )


def feature_columns[C: SeenColumn](
    there: "Sequence[C]",
    data: "TableReference",
    held_out_by: str | None,
    against: "Callable[[C], Objection | None]",
) -> "tuple[list[C], list[str]]":
    """The columns to train on, and what is to be said of those that are left out.

    `against` is what speaks against a column. Raises `InvalidInput` for those that were named and are not
    there or no feature, and where none is left.
    """
    if data.features is not None:
        return _named_columns(there, data.features), []
    columns, warnings = [], []
    for column in there:
        if column.name in (data.target, held_out_by):
            continue
        reason = against(column)
        if reason and reason.left_out:
            warnings.append(f"column '{column.name}' is left out: it {reason.reason}")
            continue
        if reason:
            warnings.append(f"column '{column.name}' {reason.reason}")
        columns.append(column)
    if not columns:
        told = 'no column is left to train on; "features" in data can name some of them'
        raise InvalidInput.at("$.data.features", "; ".join([told, *warnings]))
    return columns, warnings


def _named_columns[C: SeenColumn](there: "Sequence[C]", names: "Sequence[str]") -> "list[C]":
    by_name = {column.name: column for column in there}
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


def feature_of(column: "ReadColumn") -> Feature:
    """A column as a model takes it."""
    kind = kinds.NUMBER if column.kind == "integer" else column.kind
    return Feature(column.name, kind, tuple(column.words), column.rule)


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
