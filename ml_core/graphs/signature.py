"""What an imported model takes and gives: its graph's inputs and outputs, by the names that callers use.

It stands in the version's manifest, as `graph`; the artifact holds the graph alone. The first axis of every
input and output counts instances, and is left out here.
"""

from __future__ import annotations

from math import prod

from ml_core.algorithms.outputs import LABEL, NUMBER
from ml_core.errors import ArtifactInvalid
from ml_core.graphs.call import TEXT, WIDTHS
from ml_core.names import IMPORTED
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ml_core.inputs.labels import Label

ALGORITHM = IMPORTED
"""What a version has as its algorithm that is an imported model."""

MATRIX, COLUMNS, TENSORS = "matrix", "columns", "tensors"
"""How instances come: rows that are one input, rows of which each column is one, or tensors of any shape."""
FORMS = (MATRIX, COLUMNS, TENSORS)


class GraphInput(Record):
    """One input: its name in the graph, its datatype, and an instance's shape, None for any length."""

    name: str
    datatype: str
    shape: tuple[int | None, ...]


class GraphOutput(Record):
    """One output: the name that callers use, and that in the graph.

    `kind` says whether it is labels; `shape` is an instance's, None for a length that differs.
    """

    name: str
    output: str
    kind: str
    datatype: str
    shape: tuple[int | None, ...]

    @property
    def width(self) -> int:
        """How many values an instance has; of a length that differs, one is counted."""
        return prod(length or 1 for length in self.shape)


class GraphSignature(Record):
    """A graph as callers see it.

    Args:
        form: how instances come.
        inputs: the graph's inputs, in its order.
        outputs: what can be asked for; the first is what is answered where nothing is asked for.
        features: the columns of rows, or the inputs' names.
        classes: the labels as callers are told them; None where there are none.
        labels: the same as the graph gives them; None where it gives numbers of clusters, or no labels.
        derived: the output of which the greatest value is the label, where the graph gives no label itself.
        batch: how many instances the graph takes at a time; 0 for any number.
    """

    form: str
    inputs: tuple[GraphInput, ...]
    outputs: tuple[GraphOutput, ...]
    features: tuple[str, ...]
    classes: tuple[Label, ...] | None = None
    labels: tuple[Label, ...] | None = None
    derived: str | None = None
    batch: int = 0

    def described(self) -> dict[str, Any]:
        """As values of JSON: what `restored` reads."""
        return {
            "form": self.form,
            "inputs": [_listed(each) for each in self.inputs],
            "outputs": [_listed(each) for each in self.outputs],
            "features": list(self.features),
            "classes": None if self.classes is None else list(self.classes),
            "labels": None if self.labels is None else list(self.labels),
            "derived": self.derived,
            "batch": self.batch,
        }

    @classmethod
    def restored(cls, said: Mapping[str, Any]) -> GraphSignature:
        """The signature of a description. Raises `ArtifactInvalid`."""
        try:
            inputs = tuple(GraphInput(**_with_shape(each)) for each in said["inputs"])
            outputs = tuple(GraphOutput(**_with_shape(each)) for each in said["outputs"])
            classes, labels = (None if said[name] is None else tuple(said[name]) for name in _LABELS)
            found = cls(
                said["form"],
                inputs,
                outputs,
                tuple(said["features"]),
                classes,
                labels,
                said["derived"],
                said["batch"],
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise ArtifactInvalid("the version's graph is not described") from error
        datatypes = {each.datatype for each in inputs} | {each.datatype for each in outputs}
        if found.form not in FORMS or not inputs or not outputs or not datatypes <= {*WIDTHS, TEXT}:
            raise ArtifactInvalid("the version's graph is not described")
        return found

    @property
    def task(self) -> str:
        """What it does, as a manifest names it."""
        first = self.outputs[0]
        if first.kind == LABEL:
            return "clustering" if self.classes is None else "classification"
        numbers = first.datatype != TEXT and first.width == 1
        return "regression" if len(self.outputs) == 1 and numbers else "other"

    @property
    def ports(self) -> tuple[GraphInput, ...]:
        """The input that each feature is, or is a column of."""
        return self.inputs * len(self.features) if self.form == MATRIX else self.inputs

    def output(self, name: str) -> GraphOutput:
        """The output that callers call so."""
        return next(each for each in self.outputs if each.name == name)


_LABELS = ("classes", "labels")


def _listed(port: GraphInput | GraphOutput) -> dict[str, Any]:
    return {**port._asdict(), "shape": list(port.shape)}


def _with_shape(said: Mapping[str, Any]) -> dict[str, Any]:
    """Raises TypeError for what is no shape, or another kind of output."""
    shape = tuple(said["shape"])
    if not all(length is None or (type(length) is int and length >= 0) for length in shape):
        raise TypeError("a shape has lengths")
    if said.get("kind", NUMBER) not in (LABEL, NUMBER):
        raise TypeError("an output is labels or numbers")
    return {**said, "shape": shape}
