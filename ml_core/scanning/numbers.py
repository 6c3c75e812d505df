"""The cells of a block as the numbers that a model takes: for each what `:predict` makes of it.

Whole columns are read at once where their cells are plain. What is not so plain is read cell by cell, by the
reader of its column; words once each, however often they stand there.
"""

from collections.abc import Sequence
from itertools import compress, repeat
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from arro3.core import Array, DataType

from ml_core.errors import shown
from ml_core.inputs.columns import (
    BOOLEAN,
    DATE,
    NUMBER,
    Feature,
    Wrong,
    null_of,
    read_column,
    reader_of,
    written_in_cells,
)
from ml_core.inputs.rules import missing_numbers
from ml_core.inputs.scalars import NotTaken, json_value
from ml_core.inputs.texts import missing_dates
from ml_core.scanning.block import BatchColumns, Block, Reject
from ml_core.tables import arrow
from ml_core.tables.written import dates_at_once, numbers_at_once

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.inputs.columns import Reader

# Columns become rows in blocks of so many numbers, which stay in the processor's cache.
_TRANSPOSED = 1 << 18
_NUMBERS = (DataType.is_numeric,)
_STRINGS = (DataType.is_string, DataType.is_large_string, DataType.is_string_view)
# So few words are read one by one.
_FEW = 64
_DATES = (DataType.is_date, DataType.is_timestamp)


class Numbers(NamedTuple):
    """A block's rows as numbers.

    Args:
        X: rows × features, as `Rows` pack them; what is in the rows that are rejected means nothing.
        rejected: rows with a wrong cell, each once with its first one, in order.
        kept: the rows that are not rejected; None where all are kept.
    """

    X: "NDArray[np.float64]"
    rejected: list[Reject]
    kept: "NDArray[np.bool_] | None"

    @property
    def good(self) -> "NDArray[np.float64]":
        """The rows that are kept."""
        return self.X if self.kept is None else self.X[self.kept]


class Cells(NamedTuple):
    """A column's numbers, and what is wrong with some of them, by their rows."""

    values: "NDArray[np.float64]"
    wrong: "dict[int, str]"


def numbers(block: Block, features: Sequence[Feature], *, gaps: bool) -> Numbers:
    """The rows of a block as numbers for the features, in their order.

    Without `gaps` a missing value is wrong. A column that the block lacks is missing in each row.
    """
    plain = [_whole(block, feature) for feature in features]
    if all(column is not None for column in plain):
        X = _rows_of([column for column in plain if column is not None], block.rows)
        if isfinite(X.sum()):  # then each of them is; a sum may also be past the largest number
            return Numbers(X, [], None)
    columns = [_cells(block, feature, gaps=gaps) for feature in features]
    X = _rows_of([column.values for column in columns], block.rows)
    first: dict[int, Reject] = {}
    for feature, column in zip(features, columns, strict=True):
        for row, message in column.wrong.items():
            if row not in first:
                first[row] = Reject(row, int(block.lines[row]), feature.name, message)
    if not first:
        return Numbers(X, [], None)
    kept = np.ones(block.rows, bool)
    kept[list(first)] = False
    return Numbers(X, [first[row] for row in sorted(first)], kept)


def whole_columns(block: Block, features: Sequence[Feature]) -> arrow.WholeColumns | None:
    """The features' columns where they stand; None where one is anything but numbers without gaps."""
    columns = block.columns
    if not isinstance(columns, BatchColumns):
        return None
    for feature in features:
        if not _may_be_plain(feature) or feature.name not in columns.places:
            return None
    return arrow.WholeColumns.of(columns.batch, [columns.places[feature.name] for feature in features])


def _may_be_plain(feature: Feature) -> bool:
    """Whether all numbers are themselves."""
    return feature.kind == NUMBER and not missing_numbers(feature.rule.missing)


