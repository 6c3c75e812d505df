"""What the columns of a training are: the kind of all values of each, and what has to be said besides."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from serverless_ml.tables.columns import Column, Table, names_listed
from serverless_ml.tables.refusing import column_path, refuse

_ROWS = 1 << 16
_LEAST, _MOST, _MOST_UNSIGNED = -(2**63), 2**63 - 1, 2**64 - 1
_TARGET = "target"


class ColumnKind(NamedTuple):
    """What a column is in a file.

    Args:
        arrow: Arrow's type of its values; None where no type has all of them.
        said: what `types` of the training has to say that it is; empty for nothing.
        told: whether the values alone would have been taken for something else.
    """

    arrow: str | None
    said: str = ""
    told: bool = False

    def stored(self, values: list[Any]) -> list[Any]:
        """The values as that type takes them."""
        if self.arrow == "double":
            return [None if value is None else float(value) for value in values]
        return values


def kind_of(field: Column, rows: int, *, is_target: bool) -> ColumnKind:
    """What a column is, after a look at each value. Raises `InvalidInput` for one that cannot be sent."""
    kinds: set[type] = set()
    least = most = 0
    steps: set[str] = set()
    for start in range(0, rows, _ROWS):
        values = field.values(start, min(rows, start + _ROWS))
        found = set(map(type, values))
        kinds |= found
        if int in found:
            whole = [value for value in values if type(value) is int]
            least, most = min(least, *whole, 0), max(most, *whole, 0)
        if list in found:
            steps |= {_step_type(value, field.name, row) for row, value in enumerate(values, start) if value}
    kinds.discard(type(None))
    arrow = _arrow_of(kinds, least, most, steps)
    said = _said(field, kinds, is_target=is_target)
    return ColumnKind(arrow, said, told=bool(said) and kinds != {str})


def _arrow_of(kinds: set[type], least: int, most: int, steps: set[str]) -> str | None:
    if not kinds:
        return "null"
    if kinds == {int}:
        return _whole_type(least, most)
    if kinds == {int, float}:
        return "double" if _whole_type(least, most) == "int64" else None
    if kinds == {list}:
        return f"list<{next(iter(steps), 'double')}>" if len(steps) < 2 else None
    return {float: "double", bool: "bool", str: "string"}.get(next(iter(kinds))) if len(kinds) == 1 else None


def _whole_type(least: int, most: int) -> str | None:
    if least >= _LEAST and most <= _MOST:
        return "int64"
    return "uint64" if least >= 0 and most <= _MOST_UNSIGNED else None


def _step_type(value: list[Any], name: str, row: int) -> str:
    """Arrow's type of the steps of a list: numbers, or lists of numbers."""
    kinds = {type(step) for step in value} - {type(None)}
    if kinds <= {int, float}:
        return "double"
    if kinds == {list} and all(type(number) in (int, float) for step in value for number in step):
        return "list<double>"
    return refuse("a list is one of numbers, or of lists of numbers", column_path(name, row))


def _said(field: Column, kinds: set[type], *, is_target: bool) -> str:
    """What the values do not show.

    A label is of the kind that it has here: words stay words. Truth values and dates that a frame calls
    categories stay what they are.
    """
    if is_target:
        return "category" if kinds == {str} else ""
    if field.categorical and kinds and kinds <= {int, float, str} and not _are_dates(field):
        return "category"
    return ""


def _are_dates(field: Column) -> bool:
    """Whether the categories are dates, which are written as texts."""
    return any(hasattr(value, "isoformat") for value in field.take(0, 1))


def with_target(table: Table, target: str | None, targets: Any) -> tuple[Table, str | None, dict[str, Any]]:
    """The table with its labels as a column, the column's name, and nothing else to say of it."""
    if targets is None:
        if target is not None and target not in [field.name for field in table.fields]:
            refuse(
                f"there is no column {target!r} to predict; there are {names_listed(table.fields)}", "target"
            )
        return table, target, {}
    field, rows, notes = labels_beside(targets, table.native)
    if rows != table.rows:
        refuse(f"expected a label for each row, got {rows} labels for {table.rows} rows", "targets")
    name = free_name(target or field.name, [each.name for each in table.fields])
    added = field._replace(name=name)
    return table.of_fields((*table.fields, added), told=notes), name, {}


def labels_beside(targets: Any, rows: Any) -> tuple[Column, int, Sequence[str]]:
    """Labels as a column, how many there are, and what is to be told. Raises `InvalidInput`."""
    from serverless_ml.tables.arrays import array_of, is_array
    from serverless_ml.tables.frames import frame_of, read_frame

    frame = frame_of(targets)
    if frame is not None:
        table = read_frame(frame, targets)
        if len(table.fields) != 1:
            refuse(f"expected one column of labels, got {len(table.fields)}", "targets")
        field = table.fields[0] if table.named else table.fields[0]._replace(name=_TARGET)
        return field._replace(categorical=False), table.rows, _other_index(targets, rows)
    values: Any = targets
    if is_array(targets):
        array = array_of(targets)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            refuse(f"expected labels in one axis, got {array.ndim} axes", "targets")
        values = array
        return Column(_TARGET, _sliced(values)), len(values), ()
    values = list(targets)
    return Column(_TARGET, lambda start, stop: values[start:stop]), len(values), ()


def _sliced(values: Any) -> Callable[[int, int], list[Any]]:
    return lambda start, stop: values[start:stop].tolist()


def _other_index(labels: Any, rows: Any) -> Sequence[str]:
    """What is to be told where labels and rows have indexes that differ: only their order counts."""
    ours: Any = getattr(labels, "index", None)
    theirs: Any = getattr(rows, "index", None)
    if not hasattr(ours, "equals") or not hasattr(theirs, "equals") or ours.equals(theirs):
        return ()
    return ("the labels' index is another than that of the rows; labels belong to rows by their order",)


def free_name(name: str, taken: Sequence[str]) -> str:
    """A name that no column has yet."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
