"""Fitting: the rows of a checked request are split, a model is fitted to one part and measured on both."""

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core import artifact, models
from ml_core.errors import ArtifactInvalid, InvalidInput
from ml_core.features import UNKNOWN, Encoding, Feature
from ml_core.instances import Rows
from ml_core.model import Label, Model
from ml_core.models import AlgorithmInfo, Size, Table
from ml_core.training_request import TrainingRequest, label_text, raise_faults

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Trained(NamedTuple):
    """A model's artifact, and what is to be told of it, as JSON values."""

    artifact: bytes
    manifest: dict[str, object]


def fit(request: TrainingRequest, progress: Callable[[str, float | None], None]) -> Trained:
    """Split the rows, fit on one part, measure on both.

    `progress` is told each phase as it begins, and how many percent of it are done where that is counted,
    else None. Raises `InvalidInput`.
    """
    info = models.algorithm(request.algorithm)
    progress("splitting", None)
    classes, y = class_numbers(request.targets)
    train, test = _split(request, y)
    progress("fitting", None)
    X = matrix_of(request.rows)
    table = Table(X[train], None if y is None else y[train], request.seed, request.columns)
    model, told = fit_model(info, request.hyperparameters, table, request.features, classes)
    progress("measuring", None)
    X = _recoded(X, request.columns, model)
    metrics = {
        name: _measured(info, model, _taken(X, part), None if y is None else y[part], request.seed)
        for name, part in (("training", train), ("test", test))
        if len(part)
    }
    data = artifact.dump(model)
    manifest = {
        **model.description,
        "task": info.task,
        "metrics": metrics,
        "warnings": [*request.warnings, *told],
        "rows": len(train),
        "test_rows": len(test),
        "test_fraction": request.test_fraction,
        "seed": request.seed,
        "library_versions": library_versions(),
    }
    return Trained(data, manifest)


def fit_model(
    info: AlgorithmInfo,
    chosen: Mapping[str, Any],
    table: Table,
    features: tuple[str, ...],
    classes: tuple[Label, ...] | None,
) -> tuple[Model, list[str]]:
    """A model fitted to every row of the table, and what the solver warned of. Raises `InvalidInput`."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    rarest = None if table.y is None else int(np.bincount(table.y, minlength=len(classes or ())).min())
    if rarest == 0:
        raise InvalidInput.at(
            "$.test_fraction",
            "a class has no row left to train on; with test_fraction 0 it has all of its own",
        )
    raise_faults(info.algorithm.objections(Size(len(table.X), rarest), chosen))
    weights = chosen.get("class_weight")
    if isinstance(weights, dict) and classes is not None:
        numbered = {number: weights.get(label_text(label), 1.0) for number, label in enumerate(classes)}
        options = {**chosen, "class_weight": numbered}
    else:
        options = dict(chosen)
    # With several OpenMP threads, sums are added in the order in which they finish: bits would differ from
    # run to run. BLAS divides its work the same way every time, and with its own threads gives scikit-learn's
    # bits.
    with (
        threadpool_limits(limits=1, user_api="openmp"),
        _convergence_warnings() as told,
        np.errstate(all="ignore"),
        _overflow_told(),
    ):
        fitted, prepared = info.algorithm.fit(table, options)
    together = fitted.folded(prepared.scaling) if prepared.scaling else None
    model = Model(
        together or fitted,
        algorithm=info.name,
        hyperparameters=chosen,
        features=features,
        classes=classes,
        scaling=None if together else prepared.scaling,
        encoding=prepared.encoding,
    )
    return _stored(model), [*dict.fromkeys(told), *_empty_columns(prepared.encoding)]


def _empty_columns(encoding: Encoding | None) -> list[str]:
    """What is to be said of columns that had no value in the rows trained on."""
    if encoding is None:
        return []
    looked_at = {column for column, _ in encoding.layout.numbers} | {
        column for column, *_ in encoding.layout.words
    }
    return [
        f"column '{feature.name}' has no value in any row trained on: it is not looked at"
        for column, feature in enumerate(encoding.features)
        if column not in looked_at
    ]


def _stored(model: Model) -> Model:
    """The model as it comes back from its artifact: what is measured is what will serve."""
    with _overflow_told():
        return artifact.load(artifact.dump(model))


@contextmanager
def _overflow_told() -> Iterator[None]:
    """Say of what fails on a checked request that its numbers overflowed on the way.

    That is all that is left for scikit-learn, an artifact or a metric to refuse.
    """
    try:
        yield
    except (ValueError, ArithmeticError, ArtifactInvalid, InvalidInput) as error:
        raise InvalidInput.at("$.instances", "training on these values overflows; rescale them") from error


@contextmanager
def _convergence_warnings() -> Iterator[list[str]]:
    """Collect convergence warnings as lines of text; show all others as usual."""
    from sklearn.exceptions import ConvergenceWarning

    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Skipping features without any observed values")  # told below
        yield told
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            told.append(_advice(str(warning.message)))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _advice(message: str) -> str:
    """scikit-learn's warning on one line, without its reading list."""
    lines = takewhile(
        lambda line: not line.startswith(("You might also", "Please also")), message.splitlines()
    )
    return " ".join(" ".join(lines).split())


