"""What is written to the laptop's data folder is whole or not at all, whatever becomes of the writer."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_core.errors import ObjectExists
from providers.local.runtime.data_folder import DataFolder

ROOT = Path(__file__).resolve().parents[4]

# A writer that is stopped when all is on the disk and before it has a name.
WRITER = """
import os, sys
from providers.local.runtime.data_folder import DataFolder

def stop(*_, **__):
    print("written", flush=True)
    sys.stdin.read()

root, named = sys.argv[1:]
if named == "named":
    os.O_TMPFILE = None
os.link = stop
DataFolder(root).put_if_absent("scores/part", b"killed")
"""


@pytest.fixture(params=["nameless", "named"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether a file may be without a name, which not all systems have."""
    if request.param == "named":
        monkeypatch.setattr(os, "O_TMPFILE", None, raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no files without names")
    return str(request.param)


def _kill_a_writer(root: Path, how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.kill()


def test_a_killed_writer_leaves_nothing_once_the_file_is_written(how: str, tmp_path: Path) -> None:
    _kill_a_writer(tmp_path, how)
    if how == "nameless":
        assert list((tmp_path / "scores").iterdir()) == []
    folder = DataFolder(str(tmp_path))
    folder.put_if_absent("scores/part", b"whole")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "scores").iterdir()] == [
        ("part", b"whole")
    ]


@pytest.mark.usefixtures("how")
def test_only_the_first_writer_of_a_file_writes_it(tmp_path: Path) -> None:
    folder = DataFolder(str(tmp_path))
    revision = folder.put_if_absent("scores/part", b"first")
    with pytest.raises(ObjectExists):
        folder.put_if_absent("scores/part", b"second")
    assert folder.opened("scores/part").revision == revision
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "scores").iterdir()] == [
        ("part", b"first")
    ]


def test_a_writer_whose_file_the_first_one_removed_is_told_that_it_was_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "O_TMPFILE", None, raising=False)
    folder, sync = DataFolder(str(tmp_path)), os.fsync
    late: list[int] = []

    def while_another_is_quicker(file: int) -> None:
        if not late:
            late.append(file)
            folder.put_if_absent("scores/part", b"first")
        sync(file)

    monkeypatch.setattr(os, "fsync", while_another_is_quicker)
    with pytest.raises(ObjectExists):
        folder.put_if_absent("scores/part", b"second")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "scores").iterdir()] == [
        ("part", b"first")
    ]


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EISDIR])
def test_a_file_system_without_nameless_files_is_written_to(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refused(path: str, flags: int, *others: int, dir_fd: int | None = None) -> int:
        if path == ".":
            raise OSError(number, os.strerror(number))
        return opened(path, flags, *others, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refused)
    DataFolder(str(tmp_path)).put_if_absent("scores/part", b"whole")
    assert [path.name for path in (tmp_path / "scores").iterdir()] == ["part"]
