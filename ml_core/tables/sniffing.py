"""What a file is, told from its bytes; its name says nothing."""

import codecs
import csv
import io
import json
from typing import Final, NamedTuple

from ml_core.errors import InvalidInput, MalformedInput

CSV, PARQUET, JSON_LINES, NPY = "csv", "parquet", "jsonl", "npy"
FORMATS: Final = (CSV, PARQUET, JSON_LINES, NPY)
SAMPLE_BYTES = 1 << 20

_MAGIC = {b"PAR1": PARQUET, b"\x93NUMPY": NPY}
# What people upload by mistake, and what to do about it.
_OTHERS = {
    b"\x1f\x8b": "a gzip file: unpack it first, or use Parquet, which is compressed inside",
    b"PK\x03\x04": "a zip file or an Excel workbook: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"%PDF": "a PDF document",
    b"ARROW1": "an Arrow IPC file: write it as Parquet",
    b"\x80\x04": "a Python pickle, which could run code: write it as Parquet or CSV",
    b"\x80\x05": "a Python pickle, which could run code: write it as Parquet or CSV",
    b"BZh": "a bzip2 file: unpack it first",
    b"(\xb5/\xfd": "a zstd file: unpack it first",
    b"SQLite format 3": "a SQLite database: export the table as CSV",
}
# A BOM of UTF-32 begins with one of UTF-16.
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What a file that is not UTF-8 is taken for: Windows' superset of Latin-1.
FALLBACK_ENCODING = "cp1252"
_DELIMITERS = ",;\t|"
_SNIFFED_RECORDS = 200


class Dialect(NamedTuple):
    """How a text file holds a table, from the byte `begin`; `names` are the header's, None without one.

    A `padded` one has a space after each delimiter. `lines_a_record` is told by the first records.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...] | None
    width: int
    begin: int
    padded: bool = False
    lines_a_record: float = 1.0


def format_of(head: bytes, *, declared: str | None = None, where: str = "$.data.format") -> str:
    """The format of a file that begins with `head`.

    Raises `MalformedInput` for what no reader of ours takes, `InvalidInput` where it is not the declared one.
    """
    if not head.strip():
        raise MalformedInput("the file is empty")
    found = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    if found is None:
        for magic, what in _OTHERS.items():
            if head.startswith(magic):
                raise MalformedInput(f"the file is {what}")
        found = _text_format(head)
    if declared is not None and declared != found:
        raise InvalidInput.at(where, f"the file is no {declared}: by its content it is {found}")
    return found


def _text_format(head: bytes) -> str:
    encoding = encoding_of(head)
    if b"\0" in head and encoding not in ("utf-16", "utf-32"):
        raise MalformedInput("the file is neither Parquet nor NPY nor text")
    start = head.decode(encoding, "ignore").lstrip()
    if start.startswith("{"):
        return JSON_LINES
    if start.startswith("[") and _is_json_array(start):
        raise MalformedInput("the file is a JSON array: write JSON lines, one object on each line")
    return CSV


def _is_json_array(start: str) -> bool:
    """Whether a text that begins with a bracket goes on as JSON does, and not as a CSV header might."""
    inner = start[1:].lstrip()
    if not inner.startswith(("{", "[")):
        return False
    try:
        json.JSONDecoder().raw_decode(inner)
    except (ValueError, RecursionError):
        return False
    return True


def encoding_of(head: bytes) -> str:
    """The encoding that a byte order mark or the first bytes say."""
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the end of the sample may cut a character
    except UnicodeDecodeError:
        return fallback(head)
    return "utf-8"


def fallback(content: bytes) -> str:
    """The encoding of bytes that are no UTF-8."""
    undefined = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])
    return "latin-1" if any(byte in content for byte in undefined) else FALLBACK_ENCODING


def dialect_of(head: bytes, *, whole: bool, encoding: str | None = None) -> Dialect:
    """How a CSV file that begins with `head` is written; `whole` says that nothing follows.

    Raises `MalformedInput`.
    """
    encoding = encoding or encoding_of(head)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    begin, told = 0, None
    if text[:4].lower() == "sep=" and encoding.startswith("utf-8") and _is_delimiter(text[4:]):
        # Excel's own first line
        told, text = text[4], text[5:].lstrip("\r\n")
        begin = len(head) - len(text.encode(encoding.removesuffix("-sig"), "replace"))
    candidates = [told] if told else list(_DELIMITERS)
    samples = {delimiter: _records(text, delimiter, whole=whole) for delimiter in candidates}
    delimiter = max(candidates, key=lambda each: _fitness(samples[each]))
    records = samples[delimiter]
    if not records:
        raise MalformedInput("the file has no line that ends within its first megabyte")
    first = records[0]
    names = None if all(_is_number(cell) for cell in first) else tuple(cell.strip() for cell in first)
    later = [cell for record in records for cell in record[1:]]
    padded = bool(later) and all(cell.startswith(" ") for cell in later if cell)
    line_ends = sum(cell.count("\n") or cell.count("\r") for record in records for cell in record)
    return Dialect(
        encoding, delimiter, names, len(first), begin, padded, lines_a_record=1 + line_ends / len(records)
    )


def _is_delimiter(rest: str) -> bool:
    """Whether a line that names the delimiter ends like this: with one character that can be one."""
    return rest[1:2] in ("", "\r", "\n") and rest[:1].isascii() and rest[:1] not in ("", "\r", "\n", '"')


def _records(text: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    """The first records; the last of a sample may be cut, and is left out."""
    records: list[list[str]] = []
    csv.field_size_limit(SAMPLE_BYTES)  # read with another delimiter, a header may be a single cell
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if record:
                records.append(record)
            if len(records) > _SNIFFED_RECORDS:
                return records
    except csv.Error as error:
        if not records:
            raise MalformedInput(f"the first line is no line of a table: {error}") from None
    return records if whole else records[:-1]


def _fitness(records: list[list[str]]) -> tuple[float, int]:
    """How well a delimiter fits: by how many records have the header's width, then by that width."""
    if not records or len(records[0]) == 1:
        return 0.0, 0
    width = len(records[0])
    return sum(len(record) == width for record in records) / len(records), width


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
