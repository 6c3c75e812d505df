"""A function as Lambda runs it: packages unpacked, AWS's own runtime client, AWS's interface emulator."""

import http.client
import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
EMULATOR = os.path.join(
    *[ROOT, ".tools", "rie", "lib", _PYTHON, "site-packages"],
    *["samcli", "local", "rapid", "aws-lambda-rie-x86_64"],
)
WRAPPER = "handlers/clouds/aws_runtime.sh"
_READY = 30.0  # seconds


def runtime_client(folder: str) -> str:
    """A folder with AWS's runtime client and what it imports, and nothing else of this environment."""
    target = os.path.join(folder, "var-runtime")
    for name in ("awslambdaric", "simplejson", "snapshot_restore_py"):
        for file in importlib.metadata.distribution(name).files or []:
            if ".." not in file.parts:
                copy = os.path.join(target, *file.parts)
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copyfile(str(file.locate()), copy)
    return target


def unpacked(zips: list[str], folder: str) -> str:
    """The folder, with the zips in it, each over those before it, as Lambda lays out code or layers."""
    for path in zips:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    return folder


class Function:
    """A function in its runtime, from its packages alone; leaving the `with` ends it.

    Args:
        handler: as config.yml has it.
        task: the folder that stands for /var/task.
        opt: the folder that stands for /opt, where layers are.
        runtime: the folder that stands for /var/runtime.
        env: the function's environment.
        client: who talks to the Runtime API: `aws`, AWS's own, or `own`, ours. The emulator knows no
            wrappers, so ours is started by hand as Lambda's documentation says of them.
    """

    def __init__(
        self,
        handler: str,
        *,
        task: str,
        opt: str | None,
        runtime: str,
        env: dict[str, str],
        timeout: int = 60,
        client: str = "aws",
    ) -> None:
        self._task = task
        self._timeout = timeout
        # As the managed runtime's search path: client, code, layers, then the standard library.
        # `-S` below keeps this environment's own packages out.
        interpreter = [sys.executable, "-S"]
        self._command = (
            [*interpreter, "-m", "awslambdaric", handler]
            if client == "aws"
            else ["/bin/sh", os.path.join(task, WRAPPER), *interpreter, "/var/runtime/bootstrap.py"]
        )
        of_client = [runtime] if client == "aws" else []
        paths = [*of_client, task, *([os.path.join(opt, "python")] if opt else [])]
        self._env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(paths),
            "LAMBDA_TASK_ROOT": task,
            "_HANDLER": handler,
            "AWS_LAMBDA_FUNCTION_NAME": "packaged",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
            **env,
        }
        self.log: list[str] = []

    def __enter__(self) -> "Function":
        assert os.path.exists(EMULATOR), "the interface emulator is missing: run `make .tools/rie.ready`"
        self._port, runtime_port = _free_ports(2)
        self._process = subprocess.Popen(
            [
                EMULATOR,
                *["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"],
                *["--runtime-api-address", f"127.0.0.1:{runtime_port}"],
                *self._command,
            ],
            cwd=self._task,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def invoke(self, event: object) -> Any:
        """What the function answers. One call at a time: concurrent ones crash the emulator."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout + 30)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.log.append(line)
            self._listening.set()
        self._process.stdout.close()
        self._listening.set()

    def _wait(self) -> None:
        assert self._listening.wait(_READY), "the interface emulator said nothing"
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=_READY).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, "".join(self.log)
                threading.Event().wait(0.05)
            else:
                return
        raise AssertionError("the interface emulator does not listen:\n" + "".join(self.log))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
