"""A new version beside the one that answers now, on the same held-out rows.

Metrics of two versions, each on its own rows, differ also by chance of the rows. Here both are asked about
the same rows, and the difference is told with an interval. It is that of a paired bootstrap: rows are drawn
with replacement, the same ones for both, so often that the middle `confidence` of the differences is the
percentile interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13). Rows of
one group are drawn together. The draws begin at the training's seed: the same data give the same interval.

Draws of rows know nothing of what no row showed: where two versions answer alike on all of them, the interval
would have no width, also where one row in fifty is another's. So each end is moved by what `-ln(1 -
confidence)` more rows would change that speak against it as much as one can: if so many were to be expected,
one of them would have been seen at that confidence (three at 95 %, the rule of three).
"""

from math import log
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import ServerlessMLError, shown
from ml_core.inputs.kinds import IMAGE
from ml_core.inputs.samples import TableSamples
from ml_core.training.against import LOSSES, Against

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.model.model import Model

# Rows, or groups, below which no interval is told: the bootstrap's would be too narrow. One row can move a
# loss by any amount, so that it takes more of them: of 200 there is one of a kind that is 1.5 % of all.
LEAST, _LEAST_FOR_LOSSES = 50, 200
_MOST_DRAWS, _FEWEST_DRAWS = 2_000, 500
_NUMBERS = 100_000_000  # rows times draws, about: some seconds
_MOST_NAMED = 5
_UNDECIDED = {"log_loss": log(2), "hinge_loss": 1.0}  # of a row of which a version does not know the class


class HeldOut(NamedTuple):
    """Rows that are held out, their class numbers in the new version, and their groups if there are any."""

    samples: Any
    y: "NDArray[np.int64] | None"
    groups: "NDArray[np.int64] | None"


class Champion(NamedTuple):
    """The version that answers now: what is said of it, and its artifact; None where it is not to be had."""

    against: Against
    artifact: bytes | None

    @classmethod
    def read(cls, folder: str) -> "Champion | None":
        """That of which a child's folder tells, if any."""
        against = Against.read(folder)
        return None if against is None else cls(against, against.artifact(folder))

    def compared(self, new: "Model", rows: HeldOut, seed: int) -> dict[str, Any]:
        """What is told of both. A comparison that fails is told of, and loses no training."""
        from ml_core.model.model import Model

        if self.artifact is None:
            return self.against.told("the version before is gone, or too large to be read beside the new one")
        try:
            return comparison(new, Model.from_bytes(self.artifact), rows, self.against, seed)
        except (ServerlessMLError, ValueError, ArithmeticError, LookupError) as error:
            return self.against.told(f"the version before cannot be asked about these rows: {error}")
        except MemoryError:
            return self.against.told("there is not the memory to ask the version before about these rows")


def comparison(new: "Model", old: "Model", rows: HeldOut, against: Against, seed: int) -> dict[str, Any]:
    """What is told of both, as JSON values; with `reason`, and no difference, where they cannot be compared.

    `difference` is the new version's metric minus the old one's; `low` and `high` are its interval.
    """
    told = {**against.told(), "rows": len(rows.samples)}
    reason = _unlike(new, old, rows) or _too_few(rows, against.metric)
    if reason is not None:
        return {**told, "reason": reason}
    both = [_scorer(model, rows, new.features, against.metric) for model in (new, old)]
    if any(scorer is None for scorer in both):
        return {**told, "reason": f"{against.metric} is not measured of both versions on these rows"}
    first, second = (scorer for scorer in both if scorer is not None)
    whole = np.ones(len(rows.samples))
    values = [scorer.value(whole) for scorer in (first, second)]
    draws = _draws(rows, seed)
    differences = np.array([first.value(weights) - second.value(weights) for weights in draws])
    differences = differences[np.isfinite(differences)]
    tail = (1 - against.confidence) / 2
    low, high = np.quantile(differences, [tail, 1 - tail]).tolist()
    more = -log(1 - against.confidence) * len(rows.samples) / _units(rows)
    return {
        **told,
        "new": values[0],
        "old": values[1],
        "difference": values[0] - values[1],
        "low": low - second.lead(first, more),
        "high": high + first.lead(second, more),
    }


def _unlike(new: "Model", old: "Model", rows: HeldOut) -> str | None:
    """Why both cannot be asked about the same rows; None if they can."""
    if rows.y is None:
        return "versions are compared on labelled rows alone"
    if old.classes != new.classes:
        return _other_classes(new, old)
    if isinstance(rows.samples, TableSamples):
        return _unlike_columns(new, old, rows.samples)
    return None if _read_alike(new, old) else "the version before takes other instances"


