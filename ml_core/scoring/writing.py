"""Writes predictions, and the rows that have none: Parquet with the types of what is kept, or CSV."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from arro3.core import Array, DataType, RecordBatch
from arro3.io import write_parquet

from ml_core.algorithms.outputs import LABEL
from ml_core.errors import InvalidInput, shown
from ml_core.model.output_columns import OutputColumn, cell_of, output_columns
from ml_core.scanning.block import Block, Reject
from ml_core.scoring.batches import BatchStream
from ml_core.scoring.cells import cells as cells_of
from ml_core.scoring.predicting import Predicted
from ml_core.scoring.request import ScoringRequest
from ml_core.tables.readers import PARQUET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.model.model import Model

_COMPRESSION = "zstd(1)"
_ROW_GROUP = 1 << 17  # rows: what a writer holds, and a reader reads at once
MOST_REJECT_BYTES = 32 << 20
_STRING = DataType.string()


class ScoredBlock(NamedTuple):
    """A block of a table and what is known of its rows."""

    block: Block
    predicted: Predicted


class ScoresWriter:
    """Writes the scores of parts, as a request wants them of a model."""

    def __init__(self, model: "Model", request: ScoringRequest) -> None:
        self._keep = request.keep
        self._columns = [*output_columns(model, request.outputs)]
        self._specs = {asked: _spec(model, asked) for asked in request.outputs}
        self._classes = model.classes
        self._labels = None if model.classes is None else _array_of(list(model.classes))
        self._cells = None if model.classes is None else list(map(cell_of, model.classes))
        self._write = self._parquet if request.written == PARQUET else self._csv

    def write(self, blocks: Iterator[ScoredBlock]) -> bytes:
        """A file of the rows that have predictions. Raises what making the blocks does."""
        return self._write(blocks)

    def _parquet(self, blocks: Iterator[ScoredBlock]) -> bytes:
        file = io.BytesIO()
        stream = BatchStream(self._batches(blocks))
        try:
            write_parquet(stream, file, compression=_COMPRESSION, max_row_group_size=_ROW_GROUP)
        except Exception:
            if stream.error is not None:
                raise stream.error from None
            raise
        return file.getvalue()

    def _batches(self, blocks: Iterator[ScoredBlock]) -> Iterator[RecordBatch]:
        names = [*self._keep, *(column.name for column in self._columns)]
        found = False
        for scored in blocks:
            found = True
            rows = scored.predicted.rows
            kept = [_kept_array(scored.block, name, rows) for name in self._keep]
            given = [self._array(column, scored.predicted) for column in self._columns]
            yield RecordBatch.from_arrays([*kept, *given], names=names)
        if not found:  # of no rows a file has the names, and the types that are known
            none = [self._no_values(column) for column in self._columns]
            yield RecordBatch.from_arrays([*(Array([], _STRING) for _ in self._keep), *none], names=names)

    def _array(self, column: OutputColumn, predicted: Predicted) -> Array:
        values = self._values(column, predicted)
        if not self._is_label(column):
            return Array.from_numpy(np.ascontiguousarray(values, np.float64))
        numbers = Array.from_numpy(np.ascontiguousarray(values, np.int64))
        return numbers if self._labels is None else self._labels.take(numbers)

    def _no_values(self, column: OutputColumn) -> Array:
        if self._is_label(column):
            return Array([], DataType.int64() if self._labels is None else self._labels.type)
        return Array([], DataType.float64())

    def _csv(self, blocks: Iterator[ScoredBlock]) -> bytes:
        file = io.BytesIO()
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow([*self._keep, *(column.name for column in self._columns)])
        for scored in blocks:
            rows = scored.predicted.rows
            kept = [_kept_cells(scored.block, name, rows) for name in self._keep]
            given = [self._listed(column, scored.predicted) for column in self._columns]
            writer.writerows(zip(*kept, *given, strict=True))
        text.flush()
        return file.getvalue()

    def _listed(self, column: OutputColumn, predicted: Predicted) -> list[Any]:
        values: list[Any] = self._values(column, predicted).tolist()
        if not self._is_label(column) or self._cells is None:
            return values
        return list(map(self._cells.__getitem__, values))

    def _values(self, column: OutputColumn, predicted: Predicted) -> "NDArray[Any]":
        values = predicted.values[self._specs[column.asked].name]
        if self._is_label(column):
            return values.astype(np.int64, copy=False)
        return values if values.ndim == 1 else values[:, column.place or 0]

    def _is_label(self, column: OutputColumn) -> bool:
        return bool(self._specs[column.asked].kind == LABEL)


class RejectsFile:
    """The rows without predictions as CSV, and how many there are."""

    HEADER = ("file", "line", "column", "reason")

    def __init__(self, uri: str) -> None:
        self.rows = 0
        self._uri = uri
        self._left_out = 0
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)

    def add(self, rejected: Sequence[Reject]) -> None:
        """Write them; past `MOST_REJECT_BYTES` they are only counted."""
        if rejected and not self.rows:
            self._writer.writerow(self.HEADER)
        self.rows += len(rejected)
        if self._text.tell() > MOST_REJECT_BYTES:
            self._left_out += len(rejected)
            return
        self._writer.writerows((self._uri, each.line, each.column, each.message) for each in rejected)

    def to_bytes(self) -> bytes:
        """The file; nothing where no row was rejected."""
        if self._left_out:
            self._writer.writerow((self._uri, "", "", f"and {self._left_out:,} more rows"))
            self._left_out = 0
        return self._text.getvalue().encode()


def _spec(model: "Model", asked: str) -> "OutputSpec":
    found = model.output_spec(asked)
    if found is None:
        raise InvalidInput.at("$.outputs", f"this model has no {shown(asked)}")
    return found


def _array_of(labels: list[Any]) -> Array:
    if isinstance(labels[0], bool):
        return Array(labels, DataType.bool())
    return Array(labels, DataType.int64() if isinstance(labels[0], int) else _STRING)


def _kept_array(block: Block, name: str, rows: "NDArray[np.intp] | None") -> Array:
    """A column that is kept, as it is; values of JSON as texts."""
    cells = block.columns.get(name)
    if isinstance(cells, Array):
        return cells if rows is None else cells.take(Array.from_numpy(rows))
    return Array(list(map(_text_of, _some(cells, block.rows, rows))), _STRING)


def _kept_cells(block: Block, name: str, rows: "NDArray[np.intp] | None") -> list[Any]:
    """A column that is kept, as cells of CSV."""
    cells = block.columns.get(name)
    if not isinstance(cells, Array):
        return list(map(_text_of, _some(cells, block.rows, rows)))
    some = cells if rows is None else cells.take(Array.from_numpy(rows))
    return list(some.to_pylist()) if block.written else cells_of(some, name)


def _some(cells: "list[Any] | None", length: int, rows: "NDArray[np.intp] | None") -> list[Any]:
    if cells is None:
        return [None] * (length if rows is None else len(rows))
    return cells if rows is None else [cells[row] for row in rows.tolist()]


def _text_of(value: object) -> str | None:
    """A value of JSON as a text: a string as it is."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
