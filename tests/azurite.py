"""Azure's storage on this machine: the emulator Azurite in a process of its own, on free loopback ports."""

import base64
import hmac
import json
import os
import re
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import NamedTuple

from providers.azure.runtime.connection import Connection, connection
from providers.azure.runtime.queue import shared_key_lite
from providers.http import Answer, call

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMMAND = os.path.join(ROOT, ".tools", "azurite", "node_modules", ".bin", "azurite")
ACCOUNT = "devstoreaccount1"
# The emulator's own key, the same everywhere and documented by Microsoft.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
OPTIONS = ("--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
PORTS = ("--blobPort", "0", "--queuePort", "0", "--tablePort", "0")


class QueueMessage(NamedTuple):
    """A message that was taken from a queue and is out of sight for a while."""

    id: str
    receipt: str
    body: bytes
    deliveries: int


class Azurite:
    """A running emulator; leaving the `with` ends it. `env` is what our code reads to find it."""

    def __enter__(self) -> "Azurite":
        assert os.path.exists(COMMAND), "azurite is missing: run `make .tools/azurite/ready`"
        self._process = subprocess.Popen(
            [COMMAND, *OPTIONS, *PORTS],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ports: dict[str, str] = {}
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"(\w+) service is successfully listening at (http://\S+)", line):
                ports[found[1]] = found[2]
            if len(ports) == 3:
                break
        assert len(ports) == 3, "azurite ended before it listened"
        endpoints = f"BlobEndpoint={ports['Blob']}/{ACCOUNT};QueueEndpoint={ports['Queue']}/{ACCOUNT}"
        self.env = {"ML_STORAGE": f"AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"}
        return self

    def __exit__(self, *_: object) -> None:
        # It closes slowly when asked; nothing of it is worth keeping.
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def make_container(self, name: str) -> None:
        make_container(self.env, name)

    def make_queue(self, name: str) -> None:
        answer = self._queue("PUT", f"/{name}")
        assert answer.status in {201, 204}, answer

    def send(self, queue: str, body: bytes) -> None:
        text = base64.b64encode(body).decode()
        xml = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode()
        answer = self._queue("POST", f"/{queue}/messages", body=xml)
        assert answer.status == 201, answer

    def clear(self, queue: str) -> None:
        assert self._queue("DELETE", f"/{queue}/messages").status == 204

    def take(self, queue: str, *, hidden_for: int = 30) -> QueueMessage | None:
        """The next message, as the Functions host takes it; None when there is none in sight."""
        answer = self._queue("GET", f"/{queue}/messages", f"?visibilitytimeout={hidden_for}")
        assert answer.status == 200, answer
        found = ET.fromstring(answer.body).find("QueueMessage")  # noqa: S314 - our own emulator
        if found is None:
            return None
        read = {part.tag: part.text or "" for part in found}
        body = base64.b64decode(read["MessageText"])
        return QueueMessage(read["MessageId"], read["PopReceipt"], body, int(read["DequeueCount"]))

    def delete(self, queue: str, message: QueueMessage) -> None:
        from urllib.parse import quote

        path = f"/{queue}/messages/{message.id}"
        answer = self._queue("DELETE", path, f"?popreceipt={quote(message.receipt, safe='')}")
        assert answer.status == 204, answer

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, out of sight or not."""
        answer = self._queue("GET", f"/{queue}", "?comp=metadata", canonical="?comp=metadata")
        return int(answer.headers["x-ms-approximate-messages-count"])

    def _queue(
        self, method: str, path: str, query: str = "", canonical: str = "", body: bytes = b""
    ) -> Answer:
        at = connection(self.env)
        return signed_call(at, method, at.queue_endpoint + path, query, canonical, body)


def signed_call(  # noqa: PLR0917
    at: Connection, method: str, url: str, query: str = "", canonical: str = "", body: bytes = b""
) -> Answer:
    """A call of the storage account with its key; of the query the signature holds `comp` alone."""
    assert at.key is not None
    headers = {
        "x-ms-version": "2021-12-02",
        "x-ms-date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "content-type": "application/xml",
    }
    headers["authorization"] = shared_key_lite(method, url + canonical, headers, at.account, at.key)
    return call(method, url + query, headers, body or (b"" if method == "PUT" else None))


def make_container(env: Mapping[str, str], name: str) -> None:
    """Make a container in the account that `env` names (Shared Key: the emulator's blobs know no Lite)."""
    at = connection(env)
    assert at.key is not None
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    own = f"x-ms-date:{date}\nx-ms-version:2021-12-02\n"
    path = f"/{at.account}/{name}" if at.blob_endpoint.endswith(at.account) else f"/{name}"
    to_sign = "PUT" + "\n" * 12 + f"{own}/{at.account}{path}\nrestype:container"
    digest = hmac.digest(base64.b64decode(at.key), to_sign.encode(), "sha256")
    authorization = f"SharedKey {at.account}:{base64.b64encode(digest).decode()}"
    headers = {"x-ms-date": date, "x-ms-version": "2021-12-02", "authorization": authorization}
    answer = call("PUT", f"{at.blob_endpoint}/{name}?restype=container", headers, b"")
    assert answer.status == 201, answer


def message_of(job: str) -> bytes:
    """What a message that names a job holds."""
    return json.dumps({"job": job}).encode()
