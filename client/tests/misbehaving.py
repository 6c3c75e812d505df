"""A real HTTP server that does what networks and services do at their worst, as it is told beforehand.

Without being told it hands requests on to a service, and its answers back. It keeps every request.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class Came:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """An answer: with it the service is not asked."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


DROPS = "drops"  # ends the connection in place of an answer
LOSES = "loses"  # has the service do it, and ends the connection in place of its answer
HANDS_ON = "hands on"

type Act = Says | str | Callable[[Came], Says | str]


class Misbehaving:
    """The server; `acts` says what it does with the next requests, in their order, `always` with the rest."""

    def __init__(self, service: str = "") -> None:
        self.service = service
        self.acts: deque[Act] = deque()
        self.always: Act = HANDS_ON
        self.came: list[Came] = []
        self.said: list[tuple[Came, Says]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "Misbehaving":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                said = {name.lower(): value for name, value in self.headers.items()}
                outer.answer(self, Came(self.command, self.path, said, body))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.do)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, came: Came) -> None:
        with self._lock:
            self.came.append(came)
            act = self.acts.popleft() if self.acts else self.always
        if callable(act):
            act = act(came)
        says = act if isinstance(act, Says) else self._asked(came) if act != DROPS else None
        if says is None or act == LOSES:
            handler.close_connection = True
            return
        with self._lock:
            self.said.append((came, says))
        handler.send_response(says.status)
        for name, value in says.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(says.body)))
        handler.end_headers()
        handler.wfile.write(says.body)

    def _asked(self, came: Came) -> Says:
        own = {"host", "content-length", "connection", "accept-encoding"}
        headers = {name: value for name, value in came.headers.items() if name not in own}
        request = Request(self.service + came.path, came.body or None, headers, method=came.method)
        try:
            with urlopen(request) as answer:
                return Says(answer.status, answer.read(), _handed_on(answer.headers))
        except HTTPError as error:
            with error:
                return Says(error.code, error.read(), _handed_on(error.headers))

    def asked(self, method: str, end: str) -> list[Came]:
        """What came by a method, to paths that end so."""
        return [
            came for came in self.came if came.method == method and urlsplit(came.path).path.endswith(end)
        ]


def _handed_on(headers: Message) -> dict[str, str]:
    kept = ("content-type", "etag", "retry-after", "x-request-id", "content-range")
    return {name: headers[name] for name in kept if headers[name] is not None}
