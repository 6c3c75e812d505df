"""NPY files: a table of numbers without names, or with those of a structured array."""

from typing import Any

import numpy as np

from ml_core.errors import MalformedInput
from ml_core.tables.batches import check_width
from ml_core.tables.columns import BOOLEAN, CATEGORY, OTHER, Column, Dataset, number_column
from ml_core.tables.readers import NPY, ReadRequest

_LAST_CHARACTER, _SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)


def read(path: str, request: ReadRequest) -> Dataset:
    """The table in an NPY file; columns without a name are x0, x1 and so on.

    Nothing is unpickled. Raises `MalformedInput`, and what the request's `check` raises.
    """
    array = _opened(path)
    axes = "rows × columns" if array.dtype.names is None else "records"
    if array.ndim != len(axes.split(" × ")):
        raise MalformedInput(f"expected an array of {axes}, got {array.ndim} axes")
    if not len(array):
        raise MalformedInput("the file has no rows")
    check_width(len(array.dtype.names or ()) or array.shape[1])
    named = array.dtype.names or tuple(f"x{place}" for place in range(array.shape[1]))
    places = [place for place, name in enumerate(named) if request.wanted(name)]
    request.check(len(array), len(places))
    shown = array[: request.most_rows]
    columns = tuple(
        _column(named[place], shown[named[place]] if array.dtype.names else shown[:, place])
        for place in places
    )
    return Dataset(columns, len(shown), NPY, (), len(shown) == len(array))


def _opened(path: str) -> Any:  # noqa: ANN401 - an array of any type
    """The file's array, still in the file."""
    try:
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    # The header is Python's text: what the parser raises at it, MemoryError included, is the header's fault.
    except Exception as error:  # noqa: BLE001
        raise MalformedInput(f"the file cannot be read as NPY: {_reason(error)}") from None
    if not array.dtype.itemsize:
        raise MalformedInput("the file cannot be read as NPY: its values have no size")
    return array


def _reason(error: Exception) -> str:
    return str(error)[:200] if isinstance(error, ValueError) else "its header is broken"


def _column(name: str, values: Any) -> Column:  # noqa: ANN401 - an array of any type
    kind = values.dtype.kind
    if kind == "b":
        return Column(name, BOOLEAN, values.astype(np.float64))
    if kind in "iuf" and values.ndim == 1:
        return number_column(name, values.astype(np.float64))
    if kind == "U" and values.ndim == 1:
        words, codes = np.unique(values, return_inverse=True)
        _check_text(name, words)
        return Column(name, CATEGORY, codes.astype(np.int32), tuple(map(str, words)))
    return Column(name, OTHER, np.zeros(len(values), np.int32))


def _check_text(name: str, words: Any) -> None:  # noqa: ANN401 - an array of strings
    """Refuse what is no character: numpy would end the process when it made a string of it."""
    native = np.ascontiguousarray(words.astype(words.dtype.newbyteorder("=")))
    characters = native.view(np.uint32)
    if (
        (characters > _LAST_CHARACTER) | ((characters >= _SURROGATES[0]) & (characters <= _SURROGATES[1]))
    ).any():
        raise MalformedInput(f"column '{name}' holds words with characters that Unicode does not have")
