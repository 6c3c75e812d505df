"""What a person may say of a table where a reader would guess: the options, their checks and JSON Schemas."""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.inputs.rules import DECIMALS, THOUSANDS

TYPES = ("number", "category", "boolean", "date", "ignore")
IGNORE = "ignore"
# What pandas.read_csv takes for a missing value: what people's files are written for.
MISSING_WORDS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
# What else stands for one, but only among numbers, dates and truth values: a category may be called so.
GAP_SIGNS = ("?", "-", "--", ".", "..", "\\N", "none", "NONE", "nil", "missing", "unknown", "Unknown")
NO_TEXT = "half of a surrogate pair"
_MOST_NAMES, _MOST_MISSING, _LONGEST, _LONGEST_ENCODING = 10_000, 100, 200, 40
# What Python has among encodings of text, and no file is written in.
_OF_NO_FILE = ("idna", "punycode", "undefined")


class ReadOptions(NamedTuple):
    """What was said of a table; None and empty where nothing was.

    Args:
        types: what columns are, of `TYPES`.
        missing: the words that stand for a missing value, in the place of the usual ones.
        decimal: the sign before a fraction.
        thousands: the sign between groups of digits.
        dayfirst: whether 05/06/2024 is the fifth of June.
        delimiter: what separates the cells of a CSV file.
        encoding: how its characters are written.
        header: whether its first line names the columns.
        exclude: columns that are not looked at.
    """

    types: Mapping[str, str] = {}
    missing: tuple[str, ...] | None = None
    decimal: str | None = None
    thousands: str | None = None
    dayfirst: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    exclude: tuple[str, ...] = ()

    def left_out(self) -> frozenset[str]:
        """The names of columns that are not to be read."""
        return frozenset((*self.exclude, *(name for name, kind in self.types.items() if kind == IGNORE)))

    def reading(self, name: str | None) -> "ReadOptions":
        """The same options, but for leaving out the column of that name."""
        types = {column: kind for column, kind in self.types.items() if (column, kind) != (name, IGNORE)}
        return self._replace(types=types, exclude=tuple(each for each in self.exclude if each != name))

    def said(self) -> dict[str, object]:
        """What was said, as JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
            if value != self._field_defaults[name]
        }

    def category_missing(self, *, text: bool) -> tuple[str, ...]:
        """The words of a category that stand for a missing value. In text an empty cell always does."""
        if self.missing is None:
            return MISSING_WORDS if text else ()
        return tuple(
            dict.fromkeys(("", *map(str.strip, self.missing)) if text else map(str.strip, self.missing))
        )

    def value_missing(self) -> tuple[str, ...]:
        """The same among written numbers, dates and truth values: nothing else can be meant there."""
        return tuple(dict.fromkeys((*map(str.strip, self.missing or ()), *MISSING_WORDS, *GAP_SIGNS)))


NOTHING_SAID = ReadOptions()


class ColumnOptions(NamedTuple):
    """What is to be known to read one column of words.

    Args:
        kind: what it is said to be; None leaves it open.
        text: whether it stands in a file of text, where numbers are words too.
        category_missing: the words that stand for a missing value where it is a category,
        value_missing: and where it is anything else.
        decimal, thousands, dayfirst: as in `ReadOptions`.
        delimiter: what separates the file's cells; None where nothing does.
    """

    kind: str | None = None
    text: bool = True
    category_missing: tuple[str, ...] = MISSING_WORDS
    value_missing: tuple[str, ...] = (*MISSING_WORDS, *GAP_SIGNS)
    decimal: str | None = None
    thousands: str | None = None
    dayfirst: bool | None = None
    delimiter: str | None = None

    @classmethod
    def of(
        cls, options: ReadOptions, name: str, *, text: bool, delimiter: str | None = None
    ) -> "ColumnOptions":
        """The options of the column of that name."""
        kind = options.types.get(name)
        values = options.value_missing() if text or kind else options.category_missing(text=text)
        return cls(
            kind,
            text,
            options.category_missing(text=text),
            values,
            options.decimal,
            options.thousands,
            options.dayfirst,
            delimiter,
        )


def read_options(given: Mapping[str, Any]) -> ReadOptions:
    """The options of a checked body."""
    values: dict[str, Any] = {
        name: tuple(given[name]) if isinstance(given[name], list) else given[name]
        for name in ReadOptions._fields
        if given.get(name) is not None
    }
    return ReadOptions(**values)


def option_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each option."""
    text = {"type": "string"}
    names = {"type": "array", "maxItems": _MOST_NAMES, "items": {"type": "string", "minLength": 1}}
    return {
        "types": {
            "title": "Column types",
            "type": "object",
            "additionalProperties": {"title": "Column type", "enum": list(TYPES)},
            "maxProperties": _MOST_NAMES,
            "description": "What columns are, where the guess is wrong.",
        },
        "missing": {
            "type": "array",
            "maxItems": _MOST_MISSING,
            "items": {**text, "maxLength": _LONGEST},
            "description": "The words that stand for a missing value, in the place of the usual ones. An "
            "empty cell of a CSV file always does. A number stands for one among numbers too: `-999`.",
        },
        "decimal": {
            "title": "Decimal sign",
            "enum": list(DECIMALS),
            "description": "The sign before a fraction.",
        },
        "thousands": {
            "title": "Thousands sign",
            "enum": [sign for sign in THOUSANDS if sign],
            "description": "The sign between groups of digits.",
        },
        "dayfirst": {"type": "boolean", "description": "Whether 05/06/2024 is the fifth of June."},
        "delimiter": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1,
            "description": "What separates the cells of a CSV file.",
        },
        "encoding": {
            **text,
            "maxLength": _LONGEST_ENCODING,
            "description": "Of a text file, such as `utf-8` or `cp1252`.",
        },
        "header": {
            "type": "boolean",
            "description": "Whether the first line of a CSV file names the columns.",
        },
        "exclude": {**names, "description": "Columns that are not looked at."},
    }


