"""Logistic regression for two and more classes."""

from __future__ import annotations

from ml_core import hyperparameters as hp
from ml_core.algorithms.base import (
    Algorithm,
    ArithmeticEstimator,
    FitContext,
    TrainingData,
)
from ml_core.algorithms.outputs import LABELS, TOP, OutputSpec
from ml_core.algorithms.tasks import CLASSIFICATION
from ml_core.inputs.specs import table_row
from ml_core.preprocessing.scaling import Preprocessing, Scaling, absorb_scaling
from ml_core.safetensors import Tensor, finite_numbers, float64

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ml_core.algorithms.contract import FittedPrivately, PrivateData
    from ml_core.algorithms.learnt import LinearDecisions
    from ml_core.arithmetic.contract import Arithmetic


class LogisticRegression(ArithmeticEstimator):
    """Weights and an intercept for each class; for two classes one row, positive for the second."""

    contains_training_rows = False
    gives_top = True

    def __init__(self, weights: Tensor, intercepts: tuple[float, ...]) -> None:
        self.weights = weights
        self.intercepts = intercepts
        self.n_classes = max(2, len(intercepts))
        self.input = table_row(weights.shape[1])
        self.outputs = (
            LABELS,
            OutputSpec("probability", (self.n_classes,)),
            OutputSpec("decision", () if len(intercepts) == 1 else (len(intercepts),)),
        )

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix that `compute` makes."""
        return self.n_classes

    @property
    def work(self) -> int:
        """A multiplication for each weight."""
        return self.weights.size

    def compute[M](self, arithmetic: Arithmetic[M], X: M, outputs: Sequence[str]) -> dict[str, Any]:
        """The class of each row, and what else is asked. Raises `NotFinite`."""
        decisions = arithmetic.affine(X, self.weights, self.intercepts)
        found: dict[str, Any] = {"label": arithmetic.largest(decisions), "decision": decisions}
        if TOP in outputs:
            found[TOP] = arithmetic.greatest_shares(decisions)
        if "probability" in outputs:
            found["probability"] = self._probabilities(arithmetic, decisions)
        return found

    def _probabilities[M](self, arithmetic: Arithmetic[M], decisions: M) -> M:
        if len(self.intercepts) == 1:
            return arithmetic.complemented(arithmetic.sigmoid(decisions, (1.0,), (0.0,)))
        return arithmetic.softmax(decisions)

    def absorb_scaling(self, scaling: Scaling) -> LogisticRegression | None:
        """The same with the scaling in the weights, where that is precise."""
        together = absorb_scaling(self.weights, self.intercepts, scaling)
        return together and LogisticRegression(*together)

    def learnt(self) -> LinearDecisions:
        """Each class's decision; of two classes that of the second against the first."""
        from ml_core.algorithms.learnt import LinearDecisions, Side

        several = tuple(Side(number, None) for number in range(len(self.intercepts)))
        sides = several if len(several) > 1 else (Side(1, 0),)
        return LinearDecisions(sides, self.weights.rows, self.intercepts, log_odds=True)

    def parameters(self) -> dict[str, object]:
        """The intercepts."""
        return {"intercepts": list(self.intercepts)}

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {"weights": self.weights}


def fit(
    data: TrainingData,
    chosen: Mapping[str, Any],
    context: FitContext,  # noqa: ARG001 - the solver tells nothing on its way
) -> tuple[LogisticRegression, Preprocessing]:
    """Fit with lbfgs, or with saga where part of the penalty is absolute (`l1_ratio` above 0)."""
    from sklearn.linear_model import LogisticRegression as Estimator

    from ml_core.preprocessing.fitting import preprocess

    estimator = Estimator(
        solver="saga" if chosen["l1_ratio"] else "lbfgs",
        random_state=data.seed,  # saga visits rows in random order
        **{name: value for name, value in chosen.items() if name != "scale"},
    )
    X, preprocessing = preprocess(data.X, data.columns, scale=chosen["scale"])
    estimator.fit(X, data.y)
    weights, intercepts = estimator.coef_, estimator.intercept_
    state = LogisticRegression(
        Tensor.of(weights.ravel().tolist(), *weights.shape), tuple(intercepts.tolist())
    )
    return state, preprocessing


def fit_private(data: PrivateData, chosen: Mapping[str, Any]) -> FittedPrivately:
    """Fit by noisy steps of Newton's method."""
    import numpy as np

    from ml_core.algorithms.contract import FittedPrivately
    from ml_core.privacy.answers import LinearAnswers
    from ml_core.privacy.logistic_sums import LogisticSums
    from ml_core.privacy.newton import newton

    classes = data.classes or 0
    sums = LogisticSums(
        data.blocks,
        width=data.width,
        classes=classes,
        longest=data.longest,
        budget=data.budget,
        noise=data.noise,
    )
    weights = newton(sums, 1 / chosen["C"])
    rest = np.ascontiguousarray(weights[:, 1:])
    state = LogisticRegression(Tensor.of(rest.ravel().tolist(), *rest.shape), tuple(weights[:, 0].tolist()))
    return FittedPrivately(state, LinearAnswers(weights))


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> LogisticRegression:
    """The state that `parameters` and `tensors` describe."""
    weights, intercepts = float64(tensors.pop("weights"), 2), finite_numbers(parameters.pop("intercepts"))
    if weights.shape[0] != len(intercepts):
        raise ValueError("the weights need an intercept for each row")
    return LogisticRegression(weights, intercepts)


ALGORITHM = Algorithm(
    title="Logistic regression",
    task=CLASSIFICATION,
    summary="Predicts a class, and how probable each is. Quick, and the weight of every column "
    "can be read: a good first choice.",
    hyperparameters=(
        hp.Hyperparameter("C", hp.Number(above=0, most=1e10), 1.0, "inverse strength of the regularisation"),
        hp.Hyperparameter(
            "l1_ratio",
            hp.Number(least=0, most=1),
            0.0,
            "share of the absolute penalty (L1); the rest is squared (L2)",
        ),
        hp.CLASS_WEIGHT,
        hp.Hyperparameter("fit_intercept", hp.Flag(), True, "whether the decision has a constant term"),
        hp.Hyperparameter("max_iter", hp.Integer(1, 100_000), 100, "most iterations of the solver"),
        hp.Hyperparameter(
            "tol", hp.Number(above=0, most=1), 1e-4, "the solver stops at changes as small as this"
        ),
        hp.scale(default=True),
    ),
    fit=fit,
    fit_private=fit_private,
    private_hyperparameters=("C",),
    restore=restore,
    keeps_rows=lambda _: False,
    objective="log_loss",
)
