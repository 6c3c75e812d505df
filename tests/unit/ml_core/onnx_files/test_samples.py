"""Files of other libraries: what the scan says of them is what onnx and onnxruntime say."""

import json
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest

from ml_core.errors import InvalidInput
from ml_core.onnx.ports import MAPS, GraphPort
from ml_core.onnx.scan import scan
from ml_core.training.notebook import train_model
from tests.fuzz.graphs import DATATYPES_OF_ONNXRUNTIME
from tests.unit.ml_core.onnx_files.files import SAMPLES, sample, samples
from tests.unit.ml_core.onnx_runtime import options


@pytest.mark.parametrize("name", samples())
def test_inputs_and_outputs_are_those_of_onnxruntime(name: str) -> None:
    found, session = scan(sample(name)), onnxruntime.InferenceSession(sample(name), options())
    assert [_told(port) for port in found.inputs] == [_said(port) for port in session.get_inputs()]
    assert [_told(port) for port in found.outputs] == [_said(port) for port in session.get_outputs()]


def _told(port: GraphPort) -> tuple[str, str, list[int | None] | None]:
    return port.name, port.datatype, None if port.shape is None else list(port.shape)


def _said(port: Any) -> tuple[str, str, list[int | None] | None]:
    axes = [axis if isinstance(axis, int) else None for axis in port.shape]
    datatype = DATATYPES_OF_ONNXRUNTIME[port.type]
    return port.name, datatype, None if datatype == MAPS else axes


@pytest.mark.parametrize("name", samples())
def test_counts_are_those_of_onnx(name: str) -> None:
    found, read = scan(sample(name)), onnx.load_from_string(sample(name))
    attributes = [attribute for node in read.graph.node for attribute in node.attribute]
    tensors = [*read.graph.initializer, *(each.t for each in attributes if each.HasField("t"))]
    assert found.ir_version == read.ir_version
    assert found.opsets == {entry.domain: entry.version for entry in read.opset_import}
    assert found.producer == f"{read.producer_name} {read.producer_version}"
    assert found.nodes == len(read.graph.node)
    assert found.operators == Counter(node.op_type for node in read.graph.node)
    assert found.numbers == sum(prod(each.dims) for each in tensors) + sum(len(a.floats) for a in attributes)


@pytest.mark.parametrize("name", samples())
def test_labels_that_a_file_names_are_those_that_it_answers(name: str) -> None:
    found = scan(sample(name))
    answers = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))["outputs"]
    said = [set(each["data"]) for each in answers if "label" in each["name"] and each["datatype"] != MAPS]
    maps = [{key for key, _ in row} for each in answers if each["datatype"] == MAPS for row in each["data"]]
    if found.classes is None:
        assert name.startswith(("kmeans", "ridge", "torch"))
        return
    assert all(labels <= set(found.classes) for labels in said)
    assert all(labels == set(found.classes) for labels in maps)
    assert said


def test_weights_that_are_listed_as_inputs_are_none() -> None:
    read = onnx.load_from_string(sample("torch-mlp-opset9"))
    assert len(read.graph.input) == 5
    assert [port.name for port in scan(sample("torch-mlp-opset9")).inputs] == ["features"]


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 5, 9], ["a", "b", "c"]])
def test_labels_of_our_own_files(labels: list[Any]) -> None:
    rows = [[x / 7, float(x % 5)] for x in range(30)]
    model = train_model(rows, [labels[x % len(labels)] for x in range(30)], hyperparameters={"C": 1.0})
    found = scan(model.to_onnx())
    assert found.classes == model.classes == tuple(labels)
    assert found.outputs[0].name == "label"


FILES_OF_ONNX = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").rglob("*.onnx"))
# What the scan says against some of them: operators that train.
PREVIEW = "expected the domain ai.onnx or ai.onnx.ml, got 'ai.onnx.preview.training'"


def test_files_of_the_tests_of_onnx_itself() -> None:
    """A hundred files that PyTorch exported in 2017, and some that were written by hand."""
    loaded, refused = 0, set[str]()
    for file in FILES_OF_ONNX:
        data = file.read_bytes()
        try:
            found = scan(data)
        except InvalidInput as error:
            refused |= {fault.message.partition(":")[0] for fault in error.faults}
            continue
        try:
            session = onnxruntime.InferenceSession(data, options())
        except Exception:  # noqa: BLE001, S112 - of such old operators onnxruntime has only some
            continue
        loaded += 1
        for told, said in ((found.inputs, session.get_inputs()), (found.outputs, session.get_outputs())):
            assert [_told(port)[:2] for port in told] == [_said(port)[:2] for port in said], file
    assert loaded > 80
    assert refused == {PREVIEW}
