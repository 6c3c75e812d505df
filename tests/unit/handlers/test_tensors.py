"""Tensors of the Open Inference Protocol, as JSON and as bytes."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rest.tensors import OutputTensor, binary_sizes, datatype_of, split, to_bytes, write
from ml_core.errors import MalformedInput


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_fp64_is_eight_little_endian_bytes_each(values: list[float]) -> None:
    assert list(struct.unpack(f"<{len(values)}d", to_bytes("FP64", values))) == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_int64_is_eight_little_endian_bytes_each(values: list[int]) -> None:
    assert list(struct.unpack(f"<{len(values)}q", to_bytes("INT64", values))) == values


@given(st.lists(st.text()))
def test_bytes_are_length_and_text(values: list[str]) -> None:
    data = to_bytes("BYTES", values)
    read = []
    while data:
        (length,) = struct.unpack("<I", data[:4])
        read.append(data[4 : 4 + length].decode())
        data = data[4 + length :]
    assert read == values


def test_bool_is_one_byte_each() -> None:
    assert to_bytes("BOOL", [True, False, True]) == b"\x01\x00\x01"


@pytest.mark.parametrize(
    ("labels", "datatype"),
    [
        ([0, 1], "INT64"),
        ([True, False], "BOOL"),
        (["a", "b"], "BYTES"),
        ([2**63, 1], "BYTES"),
        ([-(2**63)], "INT64"),
    ],
)
def test_labels_decide_the_datatype(labels: list[Any], datatype: str) -> None:
    assert datatype_of(labels) == datatype


def test_an_answer_is_json_unless_bytes_are_wanted() -> None:
    body, length = write({"model_name": "m"}, [OutputTensor("predict", "INT64", [2], [1, 2], {})], set())
    assert length is None
    assert json.loads(body) == {
        "model_name": "m",
        "outputs": [{"name": "predict", "datatype": "INT64", "shape": [2], "data": [1, 2]}],
    }


def test_bytes_follow_the_header_in_the_order_of_the_outputs() -> None:
    outputs = [
        OutputTensor("a", "FP64", [1, 2], [1.0, 2.0], {}),
        OutputTensor("b", "INT64", [1], [3], {}),
        OutputTensor("c", "BYTES", [1], ["x"], {"content_type": "str"}),
    ]
    body, length = write({}, outputs, {"a", "c"})
    assert length is not None
    assert json.loads(body[:length])["outputs"] == [
        {"name": "a", "datatype": "FP64", "shape": [1, 2], "parameters": {"binary_data_size": 16}},
        {"name": "b", "datatype": "INT64", "shape": [1], "data": [3]},
        {
            "name": "c",
            "datatype": "BYTES",
            "shape": [1],
            "parameters": {"content_type": "str", "binary_data_size": 5},
        },
    ]
    assert body[length:] == struct.pack("<dd", 1.0, 2.0) + b"\x01\x00\x00\x00x"


def test_without_a_header_length_all_is_json() -> None:
    assert split(b"{}", "") == (b"{}", None)
    assert split(b"{}1234", "2") == (b"{}", b"1234")


@pytest.mark.parametrize("length", ["0", "3", "-1", "two", "1e0", "٢", "9" * 5000])
def test_a_header_length_outside_of_the_body_is_malformed(length: str) -> None:
    with pytest.raises(MalformedInput, match="Inference-Header-Content-Length"):
        split(b"{}", length)


@pytest.mark.parametrize("size", [7, 9, -8, 8.0, "8", True])
def test_sizes_have_to_add_up(size: Any) -> None:
    with pytest.raises(MalformedInput, match="binary_data_size"):
        binary_sizes([{"parameters": {"binary_data_size": size}}], b"12345678")
