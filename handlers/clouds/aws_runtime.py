"""Lambda's side of the Runtime API, in place of AWS's own client, where `runtimeClient` asks for it.

AWS's client (awslambdaric) costs a first prediction about twice what bare Python does. This one keeps one
connection over `_socket`, and imports nothing else that a prediction does not. `aws_runtime.sh` starts it.
The API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, version 2018-06-01.
"""

from __future__ import annotations

import os
import sys
import time
from _socket import socket

from ml_core import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_API = "/2018-06-01/runtime"
_NEXT = f"{_API}/invocation/next"
_AT_ONCE = 1 << 16  # bytes


class InvocationContext:
    """What Lambda tells a handler beside the event, by the names that AWS's client gives it."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.client_context = _parsed(headers.get("lambda-runtime-client-context"))
        self.identity = _parsed(headers.get("lambda-runtime-cognito-identity"))
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self._deadline = int(headers.get("lambda-runtime-deadline-ms") or 0)

    def get_remaining_time_in_millis(self) -> int:
        """How long Lambda still waits for the answer."""
        return max(self._deadline - int(time.time() * 1000), 0)


class RuntimeApi:
    """HTTP over one connection that is kept; `address` is host:port, as AWS_LAMBDA_RUNTIME_API has it."""

    def __init__(self, address: str) -> None:
        self._host = address
        host, _, port = address.partition(":")
        self._address = (host, int(port or 80))
        self._socket, self._unread = socket(), b""
        self._is_open = False

    def call(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body. A kept connection that has ended is made anew, once.

        Raises OSError when there is no answer.
        """
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        about = {"Host": self._host, "Content-Length": str(len(body)), **names}
        lines = "".join(f"{name}: {value}\r\n" for name, value in about.items())
        request = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
        if self._is_open:
            try:
                return self._exchange(request)
            except OSError:
                self._close()
        self._socket, self._unread = socket(), b""
        self._socket.connect(self._address)
        self._is_open = True
        return self._exchange(request)

    def _exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        self._socket.sendall(request)
        status = int(self._line().split(b" ", 2)[1])
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self._bytes(int(headers.get("content-length") or 0))
        if headers.get("connection", "").lower() == "close":
            self._close()
        return status, headers, body

    def _chunks(self) -> bytes:
        chunks: list[bytes] = []
        while size := int(self._line().partition(b";")[0], 16):
            chunks.append(self._bytes(size))
            self._line()
        while self._line():  # trailers
            pass
        return b"".join(chunks)

    def _line(self) -> bytes:
        while b"\r\n" not in self._unread:
            self._receive()
        line, _, self._unread = self._unread.partition(b"\r\n")
        return line

    def _bytes(self, count: int) -> bytes:
        parts, missing = [self._unread], count - len(self._unread)
        while missing > 0:
            self._unread = b""
            self._receive()
            parts.append(self._unread)
            missing -= len(self._unread)
        whole = b"".join(parts)
        self._unread = whole[count:]
        return whole[:count]

    def _receive(self) -> None:
        received = self._socket.recv(_AT_ONCE)
        if not received:
            raise OSError("the Runtime API ended the connection")
        self._unread += received

    def _close(self) -> None:
        self._socket.close()
        self._is_open = False


def main() -> NoReturn:
    """Load the handler that `_HANDLER` names, and answer its events until Lambda ends the process."""
    # To a pipe Python writes in blocks, and Lambda stops a process between two requests.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        __import__(module)
        handler = getattr(sys.modules[module], name)
    except BaseException as error:
        _post_error(api, f"{_API}/init/error", error)
        raise
    while True:
        answer_next(api, handler)


def answer_next(api: RuntimeApi, handler: Any) -> None:
    """Wait for an event and answer it. Raises OSError when Lambda does not take part any more."""
    status, headers, body = api.call("GET", _NEXT)
    _expect(status, 200, _NEXT)
    _follow_trace(headers.get("lambda-runtime-trace-id"))
    path = f"{_API}/invocation/{headers['lambda-runtime-aws-request-id']}"
    try:
        answer = handler(json_text.loads(body), InvocationContext(headers))
        text = json_text.dumps(answer, ensure_ascii=False).encode()
    except Exception as error:  # noqa: BLE001 (the caller is told, and the next event answered)
        _post_error(api, f"{path}/error", error)
        return
    status, _, _ = api.call("POST", f"{path}/response", text, Content_Type="application/json")
    _expect(status, 202, path)


def _post_error(api: RuntimeApi, path: str, error: BaseException) -> None:
    """Log an error as AWS's client does, and tell Lambda."""
    import traceback

    frames = traceback.format_tb(error.__traceback__)
    kind = type(error).__name__
    # One line of a log to Lambda, many to whoever reads it: these are parted by a carriage return.
    lines = [f"[ERROR] {kind}: {error}", "Traceback (most recent call last):", *"".join(frames).splitlines()]
    sys.stdout.write("\r".join(lines) + "\n")
    told = {"errorMessage": str(error), "errorType": kind, "stackTrace": frames}
    status, _, _ = api.call(
        "POST", path, json_text.dumps(told).encode(),
        Content_Type="application/json", Lambda_Runtime_Function_Error_Type=kind,
    )  # fmt: skip
    _expect(status, 202, path)


def _follow_trace(trace: str | None) -> None:
    if trace is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def _parsed(header: str | None) -> Any:
    return json_text.loads(header) if header else None


def _expect(status: int, expected: int, path: str) -> None:
    if status != expected:
        raise OSError(f"{path}: expected {expected} of the Runtime API, got {status}")
