"""Cases that were found by fuzzing are borne ever after, and fuzzing finds what it should."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import worker
from tests.fuzz.__main__ import ROOT, outcome
from tests.fuzz.mutation import Chance
from tests.fuzz.targets import TARGETS, Target, found

CASES = 150


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_once(target: str) -> None:
    """In a process with bounds: the cases that were found, and some more from a fixed seed."""
    files = tuple(map(str, found(target)))
    if files:
        ended = outcome(target, "0", len(files), files)
        assert ended.case is None, ended.said
    ended = outcome(target, "make test", CASES)
    assert ended.case is None, ended.said


def test_a_seed_draws_the_same_cases_again(tmp_path: Path) -> None:
    target = TARGETS["tables"](tmp_path)
    first, again = ([target.drawn(chance) for _ in range(200)] for chance in (Chance(7), Chance(7)))
    assert first == again
    assert len(set(first)) > 150


def test_a_sound_graph_is_answered_where_changed_ones_are_tried(tmp_path: Path) -> None:
    """Else every case might be refused for a reason of the target's own."""
    target = TARGETS["graphs"](tmp_path)
    assert [target.run(sample) for sample in target.samples] == [True] * len(target.samples)
    assert target.run(b"no graph") is False


class Fragile(Target):
    """Raises for one byte, and for another takes memory, time or its own life."""

    samples = [b"sample of some bytes"]  # noqa: RUF012 (fixed)

    def run(self, case: bytes) -> None:
        if b"!" in case:
            raise LookupError(case)
        if b"M" in case:
            bytearray(2 * worker.MOST_MEMORY)
        if b"A" in case:
            os.abort()
        while b"T" in case:
            pass


FRAGILE = """
import sys
from tests.fuzz import worker
from tests.fuzz.targets import TARGETS
from tests.fuzz.test_found import Fragile
TARGETS["fragile"], worker.MOST_SECONDS = Fragile, 0.2
raise SystemExit(worker.main("fragile", "0", "1", *sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("sign", "status", "told"),
    [
        *(("!", worker.FOUND, "LookupError"), ("M", worker.FOUND, "MemoryError")),
        *(("T", worker.FOUND, "TooSlow"), ("A", -signal.SIGABRT, ""), ("-", 0, "")),
    ],
)
def test_what_must_not_be_is_found(sign: str, status: int, told: str, tmp_path: Path) -> None:
    file, current = tmp_path / "case", tmp_path / "current"
    file.write_bytes(b"a case with " + sign.encode())
    ran = subprocess.run(
        [sys.executable, "-c", FRAGILE, str(current), str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == status, ran.stderr
    assert told in ran.stderr
    assert current.read_bytes() == file.read_bytes()
