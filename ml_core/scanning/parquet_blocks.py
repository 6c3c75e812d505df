"""The rows of a part of Parquet, block by block: the row groups and columns that are wanted alone."""

import io
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from mmap import mmap
from typing import TYPE_CHECKING, NamedTuple

from arro3.io import read_parquet

from ml_core.datasets.sources import DataFile
from ml_core.errors import MalformedInput
from ml_core.scanning.block import BatchColumns, Block
from ml_core.scanning.files import DataFiles
from ml_core.scanning.footers import (
    BROKEN,
    MARK,
    TAIL_BYTES,
    Footer,
    Piece,
    RowGroup,
    footer_length,
    footer_of,
    piece_of,
)
from ml_core.scanning.plan import Part
from ml_core.tables import arrow
from ml_core.tables.batches import check_width
from ml_core.tables.columns import different_names

if TYPE_CHECKING:
    from arro3.core import RecordBatch, RecordBatchReader

# Row groups are read whole up to so many bytes; of a larger one, windows of its columns. Small ones are read
# together.
_WHOLE_BYTES, _WINDOW_BYTES, _LEAST_WINDOW = 5 << 25, 1 << 25, 1 << 18
_TOGETHER_BYTES = 1 << 24
# Wanted bytes that are so near are asked for together, and so many at a time: what is read of more is memory
# that the system makes anew each time.
_NEAR_BYTES, _READ_BYTES = 1 << 17, 1 << 22
_TAIL_READ = 1 << 16
_FIRST_ROWS, _GROWTH, _TOO_MANY = 64, 16, 4
_MOST_ROWS = 1 << 16
_BYTES_A_VALUE = 8.0


def read_footer(data: DataFiles, file: DataFile) -> Footer:
    """A file's footer. Raises `MalformedInput`."""
    if file.size < len(MARK) + TAIL_BYTES:
        raise MalformedInput("the file cannot be read as Parquet: it is cut off")
    tail = data.part(file, max(0, file.size - _TAIL_READ), file.size)
    length = footer_length(tail[-TAIL_BYTES:])
    if length + TAIL_BYTES + len(MARK) > file.size:
        raise MalformedInput("the file cannot be read as Parquet: its footer is longer than the file")
    if length + TAIL_BYTES > len(tail):
        tail = data.part(file, file.size - length - TAIL_BYTES, file.size)
    footer = footer_of(tail[-TAIL_BYTES - length : -TAIL_BYTES], file.size)
    check_width(len(footer.columns))
    return footer


_footers: "dict[DataFile, Footer]" = {}
_MOST_FOOTERS = 8


def _footer(data: DataFiles, file: DataFile) -> Footer:
    """A file's footer, kept for the file's next parts."""
    found = _footers.get(file)
    if found is None:
        while len(_footers) >= _MOST_FOOTERS:
            _footers.pop(next(iter(_footers)), None)
        found = _footers[file] = read_footer(data, file)
    return found


@lru_cache(8)
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(different_names(names)[0])


def parquet_blocks(
    data: DataFiles, file: DataFile, part: Part, wanted: Collection[str], block_bytes: int
) -> Iterator[Block]:
    """The rows of a part's row groups. Raises `MalformedInput`."""
    footer = _footer(data, file)
    placed = {name: place for place, name in enumerate(_names(tuple(footer.schema.names))) if name in wanted}
    groups = [group for group in footer.groups(part.told, part.end - part.begin) if group.rows]
    row = part.first
    if not placed:
        for group in groups:
            yield Block(group.rows, {}, range(row + 1, row + 1 + group.rows))
            row += group.rows
        return
    places = list(placed.values())
    read = {name: place for place, name in enumerate(placed)}  # where a piece has them
    size = _Batches(block_bytes, _BYTES_A_VALUE * len(places) if footer.are_fixed(places) else None)
    for run in _runs(groups, footer, places):
        begun, piece = row, piece_of(footer, run, places)
        for batch in size.batches(data, file, piece):
            yield Block(batch.num_rows, BatchColumns(batch, read), range(row + 1, row + 1 + batch.num_rows))
            row += batch.num_rows
        if row - begun != piece.rows:
            raise MalformedInput("the file is broken: it has not as many rows as its footer says")


