"""A request for private training, checked: nothing of it may be left for the rows to say."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ml_core.algorithms.base import AlgorithmInfo
from ml_core.errors import Fault, InvalidInput, TooLarge, member, raise_faults, shown
from ml_core.inputs.columns import packed_rows
from ml_core.inputs.instances import in_order
from ml_core.inputs.labels import Label
from ml_core.inputs.rows import Limits
from ml_core.tables.options import NOTHING_SAID, ReadOptions, option_faults, read_options
from ml_core.training.privacy import Privacy, classes_of, columns_of, features_of
from ml_core.training.reference import TableReference, check_data
from ml_core.training.rows import (
    TrainingRows,
    check_names,
    checked_targets,
    faults_beside_data,
    named_features,
)
from ml_core.training.split import AT_RANDOM

# The engines that train in one function.
_ONE_FUNCTION = ("auto", "function")
_SAID = 'what columns are is said by "bounds" and "categories" of "privacy"; leave this out'


def check_private(
    body: dict[str, object],
    info: AlgorithmInfo,
    options: Mapping[str, Any],
    limits: Limits,
    check_uri: Callable[[object], object],
) -> TrainingRows | TableReference:
    """What a body that asks for private training is to be trained on. Raises `InvalidInput`, `TooLarge`."""
    if info.algorithm.fit_private is None:
        why = info.algorithm.not_private
        message = f"{info.name} is not trained with differential privacy: {why}. Leave this out"
        raise InvalidInput.at("$.privacy", message)
    privacy: Privacy = options["privacy"]
    raise_faults(
        [
            *_classes_faults(info, privacy),
            *_hyperparameters_faults(body.get("hyperparameters"), info),
            *_options_faults(options),
            *_members_faults(body, info),
        ]
    )
    if body.get("data") is None:
        return _checked_rows(body, info, privacy, limits)
    table = check_data(body["data"], info, limits, check_uri)
    raise_faults(_table_faults(table, privacy))
    check_names(list(columns_of(privacy)), "$.privacy", limits)
    return table


def _classes_faults(info: AlgorithmInfo, privacy: Privacy) -> Iterator[Fault]:
    classes = privacy.get("classes")
    if info.task.supervised and classes is None:
        yield Fault("$.privacy.classes", "expected all labels that there may be, got nothing")
    elif not info.task.supervised and classes is not None:
        yield Fault("$.privacy.classes", f"{info.name} takes no targets; leave this out")


def _hyperparameters_faults(given: object, info: AlgorithmInfo) -> Iterator[Fault]:
    counting = info.algorithm.private_hyperparameters
    takes = ", ".join(counting)
    for name in given if isinstance(given, dict) else ():
        if name not in counting:
            advice = f"private training takes {takes} alone; leave this out"
            yield Fault(member("$.hyperparameters", name), advice)


def _options_faults(options: Mapping[str, Any]) -> Iterator[Fault]:
    if options["seed"]:
        yield Fault("$.seed", "noise that can be repeated can be taken away; leave this out")
    if options["split"] != AT_RANDOM:
        yield Fault("$.split", "private training holds out each row by a coin of its own; leave this out")
    if options["engine"] not in _ONE_FUNCTION:
        yield Fault("$.engine", "private training is done in one function; leave this out")


def _members_faults(body: Mapping[str, Any], info: AlgorithmInfo) -> Iterator[Fault]:
    if body.get("data") is not None:
        yield from faults_beside_data(body)
        return
    if body.get("input") is not None:
        yield Fault("$.input", f"{info.name} takes rows, not pictures; leave this out")
    if body.get("types") is not None:
        yield Fault("$.types", _SAID)


def _table_faults(table: TableReference, privacy: Privacy) -> Iterator[Fault]:
    columns = columns_of(privacy)
    for name in ("types", "exclude", "dayfirst"):
        if getattr(table, name) is not None:
            yield Fault(f"$.data.{name}", _SAID)
    if table.target in columns:
        yield Fault("$.data.target", f"{shown(table.target)} is among the columns that are trained on")
    if table.features is None:
        return
    for index, name in enumerate(table.features):
        if name not in columns:
            yield Fault(f"$.data.features[{index}]", f"{shown(name)}: {_UNSAID}")
    for name in columns:
        if name not in table.features:
            yield Fault("$.data.features", f"expected {shown(name)} too, which `privacy` names")


_UNSAID = 'expected its "bounds" or "categories" in "privacy"'


def _checked_rows(
    body: dict[str, object], info: AlgorithmInfo, privacy: Privacy, limits: Limits
) -> TrainingRows:
    """The rows of a body, each read by what the request says of its columns alone."""
    names = named_features(body, limits)
    columns = frozenset(columns_of(privacy))
    raise_faults(
        [
            *(
                Fault("$.privacy", f"column {shown(name)}: {_UNSAID}")
                for name in names
                if name not in columns
            ),
            *(
                Fault("$.privacy", f"the rows have no feature {shown(name)}")
                for name in columns_of(privacy)
                if name not in names
            ),
        ]
    )
    options = _options(body)
    features = features_of(privacy, names, options, text=False)
    listed, rows = in_order(body.get("instances"), names, limits, "$.instances", "this training")
    packed = packed_rows(features, listed, rows, "$.instances")
    targets = _targets(body, info, privacy, len(rows), limits)
    return TrainingRows(packed, names, targets, features)


def _options(body: Mapping[str, Any]) -> ReadOptions:
    if body.get("missing") is None:
        return NOTHING_SAID
    said = {"missing": body["missing"]}
    raise_faults(option_faults(said, "$"))
    return read_options(said)


def _targets(
    body: Mapping[str, Any], info: AlgorithmInfo, privacy: Privacy, rows: int, limits: Limits
) -> list[Label] | None:
    """The labels, each of which is one of the classes."""
    targets = body.get("targets")
    classes = classes_of(privacy)
    if classes is None or not isinstance(targets, list):
        return checked_targets(info, targets, rows, limits)
    if len(targets) > limits.max_rows:
        raise TooLarge(f"$.targets has {len(targets)} labels; at most {limits.max_rows} are taken")
    known = {(type(label), label): label for label in classes}
    found: list[Label] = []
    faults: list[Fault] = []
    for index, label in enumerate(targets):
        whole = int(label) if type(label) is float and label.is_integer() else label
        if isinstance(whole, str | int) and (type(whole), whole) in known:
            found.append(whole)
        elif len(faults) <= InvalidInput.MOST_FAULTS:
            faults.append(
                Fault(f"$.targets[{index}]", f"expected one of `privacy.classes`, got {shown(label)}")
            )
    raise_faults(faults)
    if len(found) != rows:
        raise InvalidInput.at("$.targets", f"expected a label for each of {rows} rows, got {len(found)}")
    return found
