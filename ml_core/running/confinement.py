"""What a process gives up before it looks at a stranger's graph, for good.

Each of these is tried alone, and does not lean on another: a system that has no seccomp still opens no file,
since no number is left for one.
"""

import os
import resource
from contextlib import suppress

from ml_core.running.seccomp import allow_computing_alone
from ml_core.sandbox.memory import prefer_oom_kill
from ml_core.sandbox.orphans import be_killed_with_parent

_PR_SET_DUMPABLE = 4
_NOBODY = 65534
_STANDARD_FILES = 3
# What a process may compute in all its life: the last resort, since its parent ends it long before.
MOST_CPU_SECONDS = 3600


def confine(memory: int, scratch: str) -> bool:
    """Give up files, processes, sockets and privileges; whether seccomp holds this process to it.

    Whatever is to be imported has been: nothing is opened any more, and the standard files alone stay open.

    Args:
        memory: how many bytes this process may take beside what it has now.
        scratch: a folder in which an empty one is made, entered and removed: nothing can be made in it.
    """
    prefer_oom_kill()
    os.closerange(_STANDARD_FILES, _most_files())  # what a library has opened as it was imported
    _enter_nowhere(scratch)
    _be_nobody()
    be_killed_with_parent()  # after that: who becomes another user is asked anew
    for limit, value in (
        (resource.RLIMIT_CPU, MOST_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open
        (resource.RLIMIT_AS, _address_space() + memory),
    ):
        with suppress(OSError, ValueError):  # a system may refuse one of them
            resource.setrlimit(limit, (value, value))
    return allow_computing_alone()


def hide_from_children() -> None:
    """Have the system show this process's environment and memory to no process of the same user.

    Linux alone has it. A debugger does not get at it either, nor is there a core: for a function alone.
    """
    import ctypes

    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit_cpu(pid: int, seconds: float) -> None:
    """Have the system end a process that computes for so many seconds more: its parent may be stuck.

    Linux alone can do this to another process, and where that is another user's it may not.
    """
    with suppress(AttributeError, OSError, ValueError):
        most = min(int(cpu_seconds(pid) + seconds) + 2, MOST_CPU_SECONDS)
        resource.prlimit(pid, resource.RLIMIT_CPU, (most, MOST_CPU_SECONDS))


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()  # the name before may hold anything
    except OSError:
        return 0.0
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _most_files() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 16 if most == resource.RLIM_INFINITY else most


def _enter_nowhere(scratch: str) -> None:
    folder = os.path.join(scratch, f"serverless-ml-nowhere-{os.getpid()}-{os.urandom(8).hex()}")
    with suppress(OSError):
        os.mkdir(folder, 0o500)
        os.chdir(folder)
        os.rmdir(folder)


def _be_nobody() -> None:
    """Where this is root: its privileges would be the graph's."""
    if os.geteuid() == 0:
        with suppress(OSError):  # a container may know no other user
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def _address_space() -> int:
    """What this process has of addresses, in bytes."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 1 << 30  # where the limit counts otherwise it is no more than a wish
