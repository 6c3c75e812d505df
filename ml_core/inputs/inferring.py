"""What the columns of a request's rows are, inferred from their values: only training asks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ml_core.errors import InvalidInput, shown
from ml_core.inputs.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    NUMBER,
    Feature,
    is_number,
    is_spelled,
    packed_rows,
    place_in_row,
)
from ml_core.inputs.rows import Limits, Rows
from ml_core.inputs.rules import FALSE_SAID, TRUE_SAID, TYPED, spelled
from ml_core.inputs.texts import read_date


class KnownColumns(NamedTuple):
    """What is known of columns before their values are looked at.

    Args:
        types: what a person says that columns are: numbers of such a column may be written.
        missing: the words that stand for a missing value.
        kinds: those of columns whose values are of one type, as a data frame's are.
    """

    types: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()
    kinds: Mapping[str, str] = {}

    def kind(self, name: str) -> str | None:
        """What the column of that name is; None where its values have to tell."""
        return self.types.get(name) or self.kinds.get(name)


NOTHING_KNOWN = KnownColumns()


def mixed_rows(
    names: Sequence[str],
    listed: list[object],
    rows: list[list[object]],
    limits: Limits,
    where: str,
    *,
    known: KnownColumns = NOTHING_KNOWN,
) -> tuple[tuple[Feature, ...], Rows]:
    """Features found out from rows in their order, and the rows. Raises `InvalidInput`."""
    features = []
    for column, name in enumerate(names):
        path = f"{where}[{{}}]{place_in_row(listed[0], name, column)}"
        values = [row[column] for row in rows]
        features.append(_feature_of(name, values, known, path=path, limits=limits))
    return tuple(features), packed_rows(features, listed, rows, where)


def _feature_of(
    name: str, values: list[object], known: KnownColumns, *, path: str, limits: Limits
) -> Feature:
    kind, rule, gaps = known.kind(name), TYPED, frozenset(known.missing)
    if known.missing:
        rule = rule._replace(missing=known.missing)
    # Space around a word is no part of it, whatever the rows came in.
    words = {value.strip() for value in values if isinstance(value, str) and value not in gaps} - gaps
    if kind is None:
        kind = _guessed(words, values, gaps)
        if kind == CATEGORY and words:
            _check_not_numbers(words, values, path)
    if kind == CATEGORY:
        if name in known.types or (not words and any(value is not None for value in values)):
            rule = rule._replace(spelled=True)
            words |= {
                spelled(v) for v in values if isinstance(v, bool | int | float) and is_spelled(v)
            } - gaps
        _check_words(words, values, path, limits)
        return Feature(name, kind, tuple(sorted(words)), rule._replace(trim=True))
    if name in known.types and words:
        rule = rule._replace(text=True)
    if name in known.types and kind == BOOLEAN:
        rule = rule._replace(true=TRUE_SAID, false=FALSE_SAID)
    return Feature(name, kind, (), rule)


def _guessed(words: set[str], values: list[object], gaps: frozenset[str]) -> str:
    """What a column's first value says it is, unless all values say more; the rest is checked against it."""
    first = next((v for v in values if v is not None and not (isinstance(v, str) and v in gaps)), None)
    if isinstance(first, bool):
        return BOOLEAN
    if isinstance(first, str):
        return DATE if _are_dates(words, values) else CATEGORY
    return CATEGORY if _are_too_large(values) else NUMBER


def _are_too_large(values: list[object]) -> bool:
    """Whether all values are whole numbers, and float64 would take some for others."""
    known = [value for value in values if value is not None]
    return set(map(type, known)) == {int} and any(map(is_skipped, known))


def is_skipped(number: Any) -> bool:  # noqa: ANN401 - a whole number
    """Whether float64 takes a whole number for another. One that it does not hold at all is refused later."""
    try:
        return bool(int(float(number)) != number)
    except OverflowError:
        return False


def _are_dates(words: Collection[str], values: list[object]) -> bool:
    """Whether words are ISO dates, all of them; of values that mix kinds none are."""
    if not all(value is None or isinstance(value, str) for value in values):
        return False
    return all(read_date(word, TYPED) is not None for word in words)


def _check_not_numbers(words: Collection[str], values: list[object], path: str) -> None:
    if words and all(map(is_number, words)):
        # "1" is not 1: nobody who means words has only such, and whoever means numbers has to know.
        word = next(value for value in values if isinstance(value, str) and value.strip() in words)
        message = (
            f"expected a number, got {shown(word)}; of categories at least one is no number; "
            '"types" says what the column is'
        )
        raise InvalidInput.at(path.format(values.index(word)), message)


def _check_words(words: Collection[str], values: list[object], path: str, limits: Limits) -> None:
    for word in words:
        wrong = f"expected at most {limits.max_text} characters, got {len(word)}" * (
            len(word) > limits.max_text
        )
        if not wrong and not _is_text(word):
            wrong = "expected text, got half of a surrogate pair"
        if wrong:
            row = next(row for row, v in enumerate(values) if isinstance(v, str) and v.strip() == word)
            raise InvalidInput.at(path.format(row), wrong)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
