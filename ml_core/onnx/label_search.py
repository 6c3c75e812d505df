"""The labels that a graph itself names: those of the classifier, or of ZipMap, whose answer is an output."""

from __future__ import annotations

from ml_core.onnx.operators import ONNX, ONNX_ML
from ml_core.onnx.ports import MAPS

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ml_core.onnx.labels import Labels
    from ml_core.onnx.nodes import ScannedNode
    from ml_core.onnx.ports import GraphPort

# Operators whose first result is what they are given, in another form.
_PASSING = frozenset({"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})
# The datatypes of outputs that say labels as they are named.
_SAYING = {int: (MAPS, "INT64", "INT32"), str: (MAPS, "BYTES")}
# How many of these are followed backwards from an output.
_MOST_STEPS = 64


class LabelSearch:
    """Takes a graph's nodes one after another, and keeps what leads from an output to labels.

    Labels of nodes within a graph are not told: of an ensemble's members they are not those of its answer.
    """

    def __init__(self) -> None:
        self._named: dict[str, Labels] = {}
        self._passed: dict[str, str] = {}

    def add(self, node: ScannedNode) -> None:
        """The next node."""
        if node.domain == ONNX_ML and node.labels:
            self._named[node.first_output] = node.labels
        elif node.domain == ONNX and node.operator in _PASSING:
            self._passed[node.first_output] = node.first_input

    def found(self, outputs: Iterable[GraphPort]) -> Labels | None:
        """The labels, where all that lead to outputs are the same and none is there twice."""
        known = {
            labels
            for output in outputs
            if (labels := self._behind(output.name)) and output.datatype in _SAYING[type(labels[0])]
        }
        if len(known) != 1:
            return None
        labels = known.pop()
        return labels if len(set(labels)) == len(labels) else None

    def _behind(self, output: str) -> Labels | None:
        for _ in range(_MOST_STEPS):
            if output in self._named or output not in self._passed:
                break
            output = self._passed[output]
        return self._named.get(output)
