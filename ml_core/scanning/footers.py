"""A Parquet file's footer: where its row groups and their columns stand, and files made of a few of them.

The engine reads whole files. So the columns and row groups that are wanted are given to it as a file of their
own: their bytes as they are, between the marks, and a footer that names no others.
https://parquet.apache.org/docs/file-format/metadata/
"""

import base64
import io
from collections.abc import Sequence
from typing import NamedTuple

from arro3.core import RecordBatchReader, Schema
from arro3.io import read_parquet, write_ipc_stream

from ml_core.errors import MalformedInput
from ml_core.scanning.thrift import BINARY, I32, I64, LIST, STRUCT, Struct, ThriftReader, struct_bytes
from ml_core.tables import arrow

MARK = b"PAR1"
TAIL_BYTES = 8
_ENCRYPTED = b"PARE"
BROKEN = "the file cannot be read as Parquet"
# The fields of FileMetaData, RowGroup, ColumnChunk, ColumnMetaData, SchemaElement and KeyValue that are used.
_SCHEMA, _ROWS, _GROUPS, _KEYS = 2, 3, 4, 5
_COLUMNS, _GROUP_BYTES, _GROUP_ROWS = 1, 2, 3
_FILE_PATH, _CHUNK = 1, 3
_TYPE, _PACKED, _DATA, _DICTIONARY = 1, 7, 9, 11
_CHILDREN, _NAME = 5, 4
# Of a chunk: its type, encodings, path, codec, values and sizes. Statistics and indexes are left behind.
_KEPT = (1, 2, 3, 4, 5, 6, 7)
_ARROW_SCHEMA = b"ARROW:schema"
_BYTE_ARRAY = 6


class Chunk(NamedTuple):
    """A column of a row group: where its bytes are, what they are unpacked, and its description."""

    begin: int
    end: int
    unpacked: int
    described: Struct


class RowGroup(NamedTuple):
    """A row group: its rows, and the chunks of each of the file's leaves."""

    rows: int
    chunks: tuple[Chunk, ...]

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(chunk.end - chunk.begin for chunk in self.chunks)

    @property
    def unpacked(self) -> int:
        """The bytes of its values."""
        return sum(chunk.unpacked for chunk in self.chunks)


class Footer(NamedTuple):
    """What a footer says.

    `columns` are the schema's elements of each column, of a nested one several, and `leaves` the places of
    its chunks in a row group.
    """

    root: Struct
    columns: tuple[tuple[Struct, ...], ...]
    leaves: tuple[range, ...]
    groups: tuple[RowGroup, ...]
    schema: Schema

    def are_fixed(self, places: Sequence[int]) -> bool:
        """Whether each value of these columns takes as many bytes as any other."""
        return all(
            len(self.columns[place]) == 1 and self.columns[place][0].get(_TYPE, (I32, 0))[1] != _BYTE_ARRAY
            for place in places
        )


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
    try:
        told = ThriftReader(data).struct()
        root, *elements = told[_SCHEMA][1][1]
        columns, leaves, at = [], [], 0
        while elements:
            taken, count = _subtree(elements)
            columns.append(tuple(elements[:taken]))
            leaves.append(range(at, at + count))
            elements, at = elements[taken:], at + count
        groups = tuple(_row_group(each) for each in told[_GROUPS][1][1])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise MalformedInput(f"{BROKEN}: its footer is broken") from None
    end = size - TAIL_BYTES - len(data)
    for group in groups:
        if len(group.chunks) != at or any(not len(MARK) <= c.begin <= c.end <= end for c in group.chunks):
            raise MalformedInput(f"{BROKEN}: it is cut off, as its footer tells of bytes that are not there")
    if len(columns) != len(schema.names):
        raise MalformedInput(f"{BROKEN}: its footer is broken")
    return Footer(root, tuple(columns), tuple(leaves), groups, schema)


def _subtree(elements: Sequence[Struct]) -> tuple[int, int]:
    """How many elements belong to the first, itself too, and how many of them are leaves."""
    children = elements[0].get(_CHILDREN, (I32, 0))[1]
    taken, leaves = 1, 0 if children else 1
    for _ in range(children):
        more, inner = _subtree(elements[taken:])
        taken, leaves = taken + more, leaves + inner
    return taken, leaves


def _row_group(described: Struct) -> RowGroup:
    return RowGroup(described[_GROUP_ROWS][1], tuple(map(_chunk, described[_COLUMNS][1][1])))


def _chunk(described: Struct) -> Chunk:
    if _FILE_PATH in described:
        raise MalformedInput(f"{BROKEN}: its columns are in other files")
    if _CHUNK not in described:
        raise MalformedInput(f"{BROKEN}: its columns are encrypted")
    told = described[_CHUNK][1]
    begin = told[_DATA][1]
    if _DICTIONARY in told and 0 < told[_DICTIONARY][1] < begin:
        begin = told[_DICTIONARY][1]
    return Chunk(begin, begin + told[_PACKED][1], told[6][1], told)


class Piece(NamedTuple):
    """A file of some columns of some row groups.

    `spans` are the bytes of the original, one after another behind the mark, and `end` is what follows them.
    """

    spans: tuple[tuple[int, int], ...]
    end: bytes
    rows: int


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
    write_ipc_stream(RecordBatchReader.from_batches(schema, []), stream)
    message = stream.getvalue()
    length = int.from_bytes(message[4:8], "little")
    return base64.b64encode(message[: 8 + length])


def _file(footer: bytes, chunks: bytes) -> bytes:
    """A file with such a footer."""
    return b"".join((MARK, chunks, footer, len(footer).to_bytes(4, "little"), MARK))
