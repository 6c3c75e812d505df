"""JSON lines: an object on each line, whose members are the columns."""

import json
import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import Array

from ml_core.errors import InvalidInput, MalformedInput, shown
from ml_core.inputs.rules import EXACT, is_inexact, spelled
from ml_core.tables import arrow
from ml_core.tables.batches import check_width
from ml_core.tables.columns import (
    BOOLEAN,
    LISTS,
    NUMBER,
    OTHER,
    Column,
    Dataset,
    list_column,
    number_column,
    text_column,
)
from ml_core.tables.dialects import said_encoding
from ml_core.tables.options import NO_TEXT, ColumnOptions, ReadOptions, is_text
from ml_core.tables.readers import JSON_LINES, ReadRequest
from ml_core.tables.text import SAMPLE_BYTES, encoding_of, estimated_lines
from ml_core.tables.typed import as_said, integer_column, typed_rule
from ml_core.tables.words import word_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.tables.keys import KeyCells

# What Python makes of a line is several times as long.
_BATCH_BYTES, _BATCH_ROWS = 1 << 23, 1 << 14
_NUMBERS, _TRUTHS, _WORDS, _NESTED = {int, float}, {bool}, {str}, {dict, list}


def read(path: str, request: ReadRequest) -> Dataset:
    """The table in a file of JSON lines; a member that a line lacks is missing.

    Raises `MalformedInput`, and what the request's `check` raises.
    """
    with open(path, "rb") as file:
        head = file.read(SAMPLE_BYTES)
    encoding = said_encoding(request.options, head) or encoding_of(head)
    lines = estimated_lines(head, os.path.getsize(path))
    columns: dict[str, _Members | _TextMembers | _ListMembers] = {}
    names: dict[str, None] = {}
    rows = 0
    for batch in _batches(path, encoding, request.most_rows):
        new = [name for row in batch for name in row if name not in names]
        names.update(dict.fromkeys(new))
        check_width(len(names))
        added = [name for name in dict.fromkeys(new) if request.wanted(name)]
        if added or not rows:
            # Each column takes memory for all rows, also for those that have been read: checked before.
            request.check(lines, len(columns) + len(added))
        for name in added:
            columns[name] = _column_of(name, rows, request)
        whole = all(len(row) == len(names) for row in batch)
        for name, column in columns.items():
            column.add([row.get(name) for row in batch])
            column.optional = column.optional or not (whole or all(name in row for row in batch))
        rows += len(batch)
    if not rows:
        raise MalformedInput("the file has no rows")
    request.check_names(list(names))
    complete = request.most_rows is None or rows < request.most_rows
    made, warnings = [], []
    for name in list(columns):
        column = columns.pop(name)  # each leaves its batches behind
        made.append(column.column())
        warnings += column.warnings
    return Dataset(tuple(made), rows, JSON_LINES, tuple(warnings), complete)


def _batches(path: str, encoding: str, most_rows: int | None) -> Iterator[list[dict[str, Any]]]:
    with open(path, encoding=encoding, newline="\n") as file:
        numbered = islice(enumerate(file, start=1), most_rows)
        try:
            while batch := _batch(numbered):
                yield batch
        except UnicodeDecodeError as error:
            raise MalformedInput(f"the file is not {encoding}: byte {error.object[error.start]:#x}") from None


def _batch(numbered: Iterator[tuple[int, str]]) -> list[dict[str, Any]]:
    """The next rows, bound by their number and by how long their lines are together."""
    batch: list[dict[str, Any]] = []
    taken = 0
    for number, line in numbered:
        if not line.strip():
            continue
        batch.append(_row(line, number))
        taken += len(line)
        if taken > _BATCH_BYTES or len(batch) >= _BATCH_ROWS:
            break
    return batch


def _row(line: str, number: int) -> dict[str, Any]:
    row = parsed(line)
    if isinstance(row, str):
        raise MalformedInput(f"line {number} {row}")
    return row


