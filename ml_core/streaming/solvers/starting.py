"""The same fit of a sample in memory, to begin the passes near their end."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.solvers.derivatives import slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.streaming.solvers.contract import Solver, Sums

    type Numbers = NDArray[np.float64]


class StartingRows(NamedTuple):
    """Rows drawn at random from all, as the estimator takes them, and each one's class number.

    `whole` says that they are all rows, in the order and the form in which the fit in memory has them.
    """

    X: "NDArray[np.float64]"
    y: "NDArray[np.int64] | None"
    whole: bool = False

    def counts(self, classes: int) -> "NDArray[np.int64]":
        """How many rows of each class there are."""
        assert self.y is not None  # noqa: S101 - for the type checker: this is of a classifier
        return np.bincount(self.y, minlength=classes)


def costs_of_sample(costs: "Numbers", counts: "Sequence[int]", sample: StartingRows) -> "Numbers":
    """What a row's loss costs where the sample's rows stand for all rows of their classes.

    The last axis of `costs` is the class.
    """
    stands_for: Numbers = costs * (np.array(counts) / np.maximum(1, sample.counts(len(counts))))
    return stands_for


def run[S: Sums](solver: "Solver[S]", sample: StartingRows) -> None:
    """All passes of a solver over rows in memory."""
    while (kernel := solver.next()) is not None:
        first, *others = (
            kernel(sample.X[some], None if sample.y is None else sample.y[some])
            for some in slices(len(sample.X), sample.X.shape[1] // 8)
        )
        for sums in others:
            first = first.add(sums)
        solver.take(first)
