"""Parquet files."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import DataType
from arro3.io import read_parquet

from ml_core.errors import MalformedInput
from ml_core.tables import arrow
from ml_core.tables.batches import check_width, rows_at_once
from ml_core.tables.columns import (
    BOOLEAN,
    DURATION,
    LISTS,
    OTHER,
    Column,
    Dataset,
    date_column,
    different_names,
    list_column,
    number_column,
    text_column,
)
from ml_core.tables.options import ColumnOptions
from ml_core.tables.readers import PARQUET, ReadRequest
from ml_core.tables.thrift import I64, ThriftReader
from ml_core.tables.typed import as_said, integer_column, typed_rule
from ml_core.tables.vocabulary import add_batch
from ml_core.tables.words import WordColumn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from arro3.core import Array, Field, RecordBatch, Schema
    from numpy.typing import NDArray

    from ml_core.tables.keys import KeyCells

_STRINGS = (DataType.is_string, DataType.is_large_string, DataType.is_string_view)
# Rows of the first batch, how many times as many the next has at most, and how many times too many are borne.
_FIRST_ROWS, _GROWTH, _TOO_MANY = 64, 16, 4
_FOOTER_BYTES = 8
_NUMBER_OF_ROWS = 3


def read(path: str, request: ReadRequest) -> Dataset:
    """The table in a Parquet file. Raises `MalformedInput`, and what the request's `check` raises."""
    with _reading():
        schema = read_parquet(path, batch_size=1).schema
    check_width(len(schema.names))
    names, warnings = different_names(schema.names)
    request.check_names(names)
    gathered = [
        gathered_column(schema.field(place), name, place, request)
        for place, name in enumerate(names)
        if request.wanted(name)
    ]
    request.check(row_count(path), len(gathered))
    rows = 0
    for batch in _batches(path):
        for column in gathered:
            column.add(batch.column(column.place))
        rows += batch.num_rows
        if request.most_rows is not None and rows >= request.most_rows:
            break
    if not rows:
        raise MalformedInput("the file has no rows")
    complete = request.most_rows is None or rows < request.most_rows
    gathered.reverse()
    indexes, columns = pandas_indexes(schema), []
    for _ in range(len(gathered)):
        last = gathered.pop()  # each leaves its batches behind
        made = as_said(last.column(), last.options)
        warnings += last.warnings
        columns.append(made._replace(is_index=made.name in indexes))
    return Dataset(tuple(columns), rows, PARQUET, tuple(warnings), complete)


def pandas_indexes(schema: "Schema") -> frozenset[str]:
    """The columns that pandas wrote for a data frame's index, as its metadata names them."""
    try:
        described = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        return frozenset(name for name in described.get("index_columns", ()) if isinstance(name, str))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return frozenset()


def _batches(path: str) -> "Iterator[RecordBatch]":
    """The file in batches bound by bytes.

    No footer tells how long rows are: a word of a dictionary is written once and stands in any number of
    them. So the first batch is small, and none has many times the rows of the one before. Where rows turn out
    to be longer, the file is opened again for fewer of them at once.
    """
    done, at_once, longest, going = 0, _FIRST_ROWS, 0.0, True
    while going:
        going, ahead = False, done
        for batch in _batches_of(path, at_once):
            if ahead >= batch.num_rows:
                ahead -= batch.num_rows
                continue
            yield batch.slice(ahead)
            done += batch.num_rows - ahead
            ahead = 0
            # The longest so far: a file whose rows differ is not opened again and again.
            longest = max(longest, batch.nbytes / batch.num_rows)
            fitting = rows_at_once(longest)
            if at_once > fitting * _TOO_MANY or min(fitting, at_once * _GROWTH) > at_once:
                at_once, going = min(fitting, at_once * _GROWTH), True
                break


def _batches_of(path: str, rows: int) -> "Iterator[RecordBatch]":
    with _reading():
        yield from read_parquet(path, batch_size=rows)


def _reading() -> "AbstractContextManager[None]":
    return arrow.engine("the file cannot be read as Parquet")


