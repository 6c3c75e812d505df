"""NPY files: a table of numbers without names, or with those of a structured array."""

from collections.abc import Callable
from typing import Any

import numpy as np
from arro3.core import Array

from ml_core.errors import MalformedInput, shown
from ml_core.tables import arrow
from ml_core.tables.batches import check_width
from ml_core.tables.columns import (
    BOOLEAN,
    DURATION,
    LISTS,
    OTHER,
    Column,
    Dataset,
    date_column,
    list_column,
    number_column,
    text_column,
)
from ml_core.tables.options import ColumnOptions
from ml_core.tables.readers import NPY, ReadRequest
from ml_core.tables.typed import as_said, integer_column, typed_rule
from ml_core.tables.words import WordColumn, word_column

_MICROSECONDS_A_DAY = 86_400e6

# Records × steps, or × numbers of a step too.
_AXES_OF_LISTS = (2, 3)
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
    request.check_names(named)
    places = [place for place, name in enumerate(named) if request.wanted(name)]
    request.check(len(array), len(places))
    shown = array[: request.most_rows]
    columns: list[Column] = []
    warnings: list[str] = []
    for place in places:
        name = named[place]
        options = ColumnOptions.of(request.options, name, text=False)
        values = shown[name] if array.dtype.names else shown[:, place]
        if name in request.texts and values.dtype.kind == "U" and values.ndim == 1:
            columns.append(_texts(name, values, request))
            continue
        keys = request.key_cells(name) if values.dtype.kind == "U" and values.ndim == 1 else None
        if keys is not None:
            words, codes = np.unique(values, return_inverse=True)
            _check_text(name, words)
            keys.add(codes.astype(np.int32), words.tolist())
            columns.append(keys.column())
            continue
        if name in request.lists and _are_steps(values):
            columns.append(_lists(name, values, request))
            continue
        columns.append(as_said(_column(name, values, options, warnings), options))
    return Dataset(tuple(columns), len(shown), NPY, tuple(warnings), len(shown) == len(array))


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


def _column(name: str, values: Any, options: ColumnOptions, warnings: list[str]) -> Column:  # noqa: ANN401 - an array of any type
    kind, rule = values.dtype.kind, typed_rule(options)
    if kind == "U" and values.ndim == 1:
        read = _words(name, values, options)
        made = read.column()
        warnings += read.warnings
        return made
    maker = _MAKERS.get(kind) if values.ndim == 1 else None
    if maker is not None:
        return maker(name, values, options)
    if kind == "b" and values.ndim == 1:
        return Column(name, BOOLEAN, values.astype(np.float64), (), rule)
    other = DURATION if kind == "m" else LISTS if _are_steps(values) else OTHER
    return Column(name, other, np.zeros(len(values), np.int32))


def _are_steps(values: Any) -> bool:  # noqa: ANN401 - an array of any type
    """Whether each record has a list of steps, each a number or as many numbers."""
    return values.ndim in _AXES_OF_LISTS and values.dtype.kind in "iuf" and 0 not in values.shape


def _lists(name: str, values: Any, request: ReadRequest) -> Column:  # noqa: ANN401 - an array of numbers
    cells = request.list_cells(name)
    rows, length, *width = values.shape
    cells.add(values.astype(np.float64).reshape(-1), np.full(rows, length, np.int64), *width)
    return list_column(name, cells.take())


def _texts(name: str, values: Any, request: ReadRequest) -> Column:  # noqa: ANN401 - an array of strings
    _check_text(name, values)
    cells = request.text_cells(name)
    cells.add(values.tolist())
    return text_column(name, cells.take(), cells.missing_words)


def _integers(name: str, values: Any, options: ColumnOptions) -> Column:  # noqa: ANN401 - an array of integers
    return integer_column(name, values, None, options)


def _floats(name: str, values: Any, options: ColumnOptions) -> Column:  # noqa: ANN401 - an array of numbers
    return number_column(name, values.astype(np.float64), typed_rule(options))


def _words(name: str, values: Any, options: ColumnOptions) -> WordColumn:  # noqa: ANN401 - an array of strings
    words, codes = np.unique(values, return_inverse=True)
    _check_text(name, words)
    strings = arrow.taken(Array(list(map(str, words)), arrow.STRING), codes.astype(np.int64))
    return word_column(name, [strings], options)


def _dates(name: str, values: Any, options: ColumnOptions) -> Column:  # noqa: ANN401 - an array of dates
    with arrow.engine(f"the dates of column {shown(name)} cannot be read"):
        micros = values.astype("datetime64[us]").astype(np.int64)
    days = np.where(np.isnat(values), np.nan, micros / _MICROSECONDS_A_DAY)
    return date_column(name, days, typed_rule(options))


def _check_text(name: str, words: Any) -> None:  # noqa: ANN401 - an array of strings
    """Refuse what is no character: numpy would end the process when it made a string of it."""
    native = np.ascontiguousarray(words.astype(words.dtype.newbyteorder("=")))
    characters = native.view(np.uint32)
    if (
        (characters > _LAST_CHARACTER) | ((characters >= _SURROGATES[0]) & (characters <= _SURROGATES[1]))
    ).any():
        raise MalformedInput(f"column '{name}' holds words with characters that Unicode does not have")


_MAKERS: dict[str, Callable[[str, Any, ColumnOptions], Column]] = {
    "i": _integers,
    "u": _integers,
    "f": _floats,
    "M": _dates,
}
