"""What goes to who runs graphs and comes back: the same bytes on every cloud, read strictly."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import MalformedInput
from ml_core.graphs.call import (
    REASONS,
    TEXT,
    WIDTHS,
    GraphCall,
    GraphFailure,
    GraphTensor,
    read_answer,
    read_call,
    total_bytes,
    write_answer,
    write_call,
    write_failure,
)
from ml_core.graphs.reading import CODES, nested, rows_of_tensor, tensor_of, values_of

shapes = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple)


@st.composite
def drawn_tensors(draw: st.DrawFn) -> GraphTensor:
    shape = draw(shapes)
    datatype = draw(st.sampled_from([*WIDTHS, TEXT]))
    if datatype == TEXT:
        data: Any = draw(st.lists(st.text(), min_size=math.prod(shape), max_size=math.prod(shape)))
        return GraphTensor(datatype, shape, data)
    size = WIDTHS[datatype] * math.prod(shape)
    return GraphTensor(datatype, shape, draw(st.binary(min_size=size, max_size=size)))


@given(st.dictionaries(st.text(), drawn_tensors(), max_size=3), st.lists(st.text(), max_size=3))
def test_a_call_is_read_as_it_was_written(inputs: dict[str, GraphTensor], outputs: list[str]) -> None:
    call = GraphCall("https://x/artifacts/a", {"h": "v"}, "0" * 64, 7, inputs, tuple(outputs), 1.5, 2)
    assert read_call(write_call(call)) == call


@given(st.dictionaries(st.text(), drawn_tensors(), max_size=3), st.booleans())
def test_an_answer_is_read_as_it_was_written(outputs: dict[str, GraphTensor], cold: bool) -> None:
    assert read_answer(write_answer(outputs, cold=cold)) == (outputs, cold)


def test_the_keys_of_maps_come_along() -> None:
    tensor = GraphTensor("FP32", (1, 2), bytes(8), ("a", 3))
    assert read_answer(write_answer({"x": tensor}, cold=False))[0]["x"].keys == ("a", 3)


@pytest.mark.parametrize("reason", REASONS)
def test_a_failure_is_raised_where_it_is_read(reason: str) -> None:
    with pytest.raises(GraphFailure, match="why") as raised:
        read_answer(write_failure(GraphFailure(reason, "why")))
    assert raised.value.reason == reason


def _said(**more: Any) -> dict[str, Any]:
    call = GraphCall("u", {}, "0" * 64, 1, {"x": tensor_of("FP32", (1,), [1.0])}, (), 1.0)
    return {**json.loads(write_call(call)), **more}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        json.dumps(_said(url=3)).encode(),
        json.dumps(_said(inputs=[])).encode(),
        json.dumps(_said(outputs=[1])).encode(),
        json.dumps(_said(seconds="soon")).encode(),
        json.dumps(_said(headers={"a": 1})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": "FP32", "shape": [2], "base64": "AAAA"}})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": "FP32", "shape": [-1], "base64": ""}})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": "FP32", "shape": [1.0], "base64": "AAAAAA=="}})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": "FP7", "shape": [1], "base64": "AAAAAA=="}})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": "FP32", "shape": [1] * 9, "base64": ""}})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": TEXT, "shape": [1], "texts": [1]}})).encode(),
        json.dumps(_said(inputs={"x": {"datatype": TEXT, "shape": [2], "texts": ["a"]}})).encode(),
    ],
)
def test_what_is_no_call_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedInput, match="expected"):
        read_call(payload)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_comes_is_a_call_or_refused(payload: bytes) -> None:
    for read in (read_call, read_answer):
        with pytest.raises(MalformedInput):
            read(payload)


@pytest.mark.parametrize("datatype", CODES)
def test_values_come_back_as_they_went(datatype: str) -> None:
    values = [0, 1, 7] if "INT" in datatype else [0.0, -1.5, math.inf]
    tensor = tensor_of(datatype, (3,), values)
    assert len(tensor.data) == 3 * WIDTHS[datatype]
    assert values_of(tensor) == values


def test_halves_truth_values_and_texts_come_back_too() -> None:
    assert values_of(tensor_of("FP16", (2,), [0.5, -2.0])) == [0.5, -2.0]
    assert values_of(tensor_of("BOOL", (2,), [True, False])) == [True, False]
    assert values_of(tensor_of(TEXT, (2,), ["a", ""])) == ["a", ""]


def test_a_number_that_is_none_of_the_datatype_is_no_tensor() -> None:
    for datatype, value in (("INT8", 200), ("UINT8", -1), ("FP16", 1e6)):
        with pytest.raises((OverflowError, struct.error)):
            tensor_of(datatype, (1,), [value])


def test_rows_and_nested_lists() -> None:
    tensor = tensor_of("INT64", (2, 3), [1, 2, 3, 4, 5, 6])
    assert rows_of_tensor(tensor) == [[1, 2, 3], [4, 5, 6]]
    assert nested(values_of(tensor), (2, 3)) == [[1, 2, 3], [4, 5, 6]]
    assert nested([1, 2, 3, 4], (1, 2, 2)) == [[[1, 2], [3, 4]]]
    assert nested([7], ()) == 7
    assert total_bytes({"x": tensor, "y": tensor_of(TEXT, (1,), ["äb"])}) == 48 + 3 + 4
