"""Documents: what a writer does when others are quicker, or the store is not well."""

import os

import pytest

from ml_core.documents import Body, read, read_if_changed, read_many, timestamp, update
from ml_core.errors import ObjectNotFound, Unavailable
from providers.local.runtime.store import FolderStore


@pytest.fixture
def store(tmp_path: object) -> FolderStore:
    return FolderStore(os.path.join(str(tmp_path), "store"))


def _count(body: Body | None) -> Body:
    body = body or {"count": 0}
    body["count"] += 1
    return body


def test_each_write_has_a_revision_and_its_writers_nonce(store: FolderStore) -> None:
    for number in range(1, 12):
        document = update(store, "d", _count)
        assert (document.body["count"], document.body["revision"]) == (number, number)
        assert document == read(store, "d")
    assert len(set(document.body["writers"])) == len(document.body["writers"]) == 8


def test_what_is_left_as_it_is_is_not_written(store: FolderStore) -> None:
    before = update(store, "d", _count)
    assert update(store, "d", lambda _: None) == before
    with pytest.raises(ObjectNotFound):
        update(store, "other", lambda _: None)


def test_a_change_that_fails_changes_nothing(store: FolderStore) -> None:
    before = update(store, "d", _count)
    with pytest.raises(ZeroDivisionError):
        update(store, "d", lambda body: _count(body) if 1 / 0 else None)
    assert read(store, "d") == before


def test_an_unchanged_document_is_not_read_again(store: FolderStore) -> None:
    document = update(store, "d", _count)
    assert read_if_changed(store, "d", document.stored) is None
    changed = update(store, "d", _count)
    assert read_if_changed(store, "d", document.stored) == changed


def test_several_are_read_in_order(store: FolderStore) -> None:
    for number in range(20):
        update(store, f"d/{number}", _count)
    found = read_many(store, [f"d/{number}" for number in range(-1, 21)])
    assert [document is None for document in found] == [True, *[False] * 20, True]


def test_pauses_grow_and_end_where_patience_does(store: FolderStore) -> None:
    """Jittered, at most four seconds: GCS takes one write of an object a second, from all together."""
    update(store, "d", _count)

    def overtaken(body: Body | None) -> Body:
        update(store, "d", _count)
        return _count(body)

    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        update(store, "d", overtaken, pause=pause)
    assert max(pauses) <= 4
    assert pauses[0] <= 0.05
    assert len(set(pauses)) > 30, "jittered"
    assert sum(pauses[-20:]) > 10 * sum(pauses[:4])
    with pytest.raises(Unavailable, match="too many others"):
        update(store, "d", overtaken, patience=-1, pause=pauses.append)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"revision": "1", "writers": []}', b"\xff"])
def test_a_damaged_document_is_said_to_be_damaged(store: FolderStore, data: bytes) -> None:
    store.put_if_absent("d", data)
    with pytest.raises(Unavailable, match="'d' is damaged"):
        read(store, "d")


def test_times_are_rfc_3339() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
