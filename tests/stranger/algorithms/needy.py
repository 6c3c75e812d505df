"""The same, but for a library that is installed nowhere."""

from ml_core.algorithms import stranger  # type: ignore[attr-defined]
from ml_core.algorithms.base import Algorithm

_KNOWN = stranger.ALGORITHM

ALGORITHM = Algorithm(
    title="Nearest mean of far away",
    task=_KNOWN.task,
    objective=_KNOWN.objective,
    hyperparameters=_KNOWN.hyperparameters,
    fit=_KNOWN.fit,
    restore=_KNOWN.restore,
    requires=("json", "library_that_nobody_has"),
)
