"""The `ObjectStore` port: what holds on every store."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator

import pytest

from ml_core.errors import ObjectExists, ObjectNotFound, RevisionMismatch, Unavailable
from ml_core.objects import LARGEST_PAGE
from ml_core.ports import ObjectStore
from tests.contract.backend import backend, clouds_with_a_store
from tests.contract.places import Place, race

NAMES = [
    "a",
    "a/b",
    "a/b/c",
    "a-b",
    "a.d",
    "a.d/c",
    "a.c",
    "A",
    "jobs/x.json",
    "jobs/x/input",
    "%41",
    "a b+c",
    "Ärger/ö",
    "A\u0308rger",
    "日本/語.json",
    "🎈",
    "quote'\"<>|*?:&=#;,",
    "~locks",
    ".tmp",
    "..x",
    "con",
    "n" * 80,
    "n" * 80 + "/q",
    "n" * 81,
    "long/" + "y" * 600,
    "語" * 300,
]
NO_KEYS = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    ".",
    "..",
    "a/../b",
    "../a",
    "a/.",
    "./a",
    "a\\b",
    "a\x00b",
    "a\nb",
    "x" * 1025,
]


def test_every_cloud_that_has_a_store_is_under_contract() -> None:
    assert {"local", "aws"} <= set(clouds_with_a_store())
    for cloud in clouds_with_a_store():
        assert callable(backend(cloud).open_store)


class TestReading:
    def test_what_was_written_is_read(self, store: ObjectStore) -> None:
        revision = store.put_if_absent("k", b"\x00\xff\r\n")
        assert store.get("k") == (b"\x00\xff\r\n", revision)

    def test_an_object_may_be_empty(self, store: ObjectStore) -> None:
        store.put_if_absent("k", b"")
        assert store.get("k").data == b""
        assert b"".join(store.opened("k").chunks) == b""

    def test_a_missing_key_raises_object_not_found(self, store: ObjectStore) -> None:
        store.put_if_absent("there/x", b"")
        for key in ("missing", "there", "there/x/y", "there/y"):
            with pytest.raises(ObjectNotFound, match=key):
                store.get(key)
            with pytest.raises(ObjectNotFound, match=key):
                store.get_if_changed(key, store.get("there/x").revision)
            with pytest.raises(ObjectNotFound, match=key):
                store.opened(key)

    def test_an_unchanged_object_is_not_sent_again(self, store: ObjectStore) -> None:
        revision = store.put_if_absent("k", b"1")
        assert store.get_if_changed("k", revision) is None
        revision = store.put_if_unchanged("k", b"2", revision)
        assert store.get_if_changed("k", revision) is None

    def test_a_changed_object_is_sent(self, store: ObjectStore) -> None:
        before = store.put_if_absent("k", b"1")
        after = store.put_if_unchanged("k", b"2", before)
        assert store.get_if_changed("k", before) == (b"2", after)


class TestWritingConditionally:
    def test_what_exists_is_not_created_again(self, store: ObjectStore) -> None:
        store.put_if_absent("k", b"1")
        with pytest.raises(ObjectExists, match="k"):
            store.put_if_absent("k", b"1")
        assert store.get("k").data == b"1"

    def test_only_the_present_revision_is_replaced(self, store: ObjectStore) -> None:
        first = store.put_if_absent("k", b"1")
        second = store.put_if_unchanged("k", b"2", first)
        with pytest.raises(RevisionMismatch, match="k"):
            store.put_if_unchanged("k", b"3", first)
        assert store.get("k") == (b"2", second)

    def test_what_is_gone_is_not_replaced(self, store: ObjectStore) -> None:
        revision = store.put_if_absent("k", b"1")
        store.delete("k")
        with pytest.raises(RevisionMismatch, match="k"):
            store.put_if_unchanged("k", b"2", revision)
        with pytest.raises(ObjectNotFound):
            store.get("k")

    def test_a_revision_does_not_come_back_with_other_content(self, store: ObjectStore) -> None:
        """Not even when the object was deleted and made anew, as small and as quickly as can be."""
        seen: dict[str, bytes] = {}
        for number in range(30):
            revision = store.put_if_absent("k", b"%02d" % number)
            assert seen.setdefault(revision, b"%02d" % number) == b"%02d" % number
            store.delete("k")

    def test_of_processes_that_create_the_same_objects_one_wins_each(self, place: Place) -> None:
        written = race([place.process("create", "folder", "25") for _ in range(4)])
        won = [number for each in written for number in json.loads(each)]
        assert sorted(won) == list(range(25))

    def test_no_count_is_lost_between_processes(self, place: Place) -> None:
        """The contention counter: four processes, forty increments each, by compare-and-swap alone."""
        store = place.open()
        store.put_if_absent("counters/one", b"0")
        race([place.process("count", "counters/one", "40") for _ in range(4)])
        assert store.get("counters/one").data == b"160"


class TestDeleting:
    def test_what_is_deleted_is_gone(self, store: ObjectStore) -> None:
        store.put_if_absent("a/b", b"")
        store.delete("a/b")
        assert store.list("").objects == []
        store.put_if_absent("a/b", b"again")
        assert store.get("a/b").data == b"again"

    def test_deleting_what_is_absent_is_no_error(self, store: ObjectStore) -> None:
        store.delete("never/was")

    def test_only_the_named_object_is_deleted(self, store: ObjectStore) -> None:
        for key in ("a", "a/b", "a/b/c"):
            store.put_if_absent(key, b"")
        store.delete("a/b")
        assert [found.key for found in store.list("").objects] == ["a", "a/b/c"]


class TestNames:
    def test_names_of_every_kind_are_kept_apart_and_come_back(self, store: ObjectStore) -> None:
        for name in NAMES:
            store.put_if_absent(name, name.encode())
        for name in NAMES:
            assert store.get(name).data == name.encode()
        assert [found.key for found in store.list("").objects] == sorted(NAMES, key=str.encode)
        for name in NAMES:
            store.delete(name)
        assert store.list("").objects == []

    @pytest.mark.parametrize("key", NO_KEYS, ids=ascii)
    def test_what_is_no_key_is_refused_everywhere(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(ValueError, match="object key"):
            store.get(key)
        with pytest.raises(ValueError, match="object key"):
            store.put_if_absent(key, b"")
        with pytest.raises(ValueError, match="object key"):
            store.put_if_unchanged(key, b"", "revision")
        with pytest.raises(ValueError, match="object key"):
            store.write_stream(key, [])
        with pytest.raises(ValueError, match="object key"):
            store.delete(key)


class TestListing:
    def test_an_empty_store_lists_nothing(self, store: ObjectStore) -> None:
        assert store.list("") == ([], None)
        assert store.list("folder/") == ([], None)

    def test_a_prefix_selects(self, store: ObjectStore) -> None:
        for key in ("jobs/1.json", "jobs/1/input", "jobs/2.json", "jobsite", "job", "a/jobs/1"):
            store.put_if_absent(key, b"")
        assert [found.key for found in store.list("jobs/").objects] == [
            "jobs/1.json",
            "jobs/1/input",
            "jobs/2.json",
        ]
        assert [found.key for found in store.list("jobs/1").objects] == ["jobs/1.json", "jobs/1/input"]
        assert [found.key for found in store.list("jobs").objects][-1] == "jobsite"
        assert store.list("jobs/3").objects == []

    def test_the_beginning_of_a_name_selects_on_every_page(self, store: ObjectStore) -> None:
        names = ["0", "00", "9", "a", "a-", "a-b", "a.b", "a0", "a0/x", "a00", "a1", "a_", "aa/y", "b", "b0"]
        keys = sorted(f"m/{name}.x" for name in names)
        for key in [*keys, "l/a.x", "n/a.x", "m.x"]:
            store.put_if_absent(key, b"")
        for beginning in ("", "0", "00", "9", "a", "a-", "a.", "a0", "a_", "aa", "ab", "b", "b0.x", "c"):
            for limit in (1, 3, 100):
                found = _all_keys(store, f"m/{beginning}", limit)
                assert found == [key for key in keys if key.startswith(f"m/{beginning}")]

    def test_pages_follow_each_other_without_gap_or_repetition(self, store: ObjectStore) -> None:
        keys = [f"p/{number:02d}{ending}" for number in range(10) for ending in (".json", "/input", "é")]
        for key in keys:
            store.put_if_absent(key, b"")
        for limit in (1, 7, 10, 15, 29, 30, 31):
            assert _all_keys(store, "p/", limit) == sorted(keys, key=str.encode)

    def test_a_full_last_page_is_the_last(self, store: ObjectStore) -> None:
        for number in range(4):
            store.put_if_absent(f"p/{number}", b"")
        assert store.list("p/", limit=4).next_after is None
        assert store.list("p/", limit=3).next_after == "p/2"

    def test_a_listing_goes_on_after_a_key_that_is_gone(self, store: ObjectStore) -> None:
        for number in range(4):
            store.put_if_absent(f"p/{number}", b"")
        store.delete("p/1")
        assert [found.key for found in store.list("p/", after="p/1").objects] == ["p/2", "p/3"]

    def test_a_listing_is_longer_than_a_page_of_the_cloud(self, store: ObjectStore) -> None:
        keys = [f"many/{number:04d}" for number in range(LARGEST_PAGE + 5)]
        for key in keys:
            store.put_if_absent(key, b"")
        first = store.list("many/")
        assert len(first.objects) == LARGEST_PAGE
        assert _all_keys(store, "many/", LARGEST_PAGE) == keys

    def test_a_listing_tells_size_and_time(self, store: ObjectStore) -> None:
        store.put_if_absent("k", b"12345")
        (found,) = store.list("").objects
        assert found.size == 5
        assert abs(found.modified - time.time()) < 60

    @pytest.mark.parametrize("limit", [0, -1, LARGEST_PAGE + 1])
    def test_a_page_has_bounds(self, store: ObjectStore, limit: int) -> None:
        with pytest.raises(ValueError, match="1 to 1000"):
            store.list("", limit=limit)


class TestStreams:
    def test_a_large_object_comes_back_whole(self, store: ObjectStore) -> None:
        """Larger than the parts in which clouds take uploads, and than any buffer on the way."""
        block = bytes(range(256)) * 4096
        store.write_stream("large", (block for _ in range(24)))
        read = hashlib.sha256()
        for chunk in store.opened("large").chunks:
            read.update(chunk)
        assert read.digest() == hashlib.sha256(block * 24).digest()
        assert store.list("large").objects[0].size == 24 << 20

    def test_what_is_opened_has_the_size_and_the_revision_that_were_written(self, store: ObjectStore) -> None:
        revision = store.put_if_absent("k", b"12345")
        opened = store.opened("k")
        assert (opened.size, opened.revision, b"".join(opened.chunks)) == (5, revision, b"12345")

    def test_what_is_opened_is_read_as_it_was_or_not_at_all(self, store: ObjectStore) -> None:
        """Never the bytes of another revision than the one that was told."""
        revision = store.put_if_absent("k", b"old")
        opened = store.opened("k")
        store.put_if_unchanged("k", b"new", revision)
        try:
            read = b"".join(opened.chunks)
        except Unavailable:
            read = b"old"
        assert read == b"old"
        assert store.opened("k").revision != revision

    def test_a_large_object_is_created_only_once(self, store: ObjectStore) -> None:
        data = bytes(12 << 20)
        store.put_if_absent("large", data)
        with pytest.raises(ObjectExists):
            store.put_if_absent("large", data)
        assert store.get("large").data == data

    def test_a_stream_replaces_what_was_there(self, store: ObjectStore) -> None:
        revision = store.put_if_absent("k", b"old")
        store.write_stream("k", [b"ne", b"", b"w"])
        assert store.get("k").data == b"new"
        with pytest.raises(RevisionMismatch):
            store.put_if_unchanged("k", b"other", revision)

    def test_a_stream_that_breaks_off_changes_nothing(self, store: ObjectStore) -> None:
        def broken() -> Iterator[bytes]:
            yield bytes(9 << 20)
            raise ZeroDivisionError

        store.put_if_absent("k", b"old")
        for key in ("k", "new"):
            with pytest.raises(ZeroDivisionError):
                store.write_stream(key, broken())
        assert store.get("k").data == b"old"
        assert [found.key for found in store.list("").objects] == ["k"]


class TestFailing:
    def test_a_store_that_does_not_answer_is_unavailable(self, dead_store: ObjectStore) -> None:
        """Whatever the cloud's library raises, callers see one error, which tells nothing of this machine."""
        started = time.monotonic()
        attempts: list[Callable[[], object]] = [
            lambda: dead_store.get("k"),
            lambda: dead_store.get_if_changed("k", "revision"),
            lambda: dead_store.put_if_absent("k", b""),
            lambda: dead_store.put_if_unchanged("k", b"", "revision"),
            lambda: dead_store.list(""),
            lambda: dead_store.delete("k"),
            lambda: dead_store.opened("k"),
            lambda: dead_store.write_stream("k", [b""]),
        ]
        for attempt in attempts:
            with pytest.raises(Unavailable) as failure:
                attempt()
            assert "127.0.0.1" not in str(failure.value)
            assert "/" not in str(failure.value)
        assert time.monotonic() - started < 60

    def test_a_writer_that_is_killed_leaves_the_old_or_the_new_object(self, place: Place) -> None:
        store = place.open()
        for _ in range(5):
            writer = place.process("overwrite", "torn/object")
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            for _ in range(3):
                _whole(store, "torn/object")
            writer.kill()
            writer.communicate()
            # What the writer had sent may still arrive after its death, whole, and once.
            for _ in range(2):
                found = _whole(store, "torn/object")
                try:
                    assert found is None or store.put_if_unchanged("torn/object", found[0], found[1])
                    break
                except RevisionMismatch:
                    continue
            else:
                raise AssertionError("somebody still writes")
        assert len(store.list("").objects) <= 1


def _whole(store: ObjectStore, key: str) -> tuple[bytes, str] | None:
    """The object, which must be whole; None where none is yet."""
    try:
        data, revision = store.get(key)
    except ObjectNotFound:
        return None
    assert data[-32:] == hashlib.sha256(data[:-32]).digest()
    return data, revision


def _all_keys(store: ObjectStore, prefix: str, limit: int) -> list[str]:
    keys, after = [], None
    while True:
        page = store.list(prefix, after=after, limit=limit)
        keys += [found.key for found in page.objects]
        after = page.next_after
        if after is None:
            return keys
