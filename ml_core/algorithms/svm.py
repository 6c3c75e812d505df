"""Support vector classification for two and more classes.

The loss 'hinge' is libsvm's C-SVC, which decides between pairs of classes. 'squared_hinge' is liblinear's
linear machine, whose every class has a decision of its own: `one_versus_rest.py`.
"""

from __future__ import annotations

from ml_core import hyperparameters as hp
from ml_core.algorithms.base import (
    Algorithm,
    ArithmeticEstimator,
    DataSize,
    FitContext,
    TrainingData,
)
from ml_core.algorithms.outputs import LABELS, OutputSpec
from ml_core.algorithms.tasks import CLASSIFICATION
from ml_core.arithmetic.bounds import CLOSE
from ml_core.arithmetic.pairs import Coefficients, pairs_of
from ml_core.errors import Fault, TooLarge
from ml_core.inputs.specs import table_row
from ml_core.preprocessing.scaling import Preprocessing, Scaling, absorb_scaling
from ml_core.records import Protocol, Record
from ml_core.safetensors import Tensor, counts, finite_numbers, float64

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.algorithms.learnt import KernelDecisions, LinearDecisions, Side, Sigmoid
    from ml_core.arithmetic.contract import Arithmetic

KERNELS = ("linear", "rbf", "poly", "sigmoid")
HINGE, SQUARED_HINGE = "hinge", "squared_hinge"
# Newton's steps of the squared hinge come this near in no more time: `tol` is a bound for libsvm.
NEAR = 1e-6
# As many iterations as liblinear takes where nothing bounds them: it needs tens.
MOST_ITERATIONS = 1_000_000
# Linear kernels become weights, unless those are more numbers than this and than the support vectors:
# hundreds of classes have tens of thousands of pairs.
MOST_WEIGHTS = 1 << 20
# A quarter of a GiB: what one model may take of a function that serves it.
MOST_NUMBERS = 1 << 25


class Pairwise(Protocol):
    """How the decision of each pair of classes is computed; positive for the first of the two."""

    intercepts: tuple[float, ...]
    n_features_in: int

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix made."""

    def decisions[M](self, arithmetic: Arithmetic[M], X: M) -> M:
        """One column for each pair: (0, 1), (0, 2) … (1, 2) … in this order."""

    def absorb_scaling(self, scaling: Scaling) -> Pairwise | None:
        """The same with the scaling in the weights, where that is possible and precise."""

    def learnt(
        self, sides: tuple[Side, ...], sign: float, calibration: tuple[Sigmoid, ...] | None
    ) -> LinearDecisions | KernelDecisions:
        """What people call it, every decision multiplied by `sign`."""

    def parameters(self) -> dict[str, object]:
        """What is no tensor."""

    def tensors(self) -> dict[str, Tensor]:
        """What is."""


class LinearPairs:
    """A row of weights for each pair."""

    def __init__(self, weights: Tensor, intercepts: tuple[float, ...]) -> None:
        if len(weights.shape) != 2 or weights.shape[0] != len(intercepts):
            raise ValueError("the weights need an intercept for each row")
        self.weights = weights
        self.intercepts = intercepts
        self.n_features_in = weights.shape[1]

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix made."""
        return self.weights.shape[0]

    def decisions[M](self, arithmetic: Arithmetic[M], X: M) -> M:
        """w·x + b for each pair."""
        return arithmetic.affine(X, self.weights, self.intercepts)

    def absorb_scaling(self, scaling: Scaling) -> LinearPairs | None:
        """The same with the scaling in the weights, where that is precise."""
        together = absorb_scaling(self.weights, self.intercepts, scaling)
        return together and LinearPairs(*together)

    def learnt(
        self, sides: tuple[Side, ...], sign: float, calibration: tuple[Sigmoid, ...] | None
    ) -> LinearDecisions:
        """The weights and intercepts."""
        from ml_core.algorithms.learnt import LinearDecisions

        weights = [tuple(sign * weight for weight in row) for row in self.weights.rows]
        return LinearDecisions(sides, weights, tuple(sign * each for each in self.intercepts), calibration)

    def parameters(self) -> dict[str, object]:
        """The intercepts."""
        return {"intercepts": list(self.intercepts)}

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {"weights": self.weights}