def _rows_of(columns: "Sequence[NDArray[np.float64]]", rows: int) -> "NDArray[np.float64]":
    """Columns as rows one after another."""
    X = np.empty((rows, len(columns)))
    step = max(1, _TRANSPOSED // max(1, len(columns)))
    for begin in range(0, rows, step):
        some = slice(begin, begin + step)
        for place, column in enumerate(columns):
            X[some, place] = column[some]
    return X


def _whole(block: Block, feature: Feature) -> "NDArray[np.float64] | None":
    """Numbers as they stand, without gaps; None for a column of anything else."""
    cells = _plain(block, feature)
    return None if cells is None else arrow.whole_floats(cells)


def _plain(block: Block, feature: Feature) -> Array | None:
    """A column that may be numbers as they stand."""
    cells = block.columns.get(feature.name)
    return cells if isinstance(cells, Array) and _may_be_plain(feature) else None


def _cells(block: Block, feature: Feature, *, gaps: bool) -> Cells:
    cells = block.columns.get(feature.name)
    if cells is None:
        cells = [None] * block.rows
    elif block.written and isinstance(cells, Array):
        return _written(cells, written_in_cells(feature, gaps=gaps))
    if isinstance(cells, Array):
        return _typed(cells, feature, gaps=gaps)
    found = _listed(cells, feature, gaps=gaps)
    if not feature.rule.optional and feature.name in block.absent:
        lacking = dict.fromkeys(block.absent[feature.name], f"feature {shown(feature.name)} is missing")
        return found._replace(wrong={**found.wrong, **lacking})
    return found


def _listed(cells: Sequence[Any], feature: Feature, *, gaps: bool) -> Cells:
    """Values of JSON."""
    read = read_column(feature, cells)
    wrong = {row: number.message for row, number in enumerate(read) if isinstance(number, Wrong)}
    values = np.array(read, np.float64) if read else np.empty(0)
    if not gaps:
        nulls = {row: _NO_NULL for row, value in enumerate(cells) if value is None}
        wrong = {**nulls, **wrong}
    return Cells(values, wrong)


_NO_NULL = "expected a number, got null"


def _written(cells: Array, feature: Feature) -> Cells:
    """Cells of CSV."""
    rule = feature.rule
    if feature.kind == NUMBER and rule.decimal == ".":
        values = arrow.numbers(cells)
        for gap in missing_numbers(rule.missing):
            values[values == gap] = np.nan
        odd = np.flatnonzero(~np.isfinite(values))
        if not len(odd):
            return Cells(values, {})
        codes, words = arrow.coded(cells if len(odd) == len(values) else arrow.taken(cells, odd))
        mended = _by_word(codes, words, feature)
        values[odd] = mended.values
        return Cells(values, {int(odd[row]): message for row, message in mended.wrong.items()})
    return _by_word(*arrow.coded(cells), feature)


def _by_word(
    codes: "NDArray[np.int32]",
    words: Sequence[str | None],
    feature: Feature,
    null: float | None = None,
) -> Cells:
    """The number of each row's word; `null` is that of a row without one, or it is read as an empty word."""
    read = reader_of(feature)
    if null is None:
        null = read("")
    found: list[float] = [null if word is None else nan for word in words]
    texts = {place: word for place, word in enumerate(words) if word is not None}
    at_once = _many(feature, list(texts.values())) if len(texts) > _FEW else None
    values = repeat(nan) if at_once is None else at_once.tolist()
    for (place, word), value in zip(texts.items(), values, strict=False):
        found[place] = read(word) if value != value else value  # noqa: PLR0124 - NaN is to be read apart
    found.append(null)  # the code -1 finds the last
    numbers_found = np.array(found, np.float64)[codes]
    messages = {code: number.message for code, number in enumerate(found) if isinstance(number, Wrong)}
    wrong: dict[int, str] = {}
    if messages:
        at = np.where(codes < 0, len(words), codes)
        rows = np.flatnonzero(np.isin(at, list(messages)))
        wrong = {row: messages[code] for row, code in zip(rows.tolist(), at[rows].tolist(), strict=True)}
    return Cells(numbers_found, wrong)


def _many(feature: Feature, words: list[str]) -> "NDArray[np.float64] | None":
    """What many words of a feature are at once, NaN where one has to be read apart; None where all have to.

    A word that stands for a missing value has to: others then may not be of the plainest kind.
    """
    rule = feature.rule
    gaps = frozenset(rule.missing)
    plain = np.array([word not in gaps and word.strip() not in gaps for word in words])
    texts = list(compress(words, plain.tolist()))
    if feature.kind == DATE:
        read, odd = dates_at_once(texts, rule.date), list(missing_dates(rule))
    elif feature.kind == NUMBER:
        read, odd = numbers_at_once(texts, rule), [inf, -inf, *missing_numbers(rule.missing)]
    else:
        return None
    if read is None:
        return None
    for value in odd:
        read[read == value] = nan
    values = np.full(len(words), nan)
    values[plain] = read
    return values


def _typed(cells: Array, feature: Feature, *, gaps: bool) -> Cells:
    """Values that have types of their own, read as JSON would have them."""
    kind = cells.type
    if DataType.is_dictionary(kind):
        kind = kind.value_type or kind
    null = null_of(feature)
    if not gaps and not isinstance(null, Wrong):
        null = Wrong.saying(_NO_NULL)
    if arrow.is_one_of(kind, _STRINGS):
        return _by_word(*arrow.coded(cells), feature, null)
    if feature.kind == NUMBER and arrow.is_one_of(kind, (*_NUMBERS, DataType.is_decimal)):
        return _plain_numbers(arrow.numbers(cells), feature, null)
    if feature.kind == BOOLEAN and DataType.is_boolean(kind):
        return _with_null(arrow.numbers(cells), null)
    if feature.kind == DATE and arrow.is_one_of(kind, _DATES):
        found = _with_null(arrow.days(cells), null)
        for gap in missing_dates(feature.rule):
            found.values[found.values == gap] = np.nan
        return found
    return _each(cells, feature, null)


def _plain_numbers(values: "NDArray[np.float64]", feature: Feature, null: float) -> Cells:
    """Numbers; NaN is none."""
    found = _with_null(values, null)
    wrong = dict(found.wrong)
    for row in np.flatnonzero(np.isinf(values)).tolist():
        number = float(values[row])
        wrong[row] = f"expected a finite number of double precision, got {shown(number)}"
    for gap in missing_numbers(feature.rule.missing):
        found.values[found.values == gap] = np.nan
    return Cells(found.values, wrong)


def _with_null(values: "NDArray[np.float64]", null: float) -> Cells:
    """The values with what null is read as in the place of NaN."""
    if not isinstance(null, Wrong) and np.isnan(null):
        return Cells(values, {})
    missing = np.flatnonzero(np.isnan(values))
    if not len(missing):
        return Cells(values, {})
    if isinstance(null, Wrong):
        return Cells(values, dict.fromkeys(missing.tolist(), null.message))
    values[missing] = null
    return Cells(values, {})


def _each(cells: Array, feature: Feature, null: float) -> Cells:
    """Values of any type, each different one read once where it can be told from others."""
    read = reader_of(feature)
    whole = DataType.is_decimal(cells.type) and arrow.decimal_places(cells.type) <= 0
    known: dict[tuple[type, Any], float] = {}
    found: list[float] = []
    with arrow.engine():
        values = cells.to_pylist()
    for value in values:
        key = (type(value), None if isinstance(value, list | dict) else value)
        number = known.get(key)
        if number is None:
            number = _read(int(value) if whole and value is not None else value, read, null)
            if not isinstance(value, list | dict):
                known[key] = number
        found.append(number)
    wrong = {row: number.message for row, number in enumerate(found) if isinstance(number, Wrong)}
    return Cells(np.array(found, np.float64) if found else np.empty(0), wrong)


def _read(value: Any, read: "Reader", null: float) -> float:  # noqa: ANN401 - a value of Arrow's
    try:
        sent = json_value(value)
    except NotTaken as reason:
        return Wrong.saying(str(reason))
    return null if sent is None else read(sent)
