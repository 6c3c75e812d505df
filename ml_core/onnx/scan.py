"""A file of ONNX that somebody made elsewhere: whether it may be run, and what it says of itself.

The file is read and never loaded: no runtime, and no library of ONNX or protobuf, sees it here. Refused is
what could reach beside the file (other files, functions, operators that are not known), what could run
without an end, and what readers could take in different ways. That a graph needs more memory or time than
there is cannot be told from its file: it is run in a process with limits.
"""

from __future__ import annotations

from ml_core.errors import Fault, InvalidInput, shown
from ml_core.onnx.label_search import LabelSearch
from ml_core.onnx.messages import GRAPH, MODEL, OPERATOR_SET, VALUE_INFO, read, text_of
from ml_core.onnx.nodes import node_of
from ml_core.onnx.operators import DOMAINS, OPSETS
from ml_core.onnx.ports import name_of, port_of
from ml_core.onnx.stored_tensors import MOST_NAME_BYTES, sparse_tensor_of, tensor_of
from ml_core.onnx.wire_format import WireReader
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.onnx.labels import Labels
    from ml_core.onnx.messages import Value
    from ml_core.onnx.ports import GraphPort

MOST_BYTES = 128 << 20
MOST_NODES = 20_000
# Weights, and inputs that are weights too, as exporters wrote them until 2019.
MOST_TENSORS = 50_000
MOST_PORTS = 1024
# The versions of the file format that onnxruntime 1.32 loads; before 3 there were no operator sets.
IR_VERSIONS = (3, 14)
_MOST_DOMAINS = 64
_MOST_TEXT_BYTES = 256
# What a model may not have, and what to do about it.
_REFUSED = {
    "training_info": "expected a model for inference, got training_info: export it for inference",
    "functions": "expected a graph without functions of its own, got one: inline them (onnx.inliner)",
}


class ScannedGraph(Record):
    """What a file says of itself.

    Attributes:
        ir_version: the version of the file format.
        opsets: versions of the operator sets that it imports, by domain; ONNX's own is "".
        producer: who wrote the file, and in which version.
        nodes: how many there are.
        operators: how many nodes there are of each operator.
        numbers: how many elements its tensors have, and attributes of floating point, as those of trees.
        inputs: what it takes, in its order; a weight that is listed among them is none.
        outputs: what it gives.
        classes: the labels that it names itself, where a classifier's answer is an output.
    """

    ir_version: int
    opsets: dict[str, int]
    producer: str
    nodes: int
    operators: dict[str, int]
    numbers: int
    inputs: tuple[GraphPort, ...]
    outputs: tuple[GraphPort, ...]
    classes: Labels | None


