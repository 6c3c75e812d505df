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
def test_a_library_is_a_tenth_as_long_and_works(tmp_path: Path) -> None:
    copy = Path(shutil.copy(LIBRARY, tmp_path))
    trim(str(tmp_path))
    assert copy.stat().st_size < LIBRARY.stat().st_size / 10
    ran = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split("]] ") == ["[[1, 2.5", f"{copy}\n"], ran.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"\x7fELF\x01\x01\0.debug_info\0", b"MZ\0.debug_info\0"]
)
def test_what_is_no_such_library_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.so"
    file.write_bytes(content)
    trim(str(tmp_path))
    assert file.read_bytes() == content