def option_faults(given: Mapping[str, Any], where: str) -> list[Fault]:
    """What is wrong with the options of a body; as many as a caller is told, and one."""
    return list(islice(_faults(given, where), InvalidInput.MOST_FAULTS + 1))


def _faults(given: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for name, check in _CHECKS.items():
        if given.get(name) is not None:
            yield from check(given[name], f"{where}.{name}")
    if given.get("thousands") is not None and given.get("thousands") == (given.get("decimal") or "."):
        yield Fault(f"{where}.thousands", 'expected another sign than the decimal sign; say "decimal" too')


def _check_types(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, dict) or len(value) > _MOST_NAMES:
        yield Fault(where, f"expected an object of columns and their types, got {shown(value)}")
        return
    expected = ", ".join(TYPES)
    for name, kind in value.items():
        if not is_text(name):
            yield Fault(where, f"expected a column's name, got {NO_TEXT}: {shown(name)}")
        elif kind not in TYPES:
            yield Fault(member(where, name), f"expected one of {expected}, got {shown(kind)}")


def _check_missing(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, list) or len(value) > _MOST_MISSING:
        yield Fault(where, f"expected a list of at most {_MOST_MISSING} words, got {shown(value)}")
        return
    for index, word in enumerate(value):
        if not isinstance(word, str) or len(word) > _LONGEST:
            yield Fault(
                f"{where}[{index}]", f"expected a word of at most {_LONGEST} characters, got {shown(word)}"
            )
        elif not is_text(word):
            yield Fault(f"{where}[{index}]", f"expected a word, got {NO_TEXT}: {shown(word)}")


def _check_sign(signs: tuple[str, ...], value: object, where: str) -> Iterator[Fault]:
    if value not in signs:
        yield Fault(where, f"expected one of {', '.join(map(repr, signs))}, got {shown(value)}")


def _check_flag(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield Fault(where, f"expected true or false, got {shown(value)}")


def _check_delimiter(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in '\r\n"\0':
        yield Fault(where, f"expected one character of ASCII, got {shown(value)}")


def _check_encoding(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, str) or not _is_encoding(value):
        yield Fault(where, f'expected an encoding such as "utf-8" or "cp1252", got {shown(value)}')


def _is_encoding(name: str) -> bool:
    """Whether files are written in what is called so. Python keeps each name that it was ever asked for."""
    try:
        found = codecs.lookup(name) if len(name) <= _LONGEST_ENCODING else None
    except (LookupError, ValueError):
        return False
    return found is not None and found._is_text_encoding and found.name not in _OF_NO_FILE  # noqa: SLF001


def _check_exclude(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES:
        yield Fault(where, f"expected a list of at most {_MOST_NAMES} column names, got {shown(value)}")
        return
    for index, name in enumerate(value):
        if not isinstance(name, str) or not name:
            yield Fault(f"{where}[{index}]", f"expected a column's name, got {shown(name)}")
        elif not is_text(name):
            yield Fault(f"{where}[{index}]", f"expected a column's name, got {NO_TEXT}: {shown(name)}")


def is_text(value: str) -> bool:
    """Whether a string is one of characters; JSON may also spell `NO_TEXT`, which nothing can be called."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_CHECKS = {
    "types": _check_types,
    "missing": _check_missing,
    "decimal": lambda value, where: _check_sign(DECIMALS, value, where),
    "thousands": lambda value, where: _check_sign(THOUSANDS[1:], value, where),
    "dayfirst": _check_flag,
    "delimiter": _check_delimiter,
    "encoding": _check_encoding,
    "header": _check_flag,
    "exclude": _check_exclude,
}


def check_names(options: ReadOptions, names: Sequence[str]) -> None:
    """Raise `InvalidInput` for what options say of columns that a table does not have."""
    there, wrong = frozenset(names), "the table has no such column"
    types = [Fault(member("$.data.types", name), wrong) for name in options.types if name not in there]
    exclude = [
        Fault(f"$.data.exclude[{index}]", f"{shown(name)}: {wrong}")
        for index, name in enumerate(options.exclude)
        if name not in there
    ]
    raise_faults([*types, *exclude])
