"""What the service does about jobs costs the same however many there ever were: requests are counted."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from ml_core.jobs.jobs import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, JobLimits, Jobs
from ml_core.jobs.leases import claim
from ml_core.jobs.marks import NOBODY, open_key
from ml_core.jobs.origin_scan import OriginScan
from ml_core.jobs.sweep import Swept, sweep
from ml_core.jobs.sweep_progress import SweepProgress, read_progress, write_progress
from ml_core.registry.registry import Registry
from tests.contract.faults import Clock, RememberingQueue
from tests.counting_store import CountingStore
from tests.past_jobs import past_jobs

DAY = 86_400.0
WEEK = 7 * DAY
FEW, MANY = 4_000, 30_000  # jobs that are over: more than a page, and many pages


class Store:
    """A store with jobs that are over, as it is after its first sweeps, and six jobs that are not."""

    def __init__(self, over: int) -> None:
        self.store = CountingStore()
        self.clock = Clock()
        self.store.fill(past_jobs(over, time.time(), seconds=WEEK, marked=True))
        limits = JobLimits(most=200, most_of_key=20)
        self.jobs = Jobs(self.store, RememberingQueue(), self.clock, limits)
        for number in range(6):
            self.jobs.submit("iris", b"{}", {}, submitter=f"key{number % 2}")
        write_progress(self.store, SweepProgress(all_marked=True))
        OriginScan(Registry(self.store, self.clock), self.jobs, lambda: False).sweep()
        self.store.forget()

    def sweep(self) -> Swept:
        return sweep(self.jobs, Registry(self.store, self.clock))


def _both(do: Callable[[Store], object]) -> tuple[Counter[str], int]:
    """What something costs, in requests and bytes; the same in a store of few jobs and in one of many."""
    costs, done = [], []
    for store in (Store(FEW), Store(MANY)):
        done.append(do(store))
        costs.append((store.store.requests, store.store.bytes))
    assert done[0] == done[1]
    assert costs[0][0] == costs[1][0]
    assert abs(costs[0][1] - costs[1][1]) <= costs[0][1] / 100, "the ids are others, and of other lengths"
    return costs[1]


def test_a_sweep() -> None:
    requests, read = _both(lambda store: store.sweep())
    assert requests["get jobs"] == 6, "the jobs that are open, and no other"
    assert requests["list open"] == 1
    assert requests["list jobs"] == 3, "the newest, a page of the slow round, and what is past its retention"
    assert requests["list audit"] == 1, "entries of the trail that are too old"
    assert requests["list monitoring"] == 4, "usage is one more than there is of predictions"
    assert requests.total() <= 39
    assert read < 500_000


def test_each_of_many_sweeps() -> None:
    """The slow round through all jobs takes many sweeps; none of them is dearer for it."""
    store, totals = Store(MANY), []
    for _ in range(40):
        store.sweep()
        totals.append(store.store.requests.total())
        store.store.forget()
    assert max(totals) <= min(totals) + 8, "one of them looks for counts that are too old"
    assert read_progress(store.store).all_marked


@pytest.mark.parametrize("state", [FAILED, CANCELLED])
def test_a_list_that_nobody_is_in(state: str) -> None:
    requests, _ = _both(lambda store: store.jobs.list(state=state))
    assert requests == {"get sweeps": 1, "list ended": 1}


def test_a_list_of_one_state_reads_what_it_shows() -> None:
    requests, _ = _both(lambda store: len(store.jobs.list(10, state=SUCCEEDED).jobs))
    assert requests == {"get sweeps": 1, "list ended": 1, "get jobs": 10}
    requests, _ = _both(lambda store: len(store.jobs.list(10, state=QUEUED).jobs))
    assert requests == {"get sweeps": 1, "list open": 1, "get jobs": 6}
    requests, _ = _both(lambda store: len(store.jobs.list(10).jobs))
    assert requests == {"list jobs": 1, "get jobs": 10}


def test_a_submission() -> None:
    requests, _ = _both(lambda store: store.jobs.submit("iris", b"{}", {}, submitter="key1").state)
    assert requests == {"list open": 1, "put open": 1, "put jobs": 2, "get jobs": 1}


def test_what_is_past_its_retention_is_removed_without_a_look_at_the_others() -> None:
    def wait_and_sweep(store: Store) -> int:
        newest_of_the_past = 10
        store.store.fill(past_jobs(newest_of_the_past, time.time() - 40 * DAY, seconds=DAY, marked=True))
        return store.sweep().expired

    requests, _ = _both(wait_and_sweep)
    assert requests["get jobs"] == 6 + 10
    assert requests["delete jobs"] == requests["delete ended"] == 10


def test_a_store_of_before_is_marked_in_steps_and_its_lists_are_whole_meanwhile() -> None:
    """Jobs without marks: one is running, one is queued, the others are over."""
    store = CountingStore()
    jobs = Jobs(store, RememberingQueue())
    store.fill(past_jobs(MANY, time.time() - DAY, seconds=WEEK, marked=False))
    store.fill(past_jobs(3, time.time() - 8 * DAY, seconds=DAY, marked=False, state=FAILED))
    old = [jobs.submit("iris", b"{}", {}).id for _ in range(2)]
    assert claim(jobs, old[0]).lease is not None
    for each in old:
        store.delete(open_key(each, NOBODY))
    registry, sweeps, marked = Registry(store), 0, 0
    assert len(jobs.list(100, state=SUCCEEDED).jobs) == 100
    while not read_progress(store).all_marked:
        assert [job.id for job in jobs.list(state=QUEUED).jobs] == [old[1]]
        store.forget()
        marked += sweep(jobs, registry).marked
        sweeps += 1
        assert store.requests["list jobs"] <= 22
    assert (sweeps, marked) == (2, MANY + 3 + 2)
    store.forget()
    assert {len(jobs.list(state=state).jobs) for state in (QUEUED, RUNNING)} == {1}
    assert len(jobs.list(state=FAILED).jobs) == 3
    assert store.requests["list jobs"] == 0
    assert sweep(jobs, registry).marked == 0
