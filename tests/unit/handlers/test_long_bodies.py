"""Long bodies of rows are read by another parser, and answered to the byte as they are without it."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from handlers.rest import bodies, long_bodies
from handlers.rest.bodies import parse_json, read_json
from handlers.rest.http import Request
from handlers.rest.long_bodies import parse_with_rows
from ml_core.inputs.rows import Rows
from ml_core.safetensors import pack
from tests.fuzz.mutation import Chance
from tests.fuzz.targets import Bodies
from tests.unit.handlers.conftest import Ask, asking, services_over

BODIES = 20_000
SEED = os.environ.get("SEED", "long bodies")


def test_bodies_are_answered_alike_by_both_parsers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`make fuzz TARGETS=bodies CASES=1000000` tries more."""
    target, chance = Bodies(tmp_path), Chance(SEED)
    packed: Counter[bool] = Counter()
    for number in range(BODIES):
        packed[target.run(target.drawn(chance))] += 1
        if number % 1_000 == 0:
            capfd.readouterr()  # a line of the log for each request
    assert min(packed[True], packed[False]) > BODIES // 5


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":[[1,2.5],[-3e5,9007199254740993]]}',
        b"""{"outputs": ["label"],\n"instances": [ [1] ] }""",
        b'\xef\xbb\xbf{"notes":true,"instances":[[0]],"signature_name":"\xc3\xa9"}',
    ],
)
def test_rows_of_numbers_are_packed_and_can_be_had_as_they_were_sent(body: bytes) -> None:
    sent = parse_json(body)
    parsed = parse_with_rows(body, "instances", parse_json)
    rows = parsed["instances"]
    assert isinstance(rows, Rows)
    assert rows.as_sent is not None
    assert {**parsed, "instances": rows.as_sent()} == sent
    assert bytes(rows.packed) == pack(number for row in sent["instances"] for number in row)
    assert memoryview(rows.packed).readonly


@pytest.mark.parametrize(
    "instances",
    [
        *(
            "[]",
            "[[]]",
            "[[],[]]",
            "[1]",
            "1",
            '"[[1]]"',
            "{}",
            "[{}]",
            '[{"a":1}]',
            "[[1],[2,3]]",
            "[[1],2]",
        ),
        # Flattened, these have as many numbers as their rows should.
        *("[[1,[2]],[3,4]]", "[[1,[2,3]],[4,[]]]", "[1,[2],[3,4]]", "[[[1,2],[3,4]]]", "[[1,2],[[3,4]]]"),
        *("[[true]]", "[[null]]", '[["1"]]', "[[123456789012345678901234567890]]"),
    ],
)
def test_all_else_is_left_as_it_is(instances: str) -> None:
    body = b'{"instances":%s}' % instances.encode()
    assert parse_with_rows(body, "instances", parse_json) == json.loads(body)


@pytest.mark.parametrize("more", ['"x":{}', '"x":[1]', '"x":[[]]', '"x":[{}]'])
def test_members_with_more_than_words_are_left_as_they_are(more: str) -> None:
    body = b'{"instances":[[1]],%s}' % more.encode()
    assert parse_with_rows(body, "instances", parse_json) == json.loads(body)


def test_without_simdjson_bodies_are_read_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_bodies, "Parser", None)
    assert parse_with_rows(b'{"instances":[[1]]}', "instances", parse_json) == {"instances": [[1]]}


def _kinds(*bodies_: bytes, member: str = "instances") -> list[type]:
    """What the member is read as, body by body."""
    requests = [Request("POST", "/", {}, {}, body, "") for body in bodies_]
    return [type(read_json(request, 1 << 20, member)["instances"]) for request in requests]


def test_the_first_long_body_is_read_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_READ", [0])
    short, long = (b'{"instances":[[1]]}'.ljust(length) for length in (1024, 1025))
    assert _kinds(short, long, long, short) == [list, list, Rows, Rows]
    assert _kinds(long, member="") == [list]


def test_short_bodies_load_it_when_they_have_taken_as_long_as_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "_READ", [0])
    monkeypatch.setattr(bodies, "_LOADING", 4000)
    row, named = b'{"instances":[[1]]}'.ljust(1000), b'{"instances":[{"a":1}]}'.ljust(1000)
    assert _kinds(*[named] * 9) == [list] * 9
    assert _kinds(*[row] * 6) == [list] * 4 + [Rows] * 2
    assert _kinds(named) == [list]


@pytest.mark.parametrize(
    ("settings", "instances", "status"),
    [
        ({"ML_MAX_ROWS": "60"}, [[1, 2, 3, 4]] * 60, 200),
        ({"ML_MAX_ROWS": "59"}, [[1, 2, 3, 4]] * 60, 413),
        ({}, [[1, 2, 3]] * 200, 422),
        ({}, [[1e308, 1e308, -1e308, 1.7e308]] * 60, 200),
        ({"ML_MAX_CELLS": "59"}, [[1, 2, 3, 4]] * 60, 413),
    ],
)
def test_limits_and_widths_are_told_as_ever(
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    instances: list[Any],
    status: int,
) -> None:
    ask: Ask = asking(services_over(trained, **settings))
    body = json.dumps({"instances": instances}, indent=2).encode()
    monkeypatch.setattr(bodies, "_READ", [0])
    first, again = (ask("POST", "/v1/models/iris:predict", body) for _ in range(2))
    assert first.status == status
    assert first == again
