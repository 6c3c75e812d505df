"""What was counted of one version since a moment, and what of it is too bad to be chance.

A guard looks again every ten minutes, so that a test at 95 % would find chance somewhere in a day. Its bounds
are of `Z` standard errors, one-sided: how often they err all the same is in `docs/schedules.md`, simulated.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.monitoring.counts import LATENCY_ENDS

if TYPE_CHECKING:
    from ml_core.monitoring.counts import VersionCounts
    from ml_core.monitoring.feedback import FeedbackCounts

Z = 3.5
LEAST = 30  # requests, or labelled predictions, below which no share is judged
_SLOW = 0.05  # of which the 95th percentile is the end


class Tally(NamedTuple):
    """What was counted of a version.

    Args:
        requests: how many came to it.
        errors: how many of them were answered by 5xx.
        latency: how many took how long, in the bins of `LATENCY_ENDS`.
        predictions: rows that were predicted.
        labelled: predictions of which it is known what they were of.
        correct: how many of those were right.
    """

    requests: int = 0
    errors: int = 0
    latency: tuple[int, ...] = ()
    predictions: int = 0
    labelled: int = 0
    correct: int = 0

    @classmethod
    def of(cls, counts: VersionCounts, feedback: FeedbackCounts) -> Tally:
        """That of what monitoring counted."""
        return cls(
            counts.requests,
            counts.errors,
            tuple(counts.latency),
            counts.predictions,
            feedback.labelled,
            feedback.correct,
        )

    @classmethod
    def restored(cls, described: dict[str, Any]) -> Tally:
        """The tally that `described` wrote."""
        return cls(**{**described, "latency": tuple(described["latency"])})

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {**self._asdict(), "latency": list(self.latency)}

    def since(self, before: Tally) -> Tally:
        """What came to it after `before`; nothing is less than none, where counts were lost."""
        return Tally(
            max(0, self.requests - before.requests),
            max(0, self.errors - before.errors),
            tuple(
                max(0, now - (before.latency[place] if place < len(before.latency) else 0))
                for place, now in enumerate(self.latency)
            ),
            max(0, self.predictions - before.predictions),
            max(0, self.labelled - before.labelled),
            max(0, self.correct - before.correct),
        )

    def surely_slower(self, milliseconds: float) -> int:
        """How many took longer: those in bins that begin there, or later."""
        begins = (0.0, *LATENCY_ENDS)
        return sum(count for begin, count in zip(begins, self.latency, strict=False) if begin >= milliseconds)


def fault_of(new: Tally, old: Tally, rules: dict[str, Any]) -> str | None:
    """Why a version has to be rolled back, in words for people; None where nothing speaks for that.

    `rules` are a schedule's `rollback`. A share that may be chance is no reason.
    """
    most, slow, drop = (rules.get(name) for name in ("errors", "p95_ms", "feedback_accuracy_drop"))
    if most is not None and is_above(new.errors, new.requests, most):
        return f"{new.errors} of {new.requests} requests failed, and errors is {most:g}"
    slower = 0 if slow is None else new.surely_slower(slow)
    if slow is not None and is_above(slower, new.requests, _SLOW):
        return f"{slower} of {new.requests} requests took longer than {slow:g} ms, and p95_ms is {slow:g}"
    if drop is not None and has_fallen(new, old, drop):
        return (
            f"{new.correct} of {new.labelled} labelled predictions were right, of the version before "
            f"{old.correct} of {old.labelled}, and feedback_accuracy_drop is {drop:g}"
        )
    return None


def is_above(some: int, every: int, share: float) -> bool:
    """Whether `some / every` is above a share by more than chance: by the lower end of Wilson's interval."""
    return every >= LEAST and some / every > share and bounds(some, every)[0] > share


def has_fallen(new: Tally, old: Tally, drop: float) -> bool:
    """Whether accuracy fell by more than `drop`, and that is not chance.

    By the lower end of Newcombe's interval for the difference of two shares (Statistics in Medicine 17, 1998,
    method 10), which is made of Wilson's.
    """
    if min(new.labelled, old.labelled) < LEAST:
        return False
    before, now = old.correct / old.labelled, new.correct / new.labelled
    low, high = bounds(old.correct, old.labelled)[0], bounds(new.correct, new.labelled)[1]
    fallen = before - now
    return fallen - sqrt((before - low) ** 2 + (high - now) ** 2) > drop


def bounds(some: int, every: int, z: float = Z) -> tuple[float, float]:
    """Wilson's interval of `z` standard errors for a share (Wilson, JASA 22, 1927)."""
    share, square = some / every, z * z
    middle = share + square / (2 * every)
    half = z * sqrt(share * (1 - share) / every + square / (4 * every * every))
    return (middle - half) / (1 + square / every), (middle + half) / (1 + square / every)
