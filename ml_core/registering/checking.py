"""What is checked of an artifact that was made elsewhere, before it becomes a version.

The file is read as every artifact is, which trusts nothing in it (`model/artifact.py`, `model/restoring.py`).
Here it is also held to what a training makes: names, classes, words and sizes within the bounds of requests
to train, nothing in the description that nobody reads, a profile that fits, and predictions that are finite.
Paths of faults begin with `artifact`, and go on with the members of the file's description.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import isfinite
from typing import Any

from ml_core import algorithms
from ml_core.algorithms.base import AlgorithmInfo
from ml_core.algorithms.learnt import ClusterCentres
from ml_core.algorithms.network_sizes import MOST_WEIGHTS
from ml_core.errors import (
    AlgorithmNotFound,
    ArtifactInvalid,
    Fault,
    InvalidInput,
    ServerlessMLError,
    member,
    raise_faults,
    shown,
)
from ml_core.inputs.rows import Limits
from ml_core.model.artifact import read
from ml_core.model.model import Model
from ml_core.names import IMPORTED
from ml_core.registering.foreign import ONNX, foreign
from ml_core.registering.known_hyperparameters import hyperparameter_faults
from ml_core.registering.probing import probe
from ml_core.registering.profile_faults import profile_faults
from ml_core.registering.uploads import check_size
from ml_core.tables.columns import MOST_WORDS

WHERE = "artifact"
_LIMITS = Limits()
_CONVERT = (
    "convert the fitted model where it was trained, with the Python client or "
    "`ml_core.from_scikit_learn` (docs/scikit-learn.md), and upload what that gives"
)
_PUT = "PUT the bytes of a `.safetensors` file that this service or its Python client wrote"
_WHOLE = "download it again, or write it again with `Model.to_bytes`"
_MEMBERS = ("algorithm", "hyperparameters", "parameters", "features", "classes")
_MORE_MEMBERS = ("input", "encoding", "missing_words")
_NO_PROFILE = (
    "the artifact has no profile of the rows that it was trained on: explanations need a background, and "
    "drift of its columns is not told"
)
_LABEL_TYPES = (str, int, bool)
# Half of a surrogate pair, which no UTF-8 can spell.
_SURROGATE = re.compile("[\ud800-\udfff]")
# Beside its weights a network has a mean and a deviation of each channel.
_MOST_NUMBERS_OF_NETWORK = MOST_WEIGHTS + (1 << 20)


def check_artifact(data: bytes) -> dict[str, Any]:
    """The manifest of an artifact that may become a version.

    Raises:
        InvalidInput: with a fault for each thing wrong with the file.
        TooLarge: it is larger than what is served.
    """
    check_size(len(data))
    what = foreign(data)
    if what is not None:
        why = f"the service never reads one; {_CONVERT}" if what.may_be_model else _PUT
        if what.name == ONNX:
            why = "send its address to :import in place of :register"
        raise InvalidInput.at(WHERE, f"expected a model's artifact, got {what.name}: {why}")
    description = _description(data)
    if description.get("algorithm") == IMPORTED:
        raise InvalidInput.at(
            f"{WHERE}.algorithm",
            "expected a model that was trained, got an imported one: send its file of ONNX (GET …/onnx) to "
            ":import",
        )
    info = _checked(description)
    model = _model(data)
    raise_faults([*_faults_of_model(model, description), *profile_faults(model, f"{WHERE}.profile")])
    _probe(model)
    return _manifest(model, info)


def _description(data: bytes) -> dict[str, Any]:
    try:
        return read(data)[0]
    except ArtifactInvalid as error:
        raise InvalidInput.at(WHERE, f"{error}; {_WHOLE}") from None


def _model(data: bytes) -> Model:
    """The model. Raises `InvalidInput`."""
    try:
        model = Model.from_bytes(data)
    except ArtifactInvalid as error:
        raise InvalidInput.at(WHERE, f"{error}; {_WHOLE}") from None
    try:
        _ = model.profile
    except ArtifactInvalid as error:
        raise InvalidInput.at(f"{WHERE}.profile", f"{error}; {_WHOLE}") from None
    return model


def _checked(description: Mapping[str, Any]) -> AlgorithmInfo:
    """The algorithm of a description in which every name and label may be one. Raises `InvalidInput`."""
    raise_faults(_member_faults(description))
    name = description["algorithm"]
    try:
        info = algorithms.algorithm(name if isinstance(name, str) else "")
    except AlgorithmNotFound:
        known = ", ".join(algorithms.names())
        raise InvalidInput.at(
            f"{WHERE}.algorithm", f"expected one that this service has ({known}), got {shown(name)}"
        ) from None
    raise_faults(_faults(description, info))
    return info


def _member_faults(description: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _MEMBERS:
        if name not in description:
            yield Fault(WHERE, f"its description lacks {name!r}; {_WHOLE}")
    for name in description:
        if name not in (*_MEMBERS, *_MORE_MEMBERS):
            yield Fault(member(WHERE, name), f"nothing is known of it; there are {', '.join(_MEMBERS)}")


def _faults(description: Mapping[str, Any], info: AlgorithmInfo) -> Iterator[Fault]:
    yield from hyperparameter_faults(
        description["hyperparameters"], info.algorithm.hyperparameters, f"{WHERE}.hyperparameters"
    )
    yield from _faults_of_names(description["features"])
    yield from _faults_of_classes(description["classes"], info)


def _faults_of_names(names: object) -> Iterator[Fault]:
    where = f"{WHERE}.features"
    if not isinstance(names, list) or not names:
        yield Fault(where, f"expected a list of at least one name, got {shown(names)}")
        return
    if len(names) > _LIMITS.max_columns:
        yield Fault(where, f"expected at most {_LIMITS.max_columns} names, got {len(names)}")
        return
    met: dict[str, int] = {}
    for place, name in enumerate(names):
        if wrong := "a name is not empty" if name == "" else _wrong_text(name):
            yield Fault(f"{where}[{place}]", wrong)
        elif name in met:
            yield Fault(f"{where}[{place}]", f"{shown(name)} is at {met[name]} already; a name is there once")
        else:
            met[name] = place


def _faults_of_classes(classes: object, info: AlgorithmInfo) -> Iterator[Fault]:
    where = f"{WHERE}.classes"
    if not info.task.supervised:
        if classes is not None:
            yield Fault(where, f"expected null: {info.name} has no classes, got {shown(classes)}")
        return
    if not isinstance(classes, list) or not 2 <= len(classes) <= _LIMITS.max_classes:
        yield Fault(
            where, f"expected a list of 2 to {_LIMITS.max_classes} different labels, got {shown(classes)}"
        )
        return
    sound = True
    for place, label in enumerate(classes):
        if wrong := _wrong_label(label, classes[0]):
            sound = False
            yield Fault(f"{where}[{place}]", wrong)
    if not sound:
        return
    for place, (one, other) in enumerate(pairwise(classes), 1):
        if not one < other:
            yield Fault(
                f"{where}[{place}]",
                f"expected labels in ascending order, each once, got {shown(other)} after {shown(one)}",
            )


def _wrong_label(label: object, first: object) -> str | None:
    if type(label) not in _LABEL_TYPES or type(label) is not type(first):
        return f"labels are strings, integers or truth values, all of one kind; got {shown(label)}"
    if isinstance(label, int):
        return (
            None
            if -(2**63) <= label < 2**63
            else f"expected an integer from -2^63 to 2^63 - 1, got {shown(label)}"
        )
    return _wrong_text(label)


def _wrong_text(value: object) -> str | None:
    if not isinstance(value, str):
        return f"expected a string, got {shown(value)}"
    if len(value) > _LIMITS.max_text:
        return f"expected at most {_LIMITS.max_text} characters, got {len(value)}"
    return "expected text, got half of a surrogate pair" if _SURROGATE.search(value) else None


def _faults_of_model(model: Model, description: Mapping[str, Any]) -> Iterator[Fault]:
    """What a model that can be read has, and that no training makes."""
    for name, said in model.description.items():
        if name in _MORE_MEMBERS and said != description.get(name):
            yield Fault(f"{WHERE}.{name}", f"something in it is read by nobody, or is missing; {_WHOLE}")
    for name in _MORE_MEMBERS:
        if name in description and name not in model.description:
            yield Fault(f"{WHERE}.{name}", f"nothing reads it in a model of this kind; {_WHOLE}")
    for place, feature in enumerate(model.encoding.features if model.encoding else ()):
        yield from _faults_of_words(feature.words, f"{WHERE}.encoding[{place}].words")
    if model.reader:
        numbers = sum(tensor.size for tensor in model.estimator.tensors().values())
        if numbers > _MOST_NUMBERS_OF_NETWORK:
            yield Fault(WHERE, f"expected a network of at most {MOST_WEIGHTS} weights, got {numbers} numbers")


def _faults_of_words(words: tuple[str, ...], where: str) -> Iterator[Fault]:
    if len(words) > MOST_WORDS:
        yield Fault(where, f"expected at most {MOST_WORDS} words, got {len(words)}")
    elif len(set(words)) != len(words):
        yield Fault(where, "expected each word once, got one of them twice")
    for place, word in enumerate(words):
        if _SURROGATE.search(word):
            yield Fault(f"{where}[{place}]", "expected text, got half of a surrogate pair")


def _probe(model: Model) -> None:
    """Raise `InvalidInput` unless the model predicts, and what it predicts is finite."""
    try:
        found = probe(model)
    except ServerlessMLError as error:
        raise InvalidInput.at(
            WHERE, f"it cannot predict an instance of its own ({error}): its numbers fit no instance"
        ) from None
    for output, values in found.items():
        if not all(_is_finite(value) for value in values):
            raise InvalidInput.at(WHERE, f"its {output} of an instance of its own is not a finite number")


def _is_finite(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return isfinite(value) if isinstance(value, float) else True


def _manifest(model: Model, info: AlgorithmInfo) -> dict[str, Any]:
    """What is known of a version that was not trained here; its training alone knew the rest."""
    return {
        **model.description,
        **({"input": model.reader.summary()} if model.reader else {}),
        "task": info.task.name,
        "contains_training_rows": _contains_rows(model),
        "metrics": {},
        "warnings": [] if model.profile else [_NO_PROFILE],
        **dict.fromkeys(("rows", "test_rows", "test_fraction", "seed", "split", "library_versions")),
    }


def _contains_rows(model: Model) -> bool | None:
    """As a training says it; the centre of a cluster of one row is that row, and nobody here knows."""
    if isinstance(model.learnt(), ClusterCentres):
        return None
    return model.contains_training_rows
