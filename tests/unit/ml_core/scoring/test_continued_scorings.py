"""A job whose table takes several deliveries, in real child processes: each goes on from the last one."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ml_core import train_model
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import CANCELLED, FAILED, QUEUED, SUCCEEDED, Job, Jobs, checkpoint_key
from ml_core.jobs.trainer import run_job
from ml_core.registry.registry import Registry
from tests.contract.faults import QUICK, Clock, RememberingQueue
from tests.unit.ml_core.scoring.lake import Lake

# The process that scores, but that its time is over as soon as a part is done.
_SCRIPT = """
import sys
from ml_core.jobs import fit_process

fit_process._stop_by = lambda *_: 0.0
fit_process.main(sys.argv[1], sys.argv[2:])
"""
HURRIED = (sys.executable, "-c", _SCRIPT)


class Hurried:
    """A table of three files, and a trainer that has time for one of them in each delivery."""

    def __init__(self, root: Path) -> None:
        X = np.arange(20.0).reshape(10, 2)
        self.lake = Lake(root, train_model(X, X[:, 0] > 8))
        for file in range(3):
            self.lake.put(f"t/{file}.csv", b"id,x0,x1\n%d,1,2\n%d,x,0\n" % (file, file + 10))
        self.jobs = Jobs(self.lake.store, RememberingQueue(), Clock())

    def submit(self, **wanted: str) -> Job:
        request = self.lake.request("file:t/", **wanted)
        return self.jobs.submit("iris", request.to_bytes(), request.summary())

    def deliver(self, job: Job) -> Job:
        context = TrainerContext(
            self.jobs,
            Registry(self.lake.store),
            stores=self.lake.reopening,
            intervals=QUICK,
            fit_command=HURRIED,
        )
        return run_job(job.id, context).job or job


@pytest.fixture
def hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hurried:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Hurried(tmp_path)


def test_deliveries_follow_each_other_and_none_counts_as_an_attempt(hurried: Hurried) -> None:
    job = hurried.submit(rejects="write")
    for done in (1, 2):
        back = hurried.deliver(job)
        assert back.state == QUEUED, back.error
        assert [attempt["outcome"] for attempt in back.attempts] == ["continued"]
        assert f"{done} of 3 parts" in back.attempts[-1]["reason"]
        assert hurried.lake.store.get(checkpoint_key(job.id)).data
    ended = hurried.deliver(job)
    assert ended.state == SUCCEEDED, ended.error
    written = hurried.lake.written(job.id)
    assert len(written) == 6
    assert ended.result == {
        "rows": 3,
        "rejected": 3,
        "files": 6,
        "bytes": sum(map(len, written.values())),
        "uri": None,
    }


def test_a_job_that_is_cancelled_between_two_deliveries_ends_so(hurried: Hurried) -> None:
    job = hurried.submit()
    hurried.deliver(job)
    hurried.jobs.cancel(job.id)
    assert hurried.deliver(job).state == CANCELLED
    assert len(hurried.lake.written(job.id)) == 2


@pytest.mark.parametrize("when", ["before", "between"])
def test_what_is_wrong_with_the_table_is_the_jobs_error(hurried: Hurried, when: str) -> None:
    if when == "before":
        job = hurried.submit(rejects="stop")
        error = hurried.deliver(job).error
        assert error is not None
        assert error["code"] == "invalid_input"
        assert [fault["path"] for fault in error["faults"]] == ["file:t/0.csv, line 3, column 'x0'"]
        return
    job = hurried.submit()
    hurried.deliver(job)
    hurried.lake.put("t/2.csv", b"id,x0,x1\n5,5,5\n6,6,6\n")
    hurried.deliver(job)
    ended = hurried.deliver(job)
    assert ended.state == FAILED
    assert ended.error is not None
    assert ended.error["code"] == "data_changed"
    assert "t/2.csv" in ended.error["message"]
    assert "send the request again" in ended.error["message"]


def test_a_trainer_that_is_to_stop_gives_the_job_back_with_what_is_done(hurried: Hurried) -> None:
    job, stopping = hurried.submit(), threading.Event()
    stopping.set()
    context = TrainerContext(
        hurried.jobs,
        Registry(hurried.lake.store),
        stores=hurried.lake.reopening,
        intervals=QUICK,
        stopping=stopping,
    )
    back = run_job(job.id, context).job
    assert back is not None
    assert (back.state, [attempt["outcome"] for attempt in back.attempts]) == (QUEUED, ["interrupted"])
