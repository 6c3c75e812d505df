"""Tables of any size, to score and train on past one machine: equal arguments give equal files.

`python -m benchmarks.large_tables FOLDER --rows 10000000 --format parquet` writes a folder of files, a block
after the other, so that no size takes more memory than another. A table has the same rows in
whatever order, and in however many files.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_csv, write_parquet

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 14
BLOCK_ROWS = 1 << 12
NUMBERS = 30
LABEL = "label"
LABELS = ("no", "yes", "maybe", "never")
SHAPES = ("numbers", "mixed")
FORMATS = ("parquet", "csv")
# drawn: as rows come. sorted: by label, over all files. skewed: of each two files one has nearly all rows of
# the first label, the other nearly all of the others.
ORDERS = ("drawn", "sorted", "skewed")
SKEW = 0.02
CITIES = 300
# What a reader of CSV must not take for the end of a row or of a cell.
NOTES = (
    "called, twice",
    'said "yes"',
    "first line\nsecond line",
    "\n",
    'quoted "a,\nb"',
    "plain",
    "é日本",
    None,
)

STRING = DataType.string()

type Floats = NDArray[np.float64]
type Counts = NDArray[np.int64]


class LargeTable(NamedTuple):
    """A table, before it is written.

    Args:
        shape: "numbers" (30 of them) or "mixed" (words, dates, truth values, texts of several lines, gaps).
        rows: how many.
        order: one of `ORDERS`.
        classes: how many labels.
        apart: how far the classes' means are from zero, in standard deviations.
    """

    shape: str = "numbers"
    rows: int = 1_000_000
    order: str = "drawn"
    classes: int = 2
    apart: float = 0.3


def write(
    table: LargeTable,
    folder: str | os.PathLike[str],
    *,
    file_format: str,
    files: int = 1,
    row_group: int = 1 << 20,
) -> list[Path]:
    """Write a table as files `part-000.…` into a folder, which is made.

    Args:
        table: what to write.
        folder: where to.
        file_format: "parquet" or "csv".
        files: how many files; each has about as many rows as any other.
        row_group: the most rows of a row group of Parquet.
    """
    os.makedirs(folder, exist_ok=True)
    written = []
    for number in range(files):
        path = Path(folder, f"part-{number:03}.{file_format}")
        reader = RecordBatchReader.from_batches(schema_of(table), batches(table, number, files))
        if file_format == "parquet":
            write_parquet(reader, path, compression="snappy", max_row_group_size=row_group)
        else:
            write_csv(reader, path)
        written.append(path)
    return written


def batches(table: LargeTable, file: int = 0, files: int = 1) -> Iterator[RecordBatch]:
    """The rows of one of the files that a table is written to."""
    for block, kept in _places(table, file, files):
        if len(kept):
            columns = _SHAPES[table.shape](table, block, kept)
            yield RecordBatch.from_arrays(list(columns.values()), schema=_schema(columns))


def arrays(table: LargeTable) -> Iterator[tuple[Floats, Counts]]:
    """A table of numbers as blocks of rows and the number of each one's label."""
    for block, kept in _places(table, 0, 1):
        yield _numbers(table, block)[kept], labels(table, block)[kept]


def schema_of(table: LargeTable) -> Schema:
    """The names and types of the columns."""
    return _schema(_SHAPES[table.shape](table, 0, np.arange(1)))


def labels(table: LargeTable, block: int) -> Counts:
    """The number of each row's label in a block."""
    rows = min(BLOCK_ROWS, table.rows - block * BLOCK_ROWS)
    drawn: Counts = _random(block, 0).integers(0, table.classes, BLOCK_ROWS)[:rows]
    return drawn


def _random(block: int, what: int) -> np.random.Generator:
    return np.random.default_rng([SEED, block, what])


