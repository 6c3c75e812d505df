"""An instance of a model's own to ask it: what is typical of each column, as far as the model tells it."""

from __future__ import annotations

from math import isfinite

from ml_core.algorithms.learnt import ClusterCentres
from ml_core.arithmetic.bounds import overflowing
from ml_core.errors import InvalidInput
from ml_core.inputs.kinds import IMAGE, TEXT
from ml_core.inputs.rows import Limits, Rows
from ml_core.safetensors import pack

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ml_core.model.model import Instances, Model, Predictions

_WORDS = 3


def probe(model: Model) -> Predictions:
    """Everything that the model predicts of an instance.

    A model may have a reason to overflow at one instance, so that several are tried. Raises what the last one
    does: `InvalidInput` and what is a fault of the artifact.
    """
    failed: InvalidInput | None = None
    for instances in instances_of(model):
        try:
            return model.predict_rows(instances, model.outputs)
        except InvalidInput as error:
            failed = error
    raise failed or overflowing("$.instances", 0)


def instances_of(model: Model) -> Iterator[Instances]:
    """Instances that the model may be asked with, the most typical one first."""
    if model.reader is None:
        yield from (Rows(pack(row), len(row)) for row in _rows(model))
    elif model.reader.kind == IMAGE:
        height, width, channels = model.reader.spec.shape
        yield model.reader.read([[[[0.0] * channels] * width] * height], limits=Limits())
    elif model.reader.kind == TEXT:
        words = model.reader.tokenizer.vocabulary[:_WORDS]  # type: ignore[union-attr]
        yield model.reader.read([" ".join(words) or "a"], limits=Limits())
    else:
        yield model.reader.read([[[0.0] * len(model.features)]], limits=Limits())


def _rows(model: Model) -> Iterator[list[float]]:
    """Rows as they are packed: of a word its place, of a date its days, of a truth value 0 or 1."""
    typical = _typical(model)
    if typical is not None:
        yield typical
    yield [0.0] * len(model.features)


def _typical(model: Model) -> list[float] | None:
    """What the profile has most of, or what was scaled to 0; None where neither is there."""
    if model.profile is not None and model.profile.columns:
        row = []
        for column in model.profile.columns:
            values = column.marginal(0)  # other words than the profile's are no more typical
            known = [(share, value) for value, share in values if isfinite(value)]
            row.append(max(known)[1] if known else 0.0)
        return row
    if model.scaling is not None and model.encoding is None:
        return list(model.scaling.mean.values)
    learnt = model.learnt()
    if isinstance(learnt, ClusterCentres) and model.encoding is None and model.scaling is None:
        return list(learnt.centres[0])
    return None
