"""Trainings that take longer than one delivery: they go on where they were, whatever happens in between.

However often a training is broken off, it ends with the bytes of one that never was, and with its history.
"""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_core.errors import Unavailable
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import CANCELLED, FAILED, QUEUED, SUCCEEDED, Job, checkpoint_key, job_key
from ml_core.jobs.leases import LOST, MOST_ATTEMPTS
from ml_core.jobs.sweep import Swept
from ml_core.jobs.trainer import Outcome, run_job
from ml_core.objects import Opened
from ml_core.ports import ObjectStore
from ml_core.registry.registry import artifact_key, manifest_key
from tests.contract.bench import TABLE, Bench
from tests.contract.faults import FaultyStore, fail_before
from tests.contract.places import Forks, Place

pytestmark = pytest.mark.matrix

STEPS = 4
# Operations on the store, from claiming the job on, of a delivery that hands over and of the one after it,
# which continues and ends the job; looks add more.
FIRST, LAST = 8, 18
OPERATIONS = [("first", nth) for nth in range(1, FIRST + 1)] + [("last", nth) for nth in range(1, LAST + 1)]
MOMENTS = [f"{moment}{step}" for step in range(1, STEPS + 1) for moment in ("step", "saved")]


@pytest.fixture
def bench(store: ObjectStore) -> Bench:
    return Bench(store)


def deliver_until_over(bench: Bench, job: Job, most: int = 20) -> Job:
    for _ in range(most):
        outcome = bench.deliver(job)
        if outcome.defer is None:
            assert outcome.job is not None
            return outcome.job
        bench.clock.ahead += outcome.defer + 1
    raise AssertionError(f"still not over: {bench.jobs.get(job.id)}")


def chain_of(request: bytes, steps: int) -> str:
    """What the stand-in computes in so many steps without a break."""
    chain = hashlib.sha256(request).hexdigest()
    for step in range(1, steps + 1):
        chain = hashlib.sha256(f"{chain}{step}".encode()).hexdigest()
    return chain


def check_whole(bench: Bench, job: Job, steps: int = STEPS) -> Job:
    """The job's version is what an uninterrupted training gives, with all of its history; nothing is left."""
    ended = bench.jobs.get(job.id)
    assert (ended.state, ended.version) == (SUCCEEDED, 1), (ended.error, ended.attempts)
    artifact = bench.store.get(artifact_key(job.id)).data
    request = artifact.removeprefix(b"artifact of ")[: -64 * (2 if bench.table else 1)]
    assert artifact.endswith(chain_of(request, steps).encode())
    (version,) = bench.registry.model("iris").versions
    assert version.sha256 == hashlib.sha256(artifact).hexdigest()
    whole = [{"done": step, "of": steps, "loss": 1 / step} for step in range(1, steps + 1)]
    assert json.loads(bench.store.get(manifest_key(job.id)).data)["metrics"]["history"] == whole
    assert ended.metrics == {"training": {"loss": 0.5}, "history": whole}
    bench.jobs.close(ended)
    assert left_of(bench, job) == []
    return ended


def left_of(bench: Bench, job: Job) -> list[str]:
    """What a job needs until it is over."""
    return [key for key in bench.stored() if key.startswith((f"jobs/{job.id}/", "open/"))]


def steps_told(job: Job) -> list[int]:
    assert job.metrics is not None
    return [entry["done"] for entry in job.metrics["history"]]


type Seen = Callable[[Job], object]


def deliver_until_kept(
    bench: Bench,
    job: Job,
    step: int,
    ends: threading.Event,
    look: Seen | None = None,
    *,
    stopping: bool = False,
) -> Outcome:
    """Deliver the job, until its document tells of the step and of a checkpoint: then `ends` is set.

    It ends the trainer's time, or asks the trainer to stop.
    """

    class Watched(FaultyStore):
        def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
            stored = super().put_if_unchanged(key, data, revision)
            if key == job_key(job.id):
                body = json.loads(data)
                if body.get("advanced_to") and body["metrics"]["history"][-1]["done"] >= step:
                    if look is not None and not ends.is_set():
                        look(bench.jobs.get(job.id))
                    ends.set()
            return stored

    class Ended(TrainerContext):
        def is_over(self, spare: float = 0.0) -> bool:
            return ends.is_set() and spare >= 0 and not stopping

    context = bench.context(Watched(bench.store, 0, fail_before))
    return run_job(job.id, Ended(*context._replace(stopping=ends if stopping else None)))


def outcomes(job: Job | None) -> list[str]:
    assert job is not None
    return [attempt["outcome"] for attempt in job.attempts]


