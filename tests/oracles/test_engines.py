"""Engines that work elsewhere, as the `Mapper` port says: Lithops and Dask, on processes of this machine.

Their packages are optional, and `make oracles` brings them.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ml_core.engines import Engine
from ml_core.errors import AccessRefused, InvalidInput, Unavailable
from ml_core.mapping import InTurn, Mapper, in_order
from providers.local.runtime.engines import engine_here
from providers.mappers.lithops import on_this_machine
from providers.mappers.lithops_mapper import LithopsMapper, Pace
from tests.oracles import engine_tasks
from tests.watched_processes import is_dead

ITEMS = range(8)
SQUARES = [item * item for item in ITEMS]
ROOT = Path(__file__).resolve().parents[2]
SOON = Pace(patience=60.0, idle=0.5, pause=0.01)


@pytest.fixture(scope="module")
def lithops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LithopsMapper]:
    mapper = on_this_machine(str(tmp_path_factory.mktemp("lithops")), processes=2, pace=SOON)
    yield mapper
    mapper.close()


@pytest.fixture(scope="module", params=["lithops", "dask"])
def mapper(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapper]:
    if request.param == "lithops":
        yield request.getfixturevalue("lithops")
        return
    made: Any = engine_here("dask", {}).mapper(str(tmp_path_factory.mktemp("dask")))
    yield made
    made.close()


def test_each_item_comes_once_and_the_same_as_in_turn(mapper: Mapper) -> None:
    found = list(mapper.map(engine_tasks.squared, ITEMS))
    assert sorted(found) == list(InTurn().map(engine_tasks.squared, ITEMS))


@pytest.mark.parametrize("count", [0, 1, 70])
def test_any_number_of_items(mapper: Mapper, count: int) -> None:
    """70 are more than are handed over together."""
    found = list(in_order(mapper.map(engine_tasks.squared, range(count))))
    assert found == [item * item for item in range(count)]


def test_a_slow_worker_holds_back_its_own_result_alone(mapper: Mapper) -> None:
    found = list(mapper.map(engine_tasks.slow, ITEMS))
    assert found[0][0] != 0
    assert list(in_order(iter(found))) == SQUARES


def test_results_may_be_large_or_nothing(mapper: Mapper) -> None:
    assert [len(each) for _, each in mapper.map(engine_tasks.large, range(3))] == [3_000_000] * 3
    assert sorted(mapper.map(engine_tasks.nothing, range(3))) == [(0, None), (1, None), (2, None)]


@pytest.mark.parametrize("times", [1, 2])
def test_an_item_whose_worker_was_killed_is_worked_on_again(
    mapper: Mapper, tmp_path: Path, times: int
) -> None:
    found = in_order(mapper.map(partial(engine_tasks.lost, str(tmp_path), times), ITEMS))
    assert list(found) == SQUARES


def test_an_item_that_kills_every_worker_is_given_up(mapper: Mapper, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"a worker of (Lithops|Dask) was lost"):
        list(mapper.map(partial(engine_tasks.lost, str(tmp_path), 99), [3]))
    assert list(in_order(mapper.map(engine_tasks.squared, ITEMS))) == SQUARES  # and the engine goes on


def test_a_storage_that_did_not_answer_a_task_is_asked_again(mapper: Mapper, tmp_path: Path) -> None:
    found = in_order(mapper.map(partial(engine_tasks.unanswered, str(tmp_path), 2), ITEMS))
    assert list(found) == SQUARES
    assert len(os.listdir(tmp_path / "3")) == 3


def test_a_storage_that_never_answers_is_the_tasks_own_error(mapper: Mapper, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^the storage does not answer"):
        list(mapper.map(partial(engine_tasks.unanswered, str(tmp_path), 99), ITEMS))
    assert len(os.listdir(tmp_path / "3")) == 3


def test_what_is_wrong_with_the_data_is_told_as_the_task_told_it(mapper: Mapper) -> None:
    with pytest.raises(InvalidInput) as raised:
        list(mapper.map(partial(engine_tasks.failing, "faults"), ITEMS))
    assert [fault.path for fault in raised.value.faults] == ["$.rows[7]", "$.rows[9]"]


@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        ("refused", AccessRefused, "reading is not allowed"),
        ("defect", ZeroDivisionError, "division by zero"),
        ("memory", MemoryError, "no memory is left"),
        ("own", RuntimeError, "OfItsOwn: one and other"),
    ],
)
def test_an_error_of_a_task_comes_out_as_itself_at_once(
    mapper: Mapper, how: str, kind: type[Exception], says: str
) -> None:
    hook = sys.excepthook
    with pytest.raises(kind, match=says) as raised:
        list(mapper.map(partial(engine_tasks.failing, how), ITEMS))
    assert "engine_tasks.py" in raised.value.__notes__[0]
    assert sys.excepthook is hook


def test_who_stops_listening_ends_the_work(mapper: Mapper, tmp_path: Path) -> None:
    found: Any = mapper.map(partial(engine_tasks.noted, str(tmp_path)), range(60))
    next(found)
    found.close()
    assert list(in_order(mapper.map(engine_tasks.squared, ITEMS))) == SQUARES


def test_all_workers_lost_at_once_are_noticed(lithops: LithopsMapper, tmp_path: Path) -> None:
    found = in_order(lithops.map(partial(engine_tasks.lost_with_all, str(tmp_path)), ITEMS))
    assert list(found) == SQUARES


def test_calls_that_are_made_twice_give_their_results_once(
    lithops: LithopsMapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler: Any = lithops._started().compute_handler
    invoke: Callable[[Any], None] = handler.invoke

    def twice(payload: Any) -> None:
        invoke(payload)
        invoke(payload)

    monkeypatch.setattr(handler, "invoke", twice)
    found = list(lithops.map(partial(engine_tasks.noted, str(tmp_path)), ITEMS))
    assert sorted(found) == list(enumerate(SQUARES))


def test_nothing_is_left_in_the_bucket(tmp_path: Path) -> None:
    """By a mapper of its own: of calls that were made twice, the second may write after all are removed."""
    with closing(on_this_machine(str(tmp_path), processes=2, pace=SOON)) as mapper:
        executor = mapper._started()
        list(mapper.map(engine_tasks.squared, ITEMS))
        broken_off: Any = mapper.map(engine_tasks.squared, range(60))
        next(broken_off)
        broken_off.close()
        storage = executor.internal_storage
        assert storage.storage.list_keys(storage.bucket, f"lithops.jobs/{executor.executor_id}") == []


def test_a_bucket_that_is_not_there_is_unavailable(
    lithops: LithopsMapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no route to the bucket")

    monkeypatch.setattr(lithops._started().internal_storage, "put_func", refuse)
    with pytest.raises(Unavailable, match="Lithops cannot start its workers: OSError: no route"):
        list(lithops.map(engine_tasks.squared, ITEMS))


DRIVER = """
import sys
from functools import partial
from ml_core.engines import Engine
from tests.oracles import engine_tasks

