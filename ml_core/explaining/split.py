"""What every way to split a margin offers."""

from __future__ import annotations

from math import fsum

from ml_core.records import Protocol, Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence


class Parts(Record):
    """A row's margin, what is expected where no column is known, and each column's part of the difference.

    `error` is |base + sum of the parts - margin|.
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
    ) -> Parts:
        """These, with their error. Raises `OverflowError` or `ValueError` where one is not finite."""
        error = abs(fsum((base, *parts, -margin)))
        return cls(base, margin, parts, error, standard_errors)


class MarginSplit(Protocol):
    """How margins are split, given what stands for the columns that are not known.

    `method` and `game` are an explanation's; `work` is how many multiplications a row takes.
    """

    method: str
    game: str
    work: int

    def of(self, values: Sequence[float], row: Sequence[float], own: int, other: int) -> Parts:
        """The margin of one label over another.

        `values` is the row of columns as it is packed, `row` the same as the estimator takes it. Where one
        overflows the error is no finite number, or `OverflowError` or `ValueError` is raised.
        """
