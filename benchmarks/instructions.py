"""Instructions of a fresh process: the stable measure of a cold start, whatever else the machine does."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import median


class CannotCount(RuntimeError):
    """Neither the processor's counters nor valgrind are to be had."""


@cache
def counter() -> str:
    """`perf` where the machine counts instructions, else `valgrind` (slower, repeatable to the digit)."""
    if shutil.which("perf") and _perf(["true"], os.environ) is not None:
        return "perf"
    if shutil.which("valgrind"):
        return "valgrind"
    raise CannotCount(
        "counting instructions needs `valgrind`, or `perf` with hardware counters; found neither"
    )


def count(command: Sequence[str], env: Mapping[str, str], runs: int = 3) -> int:
    """The median number of user-space instructions of `command`, after one run that warms the file cache.

    Raises:
        CannotCount: nothing on this machine counts instructions.
        subprocess.CalledProcessError: the command failed.
    """
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    if counter() == "valgrind":
        return _valgrind(command, env)
    return int(median(_perf(command, env) or 0 for _ in range(runs)))


def _perf(command: Sequence[str], env: Mapping[str, str]) -> int | None:
    measured = subprocess.run(
        ["perf", "stat", "-x,", "-e", "instructions:u", *command],
        env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    found = re.search(r"^(\d+),", measured.stderr, re.MULTILINE)
    return int(found[1]) if found else None


def _valgrind(command: Sequence[str], env: Mapping[str, str]) -> int:
    measured = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
        env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return sum(int(found) for found in re.findall(r"Collected : (\d+)", measured.stderr))
