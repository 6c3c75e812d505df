"""A clone of the project as a reader has it: what is committed, with a home and an environment of its own."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from documenting.pages import ROOT

# The settings of a person's own tools, by the variables that name another place for them.
_OF_THE_MACHINE = {
    "NPM_CONFIG_USERCONFIG": "~/.npmrc",
    "PIP_CONFIG_FILE": "~/.config/pip/pip.conf",
    "UV_CONFIG_FILE": "~/.config/uv/uv.toml",
}
SERVE = re.compile(r"serverless-ml answers at (\S+)")


def environment_of(home: Path) -> dict[str, str]:
    """A shell's, as a person's is: without the environment of the tests, and with a home of its own.

    Where packages come from, and what was downloaded of them, is the machine's.
    """
    left_out = (
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONHOME",
        "UV_",
        "ML_",
        "PYTEST_",
        "AWS_",
        "AZURE_",
        "GOOGLE_",
    )
    sources = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX", "UV_FIND_LINKS", "UV_NATIVE_TLS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(sources) or not name.startswith(left_out)
    }
    ours = os.path.join(ROOT, ".venv", "bin")
    kept["PATH"] = os.pathsep.join(each for each in kept["PATH"].split(os.pathsep) if each != ours)
    for name, place in _OF_THE_MACHINE.items():
        if os.path.exists(os.path.expanduser(place)):
            kept.setdefault(name, os.path.expanduser(place))
    caches = {
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", os.path.expanduser("~/.cache/uv")),
        "NPM_CONFIG_CACHE": os.environ.get("NPM_CONFIG_CACHE", os.path.expanduser("~/.npm")),
    }
    return {**kept, **caches, "HOME": str(home), "ML_MAX_WAIT": "50"}


class Clone:
    """A clone in which `make demo` was run. `fresh` brings it back to that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "serverless-ml"
        self.environment = environment_of(folder / "home")
        (folder / "home").mkdir()
        self._demonstrated = folder / "demonstrated"
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, self.folder], check=True)
        subprocess.run(
            ["make", "demo"], cwd=self.folder, env=self.environment, check=True, stdout=subprocess.DEVNULL
        )
        self._demonstrated.mkdir()
        for name in (".venv", ".serverless-ml"):
            if (self.folder / name).exists():
                _copy(self.folder / name, self._demonstrated / name)

    def fresh(self) -> None:
        """Take back what a page changed."""
        subprocess.run(
            ["git", "clean", "-qdfx", "-e", ".tools", "-e", "node_modules"], cwd=self.folder, check=True
        )
        subprocess.run(["git", "checkout", "-q", "."], cwd=self.folder, check=True)
        for kept in self._demonstrated.iterdir():
            shutil.rmtree(self.folder / kept.name, ignore_errors=True)
            _copy(kept, self.folder / kept.name)

    @contextmanager
    def serving(
        self, options: Sequence[str] = (), *, settings: Mapping[str, str] | None = None, port: int = 8080
    ) -> Iterator[str]:
        """`make serve` with such options and variables; where it answers, as a host and a port.

        Where the port is not free it is another one.
        """
        for wanted in (_free(port), 0):  # another program may take a port before the server does
            command = ["make", "serve", f"PORT={wanted or _free(0)}", *options]
            environment = {**self.environment, **(settings or {})}
            with _Server(command, self.folder, environment) as server:
                if server.address or not wanted:
                    assert server.address, server.said
                    yield server.address
                    return

    def told(self, address: str) -> dict[str, str]:
        """The environment of who asks that server: where 8080 was not free, a client is told."""
        if address.endswith(":8080"):
            return self.environment
        return {**self.environment, "SERVERLESS_ML_URL": f"http://{address}"}


class _Server:
    """A server that is started, and has said where it answers or ended; leaving the `with` ends it."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._command, self._folder, self._environment = command, folder, environment
        self._lines: list[str] = []

    def __enter__(self) -> "_Server":
        self._running = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told = threading.Event()

        def read() -> None:
            assert self._running.stdout is not None
            with self._running.stdout as said:
                for line in said:
                    self._lines.append(line)
                    if SERVE.match(line):
                        told.set()
            told.set()

        self._reader = threading.Thread(target=read)
        self._reader.start()
        assert told.wait(240)  # it may install something first
        return self

    def __exit__(self, *_: object) -> None:
        self._running.terminate()
        self._running.wait(60)
        self._reader.join(10)

    @property
    def address(self) -> str:
        """Host and port; empty where it ended before it listened."""
        return next(
            (match[1].removeprefix("http://") for match in map(SERVE.match, self._lines) if match), ""
        )

    @property
    def said(self) -> str:
        """What it has printed."""
        return "".join(self._lines)


def _copy(source: Path, target: Path) -> None:
    """Copied with its links and times: an environment's files are compared by them."""
    subprocess.run(["cp", "-a", source, target], check=True)


def _free(wanted: int) -> int:
    """The port that is wanted, where it is free: a client finds the service at 8080 by itself."""
    for port in (wanted, 0):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past the last server's connections
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise AssertionError("no port is free")
