"""Tensors go in and come out of the runtime as they are; what is no tensor is told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from ml_core.graphs.call import FAILED, MOST_BYTES, REFUSED, TEXT, GraphFailure, GraphTensor
from ml_core.running.arrays import tensor_of
from ml_core.running.graph_session import GraphSession
from tests.unit.ml_core.running.graphs import (
    DTYPES,
    NAMES,
    doubling,
    graph,
    many_axes,
    numbers,
    passes_on,
    sample,
    tensor,
    values,
)

KINDS = {
    "FP64": TensorProto.DOUBLE, "FP32": TensorProto.FLOAT, "FP16": TensorProto.FLOAT16,
    "INT64": TensorProto.INT64, "INT32": TensorProto.INT32, "INT16": TensorProto.INT16,
    "INT8": TensorProto.INT8, "UINT64": TensorProto.UINT64, "UINT32": TensorProto.UINT32,
    "UINT16": TensorProto.UINT16, "UINT8": TensorProto.UINT8, "BOOL": TensorProto.BOOL,
    TEXT: TensorProto.STRING,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_library_gives_what_that_library_gives(name: str) -> None:
    file, inputs, expected = sample(name)
    answer = GraphSession(file).run(inputs, list(expected))
    assert answer.keys() == expected.keys()
    for output, wanted in expected.items():
        got = answer[output]
        assert (got.datatype, got.shape, got.keys) == (wanted.datatype, wanted.shape, wanted.keys)
        if wanted.datatype in {TEXT, "INT64"}:
            assert values(got).tolist() == values(wanted).tolist()
        else:
            assert np.allclose(values(got), values(wanted), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("datatype", KINDS)
@pytest.mark.parametrize("shape", [[], [0], [1], [3], [2, 0, 3], [2, 3], [1, 2, 1, 2, 1, 2, 1, 2]])
def test_every_datatype_passes_through(datatype: str, shape: list[int]) -> None:
    size = int(np.prod(shape))
    if datatype == TEXT:
        given = GraphTensor(TEXT, tuple(shape), ["", "é\0日", "a\nb"][:size] + ["x"] * (size - 3))
    elif datatype == "BOOL":
        given = tensor(datatype, shape, [index % 2 for index in range(size)])
    else:
        raw = np.random.default_rng(1).bytes(size * np.dtype(DTYPES[datatype]).itemsize)
        given = GraphTensor(datatype, tuple(shape), raw)
    answer = GraphSession(passes_on(KINDS[datatype], len(shape))).run({"x": given}, ["y"])
    assert answer == {"y": given}


@pytest.mark.parametrize("datatype", ["FP64", "FP32", "FP16"])
def test_what_is_not_finite_passes_through(datatype: str) -> None:
    given = tensor(datatype, [4], [np.nan, np.inf, -np.inf, -0.0])
    assert GraphSession(passes_on(KINDS[datatype])).run({"x": given}, ()) == {"y": given}


def test_a_byte_is_a_truth_value_or_becomes_one() -> None:
    given = GraphTensor("BOOL", (4,), bytes([0, 1, 2, 255]))
    answer = GraphSession(passes_on(TensorProto.BOOL)).run({"x": given}, ())
    assert answer["y"].data == bytes([0, 1, 1, 1])


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({}, "Required inputs"),
        ({"z": tensor("FP32", [1], [1])}, "Required inputs"),
        ({"x": tensor("FP64", [1], [1])}, "Unexpected input data type"),
        ({"x": tensor("FP32", [1, 1], [1])}, "Invalid rank"),
        ({"x": tensor(TEXT, [1], ["1"])}, "Unexpected input data type"),
        ({**numbers(1), "z": tensor("FP32", [1], [1])}, "Invalid input name"),
    ],
)
def test_inputs_that_do_not_fit_are_told(inputs: dict[str, GraphTensor], told: str) -> None:
    with pytest.raises(GraphFailure, match=told) as caught:
        GraphSession(passes_on()).run(inputs, ())
    assert caught.value.reason == FAILED
    assert len(str(caught.value)) < 400


def test_a_text_that_is_no_unicode_is_told() -> None:
    """In: a half of a pair of surrogates. Out: bytes that are no UTF-8."""
    with pytest.raises(GraphFailure, match="Unicode"):
        GraphSession(passes_on(TensorProto.STRING)).run({"x": tensor(TEXT, [1], ["\ud800"])}, ())
    broken = helper.make_tensor("v", TensorProto.STRING, [1], [b"\xff\xfe"])  # type: ignore[list-item]
    file = graph([helper.make_node("Constant", [], ["y"], value=broken)], kind=TensorProto.STRING)
    with pytest.raises(GraphFailure, match="Unicode"):
        GraphSession(file).run({"x": tensor(TEXT, [1], ["a"])}, ())


def test_outputs_are_those_that_are_asked_for() -> None:
    file, inputs, expected = sample("logistic-words")
    session = GraphSession(file)
    assert session.run(inputs, ()).keys() == expected.keys() == {"label", "probabilities"}
    assert session.run(inputs, ["probabilities"]).keys() == {"probabilities"}
    with pytest.raises(GraphFailure, match="expected an output of the graph, got 'none'"):
        session.run(inputs, ["label", "none"])


MAPS = "seq(map(int64,tensor(float)))"


@pytest.mark.parametrize(
    ("value", "declared", "told"),
    [
        ([{0: 1.0}, {1: 1.0}], MAPS, "the same keys"),
        ([{0: 1.0}, {0: 1.0, 1: 1.0}], MAPS, "the same keys"),
        ([{0: 1.0}], "seq(map(int64,tensor(bool)))", "expected numbers or texts"),
        ([np.zeros(1)], "seq(tensor(float))", r"got seq\(tensor\(float\)\)"),
        (None, "optional(tensor(float))", r"got optional\(tensor\(float\)\)"),
        ({0: 1.0}, "map(int64,tensor(float))", r"got map\(int64,tensor\(float\)\)"),
        (np.zeros(1, np.complex64), "tensor(complex64)", "got complex64"),
        (np.array([1, None], object), "tensor(string)", "got other values"),
    ],
)
def test_an_output_that_is_no_tensor_is_told(value: Any, declared: str, told: str) -> None:
    with pytest.raises(GraphFailure, match=told) as caught:
        tensor_of("scores", value, declared)
    assert caught.value.reason == FAILED
    assert "'scores'" in str(caught.value)


def test_some_samples_have_maps() -> None:
    kept = {name: [each.keys for each in sample(name)[2].values() if each.keys] for name in NAMES}
    assert {type(keys[0][0]) for keys in kept.values() if keys} == {int, str}


def test_no_rows_of_maps_are_no_columns() -> None:
    assert tensor_of("scores", [], MAPS) == GraphTensor("FP32", (0, 0), b"", ())


def test_a_sequence_of_tensors_that_a_graph_gives_is_told() -> None:
    made = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x", "x"], ["y"])],
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)],
    )
    file = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(GraphFailure, match=r"got seq\(tensor\(float\)\)"):
        GraphSession(file.SerializeToString()).run(numbers(1), ())


def test_more_axes_than_a_call_has_are_told() -> None:
    with pytest.raises(GraphFailure, match="at most 8 axes of the output 'y', got 9"):
        GraphSession(many_axes()).run(numbers(1, 2), ())


@pytest.mark.parametrize("asked", [(), ("y",)])
def test_more_than_can_be_sent_is_told(asked: Sequence[str]) -> None:
    session = GraphSession(doubling(20))
    assert len(session.run(numbers(1), asked)["y"].data) == MOST_BYTES
    with pytest.raises(GraphFailure, match="at most 4 MiB, got 8 MiB: send fewer rows") as caught:
        session.run(numbers(1, 2), asked)
    assert caught.value.reason == FAILED


@pytest.mark.parametrize(
    "file", [b"", b"hello", b"\x08\x08ORTM" + bytes(40), b"\0\0\0\0ORTM" + bytes(400), passes_on()[:-9]]
)
def test_what_is_no_graph_is_refused(file: bytes) -> None:
    with pytest.raises(GraphFailure, match="the runtime does not load the graph") as caught:
        GraphSession(file)
    assert caught.value.reason == REFUSED
    assert len(str(caught.value)) < 400
