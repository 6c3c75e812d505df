"""Columns whose values have types of their own, and what becomes of them where a person says another type."""

from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ml_core.errors import InvalidInput, member, shown
from ml_core.inputs.rules import EXACT, ValueRule, is_inexact, spelled
from ml_core.tables.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    INTEGER,
    MOST_WORDS,
    NUMBER,
    TEXT,
    Column,
    number_column,
)
from ml_core.tables.options import ColumnOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRUE, _FALSE = ("true", "1"), ("false", "0")


def typed_rule(options: ColumnOptions) -> ValueRule:
    """The rule of a column whose values are no text."""
    return ValueRule(missing=options.category_missing)


def integer_column(
    name: str, values: "NDArray[Any]", present: "NDArray[np.bool_] | None", options: ColumnOptions
) -> Column:
    """A column of whole numbers; of categories where float64 would not tell them apart.

    `present` says which rows have a value; None where all have one.
    """
    known = values if present is None else values[present]
    large = np.unique(known[(known >= EXACT) | (known <= -EXACT)]).tolist()
    if options.kind != NUMBER and any(map(is_inexact, large)):
        return spelled_category(name, values, present, options, integers=True)
    floats = values.astype(np.float64)
    if present is not None:
        floats[~present] = np.nan
    return number_column(name, floats, typed_rule(options))


def as_said(column: Column, options: ColumnOptions) -> Column:
    """The column as the type that it is said to be. Raises `InvalidInput` where it cannot be that."""
    said = options.kind
    kinds = {
        None: (column.kind,),
        NUMBER: (NUMBER, INTEGER, BOOLEAN),
        CATEGORY: (CATEGORY, TEXT),
        BOOLEAN: (BOOLEAN,),
        DATE: (DATE,),
    }
    if column.kind in kinds[said]:
        return column
    if said == CATEGORY and column.kind in (NUMBER, INTEGER, BOOLEAN):
        values = column.values.astype(bool) if column.kind == BOOLEAN else column.values
        return spelled_category(column.name, values, column.present, options)
    if said == BOOLEAN and column.kind in (NUMBER, INTEGER):
        return _truths(column, options)
    return refuse_said(column.name, str(said), f"values of type {column.kind}")


def spelled_category(
    name: str,
    values: "NDArray[Any]",
    present: "NDArray[np.bool_] | None",
    options: ColumnOptions,
    *,
    integers: bool = False,
) -> Column:
    """Numbers or truth values as categories, spelled as JSON would have them."""
    known = values if present is None else values[present]
    different, numbers = np.unique(known, return_inverse=True)
    codes = np.full(len(values), -1, np.int32)
    if len(different) > MOST_WORDS:
        codes[slice(None) if present is None else present] = 0
        return Column(name, TEXT, codes)
    rule = typed_rule(options)._replace(spelled=True)
    gaps = frozenset(rule.missing)
    each = [spelled(value) for value in different.tolist()]
    words = sorted({word for word in each if word not in gaps})
    places = {word: place for place, word in enumerate(words)}
    codes[slice(None) if present is None else present] = np.array(
        [*(places.get(word, -1) for word in each), -1], np.int32
    )[numbers]
    times = np.bincount(numbers, minlength=len(each)).tolist()
    missing = Counter({word: count for word, count in zip(each, times, strict=True) if word in gaps})
    return Column(name, CATEGORY, codes, tuple(words), rule, dict(missing), integers)


def _truths(column: Column, options: ColumnOptions) -> Column:
    """Numbers that are 0 and 1 as truth values."""
    wrong = column.present & (column.values != 0) & (column.values != 1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        refuse_said(column.name, BOOLEAN, f"{shown(spelled(float(column.values[row])))} in row {row + 1}")
    rule = typed_rule(options)._replace(true=_TRUE, false=_FALSE)
    return column._replace(kind=BOOLEAN, rule=rule)


def refuse_said(name: str, said: str, got: str) -> NoReturn:
    """Raise `InvalidInput` for values that are not what a column was said to be."""
    raise InvalidInput.at(member("$.data.types", name), f"expected a {said} in each row, got {got}")
