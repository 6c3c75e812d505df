"""The one door to every format: a file becomes a dataset, or is refused with the reason."""

import os
from collections.abc import Callable, Collection

from ml_core.errors import InvalidInput, MalformedInput, TooLarge
from ml_core.tables import sniffing
from ml_core.tables.columns import Dataset
from ml_core.tables.memory import NO_BUDGET, Budget

MOST_COLUMNS = 10_000


def read(
    path: str,
    *,
    declared: str | None = None,
    names: Collection[str] | None = None,
    most_rows: int | None = None,
    budget: Budget = NO_BUDGET,
) -> Dataset:
    """The table in a file, read by its content whatever it is called.

    `declared` is the format that somebody said it has; `names` are the columns that are wanted (None: all);
    `most_rows` ends the reading early, after a whole batch. Raises `MalformedInput` for a file that is no
    table, `InvalidInput` for another format than declared, and `TooLarge` for a table past the budget, before
    it is loaded.
    """
    try:
        return _read(path, declared, names, most_rows, budget)
    except BaseException as error:
        # The engine panics at some broken files; a panic derives from BaseException alone.
        if type(error).__name__ == "PanicException":
            raise MalformedInput("the file is broken: the reader gave up on it") from None
        raise


def _read(
    path: str, declared: str | None, names: Collection[str] | None, most_rows: int | None, budget: Budget
) -> Dataset:
    with open(path, "rb") as file:
        head = file.read(sniffing.SAMPLE_BYTES)
    found = sniffing.format_of(head, declared=declared)
    check = _checked(budget, most_rows)

    def wanted(name: str) -> bool:
        return names is None or name in names

    if found == sniffing.NPY:
        from ml_core.tables import npy

        return npy.read(path, wanted=wanted, most_rows=most_rows, check=check)
    if found == sniffing.PARQUET:
        from ml_core.tables import parquet

        return parquet.read(path, wanted=wanted, most_rows=most_rows, check=check)
    check(_lines(head, os.path.getsize(path)), _width(head, found, wanted, path))
    if found == sniffing.JSON_LINES:
        from ml_core.tables import json_lines

        return json_lines.read(path, wanted=wanted, most_rows=most_rows)
    from ml_core.tables import delimited

    return delimited.read(path, wanted=wanted, most_rows=most_rows)


def _checked(budget: Budget, most_rows: int | None) -> Callable[[int, int], None]:
    """What a reader calls with the rows and the wanted columns of a file before it loads them."""

    def check(rows: int, columns: int) -> None:
        if columns > MOST_COLUMNS:
            raise TooLarge(f"the table has {columns} columns; at most {MOST_COLUMNS} are taken")
        if not columns:
            raise InvalidInput.at("$.data.features", "the table has none of these columns")
        budget.check(rows if most_rows is None else min(rows, most_rows), columns)

    return check


def _lines(head: bytes, size: int) -> int:
    """About how many lines a text file has."""
    return max(1, head.count(b"\n") or head.count(b"\r")) * size // len(head)


def _width(head: bytes, found: str, wanted: Callable[[str], bool], path: str) -> int:
    """How many columns of a text file are wanted, as far as its first line says."""
    if found == sniffing.JSON_LINES:
        return max(1, head.split(b"\n", 1)[0].count(b'":'))
    dialect = sniffing.dialect_of(head, whole=len(head) == os.path.getsize(path))
    return dialect.width if dialect.names is None else sum(map(wanted, dialect.names))
