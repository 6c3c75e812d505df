"""Trainers take turns among keys, on every store: who sent a hundred jobs does not hold up who sent one."""

import pytest

from ml_core.errors import Unavailable
from ml_core.jobs.jobs import Job, Jobs
from ml_core.jobs.leases import claim
from ml_core.jobs.trainer import run_job
from ml_core.jobs.turns import Turns
from ml_core.ports import ObjectStore
from tests.contract.bench import quick_context
from tests.contract.faults import Clock, FaultyStore, RememberingQueue, fail_before


@pytest.fixture
def clock() -> Clock:
    """The time of the jobs."""
    return Clock()


@pytest.fixture
def jobs(store: ObjectStore, clock: Clock) -> Jobs:
    """No jobs yet."""
    return Jobs(store, RememberingQueue(), clock)


def submitted(jobs: Jobs, clock: Clock, *keys: str) -> list[Job]:
    """A job of each key, one after the other."""
    made = []
    for key in keys:
        clock.ahead += 1
        made.append(jobs.submit(key, b"{}", {"algorithm": "quick"}, submitter=key))
    return made


def test_one_keys_jobs_run_as_they_are_delivered_and_no_document_is_read(jobs: Jobs, clock: Clock) -> None:
    made = submitted(jobs, clock, "ann", "ann", "ann")
    watched = FaultyStore(jobs.store, 0, fail_before)
    turns = Turns()
    for job in (made[2], made[0]):
        assert turns.choose(Jobs(watched, jobs.queue, clock), job.id) == job.id
    assert watched.operations == ["list open"] * 2


def test_the_key_of_which_fewest_are_running_is_next(jobs: Jobs, clock: Clock) -> None:
    running, *more, mine = submitted(jobs, clock, "ann", "ann", "ann", "ann", "ann", "ann", "bob")
    claim(jobs, running.id)
    for delivered in more:
        assert Turns().choose(jobs, delivered.id) == mine.id
    assert Turns().choose(jobs, mine.id) == mine.id
    claim(jobs, mine.id)
    assert Turns().choose(jobs, more[3].id) == more[3].id, "nobody else waits"


def test_a_trainer_takes_turns_among_the_keys_of_which_as_many_are_running(jobs: Jobs, clock: Clock) -> None:
    """One trainer, as on a laptop: all of one key's were sent before the first of the others."""
    submitted(jobs, clock, *["ann"] * 5, "bob", "bob", "eve")
    turns, context, order = Turns(), quick_context(jobs), []
    while (waiting := [job for job in jobs.list().jobs if not job.over]) != []:
        chosen = turns.choose(jobs, waiting[-1].id)
        done = run_job(chosen, context).job
        assert done is not None
        order.append(done.model)
    assert sorted(order[:3]) == ["ann", "bob", "eve"]
    assert sorted(order[3:5]) == ["ann", "bob"]
    assert order[5:] == ["ann"] * 3


@pytest.mark.parametrize(("anns", "bobs"), [(0.1, 0.9), (0.9, 0.1)])
def test_chance_decides_where_nobody_remembers(jobs: Jobs, clock: Clock, anns: float, bobs: float) -> None:
    """A function that was just started: whoever the queue delivers gets no more than their share."""
    ann, bob = submitted(jobs, clock, "ann", "bob")
    chances = iter((0.5, anns, bobs))
    chosen = Turns(lambda: next(chances)).choose(jobs, ann.id)
    assert chosen == (ann.id if anns < bobs else bob.id)


def test_a_job_that_is_tried_again_keeps_its_time(jobs: Jobs, clock: Clock) -> None:
    ann, bob = submitted(jobs, clock, "ann", "bob")
    held = claim(jobs, bob.id).lease
    assert held is not None
    held.retry("the store was away")
    for _ in range(20):
        assert Turns().choose(jobs, ann.id) == ann.id


@pytest.mark.parametrize("state", ["over", "held", "unknown"])
def test_a_message_that_has_nothing_to_run_is_left_to_the_trainer(
    jobs: Jobs, clock: Clock, state: str
) -> None:
    """It is acknowledged, or deferred, as without turns."""
    ann, _ = submitted(jobs, clock, "ann", "bob")
    delivered = ann.id
    if state == "over":
        jobs.cancel(ann.id)
    elif state == "held":
        claim(jobs, ann.id)
    else:
        delivered = "f" * 28
    for _ in range(20):
        assert Turns().choose(jobs, delivered) == delivered


def test_damaged_documents_have_no_turn(jobs: Jobs, clock: Clock) -> None:
    ann, bob = submitted(jobs, clock, "ann", "bob")
    jobs.store.write_stream(f"jobs/{bob.id}.json", [b"[]"])
    for _ in range(20):
        assert Turns().choose(jobs, ann.id) == ann.id


def test_a_hundred_jobs_of_many_keys_cost_a_bounded_look(jobs: Jobs, clock: Clock) -> None:
    made = submitted(jobs, clock, *(f"key{number % 20}" for number in range(60)))
    watched = FaultyStore(jobs.store, 0, fail_before)
    Turns().choose(Jobs(watched, jobs.queue, clock), made[50].id)
    assert watched.operations.count("list open") == 1
    assert watched.operations.count("get jobs") <= 9 * 4 + 1


def test_two_trainers_that_choose_the_same_job_run_it_once(jobs: Jobs, clock: Clock) -> None:
    running, delivered, other, mine = submitted(jobs, clock, "ann", "ann", "ann", "bob")
    claim(jobs, running.id)
    assert [Turns().choose(jobs, each.id) for each in (delivered, other)] == [mine.id] * 2
    held = claim(jobs, mine.id)
    assert held.lease is not None
    late = run_job(mine.id, quick_context(jobs))
    assert late.defer is not None
    assert late.job is not None
    assert not late.job.over


def test_a_store_that_fails_is_told_of(dead_store: ObjectStore) -> None:
    with pytest.raises(Unavailable):
        Turns().choose(Jobs(dead_store, RememberingQueue()), "f" * 28)
