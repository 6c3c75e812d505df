"""The laptop's server, really started; its trainer is stopped while no message is to be delivered."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from providers.local.runtime.store import FolderStore
from tests.conformance import wire
from tests.conformance.cases.scoring import LAKE
from tests.conformance.cloud import Records, Running
from tests.e2e.local_server import ROOT, LocalServer

_PATIENCE = 120.0  # seconds
_SWEEP = """
import os, sys
from handlers.jobs import sweep_once
from handlers.local.services import folder_services
from handlers.settings import read_settings
from providers.local.runtime.keys import FileKeyStore

sweep_once(folder_services(read_settings(os.environ), key_records=FileKeyStore(sys.argv[1]).read))
"""


@contextmanager
def started(
    request: pytest.FixtureRequest,  # noqa: ARG001 (it needs no fixture)
    folder: str,
    keys: Records,
    settings: dict[str, str],
    web: dict[str, str],
) -> Iterator[Running]:
    """See `tests.conformance.cloud.Cloud`."""
    file = os.path.join(folder, "keys.json")
    with open(file, "w", encoding="utf-8") as records:
        json.dump(keys, records)
    root, none = os.path.join(folder, "open"), os.path.join(folder, "no-keys.json")
    for key, data in LAKE.items():
        path = Path(root, "data", key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with (
        LocalServer(root, "--keys", file, **settings, ML_OUTPUT_BUCKETS="file:out", ML_ONNX="here") as server,
        LocalServer(os.path.join(folder, "closed"), "--keys", none, **settings) as closed,
        LocalServer(os.path.join(folder, "for-pages"), "--keys", file, **settings, **web) as for_pages,
    ):
        port, closed_port, web_port = _port(server), _port(closed), _port(for_pages)
        trainer = Trainer(server)
        try:
            yield Running(
                lambda sent: wire.ask(port, sent),
                lambda sent: wire.ask(closed_port, sent),
                lambda sent: wire.ask(web_port, sent),
                trainer.run,
                lambda: sweep(root, file, settings),
                FolderStore(root),
                "file:lake/",
                "file:out/",
            )
        finally:
            trainer.resume()


def sweep(root: str, keys: str, settings: dict[str, str]) -> None:
    """What the trainer does every five minutes, in a process of its own: it is stopped now."""
    subprocess.run(
        [sys.executable, "-c", _SWEEP, keys],
        env={**os.environ, **settings, "ML_ROOT": root},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )


class Trainer:
    """The process that trains beside the server, which runs only while it should."""

    def __init__(self, server: LocalServer) -> None:
        self._queue = os.path.join(server.root, "~queue")
        self._pid = _until(lambda: _trainer_of(server.process.pid))
        _until(lambda: any('"sweep"' in line for line in server.lines))  # its first look is over
        self._stop()

    def run(self) -> None:
        """Have it work off the queue."""
        self.resume()
        _until(lambda: not any(name.isalnum() for name in os.listdir(self._queue)))
        self._stop()

    def resume(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def _stop(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)


def _trainer_of(server: int) -> int | None:
    """The process id of the server's trainer, when it is there."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                with open(f"/proc/{name}/cmdline", encoding="utf-8") as command:
                    trains = "--trainer" in command.read()
            except OSError:  # it ended meanwhile
                continue
            if parent == server and trains:
                return int(name)
    return None


def _until[T](look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + _PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, "the trainer does not come to rest"
        time.sleep(0.02)
    return found


def _port(server: LocalServer) -> int:
    return int(server.url.rpartition(":")[2])
