"""What a model learnt, on the columns and in the units in which callers send them.

An estimator speaks of encoded and scaled rows. Here its numbers get the names of columns and words, and lose
the scaling: with w·(x - m)/s + b, the coefficient of x is w/s, and b - Σ (w/s)·m is the intercept.
"""

from __future__ import annotations

from math import isfinite, sumprod
from typing import TYPE_CHECKING, Any

from ml_core.algorithms.learnt import ClusterCentres, KernelDecisions, LinearDecisions
from ml_core.conflicts import NotDescribed
from ml_core.errors import TooLarge
from ml_core.explaining.coding import Coding
from ml_core.inputs.columns import DATE, NUMBER
from ml_core.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ml_core.algorithms.learnt import Learnt, Side, Sigmoid
    from ml_core.explaining.coding import Placed
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.model.model import Model

    type Described = dict[str, Any]


def parameters_of(
    model: Model, *, most: int | None = None, cluster_sizes: Sequence[int] | None = None
) -> Described:
    """What a model learnt, as JSON values.

    `kind` is "linear", "kernel" or "centres" and says what the others are; docs/versions.md describes them.
    Vectors, which are rows that it was trained on, are not told. `cluster_sizes` is how many training rows
    each cluster has, None where that is not known.

    Raises `NotDescribed` where the algorithm does not say what it learnt, or a number of it has no value in
    the columns' own units, and `TooLarge` for more than `most` numbers.
    """
    learnt = model.learnt()
    if learnt is None:
        raise NotDescribed(
            f"the algorithm '{model.algorithm}' does not say what it learnt; the version's artifact holds it"
        )
    numbers = _count(learnt, model)
    if most is not None and numbers > most:
        raise TooLarge(
            f"the model learnt {numbers:,} numbers; at most {most:,} are told in an answer: "
            "download the artifact, which holds them all"
        )
    return {"algorithm": model.algorithm, **_DESCRIBE[type(learnt)](learnt, model, cluster_sizes)}


def _count(learnt: Learnt, model: Model) -> int:
    width = model.encoding.layout.width if model.encoding else len(model.features)
    if isinstance(learnt, KernelDecisions):
        return len(learnt.intercepts) + len(learnt.support_vectors)
    if isinstance(learnt, LinearDecisions):
        return len(learnt.intercepts) * (1 + width) + len(model.features)
    return len(learnt.centres) * width + len(model.features)


def _linear(learnt: LinearDecisions, model: Model, _: object) -> Described:
    numbers, scaling = _encoded(model), model.scaling
    classes = model.classes or ()
    decisions = []
    for side, weights, constant in zip(learnt.sides, learnt.weights, learnt.intercepts, strict=True):
        coefficients, intercept = weights, constant
        if scaling:
            coefficients = tuple(w / s for w, s in zip(weights, scaling.scale.values, strict=True))
            # Of the coefficients as they are told: what rounding took of them is not lost at the mean.
            shifts = [-mean for mean in scaling.mean.values]
            intercept = sumprod((*coefficients, constant), (*shifts, 1.0))
        if not (isfinite(intercept) and all(map(isfinite, coefficients))):
            raise _not_finite("a coefficient")
        told = [{**number.named, "coefficient": coefficients[number.place]} for number in numbers]
        decisions.append({**_side(side, classes), "intercept": intercept, "coefficients": told})
    return {
        "kind": "linear",
        "columns": _columns(model),
        "decisions": decisions,
        "calibration": _calibration(learnt.calibration, classes),
    }


def _kernel(learnt: KernelDecisions, model: Model, _: object) -> Described:
    classes = model.classes or ()
    vectors = zip(classes, learnt.support_vectors, strict=True)
    return {
        "kind": "kernel",
        "kernel": learnt.kernel,
        "gamma": learnt.gamma,
        "coef0": learnt.coef0,
        "degree": learnt.degree,
        "support_vectors": [{"class": label, "count": count} for label, count in vectors],
        "decisions": [
            {**_side(side, classes), "intercept": intercept}
            for side, intercept in zip(learnt.sides, learnt.intercepts, strict=True)
        ],
        "calibration": _calibration(learnt.calibration, classes),
    }


