"""How a CSV file is written, told from its first bytes: its delimiter, its header and its width."""

import codecs
import csv
import io
from typing import NamedTuple

from ml_core.errors import MalformedInput
from ml_core.inputs.rules import TYPED
from ml_core.inputs.texts import LONGEST_NUMBER, number_parts, read_date
from ml_core.tables.options import GAP_SIGNS, MISSING_WORDS, NOTHING_SAID, ReadOptions
from ml_core.tables.text import SAMPLE_BYTES, encoding_of

# A space separates cells where nothing else does, as R writes tables.
_DELIMITERS = ",;\t| "
_SPACE = " "
_SIGNS = frozenset(_DELIMITERS) - {_SPACE}
_LEAST_CELLS = 3
# How well a delimiter fits by which the header lacks a name: worse than one by which it does not.
_LIKELY = 0.5
_SNIFFED_RECORDS = 200
_GAPS = frozenset((*MISSING_WORDS, *GAP_SIGNS))
_NO_HEADER = (
    "the file has no header, as its first line holds values: columns are x0, x1 …; "
    '"header": true takes it for names'
)


class Dialect(NamedTuple):
    """How a text file holds a table, from the byte `begin`; `names` are the header's, None without one.

    `header_line` says whether the header still stands there. `lines_a_record` is told by the first records.
    `doubts` are what is to be said of the guesses.
    In a `strict` one each byte has to be of the encoding, as somebody said it.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...] | None
    width: int
    begin: int
    lines_a_record: float = 1.0
    doubts: tuple[str, ...] = ()
    strict: bool = False
    header_line: bool = True


def dialect_of(
    head: bytes, *, whole: bool, encoding: str | None = None, options: ReadOptions = NOTHING_SAID
) -> Dialect:
    """How a CSV file that begins with `head` is written; `whole` says that nothing follows.

    `options` say what is not guessed. Raises `MalformedInput`.
    """
    encoding = encoding or said_encoding(options, head) or encoding_of(head)
    try:
        text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    except UnicodeError:  # without the mark that UTF-16 and UTF-32 begin with
        raise MalformedInput(f'the file is not {encoding}: say another "encoding", or leave it out') from None
    begin, told = 0, None
    if text[:4].lower() == "sep=" and encoding.startswith("utf-8") and _is_delimiter(text[4:]):
        # Excel's own first line
        told, text = text[4], text[5:].lstrip("\r\n")
        begin = len(head) - len(text.encode(_codec(encoding), "replace"))
    told = options.delimiter or told
    candidates = [told] if told else list(_DELIMITERS)
    samples = {delimiter: _records(text, delimiter, whole=whole) for delimiter in candidates}
    delimiter = max(candidates, key=lambda each: _fitness(samples[each], each))
    records = samples[delimiter]
    if not records:
        raise MalformedInput("the file has no line that ends within its first megabyte")
    if lacks_a_name(records) and options.header is not False and (cut := _end_of_line(text)):
        rest = len(text[cut:].encode(_codec(encoding), "replace"))
        named = ("", *(cell.strip() for cell in records[0]))
        strict = options.encoding is not None
        return Dialect(
            encoding, delimiter, named, len(named), len(head) - rest, strict=strict, header_line=False
        )
    first = records[0]
    has_header = options.header if options.header is not None else not _are_values(records)
    names = tuple(cell.strip() for cell in first) if has_header else None
    line_ends = sum(cell.count("\n") or cell.count("\r") for record in records for cell in record)
    doubts = () if names is not None or options.header is not None else (_NO_HEADER,)
    a_record, strict = 1 + line_ends / len(records), options.encoding is not None
    return Dialect(encoding, delimiter, names, len(first), begin, a_record, doubts, strict)


def said_encoding(options: ReadOptions, head: bytes) -> str | None:
    """The encoding that the options say, as Python calls it; that of a byte order mark is more exact."""
    if options.encoding is None:
        return None
    name = codecs.lookup(options.encoding).name
    marked = encoding_of(head[:4])
    return marked if marked.replace("-sig", "") == name else name


def _are_values(records: list[list[str]]) -> bool:
    """Whether the first record is one of values, and not a header.

    It is one if all of its cells are numbers, as no column is called. Else each cell that stands over numbers
    or dates has to be one too, or a gap, and of the others at least half have to be values of their own
    columns further down, as names are not. A date over dates is such a value: no two rows need have one.
    """
    first, later = [cell.strip() for cell in records[0]], records[1:]
    if all(map(_is_number, first)):
        return True
    # Before the names, the place of a data frame's index is empty.
    if not first[0] or len(set(first)) < 2:
        return False
    values = []
    for place, cell in enumerate(first):
        column = [record[place].strip() for record in later if place < len(record)]
        known = [value for value in column if value not in _GAPS]
        is_one = next(
            (is_one for is_one in (_is_number, _is_date) if known and all(map(is_one, known))), None
        )
        if cell in _GAPS:
            continue
        if is_one and not is_one(cell):
            return False
        if is_one is not _is_number:
            values.append(is_one is not None or cell in column)
    return any(values) and sum(values) * 2 >= len(values)


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


def _fitness(records: list[list[str]], delimiter: str) -> tuple[float, int]:
    """How well a delimiter fits: by how many records have the header's width, then by that width."""
    if lacks_a_name(records):
        return _LIKELY, len(records[1])
    if not records or len(records[0]) == 1:
        return 0.0, 0
    width = len(records[0])
    share = sum(len(record) == width for record in records) / len(records)
    if delimiter == _SPACE and (width < _LEAST_CELLS or share < 1.0):
        return 0.0, 0  # words of a sentence
    # A title may stand before the lines in which a space follows the sign that separates cells.
    later = records[1:] or records
    if delimiter == _SPACE and all(cell[-1:] in _SIGNS for record in later for cell in record[:-1]):
        return 0.0, 0
    return share, width


def lacks_a_name(records: list[list[str]]) -> bool:
    """Whether each record has a cell more than the first, another one each: R writes row names so.

    Where all of these end in an empty cell, a delimiter too many stands behind the last.
    """
    if len(records) < _LEAST_CELLS or len(records[0]) < _LEAST_CELLS - 1:
        return False
    width, later = len(records[0]) + 1, records[1:]
    if not all(len(record) == width for record in later) or not any(record[-1].strip() for record in later):
        return False
    return len({record[0] for record in later}) == len(later)


def _end_of_line(text: str) -> int:
    """Where the first line of a text ends; 0 where it cannot be told by its line end alone."""
    line = text[: text.find("\n") + 1]
    return len(line) if line.count('"') % 2 == 0 else 0


def _codec(encoding: str) -> str:
    """The name of an encoding under which nothing is written before the text."""
    return encoding.removesuffix("-sig")


def _is_number(cell: str) -> bool:
    text = cell.strip()
    return len(text) <= LONGEST_NUMBER and number_parts(text) is not None


def _is_date(cell: str) -> bool:
    return read_date(cell, TYPED) is not None
