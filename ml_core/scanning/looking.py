"""What each file of a table is: its format, its columns, and where its rows begin. One task for each."""

from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.datasets.reopening import Reopening
from ml_core.datasets.sources import DataFile
from ml_core.errors import InvalidInput, MalformedInput
from ml_core.scanning.files import DataFiles
from ml_core.scanning.records import line_ends, records_of
from ml_core.scanning.texts import LOOKED_AT, is_cut_anywhere
from ml_core.tables import sniffing
from ml_core.tables.batches import check_width
from ml_core.tables.columns import different_names
from ml_core.tables.options import ReadOptions
from ml_core.tables.readers import CSV, JSON_LINES, PARQUET
from ml_core.tables.text import SAMPLE_BYTES

if TYPE_CHECKING:
    from ml_core.tables.dialects import Dialect


class Survey(NamedTuple):
    """What is known before a file is looked at.

    `data` is where files are read in this process, or else `stores` says how they are opened. `like` is what
    was seen of the first file: another has the same format, delimiter and kind of header.
    """

    data: DataFiles | None
    stores: Reopening | None
    options: ReadOptions
    declared: str | None
    like: "Seen | None" = None

    def opened(self) -> DataFiles:
        """Where files are read."""
        if self.data is not None:
            return self.data
        if self.stores is None:
            raise AssertionError("nothing says where files are read")
        return self.stores.open().data


class GroupSize(NamedTuple):
    """A row group's rows, its bytes, those of its values, and where the footer describes it."""

    rows: int
    size: int
    unpacked: int
    told: int


class Seen(NamedTuple):
    """What was seen of a file.

    Args:
        format: its format.
        names: its columns' names in their order, made different.
        how: delimiter, encoding and header of CSV.
        begin: the byte that its first row begins at, or 0 if it has to be read from its beginning.
        skipped: how many bytes of UTF-8 are before the first row then.
        lines: how many lines.
        cut: whether it can be read from its middle.
        groups: of Parquet, how large each row group is.
        warnings: what is to be said of it.
        indexes: the columns that a data frame's index was written to.
        renamed: the names that were made different, each with the name that it has in the file.
    """

    format: str
    names: tuple[str, ...]
    how: Mapping[str, Any] = {}
    begin: int = 0
    skipped: int = 0
    lines: int = 0
    cut: bool = True
    groups: tuple[GroupSize, ...] = ()
    warnings: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    renamed: Mapping[str, str] = {}


def look(survey: Survey, file: DataFile) -> Seen:
    """What a file is. Raises `MalformedInput` and `InvalidInput` with its address."""
    try:
        return _look(survey, file)
    except MalformedInput as error:
        raise MalformedInput(f"{file.uri}: {error}") from None


def _look(survey: Survey, file: DataFile) -> Seen:
    data, like = survey.opened(), survey.like
    size = min(file.size, SAMPLE_BYTES if like is None else LOOKED_AT)
    head = data.part(file, 0, size)
    kind = sniffing.format_of(head, declared=survey.declared)
    if like is not None and kind != like.format:
        raise InvalidInput.at(
            "$.data.uri", f"{file.uri}: expected {like.format} as the first file is, got {kind}"
        )
    if kind == PARQUET:
        return _parquet(data, file)
    if kind == JSON_LINES:
        from ml_core.scanning.json_blocks import names_in

        return _json_lines(survey, head, names_in)
    if kind != CSV:
        raise InvalidInput.at(
            "$.data.uri", f"{file.uri}: {kind} is not read part by part: write CSV or Parquet"
        )
    if like is None:
        return _csv(survey, file, head)
    try:
        return _csv(survey, file, head)
    except MalformedInput:
        if size == file.size:
            raise
    return _csv(survey, file, data.part(file, 0, min(file.size, SAMPLE_BYTES)))


