"""Starts the service as a user would, talks HTTP to it, and stops it."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

FINAL_STATES = ("succeeded", "failed", "cancelled")


class Answer(NamedTuple):
    """What came back: status, headers (lower-case names), the decoded JSON, and the time in seconds."""

    status: int
    headers: dict[str, str]
    body: Any
    seconds: float


class Service:
    """A running service at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request. An answer with an error status is an answer; no answer raises `URLError`."""
        data = None if body is None else json.dumps(body).encode()
        kind = {} if data is None else {"Content-Type": "application/json"}
        return _sent(method, self.url + path, data, {**kind, **(headers or {})})

    def send(self, url: str, path: str, headers: dict[str, str]) -> Answer:
        """PUT a file to a signed address."""
        with open(path, "rb") as file:
            return _sent("PUT", url, file.read(), headers)

    def follow(self, job_path: str) -> Iterator[Answer]:
        """The job's state again and again, until it is over."""
        while True:
            answer = self.call("GET", job_path)
            yield answer
            if answer.status != 200 or answer.body["state"] in FINAL_STATES:
                return
            time.sleep(0.1)


def _sent(method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - loopback
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - loopback
            return _answer(reply.status, reply.headers, reply.read(), began)
    except urllib.error.HTTPError as error:
        return _answer(error.code, error.headers, error.read(), began)


def _answer(status: int, headers: Any, body: bytes, began: float) -> Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    return Answer(status, lower, json.loads(body) if body else None, time.perf_counter() - began)


@contextmanager
def started(environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """The service on a free port of the loopback interface, stopped when the block ends.

    `environment` is all of its variables; None for this process's.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers.local", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        url = _first_url(process)
        threading.Thread(target=_read_on, args=(process,), daemon=True).start()
        yield Service(url)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _read_on(process: "subprocess.Popen[str]") -> None:
    """Read the service's log to its end: a pipe that is full would stop the service."""
    for _ in process.stdout or ():
        pass


def _first_url(process: "subprocess.Popen[str]") -> str:
    said = []
    for line in process.stdout or ():
        said.append(line)
        for word in line.split():
            if word.startswith("http://127.0.0.1:"):
                return word.rstrip("/.,")
    raise SystemExit("the service did not start; it said:\n" + "".join(said))
