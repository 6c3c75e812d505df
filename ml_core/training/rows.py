"""Rows to train on: checked as they come in a request, or read from its table (`table.py`)."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core import safetensors
from ml_core.algorithms.base import AlgorithmInfo, DataSize
from ml_core.errors import Fault, InvalidInput, TooLarge, member, raise_faults, shown
from ml_core.inputs.columns import CATEGORY, Feature
from ml_core.inputs.inferring import KnownColumns, is_skipped, mixed_rows
from ml_core.inputs.instances import in_order, rows_from_json
from ml_core.inputs.labels import Label, Labels
from ml_core.inputs.rows import Limits, Rows
from ml_core.inputs.rules import EXACT, TYPED, ValueRule, restored_rule
from ml_core.tables.options import (
    IGNORE,
    NOTHING_SAID,
    ReadOptions,
    option_faults,
    option_schemas,
    read_options,
)
from ml_core.training.split import Split, nothing_held_out, without_value
from ml_core.training.split_rows import SplitColumn, packed_ranks, split_column

if TYPE_CHECKING:
    from ml_core.inputs.samples import TableSamples

_VALUE = {"title": "Value", "type": ["number", "boolean", "string", "null"]}
_INSTANCES = {
    "type": "array",
    "minItems": 1,
    "description": "Rows: lists in the order of the features, or objects by their names.",
    "items": {
        "title": "Training row",
        "anyOf": [
            {"type": "array", "minItems": 1, "items": _VALUE},
            {
                "title": "Training row by name",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": _VALUE,
            },
        ],
    },
}
_TARGETS = {
    "type": "array",
    "minItems": 2,
    "description": "The label of each row, of which there are two different ones at least.",
    "items": {"title": "Label", "type": ["string", "integer", "boolean"]},
}
_NAMES = {
    "type": "array",
    "minItems": 1,
    "description": "What the columns of rows that are lists are called. Without it `x0`, `x1` and so on.",
    "items": {"type": "string", "minLength": 1},
}
# What of the options of a table can be said of rows too.
_OPTIONS = ("types", "missing")

MEMBERS: Mapping[str, Callable[[AlgorithmInfo], dict[str, Any] | None]] = {
    "instances": lambda _: _INSTANCES,
    "targets": lambda info: _TARGETS if info.task.supervised else None,
    "feature_names": lambda _: _NAMES,
    "types": lambda _: option_schemas()["types"],
    "missing": lambda _: option_schemas()["missing"],
}
"""The members of a body that are about its rows, as JSON Schema; None where an algorithm takes none."""


def faults_beside_data(body: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with a body that has `data`, and rows or what is said of them beside it."""
    for name in (*MEMBERS, "input"):
        if body.get(name) is not None:
            yield Fault(f"$.{name}", "the rows are in 'data'; leave this out")


