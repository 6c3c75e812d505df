"""A request to train, checked: whole, within the limits, and such that training on it can go well."""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core import algorithms, safetensors
from ml_core.algorithms.base import AlgorithmInfo, DataSize
from ml_core.errors import AlgorithmNotFound, Fault, InvalidInput, TooLarge, member, raise_faults, shown
from ml_core.hyperparameters import REFUSED, Integer, Number
from ml_core.inputs.columns import Feature, mixed_rows
from ml_core.inputs.instances import in_order, rows_from_json
from ml_core.inputs.labels import Label, Labels
from ml_core.inputs.rows import Limits, Rows
from ml_core.training.table import DataReference, DataRequest, check_data, is_data_request, read_rows

if TYPE_CHECKING:
    from ml_core.tables.memory import Budget

TEST_FRACTION = Number(least=0, most=0.9)
SEED = Integer(0, 2**32 - 1)
MEMBERS = (
    "algorithm",
    "hyperparameters",
    "instances",
    "targets",
    "data",
    "test_fraction",
    "seed",
    "feature_names",
)


class TrainingRequest(NamedTuple):
    """A checked request: what `fit` needs, and all that a stored one holds."""

    algorithm: str
    hyperparameters: dict[str, Any]
    rows: Rows
    features: tuple[str, ...]
    targets: list[Label] | Labels | None
    test_fraction: float
    seed: int
    # What the columns are, where they are more than numbers without gaps.
    columns: tuple[Feature, ...] | None = None
    # What is to be said of the rows.
    warnings: tuple[str, ...] = ()

    def summary(self) -> dict[str, object]:
        """What a job tells of its request."""
        return {
            "algorithm": self.algorithm,
            "hyperparameters": self.hyperparameters,
            "rows": len(self.rows),
            "features": len(self.features),
            "test_fraction": self.test_fraction,
            "seed": self.seed,
        }

    def lineage(self) -> dict[str, object]:
        """What tells whether another request had the same rows and targets: their SHA-256."""
        import hashlib

        described = json.dumps([self.features, self.targets, self.columns, self.rows.n_features]).encode()
        digest = hashlib.sha256(described)
        digest.update(self.rows.packed)
        return {"uri": None, "size": len(self.rows.packed), "sha256": digest.hexdigest()}

    def without_rows(self) -> "TrainingRequest":
        """All but the rows and their targets."""
        return self._replace(rows=Rows(b"", self.rows.n_features), targets=None)

    def to_bytes(self) -> bytes:
        """The request as a safetensors file."""
        table = safetensors.Tensor((len(self.rows), self.rows.n_features), self.rows.packed)
        description = {
            "algorithm": self.algorithm,
            "hyperparameters": self.hyperparameters,
            "features": self.features,
            "targets": self.targets,
            "test_fraction": self.test_fraction,
            "seed": self.seed,
            "columns": self.columns,
        }
        return safetensors.write(description, {"instances": table})

    @classmethod
    def from_bytes(cls, data: bytes) -> "TrainingRequest":
        """The request that `to_bytes` wrote. Raises `ArtifactInvalid` for other bytes."""
        content, tables = safetensors.read(data, finite=False)
        table, description = tables["instances"], dict[str, Any](content)
        return cls(
            algorithm=description["algorithm"],
            hyperparameters=description["hyperparameters"],
            rows=Rows(table.packed, table.shape[1]),
            features=tuple(description["features"]),
            targets=description["targets"],
            test_fraction=description["test_fraction"],
            seed=description["seed"],
            columns=_columns(description["columns"]),
        )


def _columns(described: list[Any] | None) -> tuple[Feature, ...] | None:
    if described is None:
        return None
    return tuple(Feature(name, kind, tuple(words)) for name, kind, words in described)


def check_request(body: object, limits: Limits) -> TrainingRequest:
    """The request of a JSON body that holds the rows. Imports neither numpy nor scikit-learn.

    Raises `InvalidInput` with a fault for each thing wrong, and `TooLarge` past a limit.
    """

    def nowhere(uri: object) -> None:
        raise InvalidInput.at("$.data.uri", f"no data is read here, and not {shown(uri)}: send the rows")

    request = check_any_request(body, limits, nowhere)
    assert isinstance(request, TrainingRequest)  # noqa: S101 - for the type checker: data was refused
    return request


def check_any_request(
    body: object, limits: Limits, check_uri: Callable[[object], object]
) -> TrainingRequest | DataRequest:
    """The request of a JSON body. Imports neither numpy nor scikit-learn.

    `check_uri` raises `InvalidInput` for an address that may not be read. Raises `InvalidInput` with a fault
    for each thing wrong, and `TooLarge` past a limit.
    """
    if not isinstance(body, dict):
        raise InvalidInput.at("$", f"expected an object, got {shown(body)}")
    info = _algorithm(body)
    hyperparameters = body.get("hyperparameters")
    chosen = info.check({} if hyperparameters is None else hyperparameters)
    test_fraction, seed = _split_options(body)
    if body.get("data") is not None:
        data = _data(body, info, limits, check_uri)
        return DataRequest(info.name, chosen, data, test_fraction, seed)
    features = _features(body, limits)
    columns, rows = rows_and_columns(body.get("instances"), features, limits)
    targets = checked_targets(info, body.get("targets"), len(rows), limits)
    request = TrainingRequest(info.name, chosen, rows, features, targets, test_fraction, seed, columns)
    _check_split(info, request)
    return request


