"""Libraries in packages lack what only debuggers read, and are loaded all the same."""

import importlib.util
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from providers.deploying.packages import trim, trim_to_predict

LIBRARY = Path(importlib.util.find_spec("csimdjson").origin or "")  # type: ignore[union-attr]
NUMPY = Path(importlib.util.find_spec("numpy").origin or "").parent  # type: ignore[union-attr]
PROGRAM = "import csimdjson; print(csimdjson.Parser().parse(b'[[1, 2.5]]').as_list(), csimdjson.__file__)"
RECKONING = """
import io
import numpy as np
product = np.dot([1.0, 2.0], [3.0, 4.0])
values = np.linalg.eigvalsh(np.diag([3.0, 2.0]))
np.save(file := io.BytesIO(), np.array([1.0, 2.0]))
file.seek(0)
print(np.__file__, product, values.tolist(), np.load(file).tolist())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a library of Linux's")
def test_a_library_without_them_is_loaded(tmp_path: Path) -> None:
    copy = Path(shutil.copy(LIBRARY, tmp_path))
    trim(str(tmp_path))
    assert b"\0.debug_info\0" not in copy.read_bytes()
    assert copy.stat().st_size < 700_000
    assert copy.stat().st_mode == LIBRARY.stat().st_mode
    assert ran(PROGRAM, tmp_path).split("]] ") == ["[[1, 2.5", f"{copy}\n"]


@pytest.mark.skipif(sys.platform != "linux", reason="libraries of Linux's")
def test_numpy_without_them_and_without_its_sources_reckons(tmp_path: Path) -> None:
    """Its wheel's tools put what is loaded behind the symbols: these become zeros, where they are."""
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(NUMPY.parent / name, tmp_path / name)
    (library,) = (tmp_path / "numpy.libs").glob("libscipy_openblas*.so")
    whole = library.read_bytes()
    assert b"\0.symtab\0" in whole
    trim_to_predict(str(tmp_path), "/var/task")
    assert b"\0.symtab\0" not in library.read_bytes()
    assert len(zlib.compress(library.read_bytes(), 1)) < 0.985 * len(zlib.compress(whole, 1))
    assert not list(tmp_path.rglob("*.py"))
    assert ran(RECKONING, tmp_path) == f"{tmp_path / 'numpy' / '__init__.pyc'} 11.0 [2.0, 3.0] [1.0, 2.0]\n"


def ran(program: str, folder: Path) -> str:
    """What a program printed that finds no packages but those in `folder`."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_linked_to_a_library_keeps_its_bytes(tmp_path: Path) -> None:
    """An installer links files from its cache: who cuts these cuts every environment, and what runs there."""
    header = b"\x7fELF\x02\x01".ljust(0x20, b"\0") + (64).to_bytes(8, "little")
    header = header.ljust(0x36, b"\0") + (56).to_bytes(2, "little") + (1).to_bytes(2, "little")
    program = bytes(32) + (120).to_bytes(8, "little")  # of the file the first 120 bytes
    whole = header.ljust(64, b"\0") + program.ljust(56, b"\0") + b"\0.symtab\0"
    cache, folder = tmp_path / "cache", tmp_path / "package"
    cache.write_bytes(whole)
    folder.mkdir()
    (folder / "linked.so").hardlink_to(cache)
    trim(str(folder))
    assert (folder / "linked.so").stat().st_size == 120
    assert cache.read_bytes() == whole
    assert [file.name for file in folder.iterdir()] == ["linked.so"]


def test_what_lies_between_two_parts_that_are_loaded_becomes_zeros(tmp_path: Path) -> None:
    header = b"\x7fELF\x02\x01".ljust(0x20, b"\0") + (64).to_bytes(8, "little")
    header = header.ljust(0x36, b"\0") + (56).to_bytes(2, "little") + (2).to_bytes(2, "little")
    parts = [(240, 8), (200, 8)]  # in the table they stand in any order
    table = b"".join(
        (bytes(8) + offset.to_bytes(8, "little") + bytes(16) + length.to_bytes(8, "little")).ljust(56, b"\0")
        for offset, length in parts
    )
    file = tmp_path / "apart.so"
    file.write_bytes(
        (header.ljust(64, b"\0") + table).ljust(200, b"x")
        + b"loaded 1"
        + b"\0.symtab\0".ljust(32, b"x")
        + b"loaded 2"
        + b"more"
    )
    trim(str(tmp_path))
    assert file.read_bytes()[176:] == bytes(24) + b"loaded 1" + bytes(32) + b"loaded 2"
    once = file.read_bytes()
    trim(str(tmp_path))
    assert file.read_bytes() == once


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x01\x01\0.symtab\0", b"MZ\0.symtab\0"])
def test_what_is_no_such_library_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.so"
    file.write_bytes(content)
    trim(str(tmp_path))
    assert file.read_bytes() == content
