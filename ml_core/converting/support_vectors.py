"""`SVC`: libsvm's support vectors, coefficients and probabilities."""

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.algorithms.svm import KERNELS, SVM, Coupling, Kernel, pairs_of_vectors
from ml_core.arithmetic.pairs import pairs_of
from ml_core.converting.chosen import hyperparameters_of
from ml_core.converting.classes import labels_of
from ml_core.converting.converted import Converted
from ml_core.converting.fitted import attribute, finite, numbers, refuse
from ml_core.converting.weights import placed_points
from ml_core.errors import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.converting.coded_rows import CodedRows

_SAME = ("kernel", "C", "gamma", "degree", "coef0", "class_weight", "max_iter", "tol")


def check_kernel(estimator: Any, path: str) -> None:  # noqa: ANN401 - scikit-learn is untyped
    """Raise `NotConverted` for a kernel that is not known here."""
    kernel = estimator.kernel
    if not isinstance(kernel, str) or kernel not in KERNELS:
        kind = "a function of your own" if callable(kernel) else f"the kernel {shown(kernel)}"
        refuse(path, f"{kind} is not converted; kernels are {', '.join(KERNELS)}")


def of_svc(estimator: Any, rows: "CodedRows", names: tuple[str, ...], path: str) -> Converted:  # noqa: ANN401 - scikit-learn is untyped
    """What a fitted SVC learnt. Raises `NotConverted`, `TooLarge`."""
    classes = labels_of(estimator, path)
    pairs = len(classes) * (len(classes) - 1) // 2
    vectors = numbers(estimator, "support_vectors_", path, (None, len(rows.columns)))
    dual = numbers(estimator, "_dual_coef_", path, (len(classes) - 1, len(vectors)))
    intercepts = numbers(estimator, "_intercept_", path, (pairs,))
    counts = numbers(estimator, "_n_support", path, (len(classes),)).astype(np.int64)
    told = (
        numbers(estimator, "dual_coef_", path, dual.shape),
        numbers(estimator, "intercept_", path, (pairs,)),
    )
    # Those that people see have other signs, where there are two classes.
    sign = -1.0 if len(classes) == 2 else 1.0
    sound = (
        counts.sum() == len(vectors)
        and (counts >= 0).all()
        and len(vectors)
        and np.array_equal(sign * told[0], dual)
        and np.array_equal(sign * told[1], intercepts)
    )
    if not sound:
        refuse(path, "its support vectors and coefficients do not fit together: fit it again")
    placed = placed_points(vectors, rows, names, path)
    linear = estimator.kernel == "linear"
    learnt = pairs_of_vectors(
        _kernel(estimator, path),
        placed,
        dual,
        tuple(counts.tolist()),
        tuple(intercepts.tolist()),
        weights=partial(_pair_weights, placed, dual, counts) if linear else None,
    )
    params = estimator.get_params(deep=False)
    coupling = _coupling(estimator, pairs, path)
    # Of two classes no tie is broken; of pairs that are told one by one scikit-learn breaks none.
    breaks_ties = bool(estimator.break_ties)
    if breaks_ties and estimator.decision_function_shape != "ovr":
        refuse(path, "break_ties=True needs decision_function_shape='ovr', in scikit-learn too")
    given = {name: params[name] for name in _SAME} | {"probability": coupling is not None}
    return Converted(
        SVM(len(classes), learnt, None, coupling, breaks_ties=breaks_ties),
        "svm",
        hyperparameters_of("svm", given, classes),
        classes,
    )


def _kernel(estimator: Any, path: str) -> Kernel:  # noqa: ANN401
    kind = estimator.kernel
    # What a kernel does not use may be any number, and stands as one that all take.
    gamma = 1.0 if kind == "linear" else finite(attribute(estimator, "_gamma", path), "gamma", path, above=0)
    coef0 = finite(estimator.coef0, "coef0", path) if kind in ("poly", "sigmoid") else 0.0
    degree = estimator.degree if kind == "poly" else 3
    if isinstance(degree, bool) or int(degree) != degree or degree < 1:
        refuse(path, f"expected a degree of 1 or more, got {degree!r}: fit it with such a degree")
    return Kernel(kind, gamma, coef0, int(degree))


def _coupling(estimator: Any, pairs: int, path: str) -> Coupling | None:  # noqa: ANN401
    """How probabilities come of the pairs' decisions; None where it gives none."""
    if not isinstance(estimator.probability, bool | np.bool_) or not estimator.probability:
        return None
    slopes, offsets = (
        numbers(estimator, "_probA", path, (pairs,)),
        numbers(estimator, "_probB", path, (pairs,)),
    )
    return Coupling(tuple(slopes.tolist()), tuple(offsets.tolist()))


def _pair_weights(
    vectors: "NDArray[np.float64]", dual: "NDArray[np.float64]", counts: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """The weights of each pair of classes, with a linear kernel."""
    ends = np.concatenate([[0], np.cumsum(counts)]).tolist()
    groups = [slice(begin, end) for begin, end in pairwise(ends)]
    return np.array(
        [
            dual[j - 1, groups[i]] @ vectors[groups[i]] + dual[i, groups[j]] @ vectors[groups[j]]
            for i, j in pairs_of(len(counts))
        ]
    )
