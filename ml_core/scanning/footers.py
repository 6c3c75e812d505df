"""A Parquet file's footer: where its row groups and their columns stand, and files made of a few of them.

The engine reads whole files. So the columns and row groups that are wanted are given to it as a file of their
own: their bytes as they are, between the marks, and a footer that names no others.
https://parquet.apache.org/docs/file-format/metadata/
"""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from arro3.core import RecordBatchReader, Schema
from arro3.io import read_parquet, write_ipc_stream

from ml_core.errors import MalformedInput
from ml_core.tables import arrow
from ml_core.tables.thrift import BINARY, I32, I64, LIST, STRUCT, Struct, ThriftReader, struct_bytes

MARK = b"PAR1"
TAIL_BYTES = 8
_ENCRYPTED = b"PARE"
BROKEN = "the file cannot be read as Parquet"
# The fields of FileMetaData, RowGroup, ColumnChunk, ColumnMetaData, SchemaElement and KeyValue that are used.
_SCHEMA, _ROWS, _GROUPS, _KEYS = 2, 3, 4, 5
_COLUMNS, _GROUP_BYTES, _GROUP_ROWS = 1, 2, 3
_FILE_PATH, _CHUNK = 1, 3
_TYPE, _UNPACKED, _PACKED, _DATA, _DICTIONARY = 1, 6, 7, 9, 11
_CHILDREN, _NAME = 5, 4
# Of a chunk: its type, encodings, path, codec, values and sizes. Statistics and indexes are left behind.
_KEPT = (1, 2, 3, 4, 5, 6, 7)
_READ = frozenset((*_KEPT, _DATA, _DICTIONARY))
# What reading bytes that are not Thrift's ends with.
_NOT_THRIFT = (IndexError, KeyError, TypeError, ValueError, RecursionError)
_ARROW_SCHEMA = b"ARROW:schema"
_BYTE_ARRAY = 6


class Chunk(NamedTuple):
    """A column of a row group: where its bytes are, what they are unpacked, and its description."""

    begin: int
    end: int
    unpacked: int
    described: Struct


class RowGroup(NamedTuple):
    """A row group: its rows, the chunks of each of the file's leaves, and where the footer describes it."""

    rows: int
    chunks: tuple[Chunk, ...]
    told: int

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(chunk.end - chunk.begin for chunk in self.chunks)

    @property
    def unpacked(self) -> int:
        """The bytes of its values."""
        return sum(chunk.unpacked for chunk in self.chunks)


class Footer(NamedTuple):
    """A footer, of which row groups are read when they are asked for.

    `columns` are the schema's elements of each column, of a nested one several, and `leaves` the places of
    its chunks in a row group. `number` row groups are described from the byte `first` on; `end` is the byte
    of the file that the footer begins at.
    """

    data: bytes
    end: int
    root: Struct
    columns: tuple[tuple[Struct, ...], ...]
    leaves: tuple[range, ...]
    schema: Schema
    number: int
    first: int

    def are_fixed(self, places: Sequence[int]) -> bool:
        """Whether each value of these columns takes as many bytes as any other."""
        return all(
            len(self.columns[place]) == 1 and self.columns[place][0].get(_TYPE, (I32, 0))[1] != _BYTE_ARRAY
            for place in places
        )

    def groups(self, told: int, count: int) -> Iterator[RowGroup]:
        """So many row groups, from the one that is described at a byte. Raises `MalformedInput`.

        One of no rows has no chunks: what a footer says of their places means nothing.
        """
        reader, leaves = ThriftReader(self.data, told), self.leaves[-1].stop if self.leaves else 0
        for _ in range(count):
            try:
                group = _row_group(reader)
            except _NOT_THRIFT:
                raise MalformedInput(f"{BROKEN}: its footer is broken") from None
            if not group.rows:
                yield group._replace(chunks=())
                continue
            if len(group.chunks) != leaves or any(
                not len(MARK) <= chunk.begin <= chunk.end <= self.end for chunk in group.chunks
            ):
                raise MalformedInput(
                    f"{BROKEN}: it is cut off, as its footer tells of bytes that are not there"
                )
            yield group


def footer_length(tail: bytes) -> int:
    """How long the footer is before these last eight bytes. Raises `MalformedInput`."""
    if tail[4:] == _ENCRYPTED:
        raise MalformedInput(f"{BROKEN}: its footer is encrypted")
    if tail[4:] != MARK:
        raise MalformedInput(f"{BROKEN}: it is cut off, as its last bytes are none of a footer")
    return int.from_bytes(tail[:4], "little")


def footer_of(data: bytes, size: int) -> Footer:
    """What a footer of a file of `size` bytes says. Raises `MalformedInput`."""
    with arrow.engine(BROKEN):
        schema = read_parquet(_file(data, b""), batch_size=1).schema
    reader, elements = ThriftReader(data), []
    try:
        for number, kind in reader.fields():
            if number == _GROUPS:
                count, first = reader.list_header()[1], reader.at
                break
            if number == _SCHEMA:
                elements = reader.value(kind)[1]
            else:
                reader.skip(kind)
        columns, leaves = _columns(elements)
        root, end = elements[0], size - TAIL_BYTES - len(data)
        footer = Footer(data, end, root, columns, leaves, schema, count, first)
    except (*_NOT_THRIFT, UnboundLocalError):
        raise MalformedInput(f"{BROKEN}: its footer is broken") from None
    if len(columns) != len(schema.names):
        raise MalformedInput(f"{BROKEN}: its footer is broken")
    return footer


