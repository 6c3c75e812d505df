"""What a model's margin of one label over another is, by what the algorithm says that it learnt."""

from __future__ import annotations

from functools import partial

from ml_core.algorithms.learnt import ClusterCentres, LinearDecisions
from ml_core.errors import NotExplained
from ml_core.explaining.linear import CentresMargin, LinearSplit, WeightedMargin

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.algorithms.learnt import Learnt
    from ml_core.explaining.background import Background
    from ml_core.explaining.coding import Coding
    from ml_core.explaining.linear import LinearMargin
    from ml_core.explaining.split import MarginSplit

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


def _between_centres(learnt: ClusterCentres) -> Callable[[int, int], LinearMargin]:
    def margin(own: int, other: int) -> LinearMargin:
        return CentresMargin(learnt.centres[own], learnt.centres[other])

    return margin
