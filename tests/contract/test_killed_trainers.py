"""Trainers killed on purpose, stores made to fail: at every step of a job there is afterwards one version.

On the folder and S3 every point is tried, on the other clouds every fourth (conftest.py).
"""

import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ml_core.errors import Unavailable
from ml_core.jobs.context import PollIntervals
from ml_core.jobs.jobs import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job
from ml_core.jobs.leases import LOST, MOST_ATTEMPTS
from ml_core.jobs.sweep import Swept
from ml_core.jobs.trainer import Outcome, run_job
from ml_core.objects import Opened
from ml_core.ports import ObjectStore
from ml_core.registry.registry import artifact_key
from ml_core.registry.versions import Versions
from ml_core.sandbox.memory import FunctionMemory
from tests.contract.bench import Bench
from tests.contract.faults import (
    QUICK,
    Fault,
    FaultyStore,
    do_twice,
    fail_before,
    lose_answer,
)
from tests.contract.places import Forks, Place

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.matrix

# Operations of a trainer on the store, from claiming a job to removing its input; looks add more. With rows
# in the request they are the same as with a table, but for fetching it, a look at its budget and writing down
# what is made of it. To register is the same but for where the file is: some of them have to do. To score is
# the same but for what is registered. What the child process does then is in test_scored_tables.py.
ROWS, TABLE, SCORE = 16, 28, 12
OPERATIONS = [("rows", nth) for nth in range(1, ROWS + 1, 3)]
OPERATIONS += [("table", nth) for nth in range(1, TABLE + 1)]
OPERATIONS += [("artifact", nth) for nth in range(7, 21, 7)]
OPERATIONS += [("score", nth) for nth in range(1, SCORE + 1, 4)]
STEPS = ("start", "fitting", "half", "artifact", "manifest")  # of the fitting process
FAULTS = (fail_before, lose_answer, do_twice)
POINTS = len(OPERATIONS) * (2 * 2 + 2 * len(FAULTS) + 1) + 2 * 2 * len(STEPS)


class Killing(NamedTuple):
    """A store, processes to kill that start at once, and a folder for what they leave."""

    place: Place
    forks: Forks
    folder: str

    def train(self, job: Job, nth: int = 0, moment: str = "never", *, ahead: float = 0.0) -> int:
        """Have a process, whose clock is `ahead`, run the job; how it ended."""
        return self.forks.run(self.place, "train", job.id, str(nth), moment, self.folder, str(ahead))


@pytest.fixture
def killing(place: Place, forks: Forks, tmp_path: Path) -> Killing:
    return Killing(place, forks, str(tmp_path))


@pytest.fixture
def bench(store: ObjectStore) -> Bench:
    return Bench(store)


def test_there_are_at_least_200_points() -> None:
    assert POINTS >= 200


