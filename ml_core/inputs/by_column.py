"""Rows that come column by column, or under names that stand once above them: put in order, and packed.

TensorFlow Serving's columnar form is `{"age": [31, 44], "plan": ["pro", null]}`; pandas' split form is
`{"columns": ["plan", "age"], "data": [["pro", 31], [null, 44]]}`. What is wrong is told with its path in that
form.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.errors import Fault, InvalidInput, TooLarge, member, raise_faults, shown
from ml_core.inputs.columns import Feature, read_column, wrong_values
from ml_core.inputs.instances import IGNORED, LEAVE_OUT, no_feature
from ml_core.inputs.rows import Limits, Rows
from ml_core.safetensors import pack

if TYPE_CHECKING:
    from ml_core.inputs.notes import Notes


class Columns(NamedTuple):
    """A list of values for each column that a model knows, all of one length.

    `features` say how they are read; `path` where the value of a column and a row stands, `where` what rows
    are counted in.
    """

    features: Sequence[Feature]
    values: Iterable[Sequence[Any]]
    path: Callable[[int, int], str]
    where: str


def packed_columns(
    features: Sequence[Feature],
    columns: Iterable[Sequence[Any]],
    path: Callable[[int, int], str],
    where: str,
    *,
    gaps: bool,
    notes: "Notes | None" = None,
) -> Rows:
    """The rows of features, of which each has a list of values in `columns`; all are as long.

    Without `gaps` a missing value is refused. `path` says where a feature's value of a row stands, `where` is
    what rows are counted in, and `notes` take what reading did. Raises `InvalidInput`.
    """
    read: list[list[Any]] = []

    def read_each() -> Iterator[Fault]:
        for place, (feature, values) in enumerate(zip(features, columns, strict=True)):
            read.append(read_column(feature, values))
            wrong = wrong_values(read[-1])
            yield from (Fault(path(place, row), message) for row, message in wrong)
            if not gaps:
                missing = (row for row, value in enumerate(values) if value is None)
                yield from (Fault(path(place, row), "expected a number, got null") for row in missing)
            if notes is not None:
                notes.look_at(feature, values, read[-1], partial(path, place))

    raise_faults(read_each())
    return Rows(pack(value for row in zip(*read, strict=True) for value in row), len(features), where)


def columns_of_lists(
    features: Sequence[Feature],
    columns: Mapping[str, object],
    limits: Limits,
    *,
    where: str,
    expecting: str = "the model",
    unknown: str = LEAVE_OUT,
) -> Columns:
    """Lists by the features' names, in any order: a value for each row.

    `expecting` and `unknown` as in `rows_from_json`. Raises `TooLarge`, `InvalidInput`.
    """
    names = {feature.name: None for feature in features}
    optional = {feature.name for feature in features if feature.rule.optional}

    def wrong_names() -> Iterator[Fault]:
        others = (name for name in columns if unknown is not IGNORED and name not in names)
        yield from (Fault(member(where, name), no_feature(expecting, name, unknown)) for name in others)
        missing = (name for name in names if name not in columns and name not in optional)
        yield from (Fault(where, f"feature {shown(name)} is missing") for name in missing)

    raise_faults(wrong_names())
    lists = {name: columns[name] for name in names if name in columns}
    if not lists:
        raise InvalidInput.at(where, "expected at least one column, got none")
    first = next(iter(lists))
    raise_faults(
        Fault(member(where, name), f"expected a list with a value for each row, got {shown(values)}")
        for name, values in lists.items()
        if not isinstance(values, list)
    )
    listed = [values for values in lists.values() if isinstance(values, list)]
    count = len(listed[0])
    raise_faults(
        Fault(member(where, name), f"has {len(values)} values, and {member(where, first)} has {count}")
        for name, values in zip(lists, listed, strict=True)
        if len(values) != count
    )
    _check_count(count, member(where, first), limits)
    paths = [member(where, name) for name in names]
    given = dict(zip(lists, listed, strict=True))
    read = [given.get(name, [None] * count) for name in names]
    return Columns(features, read, lambda place, row: f"{paths[place]}[{row}]", f"{where}.*")


def columns_of_split(
    features: Sequence[Feature],
    frame: Mapping[str, Any],
    limits: Limits,
    *,
    where: str,
    expecting: str = "the model",
    unknown: str = LEAVE_OUT,
) -> Columns:
    """A frame's `data`, whose order `columns` says; a column's number is its name, as in pandas.

    `expecting` and `unknown` as in `rows_from_json`. Raises `TooLarge`, `InvalidInput`.
    """
    columns, data = frame["columns"], frame["data"]
    placed = _places(features, columns, f"{where}.columns", expecting, unknown)
    where = f"{where}.data"
    if not isinstance(data, list):
        raise InvalidInput.at(where, f"expected a list of rows, got {shown(data)}")
    _check_count(len(data), where, limits)
    raise_faults(_wrong_rows(data, len(columns), where))
    # Each column on its own: of those that the model does not know nothing is copied.
    absent = [None] * len(data)
    read = (absent if place is None else [row[place] for row in data] for place in placed)
    return Columns(features, read, lambda place, row: f"{where}[{row}][{placed[place]}]", where)


def _places(
    features: Sequence[Feature], columns: Sequence[str | int], where: str, expecting: str, unknown: str
) -> list[int | None]:
    """Where each feature's column is; None where it may be absent, and is."""
    names = {feature.name: None for feature in features}
    optional = {feature.name for feature in features if feature.rule.optional}
    places: dict[str, int] = {}

    def place_each() -> Iterator[Fault]:
        for place, name in enumerate(map(str, columns)):
            path = f"{where}[{place}]"
            if (before := places.setdefault(name, place)) != place:
                yield Fault(path, f"{shown(name)} is there twice, first at {where}[{before}]")
            elif name not in names and unknown is not IGNORED:
                yield Fault(path, no_feature(expecting, name, unknown))
        missing = (name for name in names if name not in places and name not in optional)
        yield from (Fault(where, f"feature {shown(name)} is missing") for name in missing)

    raise_faults(place_each())
    return [places.get(name) for name in names]


def _wrong_rows(data: list[object], width: int, where: str) -> Iterator[Fault]:
    for index, row in enumerate(data):
        if not isinstance(row, list):
            yield Fault(f"{where}[{index}]", f"expected a list of {width}, got {shown(row)}")
        elif len(row) != width:
            yield Fault(f"{where}[{index}]", f"has {len(row)} values for {width} columns")


def _check_count(count: int, where: str, limits: Limits) -> None:
    if not count:
        raise InvalidInput.at(where, "expected at least one row, got an empty list")
    if count > limits.max_rows:
        raise TooLarge(f"{where} has {count} rows; at most {limits.max_rows} are taken")
