"""A fitted model as bytes, and back.

The bytes are a safetensors file (`tensors.py`): the description as JSON in its metadata, a checksum of all
content, and the numbers. They depend on the model alone: no date, no release of a library. Nothing in them
can name code to run: an algorithm's name is looked up among the files of `models/`.
"""

from typing import TYPE_CHECKING, Any

from ml_core import models, tensors
from ml_core.errors import ArtifactInvalid, NotFound
from ml_core.faults import shown
from ml_core.features import Encoding
from ml_core.model import Label, Model, Predictions
from ml_core.preprocessing import Scaling

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "Model", "Predictions", "dump", "load"]

# The format's version. To bump it: raise the number; in `load`, turn the description and tensors of each
# older version into the present ones before anything else reads them; keep an artifact of the old version in
# tests/unit/artifacts/, whose test loads every file there and compares its predictions.
FORMAT = 1


def dump(model: Model) -> bytes:
    """The model's artifact."""
    description = {"format": FORMAT, **model.description, "parameters": model.fitted.parameters()}
    scaling = model.scaling.tensors() if model.scaling else {}
    return tensors.write(description, {**model.fitted.tensors(), **scaling})


def load(data: bytes) -> Model:
    """The model of an artifact. Raises `ArtifactInvalid` for bytes that `dump` did not make."""
    description, content = tensors.read(data)
    written = description.get("format")
    if type(written) is not int or written != FORMAT:
        raise ArtifactInvalid(f"format {shown(written)}; this release reads format {FORMAT}")
    try:
        return _restored(description, content, len(data))
    except (KeyError, TypeError, ValueError, IndexError, NotFound) as error:
        raise ArtifactInvalid("the description does not fit the tensors") from error


def _restored(description: "Mapping[str, Any]", content: dict[str, tensors.Tensor], nbytes: int) -> Model:
    info = models.algorithm(_text(description["algorithm"]))
    scaling = Scaling.restored(content)
    parameters = dict(description["parameters"])
    fitted = info.algorithm.restore(parameters, content)
    features, classes = _names(description["features"]), _classes(description["classes"])
    if content or parameters:
        raise ArtifactInvalid(f"nothing is known of {', '.join([*content, *parameters])}")
    encoding = Encoding.restored(description["encoding"]) if "encoding" in description else None
    if encoding and tuple(feature.name for feature in encoding.features) != features:
        raise ArtifactInvalid("the encoding is not that of the features")
    width = encoding.layout.width if encoding else len(features)
    if fitted.features != width or (scaling and scaling.mean.size != width):
        raise ArtifactInvalid(f"{len(features)} features do not fit the tensors")
    if fitted.classes != (None if classes is None else len(classes)):
        raise ArtifactInvalid("the classes do not fit the tensors")
    return Model(
        fitted,
        algorithm=info.name,
        hyperparameters=dict(description["hyperparameters"]),
        features=features,
        classes=classes,
        scaling=scaling,
        encoding=encoding,
        nbytes=nbytes,
    )


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
