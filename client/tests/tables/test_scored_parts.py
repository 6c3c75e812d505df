"""The files of a scored table become one frame, of the library that is asked for."""

import io
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serverless_ml.errors import NotInstalled
from serverless_ml.tables import scored_parts

ROWS = [
    {"customer": "a,\nb", "label": "yes", "probability_yes": 0.75},
    {"customer": None, "label": "no", "probability_yes": 1e-9},
    {"customer": 'c"d', "label": "yes", "probability_yes": 0.5},
]
LIKE = {"pandas": pd.DataFrame(), "polars": pl.DataFrame(), "pyarrow": pa.table({})}


def parts(folder: Path, ending: str) -> list[Path]:
    """The rows in two files, the first of one row."""
    made = []
    for number, rows in enumerate((ROWS[:1], ROWS[1:])):
        table, path = pa.Table.from_pylist(rows), folder / f"part-{number:05}.{ending}"
        if ending == "parquet":
            pq.write_table(table, path)
        else:
            table.to_pandas().to_csv(path, index=False)
        made.append(path)
    return made


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("library", LIKE)
def test_parts_become_a_frame_of_that_library(tmp_path: Path, library: str, ending: str) -> None:
    frame: Any = scored_parts.frame_of_parts(parts(tmp_path, ending), LIKE[library])
    assert type(frame).__module__.startswith(library)
    if (library, ending) == ("pandas", "csv"):
        assert list(frame.index) == [0, 1, 2]
    rows = nw.from_native(frame).rows(named=True)
    for row in rows:
        row["customer"] = None if pd.isna(row["customer"]) or row["customer"] == "" else row["customer"]
    assert rows == ROWS


def test_words_that_pandas_takes_for_gaps_stay_words(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.csv"
    path.write_text("label\nNA\nnull\n")
    assert list(scored_parts.frame_of_parts([path])["label"]) == ["NA", "null"]


def test_without_a_library_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scored_parts, "_is_there", lambda *_: False)
    with pytest.raises(NotInstalled, match="pandas and pyarrow, polars, or pyarrow"):
        scored_parts.frame_of_parts(parts(tmp_path, "parquet"))


def test_the_header_of_joined_files_is_there_once(tmp_path: Path) -> None:
    """Also one whose names have line breaks."""
    made = []
    for number in range(3):
        made.append(tmp_path / f"part-{number}.csv")
        made[-1].write_text(f'"a\nb",c\n{number},"x\ny"\n')
    whole = io.BytesIO()
    scored_parts.joined_csv(made, whole)
    assert whole.getvalue().decode() == '"a\nb",c\n0,"x\ny"\n1,"x\ny"\n2,"x\ny"\n'


def test_rejects_are_the_first_of_all_files(tmp_path: Path) -> None:
    made = []
    for number in range(2):
        made.append(tmp_path / f"rejects-{number}.csv")
        made[-1].write_text(
            f'file,line,column,reason\ndataset://a,{number + 2},age,"no, number"\ns3://b,9,,x\n'
        )
    found = scored_parts.rejects_of_parts(made, 3)
    assert [(each["file"], each["line"], each["column"], each["reason"]) for each in found] == [
        ("dataset://a", 2, "age", "no, number"),
        ("s3://b", 9, "", "x"),
        ("dataset://a", 3, "age", "no, number"),
    ]
