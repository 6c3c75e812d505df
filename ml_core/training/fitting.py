"""Fitting: the rows of a checked request are split, a model is fitted to one part and measured on both."""

import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ml_core import algorithms
from ml_core.algorithms.base import AlgorithmInfo, DataSize, FitContext, TrainingData
from ml_core.errors import ArtifactInvalid, InvalidInput, raise_faults
from ml_core.inputs.labels import Label, Labels, label_text
from ml_core.model.model import Model
from ml_core.preprocessing.encoding import Encoding
from ml_core.training.history import History, still_falling
from ml_core.training.request import TrainingRequest
from ml_core.training.split import GROUP, HASH, TIME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ml_core.algorithms.contract import Checkpoints
    from ml_core.algorithms.tasks.measured import Measured
    from ml_core.inputs.samples import Samples
    from ml_core.preprocessing.pixel_columns import PixelColumns
    from ml_core.training.comparing import Champion


# How scikit-learn, numpy and JSON refuse numbers that are none any more.
_NOT_FINITE = re.compile(r"\bnan\b|infinit|finite|overflow|out of range|too large", re.IGNORECASE)


class Trained(NamedTuple):
    """A model's artifact, and what is to be told of it, as JSON values."""

    artifact: bytes
    manifest: dict[str, object]


def fit(
    request: TrainingRequest,
    progress: Callable[[str, float | None], None],
    *,
    deadline: float | None = None,
    checkpoints: "Checkpoints | None" = None,
    history: History | None = None,
    seconds: float | None = None,
    champion: "Champion | None" = None,
) -> Trained:
    """Split the rows, fit on one part, measure on both.

    `progress` is told each phase as it begins, and how many percent of it are done where that is counted,
    else None. `deadline` is when a fit should have stopped that can be continued, in seconds since the epoch;
    `checkpoints` is where it saves what it continues from, and `history` what was told before that. All of
    it may take so many `seconds`, and as many as the request says; None is any number. With `champion` both
    versions are compared on the held-out rows. Raises `InvalidInput`, and `Unfinished` for a fit that is to
    be continued.
    """
    info = algorithms.algorithm(request.algorithm)
    progress("starting", None)
    _load_libraries(request)
    progress("splitting", None)
    classes, y = class_numbers(request.targets)
    parts, lacking = _split(request, classes, y)
    seconds = request.most_seconds(seconds)
    request = request.without_rows()  # the parts have them: there is no memory for both
    progress("fitting", None)
    begun = time.time()
    training = parts["training"]
    steps = history or History()
    numerics = _numerics(steps) if info.algorithm.environment else {}

    def tell(done: int, of: int, reached: Mapping[str, float]) -> None:
        steps.add(done, of, reached)
        progress("fitting", 100 * done / of)

    context = FitContext(tell, deadline, checkpoints, seconds)
    data = TrainingData(training.samples, training.y, request.seed, training.groups)
    model, told = fit_model(
        info,
        request.hyperparameters,
        data,
        request.features,
        classes,
        context=context,
        pixels=request.pixels,
    )
    took = time.time() - begun
    progress("measuring", None)
    majority = None if training.y is None else _most_frequent(training.y)
    measured = {
        name: _measured(info, model, part, request.seed, majority)
        for name, part in parts.items()
        if len(part.samples)
    }
    doubts = info.task.doubts(model, measured["test"].metrics, majority) if "test" in measured else []
    curves = {name: part.curves for name, part in measured.items()}
    held = parts["test"]
    importance, unmeasured = importance_of(
        model, held.samples, held.y, seed=request.seed, took=took, deadline=deadline
    )
    from ml_core.training.profiling import keep_profile  # it imports numpy, as fitting did

    held_out = measured["test"].values if "test" in measured else None
    keep_profile(model, training.samples, measured["training"].values, held_out)
    compared = None
    if champion is not None:
        from ml_core.training.comparing import HeldOut

        compared = champion.compared(model, HeldOut(held.samples, held.y, held.groups), request.seed)
    artifact = model.to_bytes()
    manifest = {
        **model.description,
        **({"input": model.reader.summary()} if model.reader else {}),
        "task": info.task.name,
        "contains_training_rows": contains_rows(model, measured["training"].metrics),
        "metrics": {
            **{name: part.metrics for name, part in measured.items()},
            **({"history": steps.entries} if steps.entries else {}),
        },
        "warnings": [*request.warnings, *lacking, *told, *still_falling(steps.entries), *doubts, *unmeasured],
        "rows": len(training.samples),
        "test_rows": len(parts["test"].samples),
        "test_fraction": request.test_fraction,
        "seed": request.seed,
        "split": request.split,
        "library_versions": library_versions(),
        **numerics,
        **({"curves": curves} if any(curves.values()) else {}),
        **({"importance": importance} if importance else {}),
        **({"comparison": compared} if compared else {}),
    }
    return Trained(artifact, manifest)


