"""Rows written piece by piece, as a whole or not at all: a file is there when its last row is."""

import contextlib
import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite, isnan
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.rows import CSV, JSON_LINES, PARQUET, TSV


class Writer(Protocol):
    """Takes rows with the same columns, in order."""

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows."""

    def close(self) -> None:
        """End what is written."""


class HowWritten(NamedTuple):
    """The format, and of CSV what separates cells and whether a mark of UTF-8 stands first."""

    format: str
    delimiter: str = ","
    marked: bool = False


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file that is there when the block has ended well, with all that was written, and else is not.

    Raises `CommandError` where one is there already and `force` does not say to replace it, and `OSError`.
    """
    check_place(path, force=force)
    path = path.resolve()  # a link stays one
    opened, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(opened, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        if force:
            temporary.replace(path)
        else:
            _put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_place(path: Path, *, force: bool) -> None:
    """Raises `CommandError` where a file cannot come to be."""
    if path.is_dir():
        raise CommandError(f"{path} is a folder; expected a file's name")
    if not path.parent.is_dir():
        raise CommandError(f"{path}: there is no folder {path.parent}", Exit.FILE)
    if path.is_file() and not force:
        raise CommandError(f"{path} is there already; --force replaces it")


def _put(temporary: Path, path: Path) -> None:
    """Give the file its name, unless something of that name came to be meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise CommandError(f"{path} came to be meanwhile; --force replaces it") from None
    except OSError:  # a file system without links
        temporary.replace(path)


def _mode(path: Path) -> int:
    """The mode of the file that is replaced, or that of a new one."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


@contextmanager
def whole_output(path: str | None, *, force: bool) -> Iterator[IO[bytes]]:
    """Stdout, a pipe or a device as it is, or a file as `whole_file` has it."""
    if path is None or path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir():
        with Path(path).open("wb") as file:
            yield file
    else:
        with whole_file(Path(path), force=force) as file:
            yield file


def writer(file: IO[bytes], how: HowWritten, columns: Sequence[str], schema: Any = None) -> Writer:
    """What writes rows of these columns; `schema` is Arrow's of the columns that come from a Parquet file."""
    if how.format in (CSV, TSV):
        return _Csv(file, "\t" if how.format == TSV else how.delimiter, columns, marked=how.marked)
    if how.format == PARQUET:
        return _parquet(file, columns, schema)
    return _JsonLines(file) if how.format == JSON_LINES else _JsonArray(file)


class _Csv:
    def __init__(self, file: IO[bytes], delimiter: str, columns: Sequence[str], *, marked: bool) -> None:
        self._file, self._columns = file, list(columns)
        self._known = set(columns)
        self._delimiter = delimiter
        if marked:
            file.write(b"\xef\xbb\xbf")
        self._lines([self._columns])

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            if len(row) > len(self._columns) or not self._known.issuperset(row):
                more = next(name for name in row if name not in self._known)
                raise CommandError(
                    f"a row has the member {more!r}, which the first rows lack, so that no column is for it; "
                    "write JSON lines (-o scored.jsonl), or name what to --keep",
                    Exit.REFUSED,
                )
        self._lines([[cell_of(row.get(name)) for name in self._columns] for row in rows])

    def _lines(self, rows: Sequence[Sequence[Any]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())

    def close(self) -> None:
        return


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._file.write("".join(json_of(row) + "\n" for row in rows).encode())

    def close(self) -> None:
        return


class _JsonArray:
    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._first = file, True

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            self._file.write((("[" if self._first else ",\n") + json_of(row)).encode())
            self._first = False

    def close(self) -> None:
        self._file.write(b"[]\n" if self._first else b"]\n")


def _parquet(file: IO[bytes], columns: Sequence[str], schema: Any) -> Writer:
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError:
        pass
    else:
        return _ParquetByPyarrow(file, columns, schema)
    try:
        import polars as pl  # noqa: F401
    except ImportError:
        raise CommandError(
            "Parquet is written by pyarrow or polars, and neither is installed here: `pip install pyarrow`, "
            "or write CSV (-o scored.csv)"
        ) from None
    return _ParquetByPolars(file)


class _ParquetByPyarrow:
    """Types of the first rows hold for all; of columns that came from Parquet they stay what they were."""

    def __init__(self, file: IO[bytes], columns: Sequence[str], schema: Any) -> None:
        self._file, self._columns, self._given, self._schema = file, columns, schema, None
        self._writer: Any = None

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        import pyarrow as pa

        try:
            if self._writer is None:
                self._begin(pa, rows)
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))
        except pa.ArrowException as error:
            raise CommandError(
                f"Parquet holds one type in a column, and a later row has another: {error}", Exit.REFUSED
            ) from None

    def _begin(self, pa: Any, rows: Sequence[dict[str, Any]]) -> None:
        import pyarrow.parquet as pq

        known = {} if self._given is None else {each.name: each for each in self._given}
        guessed = pa.Table.from_pylist(list(rows)).schema
        fields = [
            known[name] if name in known else guessed.field(name)
            for name in self._columns
            if name in known or name in guessed.names
        ]
        self._schema = pa.schema(fields)
        self._writer = pq.ParquetWriter(self._file, self._schema)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _ParquetByPolars:
    """Polars writes no file piece by piece: the pieces are files of their own until all are there."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._folder = tempfile.TemporaryDirectory(prefix="serverless-ml-")
        self._pieces: list[Path] = []
        self._schema: Any = None

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        import polars as pl

        try:
            frame = pl.DataFrame(list(rows), schema=self._schema, infer_schema_length=None)
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise CommandError(
                f"Parquet holds one type in a column, and a later row has another: {error}", Exit.REFUSED
            ) from None
        self._schema = frame.schema
        self._pieces.append(Path(self._folder.name) / f"{len(self._pieces)}.parquet")
        frame.write_parquet(self._pieces[-1])

    def close(self) -> None:
        import polars as pl

        if self._pieces:
            pl.scan_parquet(self._pieces).sink_parquet(self._file)
        self._folder.cleanup()


def json_of(value: Any) -> str:
    """A value as JSON: no NaN, and dates as ISO 8601."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=json_value)
    except ValueError:
        return json.dumps(_without_nan(value), ensure_ascii=False, default=json_value)


def json_value(value: Any) -> Any:
    """A value that JSON does not have, as one that it has. Raises `TypeError`."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
    raise TypeError(f"expected a number, a text, a truth value or a date, got {type(value).__name__}")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list) else value


def cell_of(value: Any) -> Any:
    """A value as a cell has it: text stays as it was read, and nothing is an empty cell."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return "" if isinstance(value, float) and isnan(value) else value
    return _CELLS.get(type(value), _other_cell)(value)


def _other_cell(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else json_of(value)


_CELLS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
}
