"""What an imported model predicts: its graph is run elsewhere, and the outputs become values."""

from __future__ import annotations

from math import prod

from ml_core.algorithms.outputs import LABEL, OutputSpec
from ml_core.errors import ArtifactInvalid, InvalidInput, TooLarge, Unavailable, shown
from ml_core.graphs.call import CRASHED, DAMAGED, FAILED, MEMORY, REFUSED, GraphFailure
from ml_core.graphs.feeding import is_finite, pieces
from ml_core.graphs.reading import nested, values_of
from ml_core.inputs.specs import InputSpec
from ml_core.records import cached_property

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

    from ml_core.algorithms.contract import Values
    from ml_core.graphs.artifact import GraphArtifact
    from ml_core.graphs.call import GraphTensor
    from ml_core.graphs.contract import GraphRunner
    from ml_core.graphs.feeding import Fed
    from ml_core.graphs.signature import GraphOutput, GraphSignature
    from ml_core.preprocessing.scaling import Scaling
    from ml_core.safetensors import Tensor


# The datatypes of answers: numbers of every other one are answered as float64.
_ANSWERED = {
    **{name: name for name in ("BYTES", "BOOL")},
    **dict.fromkeys(("INT64", "INT32", "INT16", "INT8", "UINT32", "UINT16", "UINT8"), "INT64"),
}


class GraphEstimator:
    """A graph that is run elsewhere.

    Args:
        signature: what it takes and gives.
        artifact: where its file is.
        runner: gives who runs it; asked with each prediction. Raises `NotDeployed` where there is nobody.
    """

    def __init__(
        self, signature: GraphSignature, artifact: GraphArtifact, runner: Callable[[], GraphRunner]
    ) -> None:
        self.signature = signature
        self._artifact = artifact
        self._runner = runner
        self.outputs = tuple(_spec(each) for each in signature.outputs)
        self.n_classes = None if signature.classes is None else len(signature.classes)
        self.input = InputSpec("input-0", "FP64", (len(signature.features),))
        self.peak_width = max([len(signature.features), *(each.width for each in signature.outputs)])

    def predict(
        self, instances: Fed, outputs: Sequence[str], *, beside: Sequence[str] = ()
    ) -> Mapping[str, Values]:
        """The outputs that are asked for: an entry for each instance; labels as numbers of classes.

        Those `beside` are given too, where all of their entries are finite.

        Raises:
            InvalidInput: the graph cannot compute the instances, or an entry is not finite.
            TooLarge: computing them takes more memory than there is.
            ArtifactInvalid: the graph cannot be run at all.
            NotDeployed, Unavailable: nobody runs it, or who does gave no answer.
        """
        asked = [self.signature.output(name) for name in (*outputs, *beside)]
        names = tuple(dict.fromkeys(self._source(each) for each in asked))
        found: dict[str, list[Any]] = {each.name: [None] * len(instances) for each in asked}
        runner = self._runner()
        for piece in pieces(self.signature, instances):
            try:
                given = runner.run(self._artifact, piece.inputs, names, batch=self.signature.batch)
            except GraphFailure as failure:
                _raise(failure, instances.where)
            rows = len(piece.places)
            for output in asked:
                entries = self._entries(output, given, rows, names)
                for place, entry in zip(piece.places, entries, strict=True):
                    if not is_finite(entry) and output.name in outputs:
                        message = f"the imported model's {output.name} is not a finite number"
                        raise InvalidInput.at(f"{instances.where}[{place}]", message)
                    found[output.name][place] = entry
        return {
            name: found[name] for name in (*outputs, *filter(lambda each: is_finite(found[each]), beside))
        }

    def absorb_scaling(self, scaling: Scaling) -> None:
        """There is no scaling before a graph."""

    def parameters(self) -> dict[str, object]:
        """Nothing that this service knows."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Nothing that this service reads."""
        return {}

    def _source(self, output: GraphOutput) -> str:
        """The graph's output that one is read from."""
        if output.kind == LABEL and self.signature.derived is not None:
            return self.signature.output(self.signature.derived).output
        return output.output

    @cached_property
    def _numbers(self) -> dict[Any, int]:
        """The number of each label that the graph gives."""
        return {label: number for number, label in enumerate(self.signature.labels or ())}

    def _entries(
        self, output: GraphOutput, given: Mapping[str, GraphTensor], rows: int, names: Sequence[str]
    ) -> list[Any]:
        """An entry for each row. Raises `ArtifactInvalid` for what the graph has not given before."""
        tensor = given.get(self._source(output))
        if tensor is None or not tensor.shape or tensor.shape[0] != rows:
            raise ArtifactInvalid(
                f"expected {', '.join(names)} of {rows} instances from the imported model, got something else"
            )
        values = values_of(tensor)
        if output.kind == LABEL:
            return self._labels(values, tensor)
        shape = tensor.shape[1:]
        if tensor.keys is not None:
            return self._by_class([*nested(values, tensor.shape)], tensor.keys)
        if not output.shape:
            return values
        return [*nested(values, tensor.shape)] if shape else values

    def _labels(self, values: list[Any], tensor: GraphTensor) -> list[int]:
        signature = self.signature
        if signature.derived is not None:
            rows = [*nested(values, (tensor.shape[0], prod(tensor.shape[1:])))]
            if tensor.keys is not None:
                rows = self._by_class(rows, tensor.keys)
            return [row.index(max(row)) for row in rows]
        if signature.labels is None:
            return [*map(int, values)]
        numbers = self._numbers
        try:
            return [numbers[value] for value in values]
        except KeyError as error:
            raise ArtifactInvalid(
                f"expected one of {len(numbers)} labels from the imported model, got {shown(error.args[0])}"
            ) from None

    def _by_class(self, rows: list[list[Any]], keys: Sequence[Any]) -> list[list[Any]]:
        """Rows whose values stand by the keys of maps, in the order of the classes."""
        labels = self.signature.labels
        if labels is None or {*labels} != {*keys}:
            return rows
        places = [keys.index(label) for label in labels]
        return rows if places == [*range(len(keys))] else [[row[place] for place in places] for row in rows]


def _spec(output: GraphOutput) -> OutputSpec:
    shape = tuple(length or 1 for length in output.shape)
    return OutputSpec(output.name, shape, output.kind, _ANSWERED.get(output.datatype, "FP64"))


def _raise(failure: GraphFailure, where: str) -> NoReturn:
    """Raise what a failure means for who asked."""
    if failure.reason == FAILED:
        raise InvalidInput.at(where, f"the imported model cannot compute them: {failure}") from None
    if failure.reason == MEMORY:
        raise TooLarge(
            f"{where}: the imported model takes more memory than there is: send fewer at a time"
        ) from None
    if failure.reason in (REFUSED, DAMAGED):
        raise ArtifactInvalid(f"the imported model cannot be run: {failure}") from None
    what = "its process ended" if failure.reason == CRASHED else str(failure)
    raise Unavailable(f"the imported model gave no answer: {what}") from None
