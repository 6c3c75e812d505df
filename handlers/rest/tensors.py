"""Tensors of the Open Inference Protocol: what a request's hold, and how an answer's are written.

In the binary extension a JSON header is followed by the tensors' raw little-endian bytes, in the order in
which the header names them; each tensor's `parameters.binary_data_size` is its length. BYTES are elements of
`<u32 length><bytes>`.
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from handlers.rest.http import is_number
from ml_core.errors import MalformedInput, shown

_CODES = {"FP64": "d", "INT64": "q"}


class OutputTensor(NamedTuple):
    """An answer's tensor; `values` in row-major order."""

    name: str
    datatype: str
    shape: list[int]
    values: list[Any]
    parameters: dict[str, Any]


def split(body: bytes, header_length: str) -> tuple[bytes, bytes | None]:
    """The JSON header and the binary part; None when all of the body is JSON.

    Raises:
        MalformedInput: `Inference-Header-Content-Length` is no length within the body.
    """
    if not header_length:
        return body, None
    length = int(header_length) if is_number(header_length) else -1
    if not 0 < length <= len(body):
        raise MalformedInput(
            f"Inference-Header-Content-Length is {header_length[:20]!r}; the body has {len(body)} bytes"
        )
    return body[:length], body[length:]


def binary_sizes(tensors: Sequence[dict[str, Any]], binary: bytes | None) -> list[int | None]:
    """The length of each tensor's part of `binary`; None for one whose data is in the JSON.

    Raises:
        MalformedInput: the sizes do not add up to what was sent.
    """
    sizes = [(tensor.get("parameters") or {}).get("binary_data_size") for tensor in tensors]
    for size in sizes:
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
            raise MalformedInput("binary_data_size has to be a whole number of bytes")
    named, sent = sum(size or 0 for size in sizes), len(binary or b"")
    if named != sent:
        raise MalformedInput(f"binary_data_size names {shown(named)} bytes; {sent} follow the JSON header")
    return sizes


def datatype_of(values: Sequence[Any]) -> str:
    """The tensor datatype of labels, which are all of one kind."""
    if all(isinstance(value, bool) for value in values):
        return "BOOL"
    if all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values):
        return "INT64"
    return "BYTES"


def to_bytes(datatype: str, values: Sequence[Any]) -> bytes:
    """`values` as the binary extension writes them."""
    if datatype == "BOOL":
        return bytes(bool(value) for value in values)
    if datatype == "BYTES":
        encoded = [str(value).encode("utf-8", "surrogatepass") for value in values]
        return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)
    from array import array

    numbers = array(_CODES[datatype], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def write(
    header: dict[str, Any], tensors: Sequence[OutputTensor], binary: set[str]
) -> tuple[bytes, int | None]:
    """An answer's body and the length of its JSON header; None when all of it is JSON.

    Args:
        header: the answer without its outputs.
        tensors: the outputs.
        binary: the names of those that are wanted as bytes.
    """
    import json

    outputs, parts = [], []
    for tensor in tensors:
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        parameters = dict(tensor.parameters)
        if tensor.name in binary:
            parts.append(to_bytes(tensor.datatype, tensor.values))
            parameters["binary_data_size"] = len(parts[-1])
        else:
            output["data"] = tensor.values
        outputs.append({**output, "parameters": parameters} if parameters else output)
    text = json.dumps({**header, "outputs": outputs}, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([text, *parts]), len(text) if parts else None
