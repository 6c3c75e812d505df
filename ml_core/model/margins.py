"""What a model's margin of one label over another is, by what the algorithm says that it learnt."""

from __future__ import annotations

from functools import partial

from ml_core.algorithms.learnt import ClusterCentres, KernelDecisions, LinearDecisions
from ml_core.arithmetic.bounds import NotFinite
from ml_core.conflicts import NotExplained
from ml_core.explaining.linear import CentresMargin, LinearSplit, WeightedMargin
from ml_core.preprocessing.batch import RowBatch
from ml_core.records import Protocol

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.algorithms.learnt import Learnt
    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.algorithms.svm import KernelPairs
    from ml_core.explaining.background import BackgroundGame
    from ml_core.explaining.coding import Coding
    from ml_core.explaining.kernels import KernelGame
    from ml_core.explaining.linear import LinearMargin
    from ml_core.explaining.split import MarginSplit
    from ml_core.explaining.vectors import PairVectors
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.inputs.rows import Rows
    from ml_core.preprocessing.encoding import Encoding
    from ml_core.preprocessing.instance_input import InstanceInput
    from ml_core.preprocessing.scaling import Scaling
    from ml_core.profiles.profile import Profile

LOG_ODDS, DECISION, SQUARED_DISTANCE = "log-odds", "decision", "squared distance"


class ExplainedModel(Protocol):
    """What is asked of a model, which `model/model.py` has: it imports this file, and not the other way."""

    algorithm: str
    features: tuple[str, ...]
    classes: tuple[Label, ...] | None
    estimator: FittedEstimator
    scaling: Scaling | None
    encoding: Encoding | None
    reader: InstanceInput | None
    output_specs: dict[str, OutputSpec]
    kept: dict[str, Any]

    @property
    def profile(self) -> Profile | None:
        """What is kept of the rows that it was trained on."""

    @property
    def columns(self) -> Sequence[Feature]:
        """The features with their kinds."""

    def predict_rows(self, rows: Rows, outputs: Sequence[str] = ("label",)) -> dict[str, list[Any]]:
        """What is asked, for every row."""


class Margins:
    """The unit of a model's margins, and how they are split against a background.

    `linear` gives that of one label over another; None where margins are not linear.
    """

    def __init__(
        self,
        unit: str,
        split: Callable[[BackgroundGame], MarginSplit],
        linear: Callable[[int, int], LinearMargin] | None = None,
    ) -> None:
        self.unit = unit
        self.split = split
        self.linear = linear

    @classmethod
    def of_linear(cls, unit: str, margin_of: Callable[[int, int], LinearMargin], coding: Coding) -> Margins:
        """Those of a linear margin for each two labels."""
        return cls(unit, partial(LinearSplit, margin_of, coding), margin_of)


def margins_of(model: ExplainedModel, coding: Coding) -> Margins:
    """Those of a model. Raises `NotExplained` where there are none."""
    estimator = model.estimator
    tell: Callable[[], Learnt] | None = getattr(estimator, "learnt", None)
    learnt = tell() if tell else None
    if isinstance(learnt, LinearDecisions):
        unit = LOG_ODDS if learnt.log_odds else DECISION
        return Margins.of_linear(unit, _between_decisions(learnt), coding)
    if isinstance(learnt, ClusterCentres):
        return Margins.of_linear(SQUARED_DISTANCE, _between_centres(learnt), coding)
    if isinstance(learnt, KernelDecisions):
        return _of_kernel(estimator, learnt, coding)
    return _of_outputs(model, coding)


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
) -> Margins:
    # How numpy is loaded is decided there.
    import ml_core.arithmetic.vectorised  # noqa: F401
    from ml_core.explaining.vectors import PairVectors

    pairs: KernelPairs = estimator.pairs
    kernel, vectors = pairs.kernel, PairVectors(pairs.vectors, pairs.coefficients, coding)
    if learnt.kernel == "linear" or (learnt.kernel == "poly" and kernel.degree == 1):
        factor, summand = (1.0, 0.0) if learnt.kernel == "linear" else (kernel.gamma, kernel.coef0)
        return Margins.of_linear(DECISION, partial(_of_vectors, vectors, factor, summand), coding)
    if learnt.kernel == "sigmoid":
        from ml_core.explaining.permutations import SigmoidSplit

        slope = (kernel.gamma, kernel.coef0)
        return Margins(DECISION, partial(SigmoidSplit, slope, vectors, coding))
    from ml_core.explaining.kernels import KernelSplit

    game: KernelGame
    if learnt.kernel == "rbf":
        from ml_core.explaining.rbf import RbfGame

        game = RbfGame(kernel.gamma)
    else:
        from ml_core.explaining.polynomial import PolynomialGame

        game = PolynomialGame(kernel.gamma, kernel.coef0, kernel.degree)
    return Margins(DECISION, partial(KernelSplit, game, vectors, coding))


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


def _of_outputs(model: ExplainedModel, coding: Coding) -> Margins:
    """Those of an algorithm that says nothing of itself: what it answers tells labels apart."""
    import ml_core.arithmetic.vectorised  # noqa: F401 - decides how numpy is loaded
    from ml_core.explaining.permutations import FunctionSplit

    output = next(
        (name for name in ("probability", "decision", "distance") if name in model.output_specs), None
    )
    if output is None:
        raise NotExplained(
            f"the algorithm '{model.algorithm}' gives its label alone: there is no margin to explain"
        )
    work = getattr(model.estimator, "work", coding.width * model.output_specs[output].width)
    predicted = partial(_predicted, model.estimator, output, model.encoding, model.scaling)
    margins = partial(_margins_of_outputs, output, predicted)
    return Margins(_UNITS[output], partial(FunctionSplit, margins, work, len(coding.columns)))


_UNITS = {"probability": LOG_ODDS, "decision": DECISION, "distance": SQUARED_DISTANCE}
# A probability of less is taken for this: it has a logarithm.
_LEAST_PROBABILITY = 2.0**-52


def _predicted(
    estimator: FittedEstimator,
    output: str,
    encoding: Encoding | None,
    scaling: Scaling | None,
    rows: NDArray[np.float64],
) -> Any:  # noqa: ANN401 - what an estimator gives
    batch = RowBatch(rows.astype("<f8").tobytes(), rows.shape[1], encoding, scaling)
    return estimator.predict(batch, (output,))[output]


def _margins_of_outputs(
    output: str,
    predicted: Callable[[NDArray[np.float64]], Any],
    rows: NDArray[np.float64],
    pair: tuple[int, int],
) -> NDArray[np.float64]:
    import numpy as np

    try:
        values = np.asarray(predicted(rows), dtype=np.float64).reshape(len(rows), -1)
    except NotFinite:
        return np.full(len(rows), np.nan)
    own, other = pair
    if values.shape[1] == 1:  # of two classes a decision is one number, positive for the second
        margins: NDArray[np.float64] = values[:, 0] if own else -values[:, 0]
        return margins
    if output == "probability":
        values = np.log(np.maximum(values, _LEAST_PROBABILITY))
    elif output == "distance":
        values = -(values**2)
    return values[:, own] - values[:, other]