def parsed(line: str) -> dict[str, Any] | str:
    """The row that a line holds, or why it holds none."""
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {str(error)[:100]}"
    return row if isinstance(row, dict) else "is no JSON object"


def _no_constant(name: str) -> float | None:
    """NaN is not JSON, and every writer means a missing value by it; infinity is left to be refused."""
    return None if name == "NaN" else float(name)


class _Members:
    """The values of one member, batch by batch, and what kinds of them there were."""

    def __init__(
        self, name: str, missing: int, options: ColumnOptions, keys: "KeyCells | None" = None
    ) -> None:
        self.name = name
        self.optional = missing > 0
        self.warnings: list[str] = []
        self._options = options
        self._keys = keys
        self._kinds: set[type] = set()
        self._batches: list[list[Any] | NDArray[Any]] = [np.full(missing, np.nan)] if missing else []

    def add(self, values: list[Any]) -> None:
        self._kinds |= kinds_of(values)
        # Numbers are kept as numbers, the rest as it came until all kinds are known.
        self._batches.append(_numbers(values) if self._kinds <= _NUMBERS else values)

    def column(self) -> Column:
        column = as_said(self.as_they_are(), self._options)
        return column._replace(rule=column.rule._replace(optional=True)) if self.optional else column

    def as_they_are(self) -> Column:
        """The column, whatever it is said to be."""
        rule = typed_rule(self._options)
        if self._kinds <= _NUMBERS:
            return self._number_column()
        values = [value for batch in self._batches for value in _listed(batch)]
        self._batches.clear()
        if self._kinds & _NESTED:
            present = np.array([0 if value is not None else -1 for value in values], np.int32)
            return Column(self.name, LISTS if self._are_steps(values) else OTHER, present)
        if self._kinds == _TRUTHS:
            truths = np.array([np.nan if value is None else float(value) for value in values])
            return Column(self.name, BOOLEAN, truths, (), rule)
        return self._word_column(values)

    def _are_steps(self, values: list[Any]) -> bool:
        """Whether the values are lists, and what they begin with says that they are steps of numbers."""
        firsts = [value[0] for value in values if value] if self._kinds == {list} else []
        inner = chain.from_iterable(
            each.values() if isinstance(each, dict) else each if isinstance(each, list) else (each,)
            for each in firsts
        )
        return bool(firsts) and set(map(type, inner)) <= {int, float, type(None)}

    def _number_column(self) -> Column:
        arrays = [_numbers(_listed(batch)) if isinstance(batch, list) else batch for batch in self._batches]
        self._batches.clear()
        if any(array.dtype == object for array in arrays):
            return self._of_large_integers([value for array in arrays for value in array.tolist()])
        return number_column(self.name, np.concatenate([np.empty(0), *arrays]), typed_rule(self._options))

    def _of_large_integers(self, values: list[Any]) -> Column:
        """Numbers of which some are integers that float64 does not hold: categories, if all are integers."""
        present = np.array([value is not None for value in values])
        known = [value for value in values if value is not None]
        if self._options.kind == NUMBER or not all(type(value) is int for value in known):
            try:
                floats = [np.nan if value is None else float(value) for value in values]
            except OverflowError:
                raise MalformedInput(
                    f"column '{self.name}' holds a number too large for double precision"
                ) from None
            return number_column(self.name, np.array(floats), typed_rule(self._options))
        whole = np.array([0 if value is None else value for value in values], object)
        return integer_column(self.name, whole, None if present.all() else present, self._options)

    def _word_column(self, values: list[Any]) -> Column:
        mixed = len(self._kinds) > 1 and not self._kinds <= _NUMBERS
        if mixed and self._options.kind is None:
            self.warnings.append(mixing(self.name, self._kinds))
        words = [value if value is None or isinstance(value, str) else spelled(value) for value in values]
        batches = (words[begin : begin + _BATCH_ROWS] for begin in range(0, len(words), _BATCH_ROWS))
        try:
            arrays = [Array(batch, arrow.STRING) for batch in batches]
        except UnicodeEncodeError:
            raise MalformedInput(
                f"column '{self.name}' holds half of a surrogate pair: expected text"
            ) from None
        if self._keys is not None:
            for array in arrays:
                self._keys.add(*arrow.coded(array))
            return self._keys.column()
        read = word_column(self.name, arrays, self._options)
        column = read.column()
        self.warnings += read.warnings
        return column._replace(rule=column.rule._replace(spelled=True)) if mixed else column


