"""Whether versions take the same instances, so that they can share an alias: a caller may get any of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_core.errors import Fault, InvalidInput, shown
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TABLE, TENSORS
from ml_core.ports import ObjectStore
from ml_core.registry.registry import ModelDocument, Version
from ml_core.registry.versions import read_manifests

_PLAIN = "number"
# What columns of a graph are that are no numbers.
_KINDS = {"BYTES": "category", "BOOL": "boolean"}


class _Taken(NamedTuple):
    """What a version takes: the kind of its instances, a picture's shape, and the columns in their order.

    A table's columns have a kind each; others are what a sequence's channels, a text or a picture is called.
    """

    kind: str
    shape: tuple[int, ...]
    columns: tuple[tuple[str, str], ...]


def check_alike(store: ObjectStore, model: ModelDocument, numbers: list[int], path: str) -> None:
    """Raise `InvalidInput` unless the versions take the same instances; `path` is that of their weights."""
    faults = [Fault(f'{path}["{number}"]', message) for number, message in differences(store, model, numbers)]
    if faults:
        raise InvalidInput(faults)


def differences(store: ObjectStore, model: ModelDocument, numbers: list[int]) -> list[tuple[int, str]]:
    """The versions that take other instances than the first, each with what tells the two apart.

    Raises `VersionNotFound`, `Unavailable`.
    """
    versions = [model.pick(number) for number in numbers]
    taken = [_taken(manifest) for manifest in read_manifests(store, versions)]
    return [
        (version.version, _difference(versions[0], taken[0], theirs))
        for version, theirs in zip(versions, taken, strict=True)
        if theirs != taken[0]
    ]


def _taken(manifest: Mapping[str, Any]) -> _Taken:
    """What a version takes, by its manifest: only of what is no table there is an `input`."""
    names = manifest.get("features", ())
    graph = manifest.get("graph")
    if graph:
        return _of_graph(graph, names)
    described = manifest.get("input")
    if described:
        return _Taken(
            described["kind"], tuple(described.get("shape", ())), tuple((name, "") for name in names)
        )
    kinds = {each["name"]: each["kind"] for each in manifest.get("encoding", ())}
    return _Taken(TABLE, (), tuple((name, kinds.get(name, _PLAIN)) for name in names))


def _of_graph(graph: Mapping[str, Any], names: Sequence[str]) -> _Taken:
    """What an imported version takes: rows as others do, or tensors with a datatype and a shape."""
    inputs = graph["inputs"]
    if graph["form"] == "tensors":
        told = (f"{each['datatype']} {each['shape']}" for each in inputs)
        return _Taken(TENSORS, (), tuple(zip(names, told, strict=True)))
    each = inputs if len(inputs) > 1 else inputs * len(names)
    kinds = (_KINDS.get(port["datatype"], _PLAIN) for port in each)
    return _Taken(TABLE, (), tuple(zip(names, kinds, strict=True)))


def _difference(first: Version, ours: _Taken, theirs: _Taken) -> str:
    """What tells the instances of two versions apart, in words."""
    if ours.kind == theirs.kind == TABLE:
        told = f"takes other rows than version {first.version}, and a caller may get either:"
        return f"{told} {_difference_of_columns('feature', ours.columns, theirs.columns)}"
    told = f"takes other instances than version {first.version}, and a caller may get either:"
    if ours.kind == theirs.kind == SEQUENCE:
        return f"{told} {_difference_of_columns('channel', ours.columns, theirs.columns)}"
    return f"{told} expected {_words(ours)}, got {_words(theirs)}"


def _difference_of_columns(
    each: str, ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]]
) -> str:
    pairs = enumerate(zip(ours, theirs, strict=False))
    place, pair = next(((place, pair) for place, pair in pairs if pair[0] != pair[1]), (0, None))
    if pair is None:
        return f"{_counted(len(theirs), each)}, not {len(ours)}"
    expected, got = (f"{shown(name)} ({kind})" if kind else shown(name) for name, kind in pair)
    return f"{each} {place} is {got}, not {expected}"


def _words(taken: _Taken) -> str:
    """Instances in words, such as "pictures of 8 × 8 × 1"."""
    count = len(taken.columns)
    if taken.kind == TABLE:
        return f"rows of {_counted(count, 'feature')}"
    if taken.kind == SEQUENCE:
        return f"sequences of {_counted(count, 'channel')}"
    if taken.kind == TENSORS:
        return f"tensors {', '.join(f'{shown(name)} ({told})' for name, told in taken.columns)}"
    if taken.kind == IMAGE:
        return f"pictures of {' × '.join(map(str, taken.shape))}"
    return f"{taken.kind}s in the column {', '.join(shown(name) for name, _ in taken.columns)}"


def _counted(count: int, each: str) -> str:
    return f"{count} {each}{'' if count == 1 else 's'}"
