"""Stand-ins for what a function has beside it: the metadata server, IAM's signatures, and Cloud Tasks."""

import json
import re
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from google.cloud import tasks_v2
from google.protobuf.json_format import ParseDict, ParseError

ACCOUNT = "serverless-ml-dev-api@demo-1.iam.gserviceaccount.com"
TOKEN = "the-functions-own-token"
QUEUE = "projects/demo-1/locations/europe-west1/queues/serverless-ml-dev-train-1"


class Task(NamedTuple):
    """A task that was created: what Cloud Tasks will send where, and when (RFC 3339, empty for at once)."""

    url: str
    body: bytes
    caller: str
    due: str


class Beside:
    """What was asked of these servers; `refuse` plans failures of Cloud Tasks, by their status."""

    def __init__(self, key: RSAPrivateKey | None = None) -> None:
        self.key = key
        self.tasks: list[Task] = []
        self.tokens_given = 0
        self.audiences: list[str] = []
        self.identity_expiry = time.time() + 3600
        self.token_lifetime = 3600
        self.refuse: list[int] = []
        self.host = ""

    @property
    def env(self) -> dict[str, str]:
        """What points a function here."""
        return {
            "GCE_METADATA_HOST": self.host,
            "GOOGLE_ENDPOINT_URL_CLOUDTASKS": f"http://{self.host}",
            "GOOGLE_ENDPOINT_URL_IAMCREDENTIALS": f"http://{self.host}",
        }

    def sign(self, account: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        """As IAM's signBlob: for the account itself, which may sign where it was given a key here."""
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": {"message": "no token"}}
        if account != ACCOUNT or self.key is None:
            return 403, {"error": {"message": "Permission 'iam.serviceAccounts.signBlob' denied"}}
        signature = self.key.sign(b64decode(body["payload"]), PKCS1v15(), SHA256())
        return 200, {"keyId": "k1", "signedBlob": b64encode(signature).decode()}

    def give_token(self, headers: dict[str, str]) -> tuple[int, Any]:
        """As the metadata server: only to who knows it is one."""
        if headers.get("metadata-flavor") != "Google":
            return 403, {}
        self.tokens_given += 1
        return 200, {"access_token": TOKEN, "expires_in": self.token_lifetime, "token_type": "Bearer"}

    def identify(self, audience: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """As the metadata server: a token for one audience, which says when it expires."""
        if headers.get("metadata-flavor") != "Google":
            return 403, b""
        self.audiences.append(audience)
        claims = {"aud": audience, "email": ACCOUNT, "exp": self.identity_expiry}
        parts = ({"alg": "RS256"}, claims, "the signature")
        return 200, ".".join(
            urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
        ).encode()

    def create_task(self, queue: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        """As Cloud Tasks: the body must be the API's own message."""
        if self.refuse:
            return self.refuse.pop(0), {"error": {"message": "planned"}}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": {"message": "no token"}}
        try:
            message = ParseDict({"parent": queue, **body}, tasks_v2.CreateTaskRequest.pb()())
        except ParseError as error:
            return 400, {"error": {"message": str(error)}}
        http = message.task.http_request
        due = body["task"].get("scheduleTime", "")
        self.tasks.append(Task(http.url, http.body, http.oidc_token.service_account_email, due))
        assert b64decode(body["task"]["httpRequest"]["body"]) == http.body
        assert 15 <= message.task.dispatch_deadline.seconds <= 1800
        return 200, {"name": f"{queue}/tasks/{len(self.tasks)}", **body["task"]}


class Handler(BaseHTTPRequestHandler):
    """HTTP around `Beside`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    beside: Beside

    def do_GET(self) -> None:
        if self.path.endswith("/email"):
            self._answer(200, ACCOUNT.encode(), "application/text")
        elif "/identity?" in self.path:
            audience = parse_qs(self.path.partition("?")[2])["audience"][0]
            self._answer(*self.beside.identify(audience, self._headers()), "text/html")
        else:
            self._send(*self.beside.give_token(self._headers()))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if signing := re.fullmatch(r"/v1/projects/-/serviceAccounts/([^/:]+):signBlob", self.path):
            self._send(*self.beside.sign(signing[1], body, self._headers()))
            return
        found = re.fullmatch(r"/v2/(projects/[^/]+/locations/[^/]+/queues/[^/]+)/tasks", self.path)
        self._send(*(self.beside.create_task(found[1], body, self._headers()) if found else (404, {})))

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _send(self, status: int, document: Any) -> None:
        self._answer(status, json.dumps(document).encode(), "application/json")

    def _answer(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Tests print nothing for requests that went well."""


@contextmanager
def running(key: RSAPrivateKey | None = None) -> Iterator[Beside]:
    """All of them on one port of loopback; with `key` IAM signs for the function's account."""
    beside = Beside(key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"beside": beside}))
    server.daemon_threads = True
    beside.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield beside
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
