"""Columns of more kinds than numbers: what callers send of them, read by each column's rule and checked.

A row of mixed columns is one number for each feature: the number, 0 or 1 for a truth value, the days
since 1970-01-01 (UTC) for a date, the place of a word among its column's words; NaN where the value is
missing. That is what `Rows` hold. What a model computes with is wider: `preprocessing/encoding.py` says how.
"""

from __future__ import annotations

from functools import partial
from math import nan

from ml_core.errors import Fault, InvalidInput, member, shown
from ml_core.inputs.instances import wrong_number
from ml_core.inputs.rows import Rows
from ml_core.inputs.rules import TYPED, ValueRule, missing_numbers, spelled
from ml_core.records import Record
from ml_core.safetensors import pack

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    type Reader = Callable[[object], float]
    # Is told of a feature's values, the numbers that they were read as, and the path of each row's.
    type Note = Callable[[Feature, Sequence[object], Sequence[Any], Callable[[int], str]], None]

NUMBER, BOOLEAN, CATEGORY, DATE = "number", "boolean", "category", "date"
KINDS = (NUMBER, BOOLEAN, CATEGORY, DATE)
MISSING = nan
UNKNOWN = -1.0
_SHOWN_WORDS = 20
_FEW_WORDS = 5
# Python makes no number of more.
_MOST_DIGITS = 4_300


class Feature(Record):
    """A column that a model takes: name, kind, for categories the words in order, and how values are read."""

    name: str
    kind: str
    words: tuple[str, ...] = ()
    rule: ValueRule = TYPED


def only_numbers(features: Sequence[Feature]) -> bool:
    """Whether a matrix of numbers can say whole rows."""
    return all(feature.kind in (NUMBER, BOOLEAN) for feature in features)


def written_in_cells(feature: Feature, *, gaps: bool) -> Feature:
    """The feature where its values are cells: an empty one is missing, and numbers are written."""
    rule = feature.rule
    gaps = gaps and not rule.required
    rule = rule._replace(text=True, missing=(*rule.missing, "") if gaps else rule.missing)
    if feature.kind == BOOLEAN and not rule.true:
        rule = rule._replace(true=("true",), false=("false",))
    return feature._replace(rule=rule)


def schema_of(feature: Feature) -> dict[str, object]:
    """The JSON Schema of a feature's values; `x-read` says how they are read, if not as JSON has them."""
    schema = _schema_of_kind(feature)
    if read := feature.rule.described():
        schema["x-read"] = read
    return schema


def _schema_of_kind(feature: Feature) -> dict[str, object]:
    if feature.kind == CATEGORY:
        types = ["string", "number", "boolean"] if feature.rule.spelled else ["string"]
        if feature.rule.word_kind:
            types = ["string", feature.rule.word_kind]
        return {
            "type": types if feature.rule.required else [*types, "null"],
            "description": _CLOSED if feature.rule.closed else _OPEN,
            "examples": list(feature.words[:_SHOWN_WORDS]),
        }
    if feature.kind == DATE:
        return {
            "type": ["string", "null"],
            "description": "a date, or date and time, of ISO 8601; UTC where it names no zone"
            if not feature.rule.date
            else _WRITTEN_DATES[feature.rule.date],
            "examples": _EXAMPLE_DATES[feature.rule.date],
        }
    types = [feature.kind, "string"] if feature.rule.text else [feature.kind]
    return {"type": types if feature.rule.required else [*types, "null"]}


_OPEN = "a category; values unseen in training are encoded as all zeros"
_CLOSED = "a category; values unseen in training are refused"
_WRITTEN_DATES = {
    "dmy": "a date with the day first, or of ISO 8601",
    "mdy": "a date with the month first, or of ISO 8601",
    "ymd": "a date with the year first, or of ISO 8601",
    "named": "a date whose month is a name, or of ISO 8601",
}
_EXAMPLE_DATES = {
    "": ["2024-05-31", "2024-05-31T12:00:00"],
    "dmy": ["31.05.2024", "31/05/2024 12:00"],
    "mdy": ["05/31/2024", "05/31/2024 12:00"],
    "ymd": ["2024/05/31"],
    "named": ["31 May 2024"],
}


def row_schema(values: Mapping[str, Mapping[str, object]], optional: Sequence[str] = ()) -> dict[str, object]:
    """The JSON Schema of a row, given that of each feature: a list in their order, or an object."""
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {name: dict(schema) for name, schema in values.items()},
                "required": [name for name in values if name not in optional],
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