class TestHandingOver:
    def test_a_fit_that_stops_by_itself_goes_on_at_once_and_costs_no_attempt(self, bench: Bench) -> None:
        job = bench.submit(steps=5, per_delivery=2)
        first = bench.deliver(job)
        assert first.job is not None
        assert (first.job.state, first.defer) == (QUEUED, 0.0)
        assert outcomes(first.job) == ["continued"]
        assert first.job.attempts[0]["reason"] == "continues at step 2 of 5"
        assert steps_told(first.job) == [1, 2]
        deliver_until_over(bench, job)
        check_whole(bench, job, 5)

    def test_any_number_of_deliveries_is_one_entry(self, bench: Bench) -> None:
        job = bench.submit_table(steps=9, per_delivery=1)
        ended = deliver_until_over(bench, job)
        check_whole(bench, job, 9)
        assert outcomes(ended) == ["continued", "succeeded"]
        assert ended.attempts[0]["times"] == 8
        assert ended.attempts[0]["reason"] == "continues at step 8 of 9"

    @pytest.mark.parametrize("stopping", [False, True])
    def test_a_fit_that_is_broken_off_goes_on_where_its_checkpoint_moved(
        self, bench: Bench, *, stopping: bool
    ) -> None:
        job = bench.submit(steps=STEPS, hang=3)
        seen: list[Job] = []
        outcome = deliver_until_kept(bench, job, 3, threading.Event(), seen.append, stopping=stopping)
        assert steps_told(seen[0]) == [1, 2, 3], "the job tells it while it runs"
        assert seen[0].percentage == 75.0
        assert outcome.defer == 0.0
        assert outcomes(outcome.job) == ["continued"]
        why = "the trainer was asked to stop" if stopping else "the time is over"
        assert bench.jobs.get(job.id).attempts[0]["reason"] == f"{why} (phase: fitting, 75 % done)"
        deliver_until_over(bench, job)
        check_whole(bench, job)

    def test_an_attempt_that_was_lost_does_not_count_where_the_checkpoint_moved(self, bench: Bench) -> None:
        """More often than attempts are counted: each trainer hangs, and another one takes the job over."""
        job, over, moved = bench.submit(steps=STEPS, hang=2), threading.Event(), threading.Event()
        lost = threading.Thread(
            target=deliver_until_kept, args=(bench, job, 2, over, lambda _: moved.set()), daemon=True
        )
        lost.start()
        moved.wait()
        bench.clock.ahead += 3600
        ended = deliver_until_over(bench, job)
        lost.join()
        assert outcomes(ended) == ["continued", "succeeded"]
        assert LOST in ended.attempts[0]["reason"]
        check_whole(bench, job)

    @pytest.mark.parametrize("kind", ["rows", "table"])
    def test_what_is_lost_after_every_step_never_spends_the_attempts(self, bench: Bench, kind: str) -> None:
        """The fit is killed from outside, each time, a step further on."""
        submit = bench.submit if kind == "rows" else bench.submit_table
        job = submit(steps=7, victim="fit", at="each")
        ended = deliver_until_over(bench, job)
        check_whole(bench, job, 7)
        assert outcomes(ended) == ["continued", "succeeded"]
        assert ended.attempts[0]["times"] == 6 > MOST_ATTEMPTS
        assert "killed from outside" in ended.attempts[0]["reason"]


