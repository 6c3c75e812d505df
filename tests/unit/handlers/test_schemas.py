"""The checker accepts what the full JSON Schema accepts."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rest.schemas import check, faults_of, with_integers
from ml_core.errors import InvalidInput

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "count"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]{1,3}$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"type": "number", "minimum": 0},
        "tags": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "maxLength": 4}},
        "mode": {"type": ["string", "null"], "enum": ["a", "b", None]},
        "flag": {"type": "boolean"},
    },
}
PROPERTIES = list(SCHEMA["properties"])
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-2, 12).map(float)
    | st.sampled_from(["a", "b", "abc", "abcd", "abcde", "A", "a\n", ""]),
    lambda children: st.lists(children, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(st.sampled_from([*PROPERTIES, "other"]), anything)


@given(anything | objects | objects.map(lambda found: {"name": "ab", "count": 3, **found}))
def test_it_accepts_exactly_what_json_schema_accepts(value: Any) -> None:
    """Except that JSON Schema lets 3.0 be an integer, which only instances may be."""
    accepts = jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    assert (not faults_of(SCHEMA, value, "$")) == accepts


def test_each_fault_says_where_and_what() -> None:
    with pytest.raises(InvalidInput) as raised:
        check(SCHEMA, {"name": "ABC", "count": True, "tags": [1, "long one"], "colour": 1, "ratio": -1})
    assert {fault.path: fault.message for fault in raised.value.faults} == {
        "$.name": "is 'ABC'; it has to match ^[a-z]{1,3}$",
        "$.count": "is true or false; a whole number is expected",
        "$.tags[0]": "is a whole number; a string is expected",
        "$.tags[1]": "has 8 characters; at most 4 are expected",
        "$": "has 'colour', which is not known here; known: name, count, ratio, tags, mode, flag",
        "$.ratio": "is -1; at least 0 is expected",
    }


@pytest.mark.parametrize("value", [10**4000, 10**5000, float("inf"), "x" * 10_000], ids=range(4))
def test_a_huge_value_has_a_short_message(value: Any) -> None:
    member = "name" if isinstance(value, str) else "count" if isinstance(value, int) else "ratio"
    faults = faults_of(SCHEMA, {"name": "a", "count": 1, member: value}, "$")
    assert len(faults) == 1
    assert len(faults[0].message) < 200


def test_a_newline_at_the_end_is_no_match() -> None:
    assert faults_of({"type": "string", "pattern": "^a$"}, "a\n", "$")


def test_what_another_module_checks_is_left_to_it() -> None:
    assert not faults_of({"type": "array", "x-checked-by": "somewhere"}, "no list", "$")


@pytest.mark.parametrize("whole", [1.0, 9.0])
def test_an_integer_may_be_written_with_a_fraction_of_0(whole: float) -> None:
    value = {"name": "a", "count": whole, "ratio": whole, "flag": True}
    check(SCHEMA, value)
    settled = with_integers(SCHEMA, value)
    assert settled == value
    assert type(settled["count"]) is int
    assert type(settled["ratio"]) is float
    assert settled["flag"] is True


@pytest.mark.parametrize("value", [1.5, 0.0, 10.0, 1e300, float("inf"), float("nan"), True, "1"])
def test_what_is_no_integer_within_bounds_is_none(value: Any) -> None:
    assert faults_of(SCHEMA, {"name": "a", "count": value}, "$")


def test_integers_are_found_in_lists_and_objects_within() -> None:
    shape = {"type": "array", "items": {"type": "integer"}}
    schema = {
        "properties": {"tensors": {"items": {"properties": {"shape": shape, "data": {"type": "array"}}}}}
    }
    value = {"tensors": [{"shape": [2.0, 3], "data": [1.0, 2.0]}]}
    settled = with_integers(schema, value)["tensors"][0]
    assert list(map(type, settled["shape"])) == [int, int]
    assert list(map(type, settled["data"])) == [float, float]
    either = {"type": "array", "items": {"type": ["string", "integer"]}}
    assert repr(with_integers(either, ["a", 1.0, 1])) == "['a', 1, 1]"
    assert repr(with_integers({**either, "x-checked-by": "somewhere"}, ["a", 1.0])) == "['a', 1.0]"
