"""Schedules on every store: one job a slot, whatever fails, is killed, answers twice, or sweeps at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ml_core.conflicts import ScheduleNotFound
from ml_core.datasets.sources import DataSources, upload_key
from ml_core.errors import RevisionMismatch
from ml_core.jobs.jobs import Jobs
from ml_core.ports import ObjectStore
from ml_core.registry.registry import Registry
from ml_core.scheduling.running import PreparedRun, Runner, present
from ml_core.scheduling.schedule import Schedule
from ml_core.scheduling.schedules import Conditions, Schedules
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest
from tests.contract.faults import FaultyStore, RememberingQueue, do_twice, fail_before, lose_answer

DAY = 86_400
NOON = 20_000 * DAY + 43_200
TRAIN = {"algorithm": "quick", "data": {"uri": "dataset://table"}}
DAILY = Schedule(TRAIN, "P1D", ("upload",))
# Operations of a sweep with one schedule, of which two slots are due.
OPERATIONS = 22


class Killed(BaseException):
    """The sweep is gone."""


def kill_before(_operation: Callable[[], object]) -> object:
    """The sweep ends before it asks."""
    raise Killed


def kill_after(operation: Callable[[], object]) -> object:
    """The sweep ends before it hears the answer."""
    operation()
    raise Killed


class FromStore:
    """Prepares runs on uploads of a store, with nobody to ask."""

    def __init__(self, store: ObjectStore) -> None:
        self._data = DataSources(uploads=lambda: store)

    def prepare(
        self,
        writer: str | None,  # noqa: ARG002
        model: str,  # noqa: ARG002
        train: dict[str, Any],
        split_key: str | None = None,  # noqa: ARG002
    ) -> PreparedRun:
        request = TrainingRequest("quick", {}, TableReference("dataset://table"), 0.2, train.get("seed", 0))
        settled = request.settled(self._data.settled)
        assert isinstance(settled.data, TableReference)
        uri = settled.data.uri
        asked = str(request.seed)
        return PreparedRun(
            settled.to_bytes(), settled.summary(), asked, lambda: self._data.files(uri), lambda: None, uri
        )


def runner_over(store: ObjectStore, now: float) -> Runner:
    jobs = Jobs(store, RememberingQueue(), lambda: now)
    return Runner(Schedules(store, lambda: now), jobs, Registry(store), FromStore(store))


def upload(store: ObjectStore, number: int, rows: bytes = b"a,b\n1,2\n") -> None:
    """A file, whose id sorts before those of lower numbers."""
    store.put_if_absent(upload_key("table", f"{(1 << 48) - number:012x}{'0' * 16}"), rows)


def written(store: ObjectStore) -> Runner:
    """A store with a schedule for which a slot of time is due the next day, and one of an upload."""
    upload(store, 1)
    today = runner_over(store, NOON)
    Schedules(store, lambda: NOON).put("m", DAILY, present=present(Registry(store), "m", DAILY))
    assert today.sweep(lambda: True).started == 0
    upload(store, 2)
    return runner_over(store, NOON + DAY)


def check_one_job(store: ObjectStore) -> None:
    """One job was sent, and each slot was dealt with; the next sweep has nothing to do."""
    later = runner_over(store, NOON + DAY + 1200)
    assert later.sweep(lambda: True).started == 0
    (job,) = Jobs(store, RememberingQueue()).list().jobs
    assert job.request["schedule"]["trigger"] in ("every", "upload")
    runs = Schedules(store).get("m").state["runs"]
    assert sorted(run["trigger"] for run in runs) == ["every", "upload"]
    assert [run["job"] for run in runs if run["outcome"] == "started"] in ([job.id], [job.id, job.id])


@pytest.mark.matrix
@pytest.mark.parametrize("fault", [fail_before, lose_answer, do_twice, kill_before, kill_after])
@pytest.mark.parametrize("nth", range(1, OPERATIONS + 1))
def test_a_sweep_that_goes_wrong_at_any_operation_makes_no_job_twice(
    store: ObjectStore, nth: int, fault: Callable[[Callable[[], object]], object]
) -> None:
    written(store)
    faulty = FaultyStore(store, nth, fault)
    try:
        runner_over(faulty, NOON + DAY).sweep(lambda: True)
    except Exception:  # noqa: BLE001, S110 - the schedules could not be listed
        pass
    except Killed:
        pass
    runner_over(store, NOON + DAY + 600).sweep(lambda: True)
    check_one_job(store)


def test_no_operation_of_such_a_sweep_is_left_out(store: ObjectStore) -> None:
    written(store)
    counting = FaultyStore(store, 0, fail_before)
    runner_over(counting, NOON + DAY).sweep(lambda: True)
    assert len(counting.operations) == OPERATIONS, counting.operations


@pytest.mark.parametrize("edited", [False, True])
def test_many_sweeps_at_once_make_one_job(store: ObjectStore, *, edited: bool) -> None:
    written(store)
    runners = [runner_over(store, NOON + DAY) for _ in range(4)]
    threads = [threading.Thread(target=runner.sweep, args=(lambda: True,)) for runner in runners]
    for thread in threads:
        thread.start()
    if edited:
        Schedules(store, lambda: NOON + DAY).put("m", DAILY._replace(most_a_day=3))
    for thread in threads:
        thread.join()
    check_one_job(store)


def test_of_two_writers_with_one_etag_one_wins(store: ObjectStore) -> None:
    schedules = Schedules(store)
    etag = schedules.put("m", DAILY).etag
    conditions = Conditions(frozenset({etag}))
    won: list[str] = []

    def write(number: int) -> None:
        try:
            won.append(schedules.put("m", DAILY._replace(most_a_day=number), conditions=conditions).etag)
        except RevisionMismatch:
            return

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [schedules.get("m").etag] == won
    schedules.delete("m", Conditions(frozenset(won)))
    with pytest.raises(ScheduleNotFound):
        schedules.get("m")
    schedules.forget("m", purge=True)
    assert list(schedules.keys()) == []
