"""What a request says of private training: ε and δ, and all that a fit would otherwise find in the rows.

A private version tells nothing that depends on one row, but for what its noise allows. So bounds of numbers,
the words of categories and the classes are said by whoever asks, and the columns that have them are those
that are trained on.
"""

from __future__ import annotations

from itertools import islice
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from ml_core.errors import Fault, InvalidInput, member, shown
from ml_core.hyperparameters import REFUSED, Number
from ml_core.inputs.columns import CATEGORY, NUMBER, Feature, is_number
from ml_core.inputs.labels import label_text
from ml_core.inputs.rules import ValueRule
from ml_core.tables.options import ReadOptions, is_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from ml_core.inputs.labels import Label

EPSILON = Number(least=0.01, most=100)
DELTA = Number(least=1e-15, most=1e-3)
# Noise is drawn for each pair of columns, with a column for each word: half a million draws take a minute.
MOST_COLUMNS = 1_000
_LARGEST = 1e300
_LONGEST_WORD = 1_000
_TRUTHS = ("true", "false")
_MEMBERS = ("epsilon", "delta", "bounds", "categories", "classes")


class Privacy(TypedDict):
    """A checked `privacy`."""

    epsilon: float
    delta: float
    bounds: NotRequired[dict[str, list[float]]]
    categories: NotRequired[dict[str, list[str]]]
    classes: NotRequired[list[Label]]


def rho(privacy: Privacy) -> Fraction:
    """What a private training may cost, as zero-concentrated differential privacy."""
    from ml_core.privacy.accounting import rho_of

    return rho_of(privacy["epsilon"], privacy["delta"])


def bounds_of(privacy: Privacy) -> dict[str, list[float]]:
    """The least and greatest number of each column of numbers."""
    return privacy.get("bounds") or {}


def categories_of(privacy: Privacy) -> dict[str, list[str]]:
    """The words of each column of categories."""
    return privacy.get("categories") or {}


def columns_of(privacy: Privacy) -> tuple[str, ...]:
    """The columns that are trained on, in the order in which they are said."""
    return (*bounds_of(privacy), *categories_of(privacy))


def classes_of(privacy: Privacy) -> tuple[Label, ...] | None:
    """The classes in ascending order, as every model has them; None where there are none."""
    classes = privacy.get("classes")
    return tuple(sorted(classes)) if classes else None


def width_of(privacy: Privacy) -> int:
    """How many numbers a row becomes: one and its flag for a number, one for each word and for none."""
    words = sum(len(words) + 1 for words in categories_of(privacy).values())
    return 2 * len(bounds_of(privacy)) + words


class PrivacyKind:
    """What `privacy` takes."""

    expects: Final = 'null or an object such as {"epsilon": 1, "delta": 1e-6, "bounds": {"age": [0, 100]}}'

    def read(self, value: object) -> object:
        """The checked object, or `REFUSED`."""
        if value is None:
            return None
        return REFUSED if privacy_faults(value, "$.privacy") else value

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        number = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
        word = {"type": "string", "maxLength": _LONGEST_WORD}
        return {
            "description": "Trains with differential privacy: whether any one row was trained on cannot be "
            "told from the version, but for what ε and δ allow. The columns that are trained on are those of "
            "`bounds` and `categories`.",
            "anyOf": [
                {"type": "null"},
                {
                    "title": "Private training",
                    "type": "object",
                    "required": ["epsilon", "delta"],
                    "additionalProperties": False,
                    "properties": {
                        "epsilon": {
                            **EPSILON.schema(),
                            "description": "The smaller, the more private and the less accurate.",
                        },
                        "delta": {
                            **DELTA.schema(),
                            "description": "How probably ε may not hold: well below 1 of the number of rows.",
                        },
                        "bounds": {
                            "title": "Bounds of numbers",
                            "type": "object",
                            "additionalProperties": {
                                "title": "Least and greatest",
                                "type": "array",
                                "items": number,
                                "minItems": 2,
                                "maxItems": 2,
                            },
                            "description": "The least and greatest value of each column of numbers. Values "
                            "outside count as the bound. Not to be looked up in the rows.",
                        },
                        "categories": {
                            "title": "Words of categories",
                            "type": "object",
                            "additionalProperties": {
                                "title": "Category words",
                                "type": "array",
                                "items": word,
                                "minItems": 1,
                                "maxItems": MOST_COLUMNS,
                            },
                            "description": "The words of each column of categories. Others count as none.",
                        },
                        "classes": {
                            "title": "Private classes",
                            "type": "array",
                            "minItems": 2,
                            "maxItems": MOST_COLUMNS,
                            "items": {"title": "Label", "type": ["string", "integer", "boolean"]},
                            "description": "All labels that there may be. Rows of others are left out.",
                        },
                    },
                },
            ],
            "examples": [
                {
                    "epsilon": 1,
                    "delta": 1e-6,
                    "bounds": {"age": [0, 100]},
                    "categories": {"plan": ["basic", "plus"]},
                    "classes": ["no", "yes"],
                }
            ],
        }


def privacy_faults(value: object, where: str) -> list[Fault]:
    """What is wrong with a `privacy`; as many faults as a caller is told, and one."""
    return list(islice(_faults(value, where), InvalidInput.MOST_FAULTS + 1))


