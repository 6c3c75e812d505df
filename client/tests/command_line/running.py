"""The command, really run: as a process of its own, in pipes or on a terminal."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

COMMAND = [sys.executable, "-m", "serverless_ml.command_line"]
SECONDS = 120
"""After which a test gives up; nothing is expected to take so long."""


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The only document on stdout."""
        return json.loads(self.out)

    @property
    def cells(self) -> list[list[str]]:
        """The lines of stdout, between tabs."""
        return [line.split("\t") for line in self.out.splitlines()]


def variables(url: str | None = None, **more: str) -> dict[str, str]:
    """The environment, with an address of the service."""
    known = {**os.environ, "PYTHONUNBUFFERED": "", **more}
    return known if url is None else {**known, "SERVERLESS_ML_URL": url}


def run(
    *arguments: str | Path,
    url: str | None = None,
    stdin: bytes = b"",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run the command in pipes."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env=variables(url, **(environment or {})),
        timeout=SECONDS,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def started(*arguments: str | Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """The command under way, in pipes; ended at last."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables(url),
        # A job in a shell's background, and what it starts, ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  takes no lock
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=SECONDS)


def on_terminal(
    *arguments: str | Path,
    url: str | None = None,
    typed: Mapping[str, str] | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run the command on a terminal of 120 columns; `typed` says what a person types after a text is shown.

    What is on the screen is `out`; a terminal has no other.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=variables(url, TERM="xterm-256color", COLUMNS="120", **(environment or {})),
        start_new_session=True,
    )
    os.close(theirs)
    guard = threading.Timer(SECONDS, process.kill)
    guard.start()
    waiting = dict(typed or {})
    screen = b""
    try:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux says so that nobody is at the other end
                break
            if not data:
                break
            screen += data
            for text in [each for each in waiting if each.encode() in screen]:
                os.write(ours, waiting.pop(text).encode())
        return Ran(process.wait(), screen.decode().replace("\r\n", "\n"), "")
    finally:
        guard.cancel()
        os.close(ours)
