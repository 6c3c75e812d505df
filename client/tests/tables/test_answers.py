"""Answers are of the kind that was asked."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from serverless_ml import tables

ROWS = [{"a": 1}, {"a": 2}]
BOTH = [{"label": "x", "probability": [0.9, 0.1]}, {"label": "y", "probability": [0.2, 0.8]}]


def asked(X: Any, predictions: list[Any], outputs: list[str] | None = None, classes: Any = ("x", "y")) -> Any:
    return tables.answer(tables.read(X), predictions, outputs, classes)


@pytest.mark.parametrize(
    ("labels", "kind"), [(["x", "y"], "str"), ([1, 2], "int64"), ([True, False], "bool")]
)
def test_labels_of_a_frame_are_a_series_with_its_index(labels: list[Any], kind: str) -> None:
    frame = pd.DataFrame(ROWS, index=pd.Index(["r", "q"], name="id"))
    told = asked(frame, labels)
    pd.testing.assert_series_equal(told, pd.Series(labels, frame.index, dtype=kind, name="label"))


def test_several_outputs_of_a_frame_are_a_frame() -> None:
    frame = pd.DataFrame(ROWS, index=[5, 5])
    told = asked(frame, BOTH, ["label", "probability"])
    assert list(told) == ["label", "probability_x", "probability_y"]
    assert list(told.index) == [5, 5]
    only = asked(pl.DataFrame(ROWS), [{"probability": [0.9, 0.1]}] * 2, ["probability"])
    assert only.to_dict(as_series=False) == {"probability_x": [0.9] * 2, "probability_y": [0.1] * 2}
    told = asked(pa.table({"a": [1, 2]}), [{"decision": 0.5}, {"decision": -1.0}], ["decision"])
    assert told.to_pydict() == {"decision": [0.5, -1.0]}
    told = asked(frame, [{"distance": [1.0, 2.0, 3.0]}] * 2, ["distance"], None)
    assert list(told) == ["distance_0", "distance_1", "distance_2"]
    told = asked(frame, [{"probability": [0.5, 0.5]}] * 2, ["probability"], [False, True])
    assert list(told) == ["probability_false", "probability_true"]


def test_polars_and_pyarrow_answer_in_kind() -> None:
    told = asked(pl.DataFrame(ROWS), ["x", "y"])
    assert isinstance(told, pl.Series)
    assert (told.name, told.to_list()) == ("label", ["x", "y"])
    told = asked(pa.table({"a": [1, 2]}), [1, 2])
    assert isinstance(told, pa.ChunkedArray)
    assert told.to_pylist() == [1, 2]
    told = asked(pd.Series([1, 2], index=[8, 9], name="a"), ["x", "y"])
    assert list(told.index) == [8, 9]


def test_arrays_answer_as_scikit_learn_does() -> None:
    X = np.eye(2)
    labels = asked(X, ["x", "y"])
    assert labels.dtype.kind == "U"
    assert asked(X, [True, False]).dtype == bool
    assert asked(X, [{"probability": [0.9, 0.1]}] * 2, ["probability"]).shape == (2, 2)
    assert asked(X, [{"decision": 0.5}] * 2, ["decision"]).shape == (2,)
    told = asked(X, BOTH, ["label", "probability"])
    assert told["label"].tolist() == ["x", "y"]
    assert told["probability"].shape == (2, 2)


def test_lists_answer_as_lists() -> None:
    assert asked(ROWS, ["x", "y"]) == ["x", "y"]
    assert asked(ROWS, BOTH, ["label", "probability"]) == BOTH
    assert asked([[1], [2]], [{"probability": [0.9, 0.1]}] * 2, ["probability"]) == [[0.9, 0.1]] * 2
    assert asked({"a": [1, 2]}, ["x", "y"]) == ["x", "y"]
    assert asked({"a": [1, 2]}, BOTH, ["label", "probability"]) == {
        "label": ["x", "y"],
        "probability_x": [0.9, 0.2],
        "probability_y": [0.1, 0.8],
    }


def test_no_rows_are_no_answers_of_the_same_kind() -> None:
    empty = pd.DataFrame({"a": []})
    assert list(tables.chunks(tables.read(empty))) == []
    assert len(asked(empty, [])) == 0
    assert list(asked(empty, [], ["label", "probability"])) == ["label", "probability_x", "probability_y"]
    assert asked(np.zeros((0, 2)), []).shape == (0,)


def test_labels_of_any_kind_become_a_list() -> None:
    for values in (pd.Series([1, 2]), np.array([1, 2]), [1, 2], pl.Series([1, 2]), iter([1, 2])):
        assert tables.labels(values) == [1, 2]
    assert tables.labels(pd.Series(["a", None])) == ["a", None]
