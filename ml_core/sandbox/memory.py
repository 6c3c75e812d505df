"""How much of a function's memory the fitting process may take, so that it fails alone and in time.

A platform that counts memory for the whole function kills all of it at once: the trainer with the fit.
"""

import os
import resource
from contextlib import suppress
from typing import NamedTuple

from ml_core.tables.memory import machine_budget


class FunctionMemory(NamedTuple):
    """What the platform gives the function: `bytes`, or what the machine has where that is None.

    With `holds_disk` whatever is on the disk is in that memory too.
    """

    bytes: int | None = None
    holds_disk: bool = False

    @property
    def total(self) -> int | None:
        """The function's memory, in bytes."""
        known = [size for size in (self.bytes, machine_budget().bytes) if size is not None]
        return min(known, default=None)

    def left(self, on_disk: int) -> int | None:
        """What is left for the fit beside this process, and the bytes that it has brought to the disk."""
        if self.total is None:
            return None
        kept = sum(map(own_bytes, _KEPT))
        return max(1, self.total - _resident_bytes() - kept - (on_disk if self.holds_disk else 0))


_KEPT: set[int] = set()


def count_in(pid: int) -> None:
    """Deduct from now on what a process holds that waits for work."""
    _KEPT.add(pid)


def leave_out(pid: int) -> None:
    """Do not deduct it any more."""
    _KEPT.discard(pid)


def own_bytes(pid: int | str = "self") -> int:
    """What a process holds that is not a file's; 0 where the system does not say."""
    resident, of_files = _pages(pid)
    return (resident - of_files) * os.sysconf("SC_PAGE_SIZE")


def _resident_bytes() -> int:
    """What this process holds of the memory; 0 where the system does not say."""
    return _pages("self")[0] * os.sysconf("SC_PAGE_SIZE")


def _pages(pid: int | str) -> tuple[int, int]:
    """How many pages a process holds, and how many of them are a file's."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            resident, of_files = file.read().split()[1:3]
    except OSError:
        return 0, 0
    return int(resident), int(of_files)


def is_nearly_spent(spare: int = 64 << 20) -> bool:
    """Whether this process has less than `spare` bytes left of the data that its limit allows it."""
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    if limit == resource.RLIM_INFINITY:
        return False
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as file:  # Linux has it
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024 + spare > limit
    return False


def prefer_oom_kill() -> None:
    """When memory runs out the system ends this process, and its parent lives to tell."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # Linux has it
        score.write("1000")


def oom_kills() -> int:
    """How many processes the system has ended for memory, as far as it says."""
    counted = 0
    for path in ("/proc/vmstat", *_control_group()):
        with suppress(OSError), open(path, encoding="ascii") as file:
            counted += sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    return counted


def _control_group() -> list[str]:
    """The files in which this process's control group counts."""
    group = ""
    with suppress(OSError), open("/proc/self/cgroup", encoding="utf-8") as file:
        group = next((line.strip()[3:] for line in file if line.startswith("0::")), "")
    return [
        f"/sys/fs/cgroup{group.rstrip('/')}/memory.events",
        "/sys/fs/cgroup/memory/memory.oom_control",
    ]
