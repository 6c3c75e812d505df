"""A clone of the project as a reader has it: what is committed, with a home and an environment of its own."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.pages.reading import ROOT

# The settings of a person's own tools, by the variables that name another place for them.
_OF_THE_MACHINE = {
    "NPM_CONFIG_USERCONFIG": "~/.npmrc",
    "PIP_CONFIG_FILE": "~/.config/pip/pip.conf",
    "UV_CONFIG_FILE": "~/.config/uv/uv.toml",
}
SERVE = re.compile(r"serverless-ml answers at (\S+)")


def _environment(home: Path) -> dict[str, str]:
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
        self.environment = _environment(folder / "home")
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
    def serving(self, options: Sequence[str] = ()) -> Iterator[str]:
        """`make serve` with such options; where it answers, as a host and a port."""
        with subprocess.Popen(
            ["make", "serve", f"PORT={_port()}", *options],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as server:
            told, lines = threading.Event(), list[str]()

            def read() -> None:
                assert server.stdout is not None
                for line in server.stdout:
                    lines.append(line)
                    if SERVE.match(line):
                        told.set()
                told.set()

            reader = threading.Thread(target=read)
            reader.start()
            try:
                assert told.wait(240)  # it may install something first
                found = [match[1] for match in map(SERVE.match, lines) if match]
                assert found, "".join(lines)
                yield found[0].removeprefix("http://")
            finally:
                server.terminate()
                server.wait(60)
                reader.join(10)

    def told(self, address: str) -> dict[str, str]:
        """The environment of who asks that server: where 8080 was not free, a client is told."""
        if address.endswith(":8080"):
            return self.environment
        return {**self.environment, "SERVERLESS_ML_URL": f"http://{address}"}


def _copy(source: Path, target: Path) -> None:
    """Copied with its links and times: an environment's files are compared by them."""
    subprocess.run(["cp", "-a", source, target], check=True)


def _port() -> int:
    """The port that the pages say, where it is free: a client finds the service there by itself."""
    for port in (8080, 0):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise AssertionError("no port is free")
