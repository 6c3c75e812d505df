"""Files of rows, read piece by piece: CSV, TSV, JSON lines, JSON and Parquet.

A cell of CSV is not interpreted here: the model reads it by the rule that it was trained with.
"""

import base64
import codecs
import csv
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

from serverless_ml.command_line.exits import CommandError, Exit
from serverless_ml.command_line.rows import (
    CSV,
    FILE,
    FORMATS,
    INSTANCE,
    JSON_LINES,
    MOST_BYTES,
    MOST_ROWS,
    PARQUET,
    PICTURES,
    SUFFIXES,
    TSV,
    Piece,
    different_names,
)

STDIN = "-"
_DELIMITERS = ",;\t|"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# A cell that no file in UTF-8 holds: after the last line its quotes are a part of it if one is open there.
_END, _END_IN_A_CELL = "\udfff", '\udfff"'
_SAMPLE = 1 << 16
_SAMPLED_RECORDS = 200
_REST_OF_NUMBER = 3


@dataclass(frozen=True)
class HowRead:
    """What a person said of a file."""

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None


@dataclass
class Source:
    """A file of rows. Its columns are known before the first row, but of JSON; `cells`: all is text."""

    name: str
    format: str
    columns: list[str] | None
    pieces: Iterator[Piece]
    cells: bool = False
    delimiter: str = ","
    marked: bool = False
    place: str = "line"
    size: int | None = None
    schema: Any = field(default=None, repr=False)


def format_of(path: str, said: str | None) -> str:
    """The format of a file: what was said, or its suffix. Raises `CommandError`."""
    if said is not None:
        if said not in FORMATS:
            raise CommandError(f"expected a format of {', '.join(FORMATS)}, got {said!r}")
        return said
    if path == STDIN:
        return CSV
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise CommandError(
            f"{path}: the suffix {suffix!r} says no format; expected one of {known}, or --format"
        )
    return SUFFIXES[suffix]


@contextmanager
def opened(path: str, features: Sequence[str], how: HowRead) -> Iterator[Source]:
    """Open a file of rows, or stdin for `-`.

    Args:
        path: of the file.
        features: the names that the model knows, by which a header is told.
        how: what a person said of the file.

    Raises:
        CommandError: it is none, with its line; OSError where it cannot be opened.
    """
    kind = format_of(path, how.format)
    name = "standard input" if path == STDIN else path
    with ExitStack() as stack:
        if path == STDIN:
            file: IO[bytes] = sys.stdin.buffer
        else:
            if Path(path).is_dir():
                raise CommandError(f"{path} is a folder; expected a file", Exit.FILE)
            file = stack.enter_context(Path(path).open("rb"))
        size = None if path == STDIN else Path(path).stat().st_size
        if kind == PARQUET:
            source = _parquet(name, file, is_stdin=path == STDIN)
        elif kind == PICTURES:
            source = Source(name, kind, None, _pieces(_pictures(name, file)), place="row")
        elif kind in (CSV, TSV):
            source = _csv(name, kind, file, features, how, is_file=path != STDIN)
        else:
            source = Source(name, kind, None, _of_json(name, kind, file, features, how))
            source.place = "line" if kind == JSON_LINES else "row"
        source.size = size
        yield source


# --- CSV


def _csv(
    name: str, kind: str, file: IO[bytes], features: Sequence[str], how: HowRead, *, is_file: bool
) -> Source:
    encoding, marked = _encoding(file, how.encoding, is_file=is_file)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    records = _Records(name, text, how.delimiter or ("\t" if kind == TSV else None), features)
    first = records.sample[:1]
    if not first:
        raise CommandError(f"{name} is empty", Exit.REFUSED)
    given = [cell.strip() for cell in first[0][1]]
    header = how.header if how.header is not None else not set(features).isdisjoint(given)
    if header:
        if _lacks_a_name([cells for _, cells in records.sample]):
            given = ["", *given]
        columns = different_names(given)
    else:
        columns = _without_header(name, len(given), features, said=how.header is False)
    return Source(
        name,
        kind,
        columns,
        _pieces(_rows(name, records, columns, header=header)),
        cells=True,
        delimiter=records.delimiter,
        marked=marked,
    )