def _columns(elements: Sequence[Struct]) -> tuple[tuple[tuple[Struct, ...], ...], tuple[range, ...]]:
    """The elements of each column of a schema, behind its root, and the places of its leaves."""
    columns, leaves, at, leaf = [], [], 1, 0
    while at < len(elements):
        begin, open_elements, first = at, 1, leaf
        while open_elements:
            children = elements[at].get(_CHILDREN, (I32, 0))[1]
            open_elements += children - 1
            leaf += not children
            at += 1
        columns.append(tuple(elements[begin:at]))
        leaves.append(range(first, leaf))
    return tuple(columns), tuple(leaves)


def _row_group(reader: ThriftReader) -> RowGroup:
    told, rows = reader.at, 0
    chunks: list[Chunk] = []
    for number, kind in reader.fields():
        if number == _COLUMNS:
            chunks = [_chunk(reader) for _ in range(reader.list_header()[1])]
        elif number == _GROUP_ROWS:
            rows = reader.value(kind)
        else:
            reader.skip(kind)
    return RowGroup(rows, tuple(chunks), told)


def _chunk(reader: ThriftReader) -> Chunk:
    told: Struct | None = None
    for number, kind in reader.fields():
        if number == _CHUNK:
            told = reader.struct(_READ)
        elif number == _FILE_PATH:
            raise MalformedInput(f"{BROKEN}: its columns are in other files")
        else:
            reader.skip(kind)
    if told is None:
        raise MalformedInput(f"{BROKEN}: its columns are encrypted")
    begin = told[_DATA][1]
    if _DICTIONARY in told and 0 < told[_DICTIONARY][1] < begin:
        begin = told[_DICTIONARY][1]
    return Chunk(begin, begin + told[_PACKED][1], told[_UNPACKED][1], told)


class Piece(NamedTuple):
    """A file of some columns of some row groups.

    `spans` are the bytes of the original, one after another behind the mark, and `end` is what follows them.
    """

    spans: tuple[tuple[int, int], ...]
    end: bytes
    rows: int

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(MARK) + sum(end - begin for begin, end in self.spans) + len(self.end)


def piece_of(footer: Footer, groups: Sequence[RowGroup], places: Sequence[int]) -> Piece:
    """What a file of these row groups and of the columns at these places consists of."""
    at, spans, told = len(MARK), [], []
    for group in groups:
        chunks = [group.chunks[leaf] for place in places for leaf in footer.leaves[place]]
        described: list[Struct] = []
        for chunk in chunks:
            meta: Struct = {field: chunk.described[field] for field in _KEPT if field in chunk.described}
            moved = at - chunk.begin
            for field in (_DATA, _DICTIONARY):
                if field in chunk.described and chunk.described[field][1] > 0:
                    meta[field] = (I64, chunk.described[field][1] + moved)
            described.append({2: (I64, 0), _CHUNK: (STRUCT, meta)})
            spans.append((chunk.begin, chunk.end))
            at += chunk.end - chunk.begin
        told.append(
            {
                _COLUMNS: (LIST, (STRUCT, described)),
                _GROUP_BYTES: (I64, sum(chunk.unpacked for chunk in chunks)),
                _GROUP_ROWS: (I64, group.rows),
            }
        )
    rows = sum(group.rows for group in groups)
    root = {**footer.root, _CHILDREN: (I32, len(places))}
    schema = [root, *(element for place in places for element in footer.columns[place])]
    kept = Schema([footer.schema.field(place) for place in places])
    keys: list[Struct] = [{1: (BINARY, _ARROW_SCHEMA), 2: (BINARY, _arrow_schema(kept))}]
    written = struct_bytes(
        {
            1: (I32, 1),
            _SCHEMA: (LIST, (STRUCT, schema)),
            _ROWS: (I64, rows),
            _GROUPS: (LIST, (STRUCT, told)),
            _KEYS: (LIST, (STRUCT, keys)),
        }
    )
    return Piece(tuple(spans), written + len(written).to_bytes(4, "little") + MARK, rows)


def _arrow_schema(schema: Schema) -> bytes:
    """The schema as the engine writes it into a footer: a message of Arrow's IPC format."""
    stream = io.BytesIO()
    with arrow.engine(BROKEN):
        write_ipc_stream(RecordBatchReader.from_batches(schema, []), stream)
    message = stream.getvalue()
    length = int.from_bytes(message[4:8], "little")
    return base64.b64encode(message[: 8 + length])


def _file(footer: bytes, chunks: bytes) -> bytes:
    """A file with such a footer."""
    return b"".join((MARK, chunks, footer, len(footer).to_bytes(4, "little"), MARK))
