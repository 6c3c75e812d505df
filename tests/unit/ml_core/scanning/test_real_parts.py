"""Published tables read part by part: each row's numbers are those that `:predict` makes of it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.io import read_parquet, write_parquet

from handlers.rest.csv_rows import columns_of_csv
from ml_core.inputs.by_column import packed_columns
from ml_core.inputs.rows import Rows
from ml_core.inputs.samples import matrix_of
from ml_core.mapping import InTurn
from ml_core.model.model import Model
from ml_core.scanning.blocks import blocks
from ml_core.scanning.numbers import numbers
from ml_core.scanning.planning import plan_of
from ml_core.tables.options import NOTHING_SAID, ReadOptions
from ml_core.training.fitting import fit
from tests.unit.ml_core.scanning.memory import MemoryData
from tests.unit.test_real_tables import (
    FORMATS,
    LIMITS,
    as_csv,
    request_for,
    table,
    typed_rows,
)

type Matrix = "np.ndarray[Any, np.dtype[np.float64]]"


def scanned(
    model: Model, content: bytes, *, part_bytes: int, block_bytes: int, options: ReadOptions = NOTHING_SAID
) -> tuple[Matrix, list[tuple[int, str, str]], int]:
    """The rows of a file read in parts, what was rejected, and the number of parts."""
    data = MemoryData(table=content)
    plan = plan_of(
        data,
        "file:table",
        options=options,
        declared=None,
        mapper=InTurn(),
        stores=None,
        part_bytes=part_bytes,
    )
    X, rejected = [], []
    for part in plan.parts:
        for block in blocks(data, plan, part, model.features, block_bytes=block_bytes):
            found = numbers(block, model.columns, gaps=model.takes_gaps)
            X.append(found.X)
            rejected += [(reject.line, reject.column, reject.message) for reject in found.rejected]
    return np.concatenate(X), rejected, len(plan.parts)


def predicted(model: Model, content: bytes) -> Matrix:
    """The rows of a body of CSV."""
    columns = columns_of_csv(model, content.decode(), None, LIMITS, expecting="the model", unknown="")
    return matrix_of(packed_columns(*columns, gaps=model.takes_gaps))


def small_groups(content: bytes, rows: int) -> bytes:
    """A Parquet file with row groups of so many rows."""
    file = io.BytesIO()
    write_parquet(read_parquet(content).read_all(), file, max_row_group_size=rows)
    return file.getvalue()


@pytest.mark.parametrize("name", ["titanic", "penguins", "credit", "starwars", "births", "telephone"])
def test_numbers_are_those_of_a_prediction_wherever_a_file_is_cut(name: str, tmp_path: Path) -> None:
    of = table(name)
    of = of._replace(frame=of.frame.iloc[:: max(1, len(of.frame) // 100)])
    content = as_csv(of.frame)
    model = Model.from_bytes(fit(request_for(tmp_path / "t", content, of), lambda *_: None).artifact)
    expected = predicted(model, content)
    typed = [{name: row[name] for name in model.features} for row in typed_rows(of.frame, of.target)]
    rows = model.rows(typed, limits=LIMITS)
    assert isinstance(rows, Rows)
    of_json = matrix_of(rows)
    present = of.frame[of.target].notna().to_numpy()
    for kind, write in FORMATS.items():
        file = write(of.frame)
        for part_bytes, block_bytes in ((1 << 30, 1 << 22), (1_000, 100), (100, 10_000)):
            if kind == "parquet":
                file = small_groups(write(of.frame), max(1, part_bytes // 50))
            X, rejected, parts = scanned(model, file, part_bytes=part_bytes, block_bytes=block_bytes)
            assert rejected == []
            assert parts == 1 or part_bytes < len(file)
            np.testing.assert_array_equal(X[present], of_json)
            if kind == "csv":
                np.testing.assert_array_equal(X, expected)
