"""What every way to split a margin offers."""

from __future__ import annotations

from math import fsum, nan

from ml_core.records import Protocol, Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence


class MarginParts(Record):
    """A row's margin, what is expected where no column is known, and each column's part of the difference.

    `error` is |base + sum of the parts - margin|; no finite number where one of them is none.
    """

    base: float
    margin: float
    parts: Sequence[float]
    error: float
    standard_errors: Sequence[float] | None = None

    @classmethod
    def of(
        cls,
        base: float,
        margin: float,
        parts: Sequence[float],
        standard_errors: Sequence[float] | None = None,
    ) -> MarginParts:
        """These, with their error."""
        try:
            error = abs(fsum((base, *parts, -margin)))
        except (OverflowError, ValueError):  # a sum, or the difference of two infinities
            error = nan
        return cls(base, margin, parts, error, standard_errors)


class MarginSplit(Protocol):
    """How margins are split, given what stands for the columns that are not known.

    `method` and `game` are an explanation's; `work` is how many multiplications a row takes.
    """

    method: str
    game: str
    work: int

    def of(
        self,
        values: Sequence[Sequence[float]],
        rows: Sequence[Sequence[float]],
        pairs: Sequence[tuple[int, int]],
    ) -> list[MarginParts]:
        """Each row's margin of the first label of its pair over the second.

        `values` are rows of columns as they are packed, `rows` the same as the estimator takes them.
        """
