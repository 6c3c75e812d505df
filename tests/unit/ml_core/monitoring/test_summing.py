"""The sweep sums what instances counted: each count once, whatever breaks off at whatever moment."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest

from ml_core.documents import read
from ml_core.errors import AccessRefused, Unavailable
from ml_core.monitoring import summing
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.feedback import FOLDER as FEEDBACK
from ml_core.monitoring.parts import PARTS, SUMS, Counted, part_bytes, part_key, sum_key
from ml_core.monitoring.reading import windows
from ml_core.monitoring.summing import Summed, Summing
from ml_core.ports import ObjectStore, every_object
from ml_core.registry.registry import artifact_key
from tests.contract.faults import FaultyStore, do_twice
from tests.counting_store import CountingStore

DAY = 86_400.0
NOW = 1_795_694_700.0  # 2026-11-26T12:05:00Z
JOBS = ("a", "b", "c")
HOURS = ("2026-11-25T22", "2026-11-25T23", "2026-11-26T00", "2026-11-26T11", "2026-11-26T12")


class Killed(BaseException):
    """The process ended here."""


def kill_before(_: Callable[[], object]) -> object:
    raise Killed


def kill_after(operation: Callable[[], object]) -> object:
    operation()
    raise Killed


def counts(number: int) -> VersionCounts:
    found = VersionCounts()
    found.requests = found.predictions = found.counted = number
    found.labels = [number, 2 * number]
    found.columns = [[number, 0, 3], [number]]
    found.probability_sum = number / 4
    return found


def filled(store: CountingStore | None = None, seed: int = 1) -> tuple[CountingStore, dict[str, int]]:
    """A store with parts of five hours, the last of which is not over, and how much they count by job."""
    store, chosen = store or CountingStore(), Random(seed)  # noqa: S311 - no secret
    total: dict[str, int] = dict.fromkeys(JOBS, 0)
    for hour in HOURS:
        for instance in ("i1", "i2", "i3"):
            jobs = chosen.sample(JOBS, chosen.randint(1, 3))
            numbers = {job: chosen.randint(1, 1000) for job in jobs}
            parts = {job: Counted(f"model-{job}", 3, counts(number)) for job, number in numbers.items()}
            store.put_if_absent(part_key(hour, instance), part_bytes(parts, {}))
            for job, number in numbers.items():
                total[job] += number
    for job in JOBS:
        store.put_if_absent(artifact_key(job), b"artifact")
    return store, total


def summed(store: ObjectStore, now: float = NOW, days: float = 90) -> Summed:
    return Summing(store, now, days, lambda: True).run(None, None)


def counted(store: ObjectStore, now: float = NOW) -> dict[str, int]:
    """How much a reader finds at this moment, in all its counts alike."""
    found = {}
    for job, window in windows(store, JOBS, NOW - 3 * DAY, NOW + DAY, now=now).items():
        total = window.counts
        assert total.labels in ([total.requests, 2 * total.requests], [])
        assert total.columns in ([[total.requests, 0, 3 * (total.columns[0][2] // 3)], [total.requests]], [])
        assert total.probability_sum == total.requests / 4
        found[job] = total.requests
        assert window.left_out == 0
    return found


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [info.key.removeprefix(prefix) for info in every_object(store, prefix)]


def test_hours_that_are_over_are_in_the_sums_of_their_days() -> None:
    store, total = filled()
    assert summed(store).parts == 12
    assert keys(store, PARTS) == [f"2026-11-26T12/i{number}.json" for number in (1, 2, 3)]
    assert keys(store, SUMS) == [f"{job}/2026-11-{day}.json" for job in JOBS for day in (25, 26)]
    assert counted(store) == total
    body = read(store, sum_key("a", "2026-11-25")).body
    assert (body["format"], body["model"], body["version"]) == (1, "model-a", 3)
    assert {"22", "23"} >= set(body["parts"]) != set()


def test_an_hour_is_summed_some_minutes_after_it_is_over() -> None:
    store, total = filled()
    summed(store)
    assert summed(store, NOW + 3599).parts == 0
    assert summed(store, NOW + 3600).parts == 3
    assert keys(store, PARTS) == []
    assert counted(store, NOW + 4000) == total
    assert summed(store, NOW + 3600).parts == 0


@pytest.mark.parametrize("fault", [kill_before, kill_after])
def test_a_sweep_that_is_killed_at_any_operation_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[Callable[[], object]], object]
) -> None:
    monkeypatch.setattr(summing, "_AT_ONCE", 1)
    monkeypatch.setattr(summing, "_BATCH", 5)
    nth = 0
    while True:
        nth += 1
        store, total = filled()
        faulty = FaultyStore(store, nth, fault, lasting=True)
        with suppress(Killed, Unavailable):
            summed(faulty)
        assert counted(store) == total
        with suppress(Killed, Unavailable):  # and the next one as well
            summed(FaultyStore(store, nth // 2 + 1, fault, lasting=True))
        assert counted(store) == total
        summed(store)
        assert counted(store) == total
        assert len(keys(store, PARTS)) == 3
        if len(faulty.operations) < nth:
            break
    assert nth > 40


def test_requests_that_are_sent_twice_and_answers_that_are_lost_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summing, "_AT_ONCE", 1)
    monkeypatch.setattr("ml_core.documents._FIRST_PAUSE", 0.0)
    for nth in range(1, 60):
        store, total = filled()
        summed(FaultyStore(store, nth, do_twice))
        assert counted(store) == total
        assert len(keys(store, PARTS)) == 3


def test_two_sweeps_at_once_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "_AT_ONCE", 1)
    monkeypatch.setattr(summing, "_BATCH", 5)
    monkeypatch.setattr("ml_core.documents._FIRST_PAUSE", 0.0)
    for nth in range(1, 45):
        store, total = filled()

        def other(operation: Callable[[], object], store: CountingStore = store) -> object:
            summed(store)
            return operation()

        summed(FaultyStore(store, nth, other))
        assert counted(store) == total
        assert len(keys(store, PARTS)) == 3


def test_a_part_of_a_later_release_is_left_alone_until_it_is_old() -> None:
    store, _ = filled()
    store.put_if_absent(part_key("2026-11-25T21", "later"), b'{"format":2}')
    store.put_if_absent(part_key("2026-11-25T21", "odd"), b"odd")
    summed(store)
    assert keys(store, PARTS)[:2] == ["2026-11-25T21/later.json", "2026-11-25T21/odd.json"]
    summed(store, NOW + 91 * DAY)
    assert keys(store, PARTS) == []


def test_a_sum_that_somebody_damaged_begins_anew() -> None:
    store, _ = filled()
    store.put_if_absent(sum_key("a", "2026-11-25"), b"damaged")
    summed(store)
    assert len(keys(store, PARTS)) == 3
    assert read(store, sum_key("a", "2026-11-25")).body["counts"]["requests"] > 0


def test_old_days_go_and_those_of_versions_whose_files_are_gone() -> None:
    store, _ = filled()
    store.put_if_absent(f"{FEEDBACK}a/2026-10-25.json", b"{}")
    store.put_if_absent(f"{FEEDBACK}a/2026-10-26.json", b"{}")
    store.put_if_absent(f"{FEEDBACK}b/2026-11-24.json", b"{}")
    store.put_if_absent("monitoring/receipt-key", b"key")
    store.delete(artifact_key("b"))
    found = summed(store, days=1)
    assert keys(store, SUMS) == ["a/2026-11-25.json", "a/2026-11-26.json"] + [
        f"c/2026-11-{day}.json" for day in (25, 26)
    ]
    assert keys(store, FEEDBACK) == ["a/2026-10-26.json"], "its receipts may still be sent"
    assert (found.forgotten, found.after, found.looked) == (4, None, "2026-11-26")
    summed(store, NOW + DAY, days=0)
    assert keys(store, SUMS) == []
    assert keys(store, "monitoring/r") == ["eceipt-key"]


def test_all_days_are_looked_at_page_after_page_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "_OLD_PAGES", 2)
    store = CountingStore()
    days = [f"2026-{month:02}-{day:02}" for month in range(1, 11) for day in range(1, 29)]
    store.fill((sum_key(f"job{job}", day), b"{}") for job in range(20) for day in days)
    store.fill((artifact_key(f"job{job}"), b"") for job in range(20))
    after = looked = None
    sweeps = forgotten = 0
    while looked is None:
        found = Summing(store, NOW, 300, lambda: True).run(after, looked)
        after, looked, sweeps, forgotten = found.after, found.looked, sweeps + 1, forgotten + found.forgotten
    assert sweeps == 4
    assert forgotten == 5600 - len(keys(store, SUMS)) > 0
    assert min(keys(store, SUMS)) == "job0/2026-01-30.json" or min(keys(store, SUMS)) >= "job0/2026-01-30"
    store.forget()
    assert Summing(store, NOW + 60, 300, lambda: True).run(after, looked).looked == looked
    assert store.requests == Counter({"list monitoring": 1})


def test_a_sweep_costs_the_same_however_much_was_ever_counted() -> None:
    costs = []
    for before in (100, 3000):
        store, _ = filled()
        store.fill((sum_key(f"job{number}", "2026-11-20"), b"{}") for number in range(before))
        store.forget()
        Summing(store, NOW, 90, lambda: True).run(None, "2026-11-26")
        costs.append(store.requests)
    assert costs[0] == costs[1]
    assert costs[0]["list monitoring"] == 1
    assert costs[0]["get monitoring"] == 12 + 6  # the parts, and the days that they belong to
    assert costs[0]["put monitoring"] == 6
    assert costs[0]["delete monitoring"] == 12


def test_a_sweep_ends_when_its_time_does_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "_BATCH", 2)
    store, total = filled()
    done = 0
    for _ in range(20):
        times = iter([True, True])
        done += Summing(store, NOW, 90, lambda times=times: next(times, False)).run(None, None).parts  # type: ignore[misc]
        assert counted(store) == total
    assert done == 12


def test_a_role_without_the_right_sums_nothing_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    store, _ = filled()

    def refused(_: Callable[[], object]) -> object:
        raise AccessRefused("the object storage refuses access")

    assert Summing(FaultyStore(store, 14, refused), NOW, 90, lambda: True).run(SUMS, "y") == Summed(
        0, 0, SUMS, "y"
    )
    assert "refuses access" in caplog.text