class TestEnding:
    @pytest.mark.parametrize("wanted", [{"per_delivery": 0}, {"per_delivery": 2, "stuck": True}])
    def test_a_job_that_does_not_advance_ends_after_the_usual_attempts(
        self, bench: Bench, wanted: dict[str, object]
    ) -> None:
        job = bench.submit(steps=STEPS, **wanted)
        ended = deliver_until_over(bench, job)
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "deadline_exceeded")
        assert outcomes(ended) == ["failed"] * (MOST_ATTEMPTS - 1) + ["failed"]
        assert f"given up after {MOST_ATTEMPTS} attempts" in ended.error["message"]
        assert "raise the train function's timeout" in ended.error["message"]

    def test_one_that_advanced_before_ends_as_well(self, bench: Bench) -> None:
        job = bench.submit(steps=STEPS, per_delivery=1)
        bench.deliver(job)

        class NoCheckpoints(FaultyStore):
            def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
                if key == checkpoint_key(job.id):
                    raise Unavailable("no room")
                return super().put_if_unchanged(key, data, revision)

        context = bench.context(NoCheckpoints(bench.store, 0, fail_before))
        for _ in range(MOST_ATTEMPTS):
            run_job(job.id, context)
        ended = bench.jobs.get(job.id)
        assert ended.state == FAILED
        assert outcomes(ended) == ["continued"] + ["failed"] * MOST_ATTEMPTS
        assert "the store has no further checkpoint" in ended.attempts[-2]["reason"]
        assert steps_told(ended) == [1, 2], "how far it was is told"
        assert left_of(bench, job) == []

    def test_time_that_is_over_before_the_fit_ends_no_job_that_advanced(self, bench: Bench) -> None:
        """Its data takes long to come, for once."""
        job = bench.submit_table(steps=STEPS, per_delivery=2)
        bench.deliver(job)
        over = threading.Event()

        class Slow(FaultyStore):
            def opened(self, key: str) -> Opened:  # noqa: ARG002 - the store's
                over.set()
                raise Unavailable("too late")

        class Ended(TrainerContext):
            def is_over(self, spare: float = 0.0) -> bool:
                return spare == 0 and over.wait(30)

        outcome = run_job(job.id, Ended(*bench.context(Slow(bench.store, 0, fail_before))))
        assert outcomes(outcome.job) == ["continued", "failed"]
        deliver_until_over(bench, job)
        check_whole(bench, job)

    def test_it_is_continued_for_so_many_hours(self, bench: Bench) -> None:
        job = bench.submit(steps=STEPS, per_delivery=1)
        context = bench.context(bench.store)
        assert run_job(job.id, context._replace(train_hours=1e-9)).defer is None
        ended = bench.jobs.get(job.id)
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "deadline_exceeded")
        assert "the 1e-09 hours of ML_TRAIN_HOURS (continues at step 1 of 4)" in ended.error["message"]
        assert ended.error["message"].endswith("raise ML_TRAIN_HOURS")

    @pytest.mark.parametrize("wanted", [{"steps": STEPS, "hang": 1}, {"sleep": 600}])
    def test_all_deliveries_together_take_as_long_as_the_request_says(
        self, bench: Bench, wanted: dict[str, object]
    ) -> None:
        """Whatever the algorithm: also one that has no checkpoints is ended."""
        request = {"algorithm": "quick", "max_seconds": 30}
        job = bench.jobs.submit("iris", json.dumps(wanted).encode(), request)
        document = json.loads(bench.store.get(job_key(job.id)).data)
        bench.store.write_stream(job_key(job.id), [json.dumps({**document, "trained": 29.7}).encode()])
        ended = bench.deliver(job).job
        assert ended is not None
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "deadline_exceeded")
        assert "did not end within the 30 seconds of max_seconds (phase: " in ended.error["message"]
        assert ended.error["message"].endswith("raise max_seconds")
        assert left_of(bench, job) == []

    @pytest.mark.parametrize("under_way", [False, True])
    def test_it_is_cancelled_in_between_and_while_it_runs(self, bench: Bench, *, under_way: bool) -> None:
        job = bench.submit(steps=STEPS, hang=2, **({} if under_way else {"per_delivery": 1}))
        if under_way:
            deliver_until_kept(bench, job, 2, threading.Event(), lambda _: bench.jobs.cancel(job.id))
        else:
            bench.deliver(job)
            bench.jobs.cancel(job.id)
        ended = deliver_until_over(bench, job)
        assert ended.state == CANCELLED
        assert bench.keys() == [f"ended/cancelled/{job.id}", f"jobs/{job.id}.json"]

    def test_data_that_changed_in_between_fail_the_job(self, bench: Bench) -> None:
        job = bench.submit_table(steps=STEPS, per_delivery=2)
        bench.deliver(job)
        bench.store.write_stream(TABLE, [bench.table, b"1.5,2.5,no\n"])
        ended = bench.deliver(job).job
        assert ended is not None
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "data_changed")
        assert ended.error["message"].startswith("dataset://table/")
        assert left_of(bench, job) == []


