"""Rows that a keyed hash of their content holds out: the same ones whatever becomes of the table."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.mapping import InTurn
from ml_core.streaming.training import StreamedTable, StreamedTraining
from ml_core.tables.memory import NO_BUDGET
from ml_core.training.fitting import fit
from ml_core.training.request import TrainingRequest, check_request
from tests.unit.ml_core.streaming.local_tables import plan, written
from tests.unit.ml_core.streaming.test_looking import cut_csv

KEY, OTHER_KEY = "ab" * 32, "cd" * 32
LIMITS = Limits(max_rows=10**6)
FEATURES = ["a", "b", "word"]


def a_row(number: int) -> tuple[str, ...]:
    """A row of a table, the same for the same number: three features, a customer, a label."""
    of = random.Random(number)  # noqa: S311
    a, b = of.gauss(0, 1), of.randrange(50)
    word = of.choice(["red", "green", "blue", ""])
    return repr(round(a, 6)), str(b), word, f"c{number // 4}", "yes" if a + of.gauss(0, 1) > 0 else "no"


def as_table(rows: list[tuple[str, ...]]) -> bytes:
    """The rows as CSV."""
    return "\n".join(["a,b,word,customer,label", *map(",".join, rows)]).encode() + b"\n"


def request(
    split: dict[str, str] | None = None, key: str = KEY, *, scheduled: bool = True, **members: Any
) -> TrainingRequest:
    """A request of a schedule."""
    data = {"uri": "file:t", "target": "label", "features": FEATURES, **members.pop("data", {})}
    body = {"algorithm": "logistic_regression", "data": data, "split": split or {"by": "hash"}, **members}
    return check_request(body, LIMITS, lambda _: None, scheduled=scheduled)._replace(split_key=key)


def sides(path: Path, rows: list[tuple[str, ...]], asked: TrainingRequest) -> dict[tuple[str, ...], bool]:
    """Whether each row is held out; one that stands there twice is on one side."""
    path.write_bytes(as_table(rows))
    data = TrainingRequest.from_bytes(asked.to_bytes()).with_rows(str(path), NO_BUDGET).data_in_it
    assert data.test is not None
    found: dict[tuple[str, ...], bool] = {}
    for row, held_out in zip(rows, data.test, strict=True):
        assert found.setdefault(row, bool(held_out)) == bool(held_out)
    return found


@pytest.mark.parametrize("split", [{"by": "hash"}, {"by": "hash", "column": "customer"}])
def test_a_row_stays_on_its_side_while_the_table_grows(tmp_path: Path, split: dict[str, str]) -> None:
    rows = [a_row(number) for number in range(400)]
    before = sides(tmp_path / "t", rows, request(split))
    assert 40 < sum(before.values()) < 130
    grown = [*rows, *rows[:50], *(a_row(number) for number in range(400, 900))]
    random.Random(1).shuffle(grown)  # noqa: S311
    # A word where there were numbers alone, and a customer that has one.
    grown.insert(7, ("0.5", "many", "violet", "new", "no"))
    after = sides(tmp_path / "t", grown, request(split))
    assert {row: after[row] for row in before} == before


def test_rows_of_a_group_stay_together(tmp_path: Path) -> None:
    found = sides(
        tmp_path / "t",
        [a_row(number) for number in range(400)],
        request({"by": "hash", "column": "customer"}),
    )
    by_customer: dict[str, set[bool]] = {}
    for row, held_out in found.items():
        by_customer.setdefault(row[3], set()).add(held_out)
    assert all(len(each) == 1 for each in by_customer.values())
    assert len(set.union(*by_customer.values())) == 2


def test_neither_the_label_nor_what_is_no_feature_moves_a_row(tmp_path: Path) -> None:
    rows = [a_row(number) for number in range(300)]
    other = [(*row[:3], "somebody", "no" if row[4] == "yes" else "yes") for row in rows]
    first, second = (sides(tmp_path / "t", each, request()) for each in (rows, other))
    assert [*first.values()] == [*second.values()]


def test_a_smaller_fraction_holds_out_some_of_the_same_rows(tmp_path: Path) -> None:
    rows = [a_row(number) for number in range(500)]
    less, more = (sides(tmp_path / "t", rows, request(test_fraction=each)) for each in (0.1, 0.3))
    assert {row for row, out in less.items() if out} < {row for row, out in more.items() if out}


def test_another_key_holds_out_other_rows(tmp_path: Path) -> None:
    rows = [a_row(number) for number in range(500)]
    assert sides(tmp_path / "t", rows, request()) != sides(tmp_path / "t", rows, request(key=OTHER_KEY))


@pytest.mark.parametrize("split", [{"by": "hash"}, {"by": "hash", "column": "customer"}])
def test_the_same_rows_are_held_out_part_by_part(tmp_path: Path, split: dict[str, str]) -> None:
    rows = [a_row(number) for number in range(600)]
    found = sides(tmp_path / "whole", rows, request(split))
    place = written(tmp_path / "parts", cut_csv(as_table(rows), 3))
    asked = request(split, engine="streamed")
    stores: Any = place
    of = plan(place, options=asked.data.options, part_bytes=1 << 12)  # type: ignore[union-attr]
    table = StreamedTable(stores, of, InTurn(), "streamed", "as was asked")
    training = StreamedTraining(asked, table, lambda *_: None, budget=NO_BUDGET)
    gathered = training.gathered().data_in_it
    assert [*map(bool, gathered.test or b"")] == [found[row] for row in rows]
    told = training.trained().manifest
    in_memory = fit(request(split).with_rows(str(tmp_path / "whole"), NO_BUDGET), lambda *_: None).manifest
    assert (told["rows"], told["test_rows"]) == (in_memory["rows"], in_memory["test_rows"])
    assert told["test_rows"] == sum(found[row] for row in rows)
    assert told["split"] == in_memory["split"] == split


def test_nobody_is_told_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(as_table([a_row(number) for number in range(200)]))
    asked = request()
    assert KEY.encode() in asked.to_bytes()
    assert TrainingRequest.from_bytes(asked.to_bytes()) == asked
    trained = fit(asked.with_rows(str(path), NO_BUDGET), lambda *_: None)
    assert KEY not in repr(asked.summary()) + repr(trained.manifest)
    assert KEY.encode() not in trained.artifact


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"scheduled": False}, "for schedules only"),
        ({"data": {"features": None}}, "data.features, or name one in split.column"),
        ({"algorithm": "cnn", "data": {"features": None}}, "takes other instances"),
    ],
)
def test_it_is_refused_with_the_reason(members: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        request(**members)
    assert refused.value.faults[0].path == "$.split.by"


def test_a_table_of_which_all_rows_are_held_out_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(as_table([(*a_row(3)[:4], label) for label in ("yes", "no")] * 3))
    keys = (bytes([number]).hex() * 32 for number in range(256))
    outcomes = set()
    for key in keys:
        filled = request(key=key, test_fraction=0.5).with_rows(str(path), NO_BUDGET)
        outcomes.add(filled.data_in_it.test)
        if np.frombuffer(filled.data_in_it.test or b"", "u1").all():
            with pytest.raises(InvalidInput, match="the hash holds all 6 out"):
                fit(filled, lambda *_: None)
            break
    assert outcomes == {b"\x00" * 6, b"\x01" * 6}
