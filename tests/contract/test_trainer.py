"""A job on its way to its end, on every store, whatever happens to its trainer."""

import json
import signal
import threading
import time

import pytest

from ml_core.errors import DocumentDamaged, Unavailable
from ml_core.inputs.instances import rows_from_json
from ml_core.inputs.rows import Limits
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job, Jobs
from ml_core.jobs.leases import LOST, MOST_ATTEMPTS, claim, counted_attempts
from ml_core.jobs.sweep import Swept, sweep
from ml_core.jobs.trainer import Outcome, fail_dead_lettered, run_job
from ml_core.ports import ObjectStore
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.versions import Versions
from ml_core.serving import Models
from ml_core.training.notebook import check_request
from tests.contract.bench import Bench
from tests.contract.faults import (
    QUICK,
    FaultyStore,
    RememberingQueue,
    fail_before,
    lose_answer,
)
from tests.contract.places import Place

DAY = 86_400.0


@pytest.fixture
def bench(store: ObjectStore) -> Bench:
    return Bench(store)


class TestEnding:
    def test_a_job_succeeds_with_a_version(self, bench: Bench) -> None:
        job = bench.submit()
        outcome = bench.deliver(job)
        assert outcome.defer is None
        assert outcome.job == bench.jobs.get(job.id)
        assert outcome.job.warnings == ["quick"]
        assert outcome.job.finished is not None
        bench.check_one_version(job)

    def test_each_job_gets_a_version(self, bench: Bench) -> None:
        versions = []
        for _ in range(3):
            ended = bench.deliver(bench.submit()).job
            assert ended is not None
            versions.append(ended.version)
        assert versions == [1, 2, 3]

    def test_a_request_that_is_at_fault_fails_at_once(self, bench: Bench) -> None:
        faults = [{"path": "$.targets", "message": "one class only"}]
        error = {"code": "invalid_input", "message": "$.targets: one class only", "faults": faults}
        outcome = bench.deliver(bench.submit(error=error))
        assert outcome.defer is None
        assert outcome.job is not None
        assert (outcome.job.state, outcome.job.error) == (FAILED, error)
        assert len(outcome.job.attempts) == 1

    def test_an_unforeseen_error_tells_callers_nothing(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        job = bench.submit(error={"code": "internal", "traceback": "Traceback: secret row 17"})
        ended = bench.deliver(job).job
        assert ended is not None
        assert ended.error is not None
        assert (ended.state, ended.error["code"], len(ended.attempts)) == (FAILED, "internal", 1)
        assert f"under job {job.id}" in ended.error["message"]
        assert "secret" not in json.dumps(ended)
        assert f"job {job.id}" in caplog.text
        assert "secret row 17" in caplog.text

    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            ({"kill": signal.SIGKILL}, "killed from outside by signal 9"),
            ({"kill": signal.SIGSEGV}, "crashed with signal 11"),
            ({"kill": signal.SIGABRT}, "crashed with signal 6"),
            ({"kill": signal.SIGKILL, "phase": "reading"}, "killed from outside by signal 9"),
            ({"kill": signal.SIGABRT, "phase": "reading"}, "crashed with signal 6"),  # the request's own rows
            ({"status": 3}, "ended with status 3"),
            ({"status": 1}, "ended with status 1"),
        ],
    )
    def test_a_fit_that_dies_is_tried_again_and_then_given_up(
        self, bench: Bench, request_: dict[str, object], reason: str
    ) -> None:
        job = bench.submit(**request_)
        outcome = bench.deliver(job)
        assert outcome.job is not None
        assert (outcome.job.state, outcome.defer) == (QUEUED, QUICK.retry)
        ended = bench.deliver_until_over(job)
        assert ended.state == FAILED
        assert len(ended.attempts) == MOST_ATTEMPTS
        assert all(reason in attempt["reason"] for attempt in ended.attempts)
        assert ended.error is not None
        assert reason in ended.error["message"]
        assert "memory" not in ended.error["message"], "there is no sign of that"
        assert f"given up after {MOST_ATTEMPTS} attempts" in ended.error["message"]
        assert bench.keys() == [f"ended/failed/{job.id}", f"jobs/{job.id}.json"]

    @pytest.mark.parametrize(
        "instructions",
        [
            {"kill": signal.SIGABRT},
            {"kill": signal.SIGSEGV, "say": "thread '<unnamed>' panicked at src/lib.rs:1:2:\nsecret row 17"},
            {"status": 1},
            {"error": {"code": "unreadable", "traceback": "TypeError"}},
        ],
    )
    def test_a_reader_that_fails_at_a_file_is_the_files_fault_at_once(
        self, bench: Bench, instructions: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        job = bench.submit_table(phase="reading", **instructions)
        ended = bench.deliver(job).job
        assert ended is not None
        assert ended.error is not None
        assert (ended.state, ended.error["code"], len(ended.attempts)) == (FAILED, "malformed_input", 1)
        assert ended.error["message"].startswith("the file cannot be read: the reader ")
        assert "memory" not in ended.error["message"]
        assert job.id in caplog.text or "say" not in instructions
        assert "secret" not in caplog.text

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"error": {"code": "out_of_memory"}}, "out_of_memory"),
            # how libraries end that get no memory
            ({"say": "memory allocation of 73728 bytes failed", "kill": signal.SIGABRT}, "out_of_memory"),
            ({"say": "OpenBLAS error: Memory allocation still failed", "status": 1}, "out_of_memory"),
            ({"kill": signal.SIGALRM}, "deadline_exceeded"),  # how the child ends when its parent is stuck
            ({"error": {"code": "disk_full"}}, "disk_full"),
        ],
    )
    def test_what_another_attempt_would_not_change_fails_at_once_and_says_the_way_out(
        self, bench: Bench, request_: dict[str, object], code: str
    ) -> None:
        ended = bench.deliver(bench.submit(**request_)).job
        assert ended is not None
        assert ended.error is not None
        assert (ended.state, ended.error["code"], len(ended.attempts)) == (FAILED, code, 1)
        assert "fewer rows" in ended.error["message"] or "Parquet" in ended.error["message"]

    def test_a_fit_that_cannot_end_in_time_fails_before_the_platform_kills_it(self, bench: Bench) -> None:
        outcome = bench.deliver(bench.submit(sleep=60), deadline=time.time() + 10.5)
        assert outcome.defer is None
        assert outcome.job is not None
        assert outcome.job.error is not None
        assert outcome.job.error["code"] == "deadline_exceeded"
        assert "(phase: fitting, 50 % done)" in outcome.job.error["message"]
        assert "fewer rows" in outcome.job.error["message"]

    def test_a_job_that_comes_when_hardly_any_time_is_left_waits_for_the_next_trainer(
        self, bench: Bench
    ) -> None:
        """That is no attempt; but a platform that never gives enough is told so."""
        job = bench.submit()
        for _ in range(2):
            outcome = bench.deliver(job, deadline=time.time() + 10.1)
            assert outcome.job is not None
            assert (outcome.job.state, outcome.defer) == (QUEUED, QUICK.retry)
        bench.deliver(job)
        bench.check_one_version(job)
        assert counted_attempts(bench.jobs.get(job.id).attempts) == 1
        another = bench.submit()
        for _ in range(4):
            bench.deliver(another, deadline=time.time() + 10.1)
        ended = bench.jobs.get(another.id)
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "deadline_exceeded")

    def test_a_real_model_is_trained_registered_and_served(self, bench: Bench) -> None:
        rows = [[number % 7 / 3, number % 5 - 2.5] for number in range(60)]
        body = {
            "algorithm": "logistic_regression",
            "instances": rows,
            "targets": ["high" if first + second > 0 else "low" for first, second in rows],
        }
        request = check_request(body, Limits())
        job = bench.jobs.submit("signs", request.to_bytes(), request.summary())
        ended = run_job(job.id, TrainerContext(bench.jobs, bench.registry)).job
        assert ended is not None
        assert (ended.state, ended.error) == (SUCCEEDED, None)
        assert Versions(bench.registry).get("signs", 1)["classes"] == ["high", "low"]
        served = Models(bench.store).resolve("signs")
        asked = rows_from_json([[2.0, 2.0], [-2.0, -2.0]], features=served.model.features, limits=Limits())
        assert served.model.predict_rows(asked)["label"] == ["high", "low"]

    def test_what_a_fit_prints_besides_its_progress_does_no_harm(self, bench: Bench) -> None:
        job = bench.submit(print='[1]\n{"phase": 3}\n\x00\xff')
        bench.deliver(job)
        bench.check_one_version(job)


