"""Raw numbers of any datatype and order, written anew by numpy: a tenth of what it takes one by one."""

from collections.abc import Sequence

from ml_core.arithmetic import vectorised  # noqa: F401 - it says how numpy is imported

# After `vectorised`.
import numpy as np  # isort: skip


def as_float64(raw: bytes | memoryview, code: str) -> bytes:
    """Little-endian numbers, of what `struct` calls `code`, as float64."""
    return np.frombuffer(raw, f"<{code}").astype("<f8").tobytes()


def in_rows(raw: bytes | memoryview, descr: str, shape: Sequence[int], *, by_columns: bool) -> bytes:
    """Numbers of numpy's type `descr`, little-endian and row by row, which were big-endian or by columns."""
    array = np.frombuffer(raw, descr).reshape(shape, order="F" if by_columns else "C")
    return array.astype(array.dtype.newbyteorder("<")).tobytes()