def kinds_of(values: list[Any]) -> set[type]:
    """The types of the values that are there."""
    return set(map(type, values)) - {type(None)}


def members_of(name: str, values: list[Any], options: ReadOptions) -> Column:
    """The column of some values, none of which is a word."""
    members = _Members(name, 0, ColumnOptions.of(options, name, text=False))
    members.add(values)
    return members.as_they_are()


def _column_of(name: str, missing: int, request: ReadRequest) -> "_Members | _TextMembers | _ListMembers":
    """An empty column that the first rows, so many of them, lacked."""
    if name in request.texts:
        return _TextMembers(name, missing, request)
    if name in request.lists:
        return _ListMembers(name, missing, request)
    options = ColumnOptions.of(request.options, name, text=False)
    return _Members(name, missing, options, request.key_cells(name))


class _TextMembers:
    """A member that is a text, as it is written."""

    def __init__(self, name: str, missing: int, request: ReadRequest) -> None:
        self.name = name
        self.optional = False
        self.warnings: list[str] = []
        self._cells = request.text_cells(name)
        self._cells.add([None] * missing)
        self._rows = missing

    def add(self, values: list[Any]) -> None:
        for row, value in enumerate(values, self._rows + 1):
            if value is not None and not isinstance(value, str):
                raise InvalidInput.at(
                    "$.data.text",
                    f"column {shown(self.name)}: expected a text or null in each row, got {shown(value)} "
                    f"in row {row}: write it as a text",
                )
            if value is not None and not is_text(value):
                raise MalformedInput(f"column '{self.name}' holds {NO_TEXT} in row {row}: expected text")
        self._cells.add(values)
        self._rows += len(values)

    def column(self) -> Column:
        return text_column(self.name, self._cells.take(), self._cells.missing_words)


class _ListMembers:
    """A member that is a list of steps."""

    def __init__(self, name: str, missing: int, request: ReadRequest) -> None:
        self.name = name
        self.optional = False
        self.warnings: list[str] = []
        self._cells = request.list_cells(name)
        self._cells.add_values([None] * missing)

    def add(self, values: list[Any]) -> None:
        self._cells.add_values(values)

    def column(self) -> Column:
        return list_column(self.name, self._cells.take())


_SPOKEN = {
    int: "integers",
    float: "numbers",
    bool: "truth values",
    str: "words",
    dict: "objects",
    list: "lists",
}


def mixing(name: str, kinds: Iterable[type]) -> str:
    """What is said of a column of several kinds of values."""
    spoken = " and ".join(sorted(_SPOKEN[kind] for kind in kinds))
    return f"column '{name}' mixes {spoken}; it was read as words"


def _numbers(values: list[Any]) -> "NDArray[Any]":
    """Numbers as float64 with NaN for None; as they are where float64 does not hold an integer of them."""
    try:
        floats = np.array([np.nan if value is None else value for value in values], np.float64)
        large = np.flatnonzero(np.abs(floats) >= EXACT)
        if not any(type(value) is int and is_inexact(value) for value in map(values.__getitem__, large)):
            return floats
    except OverflowError:
        pass
    exact = np.empty(len(values), object)
    exact[:] = values
    return exact


def _listed(batch: "list[Any] | NDArray[Any]") -> list[Any]:
    if isinstance(batch, list) or batch.dtype == object:
        return list(batch)
    return [None if isnan(value) else value for value in batch.tolist()]
