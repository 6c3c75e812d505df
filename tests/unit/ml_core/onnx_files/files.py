"""Files of ONNX written by hand, as nobody's library would write them, and the samples of libraries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ml_core.onnx import protobuf as pb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ml_core.onnx.protobuf import Parts

SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "onnx"
FLOAT, STRING = 1, 8


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.onnx").read_bytes()


def samples() -> list[str]:
    return sorted(file.stem for file in SAMPLES.glob("*.onnx"))


def opset(domain: str = "", version: int = 18) -> Parts:
    return pb.message(8, [*pb.text(1, domain), *pb.integer(2, version)])


def model(
    *parts: Parts,
    graph: Iterable[bytes | memoryview] | None = None,
    ir_version: int = 8,
    opsets: Parts | None = None,
) -> bytes:
    """A file: its graph, by default one node between an input and an output, and whatever else is in it."""
    held = small_graph() if graph is None else list(graph)
    return pb.joined(
        [
            *pb.integer(1, ir_version),
            *pb.message(7, held),
            *(opset() if opsets is None else opsets),
            *joined(*parts),
        ]
    )


def small_graph(*parts: Parts, node: Parts | None = None) -> Parts:
    """A graph from `x` to `y`."""
    return joined(relu() if node is None else node, port(11, "x"), port(12, "y"), *parts)


def relu() -> Parts:
    return operation("Relu")


def operation(
    operator: str,
    *attributes: Parts,
    domain: str = "",
    inputs: Iterable[str] = ("x",),
    outputs: Iterable[str] = ("y",),
) -> Parts:
    held = [
        *(part for name in inputs for part in pb.text(1, name)),
        *(part for name in outputs for part in pb.text(2, name)),
        *pb.text(4, operator),
        *pb.text(7, domain),
    ]
    return pb.message(1, [*held, *(part for each in attributes for part in pb.message(5, each))])


def port(
    field: int, name: str, datatype: int = FLOAT, axes: Iterable[int | str | None] | None = (None, 2)
) -> Parts:
    """An input (11) or output (12); without axes nothing is told of its shape."""
    kind = pb.integer(1, datatype)
    if axes is not None:
        kind += pb.message(2, [part for axis in axes for part in pb.message(1, _axis(axis))])
    return pb.message(field, [*pb.text(1, name), *pb.message(2, pb.message(1, kind))])


def _axis(axis: int | str | None) -> Parts:
    if axis is None:
        return []
    return pb.integer(1, axis) if isinstance(axis, int) else pb.text(2, axis)


def tensor(*data: Parts, dims: Iterable[int] = (2,), datatype: int = FLOAT, name: str = "w") -> Parts:
    """A tensor's message, without the field that it stands in."""
    return [*pb.integers(1, dims), *pb.integer(2, datatype), *pb.text(8, name), *joined(*data)]


def joined(*parts: Parts) -> Parts:
    return [piece for each in parts for piece in each]