def class_numbers(
    targets: Sequence[Label] | None,
) -> "tuple[tuple[Label, ...] | None, NDArray[np.int64] | None]":
    """The classes in ascending order, as scikit-learn has them, and each row's number among them."""
    if targets is None:
        return None, None
    import numpy as np

    classes = tuple(sorted(set(targets)))
    numbers = {label: number for number, label in enumerate(classes)}
    return classes, np.array([numbers[label] for label in targets], dtype=np.int64)


def matrix_of(rows: Rows) -> "NDArray[np.float64]":
    """A view of the rows."""
    import numpy as np

    return np.frombuffer(rows.packed, dtype="<f8").reshape(-1, rows.n_features)


def _taken(X: "NDArray[np.float64]", chosen: "NDArray[np.intp]") -> Rows:
    return Rows(memoryview(X[chosen]).cast("B"), X.shape[1])


def _recoded(
    X: "NDArray[np.float64]", columns: tuple[Feature, ...] | None, model: Model
) -> "NDArray[np.float64]":
    """The rows with words as the model numbers them: it knows only those that it was trained on."""
    if columns is None or model.encoding is None:
        return X
    import numpy as np

    X = X.copy()
    for place, (sent, known) in enumerate(zip(columns, model.encoding.features, strict=True)):
        if sent.words != known.words:
            places = {word: float(number) for number, word in enumerate(known.words)}
            numbers = np.array([*(places.get(word, UNKNOWN) for word in sent.words), UNKNOWN])
            there = ~np.isnan(X[:, place])
            X[there, place] = numbers[X[there, place].astype(np.int64)]
    return X


def _split(
    request: TrainingRequest, y: "NDArray[np.int64] | None"
) -> "tuple[NDArray[np.intp], NDArray[np.intp]]":
    """The rows to train on and those held out, as scikit-learn's `train_test_split` chooses them."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    every = np.arange(len(request.rows))
    if request.test_fraction == 0:
        return every, every[:0]
    train, test = train_test_split(
        every, test_size=request.test_fraction, random_state=request.seed, stratify=y
    )
    return train, test


def _measured(
    info: AlgorithmInfo, model: Model, rows: Rows, y: "NDArray[np.int64] | None", seed: int
) -> dict[str, object]:
    from ml_core import metrics

    with _overflow_told():
        if y is None:
            return metrics.of_clusters(model, rows, seed=seed)
        return metrics.of_classifier(model, rows, y, objective=info.algorithm.objective)


def library_versions() -> dict[str, str]:
    """What a model was fitted with."""
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python, **{name: version(name) for name in ("numpy", "scikit-learn", "scipy")}}
