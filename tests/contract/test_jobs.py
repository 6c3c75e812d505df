"""Jobs on every store: submitting, finding, listing and cancelling them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ml_core.conflicts import IdempotencyMismatch
from ml_core.errors import InvalidInput, JobNotFound, TooManyJobs, Unavailable
from ml_core.jobs.jobs import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job, JobLimits, Jobs, input_key
from ml_core.jobs.leases import claim
from ml_core.jobs.marks import NOBODY, ended_key, mark_open, open_key
from ml_core.jobs.sweep import Swept, sweep
from ml_core.jobs.trainer import run_job
from ml_core.jobs.upkeep import expire
from ml_core.ports import ObjectStore
from ml_core.registry.registry import Registry
from ml_core.registry.versions import Versions
from providers.local.runtime.store import FolderStore
from tests.contract.bench import quick_context
from tests.contract.faults import (
    Clock,
    Fault,
    FaultyStore,
    RememberingQueue,
    do_twice,
    fail_before,
    lose_answer,
)

DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    """The time of the jobs."""
    return Clock()


@pytest.fixture
def queue() -> RememberingQueue:
    """The messages sent."""
    return RememberingQueue()


@pytest.fixture
def jobs(store: ObjectStore, queue: RememberingQueue, clock: Clock) -> Jobs:
    """No jobs yet."""
    return Jobs(store, queue, clock)


def _submit(jobs: Jobs, model: str = "iris", **request: object) -> Job:
    return jobs.submit(model, json.dumps(request).encode(), {"algorithm": "quick"})


def _renamed(document: str, job_id: str) -> bytes:
    return json.dumps({**json.loads(document), "id": job_id, "model": "many"}).encode()


def _run(jobs: Jobs, job: Job) -> Job:
    outcome = run_job(job.id, quick_context(jobs))
    assert outcome.job is not None
    return outcome.job


class TestSubmitting:
    def test_a_job_is_whole_when_it_is_told(self, jobs: Jobs, queue: RememberingQueue) -> None:
        job = _submit(jobs)
        assert (job.state, job.model, job.request, job.attempts) == (
            QUEUED,
            "iris",
            {"algorithm": "quick"},
            [],
        )
        assert jobs.get(job.id) == job
        assert jobs.store.get(input_key(job.id)).data == b"{}"
        assert queue.messages == [job.id]

    def test_a_job_of_a_bad_name_is_refused(self, jobs: Jobs) -> None:
        with pytest.raises(InvalidInput):
            _submit(jobs, "../iris")
        assert jobs.store.list("").objects == []

    @pytest.mark.parametrize("job_id", ["", "x", "../models/iris", "0" * 28, "0" * 27 + "/", "é" * 28])
    def test_a_job_that_is_not_there_is_not_found(self, jobs: Jobs, job_id: str) -> None:
        with pytest.raises(JobNotFound):
            jobs.get(job_id)
        with pytest.raises(JobNotFound):
            jobs.cancel(job_id)

    def test_the_same_idempotency_key_gives_the_same_job(self, jobs: Jobs, queue: RememberingQueue) -> None:
        first = jobs.submit("iris", b"{}", {}, idempotency_key="k")
        assert jobs.submit("iris", b"{}", {}, idempotency_key="k") == first
        assert jobs.submit("iris", b"{}", {}, idempotency_key="k\u00e9/..").id != first.id
        assert queue.messages.count(first.id) == 1

    def test_an_idempotency_key_belongs_to_one_request(self, jobs: Jobs) -> None:
        jobs.submit("iris", b"{}", {}, idempotency_key="k")
        with pytest.raises(IdempotencyMismatch):
            jobs.submit("iris", b"{ }", {}, idempotency_key="k")
        with pytest.raises(IdempotencyMismatch):
            jobs.submit("wine", b"{}", {}, idempotency_key="k")
        with pytest.raises(IdempotencyMismatch):
            jobs.submit("iris", b"{}", {}, idempotency_key="k", body_digest="other")

    def test_a_finished_job_answers_to_its_idempotency_key(self, jobs: Jobs) -> None:
        job = jobs.submit("iris", b"{}", {}, idempotency_key="k")
        done = _run(jobs, job)
        assert done.state == SUCCEEDED
        assert jobs.submit("iris", b"{}", {}, idempotency_key="k") == done
        assert len(jobs.store.list("jobs/").objects) == 1, "the input is not written again"

    def test_requests_with_one_idempotency_key_at_once_make_one_job(self, jobs: Jobs) -> None:
        made: list[str] = []

        def submit() -> None:
            made.append(jobs.submit("iris", b"{}", {}, idempotency_key="k").id)

        callers = [threading.Thread(target=submit) for _ in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert made == [made[0]] * 6
        assert [job.id for job in jobs.list().jobs] == made[:1]

    @pytest.mark.parametrize("fault", [fail_before, lose_answer, do_twice])
    @pytest.mark.parametrize("nth", range(1, 7))
    def test_a_submission_that_is_tried_again_makes_one_job(
        self, jobs: Jobs, queue: RememberingQueue, nth: int, fault: Fault
    ) -> None:
        """A crash, or a lost answer, at any of a submission's operations."""
        faulty = Jobs(FaultyStore(jobs.store, nth, fault), queue)
        try:
            first = faulty.submit("iris", b"{}", {}, idempotency_key="k")
        except Unavailable:
            first = jobs.submit("iris", b"{}", {}, idempotency_key="k")
        assert jobs.submit("iris", b"{}", {}, idempotency_key="k").id == first.id
        assert [job.id for job in jobs.list().jobs] == [first.id]
        assert _run(jobs, first).version == 1

    @pytest.mark.parametrize("fault", [fail_before, lose_answer])
    @pytest.mark.parametrize("nth", [1, 2, 3, 4])
    def test_a_submission_that_breaks_off_leaves_a_whole_job_or_what_is_swept(
        self, jobs: Jobs, queue: RememberingQueue, clock: Clock, nth: int, fault: Fault
    ) -> None:
        faulty = Jobs(FaultyStore(jobs.store, nth, fault, lasting=True), queue)
        with pytest.raises(Unavailable):
            _submit(faulty)
        clock.ahead = 2 * 86_400
        sweep(jobs, Registry(jobs.store))
        left = jobs.list().jobs
        assert len(left) == (1 if nth == 4 and fault is lose_answer else 0)
        for job in left:
            assert queue.messages == [job.id]
            assert _run(jobs, job).state == SUCCEEDED
        assert not [found for found in jobs.store.list("jobs/").objects if found.key.endswith("/input")]
        assert jobs.store.list("open/").objects == []

    def test_a_job_whose_message_was_not_taken_is_swept(self, store: ObjectStore, clock: Clock) -> None:
        class FullQueue(RememberingQueue):
            def submit(self, job_id: str) -> None:
                raise Unavailable(f"no room for {job_id}")

        job = _submit(Jobs(store, FullQueue(), clock))
        queue = RememberingQueue()
        jobs = Jobs(store, queue, clock)
        assert sweep(jobs, Registry(store)).sent == 0, "it may still be on its way"
        clock.ahead = 3600
        assert sweep(jobs, Registry(store)).sent == 1
        assert queue.messages == [job.id]


