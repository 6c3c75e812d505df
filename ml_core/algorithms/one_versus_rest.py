"""A linear support vector machine whose every class has a decision of its own, as liblinear fits it.

libsvm's machines decide between pairs of classes instead: `svm.py`, whose artifacts these are too.
"""

from __future__ import annotations

from ml_core.algorithms.base import ArithmeticEstimator
from ml_core.algorithms.outputs import LABELS, OutputSpec
from ml_core.inputs.specs import table_row
from ml_core.preprocessing.scaling import Scaling, absorb_scaling
from ml_core.safetensors import Tensor, finite_numbers, float64

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ml_core.algorithms.learnt import LinearDecisions
    from ml_core.arithmetic.contract import Arithmetic


class OneVersusRest(ArithmeticEstimator):
    """Weights and an intercept for each class; for two classes one row, positive for the second."""

    contains_training_rows = False

    def __init__(self, weights: Tensor, intercepts: tuple[float, ...]) -> None:
        if len(weights.shape) != 2 or weights.shape[0] != len(intercepts) or len(intercepts) in (0, 2):
            raise ValueError("the weights need an intercept for each row, and two classes have one row")
        self.weights = weights
        self.intercepts = intercepts
        self.n_classes = max(2, len(intercepts))
        self.input = table_row(weights.shape[1])
        self.outputs = (
            LABELS,
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

    def compute[M](self, arithmetic: Arithmetic[M], X: M, outputs: Sequence[str]) -> dict[str, M | list[int]]:  # noqa: ARG002 - decisions are there anyway
        """The class of each row, and the decisions. Raises `NotFinite`."""
        decisions = arithmetic.affine(X, self.weights, self.intercepts)
        return {"label": arithmetic.largest(decisions), "decision": decisions}

    def absorb_scaling(self, scaling: Scaling) -> OneVersusRest | None:
        """The same with the scaling in the weights, where that is precise."""
        together = absorb_scaling(self.weights, self.intercepts, scaling)
        return together and OneVersusRest(*together)

    def learnt(self) -> LinearDecisions:
        """Each class's decision; of two classes that of the second against the first."""
        from ml_core.algorithms.learnt import LinearDecisions, Side

        several = tuple(Side(number, None) for number in range(len(self.intercepts)))
        sides = several if len(several) > 1 else (Side(1, 0),)
        return LinearDecisions(sides, self.weights.rows, self.intercepts)

    def parameters(self) -> dict[str, object]:
        """The intercepts, and that they are not those of pairs."""
        return {"one_versus_rest": True, "intercepts": list(self.intercepts)}

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {"weights": self.weights}


def restored(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> OneVersusRest:
    """The state that `parameters` and `tensors` describe."""
    if parameters.pop("one_versus_rest") is not True:
        raise ValueError("expected true")
    return OneVersusRest(float64(tensors.pop("weights"), 2), finite_numbers(parameters.pop("intercepts")))
