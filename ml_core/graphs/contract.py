"""What the service expects of whoever runs graphs. For type checkers: no prediction imports it."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ml_core.graphs.artifact import GraphArtifact
    from ml_core.graphs.call import GraphTensor


class GraphRunner(Protocol):
    """Runs graphs: the function of its own on a cloud, children of this process on a laptop."""

    def run(
        self,
        artifact: "GraphArtifact",
        inputs: "Mapping[str, GraphTensor]",
        outputs: "Sequence[str]",
        *,
        batch: int = 0,
    ) -> "dict[str, GraphTensor]":
        """The outputs of a graph, by their names; all where none is named. `batch` is as in `GraphCall`.

        Raises `GraphFailure` where the graph gives none, and `Unavailable` where nobody could be asked.
        """
        ...
