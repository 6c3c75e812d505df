"""Files to train on hold what a prediction sends."""

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pyarrow import parquet
from serverless_ml import tables
from serverless_ml.errors import InvalidInput

FRAME = pd.DataFrame(
    {
        "whole": [1, -2, 3],
        "number": [0.1, None, 2.0],
        "truth": [True, None, False],
        "word": ["NA", None, " é "],
        "since": pd.to_datetime(["2024-05-31", None, "2024-05-31 01:02:03"], format="ISO8601"),
        "large": pd.array([2**53 + 1, None, 2**63 - 1], "Int64"),
        "unsigned": np.array([2**64 - 1, 0, 1], "u8"),
        "level": pd.Categorical([1, 2, None]),
        "none": [None, None, None],
        "list": [[1.0, 2.0], [], None],
        "steps": [[[1.0, 2.0]], None, [[1.0, 2.0], [3.0, 4.0]]],
    }
)


def sent(read: Any) -> list[dict[str, Any]]:
    return tables.instances(read)


@pytest.mark.parametrize("writer", ["pyarrow", "polars", None])
def test_every_format_holds_the_values_of_a_prediction(
    writer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serverless_ml.tables.files._writer", lambda: writer)
    read = tables.read(FRAME)
    with tables.as_file(read) as file:
        content = b"".join(file.chunks())
        assert file.size == len(content)
        assert content == b"".join(file.chunks())
        if writer is None:
            assert (file.format, file.suffix) == ("jsonl", ".jsonl")
            assert [json.loads(line) for line in content.splitlines()] == sent(read)
        else:
            assert (file.format, file.suffix) == ("parquet", ".parquet")
            assert parquet.read_table(file.file).to_pylist() == sent(read)
        assert file.data == {"types": {"level": "category"}}
        assert "level" in file.notes[0]


def test_values_of_several_kinds_are_written_as_json_lines() -> None:
    for values in ([1, "a"], [True, 1.5], [2**70, 1]):
        with tables.as_file(tables.read({"x": values, "y": [1, 2]})) as file:
            assert file.format == "jsonl"
    with pytest.raises(InvalidInput, match="several kinds"):
        tables.as_file(tables.read({"x": [1, "a"]}), format="parquet")


def test_many_rows_are_written_in_groups() -> None:
    # The first group of rows has no word at all.
    frame = pl.DataFrame({"word": [None] * 40_000 + ["a"] * 40_000, "n": range(80_000)})
    with tables.as_file(tables.read(frame), "word") as file:
        read = parquet.ParquetFile(file.file)
        assert read.num_row_groups == 3
        assert read.read().to_pylist() == frame.to_dicts()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["true", "false"], "category"),
        (["2024-01-01", "1"], "category"),
        (pd.Categorical(["a", "b"]), "category"),
        (pd.Categorical([1, 2]), None),
        ([True, False], None),
        (np.array([1, 2]), None),
    ],
)
def test_labels_are_said_to_be_words_where_they_are(labels: Any, said: str | None) -> None:
    with tables.as_file(tables.read(pd.DataFrame({"x": [1, 2], "y": labels})), "y") as file:
        assert file.data.get("types", {}).get("y") == said
        assert file.data["target"] == "y"
    beside = pd.Series(labels, name="x") if not isinstance(labels, np.ndarray) else labels
    with tables.as_file(tables.read(pd.DataFrame({"x": [1, 2]})), targets=beside) as file:
        name = file.data["target"]
        assert name == ("x_1" if isinstance(beside, pd.Series) else "target")
        assert file.data.get("types", {}).get(name) == said


def test_all_columns_of_an_array_are_trained_on_since_predictions_come_in_their_order() -> None:
    with tables.as_file(tables.read(np.eye(3)), targets=[1, 2, 1]) as file:
        assert file.data == {"target": "target", "features": ["x0", "x1", "x2"]}


def test_wrong_labels_are_refused() -> None:
    read = tables.read(np.eye(3))
    for targets, told in (([1, 2], "2 labels for 3 rows"), (np.eye(3), "one axis|axes")):
        with pytest.raises(InvalidInput, match=told):
            tables.as_file(read, targets=targets)
    with pytest.raises(InvalidInput, match="no column 'z'"):
        tables.as_file(read, "z")
    with pytest.raises(InvalidInput, match="at least one row"):
        tables.as_file(tables.read(pd.DataFrame({"a": []})))


def test_labels_of_another_index_belong_to_rows_by_their_order_which_is_told() -> None:
    rows, labels = pd.DataFrame({"x": [1, 2]}, index=[7, 8]), pd.Series([1, 2])
    with tables.as_file(tables.read(rows), targets=labels) as file:
        assert any("order" in note for note in file.notes)


def test_pictures_are_an_npz() -> None:
    pictures = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    with tables.as_file(tables.read(pictures), targets=["a", "b"], algorithm="cnn") as file:
        assert file.format == "npz"
        read = np.load(file.file)
        assert (read["x"] == pictures).all()
        assert read["x"].dtype == np.uint8
        assert read["y"].tolist() == ["a", "b"]
    with pytest.raises(InvalidInput, match="none missing"):
        tables.as_file(tables.read(pictures), targets=["a", None], algorithm="cnn")


def test_sequences_and_texts_are_tables_with_what_is_to_be_said() -> None:
    for X, data in (
        ([[1, 2], [3]], {"features": ["x0"]}),
        ([[1, 2], [3, 4]], {"features": ["x0"]}),
        (["a", "b"], {"text": "text"}),
        (pd.Series(["a", "b"], name="review"), {"text": "review"}),
        ([pd.DataFrame({"volt": [1]}), pd.DataFrame({"volt": [1, 2]})], {"features": ["volt"]}),
    ):
        with tables.as_file(tables.read(X), targets=[0, 1], algorithm="rnn") as file:
            assert file.data == {**data, "target": "target"}
    with pytest.raises(InvalidInput, match="a label for each"):
        tables.as_file(tables.read(["a", "b"]), algorithm="rnn")