class TestListing:
    def test_the_newest_jobs_come_first(self, jobs: Jobs, clock: Clock) -> None:
        submitted = []
        for _ in range(5):
            clock.ahead += 1
            submitted.append(_submit(jobs).id)
        assert [job.id for job in jobs.list().jobs] == submitted[::-1]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
    def test_pages_follow_each_other(self, jobs: Jobs, clock: Clock, limit: int) -> None:
        submitted = []
        for number in range(7):
            clock.ahead += 1
            submitted.append(_submit(jobs).id)
            if number % 2:
                _run(jobs, jobs.get(submitted[-1]))
        listed: list[str] = []
        after = None
        while True:
            page = jobs.list(limit, after)
            assert len(page.jobs) <= limit
            listed += [job.id for job in page.jobs]
            after = page.next_after
            if after is None:
                break
            assert len(page.jobs) == limit
        assert listed == submitted[::-1]

    def test_jobs_are_found_by_state_and_model(self, jobs: Jobs) -> None:
        succeeded = _run(jobs, _submit(jobs))
        failed = _run(
            jobs, _submit(jobs, "wine", error={"code": "invalid_input", "message": "no", "faults": []})
        )
        queued = _submit(jobs)
        cancelled = jobs.cancel(_submit(jobs, "wine").id)
        running = _submit(jobs)
        assert claim(jobs, running.id).lease is not None
        found = {
            state: [job.id for job in jobs.list(state=state).jobs]
            for state in (SUCCEEDED, FAILED, QUEUED, CANCELLED, RUNNING)
        }
        assert found == {
            SUCCEEDED: [succeeded.id],
            FAILED: [failed.id],
            QUEUED: [queued.id],
            CANCELLED: [cancelled.id],
            RUNNING: [running.id],
        }
        assert {job.id for job in jobs.list(model="wine").jobs} == {failed.id, cancelled.id}
        assert [job.id for job in jobs.list(model="wine", state=FAILED).jobs] == [failed.id]
        assert jobs.list(model="digits").jobs == []

    def test_a_filter_reads_few_documents_in_vain(self, store: ObjectStore) -> None:
        jobs = Jobs(store, RememberingQueue())
        for _ in range(10):
            _run(jobs, _submit(jobs))
        wanted = _submit(jobs, "wine")
        watched = FaultyStore(store, 0, fail_before)
        for page in (Jobs(watched, RememberingQueue()).list(model="wine"), jobs.list(state=QUEUED)):
            assert [job.id for job in page.jobs] == [wanted.id]
        assert watched.operations.count("get jobs") == 1

    def test_a_page_of_many_jobs_costs_a_bounded_number_of_reads(self, tmp_path: Path) -> None:
        """Whatever is looked for, and however rare it is; what is left out comes with the next pages."""
        store = FolderStore(str(tmp_path))
        jobs = Jobs(store, RememberingQueue())
        template = store.get(f"jobs/{_submit(jobs, 'old').id}.json").data.decode()
        ids = [
            f"{(1 << 48) - 1 - number:012x}{template.count('x'):04x}{number:012x}" for number in range(1200)
        ]
        with ThreadPoolExecutor(8) as writers:
            list(
                writers.map(lambda id_: store.put_if_absent(f"jobs/{id_}.json", _renamed(template, id_)), ids)
            )
        rare: dict[str, Any] = {"model": "rare"}
        for asked in ({}, {"state": FAILED}, rare, {"state": RUNNING}, {"state": QUEUED}):
            watched = FaultyStore(store, 0, fail_before)
            page = Jobs(watched, RememberingQueue()).list(20, **asked)
            assert watched.operations.count("get jobs") <= 500
            assert watched.operations.count("list jobs") <= 6
            assert (len(page.jobs) == 20) == (asked == {})
        found, after, pages = 0, None, 0
        while True:
            page = jobs.list(100, after, model="old")
            found, after, pages = found + len(page.jobs), page.next_after, pages + 1
            if after is None:
                break
        assert (found, pages) == (1, 1)

    @pytest.mark.parametrize("after", ["", "../x", "x", "0" * 29])
    def test_a_page_begins_after_a_job(self, jobs: Jobs, after: str) -> None:
        with pytest.raises(InvalidInput):
            jobs.list(after=after)


