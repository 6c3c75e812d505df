"""What a person holds, as a table: frames, arrays, lists and dicts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from serverless_ml.tables.arrays import array_of, is_array, named_or_counted, read_array
from serverless_ml.tables.columns import Column, Table, different
from serverless_ml.tables.frames import frame_of, read_frame
from serverless_ml.tables.instances import Instances, instances_of_array, instances_of_list, texts_of
from serverless_ml.tables.refusing import refuse

_AXES = 2


def read(
    X: Any,
    *,
    names: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> Table | Instances:
    """What a person holds, as the service takes it.

    Args:
        X: a frame or a column of pandas, polars, pyarrow and others, an array, a dict of columns, a list of
            dicts, a list of lists; pictures, sequences and texts as arrays and lists. A dict of single values
            is one row.
        names: the names of the columns, where X has none of its own.
        only: the columns to take, in this order; None for all.
        without: columns to leave out.

    Raises:
        InvalidInput: something in it cannot be sent; the message says where, and what to do.
    """
    found = _read(X, names)
    if isinstance(found, Table):
        return found.taken(only, without)
    if only is not None or without:
        refuse("pictures, sequences and texts have no columns to choose")
    return found


def _read(X: Any, names: Sequence[str] | None) -> Table | Instances:
    if hasattr(X, "to_native"):  # narwhals' own
        X = X.to_native()
    if hasattr(X, "toarray"):
        refuse("a sparse matrix is not taken; X.toarray() has every number")
    if isinstance(X, str | bytes):
        refuse(f"expected rows, got {type(X).__name__}")
    if isinstance(X, Mapping):
        return _of_mapping(X)
    frame = frame_of(X)
    if frame is not None:
        table = read_frame(frame, X)
        return texts_of(table) or table
    if is_array(X):
        array = array_of(X)
        return instances_of_array(array, X) or read_array(array, X, names)
    if not isinstance(X, Iterable):
        refuse(f"expected rows, got {type(X).__name__}")
    rows = X if isinstance(X, list | tuple) else list(X)
    if rows and all(isinstance(row, Mapping) for row in rows):
        return _of_records(rows, X)
    return instances_of_list(rows, X) or _of_rows(rows, X, names)


def _of_mapping(X: Mapping[Any, Any]) -> Table:
    """A dict of columns, or one row."""
    names = [str(name) for name in X]
    different(names)
    if not names:
        refuse("expected at least one column, got none")
    if not any(_is_column(values) for values in X.values()):
        return Table(X, [_listed(name, [value]) for name, value in zip(names, X.values(), strict=True)], 1,
                     named=True, is_one=True)  # fmt: skip
    fields, lengths = [], {}
    for name, values in zip(names, X.values(), strict=True):
        if not _is_column(values):
            refuse(f"expected a list of values, got {type(values).__name__}", f"X[{name!r}]")
        fields.append(_of_column(name, values))
        lengths[name] = len(values)
    first = names[0]
    for name, length in lengths.items():
        if length != lengths[first]:
            refuse(f"has {length} values, and {first!r} has {lengths[first]}", f"X[{name!r}]")
    return Table(X, fields, lengths[first], named=True)


def _is_column(values: object) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | bytes | Mapping)


def _of_column(name: str, values: Any) -> Column:
    """A column of a dict: a list, an array or a frame's column."""
    frame = frame_of(values)
    if frame is not None:
        (field,) = read_frame(frame, values).fields
        return field._replace(name=name)
    if is_array(values):
        array = array_of(values)
        if array.ndim == 1:
            (field,) = read_array(array.reshape(-1, 1), values, [name]).fields
            return field
    return _listed(name, list(values))


def _listed(name: str, values: list[Any]) -> Column:
    return Column(name, lambda start, stop: values[start:stop])


def _of_records(rows: Sequence[Mapping[Any, Any]], native: Any) -> Table:
    """Rows as objects, all of the same members."""
    keys = list(rows[0])
    names = [str(key) for key in keys]
    different(names)
    members = set(keys)
    for place, row in enumerate(rows):
        if row.keys() != members:
            lacks = [key for key in keys if key not in row]
            which = (
                f"lacks {lacks[0]!r}"
                if lacks
                else f"has {next(k for k in row if k not in members)!r} besides"
            )
            refuse(f"{which}, unlike the first row; write None for a value that is missing", f"X[{place}]")
    fields = [Column(name, _members(rows, key)) for name, key in zip(names, keys, strict=True)]
    if not fields:
        refuse("expected at least one column, got none")
    return Table(native, fields, len(rows), named=True)


def _members(rows: Sequence[Mapping[Any, Any]], key: Any) -> Any:
    return lambda start, stop: [row[key] for row in rows[start:stop]]


def _of_rows(rows: Sequence[Any], native: Any, names: Sequence[str] | None) -> Table:
    """Rows as lists, all as long as the first."""
    if not rows:
        refuse("expected at least one row, got none")
    for place, row in enumerate(rows):
        if not isinstance(row, list | tuple) and not is_array(row):
            refuse(
                f"expected a list of values, got {type(row).__name__}; one row is a list in a list",
                f"X[{place}]",
            )
    called = named_or_counted(names, len(rows[0]))
    fields = [Column(name, _places(rows, place)) for place, name in enumerate(called)]
    return Table(native, fields, len(rows), named=names is not None)


def _places(rows: Sequence[Any], place: int) -> Any:
    return lambda start, stop: [row[place] for row in rows[start:stop]]
