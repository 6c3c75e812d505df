"""Which engine works on a table, and that it does all of the work, planning too."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ml_core import train_model
from ml_core.engines import Engine, write_engines
from ml_core.errors import Unavailable
from ml_core.mapping import InThreads, InTurn, in_order
from ml_core.scanning import planning
from ml_core.scanning.cutting import walk_run
from ml_core.scoring import driver
from tests.unit.ml_core.scoring.lake import SCORING, Lake

MADE: list["Backwards"] = []


class Backwards:
    """An engine whose results come in the other order, each task done twice."""

    def __init__(self) -> None:
        self.maps = 0

    def map[Item, Result](
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        self.maps += 1
        for place in reversed(range(len(items))):
            task(items[place])
            yield place, task(items[place])


def make(folder: str) -> Backwards:  # noqa: ARG001 - what every engine is made with
    MADE.append(Backwards())
    return MADE[-1]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    MADE.clear()
    found = Lake(tmp_path, train_model([[0.0, 1.0], [1.0, 0.0], [5.0, 6.0], [6.0, 5.0]], [0, 0, 1, 1]))
    for file in range(4):
        found.put(f"t/{file}.csv", b"x0,x1\n%d,1\n,2\n" % file)
    return found


def _turn_on(lake: Lake, job: str) -> None:
    write_engines(str(lake.child(job)), {"lithops": Engine(f"{__name__}:make", {})})


def test_the_order_of_results_and_their_repetition_change_nothing(lake: Lake) -> None:
    plain = lake.score(lake.request("file:t/"), job="0" * 28)
    _turn_on(lake, SCORING)
    told = lake.score(lake.request("file:t/", engine="lithops"))
    assert told["result"] == plain["result"]
    assert told["engine"] == {"name": "lithops", "passes": 1, "parts": 4, "reason": "the request says so"}
    assert lake.written() == lake.written("0" * 28)
    assert [engine.maps for engine in MADE] == [3], "one engine for the files, their parts and the scores"


def test_without_a_wish_the_size_decides(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lake.score(lake.request("file:t/"), job="0" * 28)["engine"]["name"] == "function"
    for job in "123":
        _turn_on(lake, job * 28)
    assert lake.score(lake.request("file:t/"), job="1" * 28)["engine"]["name"] == "function"
    monkeypatch.setattr(driver, "MANY_BYTES", 10)
    assert lake.score(lake.request("file:t/"), job="2" * 28)["engine"]["name"] == "lithops"
    asked = lake.request("file:t/", engine="function")
    assert lake.score(asked, job="3" * 28)["engine"]["name"] == "function"


def test_an_engine_that_was_turned_off_meanwhile_is_told(lake: Lake) -> None:
    with pytest.raises(Unavailable, match="lithops"):
        lake.score(lake.request("file:t/", engine="lithops"))


def test_threads_give_what_one_after_the_other_does() -> None:
    items = list(range(300))
    expected = list(InTurn().map(str, items))
    assert list(InThreads(4).map(str, items)) == expected
    assert list(in_order(InThreads(1).map(str, items))) == [str(item) for item in items]
    with pytest.raises(ZeroDivisionError):
        list(InThreads(2).map(lambda item: 1 // item, [1, 0, 1]))


def test_texts_are_walked_by_few_threads_for_a_walk_takes_memory(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = []

    class Noted(InThreads):
        def map(self, task: Any, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
            if task.func is walk_run:
                walked.append((self._workers, len(items)))
            return super().map(task, items)

    monkeypatch.setattr(driver, "InThreads", Noted)
    monkeypatch.setattr(driver, "_LEAST_PART", 1)
    monkeypatch.setattr(planning, "PART_BYTES", 64)
    lake.put("many/0.csv", b"x0,x1\n" + b"1,2\n" * 200)
    told = lake.score(lake.request("file:many/"))
    assert told["result"]["rows"] == 200
    assert walked == [(2, 12)]


def test_parts_are_so_small_that_a_slow_model_ends_each_in_time(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a part are bounded by what the model has to do for them."""
    columns = {"x0": [1.0] * 100, "x1": [2.0] * 100}
    lake.put_parquet("g.parquet", columns, row_group=10)
    assert lake.score(lake.request("file:g.parquet"), job="0" * 28)["engine"]["parts"] == 1
    a_row = lake.model.peak_width * (2 + driver._ROW_WORK)
    monkeypatch.setattr(driver, "_WORK", 25 * a_row)
    told = lake.score(lake.request("file:g.parquet"), job="1" * 28)
    assert told["engine"]["parts"] == 5
    assert told["result"]["rows"] == 100
