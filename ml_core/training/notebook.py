"""Training: a request is checked (`request.py`), fitted and measured (`fitting.py`).

What a notebook calls is here.
"""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_core import algorithms
from ml_core.algorithms.base import AlgorithmInfo, FitContext, TrainingData
from ml_core.errors import InvalidInput, shown
from ml_core.hyperparameters import REFUSED
from ml_core.inputs.frames import (
    NO_LIMITS,
    feature_names,
    labels_of,
    number_rows,
    python_value,
    training_rows,
)
from ml_core.inputs.kinds import TABLE
from ml_core.inputs.labels import label_text
from ml_core.model.model import Model
from ml_core.training.fitting import Trained, class_numbers, fit, fit_model
from ml_core.training.instances import TrainingInstances
from ml_core.training.request import (
    MEMBERS,
    SEED,
    TrainingRequest,
    check_class_weight,
    check_request,
)
from ml_core.training.rows import check_names, checked_targets, rows_and_columns

if TYPE_CHECKING:
    from ml_core.inputs.samples import Samples

__all__ = ["MEMBERS", "Trained", "TrainingRequest", "check_request", "fit", "train_model"]


def train_model(
    X: Any,  # noqa: ANN401 - whatever numpy takes for a matrix
    y: Any = None,  # noqa: ANN401
    algorithm: str = "logistic_regression",
    *,
    seed: int = 0,
    hyperparameters: Mapping[str, object] | None = None,
    **more: object,
) -> Model:
    """Fit a model to every row, for notebooks.

    Args:
        X: rows × features: an array of finite numbers, lists, or a data frame, whose column names become the
            features'. Words, truth values, dates and gaps (None, NaN, NaT, NA) are encoded as in
            scikit-learn's pipelines; what a frame says are categories are words, whatever they are. For `cnn`
            it is pictures, an array (pictures, height, width) or with the channels behind, or a list of
            arrays. Channels that come first, as in PyTorch, are known by their number, with a warning. For
            `rnn` it is sequences, a list of arrays (steps, channels) or of data frames, or texts, a list or a
            column.
        y: a label for each row (strings, integers or booleans), None for clusters.
        algorithm: what is trained.
        seed: of all that is random.
        hyperparameters: the algorithm's own. The keys of `class_weight` may be the labels themselves.
        more: hyperparameters as keywords, but for k-means's `algorithm`.

    Raises:
        InvalidInput: of the rows, the labels or the hyperparameters; says where.
    """
    info = algorithms.algorithm(algorithm)
    samples, features, doubts = _samples_of(info, X)
    targets = checked_targets(info, None if y is None else labels_of(y), len(samples), NO_LIMITS)
    given = {name: _as_json(value) for name, value in {**(hyperparameters or {}), **more}.items()}
    chosen = info.check(given, "hyperparameters")
    seed = python_value(seed)
    if SEED.read(seed) is REFUSED:
        raise InvalidInput.at("seed", f"expected {SEED.expects}, got {shown(seed)}")
    if targets is not None:
        check_class_weight(chosen.get("class_weight"), targets)
    classes, numbers = class_numbers(targets)
    data = TrainingData(samples, numbers, seed)
    model, told = fit_model(info, chosen, data, features, classes, context=FitContext())
    from ml_core.training.profiling import keep_profile

    keep_profile(model, samples)
    model = Model.from_bytes(model.to_bytes())  # with the size of its artifact
    for text in [*doubts, *told]:
        warnings.warn(text, stacklevel=2)
    return model


def _samples_of(info: AlgorithmInfo, X: Any) -> "tuple[Samples, tuple[str, ...], list[str]]":  # noqa: ANN401
    """What a notebook holds to train on, the names of its features, and what is to be said of it.

    Raises `InvalidInput`.
    """
    if TABLE not in info.algorithm.takes:
        from ml_core.preprocessing.notebook_instances import training_instances

        kind, found, names, told = training_instances(X, info.algorithm.takes)
        instances = TrainingInstances(kind, found, names, targets=None)
        check_names(list(instances.features), "X", NO_LIMITS)
        return instances.samples(), instances.features, told
    from ml_core.inputs.samples import TableSamples, matrix_of

    features = tuple(feature_names(X))
    check_names(list(features), "X", NO_LIMITS)
    rows = number_rows(X, features, expecting="this training")
    if rows is not None:
        return TableSamples(matrix_of(rows)), features, []
    listed, kinds = training_rows(X, features)
    columns, rows = rows_and_columns(listed, features, NO_LIMITS, "X", kinds=kinds)
    return TableSamples(matrix_of(rows), columns), features, []


def _as_json(value: object) -> object:
    """A hyperparameter of a notebook as JSON would have it: no numpy scalars, class weights keyed by text."""
    if isinstance(value, dict):
        return {label_text(python_value(label)): python_value(weight) for label, weight in value.items()}
    return python_value(value)
