"""A store that several processes share."""

import json
import os
import subprocess
import sys
from typing import NamedTuple

from ml_core.datasets.reopening import Reopening
from ml_core.ports import ObjectStore
from tests.contract.backend import ROOT, Address, backend


class Place(NamedTuple):
    """Where a store is."""

    cloud: str
    address: Address

    def open(self) -> ObjectStore:
        """The store."""
        return backend(self.cloud).open_store(self.address)

    @property
    def reopening(self) -> Reopening:
        """How another process opens it and the lake beside it."""
        return Reopening("tests.contract.backend:stores", {"cloud": self.cloud, "address": self.address})

    def process(self, task: str, *arguments: str, **env: str) -> "subprocess.Popen[str]":
        """Another process that does one of the tasks in `processes.py` on this store."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.contract.processes", json.dumps(self), task, *arguments],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


class Forks:
    """Does tasks of `processes.py` in copies of one process, which has imported everything already."""

    def __enter__(self) -> "Forks":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.processes"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, place: Place, task: str, *arguments: str) -> int:
        """Do a task to its end; how the process ended, a signal as a negative number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([place, task, *arguments]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def race(processes: "list[subprocess.Popen[str]]") -> list[str]:
    """Let the processes, which wait for it, begin together; what they wrote. Each must end well."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    written = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return written