def _blocks(table: LargeTable) -> range:
    return range(-(-table.rows // BLOCK_ROWS))


def _places(table: LargeTable, file: int, files: int) -> Iterator[tuple[int, Counts]]:
    """The blocks that a file takes rows of, and the places of those rows in each, in the file's order."""
    if table.order == "sorted":
        yield from _sorted(table, table.rows * file // files, table.rows * (file + 1) // files)
    elif table.order == "skewed" and files > 1:
        yield from _skewed(table, file, files)
    else:
        for block in _shared(table, file, files):
            yield block, np.arange(len(labels(table, block)))


def _shared(table: LargeTable, file: int, files: int) -> range:
    """The blocks of a file, of which each has a run."""
    blocks = len(_blocks(table))
    return range(blocks * file // files, blocks * (file + 1) // files)


def _sorted(table: LargeTable, begin: int, end: int) -> Iterator[tuple[int, Counts]]:
    """The rows from one place to another in the order of their labels."""
    before = 0
    for label in range(table.classes):
        for block, count in zip(_blocks(table), _count(table, label), strict=True):
            if begin < before + count and before < end:
                places = np.flatnonzero(labels(table, block) == label)
                yield block, places[max(begin - before, 0) : end - before]
            before += count


@cache
def _count(table: LargeTable, label: int) -> tuple[int, ...]:
    """How many rows of each block have a label."""
    return tuple(int(np.count_nonzero(labels(table, block) == label)) for block in _blocks(table))


def _skewed(table: LargeTable, file: int, files: int) -> Iterator[tuple[int, Counts]]:
    """Of the blocks of two files the rows that come into one of them; a last one alone has all of its own."""
    pair = file // 2
    if file == files - 1 and file % 2 == 0:
        for block in _shared(table, file, files):
            yield block, np.arange(len(labels(table, block)))
        return
    first, second = _shared(table, 2 * pair, files), _shared(table, 2 * pair + 1, files)
    for block in range(first.start, second.stop):
        drawn = labels(table, block)
        strayed = _random(block, 1).random(len(drawn)) < SKEW
        in_second = (drawn != 0) != strayed
        yield block, np.flatnonzero(in_second == bool(file % 2))


def _schema(columns: Mapping[str, Array]) -> Schema:
    return Schema([Field(name, array.type, nullable=True) for name, array in columns.items()])


def _numbers(table: LargeTable, block: int) -> Floats:
    """Rows around the mean of their label, in columns of unequal scale."""
    drawn = labels(table, block)
    X = _random(block, 2).standard_normal((len(drawn), NUMBERS))
    X += _means(table)[drawn]
    X *= np.geomspace(0.1, 1_000, NUMBERS)
    X += np.linspace(-50, 50, NUMBERS)
    return X


def _means(table: LargeTable) -> Floats:
    means: Floats = np.random.default_rng(SEED).standard_normal((table.classes, NUMBERS)) * table.apart
    return means


def _of_numbers(table: LargeTable, block: int, kept: Counts) -> dict[str, Array]:
    X = _numbers(table, block)[kept]
    columns = {f"x{place}": _array(X[:, place]) for place in range(NUMBERS)}
    return {**columns, LABEL: _picked(LABELS, labels(table, block)[kept])}


def _mixed(table: LargeTable, block: int, kept: Counts) -> dict[str, Array]:
    drawn, random = labels(table, block), _random(block, 3)
    rows, means = len(drawn), _means(table)
    columns: dict[str, Array] = {
        "id": _array(block * BLOCK_ROWS + kept),
        "since": _array((random.integers(9_000, 20_000, rows) + 400 * drawn)[kept].astype(np.int32)).cast(
            DataType.date32()
        ),
    }
    for place in range(6):
        amount = np.round((random.standard_normal(rows) + means[drawn, place]) * 10.0**place, 2)
        gaps = random.random(rows) < (0.0, 0.02, 0.3)[place % 3]
        columns[f"amount_{place}"] = _gapped(amount[kept], gaps[kept])
    columns["orders"] = _array(random.poisson(3 + drawn)[kept].astype(np.int64))
    plans = np.minimum(random.geometric(0.4 + 0.1 * (drawn % 2), rows), 4) - 1
    columns["plan"] = _picked(("free", "basic", "team", "whole company"), plans[kept])
    cities = (np.minimum(random.geometric(0.02, rows), CITIES) - 1 + 7 * drawn) % CITIES
    cities[random.random(rows) < 0.05] = CITIES
    columns["city"] = _picked((*(f"city {place:03}" for place in range(CITIES)), None), cities[kept])
    subscribed = np.where(random.random(rows) < 0.1, 2, random.random(rows) < 0.3 + 0.2 * (drawn % 2))
    columns["subscribed"] = _picked((False, True, None), subscribed.astype(np.int64)[kept], DataType.bool())
    columns["note"] = _picked(NOTES, random.integers(0, len(NOTES), rows)[kept])
    return {**columns, LABEL: _picked(LABELS, drawn[kept])}


_SHAPES: Mapping[str, Callable[[LargeTable, int, Counts], dict[str, Array]]] = {
    "numbers": _of_numbers,
    "mixed": _mixed,
}


def _array(values: "NDArray[Any]") -> Array:
    return Array.from_numpy(np.ascontiguousarray(values))


def _picked(values: Sequence[object], places: Counts, kind: DataType = STRING) -> Array:
    """The values at these places, as Arrow has them: None is no value."""
    return Array(list(values), type=kind).take(_array(places.astype(np.int64)))


def _gapped(values: Floats, gaps: "NDArray[np.bool_]") -> Array:
    """Numbers, and nothing where there is a gap."""
    if not gaps.any():
        return _array(values)
    places = np.where(gaps, 0, np.arange(1, len(values) + 1))
    with_none = Array([None, *values.tolist()], type=DataType.float64())
    return with_none.take(_array(places))


def main() -> None:
    """Write the table that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.large_tables", description="Write a table of any size into a folder."
    )
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shape", choices=SHAPES, default="numbers")
    parser.add_argument("--format", choices=FORMATS, default="parquet")
    parser.add_argument("--order", choices=ORDERS, default="drawn")
    parser.add_argument("--classes", type=int, choices=range(2, len(LABELS) + 1), default=2)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--row-group", type=int, default=1 << 20, help="the most rows of one, in Parquet")
    asked = parser.parse_args()
    table = LargeTable(asked.shape, asked.rows, asked.order, asked.classes)
    written = write(
        table, asked.folder, file_format=asked.format, files=asked.files, row_group=asked.row_group
    )
    print(f"{sum(path.stat().st_size for path in written) / 1e6:,.1f} MB in {len(written)} files")


if __name__ == "__main__":
    main()