class Kernel(Record):
    """How alike two rows are; `gamma`, `coef0` and `degree` as far as the kind has them."""

    kind: str
    gamma: float
    coef0: float
    degree: int

    def matrix[M](self, arithmetic: Arithmetic[M], X: M, points: Tensor) -> M:
        """The kernel_matrix of every row to every point."""
        if self.kind == "rbf":
            return arithmetic.rbf_kernel(X, points, self.gamma)
        if self.kind == "sigmoid":
            return arithmetic.sigmoid_kernel(X, points, self.gamma, self.coef0)
        if self.kind == "poly":
            return arithmetic.polynomial_kernel(X, points, self.gamma, self.coef0, self.degree)
        return arithmetic.polynomial_kernel(X, points, 1.0, 0.0, 1)


class KernelPairs:
    """Support vectors grouped by class, with coefficients against each other class, as libsvm keeps them."""

    def __init__(
        self,
        kernel: Kernel,
        vectors: Tensor,
        dual: Tensor,
        counts: tuple[int, ...],
        intercepts: tuple[float, ...],
    ) -> None:
        classes = len(counts)
        if vectors.shape[:1] != (sum(counts),) or dual.shape != (classes - 1, sum(counts)) or min(counts) < 0:
            raise ValueError("the coefficients do not fit the support vectors")
        if len(vectors.shape) != 2 or len(intercepts) != classes * (classes - 1) // 2:
            raise ValueError("the intercepts do not fit the classes")
        self.kernel = kernel
        self.vectors = vectors
        self.coefficients = Coefficients(dual, counts, intercepts)
        self.intercepts = intercepts
        self.n_features_in = vectors.shape[1]

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix made."""
        return max(self.vectors.shape[0], len(self.intercepts))

    def decisions[M](self, arithmetic: Arithmetic[M], X: M) -> M:
        """The sum of coefficient × kernel_matrix over each pair's vectors."""
        kernel_matrix = self.kernel.matrix(arithmetic, X, self.vectors)
        return arithmetic.one_versus_one(kernel_matrix, self.coefficients)

    def absorb_scaling(self, scaling: Scaling) -> None:  # noqa: ARG002 - as every kind of pairs
        """Likeness is measured between scaled rows."""
        return

    def learnt(
        self, sides: tuple[Side, ...], sign: float, calibration: tuple[Sigmoid, ...] | None
    ) -> KernelDecisions:
        """The kernel, how many vectors each class has, and the intercepts."""
        from ml_core.algorithms.learnt import KernelDecisions

        kind, gamma, coef0, degree = self.kernel
        return KernelDecisions(
            sides,
            tuple(sign * intercept for intercept in self.intercepts),
            kind,
            None if kind == "linear" else gamma,
            coef0 if kind in ("poly", "sigmoid") else None,
            degree if kind == "poly" else None,
            tuple(self.coefficients.counts),
            calibration,
        )

    def parameters(self) -> dict[str, object]:
        """The kernel, how many vectors each class has, and the intercepts."""
        return {
            "kernel": self.kernel._asdict(),
            "counts": list(self.coefficients.counts),
            "intercepts": list(self.intercepts),
        }

    def tensors(self) -> dict[str, Tensor]:
        """The vectors and their coefficients."""
        return {"vectors": self.vectors, "dual": self.coefficients.dual}


class Calibration(Record):
    """Platt's sigmoid for each class, 1 / (1 + exp(slope·decision + offset)); of two, for the second only."""

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]

    def probabilities[M](self, arithmetic: Arithmetic[M], decisions: M) -> M:
        """As `CalibratedClassifierCV` normalises them."""
        each = arithmetic.sigmoid(
            decisions, [-slope for slope in self.slopes], [-offset for offset in self.offsets]
        )
        return arithmetic.complemented(each) if len(self.slopes) == 1 else arithmetic.shares(each)


