"""An array as NumPy's own file format (NPY) has it: read as a tensor, and written, without numpy.

A file is the magic, a version, the length of a header, the header (a dict in Python's notation), and the
numbers: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. The header is matched with a
grammar and never evaluated; pickled objects are refused.
"""

import re
from collections.abc import Sequence
from math import prod

from ml_core.errors import InvalidInput, MalformedInput, shown
from ml_core.records import Record

MAGIC = b"\x93NUMPY"
# How many bytes say the header's length, by the version.
_LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
# As many as numpy reads.
_LONGEST_HEADER = 10_000
_MOST_AXES = 8
_ALIGNMENT = 64
_ENTRY = re.compile(
    r"""\s*['"](descr|fortran_order|shape)['"]\s*:\s*
    (?:['"]([^'"]*)['"]|(True|False)|\(((?:\s*[0-9]{1,18}\s*,)*(?:\s*[0-9]{1,18})?\s*)\))\s*(?:,\s*|$)""",
    re.VERBOSE,
)
_DATATYPES = {
    "b1": "BOOL",
    **{f"f{size}": f"FP{8 * size}" for size in (2, 4, 8)},
    **{f"i{size}": f"INT{8 * size}" for size in (1, 2, 4, 8)},
    **{f"u{size}": f"UINT{8 * size}" for size in (1, 2, 4, 8)},
}
_WRITTEN = {"FP64": "<f8", "INT64": "<i8", "BOOL": "|b1"}


class NpyArray(Record):
    """Numbers, little-endian and row by row; their datatype as the Open Inference Protocol has it."""

    datatype: str
    shape: tuple[int, ...]
    data: bytes | memoryview


def read(data: bytes, where: str = "body") -> NpyArray:
    """The array of a file.

    Raises `MalformedInput` for what is no file of this kind or is cut short, `InvalidInput` for an array of
    anything but numbers.
    """
    header, begin = _header(data, where)
    datatype, size, swapped = _datatype(header["descr"], where)
    shape = tuple(int(length) for length in header["shape"].split(",") if length.strip())
    if len(shape) > _MOST_AXES:
        raise MalformedInput(f"{where}: expected an array of at most {_MOST_AXES} axes, got {len(shape)}")
    needed = prod(shape) * size
    if len(data) - begin != needed:
        raise MalformedInput(
            f"{where}: an array {list(shape)} of {datatype} has {shown(needed)} bytes after its header, "
            f"got {len(data) - begin}"
        )
    # A copy of many numbers takes longer than all else that is done with them here.
    raw: bytes | memoryview = memoryview(data)[begin:]
    by_columns = header["fortran_order"] == "True" and len(shape) > 1
    if raw and (by_columns or swapped):
        from ml_core.inputs.raw_numbers import in_rows

        raw = in_rows(raw, header["descr"], shape, by_columns=by_columns)
    return NpyArray(datatype, shape, raw)


def write(datatype: str, shape: Sequence[int], packed: bytes, characters: int = 0) -> bytes:
    """A file of packed values, row by row; of texts (BYTES) each has so many characters, as UTF-32."""
    descr = _WRITTEN.get(datatype, f"<U{characters}")
    listed = ", ".join(map(str, shape)) + "," * (len(shape) == 1)
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({listed}), }}".encode()
    start = len(MAGIC) + 4
    padded = text.ljust(-(start + len(text) + 1) % _ALIGNMENT + len(text)) + b"\n"
    return b"".join([MAGIC, b"\x01\x00", len(padded).to_bytes(2, "little"), padded, packed])


def _header(data: bytes, where: str) -> tuple[dict[str, str], int]:
    """What the header says by its three keys, and where the numbers begin."""
    if not data.startswith(MAGIC):
        raise MalformedInput(f"{where}: expected a file of NPY, which begins with \\x93NUMPY")
    width = _LENGTHS.get(data[6:8])
    if width is None:
        raise MalformedInput(f"{where}: expected NPY of version 1.0, 2.0 or 3.0, got {[*data[6:8]]}")
    begin = 8 + width
    length = int.from_bytes(data[8:begin], "little")
    if length > _LONGEST_HEADER:
        raise MalformedInput(
            f"{where}: expected a header of at most {_LONGEST_HEADER} bytes, got {shown(length)}"
        )
    if len(data) < begin + length:
        raise MalformedInput(f"{where}: ends within the header of NPY")
    text = data[begin : begin + length].decode("latin-1").strip()
    if text.startswith("{") and text.endswith("}"):
        entries = _entries(text[1:-1].strip())
        if entries is not None:
            return entries, begin + length
        if re.search(r"""['"]descr['"]\s*:\s*\[""", text):
            raise InvalidInput.at(
                where,
                "expected an array of numbers, got one of records: send its columns as one array "
                "[rows, features], such as df.to_numpy(), or text/csv",
            )
    raise MalformedInput(
        f"{where}: expected the header {{'descr': …, 'fortran_order': …, 'shape': …}}, got {shown(text)}"
    )


def _entries(text: str) -> dict[str, str] | None:
    """The three entries of a header; None where it is not of these, each once and of its kind."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        entry = _ENTRY.match(text, at)
        if entry is None:
            return None
        # Which of the three kinds of value it is says which key it has to have.
        kind = ("descr", "fortran_order", "shape")[(entry.lastindex or 2) - 2]
        if entry[1] != kind or kind in found:
            return None
        found[kind] = entry[entry.lastindex or 0]
        at = entry.end()
    return found if len(found) == 3 else None


def _datatype(descr: str, where: str) -> tuple[str, int, bool]:
    """The datatype of the Open Inference Protocol, the bytes of a number, and whether they are big-endian."""
    order, code = descr[:1], descr[1:]
    datatype = _DATATYPES.get(code)
    if datatype is None or order not in ("<>" if code[1:] != "1" else "<>|"):
        got = "pickled objects, which are not read" if code[:1] == "O" else shown(descr)
        raise InvalidInput.at(
            where, f"expected an array of numbers, such as '<f8', '<f4', '<i8' or '|u1', got {got}"
        )
    return datatype, int(code[1:]), order == ">" and code[1:] != "1"
