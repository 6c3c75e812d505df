"""What training part by part holds of each row of a table: bytes, and no row's values."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ml_core.mapping import InTurn
from ml_core.scanning.plan import Part
from ml_core.streaming import measuring, selecting
from ml_core.streaming.holding_out import ClassKeys
from ml_core.streaming.looking import LookedTable
from ml_core.streaming.measuring import Answered, AnsweredRows, Ranked
from ml_core.streaming.part_rows import PartRows, RowSource
from ml_core.streaming.passes import Passes
from ml_core.streaming.seen import LookedColumn, ValuesSeen, mixed
from ml_core.streaming.selecting import Coded, Selected, SelectedPart, Selecting, SelectingColumns
from ml_core.tables.columns import BOOLEAN, INTEGER
from ml_core.training.split import AT_RANDOM, Split

PART_ROWS, SMALL, LARGE = 1 << 16, 4, 16
GROUPS = 200


def held(value: object) -> int:
    """The bytes of all arrays, and of other bytes, that a value holds."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes):
        return len(value)
    return sum(map(held, value)) if isinstance(value, (list, tuple)) else 0


def column(name: str, kind: str, different: int, rows: int) -> LookedColumn:
    """A column of so many whole numbers."""
    seen = ValuesSeen.of(np.arange(different, dtype=float))._replace(rows=rows, present=rows)
    return LookedColumn(name, kind, (), None, {}, False, False, seen)


def said(source: object, columns: SelectingColumns, rule: Any, item: PartRows) -> SelectedPart:
    """What a part says of its rows, sorted by their target, without reading them."""
    del source
    number = np.arange(item.first, item.first + item.rows)
    target = (number >= PART_ROWS).astype(float)
    keys = None
    if rule is not None:
        own = rule.keys(item.first, item.rows)
        keys = ClassKeys.of(target, own, rule.below(own))
        return SelectedPart(item.rows, None, None, None, keys, 0, 0, 0)
    by = None if columns.by is None else Coded.of((number % GROUPS).astype(float))
    return SelectedPart(item.rows, None, Coded.of(target), by, None, 0, 0, 0)


def chosen(parts: int, split: Split = AT_RANDOM, **options: Any) -> tuple[Selecting, Callable[[], Selected]]:
    """What chooses rows of a table of so many parts."""
    rows = parts * PART_ROWS
    target = column("y", BOOLEAN, 2, rows)
    by = column("g", INTEGER, GROUPS, rows) if "column" in split else None
    plan: Any = _Planned(tuple(Part(n, 0, n, n + 1, PART_ROWS, n * PART_ROWS, 1) for n in range(parts)))
    looked = LookedTable((target,), (PART_ROWS,) * parts)
    source: Any = RowSource(None, plan, ())  # type: ignore[arg-type]
    of = Selecting(
        source,
        SelectingColumns(target, by, (target,)),
        looked,
        split,
        options.pop("test_fraction", 0.2),
        1,
        **options,
    )
    passes = Passes(InTurn(), "test", lambda *_: None)
    return of, lambda: of.selected(passes, lambda *_: None)


class _Planned:
    """A plan's parts."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.parts = parts

    def _replace(self, **_: object) -> "_Planned":
        return self


def peak(do: Callable[[], object]) -> int:
    """The most bytes that were held at a time."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


CASES: dict[str, tuple[Split, dict[str, Any], float, float]] = {
    # how rows are held out: bytes that stay of each row, and bytes at the most
    "at random": (AT_RANDOM, {}, 0.13, 10.0),
    "by group": ({"by": "group", "column": "g"}, {}, 1.13, 7.0),
    "by time": ({"by": "time", "column": "g"}, {}, 1.13, 7.0),
    "by a hash": (AT_RANDOM, {"budget": 1}, 0.0, 0.0),
    "none": (AT_RANDOM, {"test_fraction": 0.0}, 0.0, 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_what_choosing_rows_holds_of_each(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "select_part", said)
    split, options, stays, most = CASES[case]
    rows = (LARGE - SMALL) * PART_ROWS
    small, large = (chosen(parts, split, **options) for parts in (SMALL, LARGE))
    assert held(large[1]()) - held(small[1]()) <= stays * rows
    taken = (peak(large[1]) - peak(small[1])) / rows
    assert taken <= most + 0.1
    if most:  # what is reckoned with before is no less
        assert taken <= (large[0].needed() - small[0].needed()) / rows <= 20


def scores(rows: int) -> Answered:
    """What a model said of rows of two classes."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, rows)
    decisions = random.normal(size=(rows, 1)) + y[:, None]
    return Answered(
        rows, np.array([[rows, 0], [0, rows]]), {}, y[:0], (Ranked(y.astype(np.uint8), decisions, None),)
    )


def test_scores_are_kept_of_so_many_rows_at_most() -> None:
    rows, most = 200_000, 20_000
    bound = measuring._bound(most, rows)
    keys = mixed(np.arange(rows, dtype=np.uint64))
    assert abs(int((keys < np.uint64(bound)).sum()) - most) <= 5 * most**0.5
    assert (measuring._bound(most, most), measuring._bound(0, rows)) == (1 << 64, 0)
    few = measuring._ranked(
        np.zeros(rows, np.uint8), np.zeros((rows, 1)), np.zeros((rows, 2)), keys < np.uint64(bound)
    )
    assert held(few) <= 25 * most * 1.05
    both = AnsweredRows(scores(10), scores(5)).add(AnsweredRows(scores(3), scores(0)))
    assert [len(each.y) for each in both.training.ranked] == [10, 3]
    assert [len(each.y) for each in both.training.together().ranked] == [13]
