"""Rows that are held out by a hash of their number, of a table that is too large to draw from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.errors import TooLarge
from ml_core.mapping import InTurn
from ml_core.streaming.holding_out import ClassKeys, HashedRows
from ml_core.streaming.training import StreamedTable, StreamedTraining
from ml_core.tables.memory import Budget
from tests.unit.ml_core.streaming.local_tables import Folder, plan, written
from tests.unit.ml_core.streaming.test_training import Kept, request_of

ROWS, RARE = 4_000, 3
# Too little for a number of each row, and for nothing else.
LITTLE = Budget(ROWS)


def lines() -> list[str]:
    """Rows of a frequent and a rare class, sorted by it, and some without a target."""
    random = np.random.default_rng(5)
    values = random.normal(size=(ROWS, 2)).round(3).tolist()
    labels = ["rare"] * RARE + ["no"] * (ROWS // 2) + ["yes"] * (ROWS - ROWS // 2 - RARE)
    labels[ROWS // 3] = labels[-2] = ""
    return [f"{a},{b},{n % 9},{label}" for n, ((a, b), label) in enumerate(zip(values, labels, strict=True))]


def folder(path: Path, files: int) -> Folder:
    """The table in so many files."""
    step = -(-ROWS // files)
    return written(
        path,
        {
            f"{begin:05}.csv": "\n".join(["a,b,c,y", *lines()[begin : begin + step], ""]).encode()
            for begin in range(0, ROWS, step)
        },
    )


def training(place: Folder, request: Any, *, part_bytes: int = 1 << 12, **options: Any) -> StreamedTraining:
    """A training that has little memory for numbers of rows."""
    of = plan(place, options=request.data.options, part_bytes=part_bytes)
    stores: Any = place
    table = StreamedTable(stores, of, options.pop("mapper", InTurn()), "streamed", "as was asked")
    return StreamedTraining(request, table, lambda *_: None, budget=LITTLE, **options)


def held_out(of: StreamedTraining) -> list[int]:
    """The numbers of the rows that are held out."""
    parts = of._chosen().rows.parts
    return np.flatnonzero(np.concatenate([part.testing() for part in parts])).tolist()


class LastFirst:
    """A mapper whose results come last first."""

    def map(self, task: Any, items: Any) -> Iterator[Any]:
        for place in reversed(range(len(items))):
            yield place, task(items[place])


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return folder(tmp_path / "folder", 3)


def test_the_same_rows_are_held_out_whatever_the_parts_and_their_order(place: Folder, tmp_path: Path) -> None:
    request = request_of("y", test_fraction=0.2, seed=4)
    first = held_out(training(place, request))
    assert first == held_out(training(place, request, part_bytes=1 << 26))
    assert first == held_out(training(place, request, mapper=LastFirst()))
    assert first == held_out(training(folder(tmp_path / "others", 7), request))
    assert first != held_out(training(place, request_of("y", test_fraction=0.2, seed=5)))


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_each_class_has_its_share_and_is_on_both_sides(place: Folder, fraction: float, seed: int) -> None:
    request = request_of("y", test_fraction=fraction, seed=seed)
    labels = np.array([line.rpartition(",")[2] for line in lines()])
    parts = training(place, request)._chosen().rows.parts
    test, trained = (
        np.concatenate([getattr(part, name)() for part in parts]) for name in ("testing", "training")
    )
    assert not (test & trained).any()
    assert (labels[~(test | trained)] == "").all()
    for label in ("rare", "no", "yes"):
        rows = int((labels == label).sum())
        taken = int(test[labels == label].sum())
        assert 0 < taken < rows, label
        assert abs(taken - fraction * rows) <= 5 * (rows * fraction * (1 - fraction)) ** 0.5 + 1, label


def test_version_says_so_and_is_measured_on_those_rows(place: Folder) -> None:
    of = training(place, request_of("y", test_fraction=0.2))
    found = of.trained()
    taken = of._chosen().rows
    assert found.manifest["test_rows"] == taken.held_out == len(held_out(of))
    assert found.manifest["rows"] == taken.rows - taken.held_out
    warnings: Any = found.manifest["warnings"]
    assert any("a hash of its number and the seed" in warning for warning in warnings)
    metrics: Any = found.manifest["metrics"]
    assert np.sum(metrics["test"]["confusion_matrix"]) == taken.held_out


def test_clusters_hold_rows_out_in_the_same_way(place: Folder) -> None:
    request = request_of(
        None, "kmeans", hyperparameters={"n_clusters": 2}, test_fraction=0.2, data={"features": ["a", "b"]}
    )
    found = training(place, request).trained()
    assert found.manifest["rows"] + found.manifest["test_rows"] == ROWS  # type: ignore[operator]
    assert found.manifest["test_rows"] == pytest.approx(0.2 * ROWS, rel=0.1)


def test_without_rows_held_out_nothing_is_said_of_it(place: Folder) -> None:
    found = training(place, request_of("y", test_fraction=0)).trained()
    assert (found.manifest["rows"], found.manifest["test_rows"]) == (ROWS - 2, 0)
    assert not [each for each in found.manifest["warnings"] if "hash" in each]  # type: ignore[attr-defined]


def test_a_fit_that_is_broken_off_holds_out_the_same_rows(
    place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.streaming.passes.CHECKPOINT_SECONDS", 0.0)
    request, states = request_of("y", test_fraction=0.2), Kept()
    unbroken = training(place, request, checkpoints=states).trained()
    for state in states.states[:: max(1, len(states.states) // 6)]:
        kept = Kept()
        kept.save(state)
        again = training(place, request, checkpoints=kept).trained()
        assert again.artifact == unbroken.artifact
        assert again.manifest["test_rows"] == unbroken.manifest["test_rows"]


@pytest.mark.parametrize("by", ["group", "time"])
@pytest.mark.parametrize("seed", range(3))
def test_by_a_column_the_same_rows_are_held_out_as_in_memory(place: Folder, by: str, seed: int) -> None:
    request = request_of("y", test_fraction=0.3, seed=seed, split={"by": by, "column": "c"})
    little, much = training(place, request), training(place, request)
    much._budget = Budget()
    some, same = little._chosen().rows, much._chosen().rows
    assert held_out(little) == held_out(much)
    assert some._replace(ranks=None, classes=None) == same._replace(ranks=None, classes=None)
    assert little.trained().artifact == much.trained().artifact


def test_too_many_values_are_refused_with_what_to_do(place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_core.streaming.selecting._MOST_VALUES", 8)
    request = request_of("y", test_fraction=0.2, split={"by": "group", "column": "c"})
    with pytest.raises(TooLarge, match=r"by column 'c'.*\"random\", train with test_fraction 0"):
        training(place, request).trained()


def test_a_target_that_names_rows_is_refused_before_its_values_are_counted(tmp_path: Path) -> None:
    rows = "".join(f"{n % 7},{n * 31 % 100_003}\n" for n in range(30_000))
    place = written(tmp_path / "ids", {"1.csv": f"a,y\n{rows}".encode()})
    of = training(place, request_of("y"))
    with pytest.raises(TooLarge, match=r"\$\.data\.target has about (29|30)\d{3} classes; at most"):
        of.trained()
    assert of._passes.passed == 1


def test_hashes_change_sides_only_where_a_class_is_on_one() -> None:
    rule = HashedRows(0, 0.25)
    keys = np.array([1, 2, 3, 1 << 63, 5 << 61, 7, 7 << 61], np.uint64)
    values = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0])
    found = ClassKeys.of(values[:4], keys[:4], rule.below(keys[:4])).add(
        ClassKeys.of(values[4:], keys[4:], rule.below(keys[4:]))
    )
    assert found.moved() == (3, 1 << 63)
    assert found.taken == 4
    assert rule._replace(moved=found.moved()).below(keys).tolist() == [1, 1, 0, 1, 0, 1, 0]
