"""What inputs and outputs are taken for: as the request says, else as the graph suggests, which is told."""

from typing import Any

import pytest

from ml_core.errors import InvalidInput
from ml_core.graphs.call import GraphTensor
from ml_core.graphs.reading import tensor_of
from ml_core.graphs.request import ImportRequest, check_import
from ml_core.graphs.settling import Settled, settled, settled_inputs
from ml_core.graphs.signature import COLUMNS, MATRIX, TENSORS, GraphSignature
from ml_core.onnx.ports import GraphPort
from ml_core.onnx.scan import ScannedGraph
from ml_core.registering.request import RegistrationRequest

UPLOAD = "artifact://fruit/" + "0" * 28
LABEL = tensor_of("INT64", (2,), [0, 1])
SURE = tensor_of("FP32", (2, 3), [0.5, 0.25, 0.25, 0.0, 1.0, 0.0])
SCORES = tensor_of("FP32", (2, 3), [3.0, -1.0, 0.5, 0.0, 2.0, 0.0])
WORDS = tensor_of("BYTES", (2,), ["no", "yes"])


def graph(*inputs: tuple[str, str, tuple[int | None, ...]], classes: Any = None) -> ScannedGraph:
    ports = tuple(GraphPort(*each) for each in inputs)
    return ScannedGraph(8, {"": 19}, "by hand", 1, {"Gemm": 1}, 1, ports, (), classes)


def request(**more: Any) -> ImportRequest:
    return ImportRequest(RegistrationRequest(UPLOAD), **more)


ROWS = graph(("x", "FP32", (None, 4)))


def outputs_of(found: dict[str, GraphTensor], *, named: Any = None, **more: Any) -> Settled:
    scanned = graph(("x", "FP32", (None, 4)), classes=named)
    return settled(settled_inputs(scanned, request()), scanned, request(**more), found, 2)


def called(known: Settled) -> dict[str, str]:
    return {each.name: each.output for each in known.signature.outputs}


@pytest.mark.parametrize(
    ("inputs", "form", "features", "batch"),
    [
        ([("x", "FP32", (None, 3))], MATRIX, ("x0", "x1", "x2"), 0),
        ([("x", "FP32", (1, 3))], MATRIX, ("x0", "x1", "x2"), 1),
        ([("x", "BYTES", (None, 1))], MATRIX, ("x0",), 0),
        ([("age", "FP32", (None, 1)), ("job", "BYTES", (None,))], COLUMNS, ("age", "job"), 0),
        ([("text", "BYTES", (None,))], COLUMNS, ("text",), 0),
        ([("ids", "INT64", (None, None))], TENSORS, ("ids",), 0),
        ([("picture", "FP32", (8, 1, 28, 28))], TENSORS, ("picture",), 8),
        ([("a", "FP32", (None, 2)), ("b", "FP32", (None, 1))], TENSORS, ("a", "b"), 0),
        ([("a", "FP32", (None, 2)), ("b", "FP32", (4, 1))], TENSORS, ("a", "b"), 4),
    ],
)
def test_how_instances_come(inputs: Any, form: str, features: tuple[str, ...], batch: int) -> None:
    found = settled_inputs(graph(*inputs), request())
    assert (found.form, found.features, found.batch) == (form, features, batch)


def test_names_make_columns_of_a_width_that_is_not_told() -> None:
    found = settled_inputs(graph(("x", "FP32", (None, None))), request(features=("a", "b")))
    assert (found.form, found.features, found.inputs[0].shape) == (MATRIX, ("a", "b"), (2,))


