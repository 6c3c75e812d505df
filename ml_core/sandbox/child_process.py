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
from typing import NamedTuple, Protocol

from ml_core.sandbox.memory import oom_kills

PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder from which our modules are imported."""

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
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


class Ending(NamedTuple):
    """What the system tells of a process that has ended; see `Death`."""

    status: int
    peak: int


class Birth(Protocol):
    """How a child comes to be, and is seen to its end."""

    pid: int  # 0 before there is one

    def begin(self, files: tuple[int, int, int]) -> None:
        """Ask for a child with these as standard input, output and error. Raises `OSError`."""

    def wait_for_begin(self) -> None:
        """Return when the child is there, or will never be."""

    def wait(self) -> None:
        """Return when the child has ended. Until `reap` its id is no other process's."""

    def reap(self) -> Ending:
        """How the child ended, which has been waited for."""

    def kill(self) -> None:
        """End the child, or keep it from being; before `reap` alone."""


class Spawned:
    """A child that is a new program."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.pid = 0
        self._command = command
        self._env = env

    def begin(self, files: tuple[int, int, int]) -> None:
        """See `Birth`."""
        stdin, stdout, stderr = files
        self._process = subprocess.Popen(  # noqa: S603  # our own command, no shell
            self._command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=PACKAGES,
            env=self._env,
            start_new_session=True,  # a terminal's Ctrl-C is for this process, which then ends the child
        )
        self.pid = self._process.pid

    def wait_for_begin(self) -> None:
        """See `Birth`: it is there at once."""

    def wait(self) -> None:
        """See `Birth`."""
        if hasattr(os, "waitid"):  # on a Mac not before Python 3.13
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> Ending:
        """See `Birth`."""
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        # A process that was started from this one counts as having held what this one had.
        peak = usage.ru_maxrss * RSS_UNIT
        return Ending(self._process.returncode, peak if peak > _most_resident_here() else 0)

    def kill(self) -> None:
        """See `Birth`."""
        os.kill(self.pid, signal.SIGKILL)


class ChildProcess:
    """A process whose words are followed; leaving the `with` ends it.

    Args:
        birth: the command that starts it, or another way.
        hear: called with each line of its standard output.
    """

    def __init__(self, birth: Sequence[str] | Birth, hear: Callable[[bytes], object]) -> None:
        self.ended = threading.Event()
        self._birth = Spawned(birth) if isinstance(birth, Sequence) else birth
        self._hear = hear
        self._said: list[str] = []
        self._reaping = threading.Lock()
        self._death: Death | None = None

    def __enter__(self) -> "ChildProcess":
        """Start it. Raises `OSError`."""
        self._oom_kills = oom_kills()
        # Its standard input stays open as long as this process lives: the child may watch it.
        (stdin, self._stdin), (stdout, theirs), (stderr, words) = os.pipe(), os.pipe(), os.pipe()
        try:
            self._birth.begin((stdin, theirs, words))
        except OSError:
            for file in (self._stdin, stdout, stderr):
                os.close(file)
            raise
        finally:
            for file in (stdin, theirs, words):
                os.close(file)
        threading.Thread(target=self._follow, args=(stdout, stderr), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._reaping:
            if self._death is None:  # until then the id is no other process's
                self._birth.kill()
        self.ended.wait()
        os.close(self._stdin)

    @property
    def pid(self) -> int:
        """The process's id; 0 before it is there."""
        return self._birth.pid

    @property
    def death(self) -> Death:
        """How it ended; ask when `ended` is set."""
        assert self._death is not None  # noqa: S101  # the caller's duty
        return self._death

    def _follow(self, stdout: int, stderr: int) -> None:
        listening = threading.Thread(target=self._listen, args=(stderr,), daemon=True)
        listening.start()
        self._birth.wait_for_begin()
        with open(stdout, "rb") as lines:
            for line in lines:
                self._hear(line)
        listening.join()
        self._birth.wait()
        with self._reaping:
            status, peak = self._birth.reap()
            killed = oom_kills() > self._oom_kills
            self._death = Death(status, peak, tuple(self._said), killed)
        self.ended.set()

    def _listen(self, stderr: int) -> None:
        """Keep what is known of the words on standard error."""
        with open(stderr, "rb") as lines:
            while line := lines.readline(_LONGEST_LINE):
                text = line.decode(errors="replace")
                cause = _NO_MEMORY.search(text) or _CRASH.search(text)
                found = cause or _WHERE.search(text)
                if found and len(self._said) < (_MOST_LINES if cause else _MOST_FRAMES):
                    self._said.append(found[0])


def _most_resident_here() -> int:
    """The most memory that this process has held since its program was started, in bytes."""
    with suppress(OSError), open("/proc/self/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
