"""A table that is scored part by part: whatever is killed or fails, each file is there once and no other.

On the folder and S3 every point is tried, on the other clouds every fourth (conftest.py).
"""

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_core.errors import ObjectExists, Unavailable, Unfinished
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import CANCELLED, SUCCEEDED, Job, Jobs, checkpoint_key, input_key, plan_key
from ml_core.jobs.trainer import run_job
from ml_core.ports import ObjectStore
from ml_core.registry.registry import Registry
from ml_core.scoring.places import counts_folder, folder_of
from tests.contract.faults import QUICK, Clock, FaultyStore, RememberingQueue, do_twice
from tests.contract.places import Forks, Place
from tests.contract.scored_table import FILES, WRITTEN, ScoredTable, score_once

# From looking for the plan to the last part's counts.
OPERATIONS = 15
_JOB = "a" * 28
_RESULT = {"rows": 3, "rejected": 3, "files": 5, "uri": None}


@pytest.fixture
def table(place: Place) -> ScoredTable:
    return ScoredTable(place)


def _check_whole(table: ScoredTable, job: str = _JOB) -> None:
    """Another delivery finds everything, and what is there is what an undisturbed job writes."""
    told = score_once(table.reopening(), table.request, job)
    written = table.written(job)
    assert list(written) == WRITTEN
    assert told["result"] == {**_RESULT, "bytes": sum(map(len, written.values()))}
    assert len(table.store.list(counts_folder(job)).objects) == len(FILES)
    assert {name: table.without_address(data) for name, data in written.items()} == _undisturbed(table)


def _undisturbed(table: ScoredTable) -> dict[str, bytes]:
    """The files that a job writes to which nothing happens, without the table's address; made once."""
    if not _REFERENCE:
        score_once(table.reopening(), table.request, "b" * 28)
        written = table.written("b" * 28)
        _REFERENCE.update({name: table.without_address(data) for name, data in written.items()})
    return _REFERENCE


_REFERENCE: dict[str, bytes] = {}


@pytest.mark.matrix
@pytest.mark.parametrize("moment", ["kill_before", "kill_after"])
@pytest.mark.parametrize("nth", range(1, OPERATIONS + 1))
def test_a_child_killed_at_any_operation_leaves_what_the_next_completes(
    table: ScoredTable, forks: Forks, nth: int, moment: str
) -> None:
    reopening = json.dumps(table.reopening(nth, moment))
    request = table.request.to_bytes().decode()
    assert forks.run(table.place, "score", reopening, request, _JOB) == -signal.SIGKILL
    _check_whole(table)


@pytest.mark.matrix
@pytest.mark.parametrize("fault", ["fail_before", "lose_answer", "do_twice"])
@pytest.mark.parametrize("nth", range(1, OPERATIONS + 1))
def test_a_store_that_fails_or_answers_twice_at_any_operation_doubles_nothing(
    table: ScoredTable, nth: int, fault: str
) -> None:
    reopening = table.reopening(nth, fault)
    if fault == "do_twice":
        assert score_once(reopening, table.request, _JOB)["result"].items() >= _RESULT.items()
    else:
        with pytest.raises(Unavailable):
            score_once(reopening, table.request, _JOB)
    _check_whole(table)


def test_there_are_as_many_operations_as_are_tried(table: ScoredTable) -> None:
    reopening = table.reopening(1_000, "fail_before")
    score_once(reopening, table.request, _JOB)
    store = reopening.open().store
    assert isinstance(store, FaultyStore)
    assert len(store.operations) == OPERATIONS, store.operations


def test_deliveries_at_once_write_each_file_once(table: ScoredTable) -> None:
    with ThreadPoolExecutor(4) as at_once:
        told = [at_once.submit(score_once, table.reopening(), table.request, _JOB).result for _ in range(4)]
        results = [each()["result"] for each in told]
    assert results == results[:1] * 4
    _check_whole(table)


def test_a_delivery_whose_time_is_over_leaves_the_rest_to_the_next(table: ScoredTable) -> None:
    for done in (1, 2):
        with pytest.raises(Unfinished):
            score_once(table.reopening(), table.request, _JOB, deadline=time.time() - 1)
        assert len(table.store.list(counts_folder(_JOB)).objects) == done
    _check_whole(table)


def test_files_go_to_an_allowed_place_and_only_counts_to_the_own_store(table: ScoredTable) -> None:
    to = table.to
    told = score_once(table.reopening(), table.request._replace(to=to), _JOB)
    assert told["result"]["uri"] == f"{to}{_JOB}/"
    assert table.written(_JOB) == {}
    opened = table.reopening().open()
    sizes = [opened.outputs.size(f"{to}{_JOB}/{name}") for name in WRITTEN]
    assert sum(sizes) == told["result"]["bytes"]
    with pytest.raises(ObjectExists):
        opened.outputs.put_if_absent(f"{to}{_JOB}/{WRITTEN[0]}", b"")
    for found in table.store.list(counts_folder(_JOB)).objects:
        table.store.delete(found.key)
    assert score_once(table.reopening(), table.request._replace(to=to), _JOB) == told


class Trainer:
    """A trainer with real child processes."""

    def __init__(self, table: ScoredTable) -> None:
        self.table = table
        self.jobs = Jobs(table.store, RememberingQueue(), Clock())

    def submit(self) -> Job:
        return self.jobs.submit("iris", self.table.request.to_bytes(), self.table.request.summary())

    def context(self, store: ObjectStore) -> TrainerContext:
        jobs = Jobs(store, self.jobs.queue, self.jobs.clock)
        reopening = self.table.reopening()
        return TrainerContext(jobs, Registry(store), stores=reopening, intervals=QUICK)

    def keys(self, job: Job) -> Iterator[str]:
        return (found.key for found in self.table.store.list("").objects if job.id in found.key)


def test_a_job_ends_with_its_result_and_without_a_version(table: ScoredTable) -> None:
    trainer = Trainer(table)
    job = trainer.submit()
    assert job.request["version"] == 1
    run_job(job.id, trainer.context(FaultyStore(table.store, 3, do_twice)))
    ended = trainer.jobs.get(job.id)
    assert (ended.state, ended.version, ended.metrics) == (SUCCEEDED, None, None), ended.error
    assert ended.result == {**_RESULT, "bytes": sum(map(len, table.written(job.id).values()))}
    assert ended.engine is not None
    assert (ended.engine["name"], ended.engine["parts"]) == ("function", 3)
    _check_whole(table, job.id)
    keys = set(trainer.keys(job))
    assert plan_key(job.id) in keys
    assert not {input_key(job.id), checkpoint_key(job.id)} & keys
    assert run_job(job.id, trainer.context(table.store)).defer is None
    assert trainer.jobs.get(job.id) == ended


def test_a_job_that_is_cancelled_while_it_waits_writes_nothing(table: ScoredTable) -> None:
    trainer = Trainer(table)
    job = trainer.submit()
    trainer.jobs.cancel(job.id)
    assert run_job(job.id, trainer.context(table.store)).defer is None
    assert trainer.jobs.get(job.id).state == CANCELLED
    assert not any(key.startswith(folder_of(job.id)) for key in trainer.keys(job))
