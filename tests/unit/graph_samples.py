"""Graphs that other libraries exported, with what onnxruntime says of their inputs; and who runs them."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from ml_core.graphs.artifact import GraphArtifact
from ml_core.graphs.call import GraphTensor
from ml_core.graphs.reading import tensor_of
from ml_core.running.graph_session import GraphSession

FOLDER = Path(__file__).resolve().parents[1] / "samples" / "onnx"
NAMES = sorted(file.stem for file in FOLDER.glob("*.onnx"))


class Sample(NamedTuple):
    """A file, and what it says: inputs and outputs as the Open Inference Protocol writes tensors."""

    name: str
    file: bytes
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]

    @property
    def instances(self) -> int:
        """How many there are in the inputs."""
        return int(self.inputs[0]["shape"][0])

    def instance(self, place: int) -> list[Any]:
        """What each input has of one instance, flat."""
        widths = [prod(each["shape"][1:]) for each in self.inputs]
        return [
            each["data"][place * width : (place + 1) * width]
            for each, width in zip(self.inputs, widths, strict=True)
        ]

    def output(self, name: str) -> list[Any]:
        """What the file says in an output of its own."""
        found: list[Any] = next(each["data"] for each in self.outputs if each["name"] == name)
        return found


@cache
def sample(name: str) -> Sample:
    """One of `NAMES`."""
    told = json.loads((FOLDER / f"{name}.json").read_text())
    return Sample(name, (FOLDER / f"{name}.onnx").read_bytes(), told["inputs"], told["outputs"])


def tensors(given: Sequence[Mapping[str, Any]]) -> dict[str, GraphTensor]:
    """Tensors of the protocol's JSON."""
    return {each["name"]: tensor_of(each["datatype"], tuple(each["shape"]), each["data"]) for each in given}


def squares() -> bytes:
    """A graph that multiplies a matrix of ones with itself, as large as its input says, and adds up."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Reshape", ["size", "one"], ["n"]),
        helper.make_node("Concat", ["n", "n"], ["shape"], axis=0),
        helper.make_node(
            "ConstantOfShape", ["shape"], ["A"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
        ),
        helper.make_node("MatMul", ["A", "A"], ["B"]),
        helper.make_node("ReduceSum", ["B"], ["sum"], keepdims=1),
        helper.make_node("Reshape", ["sum", "pair"], ["total"]),
    ]
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("size", TensorProto.INT64, [1, 1])],
        [helper.make_tensor_value_info("total", TensorProto.FLOAT, [1, 1])],
        [
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("pair", TensorProto.INT64, [2], [1, 1]),
        ],
    )
    opsets = [helper.make_opsetid("", 19)]
    file: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return file


class SessionRunner:
    """A `GraphRunner` of one file that onnxruntime runs in this process; it counts what it is asked."""

    def __init__(self, file: bytes) -> None:
        self._session = GraphSession(file)
        self.asked: list[tuple[int, tuple[str, ...], int]] = []

    def run(
        self,
        artifact: GraphArtifact,  # noqa: ARG002 (the protocol's)
        inputs: Mapping[str, GraphTensor],
        outputs: Sequence[str],
        *,
        batch: int = 0,
    ) -> dict[str, GraphTensor]:
        """See `GraphRunner`."""
        rows = next(iter(inputs.values())).shape[0]
        self.asked.append((rows, tuple(outputs), batch))
        return self._session.run(inputs, outputs, batch)
