"""What predictions turned out to be: each receipt counts once, whatever fails and whoever writes beside."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ml_core.conflicts import FeedbackFull
from ml_core.documents import Document, read, update
from ml_core.errors import DocumentDamaged, Unavailable
from ml_core.monitoring import feedback
from ml_core.monitoring.feedback import (
    ID_LENGTH,
    Taken,
    Truth,
    count,
    feedback_key,
    feedback_of,
    wilson,
)
from ml_core.ports import ObjectStore
from providers.local.runtime.store import FolderStore

DAY = 24 * 60  # minutes
FIRST = 20_000 * DAY  # 2024-10-04T00:00Z
JOB, OTHER = "a" * 28, "b" * 28


@pytest.fixture
def store(tmp_path: object) -> FolderStore:
    return FolderStore(os.path.join(str(tmp_path), "store"))


def truth(number: int, minute: int = FIRST, predicted: int = 0, true: int | None = 0, **more: Any) -> Truth:
    return Truth(number.to_bytes(ID_LENGTH), minute, predicted, more.get("bin", 19), true)


def of(job: str, *truths: Truth) -> list[tuple[str, Truth]]:
    return [(job, each) for each in truths]


def day_of(store: ObjectStore, job: str, day: str = "2024-10-04") -> Document:
    return read(store, feedback_key(job, day))


def test_counts_are_what_was_told(store: FolderStore) -> None:
    told = [
        truth(1, FIRST, 0, 0, bin=19),
        truth(2, FIRST + 59, 0, 1, bin=10),
        truth(3, FIRST + 60, 1, 1, bin=10),
        truth(4, FIRST + 61, 1, None, bin=None),
    ]
    assert count(store, of(JOB, *told)) == (4, 0)
    found = feedback_of(store, JOB, "2024-10-04", "2024-10-04")
    assert (found.labelled, found.correct) == (4, 2)
    assert found.confusion == {(0, 0): 1, (0, 1): 1, (1, 1): 1, (1, None): 1}
    assert found.calibration == [[0, 0]] * 10 + [[2, 1]] + [[0, 0]] * 8 + [[1, 1], [1, 0]]
    assert found.hours == {"2024-10-04T00": [2, 1], "2024-10-04T01": [2, 1]}


def test_days_and_versions_are_apart_and_days_add_up(store: FolderStore) -> None:
    days = [truth(number, FIRST + number * DAY, true=number % 2) for number in range(40)]
    assert count(store, [*of(JOB, *days), *of(OTHER, *days[:3])]) == (43, 0)
    assert feedback_of(store, OTHER, "2024-01-01", "2025-01-01").labelled == 3
    found = feedback_of(store, JOB, "2024-10-05", "2024-10-08")
    assert (found.labelled, found.correct) == (4, 2)
    assert list(found.hours) == [f"2024-10-0{day}T00" for day in (5, 6, 7, 8)]
    assert feedback_of(store, JOB, "2024-01-01", "2024-01-02").labelled == 0


def test_a_receipt_counts_once_in_one_call_and_in_several(store: FolderStore) -> None:
    one, two = truth(1), truth(2)
    assert count(store, of(JOB, one, one)) == (1, 1)
    before = day_of(store, JOB)
    assert count(store, of(JOB, one._replace(true=None))) == (0, 1)
    assert day_of(store, JOB) == before, "nothing is written where nothing is new"
    assert count(store, of(JOB, two, one)) == (1, 1)
    assert feedback_of(store, JOB, "2024-10-04", "2024-10-04").confusion == {(0, 0): 2}


def test_of_many_who_tell_the_same_each_receipt_is_counted_for_one(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.documents._FIRST_PAUSE", 0.001)
    batches = [[truth(number) for number in range(start, start + 30)] for start in range(0, 60, 10)]

    def tell(batch: list[Truth]) -> Taken:
        return count(store, of(JOB, *batch))

    with ThreadPoolExecutor(6) as callers:
        told = list(callers.map(tell, batches))
    assert sum(each.counted for each in told) == 80
    assert sum(each.repeated for each in told) == 6 * 30 - 80
    assert feedback_of(store, JOB, "2024-10-04", "2024-10-04").confusion == {(0, 0): 80}


class Losing(FolderStore):
    """Does what it is asked to, and loses the answers of some writes; refuses all writes of some keys."""

    lose: tuple[int, ...] = ()
    refuse = "nothing"
    writes = 0

    def _answer(self, key: str, revision: str) -> str:
        self.writes += 1
        if self.writes in self.lose:
            raise Unavailable(f"the answer about {key} was lost")
        return revision

    def put_if_absent(self, key: str, data: bytes) -> str:
        if self.refuse in key:
            raise Unavailable("refused")
        return self._answer(key, super().put_if_absent(key, data))

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        if self.refuse in key:
            raise Unavailable("refused")
        return self._answer(key, super().put_if_unchanged(key, data, revision))


def test_a_lost_answer_does_not_make_a_receipt_count_twice(tmp_path: object) -> None:
    store = Losing(os.path.join(str(tmp_path), "store"))
    store.lose = (1, 3)
    assert count(store, of(JOB, truth(1), truth(2))) == (2, 0)
    assert count(store, of(JOB, truth(3), truth(2))) == (1, 1)
    assert feedback_of(store, JOB, "2024-10-04", "2024-10-04").labelled == 3


def test_who_was_told_of_a_failure_sends_all_again(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_core.documents._FIRST_PAUSE", 0.0)
    store = Losing(os.path.join(str(tmp_path), "store"))
    store.refuse = "2024-10-05"
    told = of(JOB, truth(1), truth(2, FIRST + DAY), truth(3, FIRST + 2 * DAY))
    with pytest.raises(Unavailable):
        count(store, told)
    store.refuse = "nothing"
    assert count(store, told) == (1, 2)
    assert feedback_of(store, JOB, "2024-10-04", "2024-10-06").labelled == 3


def test_a_day_is_bounded(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_A_DAY", 5)
    count(store, of(JOB, *map(truth, range(4))))
    with pytest.raises(FeedbackFull, match=r"4 predictions of 2024-10-04 .* at most 5 are counted"):
        count(store, of(JOB, *map(truth, range(3, 6)), truth(9, FIRST + DAY)))
    assert feedback_of(store, JOB, "2024-10-04", "2024-10-04").labelled == 4
    assert feedback_of(store, JOB, "2024-10-05", "2024-10-05").labelled == 1, "another day has room"
    assert count(store, of(JOB, truth(1), truth(8))) == (1, 1), "a repeated one takes no room"


def test_ids_of_a_full_day_are_kept_exactly(store: FolderStore) -> None:
    numbers = [number * 7919 % 2**47 for number in range(2000)]
    for start in range(0, 2000, 500):
        assert count(store, of(JOB, *map(truth, numbers[start : start + 500]))) == (500, 0)
    assert count(store, of(JOB, *map(truth, numbers))) == (0, 2000)
    assert len(day_of(store, JOB).body["ids"]) == 2000 * ID_LENGTH * 4 / 3


@pytest.mark.parametrize(
    "damage",
    [
        {"ids": 3},
        {"ids": "?"},
        {"confusion": [[1]]},
        {"confusion": None},
        {"calibration": []},
        {"calibration": [[0, 0]]},
        {"hours": {"00": 1}},
        {"hours": []},
    ],
    ids=str,
)
def test_a_damaged_document_is_told_and_left(store: FolderStore, damage: dict[str, Any]) -> None:
    count(store, of(JOB, truth(1)))
    update(store, feedback_key(JOB, "2024-10-04"), lambda body: {**(body or {}), **damage})
    before = day_of(store, JOB)
    with pytest.raises(DocumentDamaged):
        count(store, of(JOB, truth(2)))
    assert day_of(store, JOB) == before


def test_intervals_are_wilsons() -> None:
    """Newcombe 1998, table I: the score interval without correction of 81/263, 15/148, 0/20, 1/29."""
    for correct, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(7, 7) == pytest.approx((0.6457, 1), abs=5e-5)
    assert wilson(0, 0) is None
