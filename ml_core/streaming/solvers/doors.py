"""From an algorithm and its hyperparameters to a fit in passes, or to why there is none."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.errors import Fault, raise_faults
from ml_core.streaming.solvers.descent import Descent, Direction, Objective
from ml_core.streaming.solvers.hinge_descent import NARROWEST, SAMPLED, WIDEST, HingeDescent
from ml_core.streaming.solvers.limits import (
    MOST_COEFFICIENTS,
    MOST_OF_CENTRES,
    MOST_OF_HINGE,
    MOST_OF_STARTS,
    in_full,
)
from ml_core.streaming.solvers.linear import (
    LinearObjective,
    costs_of_rest,
    one_versus_one,
    one_versus_rest,
    two_classes,
)
from ml_core.streaming.solvers.linear_fit import LinearFit
from ml_core.streaming.solvers.lloyd import LloydFit
from ml_core.streaming.solvers.losses import LOG, SQUARED_HINGE
from ml_core.streaming.solvers.multinomial import MultinomialObjective
from ml_core.streaming.solvers.newton import Newton
from ml_core.streaming.solvers.quasi_newton import QuasiNewton
from ml_core.streaming.solvers.weighting import costs
from ml_core.training.fitting import convergence_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.safetensors import Tensor
    from ml_core.streaming.solvers.coordinates import Coordinates
    from ml_core.streaming.solvers.fits import StreamedFit
    from ml_core.streaming.solvers.starting import StartingRows

    type Numbers = NDArray[np.float64]

# As many passes as a fit makes whose hyperparameters say nothing of it.
PASSES = 100
# Ends of k-means whose inertia differs by less than this share are taken for the same.
_SAME_END = 1e-9


def faults_of(
    algorithm: str, chosen: "Mapping[str, Any]", *, columns: int, classes: int | None
) -> list[Fault]:
    """Why such a training cannot be done in passes, and what fits instead; none where it can.

    Args:
        algorithm: its name.
        chosen: its hyperparameters, checked, with defaults filled in.
        columns: how many numbers a row has once it is encoded.
        classes: how many there are; None where the task takes no targets.
    """
    if algorithm == "logistic_regression":
        return [*_absolute(chosen), *_too_many(columns, classes)]
    if algorithm == "kmeans":
        return _too_many_centres(chosen, columns)
    if algorithm == "svm":
        return [*_no_line(chosen), *_too_many(columns, classes), *_too_many_pairs(chosen, columns, classes)]
    message = (
        f"{algorithm} needs all rows in memory; in passes over the table train logistic_regression, svm with "
        "kernel 'linear', or kmeans"
    )
    return [Fault("$.algorithm", message)]


def _absolute(chosen: "Mapping[str, Any]") -> list[Fault]:
    if not chosen["l1_ratio"]:
        return []
    message = "the absolute penalty (L1) needs all rows in memory; in passes over the table expected 0"
    return [Fault("$.hyperparameters.l1_ratio", message)]


def _no_line(chosen: "Mapping[str, Any]") -> list[Fault]:
    where = "$.hyperparameters"
    found = []
    if chosen["kernel"] != "linear":
        message = (
            f"the kernel {chosen['kernel']!r} needs all rows in memory; in passes over the table expected "
            "'linear', or train a logistic_regression"
        )
        found.append(Fault(f"{where}.kernel", message))
    if chosen["probability"]:
        message = (
            "calibrating needs all rows in memory; in passes over the table expected false, or train a "
            "logistic_regression, which gives probabilities"
        )
        found.append(Fault(f"{where}.probability", message))
    return found


def _too_many_pairs(chosen: "Mapping[str, Any]", columns: int, classes: int | None) -> list[Fault]:
    pairs = (classes or 0) * ((classes or 0) - 1) // 2
    if chosen.get("loss") == "squared_hinge" or in_full(pairs, columns + 1, MOST_OF_HINGE):
        return []
    message = (
        f"the loss 'hinge' of {pairs} pairs of classes with {columns} columns once encoded needs all rows in "
        "memory; in passes over the table expected 'squared_hinge', or train a logistic_regression"
    )
    return [Fault("$.hyperparameters.loss", message)]


def _too_many(columns: int, classes: int | None) -> list[Fault]:
    several = classes or 0
    coefficients = (several if several > 2 else 1) * (columns + 1)
    if coefficients <= MOST_COEFFICIENTS:
        return []
    message = (
        f"{columns} columns once encoded and {several} classes are {coefficients} coefficients; in passes "
        f"over the table at most {MOST_COEFFICIENTS} are fitted: leave columns of many words out"
    )
    return [Fault("$.data.features", message)]


def solver_for(
    algorithm: str,
    chosen: "Mapping[str, Any]",
    *,
    columns: int,
    counts: "Sequence[int] | None",
    seed: int,
    sample: "StartingRows | None",
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
    classes = None if counts is None else len(counts)
    raise_faults(faults_of(algorithm, chosen, columns=columns, classes=classes))
    if algorithm == "kmeans":
        return _clusters(chosen, seed, sample)
    assert counts is not None  # noqa: S101 - for the type checker: these are classifiers
    squared = chosen.get("loss") == "squared_hinge"
    make = _regression if algorithm == "logistic_regression" else _squared_hinge if squared else _hinge
    return make(chosen, columns, counts, sample)


def _too_many_centres(chosen: "Mapping[str, Any]", columns: int) -> list[Fault]:
    numbers = chosen["n_clusters"] * columns
    if numbers <= MOST_OF_CENTRES:
        return []
    message = (
        f"{chosen['n_clusters']} centres of {columns} columns once encoded are {numbers} numbers; in passes "
        f"over the table at most {MOST_OF_CENTRES} are fitted: use fewer clusters, or leave columns out"
    )
    return [Fault("$.hyperparameters.n_clusters", message)]


def _clusters(chosen: "Mapping[str, Any]", seed: int, sample: "StartingRows | None") -> LloydFit:
    """Begun at the centres that scikit-learn finds for the sample; done with them where that is all rows."""
    bounds = {"tol": chosen["tol"], "max_iter": chosen["max_iter"]}
    if sample is None:
        return LloydFit(None, None, **bounds)
    from sklearn.cluster import KMeans as Estimator
    from threadpoolctl import threadpool_limits

    options = {name: value for name, value in chosen.items() if name != "scale"}
    # As many threads as in memory: more would give other bits from run to run.
    with threadpool_limits(limits=2, user_api="openmp"), convergence_warnings() as told:
        if not sample.whole:
            return LloydFit(_starts(options, seed, sample), sample.X.mean(axis=0), **bounds)
        centres = Estimator(random_state=seed, **options).fit(sample.X).cluster_centers_
    return LloydFit(centres[np.newaxis], np.zeros(centres.shape[1]), done_with=told, **bounds)


def _starts(options: "Mapping[str, Any]", seed: int, sample: "StartingRows") -> "Numbers":
    """Different ends of `n_init` fits of the sample, as starts × clusters × columns.

    The sample does not tell which leads to the best end over all rows: one far row may, that it lacks.
    """
    from sklearn.cluster import KMeans as Estimator

    asked = options["n_init"]
    each = 10 if options["init"] == "random" else 1
    random = np.random.RandomState(seed)  # as scikit-learn has it for all of its starts
    ends: list[tuple[float, Numbers]] = []
    for _ in range(each if asked == "auto" else asked):
        fit = Estimator(random_state=random, **{**options, "n_init": 1}).fit(sample.X)
        if all(abs(fit.inertia_ - inertia) > _SAME_END * inertia for inertia, _ in ends):
            ends.append((fit.inertia_, fit.cluster_centers_))
    ends.sort(key=lambda end: end[0])
    most = max(1, MOST_OF_STARTS // ends[0][1].size)
    return np.stack([centres for _, centres in ends[:most]])


def _regression(
    chosen: "Mapping[str, Any]", columns: int, counts: "Sequence[int]", sample: "StartingRows | None"
) -> LinearFit:
    descending = _log_descent if len(counts) == 2 else _multinomial_descent
    return LinearFit(
        partial(descending, columns, min(PASSES, chosen["max_iter"])),
        _regression_of,
        costs=costs(chosen["C"], chosen["class_weight"], counts),
        counts=counts,
        columns=columns,
        intercept=chosen["fit_intercept"],
        movable=chosen["fit_intercept"],
        sample=sample,
    )


def _squared_hinge(
    chosen: "Mapping[str, Any]", columns: int, counts: "Sequence[int]", sample: "StartingRows | None"
) -> LinearFit:
    passes = PASSES if chosen["max_iter"] == -1 else min(PASSES, chosen["max_iter"])
    return LinearFit(
        partial(_squared_hinge_descent, columns, passes),
        _machine_of,
        costs=costs_of_rest(costs(chosen["C"], chosen["class_weight"], counts), chosen["C"]),
        counts=counts,
        columns=columns,
        intercept=True,
        movable=False,
        sample=sample,
    )


def _hinge(
    chosen: "Mapping[str, Any]", columns: int, counts: "Sequence[int]", sample: "StartingRows | None"
) -> LinearFit:
    passes = PASSES if chosen["max_iter"] == -1 else min(PASSES, chosen["max_iter"])
    whole = sample is not None and len(sample.X) >= sum(counts)
    width = NARROWEST if whole else SAMPLED
    return LinearFit(
        partial(_hinge_descent, columns, passes, width=width),
        partial(_pairs_of, len(counts)),
        costs=costs(chosen["C"], chosen["class_weight"], counts),
        counts=counts,
        columns=columns,
        intercept=True,
        movable=True,
        sample=sample,
        kinked=True,
    )


def _log_descent(
    columns: int,
    most: int,
    by_class: "Numbers",
    seen: "Coordinates",
    start: "Numbers | None",
) -> Descent:
    objective = LinearObjective(LOG, two_classes(by_class), seen, columns)
    return Descent(objective, _direction(objective), most, start=start)


def _multinomial_descent(
    columns: int,
    most: int,
    by_class: "Numbers",
    seen: "Coordinates",
    start: "Numbers | None",
) -> Descent:
    objective = MultinomialObjective(by_class, seen, columns)
    return Descent(
        objective, _direction(objective, pinned=objective.pinned, classes=len(by_class)), most, start=start
    )


def _squared_hinge_descent(
    columns: int,
    most: int,
    by_class: "Numbers",
    seen: "Coordinates",
    start: "Numbers | None",
) -> Descent:
    machines = one_versus_rest(by_class)
    objective = LinearObjective(SQUARED_HINGE, machines, seen, columns, of_intercept=1.0)
    return Descent(objective, _direction(objective), most, start=start)


def _hinge_descent(
    columns: int,
    most: int,
    by_class: "Numbers",
    seen: "Coordinates",
    start: "Numbers | None",
    *,
    width: float,
) -> HingeDescent:
    machines = one_versus_one(by_class)
    first = WIDEST if start is None else width
    return HingeDescent(machines, seen, columns, most, start=start, width=first)


def _direction(objective: Objective, *, pinned: "Numbers | None" = None, classes: int = 1) -> Direction:
    machines, width = objective.shape
    if in_full(machines, width):
        return Newton(objective.ridge, objective.kept, pinned)
    return QuasiNewton(objective.ridge, machines, classes)


def _regression_of(weights: "Numbers", intercepts: "Numbers") -> "FittedEstimator":
    from ml_core.algorithms.logistic_regression import LogisticRegression

    if len(intercepts) > 1:  # the least coefficients of those that say the same: they sum to 0 over classes
        weights, intercepts = weights - weights.mean(axis=0), intercepts - intercepts.mean()
    return LogisticRegression(_tensor(weights), tuple(intercepts.tolist()))


def _machine_of(weights: "Numbers", intercepts: "Numbers") -> "FittedEstimator":
    from ml_core.algorithms.one_versus_rest import OneVersusRest

    return OneVersusRest(_tensor(weights), tuple(intercepts.tolist()))


def _pairs_of(classes: int, weights: "Numbers", intercepts: "Numbers") -> "FittedEstimator":
    from ml_core.algorithms.svm import SVM, LinearPairs

    return SVM(classes, LinearPairs(_tensor(weights), tuple(intercepts.tolist())), None)


def _tensor(array: "Numbers") -> "Tensor":
    from ml_core.safetensors import Tensor

    return Tensor.of(array.ravel().tolist(), *array.shape)