@pytest.mark.parametrize("rescue", ["delivery", "sweep"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("data", "nth"), OPERATIONS)
def test_a_trainer_killed_at_any_operation_leaves_a_job_that_succeeds(
    killing: Killing, data: str, nth: int, moment: str, rescue: str
) -> None:
    """SIGKILL around each operation on the store; the next delivery or a sweep brings one version."""
    bench = Bench(killing.place.open())
    job = bench.submit_with(data)
    assert killing.train(job, nth, moment) == -signal.SIGKILL
    bench.queue.messages.clear()
    bench.clock.ahead = 3600
    if rescue == "sweep":
        bench.sweep()
        assert set(bench.queue.messages) <= {job.id}
        assert bool(bench.queue.messages) == (not bench.jobs.get(job.id).over)
    bench.deliver_until_over(job)
    bench.check_one_end(job)
    assert bench.sweep() == Swept()


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for-ever"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("data", "nth"), OPERATIONS)
def test_a_store_that_fails_or_answers_twice_at_any_operation_costs_no_job(
    bench: Bench, data: str, nth: int, fault: Fault, *, lasting: bool
) -> None:
    job = bench.submit_with(data)
    outcome = _run(bench, job.id, FaultyStore(bench.store, nth, fault, lasting=lasting))
    assert outcome.defer is not None or bench.jobs.get(job.id).over, "only a job that is over is acknowledged"
    bench.clock.ahead = 3600
    bench.deliver_until_over(job)
    bench.check_one_end(job)


@pytest.mark.parametrize(("data", "nth"), OPERATIONS)
def test_a_store_so_slow_that_the_lease_runs_out_makes_no_second_version(
    bench: Bench, data: str, nth: int
) -> None:
    """While one operation hangs, another trainer takes over and ends the job."""
    job = bench.submit_with(data)

    def hang(operation: object) -> object:
        bench.clock.ahead += 3600
        bench.deliver_until_over(job)
        assert callable(operation)
        return operation()

    # it does not look, so it does not renew, and does not notice
    _run(bench, job.id, FaultyStore(bench.store, nth, hang), intervals=QUICK._replace(poll_interval=60.0))
    bench.deliver_until_over(job)
    bench.check_one_end(job)


@pytest.mark.parametrize("victim", ["fit", "trainer"])
@pytest.mark.parametrize("data", ["rows", "table"])
@pytest.mark.parametrize("step", STEPS)
def test_a_fit_or_its_trainer_killed_at_any_step_of_the_fit_costs_one_attempt(
    killing: Killing, step: str, data: str, victim: str
) -> None:
    bench = Bench(killing.place.open())
    wanted = {"victim": victim, "at": step, "marker": os.path.join(killing.folder, "killed")}
    job = bench.submit(**wanted) if data == "rows" else bench.submit_table(**wanted)
    assert killing.train(job) == (-signal.SIGKILL if victim == "trainer" else 0)
    if victim == "fit":
        assert os.listdir(killing.folder) == ["killed"], "nothing is left on the disk"
    bench.clock.ahead = 3600
    done = bench.deliver_until_over(job)
    assert len(done.attempts) == 2
    assert (LOST if victim == "trainer" else "killed from outside") in done.attempts[0]["reason"]
    bench.check_one_version(job)


@pytest.mark.parametrize("ahead", [-3600.0, -30.0, 30.0, 3600.0])
def test_trainers_whose_clocks_differ_make_one_version(place: Place, ahead: float) -> None:
    """One whose clock is ahead takes the job over though its lease lives; the other notices and stops."""
    bench = Bench(place.open())
    job = bench.submit_table(sleep=0.3)
    skewed = Bench(place.open())
    skewed.clock.ahead = ahead
    outcomes: list[Outcome] = []
    trainers = [
        threading.Thread(target=lambda mine=mine: outcomes.append(mine.deliver(job)))
        for mine in (bench, skewed)
    ]
    trainers[0].start()
    while bench.jobs.get(job.id).state not in {RUNNING, SUCCEEDED}:
        pass
    trainers[1].start()
    for trainer in trainers:
        trainer.join()
    bench.clock.ahead = 2 * 3600
    bench.deliver_until_over(job)
    assert bench.registry.model("iris").versions[0].job == job.id
    bench.check_one_version(job)


@pytest.mark.parametrize("seed", range(3))
def test_trainers_killed_at_random_while_four_promote(place: Place, tmp_path: Path, seed: int) -> None:
    """Whole trainers and their fits die at random times; four processes move two aliases all the while."""
    chance = random.Random(seed)  # noqa: S311 - chance
    bench = Bench(place.open())
    instructions = {"sleep": 0.05}
    jobs = [bench.submit(**instructions) for _ in range(4)]
    jobs += [bench.submit_table(**instructions) for _ in range(4)]
    promoters = [
        place.process("promote", "iris", alias, f"{seed}-{number}")
        for number, alias in enumerate(["production", "production", "canary", "canary"])
    ]
    try:
        for promoter in promoters:
            _tell(promoter)
        kills = _kill_until_over(place, bench, [job.id for job in jobs], str(tmp_path), chance)
        counts = [json.loads(promoter.communicate("stop\n", timeout=60)[0]) for promoter in promoters]
    finally:
        for promoter in promoters:
            promoter.kill()
    assert kills > 0
    assert all(written > 0 for written, _ in counts)

    ended = [bench.jobs.get(job.id) for job in jobs]
    assert all(job.over for job in ended), "no job is lost"
    document = bench.registry.model("iris")
    made = {version.job: version.version for version in document.versions}
    assert made == {job.id: job.version for job in ended if job.state == SUCCEEDED}, "none twice, none half"
    assert sorted(made.values()) == list(range(1, len(made) + 1))
    for version in document.versions:
        assert Versions(bench.registry).get("iris", version.version)["sha256"] == version.sha256
        assert len(bench.store.get(artifact_key(version.job)).data) == version.size
    for job in ended:
        assert job.state == SUCCEEDED or (job.state == FAILED and len(job.attempts) >= MOST_ATTEMPTS), job
    assert {alias.alias for alias in document.aliases} == {"production", "canary"}
    assert {alias.version for alias in document.aliases} <= set(made.values())


def test_a_function_killed_each_time_says_where_the_cause_is_told(killing: Killing) -> None:
    """As a platform does that counts memory for trainer and fit together: nobody is left to tell."""
    bench = Bench(killing.place.open())
    job = bench.submit(victim="trainer", at="fitting")
    for attempt in range(MOST_ATTEMPTS):
        assert killing.train(job, ahead=bench.clock.ahead) == -signal.SIGKILL
        bench.expire_leases()
        if attempt < MOST_ATTEMPTS - 1:
            assert bench.sweep().sent == 1
    assert bench.sweep().ended == 1
    ended = bench.jobs.get(job.id)
    assert ended.error is not None
    assert (ended.state, ended.error["code"], len(ended.attempts)) == (FAILED, "trainer_died", MOST_ATTEMPTS)
    assert LOST in ended.error["message"]


def test_a_fit_that_allocates_past_its_limit_fails_at_once_and_says_the_way_out(bench: Bench) -> None:
    job = bench.submit(allocate=300 << 20)
    memory = FunctionMemory(_resident() + (100 << 20))
    run_job(job.id, bench.context(bench.store)._replace(memory=memory))
    ended = bench.jobs.get(job.id)
    assert ended.error is not None
    assert (ended.state, ended.error["code"], len(ended.attempts)) == (FAILED, "out_of_memory", 1)
    assert "of data did not fit into the" in ended.error["message"]
    assert "give the train function more memory" in ended.error["message"]


def test_data_that_the_disk_does_not_hold_is_refused_and_nothing_is_left(killing: Killing) -> None:
    """A bound on the size of files is the nearest thing to a full disk that needs no privilege."""
    bench = Bench(killing.place.open())
    job = bench.submit_table()
    assert killing.forks.run(killing.place, "train_on_a_small_disk", job.id, killing.folder) == 0
    ended = bench.jobs.get(job.id)
    assert ended.error is not None
    assert (ended.state, ended.error["code"], len(ended.attempts)) == (FAILED, "disk_full", 1)
    assert "more disk" in ended.error["message"]
    assert os.listdir(killing.folder) == []


def test_a_trainer_whose_store_hangs_while_it_fetches_fails_in_time(bench: Bench) -> None:
    """The watch does not wait for the store, which does not answer before the platform would kill."""
    job, over = bench.submit_table(), threading.Event()

    class Hanging(FaultyStore):
        def opened(self, key: str) -> Opened:
            over.wait(30)
            return super().opened(key)

    store = Hanging(bench.store, 0, fail_before)
    outcome = _run(bench, job.id, store, deadline=time.time() + QUICK.shutdown_grace + 2.0)
    over.set()
    assert outcome.job is not None
    assert outcome.job.error is not None
    assert outcome.job.error["code"] == "deadline_exceeded"
    assert "(phase: fetching" in outcome.job.error["message"]


def test_a_job_is_cancelled_or_given_back_while_its_data_is_still_on_the_way(bench: Bench) -> None:
    """The store hangs; nobody waits for it."""
    job, over, stopping = bench.submit_table(), threading.Event(), threading.Event()

    class Hanging(FaultyStore):
        def opened(self, key: str) -> Opened:
            if stopping.is_set():
                bench.jobs.cancel(job.id)
            stopping.set()
            over.wait(30)
            return super().opened(key)

    def run(asked_to_stop: threading.Event) -> Outcome:
        store = Hanging(bench.store, 0, fail_before)
        return run_job(job.id, bench.context(store)._replace(stopping=asked_to_stop))

    back = run(stopping).job
    assert back is not None
    assert (back.state, [attempt["outcome"] for attempt in back.attempts]) == (QUEUED, ["interrupted"])
    cancelled = run(threading.Event()).job
    over.set()
    assert cancelled is not None
    assert cancelled.state == CANCELLED


def test_a_registration_that_hangs_past_the_deadline_is_finished_by_the_next(bench: Bench) -> None:
    """What is stored is not thrown away: the job goes back, and the next trainer fits nothing any more."""
    job, over = bench.submit(), threading.Event()

    class Hanging(FaultyStore):
        def put_if_absent(self, key: str, data: bytes) -> str:
            if key.startswith("models/"):
                over.wait(30)
                raise Unavailable("too late")
            return super().put_if_absent(key, data)

    store = Hanging(bench.store, 0, fail_before)
    hurried = QUICK._replace(shutdown_grace=1.0)
    outcome = _run(bench, job.id, store, intervals=hurried, deadline=time.time() + 3.0)
    over.set()
    assert outcome.defer is not None
    done = bench.deliver_until_over(job)
    assert [attempt["outcome"] for attempt in done.attempts] == ["failed", "succeeded"]
    bench.check_one_version(job)


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _run(
    bench: Bench,
    job_id: str,
    store: FaultyStore,
    *,
    intervals: PollIntervals = QUICK,
    deadline: float | None = None,
) -> Outcome:
    return run_job(job_id, bench.context(store)._replace(intervals=intervals, deadline=deadline))


def _kill_until_over(place: Place, bench: Bench, jobs: list[str], folder: str, chance: random.Random) -> int:
    """Two trainers work on the jobs; one of them, or its fit, is killed every now and then. The kills."""
    kills = 0
    trainers = [_trainer(place, folder, jobs) for _ in range(2)]
    while any(trainer.poll() is None for trainer in trainers):
        # The first time at once, and a trainer: the jobs could be done before chance has struck.
        threading.Event().wait(chance.uniform(0.05, 0.5) if kills else chance.uniform(0, 0.05))
        which = chance.randrange(len(trainers))
        fits = kills and chance.random() < 0.3
        victims = _fits_of(trainers[which].pid) if fits else [trainers[which].pid]
        for victim in victims:
            if trainers[which].poll() is None:
                os.kill(victim, signal.SIGKILL)
                kills += 1
        if trainers[which].poll() is not None or trainers[which].pid in victims:
            trainers[which].communicate()
            if not all(bench.jobs.get(job).over for job in jobs):
                trainers[which] = _trainer(place, folder, jobs)
    for trainer in trainers:
        trainer.communicate()
    return kills


def _trainer(place: Place, folder: str, jobs: list[str]) -> "subprocess.Popen[str]":
    trainer = place.process("work", folder, *jobs)
    assert trainer.stdout is not None
    assert trainer.stdout.readline() == "ready\n"
    return trainer


def _fits_of(trainer: int) -> list[int]:
    """The fitting process of a trainer, if it has one just now."""
    try:
        with open(f"/proc/{trainer}/task/{trainer}/children", encoding="ascii") as children:
            return [int(pid) for pid in children.read().split()]
    except OSError:
        return []


def _tell(promoter: "subprocess.Popen[str]") -> None:
    assert promoter.stdin is not None
    assert promoter.stdout is not None
    assert promoter.stdout.readline() == "ready\n"
    promoter.stdin.write("go\n")
    promoter.stdin.flush()
