"""An instance as bytes in JSON: `{"b64": "…", "dtype": "uint8"}`, raw numbers in base64, little-endian.

Without `dtype` the bytes are those of a file. TensorFlow Serving has the key `b64`.
"""

from __future__ import annotations

import binascii

from ml_core.errors import InvalidInput, shown
from ml_core.inputs.float32 import is_finite32

B64, DTYPE = "b64", "dtype"
# The name of a datatype, how many bytes a number takes, and what it is called in a container.
_DTYPES = {"uint8": (1, "U8"), "float32": (4, "F32")}

ENCODED_SCHEMA: dict[str, object] = {
    "type": "object",
    "required": [B64],
    "additionalProperties": False,
    "properties": {
        B64: {"type": "string", "description": "Bytes in base64."},
        DTYPE: {
            "enum": [*_DTYPES],
            "description": "Of raw numbers, little-endian, the last axis together. Without it the bytes are "
            "a file's.",
        },
    },
}


# Of instances that no file holds: raw numbers, which do not tell what they are.
ENCODED_FLOATS_SCHEMA: dict[str, object] = {
    "type": "object",
    "required": [B64, DTYPE],
    "additionalProperties": False,
    "properties": {
        B64: {"type": "string", "description": "Raw numbers in base64, little-endian."},
        DTYPE: {"const": "float32"},
    },
}


class Encoded:
    """Bytes of one instance; `dtype` is the container's word, None for the bytes of a file.

    `where` is the place of the bytes.
    """

    __slots__ = ("data", "dtype", "where")

    def __init__(self, data: bytes, dtype: str | None, where: str) -> None:
        self.data = data
        self.dtype = dtype
        self.where = where

    def numbers(self) -> int:
        """How many raw numbers there are."""
        return len(self.data) // (1 if self.dtype == "U8" else 4)


def read_encoded(value: dict[str, object], where: str) -> Encoded:
    """The bytes of an object with `b64`. Raises `InvalidInput`."""
    for name in value:
        if name not in (B64, DTYPE):
            raise InvalidInput.at(where, f"expected an object with {B64} and {DTYPE}, it has {shown(name)}")
    text, dtype = value.get(B64), value.get(DTYPE)
    if not isinstance(text, str):
        raise InvalidInput.at(f"{where}.{B64}", f"expected bytes in base64, got {shown(text)}")
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidInput.at(f"{where}.{B64}", f"expected bytes in base64, got {shown(text)}") from None
    if dtype is None:
        return Encoded(data, None, f"{where}.{B64}")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        expected = " or ".join(f'"{each}"' for each in _DTYPES)
        raise InvalidInput.at(f"{where}.{DTYPE}", f"expected {expected}, got {shown(dtype)}")
    size, container = _DTYPES[dtype]
    if len(data) % size:
        raise InvalidInput.at(f"{where}.{B64}", f"{len(data)} bytes are no whole number of {dtype}")
    if container == "F32" and not is_finite32(data):
        raise InvalidInput.at(f"{where}.{B64}", "it holds a number that is not finite")
    return Encoded(data, container, f"{where}.{B64}")