class Coupling(Record):
    """libsvm's own probabilities: Platt's sigmoid for each pair, 1 / (1 + exp(slope·decision + offset)).

    What the pairs say is brought together by `coupled`.
    """

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]


class SVM(ArithmeticEstimator):
    """Pairwise decisions, counted as votes; and, if they were asked for, probabilities.

    Args:
        classes: how many there are.
        pairs: the decision of each pair of them.
        calibration: how decisions become probabilities, as this project's training calibrates them.
        coupling: how pairs do, as libsvm does it.
        breaks_ties: whether the label is the class of the largest decision, and not that of the most votes.
    """

    def __init__(
        self,
        classes: int,
        pairs: Pairwise,
        calibration: Calibration | None,
        coupling: Coupling | None = None,
        *,
        breaks_ties: bool = False,
    ) -> None:
        if len(pairs.intercepts) != classes * (classes - 1) // 2:
            raise ValueError("the pairs do not fit the classes")
        if calibration and not len(calibration.slopes) == len(calibration.offsets) == _decision_columns(
            classes
        ):
            raise ValueError("the calibration does not fit the classes")
        if coupling and (
            calibration or not len(coupling.slopes) == len(coupling.offsets) == len(pairs.intercepts)
        ):
            raise ValueError("the coupling does not fit the pairs")
        self.n_classes = classes
        self.pairs = pairs
        self.calibration = calibration
        self.coupling = coupling
        self.breaks_ties = breaks_ties and classes > 2
        self.input = table_row(pairs.n_features_in)
        probability = (OutputSpec("probability", (classes,)),) if calibration or coupling else ()
        self.outputs = (LABELS, OutputSpec("decision", () if classes == 2 else (classes,)), *probability)

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix that `compute` makes."""
        return self.pairs.peak_width

    @property
    def contains_training_rows(self) -> bool:
        """Support vectors are rows that it was fitted to."""
        return isinstance(self.pairs, KernelPairs)

    @property
    def work(self) -> int:
        """A multiplication for each number of the vectors or weights, and for each coefficient."""
        return sum(tensor.size for tensor in self.pairs.tensors().values())

    def compute[M](self, arithmetic: Arithmetic[M], X: M, outputs: Sequence[str]) -> dict[str, M | list[int]]:
        """The class of each row, by libsvm's votes, and what else is asked. Raises `NotFinite`."""
        pairs = self.pairs.decisions(arithmetic, X)
        found: dict[str, M | list[int]] = {}
        if self.coupling and "probability" in outputs:
            found["probability"] = arithmetic.coupled(pairs, *self.coupling, self.n_classes)
        if not self.breaks_ties:
            found["label"] = arithmetic.most_votes(pairs, self.n_classes)
            if "decision" not in outputs and ("probability" not in outputs or self.coupling):
                return found
        # scikit-learn's sign: of two classes, the decision is positive for the second
        several = self.n_classes > 2
        decisions = (
            arithmetic.one_versus_rest(pairs, self.n_classes) if several else arithmetic.negated(pairs)
        )
        found["decision"] = decisions
        if self.breaks_ties:
            found["label"] = arithmetic.largest(decisions)
        if "probability" in outputs and self.calibration:
            found["probability"] = self.calibration.probabilities(arithmetic, decisions)
        return found

    def absorb_scaling(self, scaling: Scaling) -> SVM | None:
        """The same with the scaling in a linear kernel's weights, where that is precise."""
        pairs = self.pairs.absorb_scaling(scaling)
        if pairs is None:
            return None
        return SVM(self.n_classes, pairs, self.calibration, self.coupling, breaks_ties=self.breaks_ties)

    def learnt(self) -> LinearDecisions | KernelDecisions:
        """Each pair's decision, and how probabilities come of them; no vector, which is a training row."""
        from ml_core.algorithms.learnt import Side, Sigmoid

        two = self.n_classes == 2  # its sign and its one sigmoid are those of the second, as in `compute`
        sides = (Side(1, 0),) if two else tuple(Side(*pair) for pair in pairs_of(self.n_classes))
        calibration = None
        if self.calibration:
            sigmoids = zip(self.calibration.slopes, self.calibration.offsets, strict=True)
            calibration = tuple(Sigmoid(number, *each) for number, each in enumerate(sigmoids, int(two)))
        return self.pairs.learnt(sides, -1.0 if two else 1.0, calibration)

    def parameters(self) -> dict[str, object]:
        """The pairs' parameters, and what is made of their decisions."""
        calibration = self.calibration and self.calibration._asdict()
        told = {"classes": self.n_classes, "calibration": calibration, **self.pairs.parameters()}
        if self.coupling:
            told["coupling"] = self.coupling._asdict()
        return {**told, "breaks_ties": True} if self.breaks_ties else told

    def tensors(self) -> dict[str, Tensor]:
        """The pairs' tensors."""
        return self.pairs.tensors()


