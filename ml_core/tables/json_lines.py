"""JSON lines: an object on each line, whose members are the columns."""

import json
import os
from collections.abc import Iterator
from itertools import islice
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import Array

from ml_core.errors import MalformedInput
from ml_core.tables import arrow
from ml_core.tables.batches import check_width
from ml_core.tables.columns import BOOLEAN, OTHER, Column, Dataset, number_column
from ml_core.tables.readers import JSON_LINES, ReadRequest
from ml_core.tables.text import SAMPLE_BYTES, encoding_of, estimated_lines
from ml_core.tables.words import word_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What Python makes of a line is several times as long.
_BATCH_BYTES, _BATCH_ROWS = 1 << 23, 1 << 14
_NUMBERS, _TRUTHS, _WORDS, _NESTED = {int, float}, {bool}, {str}, {dict, list}


def read(path: str, request: ReadRequest) -> Dataset:
    """The table in a file of JSON lines; a member that a line lacks is missing.

    Raises `MalformedInput`, and what the request's `check` raises.
    """
    with open(path, "rb") as file:
        head = file.read(SAMPLE_BYTES)
    encoding, lines = encoding_of(head), estimated_lines(head, os.path.getsize(path))
    columns: dict[str, _Members] = {}
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
        columns |= {name: _Members(name, rows) for name in added}
        for name, column in columns.items():
            column.add([row.get(name) for row in batch])
        rows += len(batch)
    if not rows:
        raise MalformedInput("the file has no rows")
    complete = request.most_rows is None or rows < request.most_rows
    warnings = tuple(warning for column in columns.values() for warning in column.warnings())
    made = tuple(columns.pop(name).column() for name in list(columns))  # each leaves its batches behind
    return Dataset(made, rows, JSON_LINES, warnings, complete)


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
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedInput(f"line {number} is not JSON: {str(error)[:100]}") from None
    if not isinstance(row, dict):
        raise MalformedInput(f"line {number} is no JSON object")
    return row


def _no_constant(name: str) -> float | None:
    """NaN is not JSON, and every writer means a missing value by it; infinity is left to be refused."""
    return None if name == "NaN" else float(name)


class _Members:
    """The values of one member, batch by batch, and what kinds of them there were."""

    def __init__(self, name: str, missing: int) -> None:
        self.name = name
        self._kinds: set[type] = set()
        self._batches: list[list[Any] | NDArray[Any]] = [np.full(missing, np.nan)] if missing else []

    def add(self, values: list[Any]) -> None:
        kinds = set(map(type, values)) - {type(None)}
        self._kinds |= kinds
        # Numbers are kept as numbers, the rest as it came until all kinds are known.
        self._batches.append(_floats(values) if kinds <= _NUMBERS and not self._mixed else values)

    @property
    def _mixed(self) -> bool:
        return not self._kinds <= _NUMBERS

    def warnings(self) -> list[str]:
        """What is to be said of the column."""
        if len(self._kinds) <= 1 or self._kinds <= _NUMBERS or self._kinds & _NESTED:
            return []
        kinds = " and ".join(sorted(_SPOKEN[kind] for kind in self._kinds))
        return [f"column '{self.name}' mixes {kinds}; it was read as words"]

    def column(self) -> Column:
        if self._kinds <= _NUMBERS:
            return number_column(self.name, np.concatenate([np.empty(0), *map(np.asarray, self._batches)]))
        values = [value for batch in self._batches for value in _listed(batch)]
        if self._kinds & _NESTED:
            return Column(
                self.name, OTHER, np.array([0 if value is not None else -1 for value in values], np.int32)
            )
        if self._kinds == _TRUTHS:
            return Column(self.name, BOOLEAN, np.array([np.nan if v is None else float(v) for v in values]))
        return _word_column(self.name, values)


_SPOKEN = {
    int: "integers",
    float: "numbers",
    bool: "truth values",
    str: "words",
    dict: "objects",
    list: "lists",
}


def _floats(values: list[Any]) -> "NDArray[np.float64]":
    try:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    except OverflowError:
        raise MalformedInput("a number is too large for double precision") from None


def _listed(batch: "list[Any] | NDArray[Any]") -> list[Any]:
    if isinstance(batch, list):
        return batch
    return [None if isnan(value) else int(value) if value.is_integer() else value for value in batch.tolist()]


def _word_column(name: str, values: list[Any]) -> Column:
    words = [value if value is None or isinstance(value, str) else _spelled(value) for value in values]
    batches = (words[begin : begin + _BATCH_ROWS] for begin in range(0, len(words), _BATCH_ROWS))
    try:
        arrays = [Array(batch, arrow.STRING) for batch in batches]
    except UnicodeEncodeError:
        raise MalformedInput(f"column '{name}' holds half of a surrogate pair: expected text") from None
    return word_column(name, arrays, numeric=False).column()


def _spelled(value: object) -> str:
    return json.dumps(value)