def fit_model(
    info: AlgorithmInfo,
    chosen: Mapping[str, Any],
    data: TrainingData,
    features: tuple[str, ...],
    classes: tuple[Label, ...] | None,
    *,
    context: FitContext,
    pixels: "PixelColumns | None" = None,
) -> tuple[Model, list[str]]:
    """A model fitted to every row of the table, and what the solver warned of. Raises `InvalidInput`.

    `pixels` are the columns that pictures were read from.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from ml_core.preprocessing.network_fitting import (
        cut_warnings,
        fitted_input,
        number_warnings,
        read_samples,
    )

    rarest = None if data.y is None else int(np.bincount(data.y, minlength=len(classes or ())).min())
    if rarest == 0:
        raise InvalidInput.at(
            "$.test_fraction",
            "a class has no row left to train on; with test_fraction 0 it has all of its own",
        )
    reader = fitted_input(features, chosen, data.samples, pixels)
    doubts = []
    if reader is not None:
        doubts = [*cut_warnings(data.samples, reader), *number_warnings(data.samples, reader)]
        data = TrainingData(read_samples(data.samples, reader), data.y, data.seed, data.groups)
    size = _size_of(data.samples, rarest).within(context.seconds)
    raise_faults(info.algorithm.check_size(size, chosen))
    options = options_of(chosen, classes)
    # The sums of several OpenMP threads are added in the order in which they finish: two give the same
    # bits in either order, more would not. BLAS divides its work the same way every time, and with its own
    # threads gives scikit-learn's bits.
    with (
        threadpool_limits(limits=2, user_api="openmp"),
        convergence_warnings() as told,
        np.errstate(all="ignore"),
        overflow_told(),
    ):
        estimator, preprocessing = info.algorithm.fit(data, options, context)
    whole = estimator.absorb_scaling(preprocessing.scaling) if preprocessing.scaling else None
    model = Model(
        whole or estimator,
        algorithm=info.name,
        hyperparameters=chosen,
        features=features,
        classes=classes,
        scaling=None if whole else preprocessing.scaling,
        encoding=preprocessing.encoding,
        reader=reader,
    )
    return stored(model), [*doubts, *dict.fromkeys(told), *empty_columns(preprocessing.encoding)]


def options_of(chosen: Mapping[str, Any], classes: tuple[Label, ...] | None) -> dict[str, Any]:
    """The hyperparameters as an algorithm takes them: weights of classes are by their numbers."""
    weights = chosen.get("class_weight")
    if not isinstance(weights, dict) or classes is None:
        return dict(chosen)
    numbered = {number: weights.get(label_text(label), 1.0) for number, label in enumerate(classes)}
    return {**chosen, "class_weight": numbered}


def _size_of(samples: "Samples", rarest: int | None) -> DataSize:
    from ml_core.inputs.samples import PictureSamples, SequenceSamples

    if isinstance(samples, PictureSamples):
        return DataSize(len(samples), rarest, samples.array.shape[1:])
    if isinstance(samples, SequenceSamples):
        # The numbers of words are no channels.
        shape = None if samples.steps.dtype.kind == "i" else (-1, samples.steps.shape[1])
        return DataSize(len(samples), rarest, shape, len(samples.steps))
    return DataSize(len(samples), rarest)


def empty_columns(encoding: Encoding | None) -> list[str]:
    """What is to be said of columns that had no value in the rows trained on."""
    if encoding is None:
        return []
    looked_at = {column for column, _ in encoding.layout.numbers} | {
        column for column, *_ in encoding.layout.categories
    }
    return [
        f"column '{feature.name}' has no value in any row trained on: it is not looked at"
        for column, feature in enumerate(encoding.features)
        if column not in looked_at
    ]


def stored(model: Model) -> Model:
    """The model as it comes back from its artifact: what is measured is what will serve."""
    with overflow_told():
        return Model.from_bytes(model.to_bytes())


@contextmanager
def overflow_told() -> Iterator[None]:
    """Say of what fails on a checked request that its numbers overflowed on the way, if that is why.

    Any other error is one of ours.
    """
    try:
        yield
    except (ValueError, ArithmeticError, ArtifactInvalid) as error:
        if type(error) is ValueError and not _NOT_FINITE.search(str(error)):
            raise
        raise InvalidInput.at("$.instances", "training on these values overflows; rescale them") from error


@contextmanager
def convergence_warnings() -> Iterator[list[str]]:
    """Collect convergence warnings as lines of text; show all others as usual."""
    from sklearn.exceptions import ConvergenceWarning

    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
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
    if isinstance(targets, Labels):
        return targets.classes, targets.numbers
    import numpy as np

    classes = tuple(sorted(set(targets)))
    numbers = {label: number for number, label in enumerate(classes)}
    return classes, np.array([numbers[label] for label in targets], dtype=np.int64)


def _load_libraries(request: TrainingRequest) -> None:
    """Import what splitting and more need of scikit-learn: seconds on a cold machine.

    Rows that are refused are refused before.
    """
    splits = request.test_fraction and request.split["by"] not in (TIME, HASH)
    import_module("sklearn.model_selection" if splits else "sklearn.exceptions")


class _Part(NamedTuple):
    """Some of the samples, their class numbers, and their groups where they are split by those."""

    samples: "Samples"
    y: "NDArray[np.int64] | None"
    groups: "NDArray[np.int64] | None"


def _split(
    request: TrainingRequest, classes: tuple[Label, ...] | None, y: "NDArray[np.int64] | None"
) -> tuple[dict[str, _Part], list[str]]:
    """The samples to train on and those held out, and what is to be said of them. Raises `InvalidInput`."""
    import numpy as np

    from ml_core.training.splitting import Holding

    data = request.data_in_it
    samples = data.samples()
    ranks = None if data.ranks is None else np.frombuffer(data.ranks, dtype="<i8")
    test = None if data.test is None else np.frombuffer(data.test, dtype="u1")
    holding = Holding(request.split, request.test_fraction, request.seed, ranks, test)
    chosen = holding.parts(len(samples), y)
    numbers = [None if y is None else y[places] for places in chosen]
    warnings = [*holding.unlike_asked(*map(len, chosen)), *holding.check_classes(classes, *numbers)]
    by_group = ranks if request.split["by"] in (GROUP, HASH) else None
    groups = [None if by_group is None else by_group[places] for places in chosen]
    parts = (_Part(samples.take(places), *of) for places, *of in zip(chosen, numbers, groups, strict=True))
    return dict(zip(("training", "test"), parts, strict=True)), warnings


def contains_rows(model: Model, training: Mapping[str, object]) -> bool | None:
    """Whether who has the artifact has training rows, as far as the algorithm says it.

    `training` are the metrics of the rows trained on: the centre of a cluster of one row is that row.
    """
    from ml_core.algorithms.learnt import ClusterCentres

    alone = 1 in cast("list[int]", training.get("cluster_sizes", []))
    if alone and isinstance(model.learnt(), ClusterCentres):
        return True
    return model.contains_training_rows


def _most_frequent(numbers: "NDArray[np.int64]") -> int:
    """The class that most rows have; of several the first, as scikit-learn's `DummyClassifier` has it."""
    import numpy as np

    return int(np.bincount(numbers).argmax())