class TestMarks:
    """An earlier release writes none, and may share the store for a while."""

    def test_a_job_that_an_earlier_release_accepted_is_swept(
        self, jobs: Jobs, queue: RememberingQueue, clock: Clock
    ) -> None:
        job = _submit(jobs)
        jobs.store.delete(open_key(job.id, NOBODY))
        queue.messages.clear()
        assert sweep(jobs, Registry(jobs.store, clock)).marked == 1
        clock.ahead = 3600
        assert sweep(jobs, Registry(jobs.store, clock)).sent == 1
        assert queue.messages == [job.id]

    @pytest.mark.parametrize("marked", [True, False])
    def test_a_job_that_an_earlier_release_ended_is_listed_after_a_sweep(
        self, jobs: Jobs, marked: bool
    ) -> None:
        job = _run(jobs, _submit(jobs))
        jobs.store.delete(ended_key(job.id, SUCCEEDED))
        if marked:
            mark_open(jobs.store, job.id, NOBODY)
        swept = sweep(jobs, Registry(jobs.store))
        assert (swept.cleared, swept.marked) == ((1, 0) if marked else (0, 1))
        assert [found.id for found in jobs.list(state=SUCCEEDED).jobs] == [job.id]
        assert jobs.list(state=QUEUED).jobs == []
        assert sweep(jobs, Registry(jobs.store)) == Swept()

    def test_a_mark_without_a_job_is_removed_after_a_day(self, jobs: Jobs, clock: Clock) -> None:
        mark_open(jobs.store, "f" * 28, NOBODY)
        assert sweep(jobs, Registry(jobs.store, clock)).orphans == 0
        clock.ahead = 2 * 86_400
        assert sweep(jobs, Registry(jobs.store, clock)).orphans == 1
        assert jobs.store.list("open/").objects == []

    @pytest.mark.parametrize("fault", [fail_before, lose_answer])
    @pytest.mark.parametrize("nth", [3, 4, 5, 6])
    def test_a_cancelling_that_breaks_off_is_finished_by_the_sweep(
        self, jobs: Jobs, nth: int, fault: Fault
    ) -> None:
        job = _submit(jobs)
        with suppress(Unavailable):
            Jobs(FaultyStore(jobs.store, nth, fault, lasting=True), jobs.queue).cancel(job.id)
        sweep(jobs, Registry(jobs.store))
        assert jobs.cancel(job.id).state == CANCELLED
        assert [found.id for found in jobs.list(state=CANCELLED).jobs] == [job.id]
        assert jobs.store.list("open/").objects == []
        assert [found.key for found in jobs.store.list("jobs/").objects] == [f"jobs/{job.id}.json"]