def _without_header(name: str, width: int, features: Sequence[str], *, said: bool) -> list[str]:
    """The columns' names where the first line holds values: x0, x1 … as in training, or the features'."""
    numbered = [f"x{place}" for place in range(width)]
    if set(features) <= set(numbered):
        return numbered
    if width == len(features):
        return list(features)
    few = ", ".join(features[:8]) + (", …" if len(features) > 8 else "")
    what = f"it has {width} cells" if said else "its first line names none of them"
    raise CommandError(
        f"{name}: expected a header with the columns {few}, or {len(features)} cells in each line; {what}",
        Exit.REFUSED,
    )


def _encoding(file: IO[bytes], said: str | None, *, is_file: bool) -> tuple[str, bool]:
    """How the text is written, as training tells it, and whether a mark of UTF-8 stands before it."""
    if said is not None:
        try:
            return codecs.lookup(said).name, False
        except LookupError:
            raise CommandError(f"--encoding: Python knows no {said!r}") from None
    head = file.peek(4) if isinstance(file, io.BufferedReader) else b""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, encoding == "utf-8-sig"
    if head[1:2] == b"\0":
        return "utf-16-le", False
    if head[:1] == b"\0" and head[1:2] != b"\0":
        return "utf-16-be", False
    return ("utf-8" if not is_file or _is_utf_8(file) else "cp1252"), False


def _is_utf_8(file: IO[bytes]) -> bool:
    """Whether all of a file is. It is read once for that, and never held."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while data := file.read(MOST_BYTES):
            decoder.decode(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


class _Records:
    """The records of a text with the line that each ends at, by the delimiter that fits the features best."""

    def __init__(self, name: str, text: IO[str], delimiter: str | None, features: Sequence[str]) -> None:
        csv.field_size_limit(sys.maxsize)
        self._name = name
        head = self._read(text)
        self._skipped = 0
        if head[:4].lower() == "sep=" and head[5:6] in ("\r", "\n"):
            delimiter = delimiter or head[4]
            head = head[5:].removeprefix("\r").removeprefix("\n")
            self._skipped = 1
        self.delimiter = delimiter or _best_delimiter(head, features)
        if len(self.delimiter) != 1:
            raise CommandError(f"--delimiter: expected one character, got {self.delimiter!r}")
        self._reader = csv.reader(
            chain(_joined(head, self._lines(text)), (f'"{_END}"',)), delimiter=self.delimiter
        )
        self._following = self._records()
        self.sample = [each for _, each in zip(range(_SAMPLED_RECORDS), self._following, strict=False)]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return chain(self.sample, self._following)

    def _read(self, text: IO[str]) -> str:
        """The beginning, to the end of a line."""
        try:
            return text.read(_SAMPLE) + text.readline()
        except UnicodeError as error:
            raise self._undecodable(error) from None

    def _lines(self, text: IO[str]) -> Iterator[str]:
        try:
            yield from text
        except UnicodeError as error:
            raise self._undecodable(error) from None

    def _undecodable(self, error: UnicodeError) -> CommandError:
        return CommandError(f"{self._name} cannot be decoded: {error}; say --encoding", Exit.REFUSED)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        line = self._skipped
        try:
            for cells in self._reader:
                if cells and cells[-1] == _END:
                    return
                if cells and cells[-1].endswith(_END_IN_A_CELL):
                    raise CommandError(
                        f"{self._name}: a quote that begins after line {line} is not closed", Exit.REFUSED
                    )
                line = self._reader.line_num + self._skipped
                if cells:
                    yield line, cells
        except csv.Error as error:
            raise CommandError(f"{self._name}: line {line + 1} is no CSV: {error}", Exit.REFUSED) from None


def _joined(head: str, lines: Iterator[str]) -> Iterator[str]:
    """Lines of a beginning and of what follows; a line break may have been cut in two."""
    yield from io.StringIO(head, newline="")
    first = next(lines, "")
    if not (head.endswith("\r") and first == "\n"):
        yield first
    yield from lines


def _best_delimiter(head: str, features: Sequence[str]) -> str:
    """The delimiter by which the first line names the most features, or else has as many cells."""

    def fitness(delimiter: str) -> tuple[int, bool, int]:
        try:
            cells = next(
                (each for each in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if each), []
            )
        except csv.Error:
            cells = []
        named = len({cell.strip() for cell in cells} & set(features))
        return named, len(cells) == len(features) > 1, len(cells)

    best = max(_DELIMITERS, key=fitness)
    # A space separates cells where nothing else does, as R writes tables.
    return best if fitness(best)[0] or fitness(best)[2] > 1 or not fitness(" ")[0] else " "


def _lacks_a_name(records: list[list[str]]) -> bool:
    """Whether each record has a cell more than the header, another one each: R writes row names so."""
    if len(records) < 3 or len(records[0]) < 2:
        return False
    width, later = len(records[0]) + 1, records[1:]
    if not all(len(record) == width for record in later) or not any(record[-1].strip() for record in later):
        return False
    return len({record[0] for record in later}) == len(later)


def _rows(
    name: str, records: _Records, columns: list[str], *, header: bool
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Place, size and cells of each row. Raises `CommandError` for a line of another width."""
    for number, (line, cells) in enumerate(records):
        if header and number == 0:
            continue
        if len(cells) != len(columns):
            raise CommandError(
                f"{name}: line {line}: expected {len(columns)} cells, got {len(cells)}", Exit.REFUSED
            )
        yield line, sum(map(len, cells)) + len(cells), dict(zip(columns, cells, strict=True))


