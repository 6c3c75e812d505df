"""A function as Cloud Run functions runs it: its zip, its requirements.txt, functions-framework."""

import http.client
import os
import socket
import subprocess
import threading
import time
import zipfile
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_READY = 60.0  # seconds


class Answer(NamedTuple):
    """An HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def environment_of(requirements: str) -> str:
    """The folder of the environment that holds what a requirements.txt names, and nothing else."""
    name = os.path.basename(requirements).removesuffix(".txt")
    folder = os.path.join(ROOT, ".tools", name)
    assert os.path.exists(f"{folder}.ready"), f"run `make .tools/{name}.ready`"
    return folder


class CloudRunFunction:
    """A function in its runtime, from its zip alone; leaving the `with` ends it.

    Args:
        target: the entry point.
        package: the zip.
        requirements: the lock that is the zip's requirements.txt.
        folder: an empty folder to unpack into.
        env: the function's environment.
        signature: `http` or `cloudevent`.
        more: a folder with wheels of what the zip's requirements.txt names besides the lock.
    """

    def __init__(
        self,
        target: str,
        *,
        package: str,
        requirements: str,
        folder: str,
        env: dict[str, str],
        signature: str = "http",
        more: str = "",
    ) -> None:
        self._environment = environment_of(requirements)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder)
            with open(os.path.join(ROOT, requirements), "rb") as lock:
                assert more or archive.read("requirements.txt") == lock.read()
        self.folder = folder
        self._command = [
            os.path.join(self._environment, "bin", "functions-framework"),
            *["--target", target, "--signature-type", signature, "--source", "main.py"],
        ]
        self.env = {"PATH": os.environ["PATH"], "K_SERVICE": "packaged", "PYTHONUNBUFFERED": "1", **env}
        if more:
            self.env["PYTHONPATH"] = more
        self.log: list[str] = []

    def __enter__(self) -> "CloudRunFunction":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [*self._command, "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listens():
            self.__exit__()
            raise AssertionError(f"functions-framework did not start: {self.log}")
        return self

    def _listens(self) -> bool:
        """Whether it answers in time: it says nothing when it is ready, so it is asked."""
        deadline = time.monotonic() + _READY
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return True
        return False

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._reader.join(10)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """One HTTP request; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body or None, named)
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, received, answer.read())
        finally:
            connection.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.log.append(line.rstrip())
