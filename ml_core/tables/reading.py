"""The one door to every format: a file becomes a dataset, or is refused with the reason."""

from collections.abc import Callable, Collection

from ml_core.errors import Fault, InvalidInput, MalformedInput, TooLarge, raise_faults, shown
from ml_core.tables import sniffing
from ml_core.tables.columns import Column, Dataset
from ml_core.tables.memory import NO_BUDGET, Budget
from ml_core.tables.options import NOTHING_SAID, ReadOptions
from ml_core.tables.readers import CSV, JSON_LINES, ReadRequest
from ml_core.tables.text import SAMPLE_BYTES

MOST_COLUMNS = 10_000
_MOST_NAMED = 5
# What only some formats leave open.
_OPTIONS_OF = {"delimiter": (CSV,), "header": (CSV,), "encoding": (CSV, JSON_LINES)}


def read(
    path: str,
    *,
    declared: str | None = None,
    names: Collection[str] | None = None,
    most_rows: int | None = None,
    budget: Budget = NO_BUDGET,
    options: ReadOptions = NOTHING_SAID,
    texts: Collection[str] = (),
    lists: Collection[str] = (),
    keys: Collection[str] = (),
) -> Dataset:
    """The table in a file, read by its content whatever it is called; rows with nothing in them are left out.

    `declared` is the format that somebody said it has; `names` are the columns that are wanted (None: all);
    `most_rows` ends the reading early, after a whole batch; `options` say what is not guessed. Columns of
    `texts` are read exactly as they are written, those of `lists` as lists of numbers. Words of `keys` tell
    rows apart: none is read as a number or a missing value. Raises `MalformedInput` for a file that is no
    table, `InvalidInput` for another format than declared and for options that do not fit, and `TooLarge` for
    a table past the budget, before it is loaded.
    """
    with open(path, "rb") as file:
        reader = sniffing.reader_of(file.read(SAMPLE_BYTES), declared=declared)
    check_options(options, reader.name)
    chosen = None if names is None else frozenset(names)
    left_out = options.left_out()

    def wanted(name: str) -> bool:
        return name not in left_out and (chosen is None or name in chosen)

    check = column_check(budget, most_rows, chosen, options)
    dataset = reader.read(
        path, ReadRequest(wanted, most_rows, check, options, texts, lists, budget.check_bytes, keys)
    )
    for column in dataset.columns:
        _check_column(column, dataset.rows)
    return _without_empty_rows(dataset)


def _without_empty_rows(dataset: Dataset) -> Dataset:
    """The table without rows that have a value in no column, such as those of a sheet that goes on."""
    empty = None
    for column in dataset.columns:
        empty = ~column.present if empty is None else empty & ~column.present
        if not empty.any():
            return dataset
    if empty is None or empty.all():
        return dataset
    kept = ~empty
    columns = tuple(column.taken(kept) for column in dataset.columns)
    warning = f"{int(empty.sum())} rows have no value in any column and are left out"
    return dataset._replace(columns=columns, rows=int(kept.sum()), warnings=(*dataset.warnings, warning))


def _check_column(column: Column, rows: int) -> None:
    """Refuse a name that is no text; a column that is not whole is a fault of ours."""
    try:
        column.name.encode()
    except UnicodeEncodeError:
        raise MalformedInput(f"the column {column.name!r} is named by half of a surrogate pair") from None
    if len(column.values) != rows:
        raise AssertionError(f"a column of {rows} rows has {len(column.values)} values")


def check_options(options: ReadOptions, format: str) -> None:  # noqa: A002
    """Raise `InvalidInput` for options that a file of this format leaves no room for."""
    said = options.said()
    raise_faults(
        Fault(f"$.data.{name}", f"expected a file of {' or '.join(formats)}, got {format}; leave this out")
        for name, formats in _OPTIONS_OF.items()
        if name in said and format not in formats
    )


def column_check(
    budget: Budget, most_rows: int | None, chosen: Collection[str] | None, options: ReadOptions
) -> Callable[[int, int], None]:
    """What a reader calls with the rows and the wanted columns of a file before it takes memory for them."""

    def check(rows: int, columns: int) -> None:
        if columns > MOST_COLUMNS:
            raise TooLarge(f"the table has {columns} columns; at most {MOST_COLUMNS} are taken")
        if not columns and chosen is None and (options.exclude or options.types):
            raise InvalidInput.at("$.data", '"exclude" and "types" leave out every column')
        if not columns and chosen is None:
            raise MalformedInput("expected a table with a column at least, got one without any")
        if not columns:
            some = sorted(chosen or ())
            named = ", ".join(map(shown, some[:_MOST_NAMED]))
            more = f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
            raise InvalidInput.at("$.data", f"the table has none of these columns: {named}{more}")
        budget.check(rows if most_rows is None else min(rows, most_rows), columns)

    return check
