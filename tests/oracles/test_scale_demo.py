"""`make demo-scale`: what one process and Lithops' workers make of one table is the same to the last bit."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_streamed_and_lithops_agree_on_models_and_scores() -> None:
    """Blocks of so many rows are large enough for BLAS to use more threads where it may."""
    ran = subprocess.run(
        [sys.executable, "-m", "examples.demo.scale", "--rows", "200000"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "learnt the same numbers, to the last bit: yes" in ran.stdout
    assert "wrote the same files, byte for byte: yes" in ran.stdout
