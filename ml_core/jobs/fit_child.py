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
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple

from ml_core.errors import Unavailable
from ml_core.jobs.fit_process import READING
from ml_core.sandbox.child_process import ChildProcess, Death, Spawned
from ml_core.sandbox.forking import Forked, Zygote
from ml_core.sandbox.zygote import Order
from ml_core.training.history import Entry, History

FIT_COMMAND = (sys.executable, "-m", "ml_core.jobs.fit_process")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # how a full disk shows
_PARQUET = b"PAR1"

log = logging.getLogger(__name__)


class FittedArtifact(NamedTuple):
    """A fit that went well."""

    artifact: bytes
    manifest: dict[str, Any]


class Scored(NamedTuple):
    """A table was scored, and everything is written; what the job tells of it, its `result` among that."""

    told: dict[str, Any]


class RequestRefused(NamedTuple):
    """Trying again is no use. `error` has `code`, `message` and `faults`."""

    error: dict[str, Any]


class Paused(NamedTuple):
    """The fit saved a checkpoint and stopped before its deadline; another one continues from there."""

    reason: str


class Broken(NamedTuple):
    """The fit came to nothing for a reason that may pass."""

    code: str
    reason: str


class Defect(NamedTuple):
    """An error in our own code, which another attempt would meet as well."""

    traceback: str


class Unreadable(NamedTuple):
    """The data's file made its reader fail: `how`, for callers, and the traceback if there is one."""

    how: str
    traceback: str | None = None


class OutOfTime(NamedTuple):
    """The deadline came before the fit was done."""


class OutOfMemory(NamedTuple):
    """The fit wanted more memory than it may have."""


class OutOfDisk(NamedTuple):
    """The fit wanted to write more than the disk holds."""


type Result = (
    FittedArtifact
    | Scored
    | RequestRefused
    | Paused
    | Broken
    | Defect
    | Unreadable
    | OutOfTime
    | OutOfMemory
    | OutOfDisk
)


class FitChild:
    """A child process that fits; leaving the `with` ends it.

    Args:
        request: what to fit.
        folder: for the child alone; the request's data may be in it as `data`, and what to continue from as
            `checkpoint`.
        command: starts the child.
        zygote: what it is forked from instead; None for a program of its own.
        memory: how many bytes its data may take; None for no limit of ours.
        deadline: when it has to be done, in seconds since the epoch.
        allowed_seconds: how long a training may take that is continued, all together; None for any time.
        history: what the fits told that this one continues.
    """

    def __init__(
        self,
        request: bytes,
        folder: str,
        command: Sequence[str] = FIT_COMMAND,
        *,
        zygote: Zygote | None = None,
        memory: int | None = None,
        deadline: float | None = None,
        allowed_seconds: float | None = None,
        history: Sequence[Entry] = (),
    ) -> None:
        self.phase: str | None = "starting"
        self.percentage: float | None = None
        self._history = History(history)
        self._request = request
        self._folder = folder
        self._memory = memory
        bounds = {"ML_DEADLINE": deadline, "ML_ALLOWED_SECONDS": allowed_seconds}
        said = {name: repr(bound) for name, bound in bounds.items() if bound is not None}
        env = {**os.environ, **said}
        self._forked = None if zygote is None else Forked(zygote, Order(folder, env, memory))
        program = [*command, folder, *filter(None, sys.path)]
        self._child = ChildProcess(self._forked or Spawned(program, env), self._hear)
        self.ended = self._child.ended

    def __enter__(self) -> "FitChild":
        with open(os.path.join(self._folder, "request"), "wb") as file:
            file.write(self._request)
        try:
            self._child.__enter__()
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            raise Unavailable(f"the fitting process cannot be started: {error.strerror}") from error
        if self._forked is None:
            self._limit_memory()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.__exit__(kind, error, trace)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def memory(self) -> int | None:
        """How many bytes its data may take; None for no limit of ours. Ask when it has begun."""
        if self._memory is None or self._forked is None:
            return self._memory
        return max(1, self._memory - self._forked.shared)

    @property
    def history(self) -> list[Entry]:
        """What this fit and those before it have told."""
        return self._history.entries

    @property
    def said(self) -> tuple[str, ...]:
        """What is known of its last output; for the log."""
        return self._child.death.said

    def result(self) -> Result:
        """What became of the fit; call it when `ended` is set."""
        error = self._read("error.json")
        if error:
            return _judge(json.loads(error))
        death, scored = self._child.death, self._read("scored.json")
        if death.status == 0 and scored is not None:
            return Scored(json.loads(scored))
        artifact, manifest = self._read("artifact"), self._read("manifest.json")
        if death.status == 0 and artifact is not None and manifest is not None:
            return FittedArtifact(artifact, json.loads(manifest))
        return self._judge_death(death)

    def _judge_death(self, death: Death) -> Result:
        if death.status == -signal.SIGALRM:
            return OutOfTime()
        what = f"the fitting process {death.how} (phase: {self.phase})"
        if death.lacked_memory(self.memory):
            # The system may have run out of it for what others took.
            return Broken("out_of_memory", f"{what} when memory ran out") if death.killed else OutOfMemory()
        reader = self._reader()
        if reader and not death.killed:
            return Unreadable(f"{reader} {death.how}")
        return Broken("trainer_died", what)

    def _reader(self) -> str | None:
        """What was reading the data's file, if anything did."""
        if self.phase != READING:
            return None
        try:
            with open(os.path.join(self._folder, "data"), "rb") as file:
                return "the Parquet reader" if file.read(len(_PARQUET)) == _PARQUET else "the reader"
        except FileNotFoundError:
            return None

    def _limit_memory(self) -> None:
        """Bound what the child allocates; Linux alone can do this to another process."""
        if self._memory is not None:
            with suppress(AttributeError, ProcessLookupError, ValueError):
                resource.prlimit(self._child.pid, resource.RLIMIT_DATA, (self._memory, self._memory))

    def _hear(self, line: bytes) -> None:
        try:
            progress = json.loads(line)
            self.phase, self.percentage = progress["phase"], progress["percentage"]
            if progress.get("reached"):
                self._history.add_entry(progress["reached"])
        except (ValueError, KeyError, TypeError):
            log.warning("the fit said something that is no progress: %r", line[:200])

    def _read(self, name: str) -> bytes | None:
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None


def _judge(error: dict[str, Any]) -> Result:
    judge = _JUDGED.get(error["code"])
    return RequestRefused(error) if judge is None else judge(error)


# What is made of an error that is not the request's, by its code.
_JUDGED: dict[str, Callable[[dict[str, Any]], Result]] = {
    "unfinished": lambda error: Paused(error["message"]),
    # A store that the child read or wrote.
    Unavailable.code: lambda error: Broken("attempts_spent", error["message"]),
    "internal": lambda error: Defect(error["traceback"]),
    "unreadable": lambda error: Unreadable("the reader failed", error["traceback"]),
    "out_of_memory": lambda _: OutOfMemory(),
    "disk_full": lambda _: OutOfDisk(),
}
