"""CSV and its kin: any common delimiter, quoting, header or none, UTF-8, UTF-16 or Windows' Latin-1."""

import codecs
import csv
import io
import os
import re
from itertools import islice
from typing import TYPE_CHECKING

from arro3.core import Field, Schema
from arro3.io import read_csv

from ml_core.errors import MalformedInput
from ml_core.tables import arrow
from ml_core.tables.batches import BATCH_BYTES, BATCH_ROWS, check_width, rows_at_once
from ml_core.tables.columns import Column, Dataset, different_names, text_column
from ml_core.tables.dialects import Dialect, dialect_of
from ml_core.tables.options import ColumnOptions
from ml_core.tables.readers import CSV, ReadRequest
from ml_core.tables.text import FALLBACK_ENCODING, SAMPLE_BYTES, estimated_lines, fallback
from ml_core.tables.words import WordColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arro3.core import Array, RecordBatch

    from ml_core.tables.keys import KeyCells

_READ_BYTES = 1 << 20
# What the engine holds for each cell of a batch beside its bytes: an offset, and a part of an array.
_CELL_BYTES = 16
# How the standard library's reader, when it is strict, ends at an open quote.
_NEVER_CLOSED = ("unexpected end of data", "field larger")
# A line so early that is wider or narrower than the first tells that the first is none of the table.
_LINES_OF_TITLE = 5
ONE_CELL = (
    'each line has one cell: if something separates cells that is none of "," ";" "|", a tab and a space, '
    '"delimiter" says it'
)
_INDEX_NAME = re.compile(r"(?:Unnamed: 0)?")
_RAGGED = re.compile(r"incorrect number of fields for line (\d+), expected (\d+) got (more than )?(\d+)")


class _NotUTF8(Exception):
    """A byte past the sample shows that the file is not UTF-8."""


class _Transcoded(io.RawIOBase):
    """A file of another encoding, or one that is to be read from the middle, as UTF-8."""

    def __init__(self, path: str, encoding: str, begin: int, *, strict: bool) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed with the object
        self._file.seek(begin)
        self._decoder = codecs.getincrementaldecoder(encoding)("strict" if strict else "replace")
        self._ready = b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._ready:
            raw = self._file.read(_READ_BYTES)
            self._ready = self._decoder.decode(raw, final=not raw).encode()
            if not raw:
                break
        taken = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(taken) :]
        return taken


def read(path: str, request: ReadRequest) -> Dataset:
    """The table in a CSV file. Raises `MalformedInput`, and what the request's `check` raises."""
    with open(path, "rb") as file:
        head = file.read(SAMPLE_BYTES)
    size = os.path.getsize(path)
    whole = len(head) == size
    options = request.options
    dialect = dialect_of(head, whole=whole, options=options)
    check_width(dialect.width)
    columns = dialect.width if dialect.names is None else sum(map(request.wanted, dialect.names))
    request.check(estimated_lines(head, size), columns)
    try:
        return _read(path, dialect, request)
    except _NotUTF8:
        if options.encoding is not None:
            raise MalformedInput(
                f'the file is not {options.encoding}: say another "encoding", or leave it out'
            ) from None
        with open(path, "rb") as file:
            undefined = any(
                fallback(block) == "latin-1" for block in iter(lambda: file.read(_READ_BYTES), b"")
            )
        encoding = "latin-1" if undefined else FALLBACK_ENCODING
        return _read(path, dialect_of(head, whole=whole, encoding=encoding, options=options), request)


def _read(path: str, dialect: Dialect, request: ReadRequest) -> Dataset:
    names, warnings = names_of(dialect)
    request.check_names(names)
    columns = {
        place: _column_of(name, request, dialect) for place, name in enumerate(names) if request.wanted(name)
    }
    if not dialect.encoding.startswith("utf-8") and request.options.encoding is None:
        warnings = [*warnings, not_utf_8(dialect.encoding)]
    _check_quotes(path, dialect)
    if dialect.width == 1:
        warnings = [*warnings, ONE_CELL]
    rows, batches, at_once = 0, 0, _rows_at_once(path, dialect)
    for batch in _batches(path, dialect, at_once):
        for place, column in columns.items():
            column.add(batch.column(place))
        rows, batches = rows + batch.num_rows, batches + 1
        if request.most_rows is not None and rows >= request.most_rows:
            break
    complete = request.most_rows is None or rows < request.most_rows
    while unread := {
        place: column for place, column in columns.items() if isinstance(column, WordColumn) and column.unread
    }:
        _read_again(unread, islice(_batches(path, dialect, at_once), batches))
    if not rows:
        raise MalformedInput("the file has a header and no rows")
    # One after another leaves its batches behind: there is no memory for all columns twice.
    made = []
    for place in list(columns):
        column = columns.pop(place)
        read = column.column()
        made.append(read._replace(is_index=is_index(dialect, place)))
        warnings += column.warnings
    how = {
        "delimiter": dialect.delimiter,
        "encoding": dialect.encoding.removesuffix("-sig"),
        "header": dialect.names is not None,
    }
    return Dataset(tuple(made), rows, CSV, tuple(warnings), complete, how)


def not_utf_8(encoding: str) -> str:
    """What is said of a file that is not UTF-8, where nobody said its encoding."""
    return f'the file is not UTF-8; it was read as {encoding}; "encoding" says another'


def _column_of(name: str, request: ReadRequest, dialect: Dialect) -> "WordColumn | _CsvTexts | _CsvKeys":
    """An empty column."""
    if name in request.texts:
        return _CsvTexts(name, request)
    if keys := request.key_cells(name):
        return _CsvKeys(keys)
    return WordColumn(name, ColumnOptions.of(request.options, name, text=True, delimiter=dialect.delimiter))


