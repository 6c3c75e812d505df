"""What keys use: counted by instances beside predictions, summed once, told of each day."""

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest

from ml_core.documents import read
from ml_core.errors import Unavailable
from ml_core.monitoring.counting import EVERY, Monitor
from ml_core.monitoring.parts import (
    PARTS,
    USAGE,
    Usage,
    add_usage,
    part_bytes,
    part_key,
    read_part,
    read_usage,
    usage_key,
)
from ml_core.monitoring.reading import usage_between
from ml_core.monitoring.summing import Summing
from ml_core.ports import ObjectStore, every_object
from tests.contract.faults import FaultyStore, do_twice
from tests.counting_store import CountingStore
from tests.unit.ml_core.monitoring.observed import model, observed

DAY = 86_400.0
BEGIN = 1_795_694_400.0  # 2026-11-26T12:00:00Z


class Counted:
    """A monitor over a store, and its clock."""

    def __init__(self, store: ObjectStore | None = None) -> None:
        self.store: ObjectStore = store or CountingStore()
        self.now = BEGIN
        self.told: list[str] = []
        self.monitor = Monitor(self.store, self.told.append, clock=lambda: self.now, run=lambda work: work())

    def use(self, key: str = "k", rows: int = 0, jobs: int = 0, size: int = 0) -> None:
        self.monitor.use(key, rows, jobs, size, predicts=False)

    def predict(self, key: str = "k") -> None:
        self.monitor.use(key, 1, 0, 10, predicts=True)
        self.monitor.take(observed(model(), [0.5, 1.5]), 200, 1.0)

    def stored(self) -> Usage:
        total: Usage = {}
        for info in every_object(self.store, PARTS):
            add_usage(total, read_usage(self.store.get(info.key).data))
        return total


def test_what_is_used_rides_with_predictions() -> None:
    counted = Counted()
    counted.use(size=7)
    assert counted.stored() == {}
    counted.predict("other")
    assert counted.stored() == {"k": [1, 0, 0, 7], "other": [1, 1, 0, 10]}
    counted.use(rows=3, size=5)
    assert counted.stored()["k"] == [1, 0, 0, 7]
    assert counted.monitor.unsaved_usage() == {"k": [1, 3, 0, 5]}
    counted.now += EVERY
    counted.predict("other")
    assert counted.stored() == {"k": [2, 3, 0, 12], "other": [2, 2, 0, 20]}
    assert counted.monitor.unsaved_usage() == {}


def test_without_predictions_it_is_stored_after_a_minute() -> None:
    counted = Counted()
    for second in range(60):
        counted.now = BEGIN + second
        counted.use()
    assert counted.stored() == {}
    counted.now = BEGIN + EVERY
    counted.use()
    assert counted.stored() == {"k": [61, 0, 0, 0]}
    counted.use()
    assert counted.stored() == {"k": [61, 0, 0, 0]}


def test_a_job_is_stored_at_once() -> None:
    counted = Counted()
    counted.use(jobs=1, size=100)
    assert counted.stored() == {"k": [1, 0, 1, 100]}


def test_the_first_prediction_is_stored_at_once_all_the_same() -> None:
    counted = Counted()
    counted.use(jobs=1)
    counted.now += 1
    counted.predict()
    assert counted.stored() == {"k": [2, 1, 1, 10]}
    counted.use(jobs=1)
    counted.now += EVERY - 1
    counted.predict()
    assert counted.stored() == {"k": [3, 1, 2, 10]}
    counted.now += 1
    counted.predict()
    assert counted.stored() == {"k": [5, 3, 2, 30]}


def test_a_store_that_fails_is_not_asked_with_every_job() -> None:
    refused: list[str] = []

    class Away(CountingStore):
        """A store that takes no new object."""

        def put_if_absent(self, key: str, data: bytes) -> str:
            refused.append(key + str(len(data)))
            raise Unavailable("away")

    counted = Counted(Away())
    counted.use(jobs=1)
    first = len(refused)
    for _ in range(5):
        counted.use(jobs=1)
    assert len(refused) == first > 0
    assert len(counted.told) == 1
    counted.now += 601
    counted.use(jobs=1)
    assert len(refused) > first


