"""What the columns of a matrix are on its way through fitted steps, said by the caller's own columns.

Each is a value of one of the caller's columns, whether that is missing, or whether it is a certain word; and
then (x - shift) / scale of it. Steps that make anything else of columns are not converted.
"""

from __future__ import annotations

from typing import Any

from ml_core.converting.fitted import refuse
from ml_core.errors import shown
from ml_core.records import Record

NULL = None
"""The mark of a missing value that None, NaN and NA are."""


class Gap(Record):
    """What takes the place of a missing value: `mark` is what marks it, `fill` a Python scalar."""

    mark: Any
    fill: Any


class SourceValue(Record):
    """The value of a caller's column; without a `gap`, as it comes."""

    source: int
    gap: Gap | None = None
    shift: float = 0.0
    scale: float = 1.0


class MissingFlag(Record):
    """1 where the value of a caller's column is missing, which `mark` marks, else 0."""

    source: int
    mark: Any
    shift: float = 0.0
    scale: float = 1.0


class KnownWords(Record):
    """What one-hot encoding knows of a column.

    Args:
        words: every category that is no missing value, as a word.
        kind: what they spell, a `word_kind` of `ValueRule`.
        has_missing: whether a missing value is a category too.
        closed: whether another value is refused.
        gap: what took the place of a missing value before.
    """

    words: tuple[str, ...]
    kind: str
    has_missing: bool
    closed: bool
    gap: Gap | None


class Word(Record):
    """1 where the value of a caller's column is a certain word, else 0; None is a missing value as a word."""

    source: int
    word: str | None
    known: KnownWords
    shift: float = 0.0
    scale: float = 1.0


type Column = SourceValue | MissingFlag | Word


def scaled(column: Column, shift: float, scale: float) -> Column:
    """(x - shift) / scale of what a column is already."""
    return column._replace(shift=column.shift + column.scale * shift, scale=column.scale * scale)


def is_plain(column: Column) -> bool:
    """Whether it is a caller's column as it comes, but for gaps."""
    return isinstance(column, SourceValue) and (column.shift, column.scale) == (0.0, 1.0)


def said(source: int, names: tuple[str, ...]) -> str:
    """A caller's column as messages name it."""
    return f"the column {shown(names[source])}"


def python_scalar(value: Any, path: str) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """A scalar as Python's own: a number, a truth value, a text, or None for what marks a missing value.

    Raises `NotConverted` for another.
    """
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN is not
        return NULL
    if not isinstance(value, str | int | float):
        refuse(path, f"expected words, numbers or truth values, got {shown(value)}")
    return value