@pytest.mark.parametrize(
    ("inputs", "more", "message"),
    [
        ([], {}, "expected at least one input"),
        ([("x", "FP32", None)], {}, "expected a shape"),
        ([("x", "FP32", ())], {}, "expected a shape"),
        ([("x", "FP32", (None, 0))], {}, "of at least 1"),
        ([("x", "FP32", (2, 3)), ("y", "FP32", (4, 3))], {}, "as many instances, got 2, 4"),
        ([("x", "FP32", (None, 3))], {"features": ("a", "b")}, "expected 3 names"),
        ([("x", "FP32", (None, 3, 3))], {"features": ("a", "b")}, "expected 1 names"),
    ],
)
def test_inputs_that_cannot_be(inputs: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        settled_inputs(graph(*inputs), request(**more))


@pytest.mark.parametrize(
    ("found", "classes", "names", "labels"),
    [
        ({"y": LABEL, "p": SURE}, None, {"label": "y", "probability": "p"}, (0, 1, 2)),
        ({"p": SURE, "y": LABEL}, (3, 1, 2), {"label": "y", "probability": "p"}, (3, 1, 2)),
        ({"y": LABEL, "s": SCORES}, None, {"label": "y", "s": "s"}, None),
        ({"y": WORDS, "p": SURE}, ("a", "b", "c"), {"label": "y", "probability": "p"}, ("a", "b", "c")),
        ({"p": SURE}, None, {"p": "p"}, None),
        ({"variable": tensor_of("FP32", (2, 1), [1.0, 2.0])}, None, {"variable": "variable"}, None),
        ({"Identity:0": SCORES}, None, {"output_0": "Identity:0"}, None),
    ],
)
def test_what_outputs_are_taken_for(
    found: Any, classes: Any, names: dict[str, str], labels: tuple[Any, ...] | None
) -> None:
    known = outputs_of(found, named=classes)
    assert called(known) == names
    assert known.signature.labels == labels
    guessed = [output for name, output in names.items() if name != output]
    assert all(any(output in warning for warning in known.warnings) for output in guessed)


def test_a_guess_is_overruled() -> None:
    known = outputs_of({"y": LABEL, "p": SURE}, outputs={"score": "p"})
    assert called(known) == {"score": "p"}
    assert known.signature.classes is None
    assert not known.warnings


def test_labels_of_the_callers_stand_for_the_graphs_own() -> None:
    renamed = outputs_of({"y": LABEL, "p": SURE}, classes=("a", "b", "c"))
    assert renamed.signature.classes == ("a", "b", "c")
    assert renamed.signature.labels == (0, 1, 2)
    ordered = outputs_of({"y": WORDS}, named=("yes", "no"), classes=(True, False))
    assert ordered.signature.classes == (True, False)
    assert ordered.signature.labels == ("yes", "no")


def test_where_the_graph_gives_no_label_the_greatest_score_is_one_and_that_is_told() -> None:
    assert outputs_of({"s": SCORES}, outputs={"decision": "s"}).signature.derived is None  # of which classes?
    named = outputs_of({"s": SCORES}, classes=("a", "b", "c"), outputs={"decision": "s"})
    assert named.signature.derived == "decision"
    assert [each.name for each in named.signature.outputs] == ["label", "decision"]
    assert "greatest decision" in named.warnings[0]


@pytest.mark.parametrize(
    ("found", "more", "path"),
    [
        ({"y": WORDS}, {}, "$.classes"),
        ({"y": LABEL, "p": SURE}, {"classes": ("a", "b")}, "$.classes"),
        ({"y": LABEL}, {"outputs": {"label": "z"}}, "$.outputs.label"),
        ({"y": SURE}, {"outputs": {"label": "y"}}, "$.outputs.label"),
        ({"y": WORDS}, {"outputs": {"probability": "y"}}, "$.outputs.probability"),
        ({"s": SCORES}, {"classes": ("a", "b", "c"), "outputs": {"x": "s"}}, "$.classes"),
        ({"one": tensor_of("FP32", (1, 3), [0.0] * 3)}, {}, "model.graph.output"),
        ({"scalar": tensor_of("FP32", (), [0.0])}, {}, "model.graph.output"),
        ({}, {}, "model.graph.output"),
    ],
)
def test_outputs_that_cannot_be(found: Any, more: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        outputs_of(found, **more)
    assert [fault.path for fault in raised.value.faults] == [path]


def test_what_is_of_no_instance_is_left_out_and_that_is_told() -> None:
    known = outputs_of({"y": LABEL, "total": tensor_of("FP32", (1,), [3.0])})
    assert called(known) == {"label": "y"}
    assert "'total'" in known.warnings[0]


def test_a_request_is_stored_and_read_again() -> None:
    body = {
        "uri": UPLOAD,
        "sha256": "0" * 64,
        "features": ["a", "b"],
        "classes": [True, False],
        "outputs": {"probability": "p"},
        "example": [[1, 2], {"a": 1, "b": 2}],
        "origin": {"description": "x"},
    }
    asked = check_import(body, "fruit")
    assert ImportRequest.from_bytes(asked.to_bytes()) == asked
    assert asked.summary() == {"kind": "import", "uri": UPLOAD, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"features": ["a", "a"]}, "$.features[1]"),
        ({"classes": ["a", "a"]}, "$.classes[1]"),
        ({"classes": [1, "a"]}, "$.classes"),
        ({"classes": [1, True]}, "$.classes"),
        ({"outputs": {"a": "x", "b": "x"}}, "$.outputs.b"),
        ({"outputs": "label"}, "$.outputs"),
        ({"outputs": None}, "$.outputs"),
        ({"outputs": {}}, "$.outputs"),
        ({"outputs": {"a": 3}}, "$.outputs.a"),
        ({"outputs": {"a b": "x"}}, '$.outputs["a b"]'),
        ({"uri": "artifact://other/" + "0" * 28}, "$.uri"),
    ],
)
def test_a_request_that_cannot_be(more: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_import({"uri": UPLOAD, **more}, "fruit")
    assert [fault.path for fault in raised.value.faults] == [path]


@pytest.mark.parametrize("broken", [{}, {"form": "cube"}, {"inputs": []}, {"outputs": None}])
def test_a_description_that_is_none_is_refused(broken: dict[str, Any]) -> None:
    from ml_core.errors import ArtifactInvalid

    whole = outputs_of({"y": LABEL}).signature.described()
    assert GraphSignature.restored(whole).outputs
    with pytest.raises(ArtifactInvalid):
        GraphSignature.restored({**whole, **broken} if broken else {})
