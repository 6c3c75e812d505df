"""Graphs of a service that runs on one machine: children of its own process."""

import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ml_core.conflicts import NotDeployed
from ml_core.errors import ObjectNotFound, Unavailable
from ml_core.graphs.call import DAMAGED, GraphFailure
from ml_core.running.answering import graph_of
from ml_core.running.children import GraphChildren, GraphQuestion
from ml_core.running.graph_process import Allowance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ml_core.graphs.artifact import GraphArtifact
    from ml_core.graphs.call import GraphTensor
    from ml_core.ports import ObjectStore

NEEDED = ("numpy", "onnxruntime")
# What a child gets of a person's machine, and what all may hold while nobody asks them, in bytes.
MEMORY = 2 << 30
KEPT_MEMORY = 1 << 30
# Requests that wait for children. The server has threads for so many beside its others: whoever waits for a
# model that hangs keeps nobody else from an answer.
MOST_AT_ONCE = 16


class OwnGraphs:
    """A `GraphRunner` that reads artifacts from the store itself.

    Args:
        store: where they are.
        children: who runs them.
        seconds: how long a call may take.
    """

    def __init__(self, store: "ObjectStore", children: GraphChildren, *, seconds: float = 60.0) -> None:
        self._store = store
        self._children = children
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    def run(
        self,
        artifact: "GraphArtifact",
        inputs: "Mapping[str, GraphTensor]",
        outputs: "Sequence[str]",
        *,
        batch: int = 0,
    ) -> "dict[str, GraphTensor]":
        """See `GraphRunner`."""
        question = GraphQuestion(
            artifact.sha256, lambda: self._graph(artifact), inputs, outputs, self._seconds, batch
        )
        if not self._places.acquire(blocking=False):
            raise Unavailable(f"{MOST_AT_ONCE} requests of imported models are under way, which is the most")
        try:
            return self._children.run(question)[0]
        finally:
            self._places.release()

    def _graph(self, artifact: "GraphArtifact") -> memoryview:
        from ml_core.registry.registry import artifact_key

        content = bytearray()
        try:
            opened = self._store.opened(artifact_key(artifact.job))
        except ObjectNotFound:
            raise GraphFailure(DAMAGED, "the artifact is gone") from None
        for chunk in opened.chunks:
            content += chunk
            if len(content) > artifact.size:
                raise GraphFailure(DAMAGED, "the artifact is not as long as it should be")
        return graph_of(content, artifact.sha256)


def own_graphs(store: "ObjectStore", *, seconds: float) -> OwnGraphs:
    """Who runs the graphs of a service on this machine, for at most so many seconds a call.

    Raises `NotDeployed` where the runtime is not installed.
    """
    missing = [library for library in NEEDED if find_spec(library) is None]  # a child imports them
    if missing:
        raise NotDeployed(
            f"imported models are run by {' and '.join(missing)}, not installed here: start the service with "
            f"`make serve ONNX=yes`, or install {' and '.join(missing)}"
        )
    return OwnGraphs(store, GraphChildren(Allowance(MEMORY), KEPT_MEMORY), seconds=seconds)
