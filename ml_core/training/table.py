"""A request to train on a table that is somewhere else, and the rows that it becomes once it is read."""

import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.algorithms.base import AlgorithmInfo
from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, member, shown
from ml_core.inputs import columns as kinds
from ml_core.inputs.columns import Feature
from ml_core.inputs.labels import Labels
from ml_core.inputs.rows import Limits, Rows
from ml_core.tables.readers import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ml_core.inputs.labels import Label
    from ml_core.tables.columns import Column, Dataset
    from ml_core.tables.memory import Budget

MEMBERS = ("uri", "format", "target", "features")
# Of words that are all different in so many rows, none will be met again: they name rows.
IDENTIFIER_ROWS = 50
# Columns become rows in blocks of so many numbers, which stay in the processor's cache.
_TRANSPOSED = 1 << 16
# A column of its own for each word: past this many a model is no longer small.
MOST_CATEGORIES = 10_000


class DataReference(NamedTuple):
    """Where a table is, its format if that was said, and which columns are the target and the features."""

    uri: str
    format: str | None
    target: str | None
    features: tuple[str, ...] | None


class DataRequest(NamedTuple):
    """A checked request to train on a table that has not been read yet."""

    algorithm: str
    hyperparameters: dict[str, Any]
    data: DataReference
    test_fraction: float
    seed: int

    def of(self, uri: str) -> "DataRequest":
        """The same request of the table at another address."""
        return self._replace(data=self.data._replace(uri=uri))

    def summary(self) -> dict[str, object]:
        """What a job tells of its request."""
        return {
            "algorithm": self.algorithm,
            "hyperparameters": self.hyperparameters,
            "data": self.data._asdict(),
            "test_fraction": self.test_fraction,
            "seed": self.seed,
        }

    def to_bytes(self) -> bytes:
        """The request as JSON."""
        return json.dumps({"data": self.data._asdict(), **self._without_data()}).encode()

    def _without_data(self) -> dict[str, Any]:
        return {name: value for name, value in self._asdict().items() if name != "data"}

    @classmethod
    def from_bytes(cls, data: bytes) -> "DataRequest":
        """The request that `to_bytes` wrote. Raises `ArtifactInvalid` for other bytes."""
        try:
            described = json.loads(data)
            chosen = described["data"].pop("features")
            reference = DataReference(
                **described.pop("data"), features=None if chosen is None else tuple(chosen)
            )
            return cls(**described, data=reference)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArtifactInvalid("these bytes are no request to train on a table") from error


def is_data_request(data: bytes) -> bool:
    """Whether a stored request is a `DataRequest`: a request with rows begins with the length of a header."""
    return data.startswith(b'{"data":')


def check_data(
    value: object, info: AlgorithmInfo, limits: Limits, check_uri: "Callable[[object], object]"
) -> DataReference:
    """The `data` of a body; `check_uri` says what may be read. Raises `InvalidInput`."""
    if not isinstance(value, dict):
        raise InvalidInput.at("$.data", f"expected an object, got {shown(value)}")
    unknown = (
        Fault(member("$.data", name), f"no such member; there are {', '.join(MEMBERS)}")
        for name in value
        if name not in MEMBERS
    )
    faults = _first(unknown)
    kind, target, chosen = value.get("format"), value.get("target"), value.get("features")
    if kind is not None and kind not in FORMATS:
        faults.append(Fault("$.data.format", f"expected one of {', '.join(FORMATS)}, got {shown(kind)}"))
    if info.task.supervised and (not isinstance(target, str) or not target):
        faults.append(
            Fault("$.data.target", f"expected the name of the column to predict, got {shown(target)}")
        )
    if not info.task.supervised and target is not None:
        faults.append(Fault("$.data.target", f"{info.name} takes no target"))
    if chosen is not None:
        faults += _wrong_features(chosen, target, limits)
    if faults:
        raise InvalidInput(sorted(faults))
    check_uri(value.get("uri"))
    return DataReference(value["uri"], kind, target, None if chosen is None else tuple(chosen))


def _wrong_features(chosen: object, target: object, limits: Limits) -> list[Fault]:
    where = "$.data.features"
    if not isinstance(chosen, list) or not chosen or len(chosen) > limits.max_columns:
        return [
            Fault(where, f"expected a list of 1 to {limits.max_columns} column names, got {shown(chosen)}")
        ]
    faults = _first(
        Fault(f"{where}[{index}]", f"expected a column's name, got {shown(name)}")
        for index, name in enumerate(chosen)
        if not isinstance(name, str) or not name or len(name) > limits.max_text
    )
    if not faults:
        times = Counter(chosen)
        faults = _first(Fault(where, f"{shown(name)} is there twice") for name in times if times[name] > 1)
        faults += [Fault(where, "the target cannot be a feature")] * (target in times)
    return faults


def _first(faults: "Iterator[Fault]") -> list[Fault]:
    """As many faults as a caller is told, and one."""
    return list(islice(faults, InvalidInput.MOST_FAULTS + 1))


class TableRows(NamedTuple):
    """A table as rows to train on, and what is to be said of it."""

    features: tuple[Feature, ...]
    rows: Rows
    targets: Labels | None
    warnings: tuple[str, ...]