def _centres(learnt: ClusterCentres, model: Model, sizes: Sequence[int] | None) -> Described:
    numbers, scaling = _encoded(model), model.scaling
    clusters = []
    for cluster, centre in enumerate(learnt.centres):
        values: Sequence[float] = centre
        if scaling:
            parts = zip(centre, scaling.scale.values, scaling.mean.values, strict=True)
            values = [sumprod((z, mean), (scale, 1.0)) for z, scale, mean in parts]
        if not all(map(isfinite, values)):
            raise _not_finite("a centre's value")
        told = [{**number.named, "value": as_sent(values[number.place], number.kind)} for number in numbers]
        size = sizes[cluster] if sizes is not None and len(sizes) == len(learnt.centres) else None
        clusters.append({"cluster": cluster, "size": size, "values": told})
    return {"kind": "centres", "columns": _columns(model), "clusters": clusters}


_DESCRIBE: dict[type, Callable[[Any, Model, Sequence[int] | None], Described]] = {
    LinearDecisions: _linear,
    KernelDecisions: _kernel,
    ClusterCentres: _centres,
}


class _Number(Record):
    """A number of an encoded row: its place there, what callers know of it, and the kind of its value."""

    place: int
    named: dict[str, Any]
    kind: str


def _encoded(model: Model) -> list[_Number]:
    """The numbers of an encoded row in the order of the caller's columns."""
    if model.encoding is None:
        return [_Number(place, {"column": name}, NUMBER) for place, name in enumerate(model.features)]
    placed = Coding(len(model.features), model.encoding.layout).columns
    return [
        number
        for feature, places in zip(model.encoding.features, placed, strict=True)
        for number in _numbers_of(feature, places)
    ]


def _numbers_of(feature: Feature, placed: Placed) -> Iterator[_Number]:
    """What a column writes: its number and the flag of a missing one, or its words."""
    name = feature.name
    if placed.number is not None:
        yield _Number(placed.number, {"column": name}, feature.kind)
    if placed.flag is not None:
        yield _Number(placed.flag, {"column": name, "missing": True}, NUMBER)
    if placed.first is not None:
        for place, word in enumerate(feature.words[: placed.words], placed.first):
            yield _Number(place, {"column": name, "category": word}, NUMBER)
        if placed.missing_word:
            yield _Number(placed.first + placed.words, {"column": name, "missing": True}, NUMBER)


def _columns(model: Model) -> list[Described]:
    """The columns that a caller sends, each with its kind and what is taken for a missing value."""
    if model.encoding is None:
        return [{"column": name, "kind": NUMBER} for name in model.features]
    imputed = dict(model.encoding.layout.numbers)
    return [
        {
            "column": feature.name,
            "kind": feature.kind,
            **(
                {"imputed": as_sent(imputed[place], feature.kind)}
                if place in imputed and (feature.rule.missing or not feature.rule.required)
                else {}
            ),
        }
        for place, feature in enumerate(model.encoding.features)
    ]


def as_sent(value: float, kind: str) -> float | str:
    """A column's value as callers send it; of truth values, which share of them is true."""
    if kind != DATE:
        return value
    from datetime import UTC, datetime, timedelta

    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value)).isoformat()
    except OverflowError:  # no table has such a date, but an artifact may
        return value


def _side(side: Side, classes: Sequence[Label]) -> Described:
    against = None if side.against is None else classes[side.against]
    return {"class": classes[side.positive], "against": against}


def _calibration(sigmoids: Sequence[Sigmoid] | None, classes: Sequence[Label]) -> list[Described] | None:
    if sigmoids is None:
        return None
    return [{"class": classes[each.number], "slope": each.slope, "offset": each.offset} for each in sigmoids]


def _not_finite(what: str) -> NotDescribed:
    return NotDescribed(
        f"{what} is too large for a number in the unit of its column; the artifact has it of scaled rows"
    )