def _other_classes(new: "Model", old: "Model") -> str:
    known = set(old.classes or ())
    more = [label for label in new.classes or () if label not in known]
    less = [label for label in old.classes or () if label not in set(new.classes or ())]
    what = f"does not know {_named(more)}" if more else f"knows {_named(less)} besides"
    return f"the version before {what}"


def _unlike_columns(new: "Model", old: "Model", samples: TableSamples) -> str | None:
    if old.reader is not None:
        return "the version before takes no rows of a table"
    missing = [name for name in old.features if name not in new.features]
    if missing:
        return f"the version before needs columns that the new one has not: {_named(missing)}"
    kinds = _kinds(new)
    other = [name for name, kind in _kinds(old).items() if kinds[name] != kind]
    if other:
        return f"columns are read in another way than before: {_named(other)}"
    if not old.takes_gaps and np.isnan(_as_asked(old, samples, new.features).X).any():
        return "the version before takes no missing values"
    return None


def _read_alike(new: "Model", old: "Model") -> bool:
    """Whether two networks read the same instances: pictures by one rule, each texts by its own words."""
    first, second = new.reader, old.reader
    if first is None or second is None or (first.kind, new.features) != (second.kind, old.features):
        return False
    return first.kind != IMAGE or first.description() == second.description()


def _kinds(model: "Model") -> dict[str, str]:
    if model.encoding is None:
        return dict.fromkeys(model.features, "number")
    return {feature.name: feature.kind for feature in model.encoding.features}


def _named(names: "Sequence[Any]") -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(shown, names[:_MOST_NAMED])) + more


def _too_few(rows: HeldOut, metric: str) -> str | None:
    units, what = _units(rows), "rows" if rows.groups is None else "groups"
    least = _LEAST_FOR_LOSSES if metric in LOSSES else LEAST
    return None if units >= least else f"{units} {what} are held out, and it takes {least} for {metric}"


def _units(rows: HeldOut) -> int:
    """How many rows, or groups, there are."""
    return len(rows.samples) if rows.groups is None else len(np.unique(rows.groups))


