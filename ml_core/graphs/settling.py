"""What a graph's inputs and outputs mean: as the request says, else as the graph suggests, and that is told.

Inputs are settled by what the graph declares. Outputs are settled by what it gave when it was tried, since
graphs often declare them loosely, or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ml_core.algorithms.outputs import LABEL, NUMBER
from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.graphs.call import FLOATS, TEXT, GraphTensor
from ml_core.graphs.reading import rows_of_tensor
from ml_core.graphs.request import NAMED, ImportRequest
from ml_core.graphs.signature import (
    COLUMNS,
    MATRIX,
    TENSORS,
    GraphInput,
    GraphOutput,
    GraphSignature,
)
from ml_core.inputs.rows import Limits

if TYPE_CHECKING:
    from ml_core.inputs.labels import Label
    from ml_core.onnx.ports import GraphPort
    from ml_core.onnx.scan import ScannedGraph

WHERE = "model"
_LIMITS = Limits()
_WHOLE = ("INT64", "INT32", "INT16", "INT8", "UINT8", "UINT16", "UINT32", "UINT64")
_NEARLY_ONE = 1e-3  # how far probabilities that float32 adds up may be from 1
_OVERRULE = "say it in `outputs` of :import if that is wrong"


class Settled(NamedTuple):
    """A signature, and what was guessed for it, in sentences."""

    signature: GraphSignature
    warnings: list[str]


def settled_inputs(scanned: "ScannedGraph", request: ImportRequest) -> GraphSignature:
    """What instances of a graph are; its outputs are not settled yet. Raises `InvalidInput`."""
    raise_faults(_faults_of_inputs(scanned.inputs))
    batches = {port.shape[0] for port in scanned.inputs if port.shape} - {None}
    batch = batches.pop() if batches else 0
    inputs = tuple(
        GraphInput(port.name, port.datatype, tuple((port.shape or ())[1:])) for port in scanned.inputs
    )
    form, inputs = _form(inputs, request.features)
    features = request.features or _names(form, inputs)
    expected = inputs[0].shape[0] if form == MATRIX else len(inputs)
    if len(features) != expected:
        what = "columns" if form == MATRIX else "inputs"
        raise InvalidInput.at(
            "$.features", f"expected {expected} names, as the graph has {what}, got {len(features)}"
        )
    return GraphSignature(form, inputs, (), features, batch=batch or 0)


def _faults_of_inputs(ports: "Sequence[GraphPort]") -> Iterator[Fault]:
    if not ports:
        yield Fault(f"{WHERE}.graph.input", "expected at least one input, got none")
    for place, port in enumerate(ports):
        where = f"{WHERE}.graph.input[{place}]"
        if not port.shape:
            yield Fault(
                where,
                f"expected a shape whose first axis counts instances, input {shown(port.name)} has none: "
                "export the graph with shapes",
            )
        elif 0 in port.shape:
            yield Fault(where, f"expected lengths of at least 1, input {shown(port.name)} has one of 0")
    first = [port.shape[0] for port in ports if port.shape]
    if len({*first} - {None}) > 1:
        yield Fault(
            f"{WHERE}.graph.input",
            f"expected inputs of as many instances, got {', '.join(map(str, first))} as their first lengths",
        )


def _form(
    inputs: tuple[GraphInput, ...], features: Sequence[str] | None
) -> tuple[str, tuple[GraphInput, ...]]:
    """How instances come, and the inputs with the width that the features tell of."""
    only = inputs[0]
    if len(inputs) == 1 and len(only.shape) == 1:
        width = only.shape[0] or (len(features) if features else None)
        if width is not None and width <= _LIMITS.max_columns:
            return MATRIX, (only._replace(shape=(width,)),)
    if all(each.shape in ((), (1,)) for each in inputs):
        return COLUMNS, inputs
    return TENSORS, inputs


def _names(form: str, inputs: Sequence[GraphInput]) -> tuple[str, ...]:
    if form == MATRIX:
        return tuple(f"x{place}" for place in range(inputs[0].shape[0] or 0))
    return tuple(each.name for each in inputs)


def settled(
    signature: GraphSignature,
    scanned: "ScannedGraph",
    request: ImportRequest,
    found: Mapping[str, GraphTensor],
    instances: int,
) -> Settled:
    """The signature with the outputs that the graph gave for so many instances. Raises `InvalidInput`."""
    return _Outputs(signature, scanned, request, found, instances).settled()


class _Outputs:
    """The outputs of one graph on their way to names."""

    def __init__(
        self,
        signature: GraphSignature,
        scanned: "ScannedGraph",
        request: ImportRequest,
        found: Mapping[str, GraphTensor],
        instances: int,
    ) -> None:
        self._signature = signature
        self._scanned = scanned
        self._request = request
        self._warnings: list[str] = []
        self._found = {
            name: tensor
            for name, tensor in found.items()
            if tensor.shape and tensor.shape[0] == instances and 0 not in tensor.shape
        }
        self._others = [name for name in found if name not in self._found]
        self._declared = {port.name: port for port in scanned.outputs}

    def settled(self) -> Settled:
        named = self._named()
        label = named.get("label")
        labels = self._labels(label, named)
        classes = self._classes(labels)
        self._check_widths(named, labels)
        derived = None
        if label is None and labels is not None:
            derived = next((name for name in ("probability", "decision") if name in named), None)
        outputs = [self._output(name, output) for name, output in named.items()]
        if derived is not None:
            outputs.insert(0, GraphOutput("label", "", LABEL, "INT64", ()))
            self._warnings.append(
                f"the graph gives no label: the label is the class of the greatest {derived}"
            )
        if label is None and derived is None:
            labels = classes = None
            if self._request.classes is not None:
                raise InvalidInput.at(
                    "$.classes",
                    "expected none: no output is a label, probability or decision; name one in `outputs`",
                )
        outputs.sort(key=lambda each: each.name != "label")  # first what is answered unasked
        signature = self._signature._replace(
            outputs=tuple(outputs), classes=classes, labels=labels, derived=derived
        )
        return Settled(signature, self._warnings)

    def _named(self) -> dict[str, str]:
        """The graph's outputs by the names that callers use."""
        if self._request.outputs is not None:
            raise_faults(self._faults_of_names(self._request.outputs))
            return dict(self._request.outputs)
        if not self._found:
            raise InvalidInput.at(
                f"{WHERE}.graph.output",
                "expected an output with an entry for each instance, got none: export the graph with a "
                "first axis that counts instances",
            )
        self._warnings += (
            f"output {shown(name)} has no entry for each instance, and is left out" for name in self._others
        )
        named: dict[str, str] = {}
        for place, name in enumerate(self._found):
            called = self._guess(name, named) or (name if NAMED.fullmatch(name) else f"output_{place}")
            named[called if called not in named else f"output_{place}"] = name
        guessed = [f"{shown(output)} is {name}" for name, output in named.items() if name != output]
        if guessed:
            self._warnings.append(f"what the outputs are is guessed: {', '.join(guessed)}; {_OVERRULE}")
        return named

    def _faults_of_names(self, outputs: Mapping[str, str]) -> Iterator[Fault]:
        for name, output in outputs.items():
            where = member("$.outputs", name)
            tensor = self._found.get(output)
            if tensor is None:
                why = "has no entry for each instance" if output in self._others else "is no output of it"
                there = ", ".join(map(shown, self._found)) or "none"
                yield Fault(where, f"expected one of the graph's outputs ({there}), {shown(output)} {why}")
            elif name == "label" and not self._may_be_label(tensor):
                yield Fault(
                    where, f"expected whole numbers or texts, one for each instance, got {_told(tensor)}"
                )
            elif name in ("probability", "decision") and tensor.datatype not in FLOATS:
                yield Fault(where, f"expected numbers, got {_told(tensor)}")

    def _guess(self, name: str, named: Mapping[str, str]) -> str | None:
        """What an output seems to be, where it seems to be something that has a name everywhere."""
        tensor = self._found[name]
        has_label = any(map(self._may_be_label, self._found.values()))
        if self._may_be_label(tensor) and "label" not in named:
            return "label"
        if "probability" in named or not (has_label or self._request.classes):
            return None
        return "probability" if self._may_be_probability(tensor) else None

    @staticmethod
    def _may_be_label(tensor: GraphTensor) -> bool:
        return tensor.datatype in (*_WHOLE, TEXT, "BOOL") and tensor.shape[1:] in ((), (1,))

    @staticmethod
    def _may_be_probability(tensor: GraphTensor) -> bool:
        if tensor.datatype not in FLOATS or len(tensor.shape) != 2 or tensor.shape[1] < 2:
            return False
        rows = rows_of_tensor(tensor)
        return all(min(row) >= 0 and abs(sum(row) - 1) < _NEARLY_ONE for row in rows)

    def _labels(self, label: str | None, named: Mapping[str, str]) -> "tuple[Label, ...] | None":
        """The labels as the graph gives them, in the order of its classes; None of clusters and numbers."""
        scores = [named[name] for name in ("probability", "decision") if name in named]
        tensor = self._found[label] if label is not None else None
        keys = next((self._found[name].keys for name in scores if self._found[name].keys), None)
        said = keys or self._scanned.classes
        if tensor is None:
            return self._numbered(scores)
        if said is not None and _fits(said, tensor):
            return tuple(said)
        if tensor.datatype == "BOOL":
            return (False, True)
        if tensor.datatype == TEXT and self._request.classes is None:
            raise InvalidInput.at(
                "$.classes",
                f"expected the labels that output {shown(label)} may give, since the graph does not name "
                "them, got none",
            )
        if self._request.classes is not None:
            texts, classes = tensor.datatype == TEXT, self._request.classes
            return classes if texts else tuple(range(len(classes)))
        return self._counted(scores)

    def _counted(self, scores: Sequence[str]) -> "tuple[Label, ...] | None":
        """The numbers of classes, of which the graph says nothing but how many scores it gives."""
        for name in scores:
            shape = self._found[name].shape
            if len(shape) == 2 and shape[1] > 1:
                self._warnings.append(
                    f"the classes are numbered from 0 to {shape[1] - 1}: the graph names none"
                )
                return tuple(range(shape[1]))
        return None

    def _numbered(self, scores: Sequence[str]) -> "tuple[Label, ...] | None":
        """The numbers of classes of which the greatest score says which it is."""
        for name in scores:
            shape = self._found[name].shape
            if len(shape) == 2 and shape[1] > 1 and self._request.classes is not None:
                return tuple(range(shape[1]))
        return None

    def _classes(self, labels: "tuple[Label, ...] | None") -> "tuple[Label, ...] | None":
        """The labels as callers are told them."""
        said = self._request.classes
        if said is None or labels is None:
            return labels
        if len(said) != len(labels):
            raise InvalidInput.at(
                "$.classes", f"expected {len(labels)} labels, as the graph has classes, got {len(said)}"
            )
        return said

    def _check_widths(self, named: Mapping[str, str], labels: "tuple[Label, ...] | None") -> None:
        """Raise `InvalidInput` where probabilities are not one for each class."""
        if "probability" not in named or labels is None:
            return
        tensor = self._found[named["probability"]]
        if tensor.shape[1:] != (len(labels),):
            raise InvalidInput.at(
                "$.outputs.probability" if self._request.outputs else "$.classes",
                f"expected {len(labels)} probabilities for each instance, one for each class, got "
                f"{_told(tensor)}",
            )

    def _output(self, name: str, output: str) -> GraphOutput:
        tensor = self._found[output]
        if name == "label":
            return GraphOutput(name, output, LABEL, tensor.datatype, ())
        shape: tuple[int | None, ...] = tensor.shape[1:]
        port = self._declared.get(output)
        varies = any(None in each.shape for each in self._signature.inputs)
        if varies and port is not None and port.shape is not None and len(port.shape) == len(tensor.shape):
            shape = tuple(
                None if said is None else length for said, length in zip(port.shape[1:], shape, strict=True)
            )
        return GraphOutput(name, output, NUMBER, tensor.datatype, () if shape == (1,) else shape)


def _fits(labels: "Sequence[Label]", tensor: GraphTensor) -> bool:
    """Whether labels are of the kind that an output gives."""
    texts = all(isinstance(label, str) for label in labels)
    return texts == (tensor.datatype == TEXT)


def _told(tensor: GraphTensor) -> str:
    return f"{tensor.datatype} {list(tensor.shape)}"
