"""Private fitting: everything that a version tells of its rows is computed from noisy sums over them.

Each row is thrown to one of two parts by a coin of its own. Releases over the rows that are trained on and
over those that are held out cost together what the dearer of both costs, and not their sum: a row more or
less changes one part alone. So each part spends the whole of ρ.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core import algorithms
from ml_core.algorithms.base import AlgorithmInfo
from ml_core.algorithms.tasks.classification import ScoredSamples, metrics_of
from ml_core.model.model import Model
from ml_core.privacy.answers import NearestAnswers, confusion, counted, spread
from ml_core.privacy.budget import PrivacyBudget
from ml_core.privacy.discrete_gaussian import discrete_gaussian
from ml_core.training.fitting import Trained, library_versions, stored
from ml_core.training.privacy import Privacy, classes_of, rho
from ml_core.training.private_rows import Coins, PrivateForm, PrivateRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ml_core.algorithms.contract import FittedPrivately
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.privacy.budget import Noise
    from ml_core.training.private_rows import RawBlocks
    from ml_core.training.request import TrainingRequest

# The share of what is spent on the rows trained on that pays for how many they are.
_COUNT = Fraction(1, 50)
# With fewer rows and a smaller ε than these, clusters are mostly noise.
_FEW_ROWS, _SMALL_EPSILON = 10_000, 1.0


class _Data(NamedTuple):
    """What an algorithm is given; see `PrivateData`."""

    rows: PrivateRows
    numbers: int
    classes: int | None
    budget: PrivacyBudget
    noise: "Noise"
    candidates: "Callable[[int], NDArray[np.float64]]"

    @property
    def width(self) -> int:
        return self.rows.width

    @property
    def longest(self) -> int:
        return self.rows.longest

    def blocks(self) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        return self.rows.training()


def fit_private(
    request: "TrainingRequest",
    features: "tuple[Feature, ...]",
    raw: "RawBlocks",
    progress: Callable[[str, float | None], None],
    *,
    room: int | None = None,
    noise: "Noise" = discrete_gaussian,
) -> Trained:
    """Fit to the rows that are drawn to be trained on, measure on the others.

    `raw` gives all rows as the features have them, `room` is how many bytes of them may be held. `progress`
    is told each phase, and how much of the budget is spent, which depends on no row.
    """
    info, privacy = algorithms.algorithm(request.algorithm), request.privacy
    assert privacy is not None and info.algorithm.fit_private is not None  # noqa: S101, PT018 - checked
    whole = rho(privacy)
    form, classes = PrivateForm.of(privacy, features), classes_of(privacy)
    rows = PrivateRows(
        raw,
        form,
        Coins(request.test_fraction),
        constant=info.task.supervised,
        labelled=classes is not None,
        room=room,
    )
    progress("reading", None)
    total = sum(len(X) for X, _ in rows.training())
    progress("fitting", 0.0)
    spending = PrivacyBudget(whole, lambda share: progress("fitting", 100 * share))
    size = counted(total, whole * _COUNT, spending, noise)
    numbers = len(form.encoding.layout.numbers)
    data = _Data(rows, numbers, None if classes is None else len(classes), spending, noise, form.candidates)
    fitted = info.algorithm.fit_private(data, request.hyperparameters)
    progress("measuring", None)
    model = _model(request, form, fitted, classes)
    measured = _Measured({}, None)
    if request.test_fraction:
        testing = PrivacyBudget(whole)
        if classes is None:
            measured = _measured_clusters(rows, fitted, testing, noise)
        else:
            measured = _measured_classes(rows, fitted, classes, testing, noise)
    count = int(size.counts[0])
    manifest = {
        **model.description,
        "task": info.task.name,
        "contains_training_rows": False,
        "metrics": {"test": measured.metrics} if measured.metrics else {},
        "warnings": _warnings(info, privacy, count, measured),
        "rows": count,
        "test_rows": measured.rows,
        "test_fraction": request.test_fraction,
        "seed": None,
        "split": request.split,
        "library_versions": library_versions(),
        "privacy": {
            "epsilon": privacy["epsilon"],
            "delta": privacy["delta"],
            "rho": float(whole),
            "unit": "row",
            "neighbours": "add or remove one row",
            "mechanism": "discrete Gaussian",
            "rows_deviation": size.deviation,
            "count_deviation": measured.deviation,
        },
    }
    return Trained(model.to_bytes(), manifest)


def _model(
    request: "TrainingRequest",
    form: PrivateForm,
    fitted: "FittedPrivately",
    classes: "tuple[Label, ...] | None",
) -> Model:
    """The model as it will serve: rows that `:predict` reads are scaled, but not bounded."""
    whole = fitted.estimator.absorb_scaling(form.scaling)
    model = Model(
        whole or fitted.estimator,
        algorithm=request.algorithm,
        hyperparameters=request.hyperparameters,
        features=tuple(feature.name for feature in form.encoding.features),
        classes=classes,
        scaling=None if whole else form.scaling,
        encoding=form.encoding,
    )
    return stored(model)


class _Measured(NamedTuple):
    """The metrics of the rows held out, of about how many, and the standard deviation of each count."""

    metrics: dict[str, Any]
    rows: int | None
    deviation: float | None = None


def _measured_classes(
    rows: PrivateRows,
    fitted: "FittedPrivately",
    classes: "tuple[Label, ...]",
    budget: PrivacyBudget,
    noise: "Noise",
) -> _Measured:
    found = confusion(rows.testing(), fitted.answers, len(classes), budget, noise)
    count = int(found.counts.sum())
    if not count:
        return _Measured({}, 0, found.deviation)
    majority = int(found.counts.sum(axis=1).argmax())
    nothing = ScoredSamples(np.empty(0, np.int64), None, None)
    return _Measured(metrics_of(classes, found.counts, {}, nothing, majority), count, found.deviation)


def _measured_clusters(
    rows: PrivateRows, fitted: "FittedPrivately", budget: PrivacyBudget, noise: "Noise"
) -> _Measured:
    answers = fitted.answers
    assert isinstance(answers, NearestAnswers)  # noqa: S101 - clusters have centres
    found = spread(rows.testing(), answers, longest=rows.longest, budget=budget, noise=noise)
    sizes: list[int] = found.sizes.counts.tolist()
    return _Measured({"inertia": found.inertia, "cluster_sizes": sizes}, sum(sizes), found.sizes.deviation)


def _warnings(info: AlgorithmInfo, privacy: Privacy, rows: int, measured: _Measured) -> list[str]:
    """What the request and the released numbers give cause to say; nothing else is known."""
    told = []
    if privacy["delta"] * max(rows, 1) > 1:
        told.append(
            f"delta {privacy['delta']:g} is more than 1 of about {rows} rows: it would allow that a row is "
            "told as it is; choose one well below"
        )
    if not info.task.supervised and rows < _FEW_ROWS and privacy["epsilon"] < _SMALL_EPSILON:
        told.append(
            f"clusters of about {rows} rows at epsilon {privacy['epsilon']:g} are mostly noise: "
            f"{_FEW_ROWS:,} rows, or epsilon {_SMALL_EPSILON:g}, would show them"
        )
    if info.task.supervised and measured.metrics:
        test = measured.metrics
        if test["accuracy"] <= test["baseline"]:
            told.append(
                f"accuracy {test['accuracy']:.3f} on held-out rows is no better than always answering the "
                f"most frequent class ({test['baseline']:.3f}), as far as noise lets it be seen"
            )
    return told
