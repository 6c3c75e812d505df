"""Pictures and sequences as inputs of a graph, in batches; sequences are padded, their lengths told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_core.onnx.graph import BOOL, FLOAT, INT64, Value
from ml_core.records import Record

if TYPE_CHECKING:
    from ml_core.inputs.specs import InputSpec
    from ml_core.onnx.graph import Axis, Graph

# The axes of the instances, and of the steps of the longest one.
INSTANCES, STEPS = "N", "T"
LENGTHS = "sequence_lens"


class SequenceValues(Record):
    """Sequences in a graph: instances × steps (× numbers of a step), and how many steps each has."""

    values: Value
    lengths: Value

    def mask(self, graph: Graph) -> Value:
        """Steps × instances × 1: whether the sequence has that step."""
        steps = graph.node("Range", graph.integer(0), _axis(graph, self.values, 1), graph.integer(1))
        down = graph.node("Unsqueeze", steps, graph.integers([1, 2]))
        across = graph.node("Unsqueeze", self.lengths, graph.integers([0, 2]))
        return graph.node("Less", down, across, datatype=BOOL)


def pictures(graph: Graph, spec: InputSpec) -> tuple[Value, dict[str, str]]:
    """Pictures, and what their input holds."""
    held = "pictures, each height × width × channels, as they are: numbers from 0 to 255 are not divided"
    return graph.input(spec.name, FLOAT, [INSTANCES, *spec.shape], held), {spec.name: held}


def sequences(graph: Graph, spec: InputSpec, most: int | None) -> tuple[SequenceValues, dict[str, str]]:
    """Sequences, and what their inputs hold; `most` is how many steps of one count.

    Of numbers those are the last ones, of a text's tokens the first.
    """
    text = spec.shape == (-1,)
    held = {
        spec.name: "texts as numbers of tokens, 0 for one that is not in the vocabulary; padded with 0"
        if text
        else "sequences of steps, padded at the end to the longest one's length; "
        "the values there do not matter",
        LENGTHS: "how many steps each has, at least 1",
    }
    shape: list[Axis] = [INSTANCES, STEPS, *spec.shape[1:]]
    values = graph.input(spec.name, INT64 if text else FLOAT, shape, held[spec.name])
    lengths = graph.input(LENGTHS, INT64, [INSTANCES], held[LENGTHS])
    given = SequenceValues(values, lengths)
    if most is None:
        return given, held
    return (_first if text else _last)(graph, given, most), held


def _first(graph: Graph, given: SequenceValues, most: int) -> SequenceValues:
    """The sequences cut to their first steps."""
    bounds = [graph.integers([number]) for number in (0, most, 1)]
    return SequenceValues(graph.node("Slice", given.values, *bounds), _at_most(graph, given.lengths, most))


def _last(graph: Graph, given: SequenceValues, most: int) -> SequenceValues:
    """The sequences cut to their last steps."""
    add = graph.node
    lengths = _at_most(graph, given.lengths, most)
    end = _axis(graph, given.values, 1)
    within = add("Range", graph.integer(0), add("Min", end, graph.integer(most)), graph.integer(1))
    first = add("Unsqueeze", add("Sub", given.lengths, lengths), graph.integers([1]))
    # Places past a sequence's end are of no step: they only have to be somewhere.
    places = add("Min", add("Add", first, within), add("Sub", end, graph.integer(1)))
    indices = add("Unsqueeze", places, graph.integers([2]))
    kept = add("GatherND", given.values, indices, batch_dims=1)
    return SequenceValues(kept, lengths)


def _at_most(graph: Graph, lengths: Value, most: int) -> Value:
    return graph.node("Min", lengths, graph.integer(most))


def _axis(graph: Graph, value: Value, axis: int) -> Value:
    """How long an axis is."""
    shape = graph.node("Shape", value, start=axis, end=axis + 1, datatype=INT64)
    return graph.node("Squeeze", shape, graph.integers([0]))
