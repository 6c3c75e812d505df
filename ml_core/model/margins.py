"""What a model's margin of one label over another is, by what the algorithm says that it learnt."""

from __future__ import annotations

from functools import partial

from ml_core.algorithms.learnt import ClusterCentres, KernelDecisions, LinearDecisions
from ml_core.errors import NotExplained
from ml_core.explaining.linear import CentresMargin, LinearSplit, WeightedMargin

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.algorithms.learnt import Learnt
    from ml_core.algorithms.svm import KernelPairs
    from ml_core.explaining.background import Background
    from ml_core.explaining.coding import Coding
    from ml_core.explaining.kernels import KernelGame
    from ml_core.explaining.linear import LinearMargin
    from ml_core.explaining.split import MarginSplit
    from ml_core.explaining.vectors import PairVectors

LOG_ODDS, DECISION, SQUARED_DISTANCE = "log-odds", "decision", "squared distance"


class Margins:
    """The unit of a model's margins, and how they are split against a background."""

    def __init__(self, unit: str, split: Callable[[Background], MarginSplit]) -> None:
        self.unit = unit
        self.split = split


def margins_of(estimator: FittedEstimator, coding: Coding) -> Margins:
    """Those of an estimator. Raises `NotExplained` where it says of no margin what it is made of."""
    tell: Callable[[], Learnt] | None = getattr(estimator, "learnt", None)
    learnt = tell() if tell else None
    if isinstance(learnt, LinearDecisions):
        unit = LOG_ODDS if learnt.log_odds else DECISION
        return Margins(unit, partial(LinearSplit, _between_decisions(learnt), coding))
    if isinstance(learnt, ClusterCentres):
        return Margins(SQUARED_DISTANCE, partial(LinearSplit, _between_centres(learnt), coding))
    if isinstance(learnt, KernelDecisions):
        return Margins(DECISION, _of_kernel(estimator, learnt, coding))
    raise NotExplained("the algorithm says of no margin what it is made of")


def _between_decisions(learnt: LinearDecisions) -> Callable[[int, int], LinearMargin]:
    """The margin of one class over another: a decision between the two, or the difference of theirs."""
    rows = {
        (side.positive, side.against): (weights, intercept)
        for side, weights, intercept in zip(learnt.sides, learnt.weights, learnt.intercepts, strict=True)
    }

    def margin(own: int, other: int) -> LinearMargin:
        if (own, other) in rows:
            return WeightedMargin(*rows[own, other])
        if (other, own) in rows:
            turned, intercept = rows[other, own]
            return WeightedMargin([-weight for weight in turned], -intercept)
        (ours, constant), (theirs, less) = rows[own, None], rows[other, None]
        return WeightedMargin([v - w for v, w in zip(ours, theirs, strict=True)], constant - less)

    return margin


def _of_kernel(
    estimator: Any,  # noqa: ANN401 - it tells of kernels, so it has vectors
    learnt: KernelDecisions,
    coding: Coding,
) -> Callable[[Background], MarginSplit]:
    # How numpy is loaded is decided there.
    import ml_core.arithmetic.vectorised  # noqa: F401
    from ml_core.explaining.vectors import PairVectors

    pairs: KernelPairs = estimator.pairs
    kernel, vectors = pairs.kernel, PairVectors(pairs.vectors, pairs.coefficients, coding)
    if learnt.kernel == "linear" or (learnt.kernel == "poly" and kernel.degree == 1):
        factor, summand = (1.0, 0.0) if learnt.kernel == "linear" else (kernel.gamma, kernel.coef0)
        return partial(LinearSplit, partial(_of_vectors, vectors, factor, summand), coding)
    from ml_core.explaining.kernels import KernelSplit

    game: KernelGame
    if learnt.kernel == "rbf":
        from ml_core.explaining.rbf import RbfGame

        game = RbfGame(kernel.gamma)
    else:
        from ml_core.explaining.polynomial import PolynomialGame

        game = PolynomialGame(kernel.gamma, kernel.coef0, kernel.degree)
    return partial(KernelSplit, game, vectors, coding)


def _of_vectors(vectors: PairVectors, factor: float, summand: float, own: int, other: int) -> WeightedMargin:
    """The sum of coefficients · (factor · x·s + summand) as weights: such kernels are linear in x."""
    weights, total = vectors.weights(own, other)
    return WeightedMargin(
        [factor * weight for weight in weights], vectors.intercept(own, other) + summand * total
    )


def _between_centres(learnt: ClusterCentres) -> Callable[[int, int], LinearMargin]:
    def margin(own: int, other: int) -> LinearMargin:
        return CentresMargin(learnt.centres[own], learnt.centres[other])

    return margin
