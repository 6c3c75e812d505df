"""Tensors of numbers, and the safetensors container that holds them.

A file of the format (https://github.com/huggingface/safetensors#format) is an 8-byte little-endian length, a
JSON header of that length, and the tensors' bytes. Nothing in it can name code to run. The library reads what
is written here (a test proves it); the reader is our own because it needs neither numpy nor an import, and
the writer because its bytes must depend on the input alone, not on the release of a library.
"""

from __future__ import annotations

import struct
import sys
from math import isfinite, prod

from ml_core import json_text
from ml_core.digests import sha256
from ml_core.errors import ArtifactInvalid

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST_HEADER_BYTES = 16 << 20
MOST_TENSORS = 4096
MOST_AXES = 8
# The datatypes that are written and read, and how many bytes a number takes.
SIZES = {"F64": 8, "F32": 4, "I64": 8, "U8": 1}
# Little-endian as `struct` calls it. Where the machine is, its own words are quicker: they are copied alone.
_ORDER = "" if sys.byteorder == "little" else "<"
# What `struct` calls those of floating point.
_CODES = {"F64": "d", "F32": "f"}
METADATA_KEY = "serverless-ml"


class Tensor:
    """Numbers along some axes, little-endian, the last axis together. `dtype` is the format's word."""

    __slots__ = ("__weakref__", "_rows", "dtype", "packed", "shape")

    def __init__(self, shape: tuple[int, ...], packed: bytes | memoryview, dtype: str = "F64") -> None:
        expected = SIZES[dtype] * prod(shape)
        if len(packed) != expected:
            raise ArtifactInvalid(
                f"expected {expected} bytes for a tensor of {dtype} with the shape {list(shape)}, "
                f"got {len(packed)}"
            )
        self.shape = shape
        self.packed = packed
        self.dtype = dtype
        self._rows: list[tuple[float, ...]] | None = None

    @classmethod
    def of(cls, values: Iterable[float], *shape: int) -> Tensor:
        """A tensor of these numbers as float64; without a shape they are one axis."""
        numbers = list(values)
        return cls(shape or (len(numbers),), pack(numbers))

    @property
    def rows(self) -> list[tuple[float, ...]]:
        """Floating-point numbers as tuples, one for each row; made once. A single axis is one row."""
        if self._rows is None:
            self._rows = list(unpack_rows(self.packed, self.shape[-1], _CODES[self.dtype]))
        return self._rows

    @property
    def values(self) -> tuple[float, ...]:
        """Floating-point numbers of a single axis."""
        return self.rows[0]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.packed) // SIZES[self.dtype]


def pack(numbers: Iterable[float]) -> bytes:
    """Numbers as little-endian float64. Raises `struct.error` for what is no number or overflows."""
    numbers = list(numbers)
    return struct.pack(f"{_ORDER}{len(numbers)}d", *numbers)


def unpack_rows(packed: bytes | memoryview, width: int, code: str = "d") -> Iterator[tuple[float, ...]]:
    """The rows of packed numbers as tuples: what `math.sumprod` and `math.dist` are quickest on.

    `code` is `struct`'s word for their kind: float64 unless it is said.
    """
    return struct.iter_unpack(f"{_ORDER}{width}{code}", packed)


def all_finite(packed: bytes | memoryview) -> bool:
    """Whether no packed number is NaN or infinite."""
    # The highest byte is the sign and seven bits of the exponent: unless it is 0x7f or 0xff, the number is
    # under 2**1009.
    highest = bytes(packed[7::8])
    if b"\x7f" not in highest and b"\xff" not in highest:
        return True
    return all(isfinite(number) for (number,) in unpack_rows(packed, 1))


def finite_numbers(values: object) -> tuple[float, ...]:
    """A description's list of numbers. Raises `ArtifactInvalid` unless it is one, of finite numbers."""
    if not isinstance(values, list) or not all(
        type(value) in (int, float) and isfinite(value) for value in values
    ):
        raise ArtifactInvalid("expected a list of finite numbers")
    return tuple(map(float, values))


def counts(values: object) -> tuple[int, ...]:
    """A description's list of counts. Raises `ArtifactInvalid` unless it is one, of integers from 0."""
    if not isinstance(values, list) or not all(
        type(value) is int and 0 <= value < 1 << 48 for value in values
    ):
        raise ArtifactInvalid("expected a list of counts")
    return tuple(values)


def float64(tensor: Tensor, axes: int) -> Tensor:
    """The tensor, if it is of float64 with so many axes. Raises `ArtifactInvalid`."""
    if tensor.dtype != "F64" or len(tensor.shape) != axes:
        raise ArtifactInvalid(
            f"expected a tensor of F64 with {axes} axes, got {tensor.dtype} with {len(tensor.shape)}"
        )
    return tensor


def float32(tensor: Tensor, *shape: int | None) -> Tensor:
    """The tensor, if it is of float32 in this shape; None is any length. Raises `ArtifactInvalid`."""
    fits = len(tensor.shape) == len(shape) and all(
        length in (None, got) for length, got in zip(shape, tensor.shape, strict=True)
    )
    if tensor.dtype != "F32" or not fits:
        expected = ["any" if length is None else length for length in shape]
        raise ArtifactInvalid(
            f"expected a tensor of F32 with the shape {expected}, "
            f"got {tensor.dtype} with {list(tensor.shape)}"
        )
    return tensor


