"""The child process that fits: what it hands over, and that it never outlives its parent."""

import json
import os
import random
import subprocess
import sys
import time
from array import array
from pathlib import Path

import pytest

from ml_core.inputs.rows import Limits, Rows
from ml_core.jobs.fit_child import (
    Broken,
    Defect,
    FitChild,
    FittedArtifact,
    OutOfDisk,
    OutOfMemory,
    OutOfTime,
    RequestRefused,
    Result,
)
from ml_core.training.notebook import TrainingRequest, check_request
from ml_core.training.rows import TrainingRows
from tests.watched_processes import wait_until_dead

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))

PARENT = """
import os, sys
from ml_core.jobs.fit_child import FitChild

with FitChild(sys.stdin.buffer.read(), sys.argv[1]) as child:
    while child.phase == "starting":
        child.ended.wait(0.05)
    print(child.pid, flush=True)
    child.ended.wait()
    print("the fit was quicker than the test", flush=True)
"""

SMALL_PARENT = """
import sys
from ml_core.jobs.fit_child import FitChild

with FitChild(sys.stdin.buffer.read(), sys.argv[1], memory=int(sys.argv[2])) as child:
    child.ended.wait()
    print(child._child.death.status, child.result())
"""

_WITHOUT_DISK = (
    sys.executable,
    "-c",
    """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
sys.argv = ["fit_process", *sys.argv[1:]]
runpy.run_module("ml_core.jobs.fit_process", run_name="__main__")
""",
)


_WITH_A_FIT = """
import os, runpy, signal, sys
from ml_core.algorithms import svm

def fit(data, chosen, context):
    {body}

svm.ALGORITHM.fit = fit
sys.argv = ["fit_process", *sys.argv[1:]]
runpy.run_module("ml_core.jobs.fit_process", run_name="__main__")
"""


def _result_of(body: str, folder: Path, memory: int | None = 2 << 30) -> Result:
    """What becomes of a fit that is this code."""
    command = (sys.executable, "-c", _WITH_A_FIT.format(body=body))
    with FitChild(_request(40).to_bytes(), str(folder), command, memory=memory) as child:
        assert child.ended.wait(60)
        return child.result()


def _request(rows: int, columns: int = 2, **request: object) -> TrainingRequest:
    chance = random.Random(0)  # noqa: S311  # rows, not secrets
    instances = [[chance.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]
    targets = [sum(row) > chance.gauss(0, 1) for row in instances]
    return check_request(
        {"algorithm": "svm", "instances": instances, "targets": targets, **request}, Limits()
    )


def test_a_fit_hands_over_its_artifact_and_manifest(tmp_path: Path) -> None:
    with FitChild(_request(40).to_bytes(), str(tmp_path)) as child:
        assert child.ended.wait(60)
        result = child.result()
    assert isinstance(result, FittedArtifact)
    assert result.manifest["algorithm"] == "svm"
    assert result.artifact
    assert child.phase not in {"starting", None}, "progress was told"


_COUNTING = """
import sys
folder, *sys.path[:] = sys.argv[1:]
from ml_core.jobs import fit_process

told = fit_process._Progress.__call__

def telling(self, phase, percentage):
    with open(folder + "/seen", "a") as seen:
        print(phase, sum(name.startswith("sklearn") for name in sys.modules), file=seen)
    told(self, phase, percentage)

fit_process._Progress.__call__ = telling
fit_process.main(folder, sys.path[:])
"""


@pytest.mark.parametrize("test_fraction", [0, 0.25])
def test_it_is_starting_while_libraries_are_loaded(tmp_path: Path, test_fraction: float) -> None:
    """On a cold machine that takes seconds, and splitting is not slow; rows that are refused do not wait."""
    command = (sys.executable, "-c", _COUNTING)
    request = _request(40)._replace(test_fraction=test_fraction)
    with FitChild(request.to_bytes(), str(tmp_path), command) as child:
        assert child.ended.wait(60)
        assert isinstance(child.result(), FittedArtifact)
    seen = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert seen[:2] == [["reading", "0"], ["starting", "0"]]
    loaded = {phase: int(modules) for phase, modules in seen}
    assert loaded["splitting"] == loaded["fitting"] > 0, "nothing more until the algorithm's own"


def test_a_request_at_fault_is_refused_with_its_faults(tmp_path: Path) -> None:
    sound = _request(40, hyperparameters={"probability": True}, test_fraction=0)
    assert isinstance(sound.data, TrainingRows)
    request = sound._replace(data=sound.data._replace(targets=[True, *[False] * 39]))
    with FitChild(request.to_bytes(), str(tmp_path)) as child:
        assert child.ended.wait(60)
        result = child.result()
    assert isinstance(result, RequestRefused)
    assert result.error["code"] == "invalid_input"
    assert result.error["faults"]
    json.dumps(result.error)


def test_leaving_ends_a_fit_that_is_under_way(tmp_path: Path) -> None:
    with FitChild(_request(20_000, 20).to_bytes(), str(tmp_path)) as child:
        while child.phase == "starting":
            assert not child.ended.wait(0.01)
    assert child.ended.is_set()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process's memory")
@pytest.mark.parametrize("mebibytes", [240, 80], ids=["while splitting", "while importing"])
def test_a_fit_that_allocates_past_its_limit_ends_alone(tmp_path: Path, mebibytes: int) -> None:
    """The request alone is 20 MiB and is held several times over; numpy is refused what it asks for."""
    request = _wide_request(rows=50_000, columns=50)
    with FitChild(request.to_bytes(), str(tmp_path), memory=mebibytes << 20) as child:
        assert child.ended.wait(60)
        assert child.result() == OutOfMemory()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.abort()", "the fitting process crashed with signal 6 (Aborted) (phase: fitting)"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "the fitting process was killed from outside by signal 9 (Killed) (phase: fitting)",
        ),
        ("os._exit(1)", "the fitting process ended with status 1 and without a result (phase: fitting)"),
    ],
    ids=["aborts", "is killed", "exits"],
)
def test_a_fit_that_dies_says_how_and_in_what_and_nothing_of_memory(
    tmp_path: Path, body: str, reason: str
) -> None:
    assert _result_of(body, tmp_path) == Broken("trainer_died", reason)


