"""The parent's side of `child.py`: a process that runs one graph, is bounded in time, and may die alone.

Nothing that it sends is believed but what `call.py` reads: whoever took it over can say no more than a wrong
answer to the rows of its own model.
"""

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from ml_core import json_text
from ml_core.errors import MalformedInput, Unavailable
from ml_core.graphs.call import (
    CRASHED,
    FAILED,
    MEMORY,
    REFUSED,
    TIMEOUT,
    GraphCall,
    GraphFailure,
    GraphTensor,
    read_answer,
    write_call,
)
from ml_core.running.confinement import MOST_CPU_SECONDS, cpu_seconds, limit_cpu
from ml_core.running.frames import FrameTooLong, receive_frame, send_frame
from ml_core.running.starter import Starter
from ml_core.sandbox.child_process import Birth, Death, Spawned
from ml_core.sandbox.memory import oom_kills, own_bytes

# Of tensors a child may answer so many bytes as `call.MOST_BYTES`; as JSON each of a text's may become six.
LONGEST_ANSWER = 32 << 20
# A child that has computed so much of what it may in its life is replaced between two calls.
_WORN = 0.8
# What a child may say for itself: the rest is not its to know.
_ITS_OWN = (FAILED, MEMORY, REFUSED)
# What the loader of libraries goes by: the only variables that a child gets of ours.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
# One thread; and the runtime, as its releases come, tells its makers by the network what is done with it, and
# keeps that in a file until it has (Privacy.md in its package).
_OURS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}

log = logging.getLogger(__name__)
_STARTER = Starter()
_TOLD: set[str] = set()


class Allowance(NamedTuple):
    """What a child gets: `memory` in bytes beside what is imported, and these variables of the platform's."""

    memory: int
    environment: Mapping[str, str] = {}

    def birth(self) -> Birth:
        """A child's, as a program of its own."""
        command = [sys.executable, "-m", "ml_core.running.child", str(self.memory), tempfile.gettempdir()]
        kept = {name: self.environment[name] for name in _KEPT if name in self.environment}
        return Spawned([*command, *filter(None, sys.path)], {**kept, **_OURS})


