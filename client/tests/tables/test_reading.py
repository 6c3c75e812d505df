"""What a person holds, as the service takes it."""

import datetime as dt
import enum
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from serverless_ml import tables
from serverless_ml.errors import InvalidInput


def cells(X: Any, **more: Any) -> list[Any]:
    """The only column's cells as a prediction sends them."""
    read = tables.read(X, **more)
    member = read.chunk(0, read.rows)
    rows = member["dataframe_split"]["data"] if "dataframe_split" in member else member["instances"]
    return [cell for (cell,) in rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, np.int8(3)], [1, None, 3]),
        ([1.5, float("nan"), np.float32(0.1)], [1.5, None, 0.10000000149011612]),
        (["NA", "null", " x ", np.str_("y")], ["NA", "null", " x ", "y"]),
        ([True, np.bool_(False), None, pd.NA], [True, False, None, None]),
        ([Decimal("1.10"), Decimal(9007199254740993), Decimal("NaN")], [1.1, 9007199254740993, None]),
        ([Fraction(1, 4), np.longdouble(0.5)], [0.25, 0.5]),
        ([dt.date(2024, 5, 31), dt.datetime(2024, 5, 31, 1, 2)], ["2024-05-31", "2024-05-31T01:02:00"]),  # noqa: DTZ001
        (
            [dt.datetime(2024, 5, 31, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), pd.NaT],
            ["2024-05-30T23:00:00+00:00", None],
        ),
        ([pd.Timestamp("1960-01-01 00:00:00.000000999")], ["1960-01-01T00:00:00"]),
        ([np.datetime64("1960-01-01T00:00:00.000000999")], ["1960-01-01T00:00:00"]),
        ([np.datetime64("NaT", "ns"), np.datetime64("2024-05-31")], [None, "2024-05-31T00:00:00"]),
        ([2**70, -(2**63) - 1], [2**70, -(2**63) - 1]),
        ([pd.Interval(0, 1)], ["(0, 1]"]),
        ([enum.StrEnum("Plan", {"PRO": "pro"}).PRO, enum.IntEnum("N", {"ONE": 1}).ONE], ["pro", 1]),  # type: ignore[attr-defined]
        ([[1, np.nan], np.array([1.5])], [[1, None], [1.5]]),
    ],
)
def test_a_cell_is_what_json_has_for_it(values: list[Any], expected: list[Any]) -> None:
    found = cells({"x": values})
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("X", "path", "told"),
    [
        (pd.DataFrame({"t": pd.to_timedelta([1, 2], "s")}), "X.t", ".dt.total_seconds()"),
        (pl.DataFrame({"t": [dt.timedelta(1)]}), "X.t", ".dt.total_seconds()"),
        (pl.DataFrame({"a b": [dt.time(1)]}), "X['a b']", "seconds since midnight"),
        (pd.DataFrame({"p": pd.period_range("2024-01", periods=2, freq="M")}), "X.p", ".dt.to_timestamp()"),
        (pd.DataFrame({"b": [1, 2], "o": [None, b"x"]}), "X.o[1]", ".str.decode"),
        (pd.DataFrame({"o": [1, {"a": 1}]}), "X.o[1]", "got dict"),
        (pd.DataFrame({"c": [1 + 2j]}), "X.c[0]", ".real"),
        (pd.DataFrame({"a": [1], "b": [2]}).set_axis(["a", "a"], axis=1), "X.a", "more than once"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "X['1']", "more than once"),
        (pd.DataFrame([[1]], columns=[""]), "X", "no name"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "X", "several levels"),
        (pl.DataFrame({"a": [1]}).lazy(), "X", ".collect()"),
        (np.array([1.0, 2.0]), "X", "reshape(1, -1)"),
        (np.zeros((2, 2), "m8[s]"), "X", ".dt.total_seconds()"),
        (np.zeros((2, 2), "S3"), "X", "decode"),
        ([1, 2], "X[0]", "a list in a list"),
        ([{"a": 1}, {"b": 1}], "X[1]", "lacks 'a'"),
        ([{"a": 1}, {"a": 1, "b": 1}], "X[1]", "has 'b' besides"),
        ({"a": [1, 2], "b": [1]}, "X['b']", "has 1 values"),
        ({"a": [1, 2], "b": 1}, "X['b']", "expected a list"),
        ([], "X", "at least one row"),
        ({}, "X", "at least one column"),
        ("churn.csv", "X", "got str"),
        (7, "X", "got int"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_place_with_what_to_do(X: Any, path: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        tables.instances(tables.read(X))
    (fault,) = refused.value.faults
    assert fault.path == path
    assert told in fault.message


def test_a_sparse_matrix_is_refused() -> None:
    from scipy.sparse import csr_array

    with pytest.raises(InvalidInput, match=r"X\.toarray\(\)"):
        tables.read(csr_array(np.eye(3)))


def test_names_of_numbers_and_an_index_with_a_name_are_told_in_training() -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], index=pd.Index(["a", "b"], name="id"))
    read = tables.read(frame)
    assert read.columns == ("0", "1")
    assert read.notes == ()
    with tables.as_file(read, "1") as file:
        assert len(file.notes) == 2
        assert "reset_index" in file.notes[1]


def test_columns_can_be_chosen() -> None:
    frame = pl.DataFrame({"a": [1], "b": [2], "c": [3]})
    assert tables.read(frame, only=["c", "a"]).columns == ("c", "a")
    assert tables.read(frame, without=["b"]).columns == ("a", "c")
    with pytest.raises(InvalidInput, match="no column 'd'"):
        tables.read(frame, only=["d"])


def test_one_row_is_a_dict_of_values() -> None:
    read = tables.read({"age": 31, "plan": "pro", "since": None})
    assert read.chunk(0, 1) == {
        "dataframe_split": {"columns": ["age", "plan", "since"], "data": [(31, "pro", None)]}
    }
    assert tables.answer(read, ["yes"]) == "yes"
    assert tables.answer(read, [{"probability": [0.1, 0.9]}], ["probability"]) == [0.1, 0.9]


def test_texts_are_a_list_an_array_or_a_column() -> None:
    for X in (["a", "NA"], np.array(["a", "NA"]), pd.Series(["a", "NA"], name="z"), pl.Series(["a", "NA"])):
        assert tables.read(X).chunk(0, 2) == {"instances": ["a", "NA"]}
    numbers = tables.read(pd.Series([1, 2], name="age"))
    assert numbers.columns == ("age",)
    days = tables.read(pd.Series(pd.to_datetime(["2024-01-01"]), name="since"))
    assert days.columns == ("since",)


def test_arrow_times_need_no_pandas_and_are_cut_towards_the_past() -> None:
    instants = pa.array([None, -1, 1_500], pa.timestamp("ns", "Europe/Berlin"))
    assert cells(pa.table({"t": instants})) == [
        None,
        "1969-12-31T23:59:59.999999",
        "1970-01-01T00:00:00.000001",
    ]


def test_categories_of_whole_numbers_stay_whole_beside_a_gap() -> None:
    column = pd.Categorical([2**53 + 1, None, 2**53 + 3])
    assert cells(pd.DataFrame({"x": column})) == [2**53 + 1, None, 2**53 + 3]


def test_pictures_are_raw_bytes_but_the_first_whose_shape_the_service_checks() -> None:
    pictures = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
    first, *others = tables.read(pictures).chunk(1, 3)["instances"]
    assert first == [[4, 5], [6, 7]]
    assert others == [{"b64": "CAkKCw==", "dtype": "uint8"}]
    assert tables.read(list(pictures)).chunk(0, 3) == tables.read(pictures).chunk(0, 3)
    read = tables.read(np.zeros((2, 3, 8, 8), np.uint8))
    assert "channels" in " ".join(read.notes)


def test_sequences_are_of_any_length() -> None:
    frame = pd.DataFrame({"volt": [1, 2], "amp": [3, 4]})
    for X, expected in (
        ([[1, 2], [3]], [[1, 2], [3]]),
        ([np.array([1.5, 2]), np.array([3.0])], [[1.5, 2.0], [3.0]]),
        ([frame, frame[:1]], [{"volt": [1, 2], "amp": [3, 4]}, {"volt": [1], "amp": [3]}]),
        ([[{"volt": 1}], [{"volt": 2}, {"volt": 3}]], [[{"volt": 1}], [{"volt": 2}, {"volt": 3}]]),
        ([[[1, 2]], [[3, 4], [5, 6]]], [[[1, 2]], [[3, 4], [5, 6]]]),
    ):
        assert tables.read(X).chunk(0, 2) == {"instances": expected}


def test_a_generator_is_read_once() -> None:
    seen: Counter[int] = Counter()

    def rows() -> Any:
        for row in range(3):
            seen[row] += 1
            yield [row, row]

    assert tables.read(rows()).chunk(1, 3) == {"instances": [(1, 1), (2, 2)]}
    assert set(seen.values()) == {1}