def _parquet(data: DataFiles, file: DataFile) -> Seen:
    from ml_core.scanning.parquet_blocks import read_footer
    from ml_core.tables.parquet import pandas_indexes

    footer = read_footer(data, file)
    names, warnings = different_names(footer.schema.names)
    return Seen(
        PARQUET,
        tuple(names),
        groups=tuple(
            GroupSize(group.rows, group.size, group.unpacked, group.told)
            for group in footer.groups(footer.first, footer.number)
        ),
        warnings=tuple(warnings),
        indexes=tuple(sorted(pandas_indexes(footer.schema))),
        renamed=_renamed(names, footer.schema.names),
    )


def _renamed(names: Sequence[str], given: Sequence[str] | None) -> dict[str, str]:
    """Which names were made different, each with the name that the file gives it."""
    if given is None:
        return {}
    return {name: each for name, each in zip(names, given, strict=True) if each and name != each}


def _json_lines(survey: Survey, head: bytes, names_in: Any) -> Seen:  # noqa: ANN401
    from ml_core.tables.dialects import said_encoding
    from ml_core.tables.text import encoding_of

    encoding = (said_encoding(survey.options, head) or encoding_of(head)).removesuffix("-sig")
    begin = len(BOM_UTF8) if encoding == "utf-8" and head.startswith(BOM_UTF8) else 0
    how = {"encoding": encoding, "strict": True}
    return Seen(JSON_LINES, names_in(head[begin:], encoding), how, begin, cut=is_cut_anywhere(encoding))


def _csv(survey: Survey, file: DataFile, head: bytes) -> Seen:
    from ml_core.tables.delimited import ONE_CELL, is_index, names_of, not_utf_8
    from ml_core.tables.dialects import dialect_of

    options, like = survey.options, survey.like
    if like is not None:
        options = options._replace(delimiter=like.how["delimiter"], header=like.how["header"])
    dialect = dialect_of(head, whole=len(head) == file.size, options=options)
    check_width(dialect.width)
    names, warnings = names_of(dialect)
    if not dialect.encoding.startswith("utf-8") and options.encoding is None:
        warnings = [*warnings, not_utf_8(dialect.encoding)]
    if dialect.width == 1:
        warnings = [*warnings, ONE_CELL]
    begin, skipped, lines, cut = _first_row(head, dialect, whole=len(head) == file.size)
    how = {
        "delimiter": dialect.delimiter,
        "encoding": dialect.encoding.removesuffix("-sig"),
        "header": dialect.names is not None,
        "strict": dialect.strict,
    }
    indexes = tuple(names[:1]) if is_index(dialect, 0) else ()
    renamed = _renamed(names, dialect.names)
    return Seen(CSV, tuple(names), how, begin, skipped, lines, cut, (), tuple(warnings), indexes, renamed)


def _first_row(head: bytes, dialect: "Dialect", *, whole: bool) -> tuple[int, int, int, bool]:
    """Where the first row begins, at which byte or behind how many of UTF-8, and the lines before it."""
    cut = is_cut_anywhere(dialect.encoding)
    text = head
    if not cut:
        import codecs

        text = codecs.getincrementaldecoder(dialect.encoding)("replace").decode(head).encode()
    begin = dialect.begin
    if not cut:
        # Where the engine of tables begins behind a first line, the text does.
        begin = 0 if dialect.header_line else int(line_ends(text, last=whole)[0])
    if dialect.encoding == "utf-8-sig" and not begin:
        begin = 3
    lines = len(line_ends(text[:begin], last=True))
    if dialect.names is None or not dialect.header_line:
        return (begin, 0, lines, True) if cut else (0, begin, lines, False)
    records = records_of(text[begin:], dialect.delimiter, last=whole)
    first = next((place for place, blank in enumerate(records.blank.tolist()) if not blank), None)
    if first is None:
        raise MalformedInput("the file has no line that ends within its first megabyte")
    end = begin + int(records.ends[first])
    lines += int(records.lines[first])
    return (end, 0, lines, True) if cut else (0, end, lines, False)
