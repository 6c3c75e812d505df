"""What an instance counts, when it stores that, and what it does when it cannot."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random

import pytest

from ml_core.errors import AccessRefused, ObjectExists, RevisionMismatch, Unavailable
from ml_core.monitoring import counting
from ml_core.monitoring.counting import Monitor
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.parts import PARTS, read_part
from ml_core.ports import every_object
from tests.counting_store import CountingStore
from tests.unit.ml_core.monitoring.observed import model, observed

HOUR = 3600.0
BEGIN = 1_795_694_400.0  # 2026-11-26T12:00:00Z
MODEL = model()


class Clock:
    """A clock that stands until it is told."""

    def __init__(self, now: float = BEGIN) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Failing(CountingStore):
    """A store whose next writes fail: before they happen, after they happened, or for another reason."""

    def __init__(self) -> None:
        super().__init__()
        self.next: Iterator[Exception | str | None] = iter(())

    def put_if_absent(self, key: str, data: bytes) -> str:
        return self._failing(lambda: super(Failing, self).put_if_absent(key, data))

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        return self._failing(lambda: super(Failing, self).put_if_unchanged(key, data, revision))

    def _failing(self, write: Callable[[], str]) -> str:
        how = next(self.next, None)
        if isinstance(how, Exception):
            raise how
        written = write()
        if how == "unanswered":
            raise Unavailable("the object storage did not answer")
        if how == "repeated":  # the store sent it again, and was refused by its own write
            write()
        return written


def monitor(store: CountingStore, clock: Clock, told: list[str] | None = None) -> Monitor:
    warn = (lambda _: None) if told is None else told.append
    return Monitor(store, warn, clock=clock, run=lambda work: work())


def stored(store: CountingStore) -> dict[str, VersionCounts]:
    """The sum of all parts, by job."""
    total: dict[str, VersionCounts] = {}
    for info in every_object(store, PARTS):
        for job, counted in (read_part(store.get(info.key).data) or {}).items():
            assert (counted.model, counted.version) == ("churn", 1)
            total.setdefault(job, VersionCounts()).add(counted.counts)
    return total


def parts(store: CountingStore) -> list[str]:
    return [info.key for info in every_object(store, PARTS)]


def test_a_request_is_counted_in_all_that_it_is() -> None:
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    counted.take(observed(MODEL, [0.5, 1.5], [-0.5, -20.0]), 200, 1.2)
    (found,) = stored(store).values()
    assert found.described() == {
        "requests": 1, "refused": 0, "errors": 0, "predictions": 2, "counted": 2, "labels": [1, 1],
        "latency": [0, 1] + [0] * 25,
        "probability": [0] * 17 + [1, 0, 1],
        "probability_sum": pytest.approx(1 / (1 + 2.718281828**-2) + 1),
        "columns": [[1, 1, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 1, 0]],
    }  # fmt: skip


def test_a_request_that_is_refused_or_fails_is_a_request_and_no_prediction() -> None:
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    counted.take(observed(MODEL), 422, 0.5)
    counted.take(observed(MODEL, [0.0, 1.0]), 413, 0.5)  # computed, but the answer was too long
    counted.take(observed(MODEL, [0.0, 1.0]), 503, 30_000.0)
    clock.now += 60
    counted.take(observed(MODEL, [0.0, 1.0]), 200, 3.0)
    (found,) = stored(store).values()
    assert (found.requests, found.refused, found.errors, found.predictions) == (4, 2, 1, 1)
    assert (found.latency[0], found.latency[-1], sum(found.latency)) == (2, 1, 4)


@pytest.mark.parametrize("profile", [None, b"{", model(3).profile_bytes])
def test_without_a_profile_that_fits_labels_and_probabilities_are_counted(profile: bytes | None) -> None:
    store, clock = CountingStore(), Clock()
    monitor(store, clock).take(observed(model(profile_bytes=profile), [1.0, 1.0]), 200, 1.0)
    (found,) = stored(store).values()
    assert (found.predictions, found.labels, found.counted, found.columns) == (1, [0, 1], 0, [])


def test_it_stores_at_once_and_then_once_a_minute() -> None:
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    for second in range(300):
        clock.now = BEGIN + second
        counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
        assert store.requests["put monitoring"] == second // 60 + 1
    assert len(parts(store)) == 1
    assert stored(store)["job"].requests == 241  # the last minute's are in memory


def test_what_is_pending_when_the_hour_ends_is_in_the_next_hours_part() -> None:
    store, clock = CountingStore(), Clock(BEGIN + HOUR - 70)
    counted = monitor(store, clock)
    for second in range(200):
        clock.now = BEGIN + HOUR - 70 + second
        before = {key: store.get(key).data for key in parts(store)}
        counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
        for key, data in before.items():
            assert clock.now < BEGIN + HOUR or "T12" not in key or store.get(key).data == data
    clock.now += 60
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    assert [key[len(PARTS) : len(PARTS) + 13] for key in parts(store)] == ["2026-11-26T12", "2026-11-26T13"]
    assert stored(store)["job"].requests == 201
    assert sum(stored(store)["job"].columns[0]) == 201


@pytest.mark.parametrize("how", ["repeated", ObjectExists("there"), RevisionMismatch("changed")])
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_write_that_its_own_repetition_refused_is_counted_once(how: Exception | str, failing: int) -> None:
    store, clock, told = Failing(), Clock(), list[str]()
    counted = monitor(store, clock, told)
    store.next = iter([*[None] * (failing - 1), how])
    for _ in range(200):
        counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
        clock.now += 60
    clock.now += HOUR
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    assert stored(store)["job"].requests == 201
    assert told == []


@pytest.mark.parametrize("how", ["unanswered", Unavailable("the object storage did not answer")])
@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("before_the_hour", [30, 90, 1800])
def test_a_write_that_was_not_answered_is_counted_once_whether_it_arrived_or_not(
    how: Exception | str, failing: int, before_the_hour: int
) -> None:
    store, told = Failing(), list[str]()
    clock = Clock(BEGIN + HOUR - before_the_hour - 60 * failing)
    counted = monitor(store, clock, told)
    store.next = iter([*[None] * (failing - 1), how])
    for _ in range(60):
        counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
        clock.now += 30
    clock.now += HOUR
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    # Whether a part that is missing long after its hour was ever written, nobody can know: it was, then.
    lost = isinstance(how, Exception) and failing == 1 and before_the_hour < 1800
    assert stored(store)["job"].requests == 61 - (stored(store)["job"].requests != 61 and lost)
    assert len(told) == 1


def test_what_the_sweep_may_have_summed_is_not_counted_again() -> None:
    store, told = Failing(), list[str]()
    clock = Clock(BEGIN + HOUR - 10)
    counted = monitor(store, clock, told)
    store.next = iter(["unanswered"])
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    (key,) = parts(store)
    store.delete(key)  # the sweep summed it
    clock.now += HOUR
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    assert stored(store)["job"].requests == 1


@pytest.mark.parametrize(
    "failure", [Unavailable("it did not answer"), AccessRefused("it refuses access"), RuntimeError("3.14")]
)
def test_a_store_that_fails_is_told_once_and_tried_every_ten_minutes(failure: Exception) -> None:
    store, clock, told = Failing(), Clock(), list[str]()
    counted = monitor(store, clock, told)
    tries = count()

    def failing() -> Iterator[Exception]:
        for _ in range(6):
            next(tries)
            yield failure

    store.next = failing()
    for _ in range(3600):
        counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
        clock.now += 1
    assert next(tries) == 6
    assert len(told) == 1
    assert "3.14" not in told[0]
    for _ in range(61):
        counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
        clock.now += 1
    assert stored(store)["job"].requests > 0


def test_threads_count_each_request_once_and_store_once() -> None:
    class Slow(CountingStore):
        writing = threading.Event()
        go_on = threading.Event()

        def put_if_absent(self, key: str, data: bytes) -> str:
            self.writing.set()
            assert self.go_on.wait(60)
            return super().put_if_absent(key, data)

    store, clock = Slow(), Clock()
    counted = monitor(store, clock)
    seen = observed(MODEL, [0.5, 0.5])
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(counted.take, seen, 200, 1.0)
        assert store.writing.wait(60)
        clock.now += 120  # it is time again, but one is storing
        list(pool.map(lambda _: counted.take(seen, 200, 1.0), range(2000)))
        store.go_on.set()
        first.result(60)
    assert store.requests["put monitoring"] == 1
    clock.now += 120
    counted.take(seen, 200, 1.0)
    found = stored(store)["job"]
    assert (found.requests, found.predictions, found.counted) == (2002, 2002, 2002)
    assert sum(found.columns[1]) == 2002


def test_a_caller_waits_for_a_slow_store_no_longer_than_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "PATIENCE", 0.01)
    go_on, over = threading.Event(), threading.Event()

    class Down(CountingStore):
        def put_if_absent(self, key: str, data: bytes) -> str:
            assert go_on.wait(60)
            written = super().put_if_absent(key, data)
            over.set()
            return written

    store = Down()
    counted = Monitor(store, lambda _: None, clock=Clock())
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)  # comes back
    assert parts(store) == []
    go_on.set()
    assert over.wait(60)
    assert stored(store)["job"].requests == 1


def test_above_a_rate_columns_are_counted_of_evenly_spaced_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "VALUES_AT_ONCE", 200)
    monkeypatch.setattr(counting, "VALUES_A_SECOND", 20)
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    many = [[(row // 250) - 0.5, 0.5] for row in range(1000)]  # a quarter in each bin
    counted.take(observed(MODEL, *many), 200, 1.0)
    found = stored(store)["job"]
    assert (found.predictions, sum(found.labels), sum(found.probability)) == (1000, 1000, 1000)
    assert found.counted == 100
    assert found.columns[0][:4] == [25, 25, 25, 25]
    for second in range(1, 61):
        clock.now = BEGIN + second
        for _ in range(50):
            counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    found = stored(store)["job"]
    assert found.predictions == 1000 + 59 * 50 + 1
    assert found.counted == 100 + 59 * 10 + 1


def test_rows_do_not_pile_up_in_memory() -> None:
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    wide = model(500)
    for _ in range(2000):
        clock.now += 0.02
        counted.take(observed(wide, [0.5] * 500), 200, 1.0)
        assert counted._waiting <= 3 << 20
    models = [model(300) for _ in range(4)]
    for number in range(3000):
        clock.now += 0.02
        counted.take(observed(models[number % 4], [0.5] * 300, job=f"job{number % 400}"), 200, 1.0)
        assert counted._waiting <= 3 << 20


def test_however_many_versions_a_part_is_bounded_and_nothing_is_counted_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "MOST_VERSIONS", 20)
    monkeypatch.setattr(counting, "MOST_NUMBERS", 200)
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    for number in range(600):
        clock.now += 6
        counted.take(observed(MODEL, [0.5, 0.5], job=f"job{number % 37}"), 200, 1.0)
    clock.now += 60
    counted.take(observed(MODEL, [0.5, 0.5], job="job0"), 200, 1.0)
    found = stored(store)
    assert sum(each.requests for each in found.values()) == 601
    assert len(found) == 37
    for key in parts(store):
        versions = read_part(store.get(key).data) or {}
        assert len(versions) <= 20
        assert sum(len(column) for each in versions.values() for column in each.counts.columns) <= 200
    assert store.requests["put monitoring"] <= 62


def test_more_versions_than_a_part_takes_are_not_counted_until_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "MOST_VERSIONS", 20)
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    for number in range(100):
        counted.take(observed(MODEL, [0.5, 0.5], job=f"job{number}"), 200, 1.0)
    clock.now += 60
    counted.take(observed(MODEL, [0.5, 0.5], job="job1"), 200, 1.0)
    assert len(stored(store)) == 20


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1, 1.0, 10.0])
def test_an_instance_writes_at_most_100_times_an_hour(rate: float) -> None:
    """Poisson traffic of a day, with a store that fails at times and answers that are lost."""
    chosen, store, clock = Random(int(rate * 1000)), Failing(), Clock()  # noqa: S311 - no secret
    troubles = ("repeated", "unanswered", Unavailable("no answer"))
    store.next = (chosen.choice(troubles) if chosen.random() < 0.1 else None for _ in count())
    counted = monitor(store, clock)
    seen = [observed(MODEL, [0.5, 0.5], job=f"job{number}") for number in range(5)]
    end = BEGIN + (24 if rate <= 1 else 3) * HOUR
    requests, before, hour = 0, 0, 0
    while clock.now < end:
        clock.now += chosen.expovariate(rate)
        counted.take(chosen.choice(seen), 200, 1.0)
        requests += 1
        if int((clock.now - BEGIN) // HOUR) != hour:
            hour = int((clock.now - BEGIN) // HOUR)
            assert store.requests["put monitoring"] - before <= 100
            before = store.requests["put monitoring"]
    found = sum(each.requests for each in stored(store).values())
    assert requests * 0.9 - 700 * rate - 20 <= found <= requests


def test_a_clock_that_is_set_back_does_not_end_the_counting() -> None:
    store, clock = CountingStore(), Clock()
    counted = monitor(store, clock)
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    clock.now -= 5 * HOUR
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    clock.now += 60
    counted.take(observed(MODEL, [0.5, 0.5]), 200, 1.0)
    assert stored(store)["job"].requests == 3


def test_no_value_is_in_what_is_stored() -> None:
    store, clock = CountingStore(), Clock()
    monitor(store, clock).take(observed(MODEL, [1234.5678, 8765.4321]), 200, 1.0)
    (key,) = parts(store)
    data = store.get(key).data
    assert b"1234" not in data
    assert b"8765" not in data
    assert list(json.loads(data)) == ["format", "versions", "usage"]


@pytest.mark.parametrize("failures", [0.0, 0.3])
def test_what_is_stored_and_what_is_not_are_all_there_is(failures: float) -> None:
    """Over three hours, after each request; where answers are lost, some may be missing and none is twice."""
    chosen, store, clock = Random(7), Failing(), Clock()  # noqa: S311 - no secret
    troubles = ("repeated", "unanswered", Unavailable("no answer"))
    store.next = (chosen.choice(troubles) if chosen.random() < failures else None for _ in count())
    counted = monitor(store, clock)
    assert counted.unsaved(["job0"]) == {}
    requests = {f"job{number}": 0 for number in range(3)}
    while clock.now < BEGIN + 3 * HOUR:
        clock.now += chosen.expovariate(1 / 40)
        job = chosen.choice([*requests])
        counted.take(observed(MODEL, [0.5, 0.5], job=job), 200, 1.0)
        requests[job] += 1
        there, unsaved = stored(store), counted.unsaved([*requests, "another"])
        for each, made in requests.items():
            total = VersionCounts()
            for counts in (there.get(each), unsaved.get(each)):
                total.add(counts or VersionCounts())
            told = (
                total.requests,
                sum(total.labels),
                total.counted,
                sum(total.columns[0] if total.columns else ()),
            )
            assert told == (made,) * 4 or (failures and max(told) <= made)
    assert counted.unsaved(["another"]) == {}