class GatheredColumn:
    """A column of one of Arrow's types, as batches of it arrive."""

    def __init__(self, name: str, place: int, options: ColumnOptions) -> None:
        self.name = name
        self.place = place
        self.options = options
        self._batches: list[NDArray[Any]] = []

    @property
    def warnings(self) -> list[str]:
        """What is to be said of the column."""
        return []

    def add(self, array: "Array") -> None:
        """The next batch."""
        add_batch(self._batches, self.values(array))

    def values(self, array: "Array") -> "NDArray[Any]":
        """A batch's values."""
        return arrow.numbers(array)

    def column(self) -> Column:
        """The column as its type has it, whatever it is said to be."""
        return self.typed(np.concatenate(self._batches))

    def typed(self, values: "NDArray[Any]") -> Column:
        """The column of all values."""
        return number_column(self.name, values, typed_rule(self.options))


class _Integers(GatheredColumn):
    """Whole numbers of 64 bits, which float64 may not tell apart."""

    def __init__(self, name: str, place: int, options: ColumnOptions) -> None:
        super().__init__(name, place, options)
        self._present: list[NDArray[Any]] = []

    def add(self, array: "Array") -> None:
        values, present = arrow.integers(array)
        add_batch(self._batches, values)
        add_batch(self._present, np.ones(len(values), bool) if present is None else present)

    def column(self) -> Column:
        present = np.concatenate(self._present)
        values = np.concatenate(self._batches)
        self._batches.clear()
        return integer_column(self.name, values, None if present.all() else present, self.options)


class _Truths(GatheredColumn):
    def typed(self, values: "NDArray[Any]") -> Column:
        return Column(self.name, BOOLEAN, values, (), typed_rule(self.options))


class _DateColumn(GatheredColumn):
    def values(self, array: "Array") -> "NDArray[Any]":
        return arrow.days(array)

    def typed(self, values: "NDArray[Any]") -> Column:
        return date_column(self.name, values, typed_rule(self.options))


class _Others(GatheredColumn):
    """Lists, structs, bytes: nothing that a model takes."""

    kind = OTHER

    def values(self, array: "Array") -> "NDArray[Any]":
        present = arrow.present_in(array)
        return np.zeros(len(array), np.int32) if present is None else present.astype(np.int32) - 1

    def typed(self, values: "NDArray[Any]") -> Column:
        return Column(self.name, self.kind, values)


class _Lists(_Others):
    kind = LISTS


class _Durations(_Others):
    kind = DURATION


class _Words(GatheredColumn):
    """Words, in a file that says that they are words: "1" is no number here, and a date may be one."""

    def __init__(self, name: str, place: int, options: ColumnOptions) -> None:
        super().__init__(name, place, options)
        self._words = WordColumn(name, options)
        self._read: list[Array] = []

    @property
    def warnings(self) -> list[str]:
        return self._words.warnings

    def add(self, array: "Array") -> None:
        strings = arrow.strings(array)
        self._words.add(strings)
        if self._words.may_be_unread:
            self._read.append(strings)
        else:
            self._read.clear()

    def column(self) -> Column:
        while self._words.unread:
            self._words.start_again()
            for array in self._read:
                self._words.add(array)
        self._read.clear()
        return self._words.column()


class _ArrowTexts(GatheredColumn):
    """Words that are texts, as they are written."""

    def __init__(self, name: str, place: int, request: ReadRequest) -> None:
        super().__init__(name, place, ColumnOptions())
        self._cells = request.text_cells(name)

    def add(self, array: "Array") -> None:
        self._cells.add(list(arrow.strings(array).to_pylist()))

    def column(self) -> Column:
        return text_column(self.name, self._cells.take(), self._cells.missing_words)


class _ArrowKeys(GatheredColumn):
    """Words that tell rows apart."""

    def __init__(self, name: str, place: int, cells: "KeyCells") -> None:
        super().__init__(name, place, ColumnOptions())
        self._cells = cells

    def add(self, array: "Array") -> None:
        self._cells.add(*arrow.coded(arrow.strings(array)))

    def column(self) -> Column:
        return self._cells.column()


