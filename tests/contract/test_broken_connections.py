"""Connections that break when a request has arrived: the store did as told, and nobody hears of it."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ml_core.documents import read
from ml_core.jobs.jobs import Jobs
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import Aliases, Terms
from ml_core.registry.registry import Registry
from tests.contract.backend import backend
from tests.contract.faults import RememberingQueue

CLOUD = "aws"


class BreakingProxy(ThreadingHTTPServer):
    """Hands requests on to `target`, and drops the answers to as many writes as `to_drop` says."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target.removeprefix("http://")
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.to_drop = 0
        self.dropped: list[int] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BreakingProxy

    def do_GET(self) -> None:
        self._hand_on()

    def do_PUT(self) -> None:
        self._hand_on()

    def do_POST(self) -> None:
        self._hand_on()

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        there = http.client.HTTPConnection(self.server.target)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        there.request(self.command, self.path, body, headers)
        answer = there.getresponse()
        content = answer.read()
        there.close()
        if self.command == "PUT" and self.server.to_drop > 0:
            self.server.to_drop -= 1
            self.server.dropped.append(answer.status)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[BreakingProxy, dict[str, str]]]:
    with backend(CLOUD).started() as address, BreakingProxy(address["AWS_ENDPOINT_URL"]) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy, {**address, "AWS_ENDPOINT_URL": proxy.url}
        proxy.shutdown()


@pytest.fixture
def proxy(proxied: tuple[BreakingProxy, dict[str, str]]) -> BreakingProxy:
    proxied[0].dropped.clear()
    return proxied[0]


@pytest.fixture
def store(proxied: tuple[BreakingProxy, dict[str, str]]) -> ObjectStore:
    return backend(CLOUD).open_store(backend(CLOUD).empty(proxied[1]))


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_a_version_is_registered_once(store: ObjectStore, proxy: BreakingProxy, broken: int) -> None:
    registry = Registry(store)
    registry.register("iris", "a", sha256="", size=1, algorithm="none")
    proxy.to_drop = broken
    assert registry.register("iris", "b", sha256="", size=1, algorithm="none") == 2
    assert proxy.dropped[0] == 200, "the first write had arrived"
    assert read(store, "models/iris.json").body["revision"] == 2


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_a_promotion_that_arrived_is_no_lost_race(
    store: ObjectStore, proxy: BreakingProxy, broken: int
) -> None:
    registry = Registry(store)
    registry.register("iris", "a", sha256="", size=1, algorithm="none")
    known = Aliases(registry).set("iris", "production", 1).etag
    proxy.to_drop = broken
    alias = Aliases(registry).set("iris", "production", 1, terms=Terms(one_of=frozenset({known})))
    assert proxy.dropped[0] == 200, "the first write had arrived"
    proxy.to_drop = 0
    assert registry.model("iris").alias("production") == alias


def test_a_job_is_submitted_once_for_its_idempotency_key(store: ObjectStore, proxy: BreakingProxy) -> None:
    jobs = Jobs(store, RememberingQueue())
    proxy.to_drop = 1
    first = jobs.submit("iris", b"{}", {}, idempotency_key="k")
    proxy.to_drop = 1
    second = jobs.submit("iris", b"{}", {})
    assert proxy.dropped == [200, 200]
    assert {job.id for job in jobs.list().jobs} == {first.id, second.id}
