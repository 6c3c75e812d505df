"""What is known of how a process died, and what that is evidence of."""

import os
import signal
import subprocess
import sys

import pytest

from ml_core.sandbox.child_process import ChildProcess, Death
from ml_core.sandbox.memory import oom_kills

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LIMIT = 800 << 20
WHERE = 'File "/x/sklearn/svm/_base.py", line 3 in _dense_fit'
PANIC = "panicked at arrow-buffer-59.0.0/src/util/bit_chunk_iterator.rs:224:9"


@pytest.mark.parametrize(
    ("death", "memory"),
    [
        (Death(1, 0), False),
        (Death(1, 0, ("Memory allocation still failed",)), True),
        (Death(-signal.SIGABRT, 0), False),
        (Death(-signal.SIGABRT, 0, ("memory allocation of 64 bytes failed",)), True),
        (Death(-signal.SIGABRT, 0, ("std::bad_alloc",)), True),
        (Death(-signal.SIGABRT, LIMIT // 2), True),
        (Death(-signal.SIGABRT, LIMIT // 2, (PANIC,)), False),
        (Death(-signal.SIGSEGV, LIMIT // 3, (WHERE,)), False),
        (Death(-signal.SIGSEGV, LIMIT // 2, ("Fatal Python error: Segmentation fault", WHERE)), True),
        (Death(-signal.SIGKILL, LIMIT // 2), False),
        (Death(-signal.SIGKILL, LIMIT - 1), True),
        (Death(-signal.SIGKILL, 0, oom_killed=True), True),
        (Death(-signal.SIGTERM, LIMIT - 1), False),
    ],
)
def test_memory_is_the_cause_where_there_is_evidence(death: Death, memory: bool) -> None:
    assert death.lacked_memory(LIMIT) == memory


def test_a_crash_without_a_limit_is_no_evidence() -> None:
    assert not Death(-signal.SIGSEGV, LIMIT).lacked_memory(None)
    assert Death(-signal.SIGABRT, 0, ("std::bad_alloc",)).lacked_memory(None)


def _ended(code: str) -> Death:
    heard: list[bytes] = []
    with ChildProcess([sys.executable, "-c", code], heard.append) as child:
        assert child.ended.wait(60)
        return child.death


def test_of_last_words_those_are_kept_that_are_known_and_quote_nothing() -> None:
    said = [
        "thread 'row 17' (123) panicked at arrow-59.0.0/src/lib.rs:224:9:",
        "secret row 17",
        "memory allocation of 73728 bytes failed",
        "ValueError: could not convert string to float: 'secret row 17'",
        "x" * 100_000,
    ]
    death = _ended(f"import os, sys\nfor line in {said!r}: print(line, file=sys.stderr)\nos.abort()")
    assert death.status == -signal.SIGABRT
    assert death.said == (
        "panicked at arrow-59.0.0/src/lib.rs:224:9",
        "memory allocation of 73728 bytes failed",
    )


def test_any_amount_of_last_words_is_read_and_little_kept() -> None:
    death = _ended("import sys\nfor _ in range(20_000): print('std::bad_alloc', 'x' * 50, file=sys.stderr)")
    assert death.status == 0
    assert set(death.said) == {"std::bad_alloc"}
    assert len(death.said) == 40


def test_a_cause_is_kept_after_any_number_of_frames() -> None:
    frames = "import sys\nfor _ in range(500): print('  File \"x.py\", line 1, in f', file=sys.stderr)\n"
    death = _ended(f"{frames}print('MemoryError', file=sys.stderr)\nsys.exit(1)")
    assert death.lacked_memory(None)
    assert len(death.said) < 50


PEAKS = """
import sys
from ml_core.sandbox.child_process import ChildProcess

for code in ("b'x' * (1 << 30)", "pass"):
    with ChildProcess([sys.executable, "-c", code], lambda _: None) as child:
        child.ended.wait()
        print(child.death.peak)
"""


def test_the_most_memory_is_that_of_this_process_and_of_no_other() -> None:
    """A larger process before it, whose memory the system counts in the same sum, does not.

    Asked by a process of its own: what this one has held by now depends on the tests before.
    """
    command = [sys.executable, "-c", PEAKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    large, small = map(int, done.stdout.split())
    assert large > 1 << 30
    assert small < 1 << 29


def test_leaving_ends_it() -> None:
    with ChildProcess([sys.executable, "-c", "import time; time.sleep(600)"], lambda _: None) as child:
        pass
    assert child.death.status == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_what_the_system_ended_for_memory_is_counted_where_it_says_so() -> None:
    assert oom_kills() >= 0