class _ArrowLists(GatheredColumn):
    """Lists of numbers, of lists of so many numbers, or of structs of numbers."""

    def __init__(self, name: str, place: int, request: ReadRequest) -> None:
        super().__init__(name, place, ColumnOptions())
        self._cells = request.list_cells(name)
        self._rows = 0

    def add(self, array: "Array") -> None:
        steps, lengths = arrow.elements(array)
        if arrow.is_list(steps.type):
            flat, widths = arrow.elements(steps)
            width = int(widths[0]) if len(widths) else 0
            if (widths != width).any() or (len(widths) and not width):
                self._refuse_widths(lengths, widths)
            self._cells.add(arrow.numbers(flat), lengths, width)
        elif arrow.is_one_of(steps.type, (DataType.is_struct,)):
            members = arrow.fields(steps)
            numbers = np.column_stack([arrow.numbers(each) for each in members.values()])
            self._cells.add(numbers.reshape(-1), lengths, len(members), tuple(members))
        else:
            self._cells.add(arrow.numbers(steps), lengths)
        self._rows += len(lengths)

    def _refuse_widths(self, lengths: "NDArray[np.int64]", widths: "NDArray[np.int64]") -> None:
        odd = int(np.flatnonzero((widths != widths[0]) | (widths == 0))[0])
        row = int(np.searchsorted(np.cumsum(lengths), odd, side="right"))
        step = odd - int(lengths[:row].sum())
        self._cells.refuse(self._rows + row, step, f"{widths[odd]} numbers, and {widths[0]} before")

    def column(self) -> Column:
        return list_column(self.name, self._cells.take())


def _are_numbers(kind: DataType) -> bool:
    return arrow.is_one_of(kind, (DataType.is_numeric, DataType.is_decimal, DataType.is_null))


def _are_steps(kind: DataType) -> bool:
    """Whether values of a type are lists of numbers, or of steps of numbers."""
    step = kind.value_type if arrow.is_list(kind) else None
    if step is None:
        return False
    if arrow.is_list(step):
        return step.value_type is not None and _are_numbers(step.value_type)
    if arrow.is_one_of(step, (DataType.is_struct,)):
        return bool(step.fields) and all(_are_numbers(field.type) for field in step.fields)
    return _are_numbers(step)


def gathered_column(field: "Field", name: str, place: int, request: ReadRequest) -> GatheredColumn:
    """An empty column of a field's type."""
    kind = field.type
    if DataType.is_dictionary(kind):
        kind = kind.value_type or kind
    words = arrow.is_one_of(kind, _STRINGS)
    if name in request.texts and words:
        return _ArrowTexts(name, place, request)
    if words and (keys := request.key_cells(name)):
        return _ArrowKeys(name, place, keys)
    if name in request.lists and _are_steps(kind):
        return _ArrowLists(name, place, request)
    options = ColumnOptions.of(request.options, name, text=False)
    if DataType.is_decimal(kind) and arrow.decimal_places(kind) <= 0:
        return _Integers(name, place, options)
    for kinds, gathered in (
        ((DataType.is_boolean,), _Truths),
        ((DataType.is_date, DataType.is_timestamp), _DateColumn),
        ((DataType.is_int64, DataType.is_uint64), _Integers),
        ((_are_numbers,), GatheredColumn),
        (_STRINGS, _Words),
        ((_are_steps,), _Lists),
        ((DataType.is_duration, DataType.is_interval, DataType.is_time), _Durations),
    ):
        if arrow.is_one_of(kind, kinds):
            return gathered(name, place, options)
    return _Others(name, place, options)


def row_count(path: str) -> int:
    """How many rows the file's footer tells of; 0 if it cannot be understood.

    It is in Thrift's compact protocol (https://parquet.apache.org/docs/file-format/metadata/): of the struct
    FileMetaData the fields are 1 the version, 2 the schema, 3 the number of rows.
    """
    with open(path, "rb") as file:
        file.seek(-_FOOTER_BYTES, 2)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-_FOOTER_BYTES - length, 2)
        footer = ThriftReader(file.read(length))
    try:
        for number, kind in footer.fields():
            if number == _NUMBER_OF_ROWS and kind == I64:
                return max(0, int(footer.value(kind)))
            footer.skip(kind)
    except (IndexError, RecursionError):
        pass
    return 0
