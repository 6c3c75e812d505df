"""A storage that answers as it is told, right or wrong."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from ml_core.graphs.call import GraphCall, GraphTensor

FOLDER = "/bucket/artifacts/"


class Kept(NamedTuple):
    """An object, and how it is answered.

    Args:
        data: its bytes.
        name: the file that Content-Disposition names.
        status: in place of 200, or 206.
        length: in place of its own.
        times: how often that status is answered; then it is 200.
        location: where a redirect leads to.
    """

    data: bytes
    name: str
    status: int = 0
    length: int | None = None
    times: int = 1 << 30
    location: str = ""


class Storage:
    """Objects by their names, and what was asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, Kept] = {}
        self.asked: list[tuple[str, str | None]] = []  # targets, and ranges
        self.headers: list[dict[str, str]] = []
        self.at = ""

    @property
    def place(self) -> str:
        return self.at + FOLDER

    def call(
        self,
        data: bytes,
        sha256: str,
        inputs: dict[str, GraphTensor],
        *,
        key: str = "01.safetensors",
        seconds: float = 30.0,
        **how: Any,
    ) -> GraphCall:
        """Keep an object, and a call that asks for it."""
        self.objects[key] = Kept(data, f"{sha256}.run")._replace(**how)
        return GraphCall(f"{self.place}{key}?signature=secret", {}, sha256, len(data), inputs, (), seconds)


@contextmanager
def running_storage() -> Iterator[Storage]:
    """A storage on this machine."""
    storage = Storage()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            storage.asked.append((self.path, self.headers["Range"]))
            storage.headers.append({name.lower(): value for name, value in self.headers.items()})
            name = self.path.partition("?")[0].removeprefix(FOLDER)
            kept = storage.objects.get(name)
            if kept is None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            is_part = self.headers["Range"] == "bytes=0-0"
            data = kept.data[:1] if is_part else kept.data
            fails = kept.status and kept.times > 0
            storage.objects[name] = kept._replace(times=kept.times - 1)
            self.send_response(kept.status if fails else 206 if is_part else 200)
            if kept.location:
                self.send_header("Location", kept.location)
            if kept.name:
                self.send_header("Content-Disposition", f'attachment; filename="{kept.name}"')
            self.send_header("Content-Length", str(len(data) if kept.length is None else kept.length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        storage.at = f"http://127.0.0.1:{server.server_port}"
        try:
            yield storage
        finally:
            server.shutdown()