def _faults(value: object, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield Fault(where, f"expected {PrivacyKind.expects}, got {shown(value)}")
        return
    for name in value:
        if name not in _MEMBERS:
            yield Fault(member(where, name), f"no such member; there are {', '.join(_MEMBERS)}")
    for name, kind in (("epsilon", EPSILON), ("delta", DELTA)):
        if kind.read(value.get(name)) is REFUSED:
            yield Fault(f"{where}.{name}", f"expected {kind.expects}, got {shown(value.get(name))}")
    found = [
        *_bounds_faults(value.get("bounds"), f"{where}.bounds"),
        *_categories_faults(value.get("categories"), f"{where}.categories"),
        *_classes_faults(value.get("classes"), f"{where}.classes"),
    ]
    yield from found
    if not found:
        yield from _together_faults(value, where)


def _together_faults(value: dict[str, Any], where: str) -> Iterator[Fault]:
    bounds, categories = value.get("bounds") or {}, value.get("categories") or {}
    if not bounds and not categories:
        advice = '"bounds" for columns of numbers, "categories" for columns of words'
        yield Fault(where, f"expected the columns to train on: {advice}")
    for name in categories:
        if name in bounds:
            yield Fault(
                member(f"{where}.categories", name), "the column has bounds too: expected one of both"
            )
    width = width_of({"epsilon": 1, "delta": 1, "bounds": bounds, "categories": categories})
    if width > MOST_COLUMNS:
        counted = "two for a number, one for each word and one more for a category"
        yield Fault(
            where, f"expected at most {MOST_COLUMNS} columns as a model has them, got {width}: {counted}"
        )


def _bounds_faults(value: object, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield Fault(where, f'expected an object such as {{"age": [0, 100]}}, got {shown(value)}')
        return
    for name, bounds in value.items():
        yield from _name_faults(name, where)
        if not _are_bounds(bounds):
            yield Fault(
                member(where, name), f"expected the least and the greatest number, got {shown(bounds)}"
            )


def _are_bounds(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    if any(type(each) not in (int, float) or not -_LARGEST <= each <= _LARGEST for each in value):
        return False
    low, high = map(float, value)
    return low < high and isfinite((high - low) / 2) and (high - low) / 2 > 0.0 and -inf < low + high < inf


def _categories_faults(value: object, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield Fault(where, f'expected an object such as {{"plan": ["basic", "plus"]}}, got {shown(value)}')
        return
    for name, words in value.items():
        yield from _name_faults(name, where)
        if not isinstance(words, list) or not 1 <= len(words) <= MOST_COLUMNS:
            expected = f"a list of 1 to {MOST_COLUMNS} words"
            yield Fault(member(where, name), f"expected {expected}, got {shown(words)}")
            continue
        seen: set[str] = set()
        for index, word in enumerate(words):
            place = f"{member(where, name)}[{index}]"
            if not isinstance(word, str) or not is_text(word) or len(word) > _LONGEST_WORD:
                yield Fault(
                    place, f"expected a word of at most {_LONGEST_WORD} characters, got {shown(word)}"
                )
            elif word.strip() in seen:
                yield Fault(place, f"{shown(word)} is there more than once")
            elif word != word.strip():
                yield Fault(place, f"expected a word without space around it, got {shown(word)}")
            else:
                seen.add(word)


def _name_faults(name: str, where: str) -> Iterator[Fault]:
    if not name or not is_text(name):
        yield Fault(where, f"expected the names of columns, got {shown(name)}")


def _classes_faults(value: object, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_COLUMNS:
        yield Fault(where, f"expected a list of 2 to {MOST_COLUMNS} labels, got {shown(value)}")
        return
    kinds = set(map(type, value))
    if len(kinds) > 1 or not kinds <= {str, int, bool}:
        yield Fault(where, f"expected strings, integers or booleans, all of one kind, got {shown(value)}")
        return
    for index, label in enumerate(value):
        if isinstance(label, str) and (not is_text(label) or len(label) > _LONGEST_WORD or not label.strip()):
            yield Fault(
                f"{where}[{index}]", f"expected at most {_LONGEST_WORD} characters, got {shown(label)}"
            )
        elif isinstance(label, int) and not -(2**63) <= label < 2**63:
            yield Fault(f"{where}[{index}]", f"expected an integer of 64 bits, got {shown(label)}")
        elif label in value[:index]:
            yield Fault(f"{where}[{index}]", f"{shown(label)} is there more than once")


def features_of(
    privacy: Privacy, names: Sequence[str], options: ReadOptions, *, text: bool
) -> tuple[Feature, ...]:
    """The columns of these names, with rules that the request alone decides.

    `text` says whether their values are cells of text.
    """
    categories = categories_of(privacy)
    return tuple(
        Feature(name, CATEGORY, tuple(categories[name]), _word_rule(categories[name], options, text=text))
        if name in categories
        else Feature(name, NUMBER, (), _number_rule(options, text=text))
        for name in names
    )


def target_of(privacy: Privacy, name: str, options: ReadOptions, *, text: bool) -> Feature:
    """The column of labels: its words are the classes in ascending order."""
    classes = classes_of(privacy) or ()
    words = tuple(map(label_text, classes))
    kind = {int: "number", bool: "boolean"}.get(type(classes[0]), "")
    rule = _word_rule(words, options, text=text)
    return Feature(name, CATEGORY, words, rule._replace(word_kind=kind, spelled=rule.spelled or bool(kind)))


def _number_rule(options: ReadOptions, *, text: bool) -> ValueRule:
    if not text:
        return ValueRule(missing=options.category_missing(text=False))
    rule = ValueRule(text=True, missing=options.value_missing())
    return rule._replace(decimal=options.decimal or ".", thousands=options.thousands or "")


def _word_rule(words: Sequence[str], options: ReadOptions, *, text: bool) -> ValueRule:
    spelled = any(is_number(word) or word.lower() in _TRUTHS for word in words)
    missing = tuple(word for word in options.category_missing(text=text) if word not in words)
    return ValueRule(text=text, trim=True, missing=missing, spelled=spelled)