def write(description: Mapping[str, object], tensors: Mapping[str, Tensor]) -> bytes:
    """A safetensors file: the description as JSON in its metadata, the tensors in order of name."""
    return b"".join(pieces(description, tensors))


def pieces(description: Mapping[str, object], tensors: Mapping[str, Tensor]) -> list[bytes | memoryview]:
    """What `write` would write, piece after piece; the tensors' are not copied."""
    text = json_text.dumps(description, separators=(",", ":"), sort_keys=True, allow_nan=False)
    header: dict[str, object] = {"__metadata__": {METADATA_KEY: text, "sha256": _checksum(text, tensors)}}
    end = 0
    for name in sorted(tensors):
        begin, end = end, end + len(tensors[name].packed)
        header[name] = {
            "dtype": tensors[name].dtype,
            "shape": list(tensors[name].shape),
            "data_offsets": [begin, end],
        }
    encoded = json_text.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)  # the format aligns the tensors on 8 bytes with spaces
    return [struct.pack("<Q", len(encoded)), encoded, *(tensors[name].packed for name in sorted(tensors))]


def read(data: bytes, *, finite: bool = True) -> tuple[dict[str, object], dict[str, Tensor]]:
    """The description and the tensors of a file that `write` made; the tensors are views, not copies.

    Raises `ArtifactInvalid` for everything else: other dtypes, gaps, overlaps, bytes left over or changed
    and, with `finite`, numbers that are not.
    """
    view = memoryview(data)
    length = int.from_bytes(view[:8], "little")
    if not 8 + length <= len(view) or length > MOST_HEADER_BYTES:
        raise ArtifactInvalid("not a safetensors file: its header does not fit")
    header = _json_object(bytes(view[8 : 8 + length]), "header")
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(METADATA_KEY), str):
        raise ArtifactInvalid(f"a safetensors file without {METADATA_KEY!r} in its metadata")
    description = _json_object(metadata[METADATA_KEY], "description")
    tensors = _tensors(header, view[8 + length :], finite=finite)
    if metadata.get("sha256") != _checksum(metadata[METADATA_KEY], tensors):
        raise ArtifactInvalid("the content is not what was written: its checksum differs")
    return description, tensors


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    parts: list[bytes | memoryview] = [text.encode()]
    for name in sorted(tensors):
        # Float64 goes without saying: it was all that the first format had.
        dtype = "" if tensors[name].dtype == "F64" else f" {tensors[name].dtype}"
        parts += [f"\n{name} {tensors[name].shape}{dtype}\n".encode(), tensors[name].packed]
    return sha256(*parts)


def _json_object(text: str | bytes, what: str) -> dict[str, object]:
    try:
        value = json_text.loads(text)
    except (ValueError, RecursionError):
        raise ArtifactInvalid(f"the {what} is not JSON") from None
    if not isinstance(value, dict):
        raise ArtifactInvalid(f"the {what} is not a JSON object")
    return value


def _tensors(header: dict[str, object], content: memoryview, *, finite: bool) -> dict[str, Tensor]:
    if len(header) > MOST_TENSORS:
        raise ArtifactInvalid(f"{len(header)} tensors; at most {MOST_TENSORS} are read")
    tensors, end = {}, 0
    for name, entry in header.items():
        dtype, shape, begin, stop = _entry(name, entry)
        if begin != end or stop > len(content):
            raise ArtifactInvalid(
                f"tensor {name!r} does not begin where the one before it ends, or passes the end"
            )
        tensors[name], end = Tensor(shape, content[begin:stop], dtype), stop
    if end != len(content):
        raise ArtifactInvalid(f"{len(content) - end} bytes belong to no tensor")
    if finite and not all(map(_is_finite, tensors.values())):
        raise ArtifactInvalid("a tensor holds a number that is not finite")
    return tensors


def _entry(name: str, entry: object) -> tuple[str, tuple[int, ...], int, int]:
    if (
        not isinstance(entry, dict)
        or entry.keys() != {"dtype", "shape", "data_offsets"}
        or not isinstance(entry["dtype"], str)
        or entry["dtype"] not in SIZES
    ):
        raise ArtifactInvalid(f"expected tensor {name!r} of {', '.join(SIZES)} with shape and offsets")
    shape, offsets = counts(entry["shape"]), counts(entry["data_offsets"])
    if not 1 <= len(shape) <= MOST_AXES or 0 in shape or len(offsets) != 2 or offsets[1] < offsets[0]:
        raise ArtifactInvalid(f"tensor {name!r} has no sound shape and offsets")
    return entry["dtype"], shape, offsets[0], offsets[1]


def _is_finite(tensor: Tensor) -> bool:
    if tensor.dtype == "F64":
        return all_finite(tensor.packed)
    if tensor.dtype == "F32":
        # The exponent's eight bits lie in the two highest bytes: only a number with the highest at 0x7f or
        # 0xff may be none.
        highest = bytes(tensor.packed[3::4])
        if b"\x7f" not in highest and b"\xff" not in highest:
            return True
        return all(isfinite(number) for (number,) in struct.iter_unpack("<f", tensor.packed))
    return True
