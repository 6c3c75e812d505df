"""What rows are prepared by, fitted to the training rows in one pass: means, spreads, words, gaps.

It is what `preprocessing/fitting.py` fits to rows in memory. Beside it some rows are drawn, the same whatever
the parts: each row has a number of its own that looks drawn at random, and the smallest are taken.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.arithmetic import vectorised
from ml_core.arithmetic.layout import Layout
from ml_core.inputs.columns import CATEGORY
from ml_core.preprocessing.encoding import Encoding
from ml_core.preprocessing.recoding import recoded
from ml_core.preprocessing.scaling import Preprocessing, Scaling
from ml_core.safetensors import Tensor
from ml_core.streaming.part_rows import PartRows, RowSource
from ml_core.streaming.seen import mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature

MOST_DRAWN = 20_000
_DRAWN_BYTES, _FEWEST_DRAWN = 1 << 24, 2_000
# Of rows that are held out fewer are needed: importance and silhouette are measured on no more.
_MOST_HELD_OUT = 4_000


class Moments(NamedTuple):
    """Of each column: how many rows have a value, their mean, and their squared distances from it in sum."""

    present: "NDArray[np.int64]"
    mean: "NDArray[np.float64]"
    squares: "NDArray[np.float64]"

    @classmethod
    def of(cls, X: "NDArray[np.float64]") -> "Moments":
        """Those of rows in which missing values are NaN."""
        there = ~np.isnan(X)
        present = there.sum(axis=0)
        filled = np.where(there, X, 0.0)
        with np.errstate(all="ignore"):
            mean = filled.sum(axis=0) / np.maximum(present, 1)
            away = np.where(there, filled - mean, 0.0)
            # What is left of the mean's rounding is taken back (Chan, Golub and LeVeque's second pass).
            off = away.sum(axis=0)
            squares = (away * away).sum(axis=0) - off * off / np.maximum(present, 1)
            mean = mean + off / np.maximum(present, 1)
        return cls(present, mean, np.maximum(squares, 0.0))

    def add(self, other: "Moments") -> "Moments":
        """Those of the rows of both (Chan, Golub and LeVeque)."""
        present = self.present + other.present
        with np.errstate(all="ignore"):
            part = np.where(present > 0, other.present / np.maximum(present, 1), 0.0)
            apart = other.mean - self.mean
            mean = np.where(other.present == 0, self.mean, self.mean + apart * part)
            squares = self.squares + other.squares + apart * apart * self.present * part
        return Moments(present, mean, squares)


class DrawnSamples(NamedTuple):
    """Some rows at random: the smallest keys, ascending, with their rows and class numbers."""

    keys: "NDArray[np.uint64]"
    X: "NDArray[np.float64]"
    y: "NDArray[np.int64]"

    def add(self, other: "DrawnSamples", most: int) -> "DrawnSamples":
        """Those of both with the smallest keys."""
        keys = np.concatenate([self.keys, other.keys])
        chosen = np.argsort(keys, kind="stable")[:most]
        return DrawnSamples(
            keys[chosen],
            np.concatenate([self.X, other.X])[chosen],
            np.concatenate([self.y, other.y])[chosen],
        )

    @classmethod
    def of(
        cls, keys: "NDArray[np.uint64]", X: "NDArray[np.float64]", y: "NDArray[np.int64]", most: int
    ) -> "DrawnSamples":
        """Those of some rows."""
        chosen = np.argsort(keys, kind="stable")[:most]
        return cls(keys[chosen], X[chosen], y[chosen])


class Statistics(NamedTuple):
    """What training rows are like.

    Args:
        rows: how many there are.
        moments: of the columns of numbers.
        words: of each column of words how many rows have each.
        counts: how many rows each class has; empty without classes.
        training: some of the rows that are trained on.
        held_out: some of those that are held out.
    """

    rows: int
    moments: Moments
    words: "tuple[NDArray[np.int64], ...]"
    counts: "NDArray[np.int64]"
    training: DrawnSamples
    held_out: DrawnSamples

    def add(self, other: "Statistics", most: int) -> "Statistics":
        """Those of the rows of both."""
        return Statistics(
            self.rows + other.rows,
            self.moments.add(other.moments),
            tuple(mine + others for mine, others in zip(self.words, other.words, strict=True)),
            self.counts + other.counts,
            self.training.add(other.training, most),
            self.held_out.add(other.held_out, min(most, _MOST_HELD_OUT)),
        )


def most_drawn(width: int) -> int:
    """How many rows of so many columns are drawn."""
    return max(_FEWEST_DRAWN, min(MOST_DRAWN, _DRAWN_BYTES // (8 * max(1, width))))


def statistics_of_part(source: RowSource, seed: int, item: PartRows) -> Statistics:
    """What the training rows of a part are like. Raises `MalformedInput`."""
    features = source.features
    most = most_drawn(len(features))
    training, testing = item.training(), item.testing()
    at, total = 0, _nothing(source)
    for X, target in source.rows(item.part):
        here = slice(at, at + len(X))
        keys = _keys(item.first + at, len(X), seed)
        y = np.zeros(len(X), np.int64)
        kept = training[here] | testing[here]
        if target is not None and source.classes is not None:
            y[kept] = source.classes.numbers(target[kept])
        own, others = training[here], testing[here]
        drawn = [DrawnSamples.of(keys[some], X[some], y[some], most) for some in (own, others)]
        total = total.add(_of_rows(source, X[own], y[own], *drawn), most)
        at += len(X)
    return total


def in_order(drawn: DrawnSamples, parts: "Sequence[PartRows]", seed: int) -> "NDArray[np.float64]":
    """The rows of `drawn` in the table's order, where they are all rows that are trained on."""
    keys = np.concatenate([_keys(item.first, item.rows, seed)[item.training()] for item in parts])
    X = np.empty_like(drawn.X, order="C")
    X[np.argsort(keys)] = drawn.X
    return X


