"""Large tables have the same rows in any order, files and format: `benchmarks/large_tables.py`."""

import csv
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from arro3.io import read_parquet

from benchmarks.large_tables import BLOCK_ROWS, LABEL, LABELS, ORDERS, SHAPES, LargeTable, batches, write

ROWS = 2 * BLOCK_ROWS + 100


def rows_of(table: LargeTable, files: int) -> list[list[tuple[Any, ...]]]:
    """Each file's rows."""
    return [
        [
            row
            for batch in batches(table, file, files)
            for row in zip(*(batch.column(name).to_pylist() for name in batch.schema.names), strict=True)
        ]
        for file in range(files)
    ]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", ORDERS)
def test_order_and_files_change_no_row(shape: str, order: str) -> None:
    drawn = rows_of(LargeTable(shape, ROWS), 1)[0]
    assert len(drawn) == ROWS
    for files in (1, 2, 3):
        found = rows_of(LargeTable(shape, ROWS, order), files)
        assert all(found)
        assert Counter(chain(*found)) == Counter(drawn)
        assert found == rows_of(LargeTable(shape, ROWS, order), files)


def test_rows_come_sorted_or_skewed_by_label() -> None:
    sizes = [len(rows) for rows in rows_of(LargeTable("numbers", ROWS, "sorted", 3), 4)]
    assert max(sizes) - min(sizes) <= 1
    labels = [row[-1] for rows in rows_of(LargeTable("numbers", ROWS, "sorted", 3), 4) for row in rows]
    assert labels == sorted(labels, key=LABELS.index)
    first, second = (
        [row[-1] for row in rows].count(LABELS[0]) / len(rows)
        for rows in rows_of(LargeTable("numbers", ROWS, "skewed"), 2)
    )
    assert first > 0.95
    assert second < 0.05


@pytest.mark.parametrize("shape", SHAPES)
def test_both_formats_hold_the_same_rows(tmp_path: Path, shape: str) -> None:
    table = LargeTable(shape, 1_000)
    (parquet,) = write(table, tmp_path, file_format="parquet", row_group=300)
    (text,) = write(table, tmp_path, file_format="csv")
    with text.open(newline="", encoding="utf-8") as file:
        header, *found = csv.reader(file)
    read = read_parquet(parquet).read_all()
    assert header == read.schema.names
    assert header[-1] == LABEL
    columns = [read.column(name).to_pylist() for name in header]
    if shape == "mixed":
        assert any("\n" in cell for row in found for cell in row)
    for row, values in zip(found, zip(*columns, strict=True), strict=True):
        assert all(
            cell == said(value) or float(cell) == value for cell, value in zip(row, values, strict=True)
        )


def said(value: object) -> str:
    """A value as CSV has it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