class TestCheckpoints:
    @pytest.mark.parametrize(
        "damage",
        [
            lambda _: b"",
            lambda data: data[:-1],
            lambda data: data[:20],
            lambda data: data + b"0",
            lambda _: b"{}",
        ],
    )
    def test_one_that_is_damaged_is_not_continued(
        self, bench: Bench, damage: Callable[[bytes], bytes]
    ) -> None:
        job = bench.submit(steps=STEPS, per_delivery=2)
        bench.deliver(job)
        found = bench.store.get(checkpoint_key(job.id)).data
        bench.store.write_stream(checkpoint_key(job.id), [damage(found)])
        assert steps_told(deliver_once(bench, job)) == [1, 2], "from the beginning"
        deliver_until_over(bench, job)
        check_whole(bench, job)

    def test_one_of_another_release_is_not_continued(self, bench: Bench) -> None:
        job = bench.submit(steps=STEPS, per_delivery=2)
        run_job(job.id, bench.context(bench.store)._replace(release="0.0.1"))
        assert steps_told(deliver_once(bench, job)) == [1, 2], "from the beginning"
        deliver_until_over(bench, job)
        check_whole(bench, job)

    def test_one_that_the_store_lost_is_begun_anew(self, bench: Bench) -> None:
        job = bench.submit(steps=STEPS, per_delivery=3)
        bench.deliver(job)
        bench.store.delete(checkpoint_key(job.id))
        deliver_until_over(bench, job)
        check_whole(bench, job)

    def test_a_put_that_fails_once_is_tried_again(self, bench: Bench) -> None:
        job = bench.submit(steps=STEPS, per_delivery=2)
        failed: list[str] = []

        class FailsOnce(FaultyStore):
            def put_if_absent(self, key: str, data: bytes) -> str:
                if key == checkpoint_key(job.id) and not failed:
                    failed.append(key)
                    raise Unavailable("for once")
                return super().put_if_absent(key, data)

        context = bench.context(FailsOnce(bench.store, 0, fail_before))
        assert outcomes(run_job(job.id, context).job) == ["continued"]
        assert failed
        deliver_until_over(bench, job)
        check_whole(bench, job)

    def test_one_that_is_left_over_is_removed_by_a_sweep(self, bench: Bench) -> None:
        """A trainer that lost its job may still have put one when the job was over."""
        job = bench.submit()
        assert bench.deliver(job).defer is None
        bench.store.put_if_absent(checkpoint_key(job.id), b"late")
        bench.sweep()
        bench.check_one_version(job)
        assert bench.sweep() == Swept()

    def test_one_without_a_job_is_removed_with_its_input(self, bench: Bench) -> None:
        job = bench.submit(steps=STEPS, per_delivery=2)
        bench.deliver(job)
        bench.store.delete(job_key(job.id))
        bench.clock.ahead += 2 * 86_400
        bench.sweep()
        bench.sweep()
        assert bench.keys() == []


def deliver_once(bench: Bench, job: Job) -> Job:
    delivered = bench.deliver(job).job
    assert delivered is not None
    return delivered


class TestKilled:
    """SIGKILL before each operation on the store, and at each step of the fit."""

    @pytest.mark.parametrize(("delivery", "nth"), OPERATIONS)
    def test_a_trainer_killed_at_any_operation_costs_no_step(
        self, place: Place, forks: Forks, tmp_path: Path, delivery: str, nth: int
    ) -> None:
        bench = Bench(place.open())
        job = bench.submit(steps=STEPS, per_delivery=2)
        if delivery == "last":
            bench.deliver(job)
        assert forks.run(place, "train", job.id, str(nth), "before", str(tmp_path)) == -signal.SIGKILL
        bench.clock.ahead = 3600
        deliver_until_over(bench, job)
        check_whole(bench, job)
        bench.sweep()
        assert bench.sweep() == Swept()

    @pytest.mark.parametrize("nth", range(5, 21, 4))
    def test_a_trainer_killed_while_it_stores_checkpoints_costs_no_step(
        self, place: Place, forks: Forks, tmp_path: Path, nth: int
    ) -> None:
        bench = Bench(place.open())
        job = bench.submit(steps=12, pause=0.03)
        forks.run(place, "train", job.id, str(nth), "before", str(tmp_path))
        bench.clock.ahead = 3600
        deliver_until_over(bench, job)
        check_whole(bench, job, 12)

    @pytest.mark.parametrize("victim", ["fit", "trainer"])
    @pytest.mark.parametrize("nth", range(len(MOMENTS)))
    def test_a_fit_or_its_trainer_killed_at_any_step_costs_none(
        self, place: Place, forks: Forks, tmp_path: Path, victim: str, nth: int
    ) -> None:
        bench = Bench(place.open())
        marker = os.path.join(tmp_path, "killed")
        job = bench.submit(steps=STEPS, victim=victim, at=MOMENTS[nth], marker=marker)
        status = forks.run(place, "train", job.id, "0", "never", str(tmp_path))
        assert status == (-signal.SIGKILL if victim == "trainer" else 0)
        bench.clock.ahead = 3600
        ended = deliver_until_over(bench, job)
        if victim == "fit" and MOMENTS[nth] != "step1":
            assert outcomes(ended) == ["continued", "succeeded"], "the trainer was there to store it"
        check_whole(bench, job)