def _decision_columns(classes: int) -> int:
    return 1 if classes == 2 else classes


def check_size(size: DataSize, chosen: Mapping[str, Any]) -> list[Fault]:
    """A class that cross-validation cannot hold out."""
    if not chosen["probability"] or size.rarest is None or size.rarest > 1:
        return []
    message = "calibrating needs at least 2 rows of each class to train on; one class has 1"
    return [Fault("$.hyperparameters.probability", message)]


def check_together(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A loss that does not go with the rest."""
    if chosen["loss"] == HINGE:
        return []
    wrong = []
    if chosen["kernel"] != "linear":
        wrong.append(("loss", f"'squared_hinge' needs the kernel 'linear', got {chosen['kernel']!r}"))
    if chosen["probability"]:
        wrong.append(
            ("probability", "expected false with the loss 'squared_hinge', got true; 'hinge' is calibrated")
        )
    return wrong


def fit(
    data: TrainingData,
    chosen: Mapping[str, Any],
    context: FitContext,  # noqa: ARG001 - neither solver tells anything on its way
) -> tuple[FittedEstimator, Preprocessing]:
    """Fit by libsvm, the squared hinge by liblinear.

    With `probability`, calibrate on the decisions of cross-validation.
    """
    from sklearn.svm import SVC

    from ml_core.preprocessing.fitting import preprocess

    if chosen.get("loss") == SQUARED_HINGE:  # what an earlier release accepted has none
        return _one_versus_rest(data, chosen)
    own = ("scale", "probability", "loss")
    options = {name: value for name, value in chosen.items() if name not in own}
    if chosen["probability"]:
        estimator, preprocessing, calibration = _calibrated(SVC(**options), data, scale=chosen["scale"])
    else:
        X, preprocessing = preprocess(data.X, data.columns, scale=chosen["scale"])
        estimator, calibration = SVC(**options).fit(X, data.y), None
    return SVM(len(estimator.classes_), _pairs(estimator), calibration), preprocessing


def _one_versus_rest(data: TrainingData, chosen: Mapping[str, Any]) -> tuple[FittedEstimator, Preprocessing]:
    from sklearn.svm import LinearSVC

    from ml_core.algorithms.one_versus_rest import OneVersusRest
    from ml_core.preprocessing.fitting import preprocess

    X, preprocessing = preprocess(data.X, data.columns, scale=chosen["scale"])
    estimator = LinearSVC(
        loss=SQUARED_HINGE,
        dual=False,
        C=chosen["C"],
        class_weight=chosen["class_weight"],
        tol=min(chosen["tol"], NEAR),
        max_iter=MOST_ITERATIONS if chosen["max_iter"] == -1 else chosen["max_iter"],
    ).fit(X, data.y)
    weights, intercepts = estimator.coef_, estimator.intercept_
    return (
        OneVersusRest(Tensor.of(weights.ravel().tolist(), *weights.shape), tuple(intercepts.tolist())),
        preprocessing,
    )


def _calibrated(estimator: Any, data: TrainingData, *, scale: bool) -> tuple[Any, Preprocessing, Calibration]:  # noqa: ANN401 - scikit-learn is untyped
    import numpy as np
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline

    from ml_core.preprocessing.fitting import Preprocessor

    assert data.y is not None  # noqa: S101 - for the type checker: this is a classifier
    folds = min(5, int(np.bincount(data.y).min()))
    pipeline = make_pipeline(Preprocessor(data.columns, scale=scale), estimator)
    calibrated = CalibratedClassifierCV(pipeline, method="sigmoid", ensemble=False, cv=folds)
    only = calibrated.fit(data.X, data.y).calibrated_classifiers_[0]
    slopes, offsets = zip(*((float(each.a_), float(each.b_)) for each in only.calibrators), strict=True)
    preparing, fitted = (step for _, step in only.estimator.steps)
    return fitted, preparing.preprocessing_, Calibration(slopes, offsets)


def _pairs(estimator: Any) -> Pairwise:  # noqa: ANN401 - scikit-learn is untyped
    # For two classes scikit-learn turns the signs, so that positive means the second class; libsvm's means
    # the first.
    sign = -1.0 if len(estimator.classes_) == 2 else 1.0
    # libsvm's gamma, once "scale" and "auto" are numbers, is public nowhere
    kernel = Kernel(estimator.kernel, float(estimator._gamma), estimator.coef0, estimator.degree)  # noqa: SLF001
    return pairs_of_vectors(
        kernel,
        estimator.support_vectors_,
        sign * _full(estimator.dual_coef_),
        tuple(estimator.n_support_.tolist()),
        tuple((sign * estimator.intercept_).tolist()),
        weights=(lambda: sign * _full(estimator.coef_)) if estimator.kernel == "linear" else None,
    )


def pairs_of_vectors(
    kernel: Kernel,
    vectors: Any,  # noqa: ANN401 - scikit-learn is untyped
    dual: Any,  # noqa: ANN401
    counts: tuple[int, ...],
    intercepts: tuple[float, ...],
    *,
    weights: Callable[[], Any] | None = None,
) -> Pairwise:
    """The pairs of what libsvm fitted, with its signs; `weights` makes a row for each, of a linear kernel.

    Raises `TooLarge`.
    """
    if vectors.shape[0] * vectors.shape[1] > MOST_NUMBERS:
        rows, columns = vectors.shape
        raise TooLarge(
            f"{rows} rows became support vectors of {columns} numbers each (a word is a number of its own): "
            f"that is more than the {MOST_NUMBERS} that a model may hold; leave columns of many words out of "
            "data.features, or train a logistic regression"
        )
    vectors = _full(vectors)
    few = len(intercepts) * vectors.shape[1] <= max(MOST_WEIGHTS, vectors.size)
    if weights is not None and few:
        made = weights()
        if not _cancels(made, dual, vectors):
            return LinearPairs(Tensor(made.shape, made.astype("<f8").tobytes()), intercepts)
    return KernelPairs(
        kernel,
        Tensor(vectors.shape, vectors.astype("<f8").tobytes()),
        Tensor(dual.shape, dual.astype("<f8").tobytes()),
        counts,
        intercepts,
    )


def _full(matrix: Any) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """A matrix that may be sparse with all its zeros: estimators keep what they were fitted to."""
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


def _cancels(weights: Any, dual: Any, vectors: Any) -> bool:  # noqa: ANN401 - scikit-learn is untyped
    """Whether all weights of a pair are 0 but for rounding, as where no line can part the classes (XOR).

    Rounding then decides each label, in libsvm's order of adding: only the vectors know it.
    """
    import numpy as np

    terms = np.abs(dual).sum(axis=0) @ np.abs(vectors)
    return bool((np.abs(weights) <= CLOSE * terms).all(axis=1).any())


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> FittedEstimator:
    """The state that `parameters` and `tensors` describe."""
    if "one_versus_rest" in parameters:
        from ml_core.algorithms.one_versus_rest import restored

        return restored(parameters, tensors)
    (classes,) = counts([parameters.pop("classes")])
    intercepts = finite_numbers(parameters.pop("intercepts"))
    calibration = parameters.pop("calibration")
    if calibration is not None:
        calibration = Calibration(
            finite_numbers(calibration["slopes"]), finite_numbers(calibration["offsets"])
        )
    coupling = parameters.pop("coupling", None)
    if coupling is not None:
        coupling = Coupling(finite_numbers(coupling["slopes"]), finite_numbers(coupling["offsets"]))
    breaks_ties = _flag(parameters.pop("breaks_ties", False))
    if "weights" in tensors:
        linear = LinearPairs(float64(tensors.pop("weights"), 2), intercepts)
        return SVM(classes, linear, calibration, coupling, breaks_ties=breaks_ties)
    kernel = parameters.pop("kernel")
    gamma, coef0 = finite_numbers([kernel["gamma"], kernel["coef0"]])
    (degree,) = counts([kernel["degree"]])
    if kernel["kind"] not in KERNELS or gamma <= 0 or degree < 1:
        raise ValueError("no such kernel")
    grouped = counts(parameters.pop("counts"))
    alike = Kernel(kernel["kind"], gamma, coef0, degree)
    pairs = KernelPairs(
        alike, float64(tensors.pop("vectors"), 2), float64(tensors.pop("dual"), 2), grouped, intercepts
    )
    return SVM(classes, pairs, calibration, coupling, breaks_ties=breaks_ties)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value


def _keeps_rows(chosen: Mapping[str, Any]) -> bool | None:
    """A linear kernel is mostly kept as weights: of those only the artifact knows."""
    if chosen.get("kernel") != "linear":
        return True
    return False if chosen.get("loss") == SQUARED_HINGE else None


ALGORITHM = Algorithm(
    title="Support vector machine",
    task=CLASSIFICATION,
    summary="Predicts a class, by borders that may be curved. Takes long for more than some ten "
    "thousand rows.",
    hyperparameters=(
        hp.Hyperparameter("kernel", hp.OneOf(*KERNELS), "rbf", "how alike two rows are"),
        hp.Hyperparameter(
            "loss",
            hp.OneOf(HINGE, SQUARED_HINGE),
            HINGE,
            "what a wrong row costs; 'squared_hinge', which parts each class from the rest, needs 'linear'",
        ),
        hp.Hyperparameter("C", hp.Number(above=0, most=1e10), 1.0, "inverse strength of the regularisation"),
        hp.Hyperparameter(
            "gamma",
            hp.AnyOf(hp.OneOf("scale", "auto"), hp.Number(above=0, most=1e10)),
            "scale",
            "how near is near, except 'linear'; 'scale' is 1 / (features × variance), 'auto' 1 / features",
        ),
        hp.Hyperparameter("degree", hp.Integer(1, 20), 3, "the degree of the kernel 'poly'"),
        hp.Hyperparameter(
            "coef0", hp.Number(least=-1e6, most=1e6), 0.0, "constant term of 'poly' and 'sigmoid'"
        ),
        hp.CLASS_WEIGHT,
        hp.Hyperparameter("probability", hp.Flag(), False, "calibrate probabilities by cross-validation"),
        hp.Hyperparameter(
            "max_iter",
            hp.AnyOf(hp.Integer(-1, -1), hp.Integer(1, 1_000_000_000)),
            -1,
            "most iterations of the solver; -1 is as many as it takes",
        ),
        hp.Hyperparameter(
            "tol", hp.Number(above=0, most=1), 1e-3, "the solver stops at violations this small"
        ),
        hp.scale(default=True),
    ),
    check_size=check_size,
    check_together=check_together,
    fit=fit,
    restore=restore,
    keeps_rows=_keeps_rows,
    objective="hinge_loss",
    not_private="with a curved kernel its model is training rows; logistic_regression has straight borders",
)
