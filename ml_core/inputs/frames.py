"""What a notebook holds (lists, arrays, data frames) as checked rows and labels."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml_core.errors import InvalidInput
from ml_core.inputs.instances import rows_from_json
from ml_core.inputs.rows import Limits, Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A caller within the same process may use all of its memory.
NO_LIMITS = Limits(*[sys.maxsize] * len(Limits._fields))


def feature_names(X: Any) -> list[str]:  # noqa: ANN401 - whatever a notebook holds
    """A data frame's column names, the members of a first row that is an object, else x0, x1 and so on."""
    if hasattr(X, "columns"):
        return [str(column) for column in X.columns]
    first = next(iter(X), ())
    if isinstance(first, dict):
        return list(first)
    width = X.shape[-1] if hasattr(X, "shape") else len(first)
    return [f"x{column}" for column in range(width)]


def rows_of(X: Any, features: Sequence[str], *, expecting: str = "the model") -> Rows:  # noqa: ANN401
    """The rows of X. The columns of a data frame may come in any order. Raises `InvalidInput`."""
    if hasattr(X, "columns"):
        named = dict(zip(feature_names(X), range(len(X.columns)), strict=False))
        missing = [name for name in features if name not in named]
        if missing:
            raise InvalidInput.at("X", f"{expecting} expects the columns {', '.join(missing)}")
        return _packed(_matrix(X)[:, [named[name] for name in features]], features, expecting)
    if hasattr(X, "__array__"):
        return _packed(_matrix(X), features, expecting)
    if hasattr(X, "toarray"):
        raise InvalidInput.at("X", "expected every number, got a sparse matrix; X.toarray() has them all")
    rows = [row if isinstance(row, dict) else listed(row) for row in X]
    return rows_from_json(rows, features=features, limits=NO_LIMITS, where="X", expecting=expecting)


def has_gaps_or_words(X: Any) -> bool:  # noqa: ANN401
    """Whether X holds more than numbers: words, truth values or missing values."""
    if hasattr(X, "columns"):
        import numpy as np

        array = np.asarray(X)
        return array.dtype.kind not in "fiu" or bool(np.isnan(array).any())
    if hasattr(X, "__array__") or hasattr(X, "toarray"):
        return False  # an array has one type for all columns: anything but finite numbers is a mistake
    return any(type(value) not in (int, float) or value != value for row in X for value in _row_values(row))  # noqa: PLR0124


def _row_values(row: Any) -> list[Any]:  # noqa: ANN401
    return list(row.values()) if isinstance(row, dict) else listed(row)


def plain_rows(X: Any, features: Sequence[str]) -> list[Any]:  # noqa: ANN401
    """The rows as JSON would have them: Python's own types, None for a missing value."""
    if hasattr(X, "columns"):
        columns = [listed(X[name]) for name in X.columns if str(name) in set(features)]
        names = [str(name) for name in X.columns if str(name) in set(features)]
        return [dict(zip(names, map(_plain, row), strict=True)) for row in zip(*columns, strict=True)]
    return [
        {name: _plain(value) for name, value in row.items()}
        if isinstance(row, dict)
        else [_plain(value) for value in listed(row)]
        for row in X
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401
    """None for what data frames mark as missing."""
    missing = isinstance(value, float) and value != value  # noqa: PLR0124
    return None if missing or type(value).__name__ in ("NAType", "NaTType") else value


def listed(values: Any) -> list[Any]:  # noqa: ANN401
    """A sequence as a list of Python's own types: numpy's scalars are no `int` and no `float`."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    return [python_value(value) for value in values]


def python_value(value: Any) -> Any:  # noqa: ANN401
    """A scalar of numpy's as Python's own; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _matrix(X: Any) -> "NDArray[np.float64]":  # noqa: ANN401
    import numpy as np

    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InvalidInput.at(
            "X", f"expected rows × features of numbers, got {array.ndim} axes of {array.dtype}"
        )
    return array.astype("<f8")


def _packed(array: "NDArray[np.float64]", features: Sequence[str], expecting: str) -> Rows:
    import numpy as np

    if array.shape[1] != len(features):
        raise InvalidInput.at("X", f"{expecting} expects {len(features)} features, X has {array.shape[1]}")
    if not len(array):
        raise InvalidInput.at("X", "expected at least one row")
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        raise InvalidInput.at(f"X[{wrong[0][0]}][{wrong[0][1]}]", "expected a finite number")
    return Rows(np.ascontiguousarray(array).tobytes(), len(features), "X")
