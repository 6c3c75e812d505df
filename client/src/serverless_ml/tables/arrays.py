"""Arrays of numpy, and of what makes itself one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from serverless_ml.tables import cells
from serverless_ml.tables.columns import Column, Table, different
from serverless_ml.tables.refusing import WHERE, refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REFUSED = {"m": cells.DURATIONS, "c": cells.COMPLEX, "V": "records are taken in one axis", "S": cells.BYTES}


def is_array(X: Any) -> bool:
    """Whether it is an array, or a tensor that can be one without being a frame."""
    return (
        hasattr(X, "__array__") and hasattr(X, "ndim") and hasattr(X, "shape") and not hasattr(X, "columns")
    )


def array_of(X: Any) -> "NDArray[Any]":
    """It as an array of numpy's; masks stay. Raises `InvalidInput`."""
    import numpy as np

    array = X if isinstance(X, np.ndarray) else np.asarray(X)
    kind = array.dtype.kind
    if kind in _REFUSED and array.dtype.names is None:
        refuse(_REFUSED[kind])
    return array


def read_array(array: "NDArray[Any]", native: Any, names: Sequence[str] | None) -> Table:
    """The table of an array of rows × columns, or of records. Raises `InvalidInput`."""
    if array.dtype.names is not None:
        return _records(array, native)
    if array.ndim != 2:  # rows × columns
        if array.ndim == 1:
            refuse(
                f"expected rows × columns, got {len(array)} values in one axis; X.reshape(1, -1) is one row, "
                "X.reshape(-1, 1) one column"
            )
        refuse(f"expected rows × columns, got {array.ndim} axes")
    width = array.shape[1]
    called = named_or_counted(names, width)
    fields = [Column(name, _taken(array, place)) for place, name in enumerate(called)]
    return Table(native, fields, len(array), named=names is not None)


def named_or_counted(names: Sequence[str] | None, width: int) -> list[str]:
    """The names that columns were given, or x0, x1 and so on. Raises `InvalidInput`."""
    if not width:
        refuse("expected at least one column, got none")
    if names is None:
        return [f"x{place}" for place in range(width)]
    if len(names) != width:
        refuse(f"expected a name for each column, got {len(names)} names for {width} columns", "names")
    called = [str(name) for name in names]
    different(called)
    return called


def _taken(array: "NDArray[Any]", place: int) -> Any:
    return lambda start, stop: _listed(array[start:stop, place])


def _listed(values: "NDArray[Any]") -> list[Any]:
    """An array of one axis as Python's values, or what of numpy's has none."""
    if values.dtype.kind in "mM" or (values.dtype.itemsize > 8 and values.dtype.kind == "f"):
        return list(values)
    listed: list[Any] = values.tolist()
    return listed


def _records(array: "NDArray[Any]", native: Any) -> Table:
    if array.ndim != 1:
        refuse(f"expected records in one axis, got {array.ndim}")
    names = array.dtype.names or ()
    different(names)
    for name in names:
        kind = array.dtype[name].kind
        if kind in _REFUSED:
            refuse(_REFUSED[kind], f"{WHERE}[{name!r}]")
    fields = [Column(name, _field(array, name)) for name in names]
    return Table(native, fields, len(array), named=True)


def _field(array: "NDArray[Any]", name: str) -> Any:
    return lambda start, stop: _listed(array[name][start:stop])