@pytest.mark.parametrize("error", ["TypeError", "ValueError", "KeyError", "RecursionError", "SystemExit"])
def test_an_error_in_a_fit_is_a_defect_that_is_told_without_its_message(tmp_path: Path, error: str) -> None:
    result = _result_of(f"raise {error}('secret 17')", tmp_path)
    assert isinstance(result, Defect)
    assert result.traceback.startswith(error)
    assert "fit_process.py" in result.traceback
    assert "secret" not in result.traceback


def test_a_fit_whose_numbers_overflow_is_refused(tmp_path: Path) -> None:
    result = _result_of("raise ValueError('Input X contains infinity')", tmp_path)
    assert isinstance(result, RequestRefused)
    assert "rescale" in result.error["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process's memory")
def test_a_crash_of_libsvm_that_is_refused_memory_is_for_memory(tmp_path: Path) -> None:
    """It does not look at whether it was given what it asked for, and dies of that.

    How much the child had held is known where its parent is smaller, as a trainer is. How much it may hold
    so that it gets as far as that, and no further, depends on what the libraries take.
    """
    told: list[list[bytes]] = []
    while [b"-11", b"OutOfMemory()"] not in told:
        megabytes = 260 + 15 * len(told)
        done = subprocess.run(
            [sys.executable, "-c", SMALL_PARENT, str(tmp_path), str(megabytes << 20)],
            cwd=ROOT,
            input=_request(6_000, 20).to_bytes(),
            capture_output=True,
            timeout=60,
            check=True,
        )
        told.append(done.stdout.split())
        assert told[-1][1:] == [b"OutOfMemory()"]


def test_a_fit_ends_at_its_deadline_even_when_nobody_looks(tmp_path: Path) -> None:
    request = _request(20_000, 20).to_bytes()
    with FitChild(request, str(tmp_path), deadline=time.time() + 0.5) as child:
        assert child.ended.wait(60)
        assert child.result() == OutOfTime()


def test_a_fit_whose_disk_is_full_says_so(tmp_path: Path) -> None:
    """A bound on the size of files is the nearest thing to a full disk that needs no privilege."""
    with FitChild(_request(40).to_bytes(), str(tmp_path), _WITHOUT_DISK) as child:
        assert child.ended.wait(60)
        assert child.result() == OutOfDisk()


def test_a_fit_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Nor does it write anything more: the folder is as it was when the parent died."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(_request(20_000, 20).to_bytes())
    parent.stdin.close()
    parent.stdin = None
    child = int(parent.stdout.readline())
    parent.kill()
    rest, _ = parent.communicate(timeout=30)
    assert rest == b""
    wait_until_dead(child)
    assert set(os.listdir(tmp_path)) <= {"request"}


def _wide_request(rows: int, columns: int) -> TrainingRequest:
    return TrainingRequest(
        algorithm="kmeans",
        hyperparameters={"n_clusters": 2},
        data=TrainingRows(
            rows=Rows(array("d", range(rows * columns)).tobytes(), columns),
            features=tuple(f"x{number}" for number in range(columns)),
            targets=None,
        ),
        test_fraction=0.2,
        seed=0,
    )
