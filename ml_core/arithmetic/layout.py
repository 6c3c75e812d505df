"""How a row of features becomes a row of numbers: both arithmetics encode by it."""

from __future__ import annotations

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`


class Layout(Record):
    """How a row of features becomes a row of numbers, as plain places and numbers.

    First come the `numbers`, each a column and what replaces it where it is missing; then 1 for each column
    of `missing_indicator` that is missing, else 0; then for each of `categories` a column, how many words it
    has, and whether a missing one is a word of its own, the last.
    """

    numbers: tuple[tuple[int, float], ...]
    missing_indicator: tuple[int, ...]
    categories: tuple[tuple[int, int, bool], ...]

    def changes_nothing(self, columns: int) -> bool:
        """Whether rows of so many columns stay as they are, unless a value is missing."""
        return [column for column, _ in self.numbers] == list(range(columns)) and not self.missing_indicator

    @property
    def coded_width(self) -> int:
        """How many numbers say a row where words are places."""
        return len(self.numbers) + len(self.missing_indicator) + len(self.categories)

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return (
            len(self.numbers)
            + len(self.missing_indicator)
            + sum(count + missing for _, count, missing in self.categories)
        )
