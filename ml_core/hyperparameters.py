"""Hyperparameters as declarations: each has a kind with bounds, a default and a meaning.

From one declaration come the check of a request and the JSON Schema that `GET /v1/algorithms` shows.
A kind's `read` returns the value as training takes it, or `REFUSED`.
"""

from __future__ import annotations

from itertools import chain

from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.records import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final


REFUSED: Final = object()


class Kind(Protocol):
    """What values a hyperparameter takes."""

    @property
    def expects(self) -> str:
        """The values in words, as in 'expected an integer from 1 to 9'."""

    def read(self, value: object) -> object:
        """The value as training takes it, or `REFUSED`."""

    def schema(self) -> dict[str, object]:
        """The values as JSON Schema (draft 2020-12)."""


class Number:
    """A finite number from `least`, or above `above`, to `most`."""

    def __init__(self, *, least: float | None = None, above: float | None = None, most: float) -> None:
        self.least, self.above, self.most = least, above, most

    @property
    def expects(self) -> str:
        """In words."""
        lower = f"above {self.above:g}" if self.least is None else f"from {self.least:g}"
        return f"a number {lower} to {self.most:g}"

    def read(self, value: object) -> object:
        """The float, or `REFUSED`."""
        if type(value) is not int and type(value) is not float:
            return REFUSED
        # Compared before it is converted: float() of 10**400 overflows. NaN fails every comparison.
        reaches = value > self.above if self.above is not None else self.least is None or value >= self.least
        return float(value) if reaches and value <= self.most else REFUSED

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        lower = {"minimum": self.least} if self.above is None else {"exclusiveMinimum": self.above}
        return {"type": "number", **lower, "maximum": self.most}


class Integer:
    """An integer from `least` to `most`. As in JSON Schema, 3.0 is one."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    @property
    def expects(self) -> str:
        """In words."""
        return f"an integer from {self.least} to {self.most}"

    def read(self, value: object) -> object:
        """The int, or `REFUSED`."""
        if type(value) is not int and not (type(value) is float and value.is_integer()):
            return REFUSED
        return int(value) if self.least <= value <= self.most else REFUSED

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Flag:
    """True or false."""

    expects = "true or false"

    def read(self, value: object) -> object:
        """The bool, or `REFUSED`."""
        return value if isinstance(value, bool) else REFUSED

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        return {"type": "boolean"}


class OneOf:
    """One of a few words or whole numbers; None stands for null. As in JSON Schema, 3.0 is 3."""

    def __init__(self, *words: str | int | None) -> None:
        self.words = words

    @property
    def expects(self) -> str:
        """In words."""
        quoted = (f'"{word}"' if isinstance(word, str) else word for word in self.words)
        return " or ".join("null" if word is None else str(word) for word in quoted)

    def read(self, value: object) -> object:
        """The word, or `REFUSED`."""
        if value is not None and type(value) not in (str, int, float):
            return REFUSED
        return next((word for word in self.words if word == value), REFUSED)

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        return {"enum": list(self.words)}


class ListOf:
    """From `least` to `most` values of one kind."""

    def __init__(self, kind: Kind, least: int, most: int) -> None:
        self.kind, self.least, self.most = kind, least, most

    @property
    def expects(self) -> str:
        """In words."""
        return f"a list of {self.least} to {self.most}, each {self.kind.expects}"

    def read(self, value: object) -> object:
        """The values as a list, or `REFUSED`."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            return REFUSED
        values = [self.kind.read(each) for each in value]
        return REFUSED if any(each is REFUSED for each in values) else values

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        return {
            "type": "array",
            "items": self.kind.schema(),
            "minItems": self.least,
            "maxItems": self.most,
        }


class Weights:
    """A positive weight for each class, keyed by the label's text; a class that is left out weighs 1."""

    expects = 'an object such as {"yes": 2.5} with numbers above 0 to 1e+06'
    weight = Number(above=0, most=1e6)

    def read(self, value: object) -> object:
        """The weights, or `REFUSED`."""
        if not isinstance(value, dict) or not value:
            return REFUSED
        weights = {label: self.weight.read(weight) for label, weight in value.items()}
        sound = all(isinstance(label, str) for label in weights) and REFUSED not in weights.values()
        return weights if sound else REFUSED

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        return {
            "title": "Class weights",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": self.weight.schema(),
        }


class AnyOf:
    """What one of several kinds takes; `title` is what a schema of it is called."""

    def __init__(self, *kinds: Kind, title: str = "") -> None:
        self.kinds, self.title = kinds, title

    @property
    def expects(self) -> str:
        """In words."""
        return " or ".join(kind.expects for kind in self.kinds)

    def read(self, value: object) -> object:
        """The value as the first kind that takes it reads it, or `REFUSED`."""
        readings = (kind.read(value) for kind in self.kinds)
        return next((reading for reading in readings if reading is not REFUSED), REFUSED)

    def schema(self) -> dict[str, object]:
        """As JSON Schema."""
        # Not `oneOf`: no value may be refused because two kinds take it.
        forms: dict[str, object] = {"anyOf": [kind.schema() for kind in self.kinds]}
        return {"title": self.title, **forms} if self.title else forms


class Hyperparameter:
    """One hyperparameter of an algorithm."""

    def __init__(self, name: str, kind: Kind, default: object, meaning: str) -> None:
        self.name, self.kind, self.default, self.meaning = name, kind, default, meaning


CLASS_WEIGHT = Hyperparameter(
    "class_weight",
    AnyOf(OneOf(None, "balanced"), Weights(), title="Class weight"),
    None,
    "how much a mistake on each class costs; 'balanced' weighs classes inversely to how often they occur",
)


def scale(*, default: bool) -> Hyperparameter:
    """The hyperparameter that every algorithm has: whether standard scaling is part of the model."""
    meaning = "standardise every feature to mean 0 and variance 1 first, as a part of the model"
    return Hyperparameter("scale", Flag(), default, meaning)


def schema(declared: Sequence[Hyperparameter]) -> dict[str, object]:
    """The JSON Schema of an algorithm's hyperparameters."""
    properties = {
        each.name: {**each.kind.schema(), "default": each.default, "description": each.meaning}
        for each in declared
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def check(
    declared: Sequence[Hyperparameter], given: object, where: str, *, algorithm: str
) -> dict[str, object]:
    """The hyperparameters with defaults for what is not given.

    Raises `InvalidInput` with a fault for each one that is unknown or out of its bounds.
    """
    if not isinstance(given, dict):
        raise InvalidInput.at(where, f"expected an object, got {shown(given)}")
    known = {each.name: each for each in declared}
    values = {
        name: each.kind.read(given[name]) if name in given else each.default for name, each in known.items()
    }
    unknown = (name for name in given if name not in known)
    refused = (name for name, value in values.items() if value is REFUSED)
    has = f"{algorithm} has no such hyperparameter; it has {', '.join(known)}"
    raise_faults(
        chain(
            (Fault(member(where, name), has) for name in unknown),
            (
                Fault(member(where, name), f"expected {known[name].kind.expects}, got {shown(given[name])}")
                for name in refused
            ),
        )
    )
    return values