def _size(group: RowGroup, footer: Footer, places: Sequence[int]) -> int:
    chunks = (group.chunks[leaf] for place in places for leaf in footer.leaves[place])
    return sum(chunk.end - chunk.begin for chunk in chunks)


def _runs(groups: Sequence[RowGroup], footer: Footer, places: Sequence[int]) -> Iterator[list[RowGroup]]:
    """Row groups that are read together."""
    run: list[RowGroup] = []
    held = 0
    for group in groups:
        size = _size(group, footer, places)
        if run and held + size > _TOGETHER_BYTES:
            yield run
            run, held = [], 0
        run.append(group)
        held += size
    if run:
        yield run


class _Batches:
    """Batches bound by bytes.

    No footer tells how long rows are: a word of a dictionary is written once and stands in any number of
    them. So where values have no fixed length the first batch is small, and none has many times the rows of
    the one before. Where rows turn out to be longer, reading is begun again for fewer of them at once.
    """

    def __init__(self, block_bytes: int, row_bytes: float | None) -> None:
        """`row_bytes` are those of a row, where all have as many."""
        self._block_bytes = block_bytes
        self._fixed = row_bytes is not None
        self._longest = row_bytes or 0.0

    def _fitting(self) -> int:
        return max(1, min(_MOST_ROWS, int(self._block_bytes / self._longest)))

    def batches(self, data: DataFiles, file: DataFile, piece: Piece) -> "Iterator[RecordBatch]":
        """The rows of a piece."""
        if piece.size > _WHOLE_BYTES:
            yield from self._of_source(_Piece(data, file, piece), piece.rows)
            return
        memory = _memory(piece.size)
        view = memoryview(memory)[: piece.size]
        try:
            _fill(view, data, file, piece)
            yield from self._of_source(view, piece.rows)
        finally:
            _keep(memory, view)

    def _of_source(self, source: "_Piece | memoryview", rows: int) -> "Iterator[RecordBatch]":
        at_once = self._fitting() if self._longest else _FIRST_ROWS
        done = 0
        while done < rows:
            reader = _reader(source, at_once)
            ahead, going = done, True
            while going and (batch := _next(reader)) is not None:
                if ahead >= batch.num_rows:
                    ahead -= batch.num_rows
                    continue
                yield batch.slice(ahead) if ahead else batch
                done += batch.num_rows - ahead
                ahead = 0
                # The buffers of a batch that is not full are longer than it.
                if not self._fixed and (batch.num_rows >= at_once or not self._longest):
                    self._longest = max(self._longest, batch.nbytes / batch.num_rows)
                larger = min(self._fitting(), at_once * _GROWTH)
                going = at_once <= self._fitting() * _TOO_MANY and larger < at_once * 2
            if going:
                return
            at_once = min(self._fitting(), at_once * _GROWTH)


def _reader(source: "_Piece | memoryview", rows: int) -> "RecordBatchReader":
    with arrow.engine(BROKEN):
        return read_parquet(source, batch_size=rows)  # type: ignore[arg-type]  # a file that is read


def _next(reader: "RecordBatchReader") -> "RecordBatch | None":
    with arrow.engine(BROKEN):
        return next(reader, None)


# The memory that pieces are read into, one after another: the system makes it once, as far as it is used.
_kept: list[mmap] = []


