"""From an algorithm and its hyperparameters to a fit in passes, or to why there is none."""

from functools import partial
from typing import TYPE_CHECKING, Any

from ml_core.errors import Fault, raise_faults
from ml_core.streaming.solvers.descent import Descent, Stopping
from ml_core.streaming.solvers.linear import LinearObjective, two_classes
from ml_core.streaming.solvers.linear_fit import LinearFit
from ml_core.streaming.solvers.losses import LOG
from ml_core.streaming.solvers.newton import Newton
from ml_core.streaming.solvers.weighting import costs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.coordinates import Coordinates
    from ml_core.streaming.solvers.fits import StreamedFit
    from ml_core.streaming.solvers.starting import Sample

# The next step would lower the objective by less than this share of it; Newton's is then taken unseen.
PRECISE = 1e-9
TWO = 2


def faults_of(
    algorithm: str,
    chosen: "Mapping[str, Any]",
    *,
    columns: int,  # noqa: ARG001 - not yet
    classes: int | None,
) -> list[Fault]:
    """Why such a training cannot be done in passes, and what fits instead; none where it can.

    Args:
        algorithm: its name.
        chosen: its hyperparameters, checked, with defaults filled in.
        columns: how many numbers a row has once it is encoded.
        classes: how many there are; None where the task takes no targets.
    """
    if algorithm != "logistic_regression":
        return [Fault("$.algorithm", f"{algorithm} cannot be trained in passes over the table")]
    if chosen["l1_ratio"]:
        message = "the absolute penalty (l1_ratio above 0) cannot be fitted in passes over the table: use 0"
        return [Fault("$.hyperparameters.l1_ratio", message)]
    if classes != TWO:
        return [Fault("$.algorithm", f"{classes} classes: not yet")]
    return []


def solver_for(
    algorithm: str,
    chosen: "Mapping[str, Any]",
    *,
    columns: int,
    counts: "Sequence[int] | None",
    seed: int,  # noqa: ARG001 - k-means starts from it
    sample: "Sample | None",
) -> "StreamedFit":
    """The fit of an algorithm in passes.

    Args:
        algorithm: its name.
        chosen: its hyperparameters, as `Algorithm.fit` takes them.
        columns: how many numbers a row has once it is encoded.
        counts: how many rows each class has; None where the task takes no targets.
        seed: what randomness starts from.
        sample: rows at random, as the kernels will be given them; None where a state will be restored.

    Raises:
        InvalidInput: it cannot be done in passes.
    """
    raise_faults(
        faults_of(algorithm, chosen, columns=columns, classes=None if counts is None else len(counts))
    )
    assert counts is not None  # noqa: S101 - for the type checker
    return _two_class_regression(chosen, columns, counts, sample)


def _two_class_regression(
    chosen: "Mapping[str, Any]", columns: int, counts: "Sequence[int]", sample: "Sample | None"
) -> LinearFit:
    from ml_core.algorithms.logistic_regression import LogisticRegression

    return LinearFit(
        partial(_log_descent, columns, Stopping(PRECISE, chosen["max_iter"])),
        LogisticRegression,
        costs=costs(chosen["C"], chosen["class_weight"], counts),
        counts=counts,
        intercept=chosen["fit_intercept"],
        movable=True,
        sample=sample,
    )


def _log_descent(
    columns: int,
    stopping: Stopping,
    by_class: "Sequence[float]",
    seen: "Coordinates",
    start: "NDArray[np.float64] | None",
) -> Descent:
    objective = LinearObjective(LOG, two_classes(by_class), seen, columns)
    return Descent(objective, Newton(objective.ridge), stopping, start=start)
