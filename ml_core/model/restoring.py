"""A model out of an artifact: what stands there is checked before anything is made of it."""

from __future__ import annotations

from ml_core import algorithms
from ml_core.errors import ArtifactInvalid, NotFound
from ml_core.names import IMPORTED
from ml_core.preprocessing.scaling import Scaling

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.inputs.labels import Label
    from ml_core.preprocessing.encoding import Encoding
    from ml_core.safetensors import Tensor


def parts_of(description: Mapping[str, Any], content: dict[str, Tensor]) -> dict[str, Any]:
    """What `Model` is made of, by the names of its arguments. Raises `ArtifactInvalid`."""
    try:
        return _parts(description, content)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, NotFound) as error:
        raise ArtifactInvalid("the description does not fit the tensors") from error


def _parts(description: Mapping[str, Any], content: dict[str, Tensor]) -> dict[str, Any]:
    if description["algorithm"] == IMPORTED:
        raise ArtifactInvalid(
            "it holds an imported model, whose graph the service that imported it runs: its file is at …/onnx"
        )
    info = algorithms.algorithm(_text(description["algorithm"]))
    scaling = Scaling.restored(content)
    parameters = dict(description["parameters"])
    estimator = info.algorithm.restore(parameters, content)
    features, classes = _names(description["features"]), _classes(description["classes"])
    if content or parameters:
        raise ArtifactInvalid(f"nothing is known of {', '.join([*content, *parameters])}")
    if "input" in description:
        from ml_core.preprocessing.instance_input import restored_input

        n_tokens = getattr(estimator, "n_tokens", None)
        reader = restored_input(description["input"], features, estimator.input.shape, n_tokens)
        return {**_told(description, info.name, estimator, features, classes), "reader": reader}
    encoding: Encoding | None = None
    if "encoding" in description:
        # Of plain numbers none is read: who predicts on them does not pay for it.
        from ml_core.preprocessing.encoding import Encoding

        encoding = Encoding.restored(description["encoding"], description.get("missing_words", ()))
    if encoding and tuple(feature.name for feature in encoding.features) != features:
        raise ArtifactInvalid("the encoding is not that of the features")
    width = encoding.layout.width if encoding else len(features)
    if estimator.input.shape != (width,) or (scaling and scaling.mean.size != width):
        raise ArtifactInvalid(f"{len(features)} features do not fit the tensors")
    told = _told(description, info.name, estimator, features, classes)
    return {**told, "scaling": scaling, "encoding": encoding}


def _told(
    description: Mapping[str, Any],
    algorithm: str,
    estimator: FittedEstimator,
    features: tuple[str, ...],
    classes: tuple[Label, ...] | None,
) -> dict[str, Any]:
    if estimator.n_classes != (None if classes is None else len(classes)):
        raise ArtifactInvalid("the classes do not fit the tensors")
    return {
        "estimator": estimator,
        "algorithm": algorithm,
        "hyperparameters": dict(description["hyperparameters"]),
        "features": features,
        "classes": classes,
    }


def _names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or len(set(values)) != len(values):
        raise ArtifactInvalid("the features are not a list of different names")
    return tuple(map(_text, values))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ArtifactInvalid("a name is not a string")
    return value


def _classes(labels: object) -> tuple[Label, ...] | None:
    if labels is None:
        return None
    if (
        not isinstance(labels, list)
        or len(set(labels)) != len(labels)
        or {*map(type, labels)} not in _LABEL_KINDS
    ):
        raise ArtifactInvalid("the classes are not different labels of one kind")
    return tuple(labels)


_LABEL_KINDS: tuple[set[type], ...] = ({str}, {int}, {bool})
