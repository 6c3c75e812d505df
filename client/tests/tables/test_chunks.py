"""Rows as bodies of requests below the service's limits."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from serverless_ml import tables
from serverless_ml.errors import InvalidInput


def rows_of(bodies: list[tables.Chunk]) -> list[Any]:
    return [
        row
        for chunk in bodies
        for row in json.loads(chunk.body(outputs=["label"]))["dataframe_split"]["data"]
    ]


def test_every_row_is_there_once_and_no_body_is_too_long() -> None:
    rng = np.random.default_rng(0)
    # Rows of very different lengths: an estimate by the first ones is wrong.
    frame = pd.DataFrame({"n": range(5_000), "text": ["x" * int(k) for k in rng.pareto(1, 5_000) * 20]})
    longest = max(map(len, frame["text"]))
    bodies = list(tables.chunks(tables.read(frame), 4_096 + longest + 30_000))
    assert [row[0] for row in rows_of(bodies)] == list(range(5_000))
    assert max(len(chunk.body(outputs=["label"])) for chunk in bodies) <= 4_096 + longest + 30_000
    assert len(bodies) < 200


def test_few_requests_for_many_rows() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(100_000, 4)))
    bodies = list(tables.chunks(tables.read(frame)))
    assert sum(chunk.stop - chunk.start for chunk in bodies) == 100_000
    assert len(bodies) <= 5


def test_what_the_service_refuses_comes_again_in_halves_and_in_order() -> None:
    frame = pd.DataFrame({"n": range(1_000)})
    bodies = tables.chunks(tables.read(frame))
    taken: list[tables.Chunk] = []
    for chunk in bodies:
        if chunk.stop - chunk.start > 130:  # what this service takes
            assert bodies.refused(chunk)
        else:
            taken.append(chunk)
    assert [row for (row,) in rows_of(sorted(taken))] == list(range(1_000))
    one = next(tables.chunks(tables.read(frame[:1])))
    assert not tables.chunks(tables.read(frame[:1])).refused(one)


def test_answers_are_kept_below_the_limit_as_well() -> None:
    bodies = tables.chunks(tables.read(pd.DataFrame({"n": range(200_000)})))
    first = next(bodies)
    bodies.answered(first, 1_000 * (first.stop - first.start))
    assert all(chunk.stop - chunk.start <= 4_194 for chunk in bodies)


def test_a_row_that_is_too_long_alone_is_refused_by_its_number() -> None:
    frame = pd.DataFrame({"text": ["a", "b", "x" * 9_000]})
    with pytest.raises(InvalidInput) as refused:
        list(tables.chunks(tables.read(frame), 8_192))
    assert refused.value.faults[0].path == "X[2]"


def test_infinity_is_a_word_since_json_has_none() -> None:
    (chunk,) = tables.chunks(tables.read(pd.DataFrame({"a": [1.0, np.inf, -np.inf, np.nan]})))
    assert rows_of([chunk]) == [[1.0], ["inf"], ["-inf"], [None]]


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InvalidInput, match="surrogate"):
        list(tables.chunks(tables.read([{"a": "\ud800"}])))


def test_a_faults_path_is_told_as_the_place_among_all_rows() -> None:
    read = tables.read(pd.DataFrame({"age": range(10), "plan": "a"}))
    assert tables.place(read, 5, "$.dataframe_split.data[4][1]") == "row 9, column 'plan'"
    assert tables.place(read, 5, "$.dataframe_split.data[4]") == "row 9"
    assert tables.place(read, 5, "$.dataframe_split.columns[1]") == "column 'plan'"
    assert tables.place(read, 5, "$.dataframe_split.columns") == "X"
    assert tables.place(tables.read([[1, 2]]), 5, "$.instances[4][1]") == "row 9, [1]"
    assert tables.place(read, 5, "$.outputs") == "$.outputs"
