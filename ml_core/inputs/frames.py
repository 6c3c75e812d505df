"""What a notebook holds (lists, arrays, data frames) as checked rows and labels."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ml_core.errors import InvalidInput, member, shown
from ml_core.inputs.by_column import Columns, packed_columns
from ml_core.inputs.columns import CATEGORY, DATE, Feature
from ml_core.inputs.rows import Limits, Rows
from ml_core.inputs.scalars import (
    NotTaken,
    each_of,
    is_date,
    is_missing,
    json_value,
    json_values,
    kind_of_dtype,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A caller within the same process may use all of its memory.
NO_LIMITS = Limits(*[sys.maxsize] * len(Limits._fields))
_NUMBERS = ("f", "i", "u")  # what numpy's kinds of numbers are called


def feature_names(X: Any) -> list[str]:  # noqa: ANN401 - whatever a notebook holds
    """A data frame's column names, the members of a first row that is an object, else x0, x1 and so on."""
    if hasattr(X, "columns"):
        return [str(column) for column in X.columns]
    first = next(iter(X), ())
    if isinstance(first, dict):
        return list(first)
    if not hasattr(first, "__len__") or isinstance(first, str):
        raise InvalidInput.at("X", f"expected rows × features, got {shown(first)} for a row")
    width = X.shape[-1] if hasattr(X, "shape") else len(first)
    return [f"x{column}" for column in range(width)]


def number_rows(X: Any, features: Sequence[str], *, expecting: str = "the model") -> Rows | None:  # noqa: ANN401
    """The rows of an array of numbers, or of a data frame's columns that are numbers without gaps; else None.

    Nothing is made of each number on its own. Raises `InvalidInput`.
    """
    if hasattr(X, "columns"):
        arrays = [_numbers(column) for column in _columns(X, features, expecting)]
        found = [array for array in arrays if array is not None]
        if len(found) < len(arrays):
            return None
        import numpy as np

        return _packed(np.column_stack(found), lambda row, place: member(f"X[{row}]", features[place]))
    if not hasattr(X, "__array__"):
        return None
    import numpy as np

    array = np.asarray(X)
    if array.ndim != 2:
        raise InvalidInput.at("X", f"expected rows × features, got {array.ndim} axes of {array.dtype}")
    if array.dtype.kind not in _NUMBERS:
        return None
    if array.shape[1] != len(features):
        raise InvalidInput.at("X", f"{expecting} expects {len(features)} features, X has {array.shape[1]}")
    return _packed(array, lambda row, place: f"X[{row}][{place}]")


def frame_rows(X: Any, features: Sequence[Feature], *, gaps: bool) -> Rows:  # noqa: ANN401
    """The rows of a data frame, whose columns may come in any order; other columns are left alone.

    Without `gaps` every feature is a number in every row. Raises `InvalidInput`.
    """
    return packed_columns(*frame_columns(X, features), gaps=gaps)


def frame_columns(X: Any, features: Sequence[Feature]) -> Columns:  # noqa: ANN401
    """The columns of a data frame in the order of the features. Raises `InvalidInput`."""
    names = [feature.name for feature in features]
    columns = _columns(X, names, "the model")
    read = (
        # Words that spell numbers or truth values are looked for by these: a frame writes them otherwise.
        _json_column(column, feature.name, words=feature.kind == CATEGORY and not feature.rule.word_kind)
        for column, feature in zip(columns, features, strict=True)
    )
    return Columns(features, read, lambda place, row: member(f"X[{row}]", names[place]), "X")


def training_rows(X: Any, features: Sequence[str]) -> tuple[list[Any], dict[str, str]]:  # noqa: ANN401
    """The rows as JSON would have them, and the kinds of those columns that do not show there.

    These are dates, and what a data frame says are categories. Raises `InvalidInput`.
    """
    kinds: dict[str, str] = {}
    if not hasattr(X, "columns"):
        rows = plain_rows(X)
        for name, value in zip(features, _first_values(X, features), strict=False):
            if is_date(value):
                kinds[name] = DATE
        return rows, kinds
    read = []
    for name, column in zip(features, _columns(X, features, "this training"), strict=True):
        first = next((value for value in each_of(column) if not is_missing(value)), None)
        if kind_of_dtype(column) == "M" or is_date(first):
            kinds[name] = DATE
        elif _is_categorical(column) and not isinstance(first, bool):
            kinds[name] = CATEGORY
        read.append(_json_column(column, name, words=kinds.get(name) == CATEGORY))
    return [dict(zip(features, row, strict=True)) for row in zip(*read, strict=True)], kinds