# --- JSON


def _of_json(name: str, kind: str, file: IO[bytes], features: Sequence[str], how: HowRead) -> Iterator[Piece]:
    text = io.TextIOWrapper(file, encoding=how.encoding or "utf-8-sig", newline=None)
    elements = _json_lines(name, text) if kind == JSON_LINES else _json_array(name, text)
    return _pieces((place, size, _as_row(element, features)) for place, size, element in elements)


def _as_row(element: Any, features: Sequence[str]) -> dict[str, Any]:
    """What a file holds as a row: an object as it is, a list by the features' order, else an instance."""
    if isinstance(element, dict) and "b64" not in element:
        return element
    if isinstance(element, list) and len(element) == len(features) > 0:
        return dict(zip(features, element, strict=True))
    return {INSTANCE: element}


def _json_lines(name: str, text: IO[str]) -> Iterator[tuple[int, int, Any]]:
    for line, content in enumerate(_decoded(name, text), 1):
        if not content.strip():
            continue
        try:
            yield line, len(content), json.loads(content)
        except ValueError as error:
            raise CommandError(f"{name}: line {line} is no JSON: {error}", Exit.REFUSED) from None


def _decoded(name: str, text: IO[str]) -> Iterator[str]:
    try:
        yield from text
    except UnicodeError as error:
        raise CommandError(f"{name} cannot be decoded: {error}; say --encoding", Exit.REFUSED) from None


def _json_array(name: str, text: IO[str]) -> Iterator[tuple[int, int, Any]]:
    """The elements of an array, one after another; of an object with `instances`, those."""
    array = _Array(name, text)
    if array.next_sign() != "[":
        yield from _json_document(name, array.buffer, text)
        return
    array.pass_sign()
    while array.next_sign() != "]":
        if array.number:
            if array.next_sign() != ",":
                raise array.refused(f"expected ',' or ']' after row {array.number}")
            array.pass_sign()
        size, element = array.element()
        yield array.number, size, element
    array.pass_sign()
    if array.next_sign():
        raise array.refused("expected nothing after the array")


class _Array:
    """The text of an array, of which only the element that is read next is held."""

    def __init__(self, name: str, text: IO[str]) -> None:
        self._name, self._text = name, text
        self._decode = json.JSONDecoder().raw_decode
        self._at_end = False
        self.buffer = ""
        self.number = 0

    def next_sign(self) -> str:
        """The next character that is no space; empty at the end."""
        self.buffer = self.buffer.lstrip()
        while not self.buffer and not self._at_end:
            self._more()
            self.buffer = self.buffer.lstrip()
        return self.buffer[:1]

    def pass_sign(self) -> None:
        """Go past that character."""
        self.buffer = self.buffer[1:]

    def element(self) -> tuple[int, Any]:
        """The next element, with its length as text. Raises `CommandError`."""
        self.next_sign()
        while True:
            try:
                value, end = self._decode(self.buffer)
            except ValueError as error:
                if self._at_end:
                    raise self.refused(f"row {self.number + 1} is no JSON: {error}") from None
            else:
                # A number may go on in what was not read yet: 1.5 may be 1.5e-3.
                if end + _REST_OF_NUMBER <= len(self.buffer) or self._at_end:
                    break
            self._more()
        self.buffer = self.buffer[end:]
        self.number += 1
        return end, value

    def refused(self, why: str) -> CommandError:
        """The error that says what is wrong with the file."""
        return CommandError(f"{self._name}: {why}", Exit.REFUSED)

    def _more(self) -> None:
        try:
            # Twice as much each time, so that a long element is not tried too often.
            data = self._text.read(max(_SAMPLE, len(self.buffer)))
        except UnicodeError as error:
            raise self.refused(f"cannot be decoded: {error}; say --encoding") from None
        self._at_end = not data
        self.buffer += data