class TrainingRows(NamedTuple):
    """Checked rows, a label for each where there are labels, and what is to be said of them.

    `columns` says what the columns are, where they are more than numbers without gaps. Where rows are held
    out by a column, `ranks` are each row's place among its different values, as packed int64. Where a hash
    holds them out, `test` has a byte for each: 1 if it is held out. That is never stored.
    """

    rows: Rows
    features: tuple[str, ...]
    targets: list[Label] | Labels | None
    columns: tuple[Feature, ...] | None = None
    warnings: tuple[str, ...] = ()
    ranks: bytes | memoryview | None = None
    test: bytes | None = None

    @property
    def where(self) -> str:
        """The JSON path of the list they came in."""
        return self.rows.where

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def data_size(self, rows: int, rarest: int | None) -> DataSize:
        """How much so many of them are to fit."""
        return DataSize(rows, rarest)

    def samples(self) -> "TableSamples":
        """The rows as an array, uncopied."""
        from ml_core.inputs.samples import TableSamples, matrix_of

        return TableSamples(matrix_of(self.rows), self.columns)

    def summary(self) -> dict[str, object]:
        """What a job tells of the rows."""
        return {"rows": len(self.rows), "features": len(self.features)}

    def lineage(self) -> dict[str, object]:
        """What tells whether another request had the same rows and targets: their SHA-256."""
        import hashlib

        columns, missing = _stored_columns(self.columns)
        described = [self.features, self.targets, columns, self.rows.n_features, *missing]
        digest = hashlib.sha256(json.dumps(described).encode())
        digest.update(self.rows.packed)
        digest.update(self.ranks or b"")
        return {"uri": None, "size": len(self.rows.packed), "sha256": digest.hexdigest()}

    def without_rows(self) -> "TrainingRows":
        """All but the rows and their targets."""
        return self._replace(rows=Rows(b"", self.rows.n_features), targets=None, ranks=None, test=None)

    def to_bytes(self, more: Mapping[str, object]) -> bytes:
        """A safetensors file of the rows, described with `more`."""
        table = safetensors.Tensor((len(self.rows), self.rows.n_features), self.rows.packed)
        columns, missing = _stored_columns(self.columns)
        own = {"features": self.features, "targets": self.targets, "columns": columns}
        lists = {"warnings": self.warnings, "missing": missing}
        said = {name: each for name, each in lists.items() if each}
        tensors = {"instances": table}
        if self.ranks is not None:
            tensors["ranks"] = safetensors.Tensor((len(self.rows),), self.ranks, "I64")
        return safetensors.write({**more, **own, **said}, tensors)

    @classmethod
    def of_stored(cls, described: dict[str, Any], tables: dict[str, safetensors.Tensor]) -> "TrainingRows":
        """The rows that `to_bytes` wrote. Raises `ArtifactInvalid`, `KeyError`."""
        table = tables["instances"]
        return cls(
            Rows(table.packed, table.shape[1]),
            tuple(described["features"]),
            described["targets"],
            _columns(described["columns"], described.get("missing", ())),
            tuple(described.get("warnings", ())),
            tables["ranks"].packed if "ranks" in tables else None,
        )


def _stored_columns(
    columns: Sequence[Feature] | None,
) -> tuple[list[object] | None, list[tuple[str, ...]]]:
    """Columns as they are stored, with their rules where those say something, and words for a missing value.

    Each list of words is there once, and a rule says its place: all columns of a wide table may share one.
    """
    if columns is None:
        return None, []
    lists: dict[tuple[str, ...], int] = {}
    stored: list[object] = []
    for column in columns:
        rule = column.rule
        if rule == TYPED:
            stored.append(column[:-1])
            continue
        missing = {"missing": lists.setdefault(rule.missing, len(lists))} if rule.missing else {}
        stored.append((*column[:-1], {**rule.described(), **missing}))
    return stored, list(lists)


def _columns(described: list[Any] | None, lists: Sequence[Sequence[str]]) -> tuple[Feature, ...] | None:
    if described is None:
        return None
    return tuple(
        Feature(name, kind, tuple(words), _rule(lists, *rule)) for name, kind, words, *rule in described
    )


def _rule(lists: Sequence[Sequence[str]], stored: dict[str, Any] | None = None) -> ValueRule:
    """The rule of a stored column; those of earlier releases have none. Raises ValueError."""
    if stored is None:
        return TYPED
    missing = stored.get("missing", [])
    words = tuple(lists[missing] if isinstance(missing, int) else missing)
    return restored_rule({name: value for name, value in stored.items() if name != "missing"}, words)


def check_rows(
    body: dict[str, object], info: AlgorithmInfo, limits: Limits, split: Split, *, held_out: bool
) -> TrainingRows:
    """The rows of a body, some of which are to be `held_out`. Raises `InvalidInput`, `TooLarge`."""
    features, instances = named_features(body, limits), body.get("instances")
    by = split_column(split, features)
    options = _options(body, features)
    columns, rows = rows_and_columns(
        by.hidden(instances, len(features)) if by else instances, features, limits, options=options
    )
    targets = checked_targets(info, body.get("targets"), len(rows), limits)
    warnings = tuple(
        f"column '{column.name}': its whole numbers are past 2^53 and were read as categories"
        for column in columns or ()
        if column.kind == CATEGORY and column.rule.spelled and column.name not in options.types
    )
    checked = TrainingRows(rows, features, targets, columns, warnings)
    return checked if by is None else _set_apart(by, checked, by.keys(instances), limits, held_out=held_out)