class TestHolding:
    def test_a_message_that_meets_a_live_lease_is_deferred(self, bench: Bench) -> None:
        job = bench.submit()
        claimed = claim(bench.jobs, job.id, 30)
        outcome = bench.deliver(job)
        assert outcome.job is not None
        assert outcome.job.state == RUNNING
        assert outcome.defer == pytest.approx(31, abs=5)
        assert len(outcome.job.attempts) == 1, "a deferral is no attempt"
        assert claimed.lease is not None
        claimed.lease.renew("fitting", 12.5)
        assert bench.jobs.get(job.id).percentage == 12.5

    def test_a_lease_that_ran_out_is_taken_over(self, bench: Bench) -> None:
        job = bench.submit()
        claim(bench.jobs, job.id, 30)
        bench.clock.ahead = 31
        outcome = bench.deliver(job)
        assert outcome.job is not None
        assert [attempt["outcome"] for attempt in outcome.job.attempts] == ["lost", "succeeded"]
        assert outcome.job.attempts[0]["reason"].startswith(LOST)
        bench.check_one_version(job)

    def test_of_trainers_that_are_told_at_once_one_fits(self, place: Place) -> None:
        bench = Bench(place.open())
        job = bench.submit(sleep=0.2)
        outcomes: list[Outcome] = []
        trainers = [
            threading.Thread(target=lambda: outcomes.append(Bench(place.open()).deliver(job)))
            for _ in range(4)
        ]
        for trainer in trainers:
            trainer.start()
        for trainer in trainers:
            trainer.join()
        assert [outcome.defer is None for outcome in outcomes].count(True) == 1
        assert len(bench.jobs.get(job.id).attempts) == 1
        bench.check_one_version(job)

    def test_a_lease_is_renewed_and_progress_written_with_it(self, bench: Bench) -> None:
        """A fit that takes longer than its lease keeps the job, and everybody sees how far it is."""
        job = bench.submit(sleep=1.2)
        intervals = QUICK._replace(lease=0.5, renewal=0.1)
        trainer = threading.Thread(target=bench.deliver, args=(job,), kwargs={"intervals": intervals})
        trainer.start()
        seen = set()
        while trainer.is_alive():
            found = bench.jobs.get(job.id)
            seen.add((found.phase, found.percentage))
            assert found.state == QUEUED or claim(bench.jobs, job.id).lease is None
            trainer.join(0.02)
        assert ("fitting", 50.0) in seen
        bench.check_one_version(job)

    def test_a_trainer_that_lost_its_lease_changes_nothing_any_more(self, bench: Bench) -> None:
        job = bench.submit(sleep=60)
        trainer = threading.Thread(target=bench.deliver, args=(job,))
        trainer.start()
        while bench.jobs.get(job.id).state == QUEUED:
            time.sleep(0.005)
        taken = claim(bench.jobs, job.id, 3600)
        while taken.lease is None:  # the trainer may renew at the same moment
            bench.clock.ahead += 3600
            taken = claim(bench.jobs, job.id, 3600)
        trainer.join(20)
        assert not trainer.is_alive()
        assert taken.lease.look().state == RUNNING

    def test_a_running_job_is_cancelled(self, bench: Bench) -> None:
        job = bench.submit(sleep=60)
        cancel = threading.Thread(target=_cancel_when_running, args=(bench, job))
        cancel.start()
        outcome = bench.deliver(job)
        cancel.join()
        assert outcome.defer is None
        assert outcome.job is not None
        assert outcome.job.state == CANCELLED
        assert bench.keys() == [f"ended/cancelled/{job.id}", f"jobs/{job.id}.json"]

    def test_a_job_that_is_cancelled_after_its_version_was_registered_succeeds(self, bench: Bench) -> None:
        """Its trainer died between the two writes: there is no way back, and nobody is told there was one."""
        job = bench.submit()
        claim(bench.jobs, job.id)
        bench.registry.register("iris", job.id, sha256="", size=1, algorithm="quick")
        bench.jobs.cancel(job.id)
        bench.clock.ahead = 3600
        ended = bench.deliver(job).job
        assert ended is not None
        assert (ended.state, ended.version) == (SUCCEEDED, 1)

    def test_a_trainer_that_is_asked_to_stop_gives_the_job_back(self, bench: Bench) -> None:
        """The attempt does not count: the next trainer begins at once."""
        job = bench.submit(sleep=1)
        stopping = threading.Event()
        stopping.set()
        for _ in range(MOST_ATTEMPTS + 1):
            outcome = bench.deliver(job, stopping=stopping)
            assert outcome.job is not None
            assert (outcome.job.state, outcome.defer) == (QUEUED, 0.0)
        bench.deliver(job)
        bench.check_one_version(job)