class TestExpiring:
    def test_all_of_a_job_goes_when_its_time_is_over_and_its_version_stays(
        self, jobs: Jobs, clock: Clock
    ) -> None:
        registry = Registry(jobs.store, clock)
        done = _run(jobs, jobs.submit("iris", b"{}", {"algorithm": "quick"}, idempotency_key="k"))
        cancelled = jobs.cancel(_submit(jobs).id)
        clock.ahead = 29 * DAY
        late = _submit(jobs)
        assert sweep(jobs, registry).expired == 0
        clock.ahead = 30 * DAY + 60
        assert sweep(jobs, registry).expired == 2
        of_registry = ("artifacts/", "registry/")
        left = [found.key for found in jobs.store.list("").objects if not found.key.startswith(of_registry)]
        assert not [key for key in left if done.id in key or cancelled.id in key]
        for gone in (done.id, cancelled.id):
            with pytest.raises(JobNotFound, match="removed 30 days after it ended"):
                jobs.get(gone)
        with pytest.raises(JobNotFound, match=r"no job '\w+'$"):
            jobs.get(late.id[:-1] + ("0" if late.id[-1] != "0" else "1"))
        assert jobs.list(state=SUCCEEDED).jobs == []
        assert [job.id for job in jobs.list().jobs] == [late.id]
        assert Versions(registry).get("iris", 1)["job"] == done.id
        assert _run(jobs, late).version == 2, "a model goes on"

    def test_a_job_that_is_not_over_never_expires(self, jobs: Jobs, clock: Clock) -> None:
        job = _submit(jobs)
        claim(jobs, job.id)
        clock.ahead = 40 * DAY
        claim(jobs, job.id)
        assert sweep(jobs, Registry(jobs.store, clock)).expired == 0
        assert jobs.get(job.id).state == RUNNING

    @pytest.mark.parametrize("nth", range(1, 5))
    def test_an_expiry_that_breaks_off_is_finished_by_the_next(
        self, jobs: Jobs, clock: Clock, nth: int
    ) -> None:
        _run(jobs, _submit(jobs))
        clock.ahead = 31 * DAY
        faulty = FaultyStore(jobs.store, nth, fail_before, lasting=True)
        with suppress(Unavailable):
            expire(Jobs(faulty, jobs.queue, clock), lambda: True)
        expire(jobs, lambda: True)
        left = {found.key.partition("/")[0] for found in jobs.store.list("").objects}
        assert left == {"artifacts", "models", "registry"}

    def test_a_damaged_document_goes_as_well(self, jobs: Jobs, clock: Clock) -> None:
        job = jobs.cancel(_submit(jobs).id)
        jobs.store.write_stream(f"jobs/{job.id}.json", [b"[]"])
        clock.ahead = 31 * DAY
        sweep(jobs, Registry(jobs.store, clock))
        left = {found.key for found in jobs.store.list("").objects}
        assert left == {"registry/made-from/-scan.json", "registry/sweep.json", "sweeps/progress.json"}


