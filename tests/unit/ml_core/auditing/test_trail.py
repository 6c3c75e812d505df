"""The trail of changes: what is written when, and reading it page by page while others write."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_core.auditing.reading import entries, forget
from ml_core.auditing.trail import SETTLED, Trail, TrailEntry, id_at, is_entry_id, time_of
from ml_core.errors import AccessRefused, ObjectExists, Unavailable
from ml_core.ports import every_object
from ml_core.registry.retention import DAY
from providers.local.runtime.store import FolderStore

NOW = 1_790_000_000.0


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def written(trail: Trail, number: int = 0, **about: Any) -> TrailEntry:
    """An entry that a change of the model `iris` began."""
    return trail.begin(
        by="4f0c", method="PUT", route="/v1/x", request_id=f"r{number}", about={"model": "iris", **about}
    )


def every(
    store: FolderStore, limit: int = 7, meanwhile: Callable[[], Any] = lambda: None
) -> list[TrailEntry]:
    """What is on all pages, with something done between two of them."""
    found, after = [], None
    while True:
        page = entries(store, limit, after, begin=0)
        found += page.entries
        assert len(page.entries) <= limit
        after = page.next_after
        if after is None:
            return found
        meanwhile()


def test_an_entry_has_its_status_once_it_is_known(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    trail = Trail(store, Clock())
    begun = written(trail, job=None, instances=[[1, 2]], key="sml_secret")
    assert entries(store, 5, None, begin=0).entries == [begun]
    assert (begun.status, begun.time, begun.model) == (None, "2026-09-21T14:13:20Z", "iris")
    trail.end(begun, 202, {"job": "a" * 28, "rows": 7, "model": "iris", "alias": None})
    (told,) = entries(store, 5, None, begin=0).entries
    assert told == begun._replace(status=202, job="a" * 28)
    stored = [store.get(found.key).data for found in every_object(store, "audit/")]
    assert len(stored) == 2
    assert all(b"secret" not in data and b"instances" not in data for data in stored)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    trail = Trail(store, Clock())
    begun = written(trail)
    trail.end(begun, 200, {})
    trail.end(begun, 500, {})
    assert entries(store, 5, None, begin=0).entries[0].status == 200


class FailingStore(FolderStore):
    """A folder whose writes fail in some way."""

    def __init__(self, root: str, fails: Callable[[], Any], *, arrives: bool = False) -> None:
        super().__init__(root)
        self._fails = fails
        self._arrives = arrives

    def put_if_absent(self, key: str, data: bytes) -> str:
        if self._arrives:
            super().put_if_absent(key, data)
        self._fails()
        return super().put_if_absent(key, data)


@pytest.mark.parametrize("kind", [Unavailable, AccessRefused])
def test_what_cannot_be_written_down_is_refused(tmp_path: Path, kind: type[Unavailable]) -> None:
    def fail() -> None:
        raise kind("the store is away")

    with pytest.raises(kind, match="nothing was changed, for it could not be written down: the store is aw"):
        written(Trail(FailingStore(str(tmp_path), fail)))


def test_a_write_whose_answer_was_lost_is_a_write(tmp_path: Path) -> None:
    store = FailingStore(str(tmp_path), lambda: None, arrives=True)
    with pytest.raises(ObjectExists):
        store.put_if_absent("x", b"")
    begun = written(Trail(store))
    assert entries(store, 5, None, begin=0).entries == [begun]


@pytest.mark.parametrize("seconds", [SETTLED + 1, -1])
def test_what_was_written_too_late_for_readers_is_refused(tmp_path: Path, seconds: float) -> None:
    clock = Clock()

    def take_long() -> None:
        clock.at += seconds

    with pytest.raises(Unavailable, match="nothing was changed, for writing it down took over 60 seconds"):
        written(Trail(FailingStore(str(tmp_path), take_long), clock))


@pytest.mark.parametrize("limit", [1, 2, 7, 24, 25, 26, 1000])
def test_every_entry_is_on_one_page_newest_first(tmp_path: Path, limit: int) -> None:
    store, clock = FolderStore(str(tmp_path)), Clock()
    trail = Trail(store, clock)
    made = []
    for number in range(25):
        made.append(written(trail, number))
        clock.at += number % 3  # some at the same moment
        if number % 2:
            trail.end(made[-1], 200, {})
    found = every(store, limit)
    assert sorted(each.id for each in found) == sorted(each.id for each in made)
    assert [each.time for each in found] == sorted((each.time for each in made), reverse=True)
    statuses = {each.id: each.status for each in found}
    assert [statuses[each.id] for each in made] == [None, 200] * 12 + [None]


def test_entries_that_come_meanwhile_move_none_to_another_page(tmp_path: Path) -> None:
    store, clock = FolderStore(str(tmp_path)), Clock()
    trail = Trail(store, clock)
    made = [written(trail, number) for number in range(30)]

    def more() -> None:
        clock.at += 0.001
        trail.end(written(trail, 100), 200, {})
        trail.end(made.pop(), 200, {})  # an end changes no place

    there = {each.id for each in made}
    found = [each.id for each in every(store, 4, more)]
    assert len(set(found)) == len(found)
    assert there <= set(found)


def test_several_write_while_several_read(tmp_path: Path) -> None:
    store, clock = FolderStore(str(tmp_path)), Clock()
    trail = Trail(store, clock)
    there = {written(trail, number).id for number in range(20)}
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            clock.at += 0.001
            trail.end(written(trail), 200, {})

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            found = [each.id for each in every(store, 6)]
            assert len(set(found)) == len(found)
            assert there <= set(found)
    finally:
        over.set()
        for writer in writers:
            writer.join()


def test_only_the_time_that_was_asked_for(tmp_path: Path) -> None:
    store, clock = FolderStore(str(tmp_path)), Clock()
    trail = Trail(store, clock)
    made = []
    for _ in range(5):
        made.append(written(trail))
        clock.at += 10
    page = entries(store, 10, None, begin=NOW + 10, end=NOW + 30)
    assert page.entries == [made[2], made[1]]
    assert page.next_after is None


def test_a_filtered_page_reads_so_many_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_core.auditing.reading._MOST_READ", 10)
    store, clock = FolderStore(str(tmp_path)), Clock()
    trail = Trail(store, clock)
    for number in range(25):
        clock.at += 1
        written(trail, number, model="wine" if number == 3 else "iris")
    page = entries(store, 5, None, begin=0, told=lambda entry: entry.model == "wine")
    assert page.entries == []
    assert page.next_after is not None
    found = []
    while page.next_after:
        page = entries(store, 5, page.next_after, begin=0, told=lambda entry: entry.model == "wine")
        found += page.entries
    assert [each.request_id for each in found] == ["r3"]


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'{"status": "200"}', b'{"by": 7}', b"[" * 100_000])
def test_of_a_damaged_entry_its_time_is_told(tmp_path: Path, data: bytes) -> None:
    store = FolderStore(str(tmp_path))
    begun = written(Trail(store, Clock()))
    store.put_if_absent(f"audit/{begun.id}.end", data)
    assert entries(store, 5, None, begin=0).entries == [TrailEntry(begun.id, begun.time)]


def test_other_objects_below_the_prefix_are_none(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    store.put_if_absent("audit/readme", b"x")
    store.put_if_absent(f"audit/{'g' * 28}", b"x")
    assert entries(store, 5, None, begin=0).entries == []


def test_what_is_kept_no_longer_goes_with_its_end(tmp_path: Path) -> None:
    store, clock = FolderStore(str(tmp_path)), Clock()
    trail = Trail(store, clock)
    trail.end(written(trail), 200, {})
    written(trail)
    clock.at += DAY
    kept = written(trail)
    assert forget(store, NOW + 1, lambda: False) == 0
    assert forget(store, NOW + 1, lambda: True) == 2
    assert [found.key for found in every_object(store, "audit/")] == [f"audit/{kept.id}"]
    assert forget(store, NOW + DAY, lambda: True) == 0
    assert forget(store, NOW + DAY + 0.001, lambda: True) == 1


def test_ids_tell_their_time() -> None:
    assert id_at(NOW + 1) < id_at(NOW)
    assert is_entry_id(id_at(NOW))
    assert time_of(id_at(NOW)) == NOW
    assert not is_entry_id("x")


def test_an_entry_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    """What is written today, written out: a later release reads it."""
    store = FolderStore(str(tmp_path))
    entry_id = "fe5de356807f0123456789abcdef"
    said = {
        "time": "2026-11-27T11:00:00Z", "by": "4f0c", "method": "PUT",
        "route": "/v1/models/{model}/aliases/{alias}", "request_id": "r1", "status": 200,
        "model": "iris", "version": 2, "alias": "production",
    }  # fmt: skip
    store.put_if_absent(f"audit/{entry_id}.end", json.dumps(said).encode())
    (found,) = entries(store, 5, None, begin=0).entries
    assert {name: value for name, value in found._asdict().items() if value is not None} == {
        "id": entry_id, **said,
    }  # fmt: skip
