"""Rows of a file as a fitted object takes them, and as its graph does."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serverless_ml.errors import Fault, InvalidInput, NotInstalled
from serverless_ml.graphs.fitted import XGBOOST, FittedObject

if TYPE_CHECKING:
    from serverless_ml._core.onnx.scan import ScannedGraph

type Columns = list[list[Any]]
"""Of each column its values, numbers or texts."""

_NONE = frozenset(("", "na", "n/a", "nan", "null", "none"))
_TRUTH = {"true": 1.0, "false": 0.0}
_NUMPY = {
    "FP64": "float64", "FP32": "float32", "FP16": "float16", "BYTES": "object", "BOOL": "bool",
    "INT64": "int64", "INT32": "int32", "INT16": "int16", "INT8": "int8",
    "UINT64": "uint64", "UINT32": "uint32", "UINT16": "uint16", "UINT8": "uint8",
}  # fmt: skip
_MOST_FAULTS = 20


def names_in(header: Sequence[str], width: int, wanted: Sequence[Sequence[str] | None]) -> list[str]:
    """Which columns of a file are those of the model.

    Args:
        header: the file's columns.
        width: how many the model takes.
        wanted: what they may be called, best first; None where there are no such names.

    Raises `InvalidInput`.
    """
    # LightGBM writes `_` where a name has a space.
    written = {name.replace(" ", "_"): name for name in header} | {name: name for name in header}
    for names in wanted:
        if names is not None and set(names) <= {*written}:
            return [written[name] for name in names]
    known = next((names for names in wanted if names is not None), None)
    if known is not None:
        missing = [name for name in known if name not in header]
        raise InvalidInput(
            f"expected rows with the columns {', '.join(known)}, there is no {', '.join(missing[:5])}"
        )
    if len(header) != width:
        raise InvalidInput(
            f"expected rows of {width} columns, as the model was fitted to, got {len(header)}: name those of "
            "the model with --features"
        )
    return list(header)


def columns_of(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], words: Mapping[int, str] | Sequence[int]
) -> Columns:
    """The columns of rows as a file has them. Raises `InvalidInput` for what is no number."""
    faults: list[Fault] = []
    columns: Columns = []
    for place, name in enumerate(names):
        given = [row.get(name) for row in rows]
        if place in words:
            columns.append(["" if value is None else str(value) for value in given])
        else:
            columns.append([_number(value, f"row {at}, {name}", faults) for at, value in enumerate(given, 1)])
    if faults:
        raise InvalidInput("these are no rows of the model", faults=faults[:_MOST_FAULTS])
    return columns


def _number(value: Any, path: str, faults: list[Fault]) -> float:
    text = str(value).strip() if value is not None else ""
    if text.lower() in _NONE:
        return float("nan")
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    try:
        return float(text)
    except ValueError:
        faults.append(Fault(path, f"expected a number, got {text[:40]!r}"))
        return float("nan")


def example_of(fitted: FittedObject) -> Columns:
    """A row that the object can read: zeros, and words that it knows."""
    return [[fitted.words.get(place, 0.0)] for place in range(fitted.width)]


def original_of(fitted: FittedObject, columns: Columns) -> Any:
    """The rows as the object takes them: a frame where it knows its columns by name, else an array.

    Raises `NotInstalled` where that takes pandas.
    """
    import numpy as np

    if fitted.library == XGBOOST and not hasattr(fitted.estimator, "get_booster"):
        import xgboost

        names = None if fitted.names is None else list(fitted.names)
        return xgboost.DMatrix(np.array(columns, float).T, feature_names=names)
    if fitted.names is not None and fitted.by_column:
        try:
            import pandas as pd
        except ImportError:
            raise NotInstalled(
                "to compare answers takes pandas, which is not installed: the model takes data frames"
            ) from None
        return pd.DataFrame(dict(zip(fitted.names, columns, strict=True)))
    if len(fitted.words) == fitted.width == 1 and not hasattr(fitted.estimator, "n_features_in_"):
        return columns[0]
    rows = np.array(columns, object if fitted.words else float).T
    return np.ascontiguousarray(rows)


def feed_of(scanned: "ScannedGraph", columns: Columns) -> dict[str, Any]:
    """The rows as a graph takes them. Raises `InvalidInput` where it does not take rows."""
    import numpy as np

    inputs = scanned.inputs
    if len(inputs) == 1:
        only = inputs[0]
        array = np.array(columns, _NUMPY[only.datatype]).T
        return {only.name: np.ascontiguousarray(array)}
    if len(inputs) != len(columns):
        raise InvalidInput(f"expected rows of {len(inputs)} columns, got {len(columns)}")
    return {
        port.name: np.array(values, _NUMPY[port.datatype]).reshape(
            (-1, 1) if port.shape is None or len(port.shape) > 1 else -1
        )
        for port, values in zip(inputs, columns, strict=True)
    }


def frame_or_array_of(fitted: FittedObject, columns: Columns) -> Any:
    """The rows as something that tells their columns' names, where the object knows names."""
    if fitted.names is None:
        return original_of(fitted, columns)
    try:
        import pandas as pd
    except ImportError:
        return original_of(fitted, columns)
    return pd.DataFrame(dict(zip(fitted.names, columns, strict=True)))
