"""One node of a graph from elsewhere: whether it may be there, and what it holds."""

from __future__ import annotations

from ml_core.errors import Fault, InvalidInput, shown
from ml_core.onnx.labels import MOST_LABELS, NAMING, whole_labels, word_labels
from ml_core.onnx.messages import ATTRIBUTE, NODE, read, text_of
from ml_core.onnx.operators import DOMAINS, objection
from ml_core.onnx.stored_tensors import MOST_NAME_BYTES, sparse_tensor_of, tensor_of
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.onnx.labels import Labels
    from ml_core.onnx.wire_format import NumberRun, WireReader

MOST_ATTRIBUTES = 100
MOST_EDGES = 20_000
_NO_GRAPHS = "expected no graph within the graph, got one: export it without control flow and functions"
_TENSORS = {
    "t": tensor_of,
    "tensors": tensor_of,
    "sparse_tensor": sparse_tensor_of,
    "sparse_tensors": sparse_tensor_of,
}


class ScannedNode(Record):
    """What is known of a node: its first input and result, and how many numbers its attributes hold."""

    domain: str
    operator: str
    first_input: str
    first_output: str
    numbers: int
    labels: Labels


class _Attribute(Record):
    name: str
    numbers: int
    labels: Labels


def node_of(reader: WireReader, view: memoryview, path: str, opsets: Mapping[str, int]) -> ScannedNode:
    """A node, by the operator sets that its file imports. Raises `InvalidInput` with all of its faults."""
    texts = {"op_type": "", "domain": "", "name": "", "input": "", "output": ""}
    edges = {"input": 0, "output": 0}
    given = 0
    attributes: list[memoryview] = []
    for field, value in read(reader, view, NODE, path):
        if field == "attribute":
            attributes.append(value)
            if len(attributes) > MOST_ATTRIBUTES:
                raise InvalidInput.at(path, f"expected at most {MOST_ATTRIBUTES} attributes, got more")
        elif field in edges:
            # All are read as text, since a runtime's messages have them.
            name = text_of(value, f"{path}.{field}[{edges[field]}]", MOST_NAME_BYTES)
            edges[field] += 1
            given += field == "input" and name != ""
            if edges[field] > MOST_EDGES:
                raise InvalidInput.at(path, f"expected at most {MOST_EDGES:,} {field}s, got more")
            if edges[field] == 1:
                texts[field] = name
        elif field in texts:
            texts[field] = text_of(value, f"{path}.{field}", MOST_NAME_BYTES)
    domain, operator = texts["domain"], texts["op_type"]
    faults = _faults(domain, operator, given, opsets, path)
    read_attributes = _attributes(reader, attributes, path, operator, faults)
    if faults:
        raise InvalidInput(faults)
    labels = [each.labels for each in read_attributes if each.labels]
    return ScannedNode(
        DOMAINS[domain],
        operator,
        texts["input"],
        texts["output"],
        sum(each.numbers for each in read_attributes),
        labels[0] if len(labels) == 1 else (),
    )


def _faults(domain: str, operator: str, given: int, opsets: Mapping[str, int], path: str) -> list[Fault]:
    told = objection(domain, operator, given)
    if told:
        return [Fault(f"{path}.{'domain' if domain not in DOMAINS else 'op_type'}", told)]
    known = DOMAINS[domain]
    if known not in opsets:
        name = known or "ai.onnx"
        return [Fault(path, f"expected {name} in model.opset_import, got an operator of it alone")]
    return []


def _attributes(
    reader: WireReader, views: list[memoryview], path: str, operator: str, faults: list[Fault]
) -> list[_Attribute]:
    """A node's attributes; what is wrong with one is added to `faults`."""
    found: dict[str, _Attribute] = {}
    for place, view in enumerate(views):
        where = f"{path}.attribute[{place}]"
        try:
            attribute = _attribute(reader, view, where, operator)
        except InvalidInput as error:
            faults += error.faults
            continue
        if attribute.name in found:
            faults.append(Fault(where, f"expected each attribute once, got {shown(attribute.name)} twice"))
        found[attribute.name] = attribute
    return list(found.values())


def _attribute(reader: WireReader, view: memoryview, path: str, operator: str) -> _Attribute:
    """An attribute. Raises `InvalidInput`."""
    name, numbers, places = "", 0, dict.fromkeys(_TENSORS, 0)
    whole: list[NumberRun] = []
    words: list[memoryview] = []
    for field, value in read(reader, view, ATTRIBUTE, path):
        if field in ("g", "graphs", "ref_attr_name"):
            raise InvalidInput.at(f"{path}.{field}", _NO_GRAPHS)
        if field in _TENSORS:
            where = f"{path}.{field}[{places[field]}]" if field.endswith("s") else f"{path}.{field}"
            places[field] += 1
            numbers += _TENSORS[field](reader, value, where).elements
        elif field == "name":
            name = text_of(value, f"{path}.name", MOST_NAME_BYTES)
        elif field == "floats":
            numbers += value.total()
        elif field == "ints" and len(whole) <= MOST_LABELS:
            whole.append(value)
        elif field == "strings" and len(words) <= MOST_LABELS:
            words.append(value)
    of_numbers, of_words = NAMING.get(operator, (None, None))
    labels: Labels = ()
    if name == of_numbers:
        labels = whole_labels(whole, f"{path}.ints")
    elif name == of_words:
        labels = word_labels(words, f"{path}.strings")
    return _Attribute(name, numbers, labels)
