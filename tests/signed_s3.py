"""What the S3 emulator leaves out: a server before it that checks signed addresses as S3 does.

The signature is computed anew with botocore, the official implementation, for the method, host, path and time
of the request that came; what holds is handed on to the emulator.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from urllib.parse import parse_qs

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from providers.http import call
from tests.ministack import REGION


class Handler(BaseHTTPRequestHandler):
    """Checks and hands on."""

    protocol_version = "HTTP/1.1"
    behind: str

    def handle_one_method(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not holds(self.command, self.headers["Host"], self.path):
            self._send(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            return
        path, _, query = self.path.partition("?")
        answer = call(self.command, self.behind + path, {}, body)
        named = {name: values[-1] for name, values in parse_qs(query).items()}
        saved_as = named.get("response-content-disposition") if self.command == "GET" else None
        self._send(answer.status, answer.body, {"Content-Disposition": saved_as} if saved_as else {})

    do_GET = do_PUT = do_POST = do_DELETE = handle_one_method  # noqa: N815

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests print nothing for requests that went well."""


def holds(method: str, host: str, target: str) -> bool:
    """Whether the address was signed for this method, host and path, and is in time."""
    path, _, query = target.partition("?")
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    try:
        stamp, seconds = given["X-Amz-Date"], int(given["X-Amz-Expires"])
        signature = given["X-Amz-Signature"]
        begun = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (KeyError, ValueError):
        return False
    if not begun - 900 <= time.time() < begun + seconds:
        return False
    signer = S3SigV4QueryAuth(Credentials("test", "test"), "s3", REGION, expires=seconds)
    unsigned = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))
    request = AWSRequest(method, f"http://{host}{path}?{unsigned}", headers={"host": host})
    request.context["timestamp"] = stamp
    canonical = signer.canonical_request(request)
    return bool(signer.signature(signer.string_to_sign(request, canonical), request) == signature)


@contextmanager
def running(behind: str) -> Iterator[str]:
    """The server before the emulator at `behind`; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"behind": behind}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
