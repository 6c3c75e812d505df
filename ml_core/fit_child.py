"""A running fit: the parent's side of `fit_process.py`. The child can be killed and dies alone."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple

from ml_core.errors import Unavailable

FIT_COMMAND = (sys.executable, "-m", "ml_core.fit_process")
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

log = logging.getLogger(__name__)


class Fitted(NamedTuple):
    """A fit that went well."""

    artifact: bytes
    manifest: dict[str, Any]


class Refused(NamedTuple):
    """The request itself is at fault: trying again is no use. `error` has `code`, `message` and `faults`."""

    error: dict[str, Any]


class Broken(NamedTuple):
    """The fit came to nothing for a reason that may pass."""

    code: str
    reason: str


class FitChild:
    """A child process that fits; leaving the `with` ends it and removes what it wrote.

    `data` is a file beside the request, if it is about one; the child takes it over.
    """

    def __init__(self, request: bytes, command: Sequence[str] = FIT_COMMAND, data: str | None = None) -> None:
        self.phase: str | None = "starting"
        self.percentage: float | None = None
        self.ended = threading.Event()
        self._request = request
        self._data = data
        self._command = command

    def __enter__(self) -> "FitChild":
        self._folder = tempfile.mkdtemp(prefix="serverless-ml-fit-")
        try:
            self._process = self._start()
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise Unavailable(f"the fitting process cannot be started: {error.strerror}") from error
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self.ended.wait()
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def result(self) -> Fitted | Refused | Broken:
        """What became of the fit; call it when `ended` is set."""
        status = self._process.wait()
        error = self._read("error.json")
        if error is not None:
            return _judge(json.loads(error))
        artifact, manifest = self._read("artifact"), self._read("manifest.json")
        if status == 0 and artifact is not None and manifest is not None:
            return Fitted(artifact, json.loads(manifest))
        return Broken("trainer_died", _cause_of_death(status))

    def _start(self) -> "subprocess.Popen[bytes]":
        with open(os.path.join(self._folder, "request"), "wb") as file:
            file.write(self._request)
        if self._data is not None:
            os.rename(self._data, os.path.join(self._folder, "data"))
        return subprocess.Popen(  # noqa: S603  # our own command, no shell
            [*self._command, self._folder, *filter(None, sys.path)],
            stdin=subprocess.PIPE,  # stays open as long as this process lives: the child watches it
            stdout=subprocess.PIPE,
            cwd=_PACKAGES,
            start_new_session=True,  # a terminal's Ctrl-C is for the trainer, which then ends the child
        )

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


def _judge(error: dict[str, Any]) -> Refused | Broken:
    if error["code"] == "internal":
        log.error("the fit failed in an unforeseen way\n%s", error["traceback"])
        return Broken(
            "internal", "training stopped at an error that was not foreseen; it is in the service's log"
        )
    if error["code"] == "out_of_memory":
        return Broken("out_of_memory", error["message"])
    return Refused(error)


def _cause_of_death(status: int) -> str:
    if status == -signal.SIGKILL:
        return "training was killed by the system, most likely for memory"
    if status < 0:
        return f"training was killed by signal {-status} ({signal.strsignal(-status)})"
    return f"training ended with status {status} and without a result"
