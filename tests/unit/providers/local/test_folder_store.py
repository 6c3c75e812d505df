"""What is the folder store's own; what holds on every store is in tests/contract/."""

import os
import subprocess
import sys
import threading
import time

import pytest

from ml_core.errors import Unavailable
from providers.local.runtime.store import FolderStore

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))))

NO_ROOM = """
import resource, sys
from ml_core.errors import Unavailable
from providers.local.runtime.store import FolderStore

store = FolderStore(sys.argv[1])
revision = store.put_if_absent("k", b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # what a full disk does, at a place of our own
attempts = [
    lambda: store.put_if_absent("new", bytes(8192)),
    lambda: store.put_if_unchanged("k", bytes(8192), revision),
    lambda: store.write_stream("k", [bytes(1024)] * 8),
]
for attempt in attempts:
    try:
        attempt()
    except Unavailable as error:
        print(error)
print([found.key for found in store.list("").objects], store.get("k").data)
"""

LOCK_HOLDER = """
import sys
from providers.local.runtime.store import FolderStore

FolderStore(sys.argv[1])._lock("k").__enter__()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: object) -> str:
    """Where a store will be."""
    return os.path.join(str(tmp_path), "store")


def _process(code: str, root: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, root],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _files(root: str) -> list[str]:
    return [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]


def test_nothing_is_made_by_reading(root: str) -> None:
    store = FolderStore(root)
    assert store.list("").objects == []
    store.delete("a/b")
    assert not os.path.exists(root)


def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(root: str) -> None:
    written, _ = _process(NO_ROOM, root).communicate(timeout=30)
    *refusals, left = written.splitlines()
    assert refusals == ["the object store's folder failed: File too large"] * 3
    assert left == "['k'] b'old'"
    assert os.listdir(os.path.join(root, "~unfinished")) == []


def test_a_lock_is_free_when_its_holder_is_killed(root: str) -> None:
    holder = _process(LOCK_HOLDER, root)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    writer = threading.Thread(target=FolderStore(root).put_if_absent, args=("k", b"1"))
    writer.start()
    writer.join(0.2)
    assert writer.is_alive(), "the lock is held"
    holder.kill()
    holder.communicate()
    writer.join(30)
    assert not writer.is_alive()
    assert FolderStore(root).get("k").data == b"1"


def test_what_killed_writers_left_is_removed_after_an_hour(root: str) -> None:
    FolderStore(root).put_if_absent("k", b"1")
    unfinished = os.path.join(root, "~unfinished")
    for name, age in (("old", 3700), ("fresh", 10)):
        path = os.path.join(unfinished, name)
        with open(path, "wb") as file:
            file.write(b"half")
        os.utime(path, (time.time() - age,) * 2)
    FolderStore(root).put_if_absent("l", b"1")
    assert os.listdir(unfinished) == ["fresh"]
    assert [found.key for found in FolderStore(root).list("").objects] == ["k", "l"]


def test_folders_go_with_their_last_object(root: str) -> None:
    store = FolderStore(root)
    store.put_if_absent("a/b/c", b"")
    store.put_if_absent("a/d", b"")
    store.delete("a/b/c")
    assert [os.path.relpath(path, root) for path in _files(root) if "~" not in path] == ["a.d/d"]
    assert os.listdir(os.path.join(root, "a.d")) == ["d"]


def test_objects_are_written_while_others_remove_the_last_of_a_folder(root: str) -> None:
    """A writer makes its folder again when a deleter was quicker."""

    def write_and_delete(name: str) -> None:
        store = FolderStore(root)
        for _ in range(100):
            store.put_if_absent(f"a/b/{name}", b"")
            store.delete(f"a/b/{name}")

    writers = [threading.Thread(target=write_and_delete, args=(str(number),)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert FolderStore(root).list("").objects == []


def test_file_names_suit_every_file_system(root: str) -> None:
    """Lower-case ASCII, at most 255 bytes: no two keys meet where case or Unicode forms are folded."""
    store = FolderStore(root)
    for key in ("Model", "model", "é", "e\u0301", "x" * 1000, "語" * 300, "a:b*?", "a.d", "~queue", "A/B"):
        store.put_if_absent(key, b"")
    for path in _files(root):
        for name in os.path.relpath(path, root).split(os.sep):
            assert name.isascii()
            assert name == name.lower()
            assert len(name) <= 255


def test_a_file_that_somebody_put_there_is_no_object(root: str) -> None:
    store = FolderStore(root)
    store.put_if_absent("k", b"")
    for name in (".DS_Store", "README", "a%zz", "x%"):
        with open(os.path.join(root, name), "wb"):
            pass
    assert [found.key for found in store.list("").objects] == ["k"]


def test_a_damaged_file_is_unavailable(root: str) -> None:
    store = FolderStore(root)
    revision = store.put_if_absent("k", b"")
    with open(os.path.join(root, "k"), "wb") as file:
        file.write(b"short")
    with pytest.raises(Unavailable, match="not written by it"):
        store.get("k")
    with pytest.raises(Unavailable, match="not written by it"):
        store.get_if_changed("k", revision)


def test_a_stream_that_nobody_reads_keeps_no_file_open(root: str) -> None:
    store = FolderStore(root)
    store.put_if_absent("k", bytes(10))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(10):
        store.opened("k")
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before