def scan(data: bytes) -> ScannedGraph:
    """Read a file of ONNX. Time and memory are of the order of its size.

    Raises:
        InvalidInput: it may not be run here; a fault for each reason, whose path begins with `model`.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput.at("model", f"expected at most {MOST_BYTES:,} bytes, got {len(data):,}")
    return _Scan().model(memoryview(data))


class _Scan:
    def __init__(self) -> None:
        self._reader = WireReader()
        self._faults: list[Fault] = []
        self._opsets: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._operators: dict[str, int] = {}
        self._numbers = 0
        self._weights: set[str] = set()
        self._ports: dict[str, list[memoryview]] = {"input": [], "output": []}
        self._labels = LabelSearch()

    def model(self, view: memoryview) -> ScannedGraph:
        """The whole file. Raises `InvalidInput`."""
        told: dict[str, Value] = {}
        domains = 0
        for field, value in read(self._reader, view, MODEL, "model"):
            if field in _REFUSED:
                self._add(Fault(f"model.{field}", _REFUSED[field]))
            elif field == "opset_import" and isinstance(value, memoryview):
                self._try(self._operator_set, value, f"model.opset_import[{domains}]")
                domains += 1
            else:
                told[field] = value
        graph, ir_version = told.get("graph"), told.get("ir_version")
        if not isinstance(graph, memoryview) or not isinstance(ir_version, int):
            raise InvalidInput.at(
                "model", "expected a model of ONNX, with ir_version and graph, got another file"
            )
        if not IR_VERSIONS[0] <= ir_version <= IR_VERSIONS[1]:
            self._add(Fault("model.ir_version", f"expected {_between(IR_VERSIONS)}, got {ir_version}"))
        producer = " ".join(
            text_of(text, f"model.{name}", _MOST_TEXT_BYTES)
            for name in ("producer_name", "producer_version")
            if isinstance(text := told.get(name), memoryview) and len(text)
        )
        self._graph(graph)
        inputs = self._described("input")
        outputs = self._described("output")
        if self._faults:
            raise InvalidInput(self._faults)
        return ScannedGraph(
            ir_version,
            self._opsets,
            producer,
            self._counts.get("node", 0),
            self._operators,
            self._numbers,
            inputs,
            outputs,
            self._labels.found(self._reader, outputs),
        )

    def _operator_set(self, view: memoryview, path: str) -> None:
        """An import of operators. One of another domain may be there: none of its operators may."""
        fields = dict(read(self._reader, view, OPERATOR_SET, path))
        domain, version = fields.get("domain"), fields.get("version", 0)
        name = text_of(domain, f"{path}.domain", _MOST_TEXT_BYTES) if isinstance(domain, memoryview) else ""
        name = DOMAINS.get(name, name)
        # Some exporters import the same operators twice.
        if self._opsets.setdefault(name, version) != version:
            raise InvalidInput.at(path, f"expected one version of {name or 'ai.onnx'}, got another one too")
        if len(self._opsets) > _MOST_DOMAINS:
            raise InvalidInput.at(path, f"expected at most {_MOST_DOMAINS} domains, got more")
        if name in OPSETS and not OPSETS[name][0] <= version <= OPSETS[name][1]:
            raise InvalidInput.at(
                f"{path}.version",
                f"expected {_between(OPSETS[name])} of {name or 'ai.onnx'}, got {version}: "
                "export the model with such a target_opset",
            )

    def _graph(self, view: memoryview) -> None:
        take: dict[str, Callable[[memoryview, str], None]] = {
            "node": self._node,
            "initializer": self._initializer,
            "sparse_initializer": self._sparse_initializer,
            "value_info": self._value_info,
        }
        for field, value in read(self._reader, view, GRAPH, "model.graph"):
            if field == "name":
                text_of(value, "model.graph.name", MOST_NAME_BYTES)
            if field not in take and field not in self._ports:
                continue
            place = self._counts.get(field, 0)
            self._counts[field] = place + 1
            most = MOST_NODES if field == "node" else MOST_TENSORS
            if place == most:
                self._add(Fault(f"model.graph.{field}", f"expected at most {most:,}, got more"))
            elif place < most and field in self._ports:
                self._ports[field].append(value)
            elif place < most:
                self._try(take[field], value, f"model.graph.{field}[{place}]")

    def _node(self, view: memoryview, path: str) -> None:
        node = node_of(self._reader, view, path, self._opsets)
        self._operators[node.operator] = self._operators.get(node.operator, 0) + 1
        self._numbers += node.numbers
        self._labels.add(node)

    def _initializer(self, view: memoryview, path: str) -> None:
        tensor = tensor_of(self._reader, view, path)
        self._weights.add(tensor.name)
        self._numbers += tensor.elements
        self._labels.add_weight(tensor, view)

    def _sparse_initializer(self, view: memoryview, path: str) -> None:
        tensor = sparse_tensor_of(self._reader, view, path)
        self._weights.add(tensor.name)
        self._numbers += tensor.elements

    def _value_info(self, view: memoryview, path: str) -> None:
        """What is told of a value within the graph: a runtime checks it, and its messages have the name."""
        name = dict(read(self._reader, view, VALUE_INFO, path)).get("name")
        if name is not None:
            text_of(name, f"{path}.name", MOST_NAME_BYTES)

    def _described(self, kind: str) -> tuple[GraphPort, ...]:
        """The graph's inputs or outputs."""
        found: dict[str, GraphPort] = {}
        for place, view in enumerate(self._ports[kind]):
            self._try(self._port, view, f"model.graph.{kind}[{place}]", kind, found)
        if len(found) > MOST_PORTS:
            self._add(Fault(f"model.graph.{kind}", f"expected at most {MOST_PORTS:,}, got {len(found):,}"))
        elif not found and not self._faults:
            self._add(Fault(f"model.graph.{kind}", "expected at least one, got none"))
        return tuple(found.values())

    def _port(self, view: memoryview, path: str, kind: str, found: dict[str, GraphPort]) -> None:
        name = name_of(self._reader, view, path)
        if kind == "input" and name in self._weights:
            return
        if name in found:
            raise InvalidInput.at(f"{path}.name", f"expected each name once, got {shown(name)} twice")
        found[name] = port_of(self._reader, view, path, maps=kind == "output")

    def _try[**P](self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Go on after what is wrong with a part, so that all faults are told at once."""
        try:
            call(*args, **kwargs)
        except InvalidInput as error:
            for fault in error.faults:
                self._add(fault)

    def _add(self, fault: Fault) -> None:
        self._faults.append(fault)
        if len(self._faults) > InvalidInput.MOST_FAULTS:
            raise InvalidInput(self._faults)


def _between(versions: tuple[int, int]) -> str:
    return f"a version from {versions[0]} to {versions[1]}"
