"""Libraries in packages lack what only debuggers read, and are loaded all the same."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from providers.deploying.packages import trim

LIBRARY = Path(importlib.util.find_spec("csimdjson").origin or "")  # type: ignore[union-attr]
PROGRAM = "import csimdjson; print(csimdjson.Parser().parse(b'[[1, 2.5]]').as_list(), csimdjson.__file__)"


@pytest.mark.skipif(sys.platform != "linux", reason="a library of Linux's")
def test_a_library_without_them_is_loaded(tmp_path: Path) -> None:
    copy = Path(shutil.copy(LIBRARY, tmp_path))
    trim(str(tmp_path))
    assert b"\0.debug_info\0" not in copy.read_bytes()
    assert copy.stat().st_size < 700_000
    assert copy.stat().st_mode == LIBRARY.stat().st_mode
    ran = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split("]] ") == ["[[1, 2.5", f"{copy}\n"], ran.stderr


def test_what_is_linked_to_a_library_keeps_its_bytes(tmp_path: Path) -> None:
    """An installer links files from its cache: who cuts these cuts every environment, and what runs there."""
    header = b"\x7fELF\x02\x01".ljust(0x20, b"\0") + (64).to_bytes(8, "little")
    header = header.ljust(0x36, b"\0") + (56).to_bytes(2, "little") + (1).to_bytes(2, "little")
    program = bytes(32) + (120).to_bytes(8, "little")  # of the file the first 120 bytes
    whole = header.ljust(64, b"\0") + program.ljust(56, b"\0") + b"\0.debug_info\0"
    cache, folder = tmp_path / "cache", tmp_path / "package"
    cache.write_bytes(whole)
    folder.mkdir()
    (folder / "linked.so").hardlink_to(cache)
    trim(str(folder))
    assert (folder / "linked.so").stat().st_size == 120
    assert cache.read_bytes() == whole
    assert [file.name for file in folder.iterdir()] == ["linked.so"]


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"\x7fELF\x01\x01\0.debug_info\0", b"MZ\0.debug_info\0"]
)
def test_what_is_no_such_library_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.so"
    file.write_bytes(content)
    trim(str(tmp_path))
    assert file.read_bytes() == content
