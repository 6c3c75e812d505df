"""What speaks against a column as a feature: what describes a dataset and what trains on it say the same."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ml_core.tables.columns import CATEGORY, DURATION, INTEGER, LISTS, OTHER, TEXT, Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of words that are all different in so many rows, none will be met again: they name rows.
IDENTIFIER_ROWS = 50
# A column of its own for each word: past this many a model is no longer small.
MOST_CATEGORIES = 10_000
# The part of different words past which a column is left out, and past which it is told.
_NEARLY_ALL, _MANY = 0.9, 0.5
_LONGEST = 20
# Of so many words that are looked at, those with so many spaces, or longer than that, are rather texts.
_LOOKED_AT, _SPACES, _LONG = 1_000, 2, 40
# Whole numbers that may be dates, and those of so many digits that they may be codes.
_FIRST_DAY, _LAST_DAY = 1900_01_01, 2100_12_31
_LEAST_CODE = 100_000_000
_CALLED_ID = re.compile(r"(?:^|[_\W])(?:id|uuid|guid|key|rownames?|index|nr|no)$", re.ASCII | re.IGNORECASE)
_ENDS_IN_ID = re.compile(r"[a-z]I[dD]$", re.ASCII)


class Objection(NamedTuple):
    """What speaks against a column: it is left out with it, or only told of it."""

    reason: str
    left_out: bool


class SeenValues(Protocol):
    """What is known of a column's values, whether they are all there or were only seen."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    @property
    def present(self) -> int:
        """How many of them have a value."""

    @property
    def low(self) -> float:
        """The least value."""

    @property
    def high(self) -> float:
        """The greatest value."""

    @property
    def different(self) -> int:
        """How many different values there are; of many it may be an estimate."""

    @property
    def is_count(self) -> bool:
        """Whether each whole number from the least value to the greatest is there, once."""

    @property
    def rises(self) -> bool:
        """Whether each value is greater than the one before."""

    @property
    def first_day(self) -> float | None:
        """The first value, where all are whole numbers that look like dates; else None."""


class SeenColumn(Protocol):
    """As much of a column as speaks for or against it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def words(self) -> Sequence[str]:
        """A category's words."""

    @property
    def is_index(self) -> bool:
        """Whether a program wrote it to name or number the rows."""


def unusable(column: SeenColumn) -> str | None:
    """Why no model takes a column; None if one may."""
    if column.kind == TEXT or len(column.words) > MOST_CATEGORIES:
        return f"holds more than {MOST_CATEGORIES} different words{_as_text(column)}"
    if column.kind == DURATION:
        return "holds durations or times of day: write them as numbers, such as seconds"
    if column.kind == LISTS:
        return "holds lists of numbers: only rnn can learn from them; each row is one sequence"
    if column.kind == OTHER:
        return "holds lists, objects or bytes"
    return None


def objection(column: Column) -> Objection | None:
    """What speaks against a column that nobody asked for by name."""
    return objection_to(column, ColumnValues(column))


def objection_to(column: SeenColumn, values: SeenValues) -> Objection | None:
    """The same of one of whose values only so much is known."""
    if reason := unusable(column):
        return Objection(reason, left_out=True)
    if column.is_index:
        return Objection("is the index of a data frame, which names or numbers the rows", left_out=True)
    if not values.present:
        return Objection("holds no value in any row", left_out=True)
    if column.kind == CATEGORY:
        return _of_words(column, values)
    if column.kind == INTEGER:
        return _of_days(values) or _of_integers(column, values)
    return None


class ColumnValues:
    """What is known of values that are all there."""

    def __init__(self, column: Column) -> None:
        self._values = column.values
        self._there = column.present

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._values)

    @cached_property
    def present(self) -> int:
        """How many of them have a value."""
        return int(self._there.sum())

    @cached_property
    def low(self) -> float:
        """The least value."""
        return float(self._values[self._there].min())

    @cached_property
    def high(self) -> float:
        """The greatest value."""
        return float(self._values[self._there].max())

    @cached_property
    def different(self) -> int:
        """How many different values there are."""
        import numpy as np

        return len(np.unique(self._values[self._there]))

    @property
    def is_count(self) -> bool:
        """Whether each whole number from the least value to the greatest is there, once."""
        return self.high - self.low == self.present - 1 and self.different == self.present

    @property
    def rises(self) -> bool:
        """Whether each value is greater than the one before."""
        import numpy as np

        return bool((np.diff(self._values[self._there]) > 0).all())

    @property
    def first_day(self) -> float | None:
        """The first value, where all are whole numbers that look like dates; else None."""
        values = self._values[self._there]
        return float(values[0]) if are_days(values) else None


def are_days(values: "NDArray[np.float64]") -> bool:
    """Whether whole numbers are all dates as 20240531 is one."""
    import numpy as np

    if not ((values >= _FIRST_DAY) & (values <= _LAST_DAY)).all():
        return False
    whole = values.astype(np.int64)
    months, days = whole // 100 % 100, whole % 100
    return bool(((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all())


def _of_words(column: SeenColumn, values: SeenValues) -> Objection | None:
    different, rows = len(column.words), values.present
    if different < IDENTIFIER_ROWS or different <= _MANY * rows:
        return None
    if different == rows:
        return Objection(
            f"holds another word in each row, as a name or number of the row would{_as_text(column)}",
            left_out=True,
        )
    if different > _NEARLY_ALL * rows:
        return Objection(
            f"holds {different} different words in {rows} rows: nearly each names a row{_as_text(column)}",
            left_out=True,
        )
    return Objection(
        f'holds {different} different words in {rows} rows; if they name rows, "exclude" leaves it out',
        left_out=False,
    )


def _as_text(column: SeenColumn) -> str:
    """What is to be said besides of a column whose words are rather texts than names."""
    some = column.words[:_LOOKED_AT]
    texts = sum(word.count(" ") >= _SPACES or len(word) > _LONG for word in some)
    return "; rnn can read it as text" if column.kind == TEXT or texts > len(some) / 2 else ""


def _of_integers(column: SeenColumn, values: SeenValues) -> Objection | None:
    """Integers that count the rows, or that may be numbers of them."""
    if values.rows < IDENTIFIER_ROWS or values.present < values.rows:
        return None
    low, high = int(values.low), int(values.high)
    if high - low == values.rows - 1 and values.is_count:
        if low in (0, 1):
            return Objection(f"counts the rows from {low} to {high}: it says nothing of them", left_out=True)
        if values.rises:
            reason = f'counts the rows from {low} to {high}; "exclude" leaves it out'
            return Objection(reason, left_out=False)
    called = _CALLED_ID.search(column.name[-_LONGEST:]) or _ENDS_IN_ID.search(column.name[-_LONGEST:])
    if called and values.different > _NEARLY_ALL * values.rows:
        return Objection(
            'has another number in nearly each row and is called as an id is; "exclude" leaves it out',
            left_out=False,
        )
    digits = len(str(low))
    if low >= _LEAST_CODE and digits == len(str(high)) and values.different == values.rows:
        return Objection(
            f"has another number of {digits} digits in each row; if they are codes, such as numbers of "
            'accounts or telephones, "exclude" leaves it out',
            left_out=False,
        )
    return None


def _of_days(values: SeenValues) -> Objection | None:
    """Whole numbers that are all dates as 20240531 is one: their order is right, their distances are not."""
    day = values.first_day
    if day is None or values.low == values.high:
        return None
    first = str(int(day))
    return Objection(
        f"holds whole numbers such as {first}, which look like dates: write them as "
        f"{first[:4]}-{first[4:6]}-{first[6:]}, and they are read as dates",
        left_out=False,
    )
