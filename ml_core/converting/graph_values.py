"""What flows along the edges of a graph, as far as it can be said by a model of this project's.

Every kind says exactly what a value is for any row of the inputs. What is none of them is not converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_core.records import Record

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from ml_core.algorithms.svm import KernelPairs
    from ml_core.inputs.labels import Label

    type Numbers64 = NDArray[np.float64]


class Constant(Record):
    """The same for every row: an array of numbers, truth values or words."""

    array: Any


class TableRows(Record):
    """Some of the inputs' columns, by their places, each as (x - shift) / scale; scales are above 0."""

    columns: tuple[int, ...]
    shift: Numbers64
    scale: Numbers64

    def is_plain(self) -> bool:
        """Whether nothing is done to them."""
        return not self.shift.any() and bool((self.scale == 1).all())


class LinearScores(Record):
    """w·x + b for each row w of the weights and its intercept b; `flat` where it is a number, no column."""

    rows: TableRows
    weights: Numbers64
    intercepts: Numbers64
    flat: bool = False

    @property
    def several(self) -> int:
        """How many there are."""
        return len(self.intercepts)

    def is_same(self, other: LinearScores | KernelScores) -> bool:
        """Whether both are the same numbers."""
        if isinstance(other, KernelScores):
            return False
        pairs = (
            (self.rows.shift, other.rows.shift),
            (self.rows.scale, other.rows.scale),
            (self.weights, other.weights),
            (self.intercepts, other.intercepts),
        )
        return self.rows.columns == other.rows.columns and all(np.array_equal(a, b) for a, b in pairs)

    def are_opposite(self) -> bool:
        """Whether there are two, and one is the other times -1: skl2onnx writes two classes so."""
        return (
            self.several == 2
            and np.array_equal(self.weights[0], -self.weights[1])
            and self.intercepts[0] == -self.intercepts[1]
        )


class KernelScores(Record):
    """The decisions of a support vector machine: of two classes d and -d, of more one for each pair.

    d is positive for the second class, unlike what the columns' order says: onnxruntime has -s and s, and s
    is libsvm's decision of the pair, positive for the first. `pairs` are libsvm's.
    """

    rows: TableRows
    pairs: KernelPairs
    classes: int

    def is_same(self, other: LinearScores | KernelScores) -> bool:
        """Whether both are of the same node."""
        return isinstance(other, KernelScores) and self.pairs is other.pairs


class ClassPlace(Record):
    """Which of the scores is the largest; of a single one, whether it is above 0."""

    scores: LinearScores


class ClassName(Record):
    """The label at that place, or of a support vector machine that of the most votes."""

    scores: LinearScores | KernelScores
    labels: tuple[Label, ...]


class Shares(Record):
    """exp(score) over the sum of them (softmax)."""

    scores: LinearScores


class Logistic(Record):
    """1 / (1 + exp(-score)) for each score; `paired` are 1 - p and p of a single one, `other` is 1 - p."""

    scores: LinearScores
    paired: bool = False
    other: bool = False


class NamedShares(Record):
    """Probabilities by their labels, as ZipMap gives them."""

    shares: Shares | Logistic
    labels: tuple[Label, ...]


class LogisticPart(Record):
    """A step of the logistic function 1 / (1 + exp(-z)), computed so that no digits are lost.

    `step` is one of abs (|z|), minus (-|z|), small (exp(-|z|)), above (z ≥ 0), top (1 where z ≥ 0, else
    small) and bottom (1 + small); or label (z > 0).
    """

    scores: LinearScores
    step: str


class SquaredLengths(Record):
    """‖x‖², a column."""

    rows: TableRows


class Quadratic(Record):
    """‖x‖² + w·x + b for each row w of the weights."""

    rows: TableRows
    weights: Numbers64
    summands: Numbers64


class RowsAcross(Record):
    """The rows along one axis more, to be compared with points."""

    rows: TableRows


class Differences(Record):
    """x - p for every point p."""

    rows: TableRows
    points: Numbers64


class PointDistances(Record):
    """The distance to every point, or (`squared`) its square."""

    rows: TableRows
    points: Numbers64
    squared: bool

    def is_same(self, other: PointDistances) -> bool:
        """Whether both are of the same points."""
        pairs = (
            (self.rows.shift, other.rows.shift),
            (self.rows.scale, other.rows.scale),
            (self.points, other.points),
        )
        return self.rows.columns == other.rows.columns and all(np.array_equal(a, b) for a, b in pairs)


class NearestPlace(Record):
    """Which point is nearest."""

    distances: PointDistances
