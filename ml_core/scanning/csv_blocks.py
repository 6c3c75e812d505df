"""The rows of a part of CSV, block by block."""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from arro3.core import Array, DataType, Field, Schema
from arro3.io import read_csv

from ml_core.errors import MalformedInput
from ml_core.scanning.block import Block, Reject, check_record
from ml_core.scanning.records import Records, decoded_records, records_of
from ml_core.tables import arrow

if TYPE_CHECKING:
    from arro3.core import RecordBatch

_NOTHING = DataType.null()


class CsvForm(NamedTuple):
    """How records are written: what separates cells, and the names of all columns."""

    delimiter: str
    names: tuple[str, ...]


def csv_blocks(
    chunks: Iterator[bytes], form: CsvForm, wanted: Collection[str], first: int
) -> Iterator[Block]:
    """The rows of a text that begins with a record, given as UTF-8; `first` lines are before it.

    Raises `MalformedInput` for a quote that is never closed.
    """
    places = [place for place, name in enumerate(form.names) if name in wanted]
    rest, lines = b"", first
    for chunk in chain(chunks, (None,)):
        last = chunk is None
        text = rest if chunk is None else rest + chunk
        records = records_of(text, form.delimiter, last=last)
        if last and records.open is not None:
            raise never_closed(records, lines)
        cut = int(records.ends[-1]) if len(records.ends) else 0
        rest = text[cut:]
        ended = int(records.lines[-1]) if cut else 0
        check_record(rest, lines + ended + 1)
        if records.rows:
            yield _block(text[:cut] if rest else text, records, form, places, lines)
        lines += ended


def never_closed(records: Records, lines: int) -> MalformedInput:
    """The refusal of a text whose last record, behind so many lines, has a quote that is never closed."""
    begun = int(records.lines[-2]) if len(records.ends) > 1 else 0
    return MalformedInput(
        f"the record that begins in line {lines + begun + 1} has a quote that is never closed: "
        "close it, or double it within a cell"
    )


def _block(text: bytes, records: Records, form: CsvForm, places: Sequence[int], before: int) -> Block:
    """The block of whole records."""
    rows = records.rows
    lines: list[int] = (before + records.lines[~records.blank]).tolist()
    batch = _batch(text, form, frozenset(places), rows)
    if batch is not None and batch.num_rows == rows:
        columns = {form.names[place]: batch.column(place) for place in places}
        return Block(rows, columns, lines, written=True)
    return _read_apart(text, form, places, lines)


def _batch(text: bytes, form: CsvForm, places: Collection[int], rows: int) -> "RecordBatch | None":
    """All records at once; None where the engine does not take one of them."""
    schema = Schema(
        [
            Field(f"c{place}", arrow.STRING if place in places else _NOTHING, nullable=True)
            for place in range(len(form.names))
        ]
    )
    try:
        batches = list(
            read_csv(text, schema, has_header=False, batch_size=max(1, rows), delimiter=form.delimiter)
        )
    except (MemoryError, OSError):
        raise
    except Exception:  # noqa: BLE001 - the engine raises nothing more special
        return None
    return batches[0] if len(batches) == 1 else None


def _read_apart(text: bytes, form: CsvForm, places: Sequence[int], lines: Sequence[int]) -> Block:
    """The block of records of which some have more or fewer cells than there are columns."""
    width = len(form.names)
    records = decoded_records(text.decode(), form.delimiter)
    if len(records) != len(lines):
        raise AssertionError(f"{len(records)} records have {len(lines)} ends")
    kept = [row for row, cells in enumerate(records) if len(cells) == width]
    rejected = tuple(
        Reject(None, lines[row], "", f"expected {width} cells, got {len(cells)}")
        for row, cells in enumerate(records)
        if len(cells) != width
    )
    columns = {
        form.names[place]: Array([records[row][place] or None for row in kept], arrow.STRING)
        for place in places
    }
    return Block(len(kept), columns, [lines[row] for row in kept], written=True, rejected=rejected)
