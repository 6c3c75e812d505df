"""What speaks against a column as a feature: what describes a dataset and what trains on it say the same."""

import re
from typing import NamedTuple

from ml_core.tables.columns import CATEGORY, DURATION, INTEGER, LISTS, OTHER, TEXT, Column

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


def unusable(column: Column) -> str | None:
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
    if reason := unusable(column):
        return Objection(reason, left_out=True)
    if column.is_index:
        return Objection("is the index of a data frame, which names or numbers the rows", left_out=True)
    if not column.present.any():
        return Objection("holds no value in any row", left_out=True)
    if column.kind == CATEGORY:
        return _of_words(column)
    if column.kind == INTEGER:
        return _of_days(column) or _of_integers(column)
    return None


def _of_words(column: Column) -> Objection | None:
    different, rows = len(column.words), int(column.present.sum())
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


def _as_text(column: Column) -> str:
    """What is to be said besides of a column whose words are rather texts than names."""
    some = column.words[:_LOOKED_AT]
    texts = sum(word.count(" ") >= _SPACES or len(word) > _LONG for word in some)
    return "; rnn can read it as text" if column.kind == TEXT or texts > len(some) / 2 else ""


def _of_integers(column: Column) -> Objection | None:
    """Integers that count the rows, or that may be numbers of them."""
    import numpy as np

    values = column.values
    if len(values) < IDENTIFIER_ROWS or not column.present.all():
        return None
    low, high = int(values.min()), int(values.max())
    if high - low == len(values) - 1 and len(np.unique(values)) == len(values):
        if low in (0, 1):
            return Objection(f"counts the rows from {low} to {high}: it says nothing of them", left_out=True)
        if (np.diff(values) > 0).all():
            reason = f'counts the rows from {low} to {high}; "exclude" leaves it out'
            return Objection(reason, left_out=False)
    called = _CALLED_ID.search(column.name[-_LONGEST:]) or _ENDS_IN_ID.search(column.name[-_LONGEST:])
    if called and len(np.unique(values)) > _NEARLY_ALL * len(values):
        return Objection(
            'has another number in nearly each row and is called as an id is; "exclude" leaves it out',
            left_out=False,
        )
    digits = len(str(low))
    if low >= _LEAST_CODE and digits == len(str(high)) and len(np.unique(values)) == len(values):
        return Objection(
            f"has another number of {digits} digits in each row; if they are codes, such as numbers of "
            'accounts or telephones, "exclude" leaves it out',
            left_out=False,
        )
    return None


def _of_days(column: Column) -> Objection | None:
    """Whole numbers that are all dates as 20240531 is one: their order is right, their distances are not."""
    import numpy as np

    values = column.values[column.present]
    if not ((values >= _FIRST_DAY) & (values <= _LAST_DAY)).all():
        return None
    whole = values.astype(np.int64)
    months, days = whole // 100 % 100, whole % 100
    if not ((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all() or len(np.unique(whole)) == 1:
        return None
    first = str(whole[0])
    return Objection(
        f"holds whole numbers such as {first}, which look like dates: write them as "
        f"{first[:4]}-{first[4:6]}-{first[6:]}, and they are read as dates",
        left_out=False,
    )