def test_the_next_hour_counts_anew() -> None:
    counted = Counted()
    counted.use(jobs=1)
    counted.now += 3600
    counted.use(jobs=1)
    counted.use("late", jobs=1)
    parts = [read_usage(counted.store.get(info.key).data) for info in every_object(counted.store, PARTS)]
    assert parts == [{"k": [1, 0, 1, 0]}, {"k": [1, 0, 1, 0], "late": [1, 0, 1, 0]}]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"usage": 7}', b'{"usage": {"k": 7}}', b'{"usage": {"k": ["x", 0, 0, 0]}}']
)
def test_what_is_no_usage_is_none(data: bytes) -> None:
    assert read_usage(data) == {}
    assert read_usage(b'{"usage": {"k": [1, 2, 3]}}') == {}


def test_an_earlier_release_reads_a_part_and_this_one_reads_its_parts() -> None:
    now = part_bytes({}, {"k": [1, 2, 3, 4]})
    assert now == b'{"format":1,"versions":{},"usage":{"k":[1,2,3,4]}}'
    assert read_part(now) == {}
    assert read_usage(b'{"format":1,"versions":{}}') == {}


def filled() -> tuple[CountingStore, Usage]:
    """A store with parts of two days, and all that is in them."""
    store, chosen, total = CountingStore(), Random(3), dict[str, list[int]]()  # noqa: S311 - no secret
    for hour in ("2026-11-25T22", "2026-11-25T23", "2026-11-26T00", "2026-11-26T12"):
        for instance in ("i1", "i2", "i3"):
            used = {key: [chosen.randint(1, 99) for _ in range(4)] for key in chosen.sample("abc", 2)}
            store.put_if_absent(part_key(hour, instance), part_bytes({}, used))
            add_usage(total, used)
    return store, total


def told(store: ObjectStore) -> Usage:
    total: Usage = {}
    for used in usage_between(store, BEGIN - 3 * DAY, BEGIN + DAY, now=BEGIN + 300).days.values():
        add_usage(total, used)
    return total


def summed(store: ObjectStore, now: float = BEGIN + 300) -> int:
    return Summing(store, now, 90, lambda: True).run(None, None).parts


def test_parts_are_summed_once_and_told_once() -> None:
    store, total = filled()
    assert told(store) == total
    assert summed(store) == 9
    assert told(store) == total
    days = usage_between(store, BEGIN - DAY, BEGIN, now=BEGIN + 300).days
    assert sorted(days) == ["2026-11-25", "2026-11-26"]
    assert read(store, usage_key("2026-11-25")).body["usage"] == days["2026-11-25"]
    only = usage_between(store, BEGIN, BEGIN + 1, now=BEGIN + 300)
    assert list(only.days) == ["2026-11-26"]
    assert only.left_out == 0


class Killed(BaseException):
    """The process ended here."""


def kill_before(_: Callable[[], object]) -> object:
    raise Killed


def kill_after(operation: Callable[[], object]) -> object:
    operation()
    raise Killed


@pytest.mark.parametrize("how", [kill_before, kill_after, do_twice])
def test_whatever_breaks_off_nothing_is_summed_twice(how: Callable[[Callable[[], object]], object]) -> None:
    for place in range(1, 60):
        store, total = filled()
        with suppress(Killed, BaseExceptionGroup):
            summed(FaultyStore(store, place, how))
        assert told(store) == total, place
        summed(store)
        assert told(store) == total, place
        assert not [info for info in every_object(store, PARTS) if "T12" not in info.key]


def test_days_that_are_kept_no_longer_go() -> None:
    store, _ = filled()
    summed(store)
    assert len([*every_object(store, USAGE)]) == 2
    summed(store, BEGIN + 89.4 * DAY)
    assert len([*every_object(store, USAGE)]) == 2
    summed(store, BEGIN + 90.4 * DAY)
    assert [info.key for info in every_object(store, USAGE)] == [usage_key("2026-11-26")]