def _memory(size: int) -> mmap:
    """Memory for a piece, and for others that are a little larger."""
    try:
        memory = _kept.pop()
    except IndexError:
        return mmap(-1, size + size // 8)
    if len(memory) >= size:
        return memory
    del memory  # before there is more
    return mmap(-1, size + size // 8)


def _keep(memory: mmap, view: memoryview) -> None:
    """Keep memory for the next piece, unless an array still stands in it."""
    try:
        view.release()
    except BufferError:
        return
    _kept[:] = [memory]


class _Span(NamedTuple):
    """Bytes of a file, and where in a piece they stand."""

    begin: int
    end: int
    at: int


def _fill(view: memoryview, data: DataFiles, file: DataFile, piece: Piece) -> None:
    """Read a piece."""
    view[: len(MARK)] = MARK
    view[piece.size - len(piece.end) :] = piece.end
    for run in _near(_spans(piece)):
        begin, end = run[0].begin, max(span.end for span in run)
        for here in range(begin, end, _READ_BYTES):
            until = min(end, here + _READ_BYTES)
            if len(run) == 1:  # of which nothing is left out: it is read to where it belongs
                at = run[0].at - begin
                if data.part_into(file, here, view[at + here : at + until]) != until - here:
                    raise MalformedInput(f"{BROKEN}: it is cut off")
                continue
            read = memoryview(data.part(file, here, until))
            for span in run:
                first, last = max(span.begin, here), min(span.end, until)
                if first < last:
                    to = span.at + first - span.begin
                    view[to : to + last - first] = read[first - here : last - here]


def _spans(piece: Piece) -> list[_Span]:
    """The spans of a piece in the file's order; those that follow each other in both are one."""
    found: list[_Span] = []
    at = len(MARK)
    for begin, end in piece.spans:
        last = found[-1] if found else None
        if last is not None and last.end == begin:  # and it ends where this is to stand
            found[-1] = last._replace(end=end)
        elif begin < end:
            found.append(_Span(begin, end, at))
        at += end - begin
    return sorted(found)


def _near(spans: Sequence[_Span]) -> Iterator[list[_Span]]:
    """Runs of spans that are near to each other."""
    run: list[_Span] = []
    end = 0
    for span in spans:
        if run and span.begin - end > _NEAR_BYTES:
            yield run
            run = []
        run.append(span)
        end = max(end, span.end)
    if run:
        yield run


class _Window(NamedTuple):
    """Bytes of a file from `begin` on."""

    begin: int
    data: bytes


class _Piece(io.RawIOBase):
    """The file that a piece is. Of each span a window is held."""

    def __init__(self, data: DataFiles, file: DataFile, piece: Piece) -> None:
        self._data = data
        self._file = file
        self._piece = piece
        self._at = 0
        self._begins = [len(MARK)]
        for begin, end in piece.spans:
            self._begins.append(self._begins[-1] + end - begin)
        self.size = piece.size
        self._window = max(_LEAST_WINDOW, _WINDOW_BYTES // len(piece.spans))
        self._held: dict[int, _Window] = {}
        # The bytes that were read last, and where they stand in this file: the next are mostly among them.
        self._last, self._last_begin, self._last_end, self._shift = b"", 0, 0, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where reading goes on."""
        return self._at

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go on elsewhere."""
        self._at = offset if not whence else offset + (0, self._at, self.size)[whence]
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""
        at = self._at
        if not (self._last_begin <= at and 0 < size <= self._last_end - at):
            return self._across(size)
        self._at = at + size
        return self._last[at + self._shift : at + self._shift + size]

    def _across(self, size: int) -> bytes:
        """Bytes that are not all among those that were read last."""
        if size < 0:
            raise io.UnsupportedOperation("the file is read in pieces")
        read: list[bytes] = []
        while size > 0 and self._at < self.size:
            self._find(size)
            some = self._last[self._at + self._shift : min(self._last_end, self._at + size) + self._shift]
            read.append(some)
            self._at += len(some)
            size -= len(some)
        return read[0] if len(read) == 1 else b"".join(read)

    def _find(self, size: int) -> None:
        """Have at hand what stands where reading goes on: the mark, a span's window, or the footer."""
        at, tail = self._at, self._begins[-1]
        if at < len(MARK):
            self._last, self._last_begin, self._last_end, self._shift = MARK, 0, len(MARK), 0
            return
        if at >= tail:
            self._last, self._last_begin, self._last_end, self._shift = (
                self._piece.end,
                tail,
                self.size,
                -tail,
            )
            return
        place = bisect_right(self._begins, at) - 1
        begin, end = self._piece.spans[place]
        moved = begin - self._begins[place]
        held = self._held.get(place)
        if held is None or not held.begin <= at + moved < held.begin + len(held.data):
            here = at + moved
            read = self._data.part(self._file, here, min(end, here + max(self._window, size)))
            held = self._held[place] = _Window(here, read)
        self._last = held.data
        self._last_begin = held.begin - moved
        self._last_end = self._last_begin + len(held.data)
        self._shift = -self._last_begin
