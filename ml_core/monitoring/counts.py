"""Counts of one version's predictions: what an instance keeps, stores and adds up. No value is in them.

Of a column of numbers a list of counts: its bins, as the profile has them; then missing values; then, in the
bins already, those below `low` and those above `high`. Of a column of words: the profile's words, other words
of the model, words that it has never seen, missing values.
"""

from __future__ import annotations

from ml_core.profiles.profile import PROBABILITY_BINS

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# Upper ends in milliseconds of the bins that latency is counted in; one bin more is for what takes longer.
LATENCY_ENDS = (1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700,
                1000, 1500, 2000, 3000, 5000, 7000, 10_000, 20_000)  # fmt: skip


class VersionCounts:
    """Everything that is counted of a version; two of the same version can be added.

    Args:
        requests: how many requests this version was found for.
        refused: how many of them were answered by 4xx.
        errors: how many by 5xx.
        latency: how many took how long, in the bins of `LATENCY_ENDS`.
        predictions: how many rows were predicted.
        labels: how many of them were given each label, by its number.
        probability: of those whose top probability was looked at, how many in each of `PROBABILITY_BINS`.
        probability_sum: the sum of these top probabilities.
        counted: of how many rows the columns were counted: all of them, or a sample above some rate.
        columns: the counts of each column.
    """

    __slots__ = (
        "columns", "counted", "errors", "labels", "latency", "predictions", "probability",
        "probability_sum", "refused", "requests",
    )  # fmt: skip

    def __init__(self) -> None:
        self.requests = 0
        self.refused = 0
        self.errors = 0
        self.latency = [0] * (len(LATENCY_ENDS) + 1)
        self.predictions = 0
        self.labels: list[int] = []
        self.probability = [0] * PROBABILITY_BINS
        self.probability_sum = 0.0
        self.counted = 0
        self.columns: list[list[int]] = []

    def add(self, other: VersionCounts, times: int = 1) -> None:
        """Add another one's counts to these; -1 times takes them away."""
        self.requests += times * other.requests
        self.refused += times * other.refused
        self.errors += times * other.errors
        self.predictions += times * other.predictions
        self.counted += times * other.counted
        self.probability_sum += times * other.probability_sum
        self.latency = _added(self.latency, other.latency, times)
        self.labels = _added(self.labels, other.labels, times)
        self.probability = _added(self.probability, other.probability, times)
        columns = [*self.columns, *[[] for _ in other.columns[len(self.columns) :]]]
        theirs = [*other.columns, *[[] for _ in columns[len(other.columns) :]]]
        self.columns = [_added(one, two, times) for one, two in zip(columns, theirs, strict=True)]

    def described(self) -> dict[str, Any]:
        """The counts as JSON values: what `of` reads."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, described: dict[str, Any]) -> VersionCounts:
        """The counts of a description; what it does not say is 0."""
        counts = cls()
        for name in cls.__slots__:
            if name in described:
                setattr(counts, name, described[name])
        return counts


def probability_bin(probability: float) -> int | None:
    """Which of the equal parts of the range a probability is in; 1 is in the last. None for what is none."""
    if not 0 <= probability <= 1:
        return None
    return min(int(probability * PROBABILITY_BINS), PROBABILITY_BINS - 1)


def _added(one: Sequence[int], two: Sequence[int], times: int) -> list[int]:
    """Element by element; the shorter one goes on with 0."""
    more = two if times == 1 else [times * each for each in two]
    short, long = (one, more) if len(one) <= len(more) else (more, one)
    return [*map(int.__add__, short, long), *long[len(short) :]]
