"""Which artifact holds a graph, and where it is in it."""

from __future__ import annotations

from ml_core.errors import ArtifactInvalid
from ml_core.model.artifact import read
from ml_core.records import Record

TENSOR = "onnx"
"""The tensor of an artifact that holds the graph's file."""


class GraphArtifact(Record):
    """The artifact of an imported model: which job stored it, its SHA-256 and its size in bytes."""

    job: str
    sha256: str
    size: int


def graph_in(artifact: bytes | bytearray) -> memoryview:
    """The file of ONNX in an imported model's artifact. Raises `ArtifactInvalid`."""
    try:
        tensor = read(artifact)[1][TENSOR]  # type: ignore[arg-type]  # it takes whatever bytes there are
    except (ArtifactInvalid, KeyError):
        raise ArtifactInvalid("the artifact holds no graph") from None
    if tensor.dtype != "U8" or len(tensor.shape) != 1:
        raise ArtifactInvalid(f"expected a graph as a list of bytes, got {tensor.dtype}")
    return memoryview(tensor.packed)
