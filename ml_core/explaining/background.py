"""What stands for a column that is not known: each column's values by themselves, or whole rows."""

from __future__ import annotations

from math import sumprod

from ml_core.explaining.explanation import MARGINALS, ROWS
from ml_core.records import Protocol

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.explaining.coding import Coding
    from ml_core.profiles.profile import Profile


class BackgroundGame(Protocol):
    """Rows of columns are as they are packed: a number for each column, NaN where it is missing."""

    game: str

    def expected(self, coding: Coding) -> list[float]:
        """The row that the estimator sees on average."""


class Marginals:
    """Each column has values with their shares, and is drawn by itself."""

    game = MARGINALS

    def __init__(self, columns: Sequence[Sequence[tuple[float, float]]]) -> None:
        self.columns = columns

    @classmethod
    def of(cls, profile: Profile, coding: Coding) -> Marginals:
        """Those of a profile of the same columns."""
        columns = zip(profile.columns, coding.columns, strict=True)
        return cls([told.marginal(placed.words) for told, placed in columns])

    def expected(self, coding: Coding) -> list[float]:
        """The row that the estimator sees on average."""
        row = [0.0] * coding.width
        for column, (placed, drawn) in enumerate(zip(coding.columns, self.columns, strict=True)):
            if placed.first is None:
                each = [(coding.coded(column, value), share) for value, share in drawn]
                for number, place in enumerate(placed.places):
                    row[place] = _mean([values[number] for values, _ in each], [share for _, share in each])
            else:
                shares = _shares_of_words(coding, column, drawn)
                for place, value in zip(placed.places, coding.scaled(placed.places, shares), strict=True):
                    row[place] = value
        return row


class BackgroundRows:
    """Whole rows, each as likely as the others."""

    game = ROWS

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        self.rows = rows

    def expected(self, coding: Coding) -> list[float]:
        """The row that the estimator sees on average."""
        share = 1 / len(self.rows)
        encoded = [coding.row(row) for row in self.rows]
        return [_mean(column, [share] * len(column)) for column in zip(*encoded, strict=True)]


def _mean(values: Sequence[float], shares: Sequence[float]) -> float:
    """Shares that are 1 together but for rounding must not move what lies far from zero."""
    first = values[0]
    return first + sumprod(shares, [value - first for value in values])


def _shares_of_words(coding: Coding, column: int, drawn: Sequence[tuple[float, float]]) -> list[float]:
    """How often each word is drawn; a missing one that is no word is none of them."""
    shares = dict.fromkeys(coding.columns[column].places, 0.0)
    for value, share in drawn:
        place = coding.word(column, value)
        if place is not None:
            shares[place] += share
    return list(shares.values())