def plain_rows(X: Any) -> list[Any]:  # noqa: ANN401
    """Rows that are no data frame's as JSON would have them: lists, or objects. Raises `InvalidInput`."""
    if hasattr(X, "toarray"):
        raise InvalidInput.at("X", "expected every number, got a sparse matrix; X.toarray() has them all")
    return list(_each_plain(X))


def _each_plain(X: Iterable[Any]) -> Iterator[Any]:
    for index, row in enumerate(X):
        try:
            if isinstance(row, dict):
                yield {name: json_value(value) for name, value in row.items()}
            else:
                yield json_values(row) if hasattr(row, "__iter__") and not isinstance(row, str) else row
        except NotTaken as reason:
            raise InvalidInput.at(f"X[{index}]", str(reason)) from None


def _first_values(X: Iterable[Any], features: Sequence[str]) -> list[Any]:
    """The first value of each column that is not missing."""
    first: list[Any] = [None] * len(features)
    for row in X:
        values = map(row.get, features) if isinstance(row, dict) else row
        for place, value in zip(range(len(first)), values, strict=False):
            if first[place] is None and not is_missing(value):
                first[place] = value
        if all(value is not None for value in first):
            break
    return first


def _columns(X: Any, features: Sequence[str], expecting: str) -> list[Any]:  # noqa: ANN401
    """A data frame's columns in the order of the features. Raises `InvalidInput`."""
    named: dict[str, Any] = {}
    wanted, twice = set(features), []
    for column in X.columns:
        name = str(column)
        if name in named and name in wanted:
            twice.append(name)
        named[name] = column
    missing = [name for name in features if name not in named]
    if missing:
        raise InvalidInput.at("X", f"{expecting} expects the columns {', '.join(missing)}")
    if twice:
        raise InvalidInput.at("X", f"{shown(twice[0])} is there more than once")
    columns = [X[named[name]] for name in features]
    if columns and not len(columns[0]):
        raise InvalidInput.at("X", "expected at least one row")
    return columns


def _is_categorical(column: Any) -> bool:  # noqa: ANN401
    return str(getattr(column, "dtype", "")) == "category"


def _json_column(column: Any, name: str, *, words: bool) -> list[Any]:  # noqa: ANN401
    """A column's values as JSON has them; with `words`, what its frame says are categories are texts."""
    try:
        if not (words and _is_categorical(column)):
            return json_values(column)
        return [None if is_missing(value) else str(value) for value in each_of(column)]
    except NotTaken as reason:
        raise InvalidInput.at(member("X", name), str(reason)) from None


def _numbers(column: Any) -> "NDArray[Any] | None":  # noqa: ANN401
    """A column as an array of numbers; None where it holds something else, or too little."""
    if _is_categorical(column) or kind_of_dtype(column) not in _NUMBERS:
        return None
    import numpy as np

    array = np.asarray(column)
    if array.dtype.kind not in _NUMBERS or (array.dtype.kind == "f" and np.isnan(array).any()):
        return None
    return array


def _packed(array: "NDArray[Any]", path: Callable[[int, int], str]) -> Rows:
    """An array of numbers as rows; `path` says where the number of a row and a column stands."""
    import numpy as np

    matrix = array.astype("<f8")
    if not len(matrix):
        raise InvalidInput.at("X", "expected at least one row")
    wrong = np.argwhere(~np.isfinite(matrix))
    if len(wrong):
        row, place = wrong[0].tolist()
        raise InvalidInput.at(path(row, place), "expected a finite number")
    return Rows(np.ascontiguousarray(matrix).tobytes(), matrix.shape[1], "X")


def labels_of(y: Any) -> list[Any]:  # noqa: ANN401
    """The labels of a list, an array, a column, or a frame of one. Raises `InvalidInput`."""
    if not hasattr(y, "columns"):
        return listed(y)
    if len(y.columns) != 1:
        raise InvalidInput.at("y", f"expected a label for each row, got {len(y.columns)} columns")
    return listed(y[y.columns[0]])


def listed(values: Any) -> list[Any]:  # noqa: ANN401
    """A sequence as a list of Python's own types: numpy's scalars are no `int` and no `float`."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    return [python_value(value) for value in values]


def python_value(value: Any) -> Any:  # noqa: ANN401
    """A scalar of numpy's as Python's own; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
