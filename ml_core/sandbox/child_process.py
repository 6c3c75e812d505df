"""A process of our own that may die alone, and what is known of how it died.

The cause of a death is not read from the status alone: a library that is refused memory aborts as one does
that meets a broken file. What counts is what the process said as it ended, how much memory it had held, and
what the system has counted. What it says is not shown to callers, and only words that are known are kept of
it: the rest may hold values.
"""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple

from ml_core.sandbox.memory import oom_kills

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_MOST_FRAMES, _MOST_LINES, _LONGEST_LINE = 20, 40, 4096

# How Rust, C++, OpenBLAS, the C library and the loader say that there is no memory.
_NO_MEMORY = re.compile(
    r"memory allocation of \d+ bytes failed|std::bad_alloc|Memory allocation still failed|MemoryError"
    r"|[Cc]annot allocate memory|failed to map segment from shared object"
)
# How they say that something else is wrong; and where Python was, which `faulthandler` writes.
_CRASH = re.compile(
    r"panicked at [^\s'\"]+:\d+:\d+|non-unwinding panic|terminate called|double free or corruption"
    r"|malloc\(\): \S+|Fatal Python error: [\w ]+"
)
_WHERE = re.compile(r'File "[^"]+", line \d+,? in \w+')

# A crash under a limit is for memory where much of it was taken: libsvm does not look whether it was given
# what it asked for, and that may be the better part of the limit.
_MUCH = 0.4
# The system kills when nothing is left.
_NEARLY_ALL = 0.8


class Death(NamedTuple):
    """How a process ended.

    `status` is its exit status, or the signal as a negative number; `peak` is the most memory that it held at
    once, in bytes, 0 where that is not known; `oom_killed` tells whether the system ended a process for
    memory meanwhile.
    """

    status: int
    peak: int
    said: tuple[str, ...] = ()
    oom_killed: bool = False

    def lacked_memory(self, limit: int | None) -> bool:
        """Whether there is evidence that it was memory; `limit` is what it might take."""
        if any(_NO_MEMORY.search(line) for line in self.said):
            return True
        if self.status == -signal.SIGKILL:
            return self.oom_killed or (limit is not None and self.peak > _NEARLY_ALL * limit)
        if self.crashed and limit is not None and not self._explained:
            return self.peak > _MUCH * limit
        return False

    @property
    def crashed(self) -> bool:
        """Whether it ended by a signal that is sent to who makes a mistake."""
        return -self.status in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)

    @property
    def killed(self) -> bool:
        """Whether somebody else ended it."""
        return self.status < 0 and not self.crashed

    @property
    def how(self) -> str:
        """What became of it, as the end of a sentence."""
        if self.status >= 0:
            return f"ended with status {self.status} and without a result"
        verb = "crashed with" if self.crashed else "was killed from outside by"
        return f"{verb} signal {-self.status} ({signal.strsignal(-self.status)})"

    @property
    def _explained(self) -> bool:
        return any(map(explains_crash, self.said))


def explains_crash(line: str) -> bool:
    """Whether a library says in it what is wrong, which is more than that the process has crashed."""
    return _CRASH.search(line) is not None and "Fatal Python error" not in line


class ChildProcess:
    """A process whose words are followed; leaving the `with` ends it.

    Args:
        command: starts it.
        hear: called with each line of its standard output.
        env: its environment; None for this process's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        hear: Callable[[bytes], object],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.ended = threading.Event()
        self._command = command
        self._hear = hear
        self._env = env
        self._said: list[str] = []
        self._reaping = threading.Lock()
        self._death: Death | None = None

    def __enter__(self) -> "ChildProcess":
        """Start it. Raises `OSError`."""
        self._oom_kills = oom_kills()
        self._process = subprocess.Popen(  # noqa: S603  # our own command, no shell
            self._command,
            stdin=subprocess.PIPE,  # stays open as long as this process lives: the child may watch it
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_PACKAGES,
            env=self._env,
            start_new_session=True,  # a terminal's Ctrl-C is for this process, which then ends the child
        )
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._reaping:
            if self._process.returncode is None:  # until then the id is no other process's
                os.kill(self._process.pid, signal.SIGKILL)
        self.ended.wait()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def death(self) -> Death:
        """How it ended; ask when `ended` is set."""
        assert self._death is not None  # noqa: S101  # the caller's duty
        return self._death

    def _follow(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # for the type checker: it is a pipe
        listening = threading.Thread(target=self._listen, daemon=True)
        listening.start()
        for line in self._process.stdout:
            self._hear(line)
        listening.join()
        self._death = self._reap()
        self.ended.set()

    def _listen(self) -> None:
        """Keep what is known of the words on standard error."""
        assert self._process.stderr is not None  # noqa: S101  # for the type checker: it is a pipe
        while line := self._process.stderr.readline(_LONGEST_LINE):
            text = line.decode(errors="replace")
            cause = _NO_MEMORY.search(text) or _CRASH.search(text)
            found = cause or _WHERE.search(text)
            if found and len(self._said) < (_MOST_LINES if cause else _MOST_FRAMES):
                self._said.append(found[0])

    def _reap(self) -> Death:
        if hasattr(os, "waitid"):  # on a Mac not before Python 3.13
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._reaping:
            _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
        # A process that was started from this one counts as having held what this one had.
        peak = usage.ru_maxrss * _RSS_UNIT
        known = peak > _most_resident_here()
        killed = oom_kills() > self._oom_kills
        return Death(self._process.returncode, peak if known else 0, tuple(self._said), killed)


def _most_resident_here() -> int:
    """The most memory that this process has held since its program was started, in bytes."""
    with suppress(OSError), open("/proc/self/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
