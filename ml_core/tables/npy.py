"""NPY files: a table of numbers without names, or with those of a structured array."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_core.errors import MalformedInput
from ml_core.tables import sniffing
from ml_core.tables.columns import BOOLEAN, CATEGORY, OTHER, Column, Dataset, number_column


def read(
    path: str, *, wanted: Callable[[str], bool], most_rows: int | None, check: Callable[[int, int], None]
) -> Dataset:
    """The table in an NPY file; columns without a name are x0, x1 and so on.

    Nothing is unpickled. Raises `MalformedInput`, and what `check` raises for the rows and columns.
    """
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise MalformedInput(f"the file cannot be read as NPY: {str(error)[:200]}") from None
    axes = "rows × columns" if array.dtype.names is None else "records"
    if array.ndim != len(axes.split(" × ")):
        raise MalformedInput(f"expected an array of {axes}, got {array.ndim} axes")
    if not len(array):
        raise MalformedInput("the file has no rows")
    named = array.dtype.names or [f"x{place}" for place in range(array.shape[1])]
    names = [name for name in named if wanted(name)]
    check(len(array), len(names))
    shown = array[:most_rows]
    columns = tuple(
        _column(name, shown[name] if array.dtype.names else shown[:, named.index(name)]) for name in names
    )
    return Dataset(columns, len(shown), sniffing.NPY, (), len(shown) == len(array))


def _column(name: str, values: Any) -> Column:  # noqa: ANN401 - an array of any type
    kind = values.dtype.kind
    if kind == "b":
        return Column(name, BOOLEAN, values.astype(np.float64))
    if kind in "iuf" and values.ndim == 1:
        return number_column(name, values.astype(np.float64))
    if kind == "U" and values.ndim == 1:
        words, codes = np.unique(values, return_inverse=True)
        return Column(name, CATEGORY, codes.astype(np.int32), tuple(map(str, words)))
    return Column(name, OTHER, np.zeros(len(values), np.int32))