def _set_apart(
    by: SplitColumn, data: TrainingRows, keys: list[Any], limits: Limits, *, held_out: bool
) -> TrainingRows:
    """The rows without the column that they are held out by, and without those that have no value in it.

    `keys` are its values.
    """
    kept = [key is not None or not held_out for key in keys]
    warnings = [*data.warnings, *([] if held_out else [nothing_held_out(by.name)])]
    targets = data.targets
    if not all(kept):
        warnings.append(without_value(len(kept) - sum(kept), by.name))
    if not all(kept) and targets is not None and any(kept):
        targets = [target for target, keep in zip(targets, kept, strict=True) if keep]
        check_classes(set(targets), targets, limits, "$.targets")
    return TrainingRows(
        by.removed_from(data.rows, kept),
        tuple(name for name in data.features if name != by.name),
        targets,
        data.columns and tuple(column for column in data.columns if column.name != by.name),
        tuple(warnings),
        packed_ranks([key for key in keys if key is not None]) if held_out else None,
    )


def rows_and_columns(
    instances: object,
    features: tuple[str, ...],
    limits: Limits,
    where: str = "$.instances",
    options: ReadOptions = NOTHING_SAID,
    *,
    kinds: Mapping[str, str] = {},
) -> tuple[tuple[Feature, ...] | None, Rows]:
    """The rows, and what their columns are where they are more than numbers without gaps.

    `kinds` of columns are known already, by their names. Raises `InvalidInput`, `TooLarge`.
    """
    listed, rows = in_order(instances, features, limits, where, "this training")
    numbers = set(map(type, chain.from_iterable(rows))) <= {int, float}
    if options == NOTHING_SAID and numbers and not any(map(_is_skipped, chain.from_iterable(rows))):
        return None, rows_from_json(
            instances, features=features, limits=limits, where=where, expecting="this training"
        )
    known = KnownColumns(options.types, options.missing or (), kinds)
    return mixed_rows(features, listed, rows, limits, where, known=known)


def _is_skipped(value: Any) -> bool:  # noqa: ANN401 - a number
    """Whether float64 would take a whole number for another."""
    return type(value) is int and not -EXACT <= value <= EXACT and is_skipped(value)


def _options(body: dict[str, object], features: tuple[str, ...]) -> ReadOptions:
    """What is said of the rows' columns where their values would tell. Raises `InvalidInput`."""
    said = {name: body[name] for name in _OPTIONS if body.get(name) is not None}
    raise_faults(option_faults(said, "$"))
    options, there = read_options(said), frozenset(features)
    raise_faults(
        Fault(member("$.types", name), wrong)
        for name, kind in options.types.items()
        if (wrong := _wrong_type(name, kind, there))
    )
    return options


def _wrong_type(name: str, kind: str, features: Collection[str]) -> str | None:
    if name not in features:
        return "the rows have no such feature"
    return "leave the column out of the rows instead" if kind == IGNORE else None


def named_features(body: dict[str, object], limits: Limits) -> tuple[str, ...]:
    """The names that are given, else the members of the first row, else x0, x1 … as in scikit-learn."""
    instances = body.get("instances")
    first = instances[0] if isinstance(instances, list) and instances else None
    names = body.get("feature_names")
    where = "$.feature_names"
    if names is None and isinstance(first, dict):
        names, where = list(first), "$.instances[0]"
    elif names is None:
        names = [f"x{column}" for column in range(len(first) if isinstance(first, list) else 1)]
    if not isinstance(names, list):
        raise InvalidInput.at(where, f"expected a list of names, got {shown(names)}")
    if not names:
        raise InvalidInput.at("$.instances[0]", "expected at least one feature, got none")
    if len(names) > limits.max_columns:
        raise TooLarge(f"{len(names)} features; at most {limits.max_columns} are taken")
    check_names(names, where, limits)
    if isinstance(first, list) and len(first) != len(names):
        raise InvalidInput.at(where, f"{len(names)} names for rows of {len(first)} features")
    return tuple(names)


