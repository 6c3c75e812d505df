"""Small Parquet files at which the reader does not raise an error but aborts its process."""

import io
import re

import numpy as np
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet


def _sound() -> bytes:
    columns = {
        "amount": Array(np.arange(40, dtype="f8")),
        "colour": Array([("red", "blue")[row % 2] for row in range(40)], type=DataType.string()),
        "late": Array([("yes", "no")[row % 2] for row in range(40)], type=DataType.string()),
    }
    file = io.BytesIO()
    write_parquet(Table.from_arrays([*columns.values()], names=[*columns]), file)
    return file.getvalue()


def _changed(pattern: bytes, replacement: bytes) -> bytes:
    sound = _sound()
    found = re.search(pattern, sound, re.DOTALL)
    assert found
    return sound[: found.start()] + replacement + sound[found.end() :]


ABORTING = {
    # The first page's definition levels are a run of 40 times 1: now 40 groups of bits that are not there.
    "levels": _changed(rb"(?<=\x02\0\0\0)P(?=\x01)", b"Q"),
    # In the footer the size of the first column's chunk, a zigzag varint of two bytes: now it is negative.
    "sizes": _changed(rb"(?<=\x16P\x16..\x16).(?=[\0-\x7f]&)", b"\xff"),
}