def _measured(info: AlgorithmInfo, model: Model, part: _Part, seed: int, majority: int | None) -> "Measured":
    with overflow_told():
        return info.task.measure(
            model,
            part.samples,
            part.y,
            objective=info.algorithm.objective,
            seed=seed,
            majority=majority,
        )


def importance_of(
    model: Model,
    samples: "Samples",
    y: "NDArray[np.int64] | None",
    *,
    seed: int,
    took: float,
    deadline: float | None,
) -> tuple[dict[str, object] | None, list[str]]:
    """See `importance`. It may take as long as fitting `took`, and no fit is lost by it."""
    from ml_core.training.importance import SECONDS, importance

    begun = time.thread_time()  # of this thread alone: what else the machine does costs it nothing

    def stop() -> bool:
        spent = time.thread_time() - begun
        return spent > max(took, SECONDS) or (deadline is not None and time.time() > deadline)

    return importance(model, samples, y, seed=seed, stop=stop)


def _numerics(history: History) -> dict[str, object]:
    """What this process computes with, which is noted; and what else the fits did that it continues."""
    from ml_core.networks.numerics import numerics

    own = numerics()
    others = [each for each in history.numerics if each != own]
    history.add_numerics(own)
    return {"numerics": {**own, **({"continued_from": others} if others else {})}}


def library_versions() -> dict[str, str]:
    """What a model was fitted with."""
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python, **{name: version(name) for name in ("numpy", "scikit-learn", "scipy")}}
