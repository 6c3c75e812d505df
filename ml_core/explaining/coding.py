"""Where the caller's columns stand in a row as the estimator takes it, and what a value becomes there.

A number writes a number, and another one that says whether it was missing; a word is one of several numbers.
All that a column writes is explained together. The results are those of the arithmetics' `encoded` and
`standardised`, value by value.
"""

from __future__ import annotations

from math import isnan

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.arithmetic.layout import Layout
    from ml_core.preprocessing.scaling import Scaling


class Placed(Record):
    """A column's places in a row: of its number, of the flag of a missing one, and of the first of its words.

    What it has not is None; a column without any place is not looked at. `words` are how many words there
    are, and `missing_word` says whether a missing one is a word of its own, after them.
    """

    number: int | None
    replacement: float
    flag: int | None
    first: int | None
    words: int
    missing_word: bool

    @property
    def places(self) -> list[int]:
        """All of them, in ascending order."""
        if self.first is not None:
            return list(range(self.first, self.first + self.words + self.missing_word))
        return [place for place in (self.number, self.flag) if place is not None]


class Coding:
    """The places of every column, in their order.

    Args:
        n_columns: how many columns there are.
        layout: how they are encoded; None where each is a number without gaps.
        scaling: what comes after it; None where nothing does.
    """

    def __init__(
        self,
        n_columns: int,
        layout: Layout | None = None,
        scaling: Scaling | None = None,
    ) -> None:
        self.columns = _placed(n_columns, layout)
        self.width = layout.width if layout else n_columns
        self.leading = len(layout.numbers) + len(layout.missing_indicator) if layout else n_columns
        """How many places at the beginning hold no words."""
        self.scaling = scaling

    def coded(self, column: int, value: float) -> list[float]:
        """What the column's value becomes, at its places in ascending order."""
        placed = self.columns[column]
        if placed.first is None:
            missing = isnan(value)
            found = [] if placed.number is None else [placed.replacement if missing else value]
            if placed.flag is not None:
                found.append(float(missing))
        else:
            found = [0.0] * (placed.words + placed.missing_word)
            place = self.word(column, value)
            if place is not None:
                found[place - placed.first] = 1.0
        return self.scaled(placed.places, found)

    def scaled(self, places: Sequence[int], values: list[float]) -> list[float]:
        """Encoded values at these places as they are after scaling."""
        if self.scaling is None:
            return values
        mean, scale = self.scaling.mean.values, self.scaling.scale.values
        return [(value - mean[place]) / scale[place] for place, value in zip(places, values, strict=True)]

    def word(self, column: int, value: float) -> int | None:
        """The place of a column's word; None where the value is none of the words."""
        placed = self.columns[column]
        word = placed.words if isnan(value) else int(value)
        if placed.first is None or not 0 <= word < placed.words + placed.missing_word:
            return None
        return placed.first + word

    def row(self, values: Sequence[float]) -> list[float]:
        """A whole row of columns as the estimator takes it."""
        row = [0.0] * self.width
        for column, value in enumerate(values):
            for place, number in zip(self.columns[column].places, self.coded(column, value), strict=True):
                row[place] = number
        return row


def _placed(n_columns: int, layout: Layout | None) -> list[Placed]:
    if layout is None:
        return [Placed(place, 0.0, None, None, 0, False) for place in range(n_columns)]
    numbers = {column: (place, with_) for place, (column, with_) in enumerate(layout.numbers)}
    flags = {column: len(numbers) + place for place, column in enumerate(layout.missing_indicator)}
    firsts, begin = {}, len(numbers) + len(flags)
    for column, count, missing in layout.categories:
        firsts[column] = (begin, count, missing)
        begin += count + missing
    columns = []
    for column in range(n_columns):
        number, replacement = numbers.get(column, (None, 0.0))
        first, count, missing = firsts.get(column, (None, 0, False))
        columns.append(Placed(number, replacement, flags.get(column), first, count, missing))
    return columns