class TestDying:
    @pytest.mark.parametrize(
        ("folder", "ending", "state"),
        [
            ("artifacts", ".safetensors", FAILED),
            ("artifacts", ".json", SUCCEEDED),
            ("models", ".json", SUCCEEDED),
        ],
    )
    def test_a_last_attempt_whose_answers_are_lost_is_no_failure_yet(
        self, bench: Bench, folder: str, ending: str, state: str
    ) -> None:
        """What the last attempt wrote may be there: whoever comes next looks before it gives the job up."""
        job = bench.submit()
        for _ in range(MOST_ATTEMPTS - 1):
            claim(bench.jobs, job.id)
            bench.clock.ahead += 3600

        class Deaf(FaultyStore):
            """From that write on, no answer is heard."""

            def put_if_absent(self, key: str, data: bytes) -> str:
                if key.startswith(folder) and key.endswith(ending):
                    self._nth = len(self.operations) + 1
                return super().put_if_absent(key, data)

        store = Deaf(bench.store, 1_000, lose_answer, lasting=True)
        assert run_job(job.id, bench.context(store)).defer is not None
        bench.clock.ahead += 3600
        ended = bench.deliver_until_over(job)
        assert (ended.state, ended.version) == (state, 1 if state == SUCCEEDED else None)
        assert bench.registry.number_of("iris", job.id) == ended.version

    def test_a_store_that_is_never_there_ends_in_failure(self, bench: Bench) -> None:
        job = bench.submit()
        for _ in range(MOST_ATTEMPTS):
            context = bench.context(bench.store)._replace(fit_command=["/nonexistent/command"])
            outcome = run_job(job.id, context)
            assert outcome.defer is not None
        ended = bench.deliver(job).job
        assert ended is not None
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "attempts_spent")
        assert "cannot be started: No such file or directory" in ended.error["message"]

    def test_a_job_whose_trainers_all_die_is_given_up_by_the_sweep(self, bench: Bench) -> None:
        job = bench.submit()
        for _ in range(MOST_ATTEMPTS):
            claim(bench.jobs, job.id)
            bench.clock.ahead += 3600
        assert bench.sweep().ended == 1
        ended = bench.jobs.get(job.id)
        assert ended.state == FAILED
        assert ended.error is not None
        assert ended.error["code"] == "trainer_died"
        assert LOST in ended.error["message"]
        assert bench.store.list("jobs/").objects[0].key == f"jobs/{job.id}.json"

    def test_a_version_that_was_registered_before_the_last_trainer_died_counts(self, bench: Bench) -> None:
        job = bench.submit()
        for _ in range(MOST_ATTEMPTS - 1):
            claim(bench.jobs, job.id)
            bench.clock.ahead += 3600

        class Dying(FaultyStore):
            """Nothing is done any more once a version is registered."""

            def put_if_absent(self, key: str, data: bytes) -> str:
                revision = super().put_if_absent(key, data)
                if key.startswith("models/"):
                    raise KeyboardInterrupt
                return revision

        store = Dying(bench.store, 0, fail_before)
        with pytest.raises(KeyboardInterrupt):
            run_job(job.id, bench.context(store))
        bench.clock.ahead += 3600
        assert bench.sweep().ended == 1
        assert bench.jobs.get(job.id).state == SUCCEEDED