def read_rows(request: DataRequest, path: str, budget: "Budget") -> TableRows:
    """The rows of the table at `path`.

    Rows without a target are left out. Raises `InvalidInput` for what does not fit the table,
    `MalformedInput` for a file that is none, `TooLarge` for one past the budget.
    """
    from ml_core.tables import reading

    wanted = None
    if request.data.features is not None:
        wanted = {*request.data.features, *filter(None, [request.data.target])}
    dataset = reading.read(path, declared=request.data.format, names=wanted, budget=budget)
    target = _target(dataset, request.data.target)
    columns, warnings = _feature_columns(dataset, request.data)
    present = None if target is None else target.present
    if present is not None and not present.all():
        warnings.append(f"{int((~present).sum())} rows have no target and are left out")
    else:
        present = None
    flags = sum(column.kind != kinds.CATEGORY and not column.present.all() for column in columns)
    budget.check(dataset.rows, len(columns), len(columns) + flags)
    labels = None if target is None else _labels(target, present)
    described = tuple(Feature(column.name, _kind(column), column.words) for column in columns)
    return TableRows(described, _matrix(columns, present), labels, (*dataset.warnings, *warnings))


def _target(dataset: "Dataset", name: str | None) -> "Column | None":
    if name is None:
        return None
    column = dataset.column(name)
    if column is None:
        raise InvalidInput.at(
            "$.data.target", f"the table has no column {shown(name)}; it has {_names(dataset)}"
        )
    if column.kind not in (kinds.CATEGORY, kinds.BOOLEAN, "integer"):
        labels = "words, truth values or whole numbers"
        raise InvalidInput.at(
            "$.data.target", f"labels are {labels}; column {shown(name)} is of type {column.kind}"
        )
    return column


def _names(dataset: "Dataset") -> str:
    names = [column.name for column in dataset.columns]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(map(shown, names[:20])) + more


def _feature_columns(dataset: "Dataset", data: DataReference) -> "tuple[list[Column], list[str]]":
    """The columns to train on, and what is to be said of those that are left out."""
    if data.features is not None:
        return _named_columns(dataset, data.features), []
    columns, warnings = [], []
    for column in dataset.columns:
        objection = None if column.name == data.target else _objection(column) or _identifies(column)
        if objection:
            warnings.append(f"column '{column.name}' is left out: it {objection}")
        elif column.name != data.target:
            columns.append(column)
    if not columns:
        raise InvalidInput.at("$.data.features", "; ".join(["no column is left to train on", *warnings]))
    return columns, warnings


def _named_columns(dataset: "Dataset", names: "Sequence[str]") -> "list[Column]":
    by_name = {column.name: column for column in dataset.columns}
    columns, faults = [], []
    for index, name in enumerate(names):
        column = by_name.get(name)
        wrong = "the table has no such column" if column is None else _objection(column)
        if wrong or column is None:
            faults.append(Fault(f"$.data.features[{index}]", f"{shown(name)}: {wrong}"))
        else:
            columns.append(column)
    if faults:
        raise InvalidInput(faults)
    return columns


def _objection(column: "Column") -> str | None:
    """What speaks against a column as a feature."""
    if column.kind == "text" or len(column.words) > MOST_CATEGORIES:
        return f"holds more than {MOST_CATEGORIES} different words"
    if column.kind == "other":
        return "holds lists, objects or bytes"
    return None


def _identifies(column: "Column") -> str | None:
    values = len(column.words)
    if values >= IDENTIFIER_ROWS and values == int(column.present.sum()):
        return "holds another word in each row, as a name or number of the row would"
    return None


def _kind(column: "Column") -> str:
    return kinds.NUMBER if column.kind == "integer" else column.kind


def _labels(target: "Column", present: Any) -> Labels:  # noqa: ANN401 - an array of truth values
    import numpy as np

    values = target.values if present is None else target.values[present]
    different, numbers = np.unique(values, return_inverse=True)
    if target.kind == kinds.CATEGORY:
        classes: tuple[Label, ...] = tuple(target.words[code] for code in different.tolist())
    else:
        classes = tuple(map(bool if target.kind == kinds.BOOLEAN else int, different.tolist()))
    return Labels(classes, numbers)


def _matrix(columns: "Sequence[Column]", present: Any) -> Rows:  # noqa: ANN401 - an array of truth values
    import numpy as np

    places = None if present is None else np.flatnonzero(present)
    rows = len(columns[0].values if places is None else places)
    X = np.empty((rows, len(columns)))
    step = max(1, _TRANSPOSED // len(columns))
    for begin in range(0, rows, step):
        block = slice(begin, begin + step)
        some = block if places is None else places[block]
        X[block] = np.array([_floats(column.values[some]) for column in columns]).T
    return Rows(memoryview(X).cast("B"), len(columns), "$.data")


def _floats(values: Any) -> Any:  # noqa: ANN401 - arrays
    """Numbers as they are, places of words as numbers, NaN where one is missing."""
    import numpy as np

    return values if values.dtype.kind == "f" else np.where(values < 0, np.nan, values)
