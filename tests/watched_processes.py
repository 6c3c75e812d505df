"""Whether a process that is nobody's child here has ended.

Linux takes a process out of `/proc` while others look. Opening its file may fail then (`ENOENT`), and reading
one that is open already (`ESRCH`).
"""

import os
import select


def is_dead(pid: int) -> bool:
    """Whether a process is gone, or dead with nobody who asked for its status: its new parent may not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_dead(pid: int) -> None:
    """Return when a process has ended.

    Raises:
        AssertionError: it lives for a minute more.
    """
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([watched], [], [], 60)[0], f"process {pid} is still alive"
    finally:
        os.close(watched)
