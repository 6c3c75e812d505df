"""What the training of every network has: hyperparameters apart from its layers', and an environment."""

from __future__ import annotations

from ml_core import hyperparameters as hp

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping


NOT_PRIVATE = "a network learns in thousands of steps, and noise in each leaves little of what it learns"
"""Why a network is not trained with differential privacy."""


def environment() -> Mapping[str, str]:
    """What the process that fits sets before it imports numpy, so that equal seeds give equal bits."""
    from ml_core.networks import numerics

    return numerics.environment()


def training(
    *, epochs: int = 20, learning_rate: float = 1e-3, patience: int | None = 5, clip_norm: float | None
) -> tuple[hp.Hyperparameter, ...]:
    """How a network is trained, with the defaults that differ from kind to kind."""
    return (
        hp.Hyperparameter("epochs", hp.Integer(1, 1000), epochs, "most passes over the training rows"),
        hp.Hyperparameter("batch_size", hp.Integer(1, 1024), 64, "how many rows a step of training sees"),
        hp.Hyperparameter(
            "learning_rate",
            hp.Number(above=0, most=1),
            learning_rate,
            "how far a step of training goes (AdamW)",
        ),
        hp.Hyperparameter(
            "weight_decay", hp.Number(least=0, most=1), 0.0, "how much a step of training shrinks weights"
        ),
        hp.Hyperparameter(
            "validation_fraction",
            hp.Number(least=0, most=0.5),
            0.1,
            "share of the training rows that is held back to tell when to stop and which weights were best; "
            "0 trains all epochs on all rows",
        ),
        hp.Hyperparameter(
            "patience",
            hp.AnyOf(hp.OneOf(None), hp.Integer(1, 1000)),
            patience,
            "training stops after so many epochs without a better loss on those rows; null never stops",
        ),
        hp.CLASS_WEIGHT,
        hp.Hyperparameter(
            "clip_norm",
            hp.AnyOf(hp.OneOf(None), hp.Number(above=0, most=1000)),
            clip_norm,
            "longer gradients are shortened to this; null leaves them",
        ),
    )
