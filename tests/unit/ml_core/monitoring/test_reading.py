"""What was counted between two moments: sums of days and the parts that are in none of them."""

import json

import pytest

from ml_core.documents import update
from ml_core.monitoring import reading
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.parts import Counted, part_bytes, part_key, sum_key
from ml_core.monitoring.reading import window, windows
from ml_core.objects import StoredObject
from ml_core.registry.retention import DAY
from tests.counting_store import CountingStore

NOON = 1_795_694_400.0  # 2026-11-26T12:00:00Z


def counts(predictions: int) -> VersionCounts:
    found = VersionCounts()
    found.predictions = predictions
    found.labels = [predictions]
    return found


def put_part(store: CountingStore, hour: str, instance: str, **predictions: int) -> None:
    versions = {job: Counted("churn", 1, counts(number)) for job, number in predictions.items()}
    store.put_if_absent(part_key(hour, instance), part_bytes(versions, {}))


def put_sum(store: CountingStore, job: str, date: str, predictions: int, parts: dict[str, str]) -> None:
    body = {"format": 1, "model": "churn", "version": 1, "parts": parts}
    update(store, sum_key(job, date), lambda _: {**body, "counts": counts(predictions).described()})


def test_a_part_that_is_in_its_days_sum_is_counted_once() -> None:
    store = CountingStore()
    put_sum(store, "job", "2026-11-26", 5, {"10": "one"})
    put_part(store, "2026-11-26T10", "one", job=5)
    put_part(store, "2026-11-26T10", "two", job=7)
    put_part(store, "2026-11-26T11", "one", job=11, other=100)
    found = window(store, "job", NOON - 3600, NOON, now=NOON)
    assert [(day.date, day.counts.predictions) for day in found.days] == [("2026-11-26", 23)]
    assert found.counts.labels == [23]
    assert (found.begin, found.end, found.left_out) == (NOON - DAY / 2, NOON, 0)


def test_days_are_whole_and_others_are_not_read() -> None:
    store = CountingStore()
    for day in range(20, 27):
        put_sum(store, "job", f"2026-11-{day}", day, {})
    put_part(store, "2026-11-24T23", "one", job=1000)
    put_part(store, "2026-11-26T00", "one", job=100)
    store.forget()
    found = window(store, "job", NOON - 4 * DAY, NOON - 1.5 * DAY, now=NOON)
    assert [(day.date, day.counts.predictions) for day in found.days] == [
        ("2026-11-22", 22),
        ("2026-11-23", 23),
        ("2026-11-24", 1024),
    ]
    assert (found.begin, found.end) == (NOON - 4.5 * DAY, NOON - 1.5 * DAY)
    assert store.requests["get monitoring"] == 4


def test_of_several_versions_the_parts_are_read_once() -> None:
    store = CountingStore()
    for instance in range(10):
        put_part(store, "2026-11-26T11", f"i{instance}", a=1, b=2)
    found = windows(store, ["a", "b", "c"], NOON, NOON, now=NOON)
    assert {job: each.counts.predictions for job, each in found.items()} == {"a": 10, "b": 20, "c": 0}
    assert found["c"].days == ()
    assert store.requests["get monitoring"] == 10


def test_what_is_too_much_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_PARTS", 3)
    monkeypatch.setattr(reading, "MOST_DAYS", 2)
    store = CountingStore()
    for hour in range(5):
        put_part(store, f"2026-11-26T0{hour}", "one", job=10**hour)
    for day in (22, 23, 24):
        put_sum(store, "job", f"2026-11-{day}", 1_000_000, {})
    found = window(store, "job", NOON - 10 * DAY, NOON, now=NOON)
    assert found.left_out == 3
    assert found.counts.predictions == 2_011_100


def test_a_part_that_goes_meanwhile_and_one_of_another_kind_count_nothing() -> None:
    class Forgetful(CountingStore):
        def get(self, key: str) -> StoredObject:
            if "one" in key:
                self.delete(key)
            return super().get(key)

    store = Forgetful()
    put_part(store, "2026-11-26T11", "one", job=1)
    for number, data in enumerate((b"{", b"[]", b'{"format":2}', json.dumps({"format": 1}).encode())):
        store.put_if_absent(part_key("2026-11-26T11", f"odd{number}"), data)
    assert window(store, "job", NOON, NOON, now=NOON).days == ()