def packed_rows(
    features: Sequence[Feature],
    listed: list[object],
    rows: list[list[object]],
    where: str,
    *,
    readers: Sequence[Reader] | None = None,
    note: Note | None = None,
) -> Rows:
    """Rows in the order of the features as one number for each. Raises `InvalidInput` with what is wrong.

    `readers` are those of the features, where they were made before; `note` is told what was read.
    """
    columns = [
        read_column(feature, column, None if readers is None else readers[place])
        for place, (feature, column) in enumerate(zip(features, zip(*rows, strict=True), strict=True))
    ]
    if any(isinstance(value, Wrong) for column in columns for value in column):
        raise InvalidInput(_faults(features, columns, listed, where))
    if note is not None:
        for place, (feature, sent) in enumerate(zip(features, zip(*rows, strict=True), strict=True)):
            paths = partial(_path, listed, where, feature.name, place)
            note(feature, sent, columns[place], paths)
    return Rows(pack(value for row in zip(*columns, strict=True) for value in row), len(features), where)


def is_spelled(value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    """Whether a value is a number or truth value, which a category may have as a word."""
    # A whole number is a word of any length.
    return isinstance(value, int) or (isinstance(value, float) and wrong_number(value) is None)


def is_number(word: str) -> bool:
    """Whether a word is a number as Python writes it."""
    try:
        float(word)
    except ValueError:
        return False
    return True


class Wrong(float):
    """A value that is none of its feature's kind; as a number it is NaN."""

    message: str

    @classmethod
    def saying(cls, message: str) -> Wrong:
        """One with a message."""
        wrong = cls("nan")
        wrong.message = message
        return wrong


def wrong_values(numbers: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Where `read_column` met values that are none of the feature's kind, and what is wrong with them."""
    return ((row, number.message) for row, number in enumerate(numbers) if isinstance(number, Wrong))


def read_column(feature: Feature, values: Sequence[object], reader: Reader | None = None) -> list[Any]:
    """The numbers of a column; `wrong_values` finds those that are none of its kind.

    `reader` is the feature's, where it was made before.
    """
    if feature.kind == NUMBER and not missing_numbers(feature.rule.missing):
        kinds = set(map(type, values))
        if kinds <= {float, int} and all(map(_is_finite, values)):
            return list(values)
    read, gap = reader or reader_of(feature), null_of(feature)
    return [gap if value is None else read(value) for value in values]


def null_of(feature: Feature) -> float:
    """What null is read as."""
    if feature.rule.required:
        return Wrong.saying(f"expected {_EXPECTED[feature.kind]}, got null")
    return _gap_of(feature)


def _gap_of(feature: Feature) -> float:
    """What a missing value is read as: the place of the word that it counts as, if there is one."""
    if not feature.rule.filled:
        return MISSING
    (word,) = feature.rule.filled
    return float(feature.words.index(word)) if word in feature.words else UNKNOWN


_EXPECTED = {
    NUMBER: "a number",
    BOOLEAN: "true or false",
    CATEGORY: "one of the category's words",
    DATE: "a date",
}


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - a number of JSON
    return wrong_number(value) is None


def reader_of(feature: Feature) -> Reader:
    """What reads a feature's values, but for null: a number, NaN where one is missing, or a `Wrong`."""
    return _READERS[feature.kind](feature)


def _number_reader(feature: Feature) -> Reader:
    rule = feature.rule
    gaps, gap_numbers = frozenset(rule.missing), missing_numbers(rule.missing)

    def read(value: object) -> float:
        if isinstance(value, str) and (rule.text or value in gaps):
            return _written_number(value, rule, gaps, gap_numbers)
        wrong = wrong_number(value)
        if wrong:
            return Wrong.saying(wrong)
        number = float(value)  # type: ignore[arg-type]
        return MISSING if number in gap_numbers else number

    return read


def _written_number(word: str, rule: ValueRule, gaps: frozenset[str], gap_numbers: frozenset[float]) -> float:
    if word in gaps or word.strip() in gaps:
        return MISSING
    from ml_core.inputs.texts import read_number

    number = read_number(word, rule)
    if number is None:
        return Wrong.saying(f"expected a number, got {shown(word)}")
    if number in gap_numbers:
        return MISSING
    if not _is_finite(number):
        return Wrong.saying(f"expected a finite number of double precision, got {shown(word)}")
    return number


def _truth_reader(feature: Feature) -> Reader:
    rule = feature.rule
    words = {**dict.fromkeys(rule.true, 1.0), **dict.fromkeys(rule.false, 0.0)}
    gaps, gap_numbers = frozenset(rule.missing), missing_numbers(rule.missing)

    def read(value: object) -> float:
        if isinstance(value, bool):
            return float(value)
        if isinstance(value, str):
            if value in gaps or (rule.text and value.strip() in gaps):
                return MISSING
            if value.strip().lower() in words:
                return words[value.strip().lower()]
        elif isinstance(value, int | float) and words:
            if value in gap_numbers:
                return MISSING
            if is_spelled(value) and spelled(value) in words:
                return words[spelled(value)]
        return Wrong.saying(f"expected true or false, got {shown(value)}")

    return read


def _word_reader(feature: Feature) -> Reader:
    rule = feature.rule
    places = {word: float(place) for place, word in enumerate(feature.words)}
    for gap in rule.missing:
        places.setdefault(gap, _gap_of(feature))
    numbers: dict[float, float] = {}

    def read(value: object) -> float:
        if isinstance(value, str):
            found = places.get(value)
            if found is None and (rule.text or rule.trim):
                found = places.get(value.strip())
            if found is None and rule.word_kind:
                found = _written_place(value.strip(), rule.word_kind, places, numbers)
        elif rule.spelled and is_spelled(value) and _is_of(value, rule.word_kind):
            found = _spelled_place(value, places, numbers)
        else:
            return Wrong.saying(f"expected {_SPELLED.get(rule.word_kind, 'a string')}, got {shown(value)}")
        if found is None:
            return _unseen(feature, value) if rule.closed else UNKNOWN
        return found

    return read


_SPELLED = {"number": "a number", "boolean": "true or false"}


def _is_of(value: object, word_kind: str) -> bool:
    """Whether a number or truth value is of the kind that a category's words spell."""
    return not word_kind or isinstance(value, bool) == (word_kind == "boolean")


def _unseen(feature: Feature, value: object) -> Wrong:
    words = feature.words
    few = ", ".join(map(shown, words[:_FEW_WORDS])) + ", …" * (len(words) > _FEW_WORDS)
    return Wrong.saying(f"expected one of the words that the model knows ({few}), got {shown(value)}")


def _written_place(
    text: str, word_kind: str, places: dict[str, float], numbers: dict[float, float]
) -> float | None:
    """The place of a text that is another spelling of one of the words: `True`, `3.0`."""
    if word_kind == "boolean":
        return places.get(text.lower())
    number = _number_of(text) if is_number(text) else MISSING
    return _spelled_place(number, places, numbers) if is_spelled(number) else None


def _number_of(text: str) -> float:
    """The number that a word is: whole numbers are exact."""
    whole = text.strip("+-").isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if whole else float(text)


def _spelled_place(value: Any, places: dict[str, float], numbers: dict[float, float]) -> float | None:  # noqa: ANN401
    """The place of a number or truth value among words: as it is written, or of a word of the same number.

    None where it is no word.
    """
    word = spelled(value)
    if word in places:
        return places[word]
    if isinstance(value, bool):
        alike = (places[text] for text in (word.capitalize(), word.upper()) if text in places)
        return next(alike, None)
    if not numbers:
        numbers[MISSING] = UNKNOWN  # they are looked for once
        for text, place in places.items():
            if is_number(text):
                numbers.setdefault(_number_of(text), place)
    return numbers.get(value)


def _date_reader(feature: Feature) -> Reader:
    from ml_core.inputs.texts import missing_dates, read_date

    rule = feature.rule
    gaps, gap_days = frozenset(rule.missing), missing_dates(rule)

    def read(value: object) -> float:
        days = None
        if isinstance(value, str):
            if value in gaps or (rule.text and value.strip() in gaps):
                return MISSING
            days = read_date(value, rule)
            if days is None:
                # A date of a frame's own type comes as ISO 8601, which no other order can be.
                days = read_date(value, TYPED) if rule.date else _iso_days(value)
        if days is None:
            expected = _EXAMPLE_DATES[rule.date]
            return Wrong.saying(f'expected a date such as "{'" or "'.join(expected)}", got {shown(value)}')
        return MISSING if days in gap_days else days

    return read


def _iso_days(text: str) -> float | None:
    """What else Python takes for a date of ISO 8601, such as 2024-W22-5: earlier releases took it too."""
    from datetime import datetime

    from ml_core.inputs.texts import days_since_1970

    try:
        return days_since_1970(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


_READERS = {NUMBER: _number_reader, BOOLEAN: _truth_reader, CATEGORY: _word_reader, DATE: _date_reader}


def _faults(
    features: Sequence[Feature], columns: list[list[Any]], listed: list[object], where: str
) -> Iterator[Fault]:
    for index, row in enumerate(zip(*columns, strict=True)):
        for column, value in enumerate(row):
            if isinstance(value, Wrong):
                yield Fault(_path(listed, where, features[column].name, column, index), value.message)


def _path(listed: list[object], where: str, name: str, column: int, index: int) -> str:
    return f"{where}[{index}]{place_in_row(listed[index], name, column)}"


def place_in_row(sent: object, name: str, column: int) -> str:
    """A value's place in its row, as the end of a JSON path."""
    return member("", name) if isinstance(sent, dict) else f"[{column}]"
