"""A collector of spans on this machine: OTLP over HTTP, read by the official protobuf."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Receives spans; `status` is how it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self._spans: Queue[Span] = Queue()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            """One request of an exporter."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.bodies.append(body)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                if collector.status == 200:
                    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                        for scope in resource.scope_spans:
                            for span in scope.spans:
                                collector._spans.put(span)
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def received(self) -> list[Span]:
        """What has come until now."""
        return [self._spans.get() for _ in range(self._spans.qsize())]

    def until(self, name: str) -> list[Span]:
        """What comes up to the span of that name."""
        spans: list[Span] = []
        while not spans or spans[-1].name != name:
            spans.append(self._spans.get(timeout=60))
        return spans


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens; leaving the `with` ends it."""
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join(60)
