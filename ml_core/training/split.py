"""How rows are held out for testing, as a request says it: at random, by time, by group, or by a hash."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from ml_core.errors import Fault, InvalidInput, member, shown
from ml_core.hyperparameters import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ml_core.inputs.labels import Label

RANDOM, TIME, GROUP, HASH = "random", "time", "group", "hash"
_BY_COLUMN = (TIME, GROUP)
_MOST_NAMED = 5


class Split(TypedDict):
    """A checked `split`: by what rows are held out, and the column where it is by one."""

    by: str
    column: NotRequired[str]


AT_RANDOM: Final[Split] = {"by": RANDOM}

_BY = {
    TIME: "The rows with the latest values of the column, dates or numbers, are held out: `test_fraction` of "
    "the rows at least, since rows of one time stay together.",
    GROUP: "Groups are held out whole, `test_fraction` of them at random: rows of one value of the column, "
    "words, whole numbers, truth values or dates, stay together.",
}


class SplitKind:
    """What `split` takes."""

    expects = 'an object such as {"by": "time", "column": "date"}'

    def read(self, value: object) -> object:
        """The split, or `REFUSED`."""
        if split_faults(value, "$.split"):
            return REFUSED
        return value

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        by_column = (
            {
                "type": "object",
                "title": f"Split by {by}",
                "description": says,
                "required": ["by", "column"],
                "additionalProperties": False,
                "properties": {"by": {"const": by}, "column": {"type": "string", "minLength": 1}},
            }
            for by, says in _BY.items()
        )
        at_random = {
            "type": "object",
            "title": "Split at random",
            "description": "With targets each class is held out in its share.",
            "required": ["by"],
            "additionalProperties": False,
            "properties": {"by": {"const": RANDOM}},
        }
        by_hash = {
            "type": "object",
            "title": "Split by hash",
            "description": "For schedules only: a keyed hash of a row's features, or of its value of the "
            "column, holds it out or not, so that a row once held out is never trained on by a later run.",
            "required": ["by"],
            "additionalProperties": False,
            "properties": {"by": {"const": HASH}, "column": {"type": "string", "minLength": 1}},
        }
        return {
            "title": "Split choice",
            "description": "Which rows are held out. Only `data.features` can make its column a feature.",
            "anyOf": [at_random, *by_column, by_hash],
            "examples": [{"by": "time", "column": "signed_up"}, {"by": "group", "column": "customer"}],
        }


def split_faults(value: object, where: str) -> list[Fault]:
    """What is wrong with a `split`; as many faults as a caller is told, and one."""
    return list(islice(_faults(value, where), InvalidInput.MOST_FAULTS + 1))


def _faults(value: object, where: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(where, f"expected {SplitKind.expects}, got {shown(value)}")
        return
    by, column = value.get("by"), value.get("column")
    if by not in (RANDOM, *_BY_COLUMN, HASH):
        yield Fault(f"{where}.by", f'expected "random", "time", "group" or "hash", got {shown(by)}')
    if by == RANDOM and "column" in value:
        advice = 'leave it out, or say "by": "time" or "by": "group"'
        yield Fault(f"{where}.column", f"no column decides which rows a random split takes; {advice}")
    elif (by in _BY_COLUMN or "column" in value) and (wrong := _wrong_column(column)):
        yield Fault(f"{where}.column", wrong)
    for name in value:
        if name not in ("by", "column"):
            yield Fault(member(where, name), "no such member; there are by, column")


def _wrong_column(column: object) -> str | None:
    if not isinstance(column, str) or not column:
        return f"expected the name of the column that rows are held out by, got {shown(column)}"
    try:
        column.encode()
    except UnicodeEncodeError:
        return "expected text, got half of a surrogate pair"
    return None


def column_of(split: Split) -> str | None:
    """The column that rows are held out by; None where it is none."""
    return split.get("column")


def held_out_count(fraction: float, things: int) -> int:
    """How many of the rows or groups are held out, as scikit-learn rounds."""
    return math.ceil(fraction * things)


def nothing_held_out(column: str) -> str:
    """What is said where `test_fraction` is 0."""
    return (
        f"test_fraction is 0: no row is held out by column '{column}', which is only left out of the features"
    )


def without_value(rows: int, column: str) -> str:
    """What is said of rows that were left out."""
    counted, are = ("1 row has", "is") if rows == 1 else (f"{rows} rows have", "are")
    return f"{counted} no value in column '{column}', by which rows are held out, and {are} left out"


def held_out_instead(split: Split, rows: int, asked: int) -> str:
    """What is said where quite another number of rows is held out than `test_fraction` asks for."""
    column = column_of(split)
    return (
        f"{rows} rows are held out where test_fraction asks for {asked}: rows of one value of column "
        f"'{column}' stay together"
    )


def no_row_has_one(column: str) -> InvalidInput:
    """The refusal of a column in which nothing is left."""
    return InvalidInput.at(
        "$.split.column", f"no row that could be used has a value in column {shown(column)}"
    )


def nothing_to_train_on(split: Split, held_out: int, things: int) -> InvalidInput:
    """The refusal of a split that holds everything out."""
    column = shown(column_of(split))
    if split["by"] == GROUP:
        message = (
            f"no group is left to train on: of {things} in column {column}, {held_out} would be held out"
        )
    else:
        message = (
            f"no row is left to train on: {held_out} of {things} rows would be held out at least, and with "
            f"them all that share a value of column {column}"
        )
    return InvalidInput.at("$.split", f"{message}; choose a smaller test_fraction or another column")


def everything_hashed_out(rows: int) -> InvalidInput:
    """The refusal of a split by a hash that leaves no row to train on."""
    return InvalidInput.at(
        "$.split",
        f"no row is left to train on: the hash holds all {rows} out; choose a smaller test_fraction",
    )


def nothing_hashed_out(rows: int) -> str:
    """What is said where the hash holds no row out."""
    return f"the hash holds none of {rows} rows out: nothing is measured"


def nothing_to_learn(split: Split, classes: Sequence[Label]) -> InvalidInput:
    """The refusal of a split that leaves no row of some classes to train on."""
    other = "another seed" if split["by"] == GROUP else "a smaller test_fraction"
    return InvalidInput.at(
        "$.split",
        f'{named(classes)} only in the held-out rows; choose {other}, or a split "by": "random"',
    )


def only_in_given_test(classes: Sequence[Label]) -> InvalidInput:
    """The refusal of data whose own split leaves no sample of some classes to train on."""
    return InvalidInput.at(
        "$.data",
        f"{named(classes)} only in the samples that the data holds out; train on all by test_fraction 0",
    )


def not_measured(classes: Sequence[Label]) -> str:
    """What is said of classes that no held-out row has."""
    return f"{named(classes)} in no held-out row: the metrics of `test` say nothing of how well it is known"


def named(classes: Sequence[Label]) -> str:
    """Some classes, as the subject of a sentence about where they occur."""
    names = ", ".join(map(shown, classes[:_MOST_NAMED]))
    if len(classes) == 1:
        return f"class {names} occurs"
    more = f" and {len(classes) - _MOST_NAMED} more" if len(classes) > _MOST_NAMED else ""
    return f"classes {names}{more} occur"
