"""The same fit of a sample in memory, to begin the passes near their end."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.solvers.derivatives import slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.contract import Solver
    from ml_core.streaming.solvers.derivatives import Derivatives


class Sample(NamedTuple):
    """Rows drawn at random from all, as the estimator takes them, and each one's class number."""

    X: "NDArray[np.float64]"
    y: "NDArray[np.int64] | None"

    def counts(self, classes: int) -> "NDArray[np.int64]":
        """How many rows of each class there are."""
        assert self.y is not None  # noqa: S101 - for the type checker: this is of a classifier
        return np.bincount(self.y, minlength=classes)


def costs_of_sample(costs: "Sequence[float]", counts: "Sequence[int]", sample: Sample) -> list[float]:
    """What a row's loss costs where the sample's rows stand for all rows of their classes."""
    have = sample.counts(len(counts)).tolist()
    return [cost * all_ / max(1, own) for cost, all_, own in zip(costs, counts, have, strict=True)]


def run(solver: "Solver[Derivatives]", sample: Sample) -> None:
    """All passes of a solver over rows in memory."""
    while (kernel := solver.next()) is not None:
        first, *others = (
            kernel(sample.X[some], None if sample.y is None else sample.y[some])
            for some in slices(len(sample.X), sample.X.shape[1] // 8)
        )
        for sums in others:
            first = first.add(sums)
        solver.take(first)
