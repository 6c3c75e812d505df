"""CSV and its kin: any common delimiter, quoting, header or none, UTF-8, UTF-16 or Windows' Latin-1."""

import codecs
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from arro3.core import Field, Schema
from arro3.io import read_csv

from ml_core.errors import MalformedInput
from ml_core.tables import arrow, sniffing
from ml_core.tables.columns import Dataset
from ml_core.tables.words import WordColumn

if TYPE_CHECKING:
    from arro3.core import RecordBatch

BATCH_ROWS = 1 << 16
_READ_BYTES = 1 << 20
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


def read(path: str, *, wanted: Callable[[str], bool], most_rows: int | None) -> Dataset:
    """The table in a CSV file.

    `wanted` chooses columns by name; reading stops after the batch in which `most_rows` is reached. Raises
    `MalformedInput`.
    """
    with open(path, "rb") as file:
        head = file.read(sniffing.SAMPLE_BYTES)
    whole = len(head) == os.path.getsize(path)
    dialect = sniffing.dialect_of(head, whole=whole)
    try:
        return _read(path, dialect, wanted, most_rows)
    except _NotUTF8:
        with open(path, "rb") as file:
            undefined = any(
                sniffing.fallback(block) == "latin-1" for block in iter(lambda: file.read(_READ_BYTES), b"")
            )
        encoding = "latin-1" if undefined else sniffing.FALLBACK_ENCODING
        return _read(path, sniffing.dialect_of(head, whole=whole, encoding=encoding), wanted, most_rows)


def _read(
    path: str,
    dialect: sniffing.Dialect,
    wanted: Callable[[str], bool],
    most_rows: int | None,
) -> Dataset:
    names, warnings = _names(dialect)
    columns = {
        place: WordColumn(name, decimal_comma=dialect.delimiter != ",", padded=dialect.padded)
        for place, name in enumerate(names)
        if wanted(name)
    }
    if not dialect.encoding.startswith("utf-8"):
        warnings = [*warnings, f"the file is not UTF-8; it was read as {dialect.encoding}"]
    rows, batches = 0, 0
    for batch in _batches(path, dialect):
        for place, column in columns.items():
            column.add(batch.column(place))
        rows, batches = rows + batch.num_rows, batches + 1
        if most_rows is not None and rows >= most_rows:
            break
    complete = most_rows is None or rows < most_rows
    _read_again(path, dialect, {place: column for place, column in columns.items() if column.lost}, batches)
    if not rows:
        raise MalformedInput("the file has a header and no rows")
    # One after another leaves its batches behind: there is no memory for all columns twice.
    made = []
    for place in list(columns):
        column = columns.pop(place)
        made.append(column.column())
        warnings += column.warnings
    return Dataset(tuple(made), rows, sniffing.CSV, tuple(warnings), complete)


def _read_again(path: str, dialect: sniffing.Dialect, columns: dict[int, WordColumn], batches: int) -> None:
    """Read the columns as words that looked like something else at first."""
    if not columns:
        return
    for column in columns.values():
        column.start_again()
    for _, batch in zip(range(batches), _batches(path, dialect), strict=False):
        for place, column in columns.items():
            column.add(batch.column(place))


def _names(dialect: sniffing.Dialect) -> tuple[list[str], list[str]]:
    """The columns' names, made different as pandas makes them, and what is to be said about it."""
    if dialect.names is None:
        return [f"x{place}" for place in range(dialect.width)], [
            "the file has no header: columns are x0, x1 …"
        ]
    names: list[str] = []
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
        names.append(name)
    return names, warnings


def _batches(path: str, dialect: sniffing.Dialect) -> "Iterator[RecordBatch]":
    """The file in batches of rows whose cells are words."""
    schema = Schema([Field(f"c{place}", arrow.STRING, nullable=True) for place in range(dialect.width)])
    as_it_is = dialect.encoding.startswith("utf-8") and not dialect.begin
    options = {
        "has_header": dialect.names is not None,
        "batch_size": BATCH_ROWS,
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
    if "rror: " in message and type(error) is Exception:
        return MalformedInput(f"the file cannot be read as CSV: {message.rpartition('rror: ')[2]}")
    return error
