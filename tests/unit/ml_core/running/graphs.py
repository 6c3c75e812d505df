"""Graphs for tests: the committed samples, small ones by hand, and hostile ones."""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from ml_core import safetensors
from ml_core.graphs.call import TEXT, GraphTensor
from ml_core.model import artifact

SAMPLES = Path(__file__).parents[3] / "samples" / "onnx"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.onnx"))
DTYPES = {
    "FP64": np.float64, "FP32": np.float32, "FP16": np.float16, "INT64": np.int64, "INT32": np.int32,
    "INT16": np.int16, "INT8": np.int8, "UINT64": np.uint64, "UINT32": np.uint32, "UINT16": np.uint16,
    "UINT8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip
FLOAT = TensorProto.FLOAT


def sample(name: str) -> tuple[bytes, dict[str, GraphTensor], dict[str, GraphTensor]]:
    """A committed file, with inputs and the outputs of the library that wrote it."""
    said = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    inputs, outputs = ({each["name"]: _said(each) for each in said[part]} for part in ("inputs", "outputs"))
    return (SAMPLES / f"{name}.onnx").read_bytes(), inputs, outputs


def _said(each: dict[str, Any]) -> GraphTensor:
    if each["datatype"] != "MAPS":
        return tensor(each["datatype"], each["shape"], each["data"])
    rows = [dict(pairs) for pairs in each["data"]]
    cells = [row[key] for row in rows for key in rows[0]]
    return tensor("FP32", [len(rows), len(rows[0])], cells)._replace(keys=tuple(rows[0]))


def tensor(datatype: str, shape: Sequence[int], values: Sequence[Any]) -> GraphTensor:
    """A tensor of these values."""
    if datatype == TEXT:
        return GraphTensor(TEXT, tuple(shape), [str(value) for value in values])
    return GraphTensor(datatype, tuple(shape), np.array(values, DTYPES[datatype]).tobytes())


def values(of: GraphTensor) -> Any:
    """A tensor's values as an array."""
    if isinstance(of.data, list):
        return np.array(of.data, object).reshape(of.shape)
    return np.frombuffer(of.data, DTYPES[of.datatype]).reshape(of.shape)


def numbers(*given: float) -> dict[str, GraphTensor]:
    """Inputs of the graphs below: `x`, of float32."""
    return {"x": tensor("FP32", [len(given)], given)}


def graph(
    nodes: Sequence[Any],
    *,
    kind: int = FLOAT,
    given: Sequence[Any] = (),
    shape: Sequence[int | None] = (None,),
) -> bytes:
    """A file with these nodes from `x` to `y`, both of one kind."""
    made = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        list(given),
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def passes_on(kind: int = FLOAT, rank: int = 1) -> bytes:
    """A graph that answers with what it is given."""
    return graph([helper.make_node("Identity", ["x"], ["y"])], kind=kind, shape=[None] * rank)


def plus(number: float) -> bytes:
    """A graph that adds a number: each has bytes of its own."""
    constant = helper.make_tensor("c", FLOAT, [1], [number])
    return graph([helper.make_node("Add", ["x", "c"], ["y"])], given=[constant])


def endless() -> bytes:
    """2^62 turns of a loop."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["a", "a"], ["b"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("b", FLOAT, None),
        ],
    )
    turns = helper.make_tensor("turns", TensorProto.INT64, [], [2**62])
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    return graph([helper.make_node("Loop", ["turns", "true", "x"], ["y"], body=body)], given=[turns, true])


def huge() -> bytes:
    """10^11 numbers, as many as `x` says times that."""
    each = helper.make_tensor("each", TensorProto.INT64, [1], [10**11])
    return graph(
        [
            helper.make_node("Shape", ["x"], ["rows"]),
            helper.make_node("Mul", ["rows", "each"], ["size"]),
            helper.make_node("ConstantOfShape", ["size"], ["y"]),
        ],
        given=[each],
    )


def doubling(times: int = 45) -> bytes:
    """`x` joined to itself so many times."""
    names = ["x", *(f"n{turn}" for turn in range(times - 1)), "y"]
    return graph(
        [helper.make_node("Concat", [before, before], [after], axis=0) for before, after in pairwise(names)]
    )


def many_axes() -> bytes:
    """An output with nine axes."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [9], [-1, *[1] * 8])
    return graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], given=[shape])


def artifact_of(file: bytes) -> tuple[bytes, str]:
    """The artifact of an imported model, and its SHA-256."""
    data = artifact.write({"algorithm": "onnx"}, {"onnx": safetensors.Tensor((len(file),), file, "U8")})
    return data, hashlib.sha256(data).hexdigest()