def _json_document(name: str, head: str, text: IO[str]) -> Iterator[tuple[int, int, Any]]:
    """The rows of one object: a row itself, or `instances` with several."""
    content = head + "".join(_decoded(name, text))
    try:
        document = json.loads(content)
    except ValueError as error:
        raise CommandError(
            f"{name} is no JSON: {error}; lines of JSON are --format jsonl", Exit.REFUSED
        ) from None
    instances = document.get("instances") if isinstance(document, dict) else None
    for number, element in enumerate(instances if isinstance(instances, list) else [document], 1):
        yield number, len(content), element


# --- Parquet


def _parquet(name: str, file: IO[bytes], *, is_stdin: bool) -> Source:
    if is_stdin:
        file = io.BytesIO(file.read())  # its end says where its columns are
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return _parquet_by_polars(name, file)
    return _parquet_by_pyarrow(name, file)


def _parquet_by_pyarrow(name: str, file: IO[bytes]) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise CommandError(f"{name} is no Parquet file: {error}", Exit.REFUSED) from None
    schema = table.schema_arrow

    def pieces() -> Iterator[Piece]:
        place = 0
        try:
            for batch in table.iter_batches(batch_size=_rows_at_once(len(schema.names))):
                rows = batch.to_pylist()
                yield Piece(rows, range(place + 1, place + 1 + len(rows)))
                place += len(rows)
        except (pa.ArrowException, OSError) as error:
            raise CommandError(f"{name} cannot be read after row {place}: {error}", Exit.REFUSED) from None

    return Source(name, PARQUET, list(schema.names), pieces(), place="row", schema=schema)


def _parquet_by_polars(name: str, file: IO[bytes]) -> Source:
    try:
        import polars as pl
    except ImportError:
        raise CommandError(
            f"{name}: Parquet is read by pyarrow or polars, and neither is installed here: "
            "`pip install pyarrow`, or write the table as CSV"
        ) from None
    try:
        frame = pl.scan_parquet(file)
        names = frame.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CommandError(f"{name} is no Parquet file: {error}", Exit.REFUSED) from None
    step = _rows_at_once(len(names))

    def pieces() -> Iterator[Piece]:
        place = 0
        while rows := frame.slice(place, step).collect().to_dicts():
            yield Piece(rows, range(place + 1, place + 1 + len(rows)))
            place += len(rows)

    return Source(name, PARQUET, names, pieces(), place="row")


def _rows_at_once(columns: int) -> int:
    return max(1, min(MOST_ROWS, 200_000 // max(1, columns)))


# --- pictures


def _pictures(name: str, file: IO[bytes]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """PNG files as the service takes them, with their names: the file itself, or those in a zip."""
    for place, (called, content) in enumerate(_png_files(name, file), 1):
        instance = {"b64": base64.b64encode(content).decode()}
        yield place, len(instance["b64"]), {FILE: called, INSTANCE: instance}


def _png_files(name: str, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    if not name.lower().endswith(".zip"):
        yield Path(name).name, file.read()
        return
    try:
        with zipfile.ZipFile(file) as archive:
            for called in archive.namelist():
                if called.lower().endswith(".png"):
                    yield called, archive.read(called)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise CommandError(f"{name} is no zip file that can be read: {error}", Exit.REFUSED) from None


# --- pieces


def _pieces(rows: Iterator[tuple[int, int, dict[str, Any]]]) -> Iterator[Piece]:
    """Put rows together to pieces of bounded size."""
    held: list[dict[str, Any]] = []
    places: list[int] = []
    size = 0
    for place, length, row in rows:
        if held and (size + length > MOST_BYTES or len(held) == MOST_ROWS):
            yield Piece(held, places)
            held, places, size = [], [], 0
        held.append(row)
        places.append(place)
        size += length
    if held:
        yield Piece(held, places)