def _draws(rows: HeldOut, seed: int) -> "Iterator[NDArray[np.float64]]":
    """How often each row is drawn, again and again."""
    count = len(rows.samples)
    places = np.arange(count) if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]
    units = int(places.max()) + 1
    random = np.random.default_rng(seed)
    for _ in range(int(np.clip(_NUMBERS // count, _FEWEST_DRAWS, _MOST_DRAWS))):
        times = np.bincount(random.integers(0, units, units), minlength=units).astype(np.float64)
        yield times[places]


def _scorer(
    model: "Model", rows: HeldOut, names: "Sequence[str]", metric: str
) -> "_Lossy | _Ranked | _Confused | None":
    """The metric of a model's answers, given how often each row counts; None where it has none.

    `names` are those of the rows' columns.
    """
    from ml_core.algorithms.tasks.classification import scores_of_the_second
    from ml_core.algorithms.tasks.values import values_of

    assert rows.y is not None  # noqa: S101 - `_unlike` has looked
    given = [name for name in ("decision", "probability") if name in model.outputs]
    is_table = isinstance(rows.samples, TableSamples)
    found = values_of(model, _as_asked(model, rows.samples, names) if is_table else rows.samples, given)
    y, classes = rows.y, len(model.classes or ())
    if metric in LOSSES:
        losses = _losses(metric, found, y)
        return None if losses is None else _Lossy(losses, _UNDECIDED[metric])
    if metric in ("roc_auc", "pr_auc"):
        scores = scores_of_the_second(found.get("decision"), found.get("probability"))
        if scores is None or classes != 2 or y.min() == y.max():
            return None
        return _Ranked(scores, y == 1, metric)
    return _Confused(y * classes + found["label"], classes, metric)


def _as_asked(model: "Model", samples: TableSamples, names: "Sequence[str]") -> TableSamples:
    """The rows with the model's own columns, in its order."""
    columns, places = samples.columns, [names.index(name) for name in model.features]
    if columns is None:
        return TableSamples(np.ascontiguousarray(samples.X[:, places]))
    return TableSamples(np.ascontiguousarray(samples.X[:, places]), tuple(columns[place] for place in places))


def _losses(
    metric: str, found: "dict[str, NDArray[Any]]", y: "NDArray[np.int64]"
) -> "NDArray[np.float64] | None":
    """The loss of each row; None where the model gives nothing that it could be of."""
    from ml_core.algorithms.tasks.classification import hinge_losses, log_losses

    of, output = (log_losses, "probability") if metric == "log_loss" else (hinge_losses, "decision")
    return of(found[output], y) if output in found else None


def _of_confusion(metric: str, counted: "NDArray[np.float64]") -> float:
    """As scikit-learn's functions of these names have it, of the classes that occur."""
    hits, support, answered = np.diag(counted), counted.sum(axis=1), counted.sum(axis=0)
    if metric == "accuracy":
        return float(hits.sum() / counted.sum())
    there = support > 0
    if metric == "balanced_accuracy":
        return float((hits[there] / support[there]).mean())
    met = support + answered > 0
    return float((2 * hits[met] / (support + answered)[met]).mean())


class _Lossy:
    """The loss of each row, of which the metric is the mean."""

    def __init__(self, losses: "NDArray[np.float64]", undecided: float) -> None:
        self._losses = losses
        self._undecided = undecided

    def value(self, weights: "NDArray[np.float64]") -> float:
        """The mean, each row as often as its weight says."""
        return float(np.average(self._losses, weights=weights))

    def lead(self, other: Any, more: float) -> float:  # noqa: ANN401 - another of this class
        """What so many more rows would add to this one's metric less the other's.

        They are like the one at which it loses most beside the other, and at least as if it knew nothing.
        """
        differences = self._losses - other._losses  # noqa: SLF001
        most = max(float(differences.max()), self._undecided)
        return more * (most - float(differences.mean())) / (len(differences) + more)


class _Confused:
    """Which class each row has, and which it is said to have."""

    def __init__(self, cells: "NDArray[np.int64]", classes: int, metric: str) -> None:
        self._cells = cells
        self._classes = classes
        self._metric = metric

    def _counted(self, weights: "NDArray[np.float64] | None" = None) -> "NDArray[np.float64]":
        counted = np.bincount(self._cells, weights, self._classes**2).astype(np.float64)
        return counted.reshape(self._classes, self._classes)

    def value(self, weights: "NDArray[np.float64]") -> float:
        """The metric, each row as often as its weight says."""
        return _of_confusion(self._metric, self._counted(weights))

    def lead(self, other: Any, more: float) -> float:  # noqa: ANN401 - another of this class
        """What so many more rows would add to this one's metric less the other's, told by this one alone."""
        ours, theirs = self._counted(), other._counted()  # noqa: SLF001
        now = _of_confusion(self._metric, ours) - _of_confusion(self._metric, theirs)
        return max(
            _of_confusion(self._metric, _plus(ours, number, number, more))
            - _of_confusion(self._metric, _plus(theirs, number, (number + 1) % self._classes, more))
            - now
            for number in np.flatnonzero(ours.sum(axis=1)).tolist()
        )


def _plus(counted: "NDArray[np.float64]", row: int, column: int, more: float) -> "NDArray[np.float64]":
    changed = counted.copy()
    changed[row, column] += more
    return changed


class _Ranked:
    """Rows in the order of their scores, once for all draws."""

    def __init__(self, scores: "NDArray[np.float64]", positive: "NDArray[np.bool_]", metric: str) -> None:
        self._order = np.argsort(scores, kind="stable")[::-1]
        ranked = scores[self._order]
        self._last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
        self._positive = positive[self._order]
        self._metric = metric

    def lead(self, _other: Any, more: float) -> float:  # noqa: ANN401 - another of this class
        """What so many more rows would add to this one's metric less the other's.

        They are of the rarer class, first in this one's order, and last in the other's.
        """
        positive = int(self._positive.sum())
        return more / (min(positive, len(self._positive) - positive) + more)

    def value(self, weights: "NDArray[np.float64]") -> float:
        """As `Ranking` has it, each row as often as its weight says; NaN where one class is not drawn."""
        drawn = weights[self._order]
        hits = np.cumsum(drawn * self._positive)[self._last]
        taken = np.cumsum(drawn)[self._last]
        alarms = taken - hits
        if not hits[-1] or not alarms[-1]:
            return float("nan")
        if self._metric == "roc_auc":
            twice = np.diff(alarms, prepend=0) * (hits + np.append(0, hits[:-1]))
            return float(twice.sum() / (2 * hits[-1] * alarms[-1]))
        precision = np.divide(hits, taken, out=np.zeros(len(hits)), where=taken > 0)
        return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])
