"""Labels are told where they are those of an output, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ml_core.errors import InvalidInput
from ml_core.onnx import protobuf as pb
from ml_core.onnx.scan import scan
from tests.unit.ml_core.onnx_files.files import STRING, joined, model, operation, opset, port, tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.onnx.protobuf import Parts

INT64 = 7
ML = "ai.onnx.ml"
NAMES = {
    "TreeEnsembleClassifier": "classlabels_int64s", "LinearClassifier": "classlabels_ints",
    "SVMClassifier": "classlabels_ints",
}  # fmt: skip


def classifier(
    operator: str, labels: Sequence[int | str], outputs: Sequence[str] = ("label", "scores")
) -> Parts:
    held: Parts = []
    for label in labels:
        held += pb.integer(8, label) if isinstance(label, int) else pb.text(9, label)
    whole = all(isinstance(label, int) for label in labels)
    name = pb.text(1, NAMES[operator] if whole else "classlabels_strings")
    return operation(operator, [*name, *held], domain=ML, outputs=outputs)


def told(*nodes: Parts, kind: int = INT64, weights: Parts | None = None) -> tuple[str | int, ...] | None:
    graph = joined(*nodes, port(11, "x"), port(12, "label", kind, [None]), weights or [])
    return scan(model(graph=graph, opsets=[*opset(), *opset(ML, 3)])).classes


@pytest.mark.parametrize("operator", NAMES)
def test_labels_of_each_classifier(operator: str) -> None:
    assert told(classifier(operator, [0, 1, 7])) == (0, 1, 7)
    assert told(classifier(operator, ["a", "ü"]), kind=STRING) == ("a", "ü")


@pytest.mark.parametrize("passing", ["Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"])
def test_through_what_changes_no_label(passing: str) -> None:
    inner = classifier("LinearClassifier", [4, 5], ("inner", "scores"))
    steps = [
        operation(passing, inputs=["inner"], outputs=["a"]),
        operation(passing, inputs=["a"], outputs=["label"]),
    ]
    assert told(inner, *steps) == (4, 5)
    assert told(*reversed(steps), inner) == (4, 5)


def test_of_a_member_of_an_ensemble_they_are_not_told() -> None:
    """skl2onnx gives each of OneVsRestClassifier's members the labels 0 and 1."""
    members = [classifier("LinearClassifier", [0, 1], (f"l{place}", f"s{place}")) for place in range(3)]
    assert told(*members, operation("ArgMax", inputs=["s"], outputs=["label"])) is None


@pytest.mark.parametrize(
    ("labels", "kind"),
    [([1, 1], INT64), (["a", "a"], STRING), (["a", "b"], INT64), ([1, 2], STRING), ([1, 2], 1), ([], INT64)],
)
def test_labels_that_are_none_of_an_outputs(labels: list[int | str], kind: int) -> None:
    """They are there twice, or of another kind than the output."""
    assert told(classifier("LinearClassifier", labels), kind=kind) is None


def test_labels_that_do_not_agree() -> None:
    nodes = [classifier("LinearClassifier", [0, 1]), classifier("SVMClassifier", [1, 0], ("other", "s"))]
    ports = [port(11, "x"), port(12, "label", INT64), port(12, "other", INT64)]
    opsets = [*opset(), *opset(ML, 3)]
    assert scan(model(graph=joined(*nodes, *ports), opsets=opsets)).classes is None
    assert scan(model(graph=joined(nodes[0], *ports), opsets=opsets)).classes == (0, 1)


def words(*labels: str, dims: Sequence[int] | None = None) -> Parts:
    held = joined(*(pb.text(6, label) for label in labels))
    return pb.message(5, tensor(held, dims=dims or [len(labels)], datatype=STRING, name="names"))


@pytest.mark.parametrize(("operator", "domain"), [("Gather", ""), ("ArrayFeatureExtractor", ML)])
def test_labels_that_are_looked_up(operator: str, domain: str) -> None:
    inputs = ["names", "places"]
    node = operation(operator, domain=domain, inputs=inputs, outputs=["label"])
    assert told(node, kind=STRING, weights=words("a", "b", "c")) == ("a", "b", "c")
    assert told(node, kind=STRING, weights=words("a", "b", "c", "d", dims=[2, 2])) is None
    assert told(node, kind=STRING) is None
    whole = pb.message(5, tensor(pb.integers(7, [4, -1]), datatype=INT64, name="names"))
    assert told(node, weights=whole) == (4, -1)
    raw = pb.message(
        5, tensor(pb.content(9, bytes([2, *bytes(7), 1, *bytes(7)])), datatype=INT64, name="names")
    )
    assert told(node, weights=raw) == (2, 1)


def test_a_circle_of_nodes_ends() -> None:
    ring = [operation("Identity", inputs=[a], outputs=[b]) for a, b in (("label", "b"), ("b", "label"))]
    assert told(*ring) is None


def test_labels_that_are_no_text() -> None:
    node = operation(
        "LinearClassifier",
        [*pb.text(1, "classlabels_strings"), *pb.content(9, b"\xff")],
        domain=ML,
        outputs=["label"],
    )
    with pytest.raises(
        InvalidInput, match=r"^model\.graph\.node\[0\]\.attribute\[0\]\.strings\[0\]: expected UTF-8"
    ):
        told(node, kind=STRING)


def test_numbers_of_labels() -> None:
    most = classifier("LinearClassifier", range(10_000))
    assert told(most) == tuple(range(10_000))
    with pytest.raises(InvalidInput, match=r"expected at most 10,000 labels, got 10,001$"):
        told(classifier("LinearClassifier", range(10_001)))
    with pytest.raises(
        InvalidInput, match=r"^model\.graph: expected nodes that name at most 1,000,000 labels"
    ):
        told(*[most] * 101)