class TestSweeping:
    def test_a_live_job_is_left_alone(self, bench: Bench) -> None:
        bench.submit()
        claim(bench.jobs, bench.submit().id)
        bench.queue.messages.clear()
        assert bench.sweep() == Swept()
        assert bench.queue.messages == []

    def test_a_sent_job_is_not_sent_again_at_every_sweep(self, bench: Bench) -> None:
        bench.submit()
        bench.clock.ahead = 3600
        assert bench.sweep().sent == 1
        assert bench.sweep().sent == 0

    def test_a_job_that_no_trainer_ever_takes_is_sent_less_and_less_often_and_ends(
        self, bench: Bench
    ) -> None:
        """Its messages are dead letters, and its document says so."""
        job = bench.submit()
        hours = 0
        while not bench.jobs.get(job.id).over:
            bench.clock.ahead += 3600
            hours += 1
            bench.sweep()
        assert bench.queue.messages == [job.id] * 9
        assert 72 < hours < 96
        ended = bench.jobs.get(job.id)
        assert ended.error is not None
        assert (ended.state, ended.error["code"]) == (FAILED, "dead_lettered")
        assert "sent 9 times" in ended.error["message"]
        assert bench.keys() == [f"ended/failed/{job.id}", f"jobs/{job.id}.json"]

    def test_a_job_whose_messages_are_dead_letters_fails_unless_it_has_its_version(
        self, bench: Bench
    ) -> None:
        job, registered, held = bench.submit(), bench.submit(), bench.submit()
        claim(bench.jobs, registered.id, 0.0)
        bench.registry.register("iris", registered.id, sha256="", size=1, algorithm="quick")
        claim(bench.jobs, held.id)
        for each in (job, registered, held):
            fail_dead_lettered(each.id, bench.jobs, bench.registry, "20 deliveries failed")
        ended = bench.jobs.get(job.id)
        assert (ended.state, ended.attempts) == (FAILED, [])
        assert ended.error == {
            "code": "dead_lettered",
            "message": "20 deliveries failed; send the request again",
        }
        assert bench.jobs.get(registered.id).state == SUCCEEDED
        assert bench.jobs.get(held.id).state == RUNNING, "somebody is at it"
        assert fail_dead_lettered("0" * 28, bench.jobs, bench.registry, "") is None

    def test_a_damaged_document_stops_neither_the_sweep_nor_the_list(self, bench: Bench) -> None:
        damaged, fine = bench.submit(), bench.submit()
        bench.store.write_stream(f"jobs/{damaged.id}.json", [b"[]"])
        bench.clock.ahead = 3600
        assert bench.sweep().sent == 1
        assert [found.id for found in bench.jobs.list().jobs] == [fine.id]
        with pytest.raises(DocumentDamaged):
            bench.deliver(damaged)

    def test_a_sweep_ends_when_its_time_does_and_the_next_ones_come_to_the_rest(self, bench: Bench) -> None:
        jobs = [bench.submit() for _ in range(4)]
        bench.clock.ahead = 3600
        bench.queue.messages.clear()
        assert sweep(bench.jobs, bench.registry, seconds=0.0) == Swept()
        assert bench.sweep().sent == 4
        assert sorted(bench.queue.messages) == sorted(job.id for job in jobs)

    def test_two_sweeps_at_once_do_no_harm(self, place: Place) -> None:
        bench = Bench(place.open())
        job, lost = bench.submit(), bench.submit()
        for _ in range(MOST_ATTEMPTS):
            claim(bench.jobs, lost.id)
            bench.clock.ahead += 3600
        bench.store.put_if_absent(artifact_key("0" * 28), b"of a trainer that died")
        bench.clock.ahead += DAY + 60
        errors: list[Exception] = []

        def run() -> None:
            mine = Bench(place.open())
            mine.clock = bench.clock
            try:
                sweep(Jobs(mine.store, bench.queue, bench.clock), Registry(mine.store, bench.clock))
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        sweeps = [threading.Thread(target=run) for _ in range(3)]
        for each in sweeps:
            each.start()
        for each in sweeps:
            each.join()
        assert errors == []
        assert bench.jobs.get(lost.id).state == FAILED
        assert bench.store.list("artifacts/").objects == []
        bench.deliver(job)
        assert bench.jobs.get(job.id).version == 1

    def test_artifacts_that_no_version_needs_are_removed_after_a_day_and_deleted_ones_after_a_week(
        self, bench: Bench
    ) -> None:
        kept, deleted, failed = (
            bench.submit(),
            bench.submit(),
            bench.submit(error={"code": "invalid_input", "message": "no"}),
        )
        for job in (kept, deleted, failed):
            bench.deliver(job)
        bench.store.put_if_absent(artifact_key(failed.id), b"of a trainer that was late")
        waiting = bench.submit()
        bench.store.put_if_absent(artifact_key(waiting.id), b"of a job that is not over")
        Deletion(bench.registry).delete_version("iris", 2)
        assert bench.sweep().orphans == 0
        bench.store.put_if_absent(artifact_key("0" * 28), b"of a job that is no longer known")
        bench.clock.ahead = DAY + 60
        assert bench.sweep().orphans == 1
        bench.clock.ahead = 7 * DAY + 4000
        assert bench.sweep().orphans == 2 + 1
        left = [found.key for found in bench.store.list("artifacts/").objects]
        assert left == sorted([artifact_key(waiting.id), artifact_key(kept.id), manifest_key(kept.id)])

    def test_a_version_deleted_lately_keeps_its_artifact(self, bench: Bench) -> None:
        job = bench.submit()
        bench.deliver(job)
        bench.clock.ahead = 10 * DAY
        Deletion(bench.registry).delete_version("iris", 1)
        assert bench.sweep().orphans == 0
        bench.clock.ahead += 7 * DAY + 60
        assert bench.sweep().orphans == 0, "a restore may come at the last moment"
        bench.clock.ahead += 3600
        assert bench.sweep().orphans == 2

    def test_idempotency_keys_are_forgotten_after_a_day(self, bench: Bench) -> None:
        bench.jobs.submit("iris", b"{}", {}, idempotency_key="k")
        assert bench.sweep().orphans == 0
        bench.clock.ahead = DAY + 60
        assert bench.sweep().orphans == 1
        assert bench.store.list("idempotency/").objects == []

    def test_a_sweep_reads_only_jobs_that_are_not_over(self, bench: Bench) -> None:
        for _ in range(5):
            bench.deliver(bench.submit())
        bench.submit()
        watched = FaultyStore(bench.store, 0, fail_before)
        sweep(Jobs(watched, bench.queue), Registry(watched))
        assert watched.operations.count("get jobs") == 1

    def test_a_store_that_fails_is_told_of(self, dead_store: ObjectStore) -> None:
        with pytest.raises(Unavailable):
            sweep(Jobs(dead_store, RememberingQueue()), Registry(dead_store))


def _cancel_when_running(bench: Bench, job: Job) -> None:
    while bench.jobs.get(job.id).state != RUNNING:
        time.sleep(0.01)
    bench.jobs.cancel(job.id)
