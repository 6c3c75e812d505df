"""Runs cases in a process that may die.

    python -m tests.fuzz.worker <target> <seed> <cases> <current> [file …]

Before each case its bytes are written to the file <current>, where they are found when this dies. With files,
these are the cases. A case may take so much CPU time and so much memory and no more.
"""

import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Never

from tests.fuzz.targets import TARGETS

MOST_SECONDS = 10.0  # of CPU time, for samples of some kilobytes
MOST_MEMORY = 1 << 30  # bytes, beside what is there before the first case
FOUND = 3  # the status that tells of a case


class TooSlow(BaseException):
    """A case took too long; no handler of errors stops it."""


def main(name: str, seed: str, cases: str, current: str, *files: str) -> int:
    """Run them; the status. Prints a line at the end, or what was raised."""
    sys.setrecursionlimit(1_000)
    with tempfile.TemporaryDirectory() as folder:
        target = TARGETS[name](Path(folder))
        chance = random.Random(seed)  # noqa: S311 (cases, no secrets)
        target.run(target.samples[0])  # imports, models
        _limit_memory()
        signal.signal(signal.SIGPROF, _too_slow)
        given = [Path(file).read_bytes() for file in files]
        for number in range(len(given) if files else int(cases)):
            case = given[number] if files else target.drawn(chance)
            Path(current).write_bytes(case)
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
            try:
                target.run(case)
            except BaseException:  # noqa: BLE001 (that is what is looked for)
                signal.setitimer(signal.ITIMER_PROF, 0)
                traceback.print_exc()
                return FOUND
            signal.setitimer(signal.ITIMER_PROF, 0)
    print("done")
    return 0


def _too_slow(*_: object) -> Never:
    raise TooSlow(f"more than {MOST_SECONDS:.0f} seconds of CPU time")


def _limit_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")  # what RLIMIT_DATA counts
    limit = held + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