if __name__ == "__main__":
    engine, folder, task = sys.argv[1:]
    arguments = {"scheduler": ""} if engine == "dask" else {}
    name = "mapper" if engine == "dask" else "on_this_machine"
    mapper = Engine(f"providers.mappers.{engine}:{name}", arguments).mapper(folder)
    done = getattr(engine_tasks, task)
    if task == "staying":
        done = partial(done, folder)
    for place, result in mapper.map(done, range(4)):
        print(place, result, file=sys.stderr)
    mapper.close()
"""


def driver(engine: str, folder: Path, task: str) -> subprocess.Popen[str]:
    program = folder / "driver.py"
    program.write_text(DRIVER)
    return subprocess.Popen(
        [sys.executable, str(program), engine, str(folder), task],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("engine", ["lithops", "dask"])
def test_nothing_is_printed_to_the_drivers_output(engine: str, tmp_path: Path) -> None:
    """It is the protocol of a job's child process."""
    with driver(engine, tmp_path, "loud") as running:
        printed, complained = running.communicate(timeout=120)
    assert running.returncode == 0, complained
    assert {f"{place} {place * place}" for place in range(4)} <= set(complained.splitlines())
    assert [line for line in printed.splitlines() if not line.startswith("a worker says")] == []
    if engine == "lithops":
        assert printed == ""


@pytest.mark.parametrize("engine", ["lithops", "dask"])
def test_workers_end_with_a_driver_that_is_killed(engine: str, tmp_path: Path) -> None:
    with driver(engine, tmp_path, "staying") as running:
        numbers = until(lambda: [int(each.name) for each in tmp_path.iterdir() if each.name.isdigit()])
        running.send_signal(signal.SIGKILL)
        until(lambda: all(map(is_dead, numbers)))


def until[T](look: Callable[[], T]) -> T:
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_an_engine_says_how_it_is_made() -> None:
    assert engine_here("lithops", {}) == Engine("providers.mappers.lithops:on_this_machine", {})
    assert engine_here("dask", {"ML_DASK_SCHEDULER": "tcp://there:8786"}).arguments == {
        "scheduler": "tcp://there:8786"
    }


def test_a_scheduler_that_does_not_answer_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.mappers.dask._ANSWERING", 0.5)
    engine = engine_here("dask", {"ML_DASK_SCHEDULER": "tcp://127.0.0.1:9"})
    with pytest.raises(Unavailable, match=r"scheduler of Dask at tcp://127.0.0.1:9 does not answer"):
        engine.mapper(str(tmp_path))
