"""Rows as callers send them: what is taken, and what is refused where."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import InvalidInput, TooLarge
from ml_core.inputs.instances import TENSOR_DATATYPES, rows_from_json, rows_from_tensor
from ml_core.inputs.rows import Limits, Rows

FEATURES = ("width", "height")


def rows(instances: Any, **more: Any) -> Rows:
    return rows_from_json(instances, **{"features": FEATURES, "limits": Limits(), **more})


def faults(instances: Any, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        rows(instances, **more)
    return [tuple(fault) for fault in refused.value.faults]  # type: ignore[misc]


def values(checked: Rows) -> list[float]:
    return list(struct.unpack(f"<{len(checked) * checked.n_features}d", checked.packed))


def test_rows_are_lists_in_order_or_objects_in_any_order() -> None:
    assert values(rows([[1, 2.5], {"height": 4, "width": 3}])) == [1.0, 2.5, 3.0, 4.0]


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**64), 2**64)), min_size=1
    )
)
def test_finite_numbers_come_through_as_they_are(table: list[tuple[float, int]]) -> None:
    checked = rows([list(row) for row in table])
    assert len(checked) == len(table)
    assert values(checked) == [float(number) for row in table for number in row]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1", "'1'"),
        (True, "true"),
        (None, "null"),
        ([1], "a list of 1"),
        ({}, "an object"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-float("inf"), "-inf"),
        (10**400, "an integer of 1329 bits"),
    ],
)
def test_what_is_no_finite_number_is_told_with_its_place(value: Any, told: str) -> None:
    ((path, message),) = faults([[1.0, 2.0], [0.0, value]])
    assert path == "$.instances[1][1]"
    assert message.startswith("expected a")
    assert message.endswith((f"number, got {told}", f"double precision, got {told}"))
    assert faults([{"width": value, "height": 1}])[0][0] == "$.instances[0].width"


def test_a_row_of_the_wrong_length_says_what_is_expected() -> None:
    assert faults([[1, 2], [1, 2, 3], []], expecting="model 'churn' version 3") == [
        ("$.instances[1]", "model 'churn' version 3 expects 2 features, row 1 has 3"),
        ("$.instances[2]", "model 'churn' version 3 expects 2 features, row 2 has 0"),
    ]


def test_missing_and_unknown_features_are_told_by_name() -> None:
    assert faults([{"width": 1, "depth": 2}]) == [
        ("$.instances[0]", "feature 'height' is missing"),
        ("$.instances[0].depth", "the model has no feature 'depth'; leave it out"),
    ]


@pytest.mark.parametrize(
    ("instances", "path"),
    [
        (None, "$.instances"),
        ("abc", "$.instances"),
        ({"0": [1, 2]}, "$.instances"),
        ([], "$.instances"),
        ([1, 2], "$.instances[0]"),
        (["ab"], "$.instances[0]"),
        ([None], "$.instances[0]"),
    ],
)
def test_what_is_no_list_of_rows_is_refused(instances: Any, path: str) -> None:
    assert faults(instances)[0][0] == path


def test_ever_so_many_faults_are_told_up_to_a_bound() -> None:
    wrong = json.loads(json.dumps([["x", "y"]] * 50_000))
    assert len(faults(wrong)) == InvalidInput.MOST_FAULTS
    assert len(faults([[1]] * 50_000)) == InvalidInput.MOST_FAULTS
    assert len(faults([{f"unknown {index}": 1 for index in range(50_000)}])) == InvalidInput.MOST_FAULTS


def test_a_message_stays_short_whatever_is_sent() -> None:
    for path, message in faults([{"width": "x" * 10_000, "height": [0] * 10_000}, {"y" * 10_000: 1}]):
        assert len(path) + len(message) < 200


def test_more_rows_than_the_limit_are_too_large() -> None:
    with pytest.raises(TooLarge, match="3 rows; at most 2"):
        rows([[1, 2]] * 3, limits=Limits(max_rows=2))


def test_blocks_are_the_rows_in_order() -> None:
    checked = rows([[index, -index] for index in range(10)])
    blocks = list(checked.blocks(4))
    assert [len(block) // 16 for block in blocks] == [4, 4, 2]
    assert b"".join(blocks) == checked.packed


NUMPY = {
    "FP64": "<f8", "FP32": "<f4", "FP16": "<f2",
    "INT64": "<i8", "INT32": "<i4", "INT16": "<i2", "INT8": "<i1",
    "UINT64": "<u8", "UINT32": "<u4", "UINT16": "<u2", "UINT8": "<u1",
}  # fmt: skip


def tensor(datatype: str, shape: Any, data: Any, **more: Any) -> Rows:
    return rows_from_tensor("x", datatype, shape, data, **{"features": FEATURES, "limits": Limits(), **more})


def tensor_faults(datatype: str, shape: Any, data: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        tensor(datatype, shape, data)
    return [tuple(fault) for fault in refused.value.faults]  # type: ignore[misc]


@pytest.mark.parametrize("datatype", TENSOR_DATATYPES)
def test_a_tensors_bytes_and_its_json_are_the_same_rows(datatype: str) -> None:
    array = np.array([[1, 100], [0, 7]], dtype=NUMPY[datatype])
    expected = array.astype(float).ravel().tolist()
    nested, flat = array.tolist(), array.ravel().tolist()
    for data in (array.tobytes(), memoryview(array.tobytes()), nested, flat):
        assert values(tensor(datatype, [2, 2], data)) == expected


def test_json_numbers_are_rounded_to_the_datatype_as_bytes_are() -> None:
    array = np.array([[0.1, 1 / 3]], dtype="<f4")
    assert values(tensor("FP32", [1, 2], [0.1, 1 / 3])) == values(tensor("FP32", [1, 2], array.tobytes()))


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("INT8", [1, 128]), ("UINT8", [0, -1]), ("INT32", [0, 1.5]),
        ("INT64", [0, 2**63]), ("INT64", [0, [1]]),
        ("FP32", [0, 1e39]), ("FP16", [0, 1e5]), ("FP64", [0, 10**400]),
        ("FP64", [0, "1"]), ("FP64", [0, True]), ("FP64", [0, None]),
    ],
)  # fmt: skip
def test_a_number_that_is_none_of_the_datatypes_is_told_with_its_place(datatype: str, data: Any) -> None:
    ((path, _),) = tensor_faults(datatype, [1, 2], data)
    assert path == "$.inputs[0].data[1]"


@pytest.mark.parametrize("datatype", ["FP64", "FP32", "FP16"])
def test_raw_numbers_that_are_not_finite_are_refused(datatype: str) -> None:
    for wrong in (np.nan, np.inf, -np.inf):
        array = np.array([[0, 0], [0, wrong]], dtype=NUMPY[datatype])
        ((path, message),) = tensor_faults(datatype, [2, 2], array.tobytes())
        assert (path, message) == ("$.inputs[0]", "row 1 holds a number that is not finite")
    assert tensor_faults("FP64", [1, 2], [0.0, float("nan")])


@pytest.mark.parametrize(
    "shape", [[], [2], [1, 3], [1, 2, 1], [0, 2], [-1, 2], [1, -2], [True, 2], [1.0, 2], ["1", 2], [2**70, 3]]
)
def test_a_shape_that_is_not_rows_by_features_is_refused(shape: Any) -> None:
    try:
        assert tensor_faults("FP64", shape, b"\0" * 16)[0][0] == "$.inputs[0].shape"
    except TooLarge:
        assert shape[0] == 2**70


@pytest.mark.parametrize("data", [b"", b"\0" * 15, b"\0" * 17, [], [1.0], [1.0] * 3, [[1.0], [2.0, 3.0]]])
def test_data_that_does_not_fill_the_shape_is_refused(data: Any) -> None:
    assert tensor_faults("FP64", [1, 2], data)


@pytest.mark.parametrize("datatype", ["BYTES", "BOOL", "fp64", "BF16", "", "x" * 1000])
def test_an_unknown_datatype_is_refused(datatype: str) -> None:
    ((path, message),) = tensor_faults(datatype, [1, 2], [1.0, 2.0])
    assert path == "$.inputs[0].datatype"
    assert len(message) < 200


def test_a_tensor_of_more_rows_than_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge):
        tensor("FP64", [3, 2], b"\0" * 48, limits=Limits(max_rows=2))
