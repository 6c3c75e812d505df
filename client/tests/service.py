"""The laptop's server, really started."""

import os
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The environment that the service runs in is another than the client's.
SERVER_PYTHON = os.environ.get("SERVER_PYTHON", str(ROOT / ".venv" / "bin" / "python"))


class Service:
    """`python -m handlers.local --port 0` over a folder; leaving the `with` stops it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.url = ""
        self.lines: list[str] = []
        self._variables = variables
        self._told = threading.Event()

    def __enter__(self) -> "Service":
        self.process = subprocess.Popen(
            [SERVER_PYTHON, "-m", "handlers.local", "--port", "0", "--root", str(self.folder)],
            cwd=ROOT,
            env={**os.environ, **self._variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        assert self._told.wait(120), f"the service did not start: {self.lines}"
        assert self.url, f"the service ended: {self.lines}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._reader.join(10)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("serverless-ml answers at "):
                self.url = line.split()[3]
                self._told.set()
        self._told.set()
