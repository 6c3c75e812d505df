"""Fuzzing of graphs: each case is loaded and asked in a child that is forked from a process with the runtime.

A program of its own for each case would take ten times as long. What this shows is that the parent outlives
whatever a child does, that each call ends in its seconds, and that the limits hold in a forked child as well;
not that a child's memory is clean, for it has this process's. What a graph may do to a child is not judged:
one that crashes is what children are for.
"""

import os
import signal
import warnings
from contextlib import suppress

from ml_core.sandbox.child_process import RSS_UNIT, Ending


class ForkedChild:
    """A child that is this process again; see `Birth`.

    Args:
        memory: how many bytes it may take.
        scratch: a folder for a moment.
    """

    def __init__(self, memory: int, scratch: str) -> None:
        self.pid = 0
        self._memory = memory
        self._scratch = scratch

    def begin(self, files: tuple[int, int, int]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the runtime has a thread, which sleeps
            self.pid = os.fork()
        if self.pid:
            return
        status = 1
        try:
            from ml_core.running.child import serve

            signal.setitimer(signal.ITIMER_PROF, 0)
            for number, file in enumerate(files):
                os.dup2(file, number)
            serve(self._memory, self._scratch)
            status = 0
        finally:
            os._exit(status)

    def wait_for_begin(self) -> None:
        """It is there at once."""

    def wait(self) -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> Ending:
        _, status, usage = os.wait4(self.pid, 0)
        return Ending(os.waitstatus_to_exitcode(status), usage.ru_maxrss * RSS_UNIT)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
