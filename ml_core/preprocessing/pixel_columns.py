"""The columns of a table whose rows are pictures: what rows like those of the file are read by.

Each column has the rule by which training read its own, so that a cell is the same number to both.
"""

from __future__ import annotations

from itertools import chain
from math import isnan, prod

from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.arrays import Pictures
from ml_core.inputs.columns import BOOLEAN, MISSING, NUMBER, Feature, read_column, reader_of, wrong_values
from ml_core.inputs.float32 import pack32, wrong_number32
from ml_core.inputs.rules import missing_numbers, restored_rule

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Any

    from ml_core.inputs.by_column import Columns
    from ml_core.inputs.columns import Reader
    from ml_core.inputs.rules import ValueRule

    type Shape = tuple[int, int, int]

_MOST_SHOWN = 5
_NO_GAPS = "a picture has no gaps"


class PixelColumns:
    """The columns of pictures of one shape, in the order of their numbers: each a number or a truth value."""

    def __init__(self, features: Sequence[Feature], shape: Shape) -> None:
        self.features = tuple(features)
        self.shape = shape
        self.names = tuple(feature.name for feature in self.features)
        self._known = frozenset(self.names)
        self._readers: list[Reader] | None = None
        # Whether numbers are what they are sent as, in every column.
        self._plain = all(
            feature.kind == NUMBER and not missing_numbers(feature.rule.missing) for feature in self.features
        )

    def description(self) -> dict[str, object]:
        """What `restored` makes them of again: the names, and each rule once, which many columns share."""
        rules = list(dict.fromkeys((feature.kind, feature.rule) for feature in self.features))
        described: dict[str, object] = {
            "names": list(self.names),
            "rules": [
                {
                    "kind": kind,
                    **({"read": read} if (read := rule.described()) else {}),
                    **({"missing": list(rule.missing)} if rule.missing else {}),
                }
                for kind, rule in rules
            ],
        }
        if len(rules) > 1:
            places = {rule: place for place, rule in enumerate(rules)}
            described["read_by"] = [places[feature.kind, feature.rule] for feature in self.features]
        return described

    @classmethod
    def restored(cls, described: Any, shape: Shape) -> PixelColumns:  # noqa: ANN401 - whatever stands there
        """The columns that described themselves so. Raises what `restored_input` takes for unfit."""
        names, rules = described["names"], [_rule(each) for each in described["rules"]]
        if not isinstance(names, list) or set(map(type, names)) != {str} or len(set(names)) != len(names):
            raise ArtifactInvalid("the pixels' columns are not a list of different names")
        if len(names) != prod(shape):
            raise ArtifactInvalid(f"{len(names)} columns are no picture of {shape}")
        read_by = described.get("read_by", [0] * len(names))
        if set(map(type, read_by)) != {int} or min(read_by) < 0:
            raise ArtifactInvalid("the pixels' rules are not named by their places")
        features = [
            Feature(name, rules[place][0], (), rules[place][1])
            for name, place in zip(names, read_by, strict=True)
        ]
        return cls(features, shape)

    def summary(self) -> dict[str, object]:
        """How many there are, and what the first are called."""
        return {"columns": len(self.names), "first": list(self.names[:_MOST_SHOWN])}

    def row_schema(self) -> dict[str, object]:
        """A row as JSON Schema, without a line for each pixel."""
        kinds = {feature.kind for feature in self.features}
        text = any(feature.rule.text for feature in self.features)
        first = ", ".join(map(shown, self.names[:_MOST_SHOWN]))
        last = f", …, {shown(self.names[-1])}" if len(self.names) > _MOST_SHOWN else ""
        return {
            "type": "object",
            "minProperties": len(self.names),
            "maxProperties": len(self.names),
            "additionalProperties": {"type": [*sorted(kinds, reverse=True), *(["string"] if text else [])]},
            "description": f"A row of the table: a number for each of its {len(self.names)} columns, "
            f"{first}{last}. The same rows come as text/csv.",
        }

    def are_meant(self, given: Collection[str], picture: str) -> bool:
        """Whether who sends these columns sends pixels, and not pictures in the column of that name."""
        return picture not in given or not self._known.isdisjoint(given)

    def pictures(self, columns: Columns) -> Pictures:
        """The pictures of a list of values for each column. Raises `InvalidInput`."""
        features, listed, path, where = columns
        read: list[list[Any]] = []

        def read_each() -> Iterator[Fault]:
            for place, (feature, values) in enumerate(zip(features, listed, strict=True)):
                numbers = read_column(feature, values)
                read.append(numbers)
                if pack32(numbers) is None:
                    wrong = _faults(numbers, values)
                    yield from (Fault(path(place, row), message) for row, message in wrong)

        raise_faults(read_each())
        packed = pack32(list(chain.from_iterable(zip(*read, strict=True))))
        assert packed is not None, "each column was looked at"  # noqa: S101
        return Pictures(packed, self.shape, "F32", where)

    def picture(self, values: Sequence[object], path: Callable[[int], str], where: str) -> Pictures:
        """The picture of a value for each column. Raises `InvalidInput`."""
        packed = pack32(values) if self._plain else None
        if packed is None:
            self._readers = self._readers or [reader_of(feature) for feature in self.features]
            read = [
                MISSING if value is None else reader(value)
                for reader, value in zip(self._readers, values, strict=True)
            ]
            packed = pack32(read)
            if packed is None:
                raise InvalidInput(Fault(path(place), told) for place, told in _faults(read, values))
        return Pictures(packed, self.shape, "F32", where)


def _rule(described: Any) -> tuple[str, ValueRule]:  # noqa: ANN401
    kind, missing = described["kind"], described.get("missing", [])
    if kind not in (NUMBER, BOOLEAN):
        raise ArtifactInvalid("a pixel is a number or a truth value")
    if not isinstance(missing, list) or not set(map(type, missing)) <= {str}:
        raise ArtifactInvalid("the words for a missing value are a list of strings")
    return kind, restored_rule(described.get("read", {}), tuple(missing))


def _faults(numbers: Sequence[Any], values: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Which of the values that were read as these numbers are no pixels, and why."""
    wrong = dict(wrong_values(numbers))
    for place, (number, value) in enumerate(zip(numbers, values, strict=True)):
        if place in wrong:
            yield place, wrong[place]
        elif value is None:
            yield place, f"expected a number, got null: {_NO_GAPS}"
        elif isnan(number):
            yield (
                place,
                f"expected a number, got {shown(value)}, which stands for a missing value: {_NO_GAPS}",
            )
        elif told := wrong_number32(number):
            yield place, told
