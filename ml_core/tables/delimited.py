"""CSV and its kin: any common delimiter, quoting, header or none, UTF-8, UTF-16 or Windows' Latin-1."""

import codecs
import io
import os
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from arro3.core import Field, Schema
from arro3.io import read_csv

from ml_core.errors import MalformedInput
from ml_core.tables import arrow
from ml_core.tables.batches import BATCH_BYTES, BATCH_ROWS, check_width, rows_at_once
from ml_core.tables.columns import Dataset
from ml_core.tables.dialects import Dialect, dialect_of
from ml_core.tables.readers import CSV, ReadRequest
from ml_core.tables.text import FALLBACK_ENCODING, SAMPLE_BYTES, estimated_lines, fallback
from ml_core.tables.words import WordColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arro3.core import RecordBatch

_READ_BYTES = 1 << 20
# What the engine holds for each cell of a batch beside its bytes: an offset, and a part of an array.
_CELL_BYTES = 16
# Renamed columns are told one by one up to so many.
_MOST_TOLD = 20
_RAGGED = re.compile(r"incorrect number of fields for line (\d+), expected (\d+) got (more than )?(\d+)")


class _NotUTF8(Exception):
    """A byte past the sample shows that the file is not UTF-8."""


class _Transcoded(io.RawIOBase):
    """A file of another encoding, or one that is to be read from the middle, as UTF-8."""

    def __init__(self, path: str, encoding: str, begin: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed with the object
        self._file.seek(begin)
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
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
    dialect = dialect_of(head, whole=whole)
    check_width(dialect.width)
    columns = dialect.width if dialect.names is None else sum(map(request.wanted, dialect.names))
    request.check(estimated_lines(head, size), columns)
    try:
        return _read(path, dialect, request)
    except _NotUTF8:
        with open(path, "rb") as file:
            undefined = any(
                fallback(block) == "latin-1" for block in iter(lambda: file.read(_READ_BYTES), b"")
            )
        encoding = "latin-1" if undefined else FALLBACK_ENCODING
        return _read(path, dialect_of(head, whole=whole, encoding=encoding), request)


def _read(path: str, dialect: Dialect, request: ReadRequest) -> Dataset:
    names, warnings = _names(dialect)
    columns = {
        place: WordColumn(name, decimal_comma=dialect.delimiter != ",", padded=dialect.padded)
        for place, name in enumerate(names)
        if request.wanted(name)
    }
    if not dialect.encoding.startswith("utf-8"):
        warnings = [*warnings, f"the file is not UTF-8; it was read as {dialect.encoding}"]
    rows, batches, at_once = 0, 0, _rows_at_once(path, dialect)
    for batch in _batches(path, dialect, at_once):
        for place, column in columns.items():
            column.add(batch.column(place))
        rows, batches = rows + batch.num_rows, batches + 1
        if request.most_rows is not None and rows >= request.most_rows:
            break
    complete = request.most_rows is None or rows < request.most_rows
    lost = {place: column for place, column in columns.items() if column.lost}
    if lost:
        _read_again(lost, islice(_batches(path, dialect, at_once), batches))
    if not rows:
        raise MalformedInput("the file has a header and no rows")
    # One after another leaves its batches behind: there is no memory for all columns twice.
    made = []
    for place in list(columns):
        column = columns.pop(place)
        made.append(column.column())
        warnings += column.warnings
    return Dataset(tuple(made), rows, CSV, tuple(warnings), complete)


def _read_again(columns: dict[int, WordColumn], batches: "Iterable[RecordBatch]") -> None:
    """Read the columns as words that looked like something else at first."""
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


def _names(dialect: Dialect) -> tuple[list[str], list[str]]:
    """The columns' names, made different as pandas makes them, and what is to be said about it."""
    if dialect.names is None:
        return [f"x{place}" for place in range(dialect.width)], [
            "the file has no header: columns are x0, x1 …"
        ]
    names: dict[str, None] = {}
    warnings = []
    seen: Counter[str] = Counter()
    for place, given in enumerate(dialect.names):
        name = given or f"x{place}"
        while name in names:
            seen[given] += 1
            name = f"{given}.{seen[given]}"
        if name != given:
            warnings.append(
                f"column {place + 1} is called '{name}': "
                + ("its name is there twice" if given else "it has none")
            )
        names[name] = None
    more = len(warnings) - _MOST_TOLD
    told = [*warnings[:_MOST_TOLD], f"{more} more columns are renamed like these"]
    return list(names), told if more > 0 else warnings


def _batches(path: str, dialect: Dialect, at_once: int) -> "Iterator[RecordBatch]":
    """The file in batches of so many rows, whose cells are words."""
    schema = Schema([Field(f"c{place}", arrow.STRING, nullable=True) for place in range(dialect.width)])
    as_it_is = dialect.encoding.startswith("utf-8") and not dialect.begin
    options = {
        "has_header": dialect.names is not None,
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
        with _Transcoded(path, encoding, begin) as source:
            yield from read_csv(source, schema, **options)  # type: ignore[arg-type]
    except (MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the engine raises nothing more special
        raise _translated(error) from None


def _translated(error: Exception) -> Exception:
    message = str(error)
    if "UTF-8" in message:
        return _NotUTF8()
    ragged = _RAGGED.search(message)
    if ragged:
        line, expected, more, got = ragged.groups()
        return MalformedInput(f"line {line} has {more or ''}{got} cells, the first line has {expected}")
    return MalformedInput(f"the file cannot be read as CSV: {message.rpartition('rror: ')[2][:200]}")
