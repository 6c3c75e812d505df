"""The labels that a graph itself names.

They are those of the classifier, or of ZipMap, whose answer is an output; or a list of which an output's
elements are taken by their places.
"""

from __future__ import annotations

from ml_core.errors import InvalidInput
from ml_core.onnx.labels import listed_labels, may_be_labels
from ml_core.onnx.operators import ONNX, ONNX_ML
from ml_core.onnx.ports import MAPS
from ml_core.onnx.stored_tensors import tensor_of

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ml_core.onnx.labels import Labels
    from ml_core.onnx.nodes import ScannedNode
    from ml_core.onnx.ports import GraphPort
    from ml_core.onnx.stored_tensors import StoredTensor
    from ml_core.onnx.wire_format import WireReader

# Operators whose first result is what they are given, in another form.
_PASSING = frozenset({"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})
# The datatypes of outputs that say labels as they are named.
_SAYING = {int: (MAPS, "INT64", "INT32"), str: (MAPS, "BYTES")}
# Operators that take elements of a list, their first input, by their places.
_LOOKING_UP = {(ONNX, "Gather"), (ONNX_ML, "ArrayFeatureExtractor")}
# How many labels are kept of all nodes.
_MOST_KEPT = 1_000_000
# How many that pass on are followed backwards from an output.
_MOST_STEPS = 64


class LabelSearch:
    """Takes a graph's nodes and weights one after another, and keeps what leads from an output to labels.

    Labels of nodes within a graph are not told: of an ensemble's members they are not those of its answer.
    """

    def __init__(self) -> None:
        self._named: dict[str, Labels] = {}
        self._passed: dict[str, str] = {}
        self._looked_up: dict[str, str] = {}
        self._lists: dict[str, memoryview] = {}
        self._kept = 0

    def add(self, node: ScannedNode) -> None:
        """The next node. Raises `InvalidInput` where all together name too many labels."""
        if node.domain == ONNX_ML and node.labels:
            self._named[node.first_output] = node.labels
            self._kept += len(node.labels)
            if self._kept > _MOST_KEPT:
                raise InvalidInput.at(
                    "model.graph",
                    f"expected nodes that name at most {_MOST_KEPT:,} labels together, got more",
                )
        elif (node.domain, node.operator) in _LOOKING_UP:
            self._looked_up[node.first_output] = node.first_input
        elif node.domain == ONNX and node.operator in _PASSING:
            self._passed[node.first_output] = node.first_input

    def add_weight(self, tensor: StoredTensor, view: memoryview) -> None:
        """The next weight, and where it is: a list from which labels may be looked up."""
        if may_be_labels(tensor):
            self._lists[tensor.name] = view

    def found(self, reader: WireReader, outputs: Iterable[GraphPort]) -> Labels | None:
        """The labels, where all that lead to outputs are the same and none is there twice.

        Raises `InvalidInput` where one is no text.
        """
        known = {
            labels
            for output in outputs
            if output.datatype in _SAYING[int] + _SAYING[str]
            and (labels := self._behind(reader, output.name))
            and output.datatype in _SAYING[type(labels[0])]
        }
        if len(known) != 1:
            return None
        labels = known.pop()
        return labels if len(set(labels)) == len(labels) else None

    def _behind(self, reader: WireReader, output: str) -> Labels | None:
        for _ in range(_MOST_STEPS):
            if output in self._named or output not in self._passed:
                break
            output = self._passed[output]
        looked_up = self._looked_up.get(output)
        if output not in self._named and looked_up in self._lists:
            where = "model.graph.initializer"
            tensor = tensor_of(reader, self._lists[looked_up], where)
            self._named[output] = listed_labels(tensor, where)
        return self._named.get(output)