class TestBounds:
    @pytest.fixture
    def bounded(self, store: ObjectStore, queue: RememberingQueue, clock: Clock) -> Jobs:
        return Jobs(store, queue, clock, JobLimits(most=5, most_of_key=2))

    def test_a_key_has_so_many_open_jobs_and_room_again_when_one_ends(self, bounded: Jobs) -> None:
        first, second = (bounded.submit("iris", b"{}", {}, submitter="ann") for _ in range(2))
        with pytest.raises(TooManyJobs, match="2 jobs are queued or running, as many as may be of this key"):
            bounded.submit("iris", b"{}", {}, submitter="ann")
        assert bounded.submit("iris", b"{}", {}, submitter="bob").submitter == "bob"
        assert bounded.cancel(first.id).state == CANCELLED
        third = bounded.submit("iris", b"{}", {}, submitter="ann")
        for ended in (second, third):
            with pytest.raises(TooManyJobs):
                bounded.submit("iris", b"{}", {}, submitter="ann")
            assert _run(bounded, ended).over
            bounded.submit("iris", b"{}", {}, submitter="ann")

    def test_all_keys_together_have_so_many(self, bounded: Jobs) -> None:
        for key in ("ann", "ann", "bob", None, None):
            bounded.submit("iris", b"{}", {}, submitter=key)
        for key in ("eve", None):
            with pytest.raises(TooManyJobs, match="5 jobs are queued or running"):
                bounded.submit("iris", b"{}", {}, submitter=key)

    def test_a_refusal_leaves_nothing_and_a_retry_is_no_second_job(self, bounded: Jobs) -> None:
        first = bounded.submit("iris", b"{}", {}, submitter="ann", idempotency_key="1")
        bounded.submit("iris", b"{}", {}, submitter="ann", idempotency_key="2")
        before = bounded.store.list("").objects
        with pytest.raises(TooManyJobs):
            bounded.submit("iris", b"{}", {}, submitter="ann", idempotency_key="3")
        assert bounded.submit("iris", b"{}", {}, submitter="ann", idempotency_key="1").id == first.id
        assert len(bounded.store.list("").objects) == len(before) + 1, "the key of the request alone"
        bounded.cancel(first.id)
        assert bounded.submit("iris", b"{}", {}, submitter="ann", idempotency_key="3").state == QUEUED

    def test_a_job_that_failed_or_whose_trainer_died_for_good_makes_room(
        self, bounded: Jobs, clock: Clock
    ) -> None:
        """However a job ends; what its trainer did not live to remove is removed by the sweep."""
        lost, failed = (bounded.submit("iris", b"{}", {}, submitter="ann") for _ in range(2))
        for _ in range(3):
            claim(bounded, lost.id)
            clock.ahead += 3600
        held = claim(Jobs(FaultyStore(bounded.store, 3, fail_before, lasting=True), bounded.queue), failed.id)
        assert held.lease is not None
        with suppress(Unavailable):
            held.lease.fail({"code": "internal", "message": ""})
        clock.ahead += 3600
        sweep(bounded, Registry(bounded.store, clock))
        assert bounded.get(lost.id).state == FAILED
        bounded.submit("iris", b"{}", {}, submitter="ann")


class TestCancelling:
    def test_a_waiting_job_is_cancelled_at_once(self, jobs: Jobs) -> None:
        job = _submit(jobs)
        assert jobs.cancel(job.id).state == CANCELLED
        assert _run(jobs, job).state == CANCELLED, "the message that is still on its way finds nothing to do"
        left = [found.key for found in jobs.store.list("").objects]
        assert left == [f"ended/cancelled/{job.id}", f"jobs/{job.id}.json"]

    def test_a_final_state_stays(self, jobs: Jobs) -> None:
        done = _run(jobs, _submit(jobs))
        assert jobs.cancel(done.id) == done
        assert jobs.get(done.id).state == SUCCEEDED
        assert _run(jobs, done) == done

    def test_a_job_whose_trainer_died_is_cancelled_by_the_next(self, jobs: Jobs, clock: Clock) -> None:
        job = _submit(jobs)
        claim(jobs, job.id)
        asked = jobs.cancel(job.id)
        assert (asked.state, asked.cancelling) == (RUNNING, True)
        clock.ahead = 3600
        assert _run(jobs, job).state == CANCELLED
