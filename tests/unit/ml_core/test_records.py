"""Records behave as the named tuples that type checkers take them for."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import pytest

from ml_core.records import Record


class Light(Record):
    """With and without a default, a method and a property."""

    name: str
    size: int = 3
    rest: tuple[int, ...] = ()

    @property
    def double(self) -> int:
        return 2 * self.size

    def told(self) -> str:
        return f"{self.name} {self.size}"


class Typings(NamedTuple):
    """The same by the standard library."""

    name: str
    size: int = 3
    rest: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("a",), {}),
        (("a", 1), {}),
        (("a", 1, (2,)), {}),
        ((), {"name": "a"}),
        (("a",), {"rest": (1,), "size": 2}),
    ],
)
def test_a_record_is_made_as_a_named_tuple_is(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    light, typings = Light(*values, **named), Typings(*values, **named)
    assert tuple(light) == tuple(typings)
    assert hash(light) == hash(typings)
    assert light._asdict() == typings._asdict()
    assert repr(light) == repr(typings).replace("Typings", "Light")
    assert [light.name, light.size, light.rest] == [*light] == [*typings]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        ((), {"size": 1}),
        (("a", 1, (), 4), {}),
        (("a",), {"name": "b"}),
        (("a",), {"other": 1}),
        (("a", 1, ()), {"other": 1}),
    ],
)
def test_what_makes_no_named_tuple_makes_no_record(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for made in (Light, Typings):
        with pytest.raises(TypeError):
            made(*values, **named)


def test_a_record_says_what_it_expected() -> None:
    with pytest.raises(TypeError, match=r"^Light expected name, size, rest, got 1, other='b'$"):
        Light(1, other="b")  # type: ignore[arg-type, call-arg]


def test_records_are_changed_copied_matched_and_sorted_as_named_tuples_are() -> None:
    light = Light("a", 1)
    assert light._replace(size=2) == Light("a", 2)
    with pytest.raises(TypeError, match="other"):
        light._replace(other=1)  # type: ignore[call-arg]
    assert Light._make(["a", 1, ()]) == light
    assert Light._fields == Typings._fields == Light.__match_args__
    assert Light._field_defaults == Typings._field_defaults
    assert type(copy.deepcopy(light)) is Light
    assert sorted([Light("b"), light]) == [light, Light("b")]
    assert (light.double, light.told()) == (2, "a 1")
    match light:
        case Light(name, size=1):
            assert name == "a"


def test_a_record_cannot_be_written_to() -> None:
    for name in ("name", "other"):
        with pytest.raises(AttributeError):
            setattr(Light("a"), name, 1)


def test_fields_are_needed_and_so_are_postponed_annotations() -> None:
    with pytest.raises(TypeError, match="Empty has no fields"):

        class Empty(Record):
            pass
