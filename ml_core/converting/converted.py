"""What comes of a last step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_core.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.inputs.labels import Label


class Converted(Record):
    """What a last step learnt: `Model`'s arguments of these names."""

    estimator: FittedEstimator
    algorithm: str
    hyperparameters: Mapping[str, object]
    classes: tuple[Label, ...] | None
