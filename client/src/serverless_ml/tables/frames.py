"""Data frames of pandas, polars, pyarrow, modin and others, through narwhals."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from serverless_ml.tables import cells
from serverless_ml.tables.columns import Column, Table, different
from serverless_ml.tables.refusing import column_path, refuse

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

# What no cell of a column can be sent as, by narwhals' name of its type, and what to do.
_REFUSED = {"Duration": cells.DURATIONS, "Time": cells.TIMES, "Binary": cells.BYTES}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what has a zone is in UTC there
# What a library's names begin with, in which rows are columns or series.
_LAZY = {"LazyFrame": ".collect()", "DuckDBPyRelation": ".arrow()"}


def frame_of(X: Any) -> "nw.DataFrame[Any] | nw.Series[Any] | None":
    """A data frame or a column of one, for narwhals; None where it is neither. Raises `InvalidInput`."""
    if not _may_be_frame(X):
        return None
    X = _in_arrow(X)
    _check_names(X)
    import narwhals.stable.v2 as nw

    found: Any = nw.from_native(X, pass_through=True, allow_series=True)
    if isinstance(found, nw.LazyFrame):
        how = _LAZY.get(type(X).__name__, ".compute()")
        refuse(f"a {type(X).__name__} has no rows yet; X{how} reads them")
    return found if isinstance(found, nw.DataFrame | nw.Series) else None


def _may_be_frame(X: Any) -> bool:
    """Whether it is worth asking narwhals, whose import takes a moment."""
    if isinstance(X, list | tuple | dict | str | bytes):
        return False
    return type(X).__module__.partition(".")[0] not in ("numpy", "builtins", "scipy")


def _in_arrow(X: Any) -> Any:
    """An array, a batch or a stream of Arrow's as what narwhals knows; anything else as it is."""
    pa = sys.modules.get("pyarrow")
    if pa is not None and isinstance(X, pa.Array):
        return pa.chunked_array([X])
    if pa is not None and isinstance(X, pa.RecordBatch):
        return pa.Table.from_batches([X])
    return X


def _check_names(X: Any) -> None:
    """Raise `InvalidInput` for a frame whose columns cannot be told apart by their names."""
    if type(X).__name__ in _LAZY:
        return  # it would have to be asked for them
    columns = getattr(X, "columns", None)
    if columns is None or callable(columns):
        return
    if getattr(columns, "nlevels", 1) > 1:
        refuse(
            'its columns have names of several levels; X.columns = ["_".join(map(str, c)) for c in X.columns]'
        )
    names = getattr(X, "column_names", None) or list(columns)  # pyarrow's columns are the columns themselves
    different([str(name) for name in names])


def read_frame(frame: "nw.DataFrame[Any] | nw.Series[Any]", native: Any) -> Table:
    """The table of a frame; a column is a table of one. Raises `InvalidInput`."""
    import narwhals.stable.v2 as nw

    if isinstance(frame, nw.Series):
        name = str(frame.name) if frame.name not in (None, "") else "x0"
        return Table(native, [_column(name, frame)], len(frame), named=frame.name not in (None, ""))
    # A name that is a number would be taken for a row's.
    each = zip(frame.columns, frame.iter_columns(), strict=True)
    fields = [_column(str(name), series) for name, series in each]
    return Table(native, fields, len(frame), named=True, training_notes=_notes(native, frame.columns))


def _notes(native: Any, names: Sequence[Any]) -> list[str]:
    notes = []
    numbered = [name for name in names if not isinstance(name, str)]
    if numbered:
        notes.append(f"names of columns are texts: {numbered[0]!r} is sent as {str(numbered[0])!r}")
    index = getattr(native, "index", None)
    called = [str(name) for name in getattr(index, "names", ()) if name is not None]
    if called:
        notes.append(
            f"the frame's index ({', '.join(called)}) is not sent; X.reset_index() makes it a column"
        )
    return notes


def _column(name: str, series: Any) -> Column:
    kind = type(series.dtype).__name__
    if kind in _REFUSED:
        refuse(_REFUSED[kind] + "; or leave the column out", column_path(name))
    native = series.to_native()
    if kind in ("Categorical", "Enum"):
        return Column(name, _categories(native) or _cells(series), categorical=True)
    if str(getattr(native, "dtype", "")).startswith("period["):
        refuse(cells.PERIODS + "; or leave the column out", column_path(name))
    if kind == "Datetime" and series.implementation.is_pyarrow():
        return Column(name, _arrow_instants(native))
    return Column(name, _cells(series))


def _cells(series: Any) -> Callable[[int, int], Sequence[Any]]:
    return lambda start, stop: series[start:stop].to_list()


def _categories(native: Any) -> Callable[[int, int], Sequence[Any]] | None:
    """The cells of pandas' categories, which themselves make floats of whole numbers where one is missing."""
    accessor: Any = getattr(native, "cat", None)
    if not hasattr(accessor, "codes"):
        return None
    codes, categories = accessor.codes, [*accessor.categories, None]
    # The code of a missing value, -1, finds the last.
    return lambda start, stop: [categories[code] for code in codes.iloc[start:stop].to_list()]


def _arrow_instants(native: Any) -> Callable[[int, int], Sequence[Any]]:
    """Times of pyarrow, which itself makes no Python's of those in nanoseconds without pandas."""
    import pyarrow as pa

    unit = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}[native.type.unit]

    def instant(count: int | None) -> datetime | None:
        if count is None:
            return None
        try:
            return _EPOCH + timedelta(microseconds=count * unit if unit else count // 1_000)
        except OverflowError:
            raise cells.NotTakenError("dates are taken from the year 1 to the year 9999") from None

    def take(start: int, stop: int) -> list[datetime | None]:
        counts = native.slice(start, stop - start).cast(pa.int64()).to_pylist()
        return cells.each_of(counts, instant)

    return take
