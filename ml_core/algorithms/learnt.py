"""What an estimator learnt, in the words that people have for it.

An estimator tells it of the rows that it takes, encoded and scaled, by its method `learnt`;
`model/parameters.py` brings it to the caller's columns and units. Classes are told by their numbers.
"""

from __future__ import annotations

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    type Learnt = LinearDecisions | KernelDecisions | ClusterCentres


class Side(Record):
    """What a decision is positive for: a class, against another one, or against all others (None)."""

    positive: int
    against: int | None


class Sigmoid(Record):
    """A class's probability before all are brought to the sum 1: 1 / (1 + exp(slope · decision + offset))."""

    number: int
    slope: float
    offset: float


class LinearDecisions(Record):
    """Decisions w·x + b, each with a row of `weights`. `log_odds` says whether they are in log-odds."""

    sides: tuple[Side, ...]
    weights: Sequence[tuple[float, ...]]
    intercepts: tuple[float, ...]
    calibration: tuple[Sigmoid, ...] | None = None
    log_odds: bool = False


class KernelDecisions(Record):
    """Decisions by likeness to support vectors, of which each class has a number.

    What the kernel does not use of `gamma`, `coef0` and `degree` is None.
    """

    sides: tuple[Side, ...]
    intercepts: tuple[float, ...]
    kernel: str
    gamma: float | None
    coef0: float | None
    degree: int | None
    support_vectors: tuple[int, ...]
    calibration: tuple[Sigmoid, ...] | None = None


class ClusterCentres(Record):
    """A centre for each cluster."""

    centres: Sequence[tuple[float, ...]]
