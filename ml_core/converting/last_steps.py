"""The last step: what it learnt, as an estimator of this project's."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.chosen import hyperparameters_of
from ml_core.converting.classes import labels_of
from ml_core.converting.converted import Converted
from ml_core.converting.fitted import attribute, check_width, finite, is_one_of, name_of, numbers, refuse
from ml_core.converting.weights import placed_points, placed_weights
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.converting.coded_rows import CodedRows

TAKEN = "LogisticRegression, LogisticRegressionCV, SVC, LinearSVC, KMeans and MiniBatchKMeans"


def check_kind(estimator: Any, path: str) -> None:  # noqa: ANN401 - scikit-learn is untyped
    """Raise `NotConverted` unless it is a last step that is known here."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.svm import SVC, LinearSVC

    kinds = (LogisticRegressionCV, LogisticRegression, LinearSVC, SVC, MiniBatchKMeans, KMeans)
    if not is_one_of(estimator, kinds, path):
        refuse(
            path,
            f"{name_of(estimator)} is not converted; what predicts may be {TAKEN}, "
            "alone or as the last step of a Pipeline",
        )
    if name_of(estimator) == "SVC":
        from ml_core.converting.support_vectors import check_kernel

        check_kernel(estimator, path)


def is_linear(estimator: Any) -> bool:  # noqa: ANN401
    """Whether a last step says a weight for each column: a column with the weight 0 changes nothing."""
    return name_of(estimator) in ("LogisticRegression", "LogisticRegressionCV", "LinearSVC")


def converted(estimator: Any, rows: "CodedRows", names: tuple[str, ...], path: str) -> Converted:  # noqa: ANN401
    """What a fitted last step learnt, of coded rows. Raises `NotConverted`."""
    check_kind(estimator, path)
    check_width(estimator, len(rows.columns), path)
    name = name_of(estimator)
    if name in ("LogisticRegression", "LogisticRegressionCV"):
        return _logistic_regression(estimator, rows, path)
    if name == "LinearSVC":
        return _linear_svc(estimator, rows, path)
    if name == "SVC":
        from ml_core.converting.support_vectors import of_svc

        return of_svc(estimator, rows, names, path)
    return _k_means(estimator, rows, names, path)


def _logistic_regression(estimator: Any, rows: "CodedRows", path: str) -> Converted:  # noqa: ANN401
    from ml_core.algorithms.logistic_regression import LogisticRegression

    classes = labels_of(estimator, path)
    # Releases before 1.8 have it.
    multi_class = getattr(estimator, "multi_class", "auto")
    ovr = multi_class == "ovr" or getattr(estimator, "solver", "") == "liblinear"
    if ovr and len(classes) > 2:
        refuse(
            path,
            "it fitted one class against the rest (multi_class='ovr', or liblinear), whose probabilities a "
            "logistic regression here does not have: fit it without multi_class and with the solver lbfgs",
        )
    if multi_class == "multinomial" and len(classes) == 2:
        refuse(path, "multi_class='multinomial' of two classes is not converted: fit it without multi_class")
    weights, intercepts = _decisions(estimator, rows, len(classes), path)
    params = estimator.get_params(deep=False)
    given = {name: params[name] for name in ("class_weight", "fit_intercept", "max_iter", "tol")}
    if hasattr(estimator, "C"):
        penalty = params.get("penalty", "deprecated")
        shares = {"l1": 1.0, "l2": 0.0}
        if penalty is not None:
            given |= {"C": params["C"], "l1_ratio": shares.get(penalty, params.get("l1_ratio") or 0.0)}
    return Converted(
        LogisticRegression(weights, intercepts),
        "logistic_regression",
        hyperparameters_of("logistic_regression", given, classes),
        classes,
    )


def _linear_svc(estimator: Any, rows: "CodedRows", path: str) -> Converted:  # noqa: ANN401
    from ml_core.algorithms.one_versus_rest import OneVersusRest

    classes = labels_of(estimator, path)
    weights, intercepts = _decisions(estimator, rows, len(classes), path)
    params = estimator.get_params(deep=False)
    given = {
        "kernel": "linear",
        "loss": params["loss"],
        "C": params["C"],
        "class_weight": params["class_weight"],
        "probability": False,
    }
    return Converted(
        OneVersusRest(weights, intercepts), "svm", hyperparameters_of("svm", given, classes), classes
    )


def _decisions(
    estimator: Any,  # noqa: ANN401
    rows: "CodedRows",
    classes: int,
    path: str,
) -> tuple[Tensor, tuple[float, ...]]:
    """The weights and intercepts of a linear classifier; of two classes one row."""
    several = 1 if classes == 2 else classes
    weights = numbers(estimator, "coef_", path, (several, len(rows.columns)))
    intercepts = np.asarray(attribute(estimator, "intercept_", path))
    if intercepts.shape == ():  # of liblinear without one
        intercepts = np.full(several, finite(intercepts, "intercept_", path))
    else:
        intercepts = numbers(estimator, "intercept_", path, (several,))
    placed, moved = placed_weights(weights, intercepts, rows)
    if not (np.isfinite(placed).all() and np.isfinite(moved).all()):
        refuse(path, "its weights are too large for the unit of its columns: scale them, and fit it again")
    return tensor(placed), tuple(moved.tolist())


def _k_means(estimator: Any, rows: "CodedRows", names: tuple[str, ...], path: str) -> Converted:  # noqa: ANN401
    from ml_core.algorithms.kmeans import KMeans

    centres = np.asarray(attribute(estimator, "cluster_centers_", path))
    if centres.dtype == np.float32:
        refuse(
            path,
            "it was fitted to float32, and measures distances with seven digits: "
            "fit it to float64 (X.astype('float64'))",
        )
    centres = numbers(estimator, "cluster_centers_", path, (None, len(rows.columns)))
    if not len(centres):
        refuse(path, "it has no clusters: fit it again")
    params = estimator.get_params(deep=False)
    same = ["n_clusters"]
    if name_of(estimator) == "KMeans":
        same += ["init", "n_init", "max_iter", "tol", "algorithm"]
    given = {name: params[name] for name in same if isinstance(params[name], str | int | float)}
    return Converted(
        KMeans(tensor(placed_points(centres, rows, names, path))),
        "kmeans",
        hyperparameters_of("kmeans", given),
        None,
    )


def tensor(array: "NDArray[np.float64]") -> Tensor:
    """An array as an artifact keeps it."""
    return Tensor(array.shape, np.ascontiguousarray(array).astype("<f8").tobytes())
