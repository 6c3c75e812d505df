"""How good a model is on the rows of a table, in one pass.

What can be added up over rows is exact. What needs all scores in order, curves and areas under them, is so
too up to about a million rows, and of more it is of rows drawn at random: those whose hash is below a bound,
which is set so that about as many are drawn as scores are kept of.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.algorithms.tasks.classification import ScoredSamples, losses_of, metrics_of
from ml_core.algorithms.tasks.clustering import SILHOUETTE_ROWS, silhouette
from ml_core.algorithms.tasks.curves import MOST_CLASSES, curves
from ml_core.algorithms.tasks.values import values_of
from ml_core.arithmetic.bounds import BLOCK_NUMBERS
from ml_core.inputs.samples import TableSamples
from ml_core.profiles.fitting import predicted_profile
from ml_core.profiles.profile import LEAST, PROBABILITY_BINS, PredictedProfile
from ml_core.streaming.part_rows import PartRows, RowSource
from ml_core.streaming.seen import mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.model.model import Model
    from ml_core.streaming.statistics import DrawnSamples

# So many numbers of scores are kept, to be put in order, or those of so many rows.
_MOST_NUMBERS, _LEAST_ROWS = 1 << 21, 10_000
_ALL_HASHES = 1 << 64


class Ranked(NamedTuple):
    """Scores of rows, and their class numbers."""

    y: "NDArray[np.unsignedinteger]"
    decisions: "NDArray[np.float64] | None"
    probabilities: "NDArray[np.float64] | None"

    @classmethod
    def joined(cls, parts: "Sequence[Ranked]") -> "Ranked":
        """Those of all rows in their order."""
        return cls(
            *(
                None if any(each is None for each in arrays) else np.concatenate(arrays)  # type: ignore[arg-type]
                for arrays in zip(*parts, strict=True)
            )
        )


class Answered(NamedTuple):
    """What a model said of rows.

    Args:
        rows: how many there were.
        counts: of classes how rows of each were answered, classes × classes; of clusters how many each has.
        losses: the sums of losses, by their names.
        tops: how many rows had such a top probability, in `PROBABILITY_BINS` bins; empty without any.
        ranked: scores of the rows that were drawn, as parts gave them, where there are classes.
    """

    rows: int
    counts: "NDArray[np.int64]"
    losses: dict[str, float]
    tops: "NDArray[np.int64]"
    ranked: tuple[Ranked, ...]

    def add(self, other: "Answered") -> "Answered":
        """What it said of the rows of both."""
        if not self.rows or not other.rows:
            return self if self.rows else other
        return Answered(
            self.rows + other.rows,
            self.counts + other.counts,
            {name: self.losses[name] + other.losses[name] for name in self.losses},
            self.tops + other.tops,
            self.ranked + other.ranked,
        )

    def together(self) -> "Answered":
        """The same with all scores in one piece."""
        return self._replace(ranked=(Ranked.joined(self.ranked),)) if len(self.ranked) > 1 else self


class AnsweredRows(NamedTuple):
    """What a model said of the rows trained on, and of those held out."""

    training: Answered
    test: Answered

    def add(self, other: "AnsweredRows") -> "AnsweredRows":
        """The same of the rows of both."""
        return AnsweredRows(self.training.add(other.training), self.test.add(other.test))


class Measuring(NamedTuple):
    """A model that is measured.

    Args:
        artifact: the model.
        objective: what it is measured by.
        seed: what draws rows.
        training: how many rows it was trained on.
        test: how many are held out.
    """

    artifact: bytes
    objective: str
    seed: int
    training: int
    test: int


def most_ranked(model: "Model") -> int:
    """Of about how many rows scores are kept; none of so many classes that there are no curves."""
    if len(model.classes or ()) > MOST_CLASSES:
        return 0
    width = sum(
        model.output_specs[name].width for name in ("decision", "probability") if name in model.outputs
    )
    return max(_LEAST_ROWS, _MOST_NUMBERS // max(1, width))


def answers_of_part(source: RowSource, measuring: Measuring, item: PartRows) -> AnsweredRows:
    """What the model says of a part's rows. Raises `MalformedInput`, and the arithmetic's `NotFinite`."""
    from ml_core.model.model import Model

    model = Model.from_bytes(measuring.artifact)
    bounds = [_bound(most_ranked(model), rows) for rows in (measuring.training, measuring.test)]
    salt = mixed(np.array([measuring.seed], np.uint64))
    training, testing = item.training(), item.testing()
    nothing = Answered(0, np.empty(0, np.int64), {}, np.empty(0, np.int64), ())
    at, total = 0, AnsweredRows(nothing, nothing)
    width = sum(spec.width for spec in model.output_specs.values())
    for X, target in source.rows(item.part, most=max(1, BLOCK_NUMBERS // max(1, width))):
        keys = mixed(np.arange(item.first + at, item.first + at + len(X), dtype=np.uint64) ^ salt)
        found = []
        for some, bound in zip((training[at : at + len(X)], testing[at : at + len(X)]), bounds, strict=True):
            if not some.any():
                found.append(nothing)
                continue
            y = None if target is None or source.classes is None else source.classes.numbers(target[some])
            samples = TableSamples(np.ascontiguousarray(X[some]), source.features)
            drawn = keys[some] < bound if bound < _ALL_HASHES else None
            found.append(_answered(model, samples, y, drawn, measuring.objective))
        total = total.add(AnsweredRows(*found))
        at += len(X)
    return AnsweredRows(*(each.together() for each in total))


def _bound(most: int, rows: int) -> int:
    """The hash below which those are of so many rows, or about; every hash is where there are no more."""
    return _ALL_HASHES if rows <= most else _ALL_HASHES * most // rows


def _answered(
    model: "Model",
    samples: TableSamples,
    y: "NDArray[np.int64] | None",
    drawn: "NDArray[np.bool_] | None",
    objective: str,
) -> Answered:
    rows = len(samples)
    if y is None:
        found = values_of(model, samples, ["distance"])
        nearest = found["distance"].min(axis=1)
        sizes = np.bincount(found["label"], minlength=model.output_specs["distance"].width)
        return Answered(rows, sizes, {"inertia": float(nearest @ nearest)}, np.empty(0, np.int64), ())
    found = values_of(model, samples, [name for name in ("decision", "probability") if name in model.outputs])
    classes = len(model.classes or ())
    decisions, probabilities = found.get("decision"), found.get("probability")
    losses = losses_of(objective, y, decisions, probabilities)
    tops = np.empty(0, np.int64)
    if probabilities is not None:
        spread = predicted_profile(found, classes, held_out=False).probability
        tops = np.array(spread or (), np.int64)
    counts = np.bincount(y * classes + found["label"], minlength=classes**2).reshape(classes, classes)
    return Answered(
        rows,
        counts,
        {name: value * rows for name, value in losses.items()},
        tops,
        (_ranked(y.astype(np.min_scalar_type(max(classes - 1, 0))), decisions, probabilities, drawn),),
    )


def _ranked(
    y: "NDArray[np.unsignedinteger]",
    decisions: "NDArray[np.float64] | None",
    probabilities: "NDArray[np.float64] | None",
    drawn: "NDArray[np.bool_] | None",
) -> Ranked:
    if drawn is None:
        return Ranked(y, decisions, probabilities)
    return Ranked(
        y[drawn],
        None if decisions is None else decisions[drawn],
        None if probabilities is None else probabilities[drawn],
    )


class TableMeasured(NamedTuple):
    """How good a model is on rows: metrics and curves, and of how many rows drawn these are; None for all."""

    metrics: dict[str, object]
    curves: list[dict[str, object]]
    drawn: int | None


def measured_classes(model: "Model", answered: Answered, majority: int) -> TableMeasured:
    """How good a classifier is."""
    few, decisions, probabilities = Ranked.joined(answered.ranked)
    y = few.astype(np.int64)
    losses = {name: value / answered.rows for name, value in answered.losses.items()}
    classes = model.classes or ()
    metrics = metrics_of(
        classes, answered.counts, losses, ScoredSamples(y, decisions, probabilities), majority
    )
    drawn = len(y) if 0 < len(y) < answered.rows else None
    return TableMeasured(metrics, curves(classes, y, decisions, probabilities), drawn)


def measured_clusters(
    model: "Model", answered: Answered, some: "DrawnSamples", features: object, seed: int
) -> TableMeasured:
    """How good a clustering is; the silhouette is of rows that were drawn."""
    metrics: dict[str, object] = dict(answered.losses)
    samples = TableSamples(np.ascontiguousarray(some.X), features)  # type: ignore[arg-type]
    if len(samples):
        labels = values_of(model, samples, [])["label"]
        found = silhouette(model, samples, labels, seed)
        if found is not None:
            metrics["silhouette"] = found
    metrics["cluster_sizes"] = answered.counts.tolist()
    drawn = min(len(samples), SILHOUETTE_ROWS)
    return TableMeasured(metrics, [], drawn if drawn < answered.rows else None)


def predicted(answered: Answered, *, held_out: bool) -> PredictedProfile | None:
    """What was predicted, for the profile; None of too few rows."""
    if answered.rows < LEAST:
        return None
    labels = answered.counts.sum(axis=0) if answered.counts.ndim == 2 else answered.counts
    tops = tuple(answered.tops.tolist()) if len(answered.tops) == PROBABILITY_BINS else None
    return PredictedProfile(answered.rows, held_out, tuple(labels.tolist()), tops)
