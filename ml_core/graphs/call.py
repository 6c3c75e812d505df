"""What is sent to the function that runs graphs, and what it answers: bytes of JSON, the same on every cloud.

A call names one artifact by a signed address, and holds the tensors to run its graph on. Numbers are base64
of little-endian bytes, texts are lists. The answer holds the outputs that were asked for, or says in one word
why there are none.
"""

from __future__ import annotations

from math import prod

from ml_core import json_text
from ml_core.errors import MalformedInput, ServerlessMLError, shown
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

TEXT = "BYTES"
# The datatypes of the Open Inference Protocol that a graph takes and gives, and the bytes of an element.
WIDTHS = {
    "FP64": 8, "FP32": 4, "FP16": 2, "INT64": 8, "INT32": 4, "INT16": 2, "INT8": 1,
    "UINT64": 8, "UINT32": 4, "UINT16": 2, "UINT8": 1, "BOOL": 1,
}  # fmt: skip
FLOATS = ("FP64", "FP32", "FP16")
# What a call may hold of tensors, before they are base64: Lambda takes 6 MB of JSON, and answers as much.
MOST_BYTES = 4 << 20
MOST_AXES = 8

# Why there is no answer. The first three are the model's or the rows' fault, and asking again is no use.
FAILED = "failed"
"""The runtime refused to compute, or the result is nothing that can be told."""
TIMEOUT = "timeout"
"""It did not end in the seconds that it had."""
MEMORY = "memory"
"""It wanted more memory than it may have."""
REFUSED = "refused"
"""The runtime does not load the graph."""
CRASHED = "crashed"
"""The process that ran it is gone."""
ADDRESS = "address"
"""The address is not one that this service signed for this artifact, or it has expired."""
DAMAGED = "damaged"
"""The artifact is not the one whose digest the call names, or holds no graph."""
UNREACHABLE = "unreachable"
"""The storage did not answer."""
REASONS = (FAILED, TIMEOUT, MEMORY, REFUSED, CRASHED, ADDRESS, DAMAGED, UNREACHABLE)


class GraphTensor(Record):
    """A tensor: `data` is little-endian bytes, or a list of texts where the datatype is BYTES.

    `keys` are those of an output that was a sequence of maps: the columns of `data`, in order.
    """

    datatype: str
    shape: tuple[int, ...]
    data: bytes | list[str]
    keys: tuple[str | int, ...] | None = None


class GraphCall(Record):
    """What is to be run: the artifact behind `url`, on `inputs` by their names, for `outputs` (none: all).

    `batch` is how many instances the graph takes at a time, along the first axis of every input; the last
    of them are repeated where they are too few, and the outputs of what was repeated are left out. 0: as many
    as there are.
    """

    url: str
    headers: dict[str, str]
    sha256: str
    size: int
    inputs: dict[str, GraphTensor]
    outputs: tuple[str, ...]
    seconds: float
    batch: int = 0


class GraphFailure(ServerlessMLError):
    """The graph gave no answer: `reason` is one of `REASONS`, the message is in plain words."""

    code = "graph_failed"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def write_call(call: GraphCall) -> bytes:
    """A call as it is sent."""
    said = {name: getattr(call, name) for name in ("url", "headers", "sha256", "size", "seconds", "batch")}
    inputs = {name: _written(tensor) for name, tensor in call.inputs.items()}
    return json_text.dumps({**said, "inputs": inputs, "outputs": list(call.outputs)}).encode()


def read_call(sent: object) -> GraphCall:
    """The call that `write_call` wrote: its bytes, or the values of their JSON. Raises `MalformedInput`."""
    said = _object(sent)
    try:
        inputs = {_text(name): _read(tensor) for name, tensor in said["inputs"].items()}
        headers = {_text(name): _text(value) for name, value in said["headers"].items()}
        outputs = tuple(map(_text, said["outputs"]))
        size, seconds, batch = int(said["size"]), float(said["seconds"]), int(said["batch"])
        return GraphCall(
            _text(said["url"]), headers, _text(said["sha256"]), size, inputs, outputs, seconds, batch
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise MalformedInput(f"expected a call of a graph, got something else: {error}") from None


def write_answer(outputs: Mapping[str, GraphTensor], *, cold: bool) -> bytes:
    """An answer as it is sent; `cold` says whether the graph had to be loaded."""
    written = {name: _written(tensor) for name, tensor in outputs.items()}
    return json_text.dumps({"outputs": written, "cold": cold}).encode()


def write_failure(failure: GraphFailure) -> bytes:
    """A failure as it is sent."""
    return json_text.dumps({"failure": {"reason": failure.reason, "message": str(failure)}}).encode()


def read_answer(payload: bytes) -> tuple[dict[str, GraphTensor], bool]:
    """The outputs of an answer, and whether the graph had to be loaded.

    Raises `GraphFailure` where it tells one, and `MalformedInput` for what is no answer.
    """
    said = _object(payload)
    try:
        if "failure" in said:
            reason, message = _text(said["failure"]["reason"]), _text(said["failure"]["message"])
            raise GraphFailure(reason if reason in REASONS else FAILED, message)
        outputs = {_text(name): _read(tensor) for name, tensor in said["outputs"].items()}
        return outputs, said["cold"] is True
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise MalformedInput(f"expected the answer of a graph, got something else: {error}") from None


def total_bytes(tensors: Mapping[str, GraphTensor] | Sequence[GraphTensor]) -> int:
    """What tensors take of a call."""
    each = tensors.values() if hasattr(tensors, "values") else tensors
    return sum(
        len(one.data) if isinstance(one.data, bytes) else sum(len(text.encode()) + 4 for text in one.data)
        for one in each
    )


def _object(sent: object) -> dict[str, Any]:
    said = sent
    if isinstance(sent, bytes):
        try:
            said = json_text.loads(sent.decode())
        except (ValueError, RecursionError):
            said = None
    if not isinstance(said, dict):
        raise MalformedInput(f"expected an object of JSON, got {shown(sent)}")
    return said


def _written(tensor: GraphTensor) -> dict[str, Any]:
    said: dict[str, Any] = {"datatype": tensor.datatype, "shape": list(tensor.shape)}
    if tensor.keys is not None:
        said["keys"] = list(tensor.keys)
    if isinstance(tensor.data, list):
        return {**said, "texts": tensor.data}
    from binascii import b2a_base64

    return {**said, "base64": b2a_base64(tensor.data, newline=False).decode()}


def _read(said: Any) -> GraphTensor:  # noqa: ANN401 - any value of JSON
    """The tensor that was written so. Raises ValueError and its like."""
    datatype, shape = _text(said["datatype"]), tuple(map(_length, said["shape"]))
    if len(shape) > MOST_AXES:
        raise ValueError(f"expected at most {MOST_AXES} axes, got {len(shape)}")
    keys = None if said.get("keys") is None else tuple(map(_key, said["keys"]))
    if datatype == TEXT:
        data: bytes | list[str] = [_text(text) for text in said["texts"]]
        expected = prod(shape)
    else:
        from binascii import a2b_base64

        data = a2b_base64(said["base64"], strict_mode=True)
        expected = WIDTHS[datatype] * prod(shape)
    if len(data) != expected:
        raise ValueError(f"expected {expected} of {datatype} {list(shape)}, got {len(data)}")
    return GraphTensor(datatype, shape, data, keys)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {shown(value)}")
    return value


def _length(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError(f"expected a length, got {shown(value)}")
    return value


def _key(value: object) -> str | int:
    if type(value) not in (str, int):
        raise TypeError(f"expected a key, got {shown(value)}")
    return value  # type: ignore[return-value]  # it is one of both