class Deadline:
    """Until when something has to be done; it counts from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def has(self, seconds: float) -> bool:
        """Whether so many seconds are left."""
        return self._end - time.monotonic() > seconds

    def left(self) -> float:
        """The seconds that are left. Raises TimeoutError where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class GraphProcess:
    """A child, from its start to its end.

    Args:
        birth: how it comes to be; its standard input is the connection to it.
        memory: what it may take, in bytes: by which a death is judged.

    Raises `Unavailable` where no process can be started.
    """

    def __init__(self, birth: Birth, memory: int) -> None:
        self._birth = birth
        self._memory = memory
        self._oom_kills = oom_kills()
        self._ending = threading.Lock()
        self._death: Death | None = None
        self._connection, theirs = socket.socketpair()
        with theirs, open(os.devnull, "r+b", buffering=0) as nowhere:
            files = (theirs.fileno(), nowhere.fileno(), nowhere.fileno())
            try:
                _STARTER.do(lambda: birth.begin(files))
            except OSError as error:
                self._connection.close()
                raise Unavailable(f"no process can be started for a graph: {error.strerror}") from error

    @property
    def held(self) -> int:
        """How much memory it holds now, in bytes; 0 where the system does not say."""
        return own_bytes(self._birth.pid)

    @property
    def is_well(self) -> bool:
        """Whether it waits to be asked: it lives, has said nothing unasked, and may compute for long."""
        return self._at_hand() is None and cpu_seconds(self._birth.pid) < _WORN * MOST_CPU_SECONDS

    @property
    def has_ended(self) -> bool:
        """Whether it can not be asked any more, as far as is known before it is."""
        return self._at_hand() == b""

    def load(self, graph: bytes | memoryview, deadline: Deadline) -> None:
        """Have it load a graph. Raises `GraphFailure`; then it has ended."""
        try:
            self._become_ready(deadline)
            self._ask(graph, deadline)
        except GraphFailure:
            self.end()
            raise

    def run(
        self,
        inputs: Mapping[str, GraphTensor],
        outputs: Sequence[str],
        deadline: Deadline,
        *,
        batch: int = 0,
    ) -> dict[str, GraphTensor]:
        """The outputs that the loaded graph gives.

        Raises `GraphFailure`. With FAILED, or MEMORY, the process may live on: see `is_well`.
        """
        # Neither the address nor whose it is are a graph's to know.
        call = GraphCall("", {}, "", 0, dict(inputs), tuple(outputs), 0.0, batch)
        return self._ask(write_call(call), deadline)

    def end(self) -> Death:
        """End it, if it has not ended; how it did."""
        with self._ending:
            if self._death is None:
                self._birth.kill()
                self._reap()
            assert self._death is not None  # noqa: S101  # just set
            return self._death

    def _at_hand(self) -> bytes | None:
        """The beginning of what it has said and nobody has read: None for nothing, no bytes when it ended."""
        if self._death is not None:
            return b""
        self._connection.settimeout(0)
        try:
            return self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _become_ready(self, deadline: Deadline) -> None:
        said = json_text.loads(self._exchange(None, deadline))
        if isinstance(said, dict) and said.get("is_held") is not True and not _TOLD:
            _TOLD.add("seccomp")
            log.warning("this system has no seccomp: graphs run in processes with limits alone")

    def _ask(self, frame: bytes | memoryview, deadline: Deadline) -> dict[str, GraphTensor]:
        said = self._exchange(frame, deadline)
        try:
            return read_answer(said)[0]
        except MalformedInput:
            self.end()
            raise GraphFailure(CRASHED, "the process that runs the graph answered with no answer") from None
        except GraphFailure as failure:
            if failure.reason in _ITS_OWN:
                raise
            raise GraphFailure(FAILED, str(failure)) from None

    def _exchange(self, frame: bytes | memoryview | None, deadline: Deadline) -> bytes:
        """Send a frame, if there is one, and wait for the answer. Ends the process where there is none."""
        if not deadline.has(0):  # it is not asked, and not to blame
            raise GraphFailure(TIMEOUT, "there was no time left for the graph")
        try:
            limit_cpu(self._birth.pid, deadline.left())
            if frame is not None:
                with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why, before it ended
                    send_frame(self._connection, frame, deadline.left)
            return receive_frame(self._connection, deadline.left, LONGEST_ANSWER)
        except TimeoutError:
            self.end()
            raise GraphFailure(TIMEOUT, "the graph did not answer in the time that it had") from None
        except FrameTooLong:
            self.end()
            raise GraphFailure(FAILED, "the graph answered with more than can be sent") from None
        except (OSError, EOFError):
            raise self._judged() from None

    def _judged(self) -> GraphFailure:
        """What became of a process whose connection has ended: it is about to, or should."""
        with self._ending:
            if self._death is None:
                waiting = threading.Thread(target=self._birth.wait, daemon=True)
                waiting.start()
                waiting.join(1.0)  # how it ends is then its own doing, and not ours
                self._birth.kill()
                waiting.join()
                self._reap()
            assert self._death is not None  # noqa: S101  # just set
            death = self._death
        if death.lacked_memory(self._memory):
            return GraphFailure(MEMORY, "the graph wants more memory than it may have")
        return GraphFailure(CRASHED, f"the process that runs the graph {death.how}")

    def _reap(self) -> None:
        self._connection.close()
        status, peak = self._birth.reap()
        killed = status == -signal.SIGKILL and oom_kills() > self._oom_kills
        self._death = Death(status, peak, (), killed)


def started(allowance: Allowance, birth: Callable[[Allowance], Birth] = Allowance.birth) -> GraphProcess:
    """A child that is on its way. Raises `Unavailable`."""
    return GraphProcess(birth(allowance), allowance.memory)
