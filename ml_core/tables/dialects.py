"""How a CSV file is written, told from its first bytes: its delimiter, its header and its width."""

import codecs
import csv
import io
from typing import NamedTuple

from ml_core.errors import MalformedInput
from ml_core.tables.text import SAMPLE_BYTES, encoding_of

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
