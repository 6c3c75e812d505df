"""Columns of more kinds than numbers: what callers send of them, checked.

A row of mixed columns is one number for each feature: the number, 0 or 1 for a truth value, the days
since 1970-01-01 (UTC) for a date, the place of a word among its column's words; NaN where the value is
missing. That is what `Rows` hold. What a model computes with is wider: `preprocessing/encoding.py` says how.
"""

from __future__ import annotations

from math import nan

from ml_core.errors import Fault, InvalidInput, member, shown
from ml_core.inputs.instances import wrong_number
from ml_core.inputs.rows import Limits, Rows
from ml_core.records import Record
from ml_core.safetensors import pack

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

NUMBER, BOOLEAN, CATEGORY, DATE = "number", "boolean", "category", "date"
KINDS = (NUMBER, BOOLEAN, CATEGORY, DATE)
MISSING = nan
UNKNOWN = -1.0
_SECONDS_A_DAY = 86_400
_SHOWN_WORDS = 20


class Feature(Record):
    """A column that a model takes: its name and kind, and for categories the words in order."""

    name: str
    kind: str
    words: tuple[str, ...] = ()


def schema_of(feature: Feature) -> dict[str, object]:
    """The JSON Schema of a feature's values."""
    if feature.kind == CATEGORY:
        return {
            "type": ["string", "null"],
            "description": "a category; one that was not trained on is taken for none that is known",
            "examples": list(feature.words[:_SHOWN_WORDS]),
        }
    if feature.kind == DATE:
        return {
            "type": ["string", "null"],
            "description": "a date, or date and time, of ISO 8601; UTC where it names no zone",
            "examples": ["2024-05-31", "2024-05-31T12:00:00"],
        }
    return {"type": [feature.kind, "null"]}


def row_schema(values: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """The JSON Schema of a row, given that of each feature: a list in their order, or an object."""
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {name: dict(schema) for name, schema in values.items()},
                "required": list(values),
                "additionalProperties": False,
            },
            {
                "type": "array",
                "prefixItems": [{"title": name, **schema} for name, schema in values.items()],
                "minItems": len(values),
                "maxItems": len(values),
            },
        ]
    }


def mixed_rows(
    names: Sequence[str], listed: list[object], rows: list[list[object]], limits: Limits, where: str
) -> tuple[tuple[Feature, ...], Rows]:
    """Features found out from rows in their order, and the rows. Raises `InvalidInput`."""
    features = []
    for column, name in enumerate(names):
        values = [row[column] for row in rows]
        kind = _kind_of(values)
        words: tuple[str, ...] = ()
        if kind == CATEGORY:
            words = tuple(sorted({value for value in values if isinstance(value, str)}))
            _check_words(words, values, f"{where}[{{}}]{_place(listed[0], name, column)}", limits)
        features.append(Feature(name, kind, words))
    return tuple(features), packed_rows(features, listed, rows, where)


def _kind_of(values: list[object]) -> str:
    """What most of a column's first values say it is; the rest is checked against it."""
    first = next((value for value in values if value is not None), None)
    return BOOLEAN if isinstance(first, bool) else CATEGORY if isinstance(first, str) else NUMBER


def _check_words(words: Sequence[str], values: list[object], path: str, limits: Limits) -> None:
    if all(map(_is_number, words)):
        # "1" is not 1: nobody who means words has only such, and whoever means numbers has to know.
        message = f"expected a number, got {shown(words[0])}; of categories at least one is no number"
        raise InvalidInput.at(path.format(values.index(words[0])), message)
    for word in words:
        wrong = f"expected at most {limits.max_text} characters, got {len(word)}" * (
            len(word) > limits.max_text
        )
        if not wrong and not _is_text(word):
            wrong = "expected text, got half of a surrogate pair"
        if wrong:
            raise InvalidInput.at(path.format(values.index(word)), wrong)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def packed_rows(
    features: Sequence[Feature], listed: list[object], rows: list[list[object]], where: str
) -> Rows:
    """Rows in the order of the features as one number for each. Raises `InvalidInput` with what is wrong."""
    columns = [
        read_column(feature, column)
        for feature, column in zip(features, zip(*rows, strict=True), strict=True)
    ]
    if any(isinstance(value, _Wrong) for column in columns for value in column):
        raise InvalidInput(_faults(features, columns, listed, where))
    return Rows(pack(value for row in zip(*columns, strict=True) for value in row), len(features), where)


class _Wrong(float):
    """A value that is none of its feature's kind; as a number it is NaN."""

    message: str

    @classmethod
    def saying(cls, message: str) -> _Wrong:
        wrong = cls("nan")
        wrong.message = message
        return wrong


def wrong_values(numbers: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Where `read_column` met values that are none of the feature's kind, and what is wrong with them."""
    return ((row, number.message) for row, number in enumerate(numbers) if isinstance(number, _Wrong))


def read_column(feature: Feature, values: Sequence[object]) -> list[Any]:
    """The numbers of a column; `wrong_values` finds those that are none of its kind."""
    kinds = set(map(type, values))
    if feature.kind == NUMBER and kinds <= {float, int} and all(map(_is_finite, values)):
        return list(values)
    reads: Mapping[object, float] = {}
    if feature.kind == CATEGORY:
        reads = {word: float(place) for place, word in enumerate(feature.words)}
    read = _READERS[feature.kind]
    return [MISSING if value is None else read(value, reads) for value in values]


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - a number of JSON
    return wrong_number(value) is None


def _number(value: object, _: Mapping[object, float]) -> float:
    wrong = wrong_number(value)
    return _Wrong.saying(wrong) if wrong else float(value)  # type: ignore[arg-type]


def _truth(value: object, _: Mapping[object, float]) -> float:
    if isinstance(value, bool):
        return float(value)
    return _Wrong.saying(f"expected true or false, got {shown(value)}")


def _word(value: object, places: Mapping[object, float]) -> float:
    if isinstance(value, str):
        return places.get(value, UNKNOWN)
    return _Wrong.saying(f"expected a string, got {shown(value)}")


def _date(value: object, _: Mapping[object, float]) -> float:
    from datetime import UTC, datetime

    try:
        instant = datetime.fromisoformat(value)  # type: ignore[arg-type]  # a TypeError is an answer too
        since = instant.replace(tzinfo=instant.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return _Wrong.saying(
            f'expected a date such as "2024-05-31" or "2024-05-31T12:00:00", got {shown(value)}'
        )
    # As the table reader has it: whole microseconds, divided once.
    return (since.days * _SECONDS_A_DAY * 10**6 + since.seconds * 10**6 + since.microseconds) / (
        _SECONDS_A_DAY * 1e6
    )


_READERS = {NUMBER: _number, BOOLEAN: _truth, CATEGORY: _word, DATE: _date}


def _faults(
    features: Sequence[Feature], columns: list[list[Any]], listed: list[object], where: str
) -> Iterator[Fault]:
    for index, row in enumerate(zip(*columns, strict=True)):
        for column, value in enumerate(row):
            if isinstance(value, _Wrong):
                path = f"{where}[{index}]{_place(listed[index], features[column].name, column)}"
                yield Fault(path, value.message)


def _place(sent: object, name: str, column: int) -> str:
    """A value's place in its row, as the end of a JSON path."""
    return member("", name) if isinstance(sent, dict) else f"[{column}]"
