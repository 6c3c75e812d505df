"""An app's built package under Microsoft's worker library, in a process and an environment of its own."""

import base64
import http.client
import json
import os
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from typing import Any

from providers.http import Answer
from tests.azurite import Azurite

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = os.path.join(ROOT, ".tools", "azure-runtime", "bin", "python")
MINI_HOST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mini_host.py")


class FunctionHost:
    """A running app; leaving the `with` ends it."""

    def __init__(self, package: str, env: Mapping[str, str]) -> None:
        self._package, self._env = package, env

    def __enter__(self) -> "FunctionHost":
        assert os.path.exists(PYTHON), "the runtime is missing: run `make .tools/azure-runtime.ready`"
        self._folder = tempfile.TemporaryDirectory(prefix="function-app-")
        with zipfile.ZipFile(self._package) as archive:
            archive.extractall(self._folder.name)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._process = subprocess.Popen(
            [PYTHON, MINI_HOST, self._folder.name],
            env={**inherited, "FUNCTIONS_WORKER_RUNTIME": "python", **self._env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self.lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith('{"port"'):
                break
            self.lines.append(line)  # the worker library's warnings
        else:
            raise AssertionError("the host ended before it listened:\n" + "".join(self.lines))
        said = json.loads(line)
        self.port = int(said["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.functions: dict[str, dict[str, Any]] = said["functions"]
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said:
            self.lines.extend(said)

    def http(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._call(method, path, sent, data)

    def _call(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """One request, sent once, with time enough for a training."""
        connection = http.client.HTTPConnection(self.url.partition("//")[2], timeout=120)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def tick(self, function: str) -> int:
        """Have a timer fire; the status says whether the function succeeded."""
        return self._call("POST", f"/-/timer/{function}", {}, b"").status

    def deliver(self, function: str, azurite: Azurite, *, deliveries: int = 0) -> bool | None:
        """What the host's listener does: take a message, invoke, and delete it when that succeeded.

        Args:
            function: the one with the queue's trigger.
            azurite: where the queue is.
            deliveries: how often the message is said to have come; 0 for as often as it has.

        Returns:
            Whether the function succeeded; None when there was no message in sight.
        """
        queue = self.functions[function]["queueName"]
        message = azurite.take(queue)
        if message is None:
            return None
        about = {
            "Id": message.id,
            "DequeueCount": deliveries or message.deliveries,
            "PopReceipt": message.receipt,
        }
        headers = {"x-metadata": json.dumps(about)}
        answer = self._call("POST", f"/-/queue/{function}", headers, base64.b64encode(message.body))
        if answer.status == 204:
            azurite.delete(queue, message)
        return answer.status == 204