def _keys(first: int, rows: int, seed: int) -> "NDArray[np.uint64]":
    """What rows from a row on are drawn by."""
    salt = mixed(np.array([seed], np.uint64))
    return mixed(np.arange(first, first + rows, dtype=np.uint64) ^ salt)


def _nothing(source: RowSource) -> Statistics:
    width = len(source.features)
    none = DrawnSamples(np.empty(0, np.uint64), np.empty((0, width)), np.empty(0, np.int64))
    return _of_rows(source, np.empty((0, width)), np.empty(0, np.int64), none, none)


def _of_rows(
    source: RowSource,
    X: "NDArray[np.float64]",
    y: "NDArray[np.int64]",
    training: DrawnSamples,
    held_out: DrawnSamples,
) -> Statistics:
    are_words = [feature.kind == CATEGORY for feature in source.features]
    words = []
    for place, feature in enumerate(source.features):
        if feature.kind == CATEGORY:
            values = X[:, place]
            present = values[~np.isnan(values)].astype(np.int64)
            words.append(np.bincount(present, minlength=len(feature.words)))
    classes = 0 if source.classes is None else len(source.classes.labels)
    return Statistics(
        len(X),
        Moments.of(X[:, np.flatnonzero(~np.array(are_words, bool))]),
        tuple(words),
        np.bincount(y, minlength=classes) if classes else np.empty(0, np.int64),
        training,
        held_out,
    )


def added(most: int, total: Statistics | None, part: Statistics) -> Statistics:
    """The statistics of the parts so far."""
    return part if total is None else total.add(part, most)


class Preparation(NamedTuple):
    """How rows become what a solver is given: `features` are the columns as they are read."""

    features: "tuple[Feature, ...]"
    encoding: Encoding
    scaling: Scaling | None

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return self.encoding.layout.width

    @property
    def preprocessing(self) -> Preprocessing:
        """The same as a model keeps it."""
        scaling = self.scaling
        return Preprocessing(self.encoding, None if scaling is None else scaling.widened(self.width))

    def prepared(self, X: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Rows in full, encoded and scaled as `preprocess` does it."""
        layout = self.encoding.layout
        made = np.array(
            vectorised.dense(vectorised.encoded(recoded(X, self.features, self.encoding), layout))
        )
        if self.scaling is not None:
            first = self.scaling.mean.size
            made[:, :first] -= np.array(self.scaling.mean.values)
            made[:, :first] /= np.array(self.scaling.scale.values)
        return made


def preparation(features: "Sequence[Feature]", found: Statistics, *, scale: bool) -> Preparation:
    """What rows are prepared by, as `fitted_encoding` and `StandardScaler` have it."""
    encoding = _encoding(features, found)
    scaling = None
    layout = encoding.layout
    first = len(layout.numbers) + len(layout.missing_indicator)
    if scale and first:
        scaling = _scaling(features, encoding, found)
    return Preparation(tuple(features), encoding, scaling)


def _encoding(features: "Sequence[Feature]", found: Statistics) -> Encoding:
    known: list[Feature] = []
    numbers: list[tuple[int, float]] = []
    flagged: list[int] = []
    categories: list[tuple[int, int, bool]] = []
    words = iter(found.words)
    column = 0
    for place, feature in enumerate(features):
        if feature.kind == CATEGORY:
            counts = next(words)
            codes = np.flatnonzero(counts)
            known.append(feature._replace(words=tuple(feature.words[code] for code in codes.tolist())))
            categories.append((place, len(codes), bool(counts.sum() < found.rows)))
            continue
        known.append(feature)
        present = int(found.moments.present[column])
        if present < found.rows:
            flagged.append(place)
        if present:
            numbers.append((place, float(found.moments.mean[column])))
        column += 1
    return Encoding(tuple(known), Layout(tuple(numbers), tuple(flagged), tuple(categories)))


def _scaling(features: "Sequence[Feature]", encoding: Encoding, found: Statistics) -> Scaling:
    """Mean and scale of the filled numbers and of the flags, as `StandardScaler` has them."""
    places = [place for place, feature in enumerate(features) if feature.kind != CATEGORY]
    column_of = {place: column for column, place in enumerate(places)}
    rows = found.rows
    mean = [value for _, value in encoding.layout.numbers]
    variance = [float(found.moments.squares[column_of[place]]) / rows for place, _ in encoding.layout.numbers]
    for place in encoding.layout.missing_indicator:
        part = (rows - int(found.moments.present[column_of[place]])) / rows
        mean.append(part)
        variance.append(part * (1 - part))
    means, variances = np.array(mean), np.array(variance)
    with np.errstate(all="ignore"):
        scale = np.sqrt(variances)
        # scikit-learn's bound on what rounding makes of a constant column.
        eps = np.finfo(np.float64).eps
        constant = variances <= rows * eps * variances + (rows * means * eps) ** 2
    scale[constant] = 1.0
    return Scaling(Tensor.of(means.tolist()), Tensor.of(scale.tolist()))
