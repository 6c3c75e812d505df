"""The laptop's server, really started, and a small client for it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any, NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Answer(NamedTuple):
    """Status, headers (lower-case names) and body, read as JSON where it is that."""

    status: int
    headers: dict[str, str]
    body: Any


class LocalServer:
    """`python -m handlers.local --port 0` over a folder; leaving the `with` stops it by its own pid."""

    def __init__(self, root: str | os.PathLike[str], *arguments: str, **variables: str) -> None:
        self.root = str(root)
        self.lines: list[str] = []
        self._arguments = arguments
        self._variables = variables
        self._told = threading.Event()
        self.url = ""

    def __enter__(self) -> "LocalServer":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "handlers.local", "--port", "0", "--root", self.root, *self._arguments],
            cwd=ROOT,
            env={**os.environ, **self._variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        assert self._told.wait(60), f"the server did not start: {self.lines}"
        assert self.url, f"the server ended: {self.lines}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(how)
        status = self.process.wait(60)
        self._reader.join(10)
        return status

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `body` is sent as JSON unless it is bytes."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return _answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.headers, error.read())

    def train(self, model: str, body: Any) -> Any:
        """Train over REST, wait, and return the job."""
        return self.finished(
            self.call("POST", f"/v1/models/{model}:train", body, prefer="wait=20").body["id"]
        )

    def sweep(self) -> None:
        """Have schedules, guards and the rest be looked at now."""
        options = ["--root", self.root, "--sweep", *self._arguments]
        subprocess.run(
            [sys.executable, "-m", "handlers.local", *options],
            cwd=ROOT,
            env={**os.environ, **self._variables},
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )

    def finished(self, job: str) -> Any:
        """A job once it is over."""
        while (told := self.call("GET", f"/v1/jobs/{job}").body)["state"] in ("queued", "running"):
            time.sleep(0.05)
        return told

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("serverless-ml answers at "):
                self.url = line.split()[3]
            if line.lstrip().startswith("curl "):  # the last line of what it says at its start
                self._told.set()
        self._told.set()


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    named = {name.lower(): value for name, value in headers.items()}
    is_json = body and named.get("content-type", "").endswith("json")
    return Answer(status, named, json.loads(body) if is_json else body)