def check_names(names: list[Any], where: str, limits: Limits) -> None:
    """Raise `InvalidInput` unless these are different texts of a fitting length."""
    raise_faults(
        Fault(f"{where}[{index}]", wrong)
        for index, name in enumerate(names)
        if (wrong := "a name is not empty" if name == "" else _wrong_text(name, limits))
    )
    if len(set(names)) != len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise InvalidInput.at(where, f"{shown(twice)} is there more than once")


def _wrong_text(value: object, limits: Limits) -> str | None:
    if not isinstance(value, str):
        return f"expected a string, got {shown(value)}"
    if len(value) > limits.max_text:
        return f"expected at most {limits.max_text} characters, got {len(value)}"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "expected text, got half of a surrogate pair"
    return None


def checked_targets(info: AlgorithmInfo, targets: object, rows: int, limits: Limits) -> list[Label] | None:
    """The labels of a request; None where the algorithm takes none. Raises `InvalidInput`."""
    if not info.task.supervised:
        if targets is not None:
            raise InvalidInput.at("$.targets", f"{info.name} takes no targets")
        return None
    if not isinstance(targets, list):
        raise InvalidInput.at(
            "$.targets", f"expected a list of labels, one for each row, got {shown(targets)}"
        )
    targets = _whole(targets)
    _check_labels(targets, limits)
    if len(targets) != rows:
        raise InvalidInput.at("$.targets", f"expected a label for each of {rows} rows, got {len(targets)}")
    return targets


def _whole(targets: list[Any]) -> list[Any]:
    """The labels as ints where all are whole numbers: as in JSON Schema 1.0 is 1."""
    kinds = set(map(type, targets))
    if kinds <= {int, float} and all(type(label) is int or label.is_integer() for label in targets):
        return [int(label) for label in targets]
    return targets


def _check_labels(targets: list[Any], limits: Limits, where: str = "$.targets") -> None:
    """Raise `InvalidInput` unless these are strings, 64-bit integers or booleans, of at least two classes."""
    kinds = set(map(type, targets))
    expected = "strings, integers or booleans, all of one kind"
    for index, label in enumerate(targets if not kinds <= {str, int, bool} else ()):
        if type(label) not in (str, int, bool):
            raise InvalidInput.at(f"{where}[{index}]", f"labels are {expected}; got {shown(label)}")
    if len(kinds) > 1:
        index = next(index for index, label in enumerate(targets) if type(label) is not type(targets[0]))
        message = f"labels are {expected}; {shown(targets[0])} came before {shown(targets[index])}"
        raise InvalidInput.at(f"{where}[{index}]", message)
    # Before they are put into a set: of larger integers any number may have the same hash.
    if kinds == {int}:
        raise_faults(
            Fault(f"{where}[{index}]", wrong)
            for index, label in enumerate(targets)
            if (wrong := _wrong_label(label, limits))
        )
    check_classes(set(targets), targets, limits, where)


def check_classes(classes: Collection[Label], targets: Sequence[Label], limits: Limits, where: str) -> None:
    """Raise `InvalidInput` or `TooLarge` unless these are labels of at least two classes."""
    wrong = {label: fault for label in classes if (fault := _wrong_label(label, limits))}
    if wrong:
        index = next(index for index, label in enumerate(targets) if label in wrong)
        raise InvalidInput.at(f"{where}[{index}]", wrong[targets[index]])
    if len(classes) < 2:
        only = f"only {shown(targets[0])}" if targets else "none"
        raise InvalidInput.at(where, f"a classifier needs at least two classes, got {only}")
    if len(classes) > limits.max_classes:
        raise TooLarge(f"{where} has {len(classes)} classes; at most {limits.max_classes} are taken")


def _wrong_label(label: object, limits: Limits) -> str | None:
    if isinstance(label, int):
        return None if -(2**63) <= label < 2**63 else f"expected an integer of 64 bits, got {shown(label)}"
    return _wrong_text(label, limits)