def _data(
    body: dict[str, object],
    info: AlgorithmInfo,
    limits: Limits,
    check_uri: Callable[[object], object],
) -> DataReference:
    raise_faults(
        Fault(f"$.{name}", "the rows are in 'data'; leave this out")
        for name in ("instances", "targets", "feature_names")
        if body.get(name) is not None
    )
    return check_data(body["data"], info, limits, check_uri)


def read_request(request: bytes, path: str, budget: "Budget") -> TrainingRequest:
    """A stored request with its rows, which may be in the table at `path`.

    Raises `InvalidInput`, and for a table `MalformedInput` and `TooLarge`.
    """
    if not is_data_request(request):
        return TrainingRequest.from_bytes(request)
    stored = DataRequest.from_bytes(request)
    info = algorithms.algorithm(stored.algorithm)
    table = read_rows(stored, path, budget)
    names = tuple(feature.name for feature in table.features)
    check_names(list(names), "$.data.features", Limits())
    if table.targets is not None:
        _check_classes(table.targets.classes, table.targets, Limits(), "$.data.target")
    filled = TrainingRequest(
        stored.algorithm,
        stored.hyperparameters,
        table.rows,
        names,
        table.targets,
        stored.test_fraction,
        stored.seed,
        table.features,
        table.warnings,
    )
    _check_split(info, filled)
    return filled


def rows_and_columns(
    instances: object, features: tuple[str, ...], limits: Limits, where: str = "$.instances"
) -> tuple[tuple[Feature, ...] | None, Rows]:
    """The rows, and what their columns are where they are more than numbers without gaps."""
    listed, rows = in_order(instances, features, limits, where, "every row")
    if set(map(type, chain.from_iterable(rows))) <= {int, float}:
        return None, rows_from_json(
            instances, features=features, limits=limits, where=where, expecting="every row"
        )
    return mixed_rows(features, listed, rows, limits, where)


def _algorithm(body: dict[str, object]) -> AlgorithmInfo:
    raise_faults(
        Fault(member("$", name), f"no such member; there are {', '.join(MEMBERS)}")
        for name in body
        if name not in MEMBERS
    )
    name = body.get("algorithm")
    try:
        return algorithms.algorithm(name if isinstance(name, str) else "")
    except AlgorithmNotFound:
        expected = " or ".join(f'"{each}"' for each in algorithms.names())
        raise InvalidInput.at("$.algorithm", f"expected {expected}, got {shown(name)}") from None


def _split_options(body: dict[str, object]) -> tuple[float, int]:
    faults, values = [], []
    for name, kind, default in (("test_fraction", TEST_FRACTION, 0.2), ("seed", SEED, 0)):
        value: Any = kind.read(body.get(name, default))
        if value is REFUSED:
            faults.append(Fault(f"$.{name}", f"expected {kind.expects}, got {shown(body[name])}"))
        values.append(value)
    if faults:
        raise InvalidInput(faults)
    return values[0], values[1]


def _features(body: dict[str, object], limits: Limits) -> tuple[str, ...]:
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
    _check_labels(targets, limits)
    if len(targets) != rows:
        raise InvalidInput.at("$.targets", f"expected a label for each of {rows} rows, got {len(targets)}")
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
    _check_classes(set(targets), targets, limits, where)


def _check_classes(classes: Collection[Label], targets: Sequence[Label], limits: Limits, where: str) -> None:
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


def _check_split(info: AlgorithmInfo, request: TrainingRequest) -> None:
    """Raise `InvalidInput` for what training on such rows would fail on."""
    rows = len(request.rows)
    held_out = math.ceil(request.test_fraction * rows)
    counts = _counts(request.targets)
    message = None
    if rows - held_out < 1:
        message = f"no row of {rows} is left to train on"
    elif held_out and counts:
        message = _unstratifiable(counts, rows, held_out)
    if message:
        raise InvalidInput.at("$.test_fraction", f"{message}; with test_fraction 0 every row is trained on")
    rarest = min(counts.values()) if counts else None
    raise_faults(info.algorithm.check_size(DataSize(rows - held_out, rarest), request.hyperparameters))
    if counts:
        check_class_weight(request.hyperparameters.get("class_weight"), list(counts))


def _counts(targets: list[Label] | Labels | None) -> Mapping[Label, int] | None:
    return targets.counts() if isinstance(targets, Labels) else None if targets is None else Counter(targets)


def _unstratifiable(counts: Mapping[Label, int], rows: int, held_out: int) -> str | None:
    label, rarest = min(counts.items(), key=lambda item: item[1])
    if rarest < 2:
        return f"class {shown(label)} has a single row, which cannot be both trained on and held out"
    if held_out < len(counts):
        return f"{held_out} of {rows} rows would be held out, fewer than the {len(counts)} classes"
    if rows - held_out < len(counts):
        return f"{rows - held_out} of {rows} rows would be trained on, fewer than the {len(counts)} classes"
    return None


def check_class_weight(weights: object, classes: Sequence[Label]) -> None:
    """Raise `InvalidInput` for a weight of a class that no row has."""
    texts = set(map(label_text, classes))
    where = "$.hyperparameters.class_weight"
    unknown = (name for name in weights if name not in texts) if isinstance(weights, dict) else ()
    raise_faults(Fault(member(where, name), "no row has such a label") for name in unknown)


def label_text(label: Label) -> str:
    """A label as JSON writes it, without quotes: what keys of an object can say."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)
