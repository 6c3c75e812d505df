"""What a scan costs is of the order of the file's size, whatever its parts say of themselves."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ml_core.errors import InvalidInput
from ml_core.onnx import protobuf as pb
from ml_core.onnx import wire_format
from ml_core.onnx.scan import scan
from tests.unit.handlers.work import work_of
from tests.unit.ml_core.onnx_files.files import (
    STRING,
    joined,
    model,
    operation,
    opset,
    port,
    relu,
    small_graph,
    tensor,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.onnx.protobuf import Parts

SMALL, FACTOR = 1_000, 8
EDGES = joined(port(11, "x"), port(12, "y"))


def many(part: Parts, times: int) -> Parts:
    return [b"".join(part) * times]


def chain(nodes: int) -> Parts:
    """Identities from the output back to the input."""
    links = [
        operation("Identity", inputs=[f"v{n}" if n else "x"], outputs=[f"v{n + 1}"]) for n in range(nodes - 1)
    ]
    return joined(*links, operation("Identity", inputs=[f"v{nodes - 1}"], outputs=["y"]), EDGES)


def labelled(labels: int) -> Parts:
    held = [*pb.text(1, "classlabels_int64s"), *pb.integers(8, range(labels))]
    return small_graph(node=operation("TreeEnsembleClassifier", held, domain="ai.onnx.ml"))


def trees(numbers: int) -> Parts:
    held = [*pb.text(1, "nodes_values"), *many(pb.float32(7, 1.5), numbers)]
    return small_graph(node=operation("TreeEnsembleClassifier", held, domain="ai.onnx.ml"))


GRAPHS: dict[str, Callable[[int], Parts]] = {
    "nodes": lambda size: small_graph(many(relu(), size)),
    "refused nodes": lambda size: small_graph(many(operation("Loop"), size)),
    "a chain": chain,
    "weights": lambda size: small_graph(many(pb.message(5, tensor(dims=[0])), size)),
    "words": lambda size: small_graph(pb.message(5, tensor(many(pb.content(6, b""), size), datatype=STRING))),
    "labels": labelled,
    "numbers of trees": trees,
    "inputs": lambda size: joined(relu(), *(port(11, f"x{place}") for place in range(size)), port(12, "y")),
    "weights among the inputs": lambda size: joined(
        relu(),
        *(
            part
            for n in range(size)
            for part in (port(11, f"w{n}"), pb.message(5, tensor(dims=[0], name=f"w{n}")))
        ),
        EDGES,
    ),
    "edges": lambda size: small_graph(node=operation("Concat", inputs=["x"] * size)),
    "attributes": lambda size: small_graph(
        many(operation("Relu", *(pb.text(1, f"a{place}") for place in range(10))), size // 10)
    ),
    "pieces of numbers": lambda size: small_graph(
        pb.message(5, tensor(many([*pb.float32(4, 1.0), *pb.text(12, "")], size)))
    ),
    "text": lambda size: small_graph(pb.message(13, many(pb.text(1, "value info"), size))),
}


def cost(graph: Parts) -> tuple[int, int]:
    opsets = [*opset(), *opset("ai.onnx.ml", 3)]
    data = model(graph=graph, opsets=opsets)

    def call() -> None:
        with suppress(InvalidInput):
            scan(data)

    return len(data), work_of(call)


@pytest.mark.parametrize("name", GRAPHS)
def test_work_grows_with_the_file_and_no_faster(name: str) -> None:
    length, small = cost(GRAPHS[name](SMALL))
    longer, large = cost(GRAPHS[name](SMALL * FACTOR))
    assert large <= small * longer / length * 1.2 + 1_000
    assert large <= 200 * longer + 20_000


def test_numbers_that_stand_one_by_one_are_not_looked_at_one_by_one() -> None:
    """A forest has millions of them: Python sees a run of 65,536 once."""
    _, small = cost(trees(SMALL))
    length, large = cost(trees(SMALL * 1_000))
    assert large < small + 3 * length  # what C looks through counts too
    assert length > 5_000_000


@pytest.mark.parametrize("graph", [trees(2_000_000), labelled(1_000_000)], ids=["numbers", "too many labels"])
def test_memory_is_that_of_the_file(graph: Parts) -> None:
    data = model(graph=graph, opsets=[*opset(), *opset("ai.onnx.ml", 3)])
    tracemalloc.start()
    try:
        with suppress(InvalidInput):
            scan(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_fields_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file of empty texts, which cost two bytes each, ends."""
    monkeypatch.setattr(wire_format, "MOST_FIELDS", 10_000)
    data = model(graph=small_graph(pb.message(5, tensor(many(pb.content(6, b""), 20_000), datatype=STRING))))
    with pytest.raises(InvalidInput, match="expected a file of at most 10,000 fields, got more"):
        scan(data)


def test_what_a_graph_would_compute_costs_nothing_here() -> None:
    """That takes more memory than there is only where it is run, which is done within limits."""
    shape = tensor(pb.content(9, struct.pack("<q", 10**11)), dims=[1], datatype=7, name="shape")
    large = small_graph(pb.message(5, shape), node=operation("ConstantOfShape", inputs=["shape"]))
    links = (
        operation("Concat", inputs=[f"v{n}" if n else "x"] * 2, outputs=["y" if n == 44 else f"v{n + 1}"])
        for n in range(45)
    )
    for graph in (large, joined(*links, EDGES)):
        assert scan(model(graph=graph)).numbers <= 1
        length, work = cost(graph)
        assert work < 200 * length + 20_000
