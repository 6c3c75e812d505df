"""`json_text` beside the package `json`: the same values, texts and refusals, to the place and the letter."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core import json_text
from ml_core.records import Record

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**400, -0.0]),
    lambda inside: st.lists(inside) | st.dictionaries(st.text() | st.integers() | st.none(), inside),
    max_leaves=20,
)
# Mostly JSON with a fault somewhere: pieces that are right by themselves, in any order.
PIECES = [
    "{", "}", "[", "]", ",", ":", '"', '"a"', "1", "-", "0", "1.5", "1e400", "e", "NaN", "Infinity",
    "-Infinity",
    "true", "false", "null", "nul", " ", "\n", "\t", "\r", "\xa0", "\u2028", "\f", "\\", "\\u12", "\\ud800",
    "\\n", "\x01", "é", "\ufeff", "1" * 30,
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | VALUES.map(json.dumps) | st.text()


def outcome(function: Callable[..., Any], *args: Any, **named: Any) -> tuple[object, ...]:
    """What a call gives or raises, so that two of them can be compared (NaN equals NaN)."""
    try:
        return ("gives", repr(function(*args, **named)))
    except (ValueError, TypeError, RecursionError) as error:
        return ("raises", type(error), str(error))


@given(TEXTS)
def test_a_text_is_read_as_the_package_reads_it(text: str) -> None:
    assert outcome(json_text.loads, text) == outcome(json.loads, text)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
def test_bytes_are_read_as_the_package_reads_them(encoding: str) -> None:
    for text in ("", " ", "1", "ab", '{"é": [1]}', "[1,\n 2] x", "[", "\xa0", "é"):
        data = text.encode(encoding)
        for end in range(len(data) + 1):
            assert outcome(json_text.loads, data[:end]) == outcome(json.loads, data[:end])


@given(st.binary(max_size=8))
def test_any_bytes_are_read_as_the_package_reads_them(data: bytes) -> None:
    assert outcome(json_text.loads, data) == outcome(json.loads, data)


@given(TEXTS)
def test_a_reader_asks_its_hooks(text: str) -> None:
    hooks: dict[str, Any] = {"object_pairs_hook": tuple, "parse_constant": str.lower}
    assert outcome(json_text.reader(**hooks), text) == outcome(json.JSONDecoder(**hooks).decode, text)


@given(
    VALUES | st.sampled_from([{1, 2}, {"a": {1}}, [object], b"", {(1, 2): 3}]),
    st.fixed_dictionaries(
        {},
        optional={
            "separators": st.sampled_from([(",", ":"), (", ", ": ")]),
            "sort_keys": st.booleans(),
            "ensure_ascii": st.booleans(),
            "allow_nan": st.booleans(),
            "default": st.sampled_from([str, None]),
        },
    ),
)
def test_a_value_is_written_as_the_package_writes_it(value: object, options: dict[str, Any]) -> None:
    assert outcome(json_text.dumps, value, **options) == outcome(json.dumps, value, **options)


@given(
    VALUES | st.sampled_from([{1, 2}, {"a": {1}}, [object], b"", {(1, 2): 3}]),
    st.fixed_dictionaries(
        {},
        optional={
            "separators": st.sampled_from([(",", ":"), (", ", ": ")]),
            "allow_nan": st.booleans(),
            "default": st.sampled_from([str, None]),
        },
    ),
)
def test_a_writer_writes_again_and_again(value: object, options: dict[str, Any]) -> None:
    write = json_text.writer(**options)
    for _ in range(2):  # what was refused leaves nothing behind
        assert outcome(write, value) == outcome(json.JSONEncoder(**options).encode, value)


class Named(Record):
    """A record is a list in JSON."""

    name: str
    times: int


def test_records_circles_and_depth_are_as_in_the_package() -> None:
    circle: list[object] = []
    circle.append(circle)
    deep: Any = None
    for _ in range(100_000):
        deep = [deep]
    for value in (Named("a", 1), [Named("a", 1)], circle, deep):
        assert outcome(json_text.dumps, value)[:2] == outcome(json.dumps, value)[:2]
    assert outcome(json_text.loads, "[" * 100_000)[:2] == outcome(json.loads, "[" * 100_000)[:2]
    assert outcome(json_text.loads, "1" * 5_000) == outcome(json.loads, "1" * 5_000)


def test_what_is_raised_is_the_packages_class() -> None:
    assert json_text.JSONDecodeError is json.JSONDecodeError
    with pytest.raises(json_text.JSONDecodeError, match=r"line 2 column 3 \(char 5\)"):
        json_text.loads("[1\n, x]")
    with pytest.raises(AttributeError, match="no attribute 'load'"):
        json_text.load  # noqa: B018


# An interpreter without the functions in C: the package has its own in Python then.
WITHOUT_C = """
import sys
sys.modules["_json"] = None
from ml_core import json_text
assert json_text.loads(b'{"a": [1, null]}') == {"a": [1, None]}
assert json_text.reader(tuple)('{"a": 1}') == (("a", 1),)
assert json_text.writer((",", ":"))({"a": [1]}) == '{"a":[1]}'
print(json_text.dumps({"\u00e9": 1.0, "a": [1]}, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
try:
    json_text.loads("[1, 2} ")
except json_text.JSONDecodeError as error:
    print(error.msg, error.pos)
"""


def test_an_interpreter_without_the_functions_in_c_has_the_package() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", WITHOUT_C], capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout.splitlines() == ['{"a":[1],"\u00e9":1.0}', "Expecting ',' delimiter 5"]
