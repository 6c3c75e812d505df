"""A list of the system calls that a process may make from now on, which the system itself holds it to.

A filter of seccomp's is a small program of classic BPF. It is described in
https://docs.kernel.org/userspace-api/seccomp_filter.html; linux/seccomp.h and linux/filter.h have the
constants. Ours lets through what computing takes: memory, clocks, locks, reading and writing what is open
already. Whatever is not named is refused with EPERM, so that a library can go on without it: opening files,
sockets, programs, processes and threads, signals, other processes' memory. New memory that could hold code is
refused as well.
"""

import ctypes
import errno
import os
import struct
import sys
from typing import NamedTuple

_SECCOMP_SET_MODE_FILTER, _FLAG_ALL_THREADS = 1, 1
_KILL_PROCESS, _REFUSE, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_PR_SET_NO_NEW_PRIVS = 38
_PROT_EXEC = 4

# BPF's words: load 32 bits of what the call is, compare, leave.
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
# Where `struct seccomp_data` has the number, the architecture, and the third argument's lower half.
_NUMBER, _ARCHITECTURE, _THIRD = 0, 4, 32


class _System(NamedTuple):
    """An architecture: its word of audit.h, the number of seccomp(2), and those of the calls let through."""

    word: int
    seccomp: int
    # mmap and mprotect, both of which have what the memory is for as their third argument.
    memory: tuple[int, int]
    calls: tuple[int, ...]


# read write close fstat lseek munmap brk rt_sigaction rt_sigprocmask rt_sigreturn readv writev sched_yield
# mremap madvise nanosleep getpid exit gettimeofday sigaltstack gettid futex sched_getaffinity restart_syscall
# clock_gettime clock_getres clock_nanosleep exit_group set_robust_list getcpu getrandom membarrier rseq:
# from asm/unistd_64.h of each. A test compares them with it.
_SYSTEMS = {
    "x86_64": _System(
        0xC000003E, 317, (9, 10),
        (0, 1, 3, 5, 8, 11, 12, 13, 14, 15, 19, 20, 24, 25, 28, 35, 39, 60, 96, 131, 186, 202, 204, 219,
         228, 229, 230, 231, 273, 309, 318, 324, 334),
    ),
    "aarch64": _System(
        0xC00000B7, 277, (222, 226),
        (63, 64, 57, 80, 62, 215, 214, 134, 135, 139, 65, 66, 124, 216, 233, 101, 172, 93, 169, 132, 178, 98,
         123, 128, 113, 114, 115, 94, 99, 168, 278, 283, 293),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    """What seccomp(2) is given: `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_computing_alone() -> bool:
    """Refuse everything else to all threads of this process, for good; whether the system does that.

    What is not imported or opened by now never will be. New privileges are given up in any case.
    """
    system = _SYSTEMS.get(os.uname().machine) if sys.platform == "linux" else None
    if system is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    instructions = program(system.word, system.memory, system.calls)
    filtering = _Program(len(instructions) // 8, instructions)
    refused = libc.syscall(
        ctypes.c_long(system.seccomp), _SECCOMP_SET_MODE_FILTER, _FLAG_ALL_THREADS, ctypes.byref(filtering)
    )
    return not refused


def program(architecture: int, memory: tuple[int, ...], calls: tuple[int, ...]) -> bytes:
    """The filter's instructions, 8 bytes each.

    Args:
        architecture: the calls of another one have other numbers, and end the process.
        memory: calls that are let through unless their third argument has PROT_EXEC.
        calls: those that are let through.
    """
    lines = [
        _one(_LOAD, _ARCHITECTURE),
        _one(_EQUAL, architecture, same=1),
        _one(_RETURN, _KILL_PROCESS),
        _one(_LOAD, _NUMBER),
    ]
    for number in calls:
        lines += [_one(_EQUAL, number, other=1), _one(_RETURN, _ALLOW)]
    for number in memory:
        lines += [
            _one(_EQUAL, number, other=4),
            _one(_LOAD, _THIRD),
            _one(_ANY_BIT, _PROT_EXEC, same=1),
            _one(_RETURN, _ALLOW),
            _one(_RETURN, _REFUSE | errno.EPERM),
        ]
    return b"".join([*lines, _one(_RETURN, _REFUSE | errno.EPERM)])


def _one(code: int, value: int, *, same: int = 0, other: int = 0) -> bytes:
    """One instruction; of a comparison, how many are passed over where it holds, and where it does not."""
    return struct.pack("=HBBI", code, same, other, value)
