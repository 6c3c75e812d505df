"""A running fit: the parent's side of `fit_process.py`. The child can be killed and dies alone.

What the child may use is said by the parent before it begins: its memory by a limit that the system holds it
to, so that an allocation past it fails in the child and nobody else is killed for it, and its time by
`ML_DEADLINE` (seconds since the epoch), at which the child ends by itself even when its parent is stuck.
"""

import errno
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple

from ml_core.errors import Unavailable

FIT_COMMAND = (sys.executable, "-m", "ml_core.jobs.fit_process")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # how a full disk shows
# How libraries that are not written in Python end a process to which the system gives no memory: OpenBLAS
# exits, C++ and Rust abort. What is written in Python leaves an error instead. libsvm crashes, but a crash
# may have other reasons: it is for memory where a fit has taken much of what it may have.
_ENDS_WITHOUT_MEMORY = frozenset({1, -signal.SIGABRT})
_MUCH = 0.4
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

log = logging.getLogger(__name__)


class Fitted(NamedTuple):
    """A fit that went well."""

    artifact: bytes
    manifest: dict[str, Any]


class Refused(NamedTuple):
    """Trying again is no use. `error` has `code`, `message` and `faults`."""

    error: dict[str, Any]


class Broken(NamedTuple):
    """The fit came to nothing for a reason that may pass."""

    code: str
    reason: str


class OutOfTime(NamedTuple):
    """The deadline came before the fit was done."""


class OutOfMemory(NamedTuple):
    """The fit wanted more memory than it may have."""


class OutOfDisk(NamedTuple):
    """The fit wanted to write more than the disk holds."""


type Result = Fitted | Refused | Broken | OutOfTime | OutOfMemory | OutOfDisk


class FitChild:
    """A child process that fits; leaving the `with` ends it.

    Args:
        request: what to fit.
        folder: an empty folder for the child, or one that holds the request's data as `data`.
        command: starts the child.
        memory: how many bytes its data may take; None for no limit of ours.
        deadline: when it has to be done, in seconds since the epoch.
    """

    def __init__(
        self,
        request: bytes,
        folder: str,
        command: Sequence[str] = FIT_COMMAND,
        *,
        memory: int | None = None,
        deadline: float | None = None,
    ) -> None:
        self.phase: str | None = "starting"
        self.percentage: float | None = None
        self.ended = threading.Event()
        self._request = request
        self._folder = folder
        self._command = command
        self._memory = memory
        self._deadline = deadline

    def __enter__(self) -> "FitChild":
        try:
            self._process = self._start()
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            raise Unavailable(f"the fitting process cannot be started: {error.strerror}") from error
        self._limit_memory()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self.ended.wait()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def result(self) -> Result:
        """What became of the fit; call it when `ended` is set."""
        status = self._process.wait()
        error = self._read("error.json")
        if error:
            return _judge(json.loads(error))
        artifact, manifest = self._read("artifact"), self._read("manifest.json")
        if status == 0 and artifact is not None and manifest is not None:
            return Fitted(artifact, json.loads(manifest))
        if status == -signal.SIGALRM:
            return OutOfTime()
        if self._memory is not None and (
            status in _ENDS_WITHOUT_MEMORY
            or (status == -signal.SIGSEGV and _most_resident() > _MUCH * self._memory)
        ):
            return OutOfMemory()
        return Broken("trainer_died", _cause_of_death(status))

    def _start(self) -> "subprocess.Popen[bytes]":
        with open(os.path.join(self._folder, "request"), "wb") as file:
            file.write(self._request)
        deadline = {} if self._deadline is None else {"ML_DEADLINE": repr(self._deadline)}
        return subprocess.Popen(  # noqa: S603  # our own command, no shell
            [*self._command, self._folder, *filter(None, sys.path)],
            stdin=subprocess.PIPE,  # stays open as long as this process lives: the child watches it
            stdout=subprocess.PIPE,
            cwd=_PACKAGES,
            env={**os.environ, **deadline},
            start_new_session=True,  # a terminal's Ctrl-C is for the trainer, which then ends the child
        )

    def _limit_memory(self) -> None:
        """Bound what the child allocates; Linux alone can do this to another process."""
        if self._memory is not None:
            with suppress(AttributeError, ProcessLookupError, ValueError):
                resource.prlimit(self._process.pid, resource.RLIMIT_DATA, (self._memory, self._memory))

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # for the type checker: it is a pipe
        for line in self._process.stdout:
            try:
                progress = json.loads(line)
                self.phase, self.percentage = progress["phase"], progress["percentage"]
            except (ValueError, KeyError, TypeError):
                log.warning("the fit said something that is no progress: %r", line[:200])
        self._process.wait()
        self.ended.set()

    def _read(self, name: str) -> bytes | None:
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None


def _most_resident() -> int:
    """The most memory that any child of this process has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def _judge(error: dict[str, Any]) -> Refused | Broken | OutOfMemory | OutOfDisk:
    if error["code"] == "internal":
        log.error("the fit failed in an unforeseen way\n%s", error["traceback"])
        return Broken(
            "internal", "training stopped at an error that was not foreseen; it is in the service's log"
        )
    if error["code"] == "out_of_memory":
        return OutOfMemory()
    if error["code"] == "disk_full":
        return OutOfDisk()
    return Refused(error)


def _cause_of_death(status: int) -> str:
    if status == -signal.SIGKILL:
        return "training was killed by the system, most likely for memory"
    if status < 0:
        return f"training was killed by signal {-status} ({signal.strsignal(-status)})"
    return f"training ended with status {status} and without a result"
