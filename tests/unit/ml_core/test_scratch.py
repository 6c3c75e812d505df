"""Folders that outlive nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_core.sandbox.scratch import scratch_folder

HOLDER = """
from ml_core.sandbox.scratch import scratch_folder
with scratch_folder() as folder:
    open(folder + "/data", "w").write("half")
    print(folder, flush=True)
    input()
"""


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_is_held_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.getcwd()},
    )
    assert holder.stdout is not None
    held = holder.stdout.readline().strip()
    with scratch_folder() as mine:
        assert os.path.exists(os.path.join(held, "data"))
        holder.kill()
        holder.communicate()
        with scratch_folder() as another:
            assert sorted(os.listdir(tmp_path)) == sorted(map(os.path.basename, (mine, another)))
    assert os.listdir(tmp_path) == []