class _CsvKeys:
    """A column whose cells tell rows apart."""

    def __init__(self, cells: "KeyCells") -> None:
        self.warnings: list[str] = []
        self._cells = cells

    def add(self, array: "Array") -> None:
        """The next batch."""
        self._cells.add(*arrow.coded(array))

    def column(self) -> Column:
        """The column; its batches are given up for it."""
        return self._cells.column()


class _CsvTexts:
    """A column whose cells are texts, as they are written; an empty cell is none."""

    def __init__(self, name: str, request: ReadRequest) -> None:
        self.warnings: list[str] = []
        self._name = name
        self._cells = request.text_cells(name)

    def add(self, array: "Array") -> None:
        """The next batch."""
        self._cells.add(list(array.to_pylist()))

    def column(self) -> Column:
        """The column; its batches are given up for it."""
        return text_column(self._name, self._cells.take(), self._cells.missing_words)


def is_index(dialect: Dialect, place: int) -> bool:
    """Whether a column has the place and name that pandas and R write row names by."""
    return bool(place == 0 and dialect.names and _INDEX_NAME.fullmatch(dialect.names[0]))


def _read_again(columns: dict[int, WordColumn], batches: "Iterable[RecordBatch]") -> None:
    """Read the columns once more, by what is known of them now."""
    for column in columns.values():
        column.start_again()
    for batch in batches:
        for place, column in columns.items():
            column.add(batch.column(place))


def _rows_at_once(path: str, dialect: Dialect) -> int:
    """How many records a batch has.

    The engine reserves a batch's rows times columns before it reads, and holds its bytes several times. The
    most bytes that so many records have is told by where the file has the fewest lines.
    """
    window, lines = [0] * (BATCH_BYTES // _READ_BYTES), []
    with open(path, "rb") as file:
        for place, block in enumerate(iter(lambda: file.read(_READ_BYTES), b"")):
            window[place % len(window)] = block.count(b"\n") or block.count(b"\r")
            if place >= len(window):
                lines.append(sum(window))
    fewest = min(lines) / dialect.lines_a_record if lines else BATCH_ROWS
    return rows_at_once(dialect.width * _CELL_BYTES, most=int(fewest))


def _check_quotes(path: str, dialect: Dialect) -> None:
    """Raise `MalformedInput` for a quote that opens a cell and is never closed: the engine ends it silently.

    Quotes of cells come in pairs, so that a file is read for it only where their number is odd.
    """
    if dialect.encoding.startswith(("utf-16", "utf-32")):
        return
    with open(path, "rb") as file:
        if sum(block.count(b'"') for block in iter(lambda: file.read(_READ_BYTES), b"")) % 2 == 0:
            return
    with open(path, encoding=dialect.encoding, errors="replace", newline="") as text:
        begun = 1
        reader = csv.reader(text, delimiter=dialect.delimiter, strict=True)
        csv.field_size_limit(BATCH_BYTES)
        try:
            for _ in reader:
                begun = reader.line_num + 1
        except csv.Error as error:
            if any(sign in str(error) for sign in _NEVER_CLOSED):
                raise MalformedInput(
                    f"the record that begins in line {begun} has a quote that is never closed: "
                    "close it, or double it within a cell"
                ) from None


def names_of(dialect: Dialect) -> tuple[list[str], list[str]]:
    """The columns' names, made different as pandas makes them, and what is to be said about it."""
    if dialect.names is None:
        return [f"x{place}" for place in range(dialect.width)], list(dialect.doubts)
    return different_names(dialect.names)


def _batches(path: str, dialect: Dialect, at_once: int) -> "Iterator[RecordBatch]":
    """The file in batches of so many rows, whose cells are words."""
    schema = Schema([Field(f"c{place}", arrow.STRING, nullable=True) for place in range(dialect.width)])
    as_it_is = dialect.encoding.startswith("utf-8") and not dialect.begin
    options = {
        "has_header": dialect.names is not None and dialect.header_line,
        "batch_size": at_once,
        "delimiter": dialect.delimiter,
    }
    try:
        if as_it_is and dialect.encoding == "utf-8":
            yield from read_csv(path, schema, **options)  # type: ignore[arg-type]
            return
        encoding = dialect.encoding.removesuffix("-sig")
        begin = (
            len(codecs.BOM_UTF8) if dialect.encoding == "utf-8-sig" and not dialect.begin else dialect.begin
        )
        with _Transcoded(path, encoding, begin, strict=dialect.strict) as source:
            yield from read_csv(source, schema, **options)  # type: ignore[arg-type]
    except (MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the engine raises nothing more special
        raise _translated(error, dialect.delimiter) from None


def _translated(error: Exception, delimiter: str) -> Exception:
    message = str(error)
    if "UTF-8" in message:
        return _NotUTF8()
    ragged = _RAGGED.search(message)
    if ragged:
        line, expected, more, got = ragged.groups()
        advice = ""
        if int(line) <= _LINES_OF_TITLE or expected == "1":
            advice = (
                f"; cells were separated by {delimiter!r}: if lines stand before the table, remove them; "
                'if another sign separates cells, "delimiter" says it'
            )
        return MalformedInput(
            f"line {line} has {more or ''}{got} cells, the first line has {expected}{advice}"
        )
    return MalformedInput(f"the file cannot be read as CSV: {message.rpartition('rror: ')[2][:200]}")
