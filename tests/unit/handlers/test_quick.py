"""Predictions that the laptop's server answers in the thread that has read them."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from handlers.local.admission import whole_request
from handlers.local.quick import Quick
from handlers.local.server import _server
from handlers.wsgi import from_environ
from tests.unit.handlers.conftest import IRIS, services_over

PREDICT = "/v1/models/iris:predict"


class Read(NamedTuple):
    """What `Quick` looks at of a request that was read."""

    path: str
    content_length: int = 100
    chunked: bool = False
    error: object = None


def _noted(quick: Quick, path: str, seconds: float = 0) -> None:
    with quick.noting(path):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass


class TestWhatIsExpected:
    def test_nothing_before_the_first_answer(self) -> None:
        assert not Quick().expects(Read(PREDICT))

    @pytest.mark.parametrize("path", [PREDICT, "/v1/models/a/versions/1:predict", "/v2/models/a/infer"])
    def test_a_prediction_whose_last_answer_was_quick(self, path: str) -> None:
        quick = Quick()
        _noted(quick, path)
        assert quick.expects(Read(path))
        assert not quick.expects(Read("/v1/models/other:predict"))
        _noted(quick, path, seconds=0.02)
        assert not quick.expects(Read(path))
        _noted(quick, path)
        assert quick.expects(Read(path))

    @pytest.mark.parametrize(
        "path", ["/v1/models", "/v1/models/a:train", "/v1/models/a:explain", "/uploads/a"]
    )
    def test_nothing_else_however_quick_it_was(self, path: str) -> None:
        quick = Quick()
        _noted(quick, path)
        assert not quick.expects(Read(path))

    @pytest.mark.parametrize(
        "read",
        [Read(PREDICT, content_length=65_537), Read(PREDICT, chunked=True), Read(PREDICT, error="bad")],
        ids=["long", "chunked", "unreadable"],
    )
    def test_no_request_that_may_take_longer_than_the_last(self, read: Read) -> None:
        quick = Quick()
        _noted(quick, PREDICT)
        assert quick.expects(Read(PREDICT))
        assert not quick.expects(read)

    def test_of_paths_only_the_last_thousand_are_known(self) -> None:
        quick = Quick()
        for number in range(1_001):
            _noted(quick, f"/v1/models/m{number}:predict")
        assert not quick.expects(Read("/v1/models/m0:predict"))
        assert quick.expects(Read("/v1/models/m1:predict"))


class Threads:
    """A model source that tells which threads have asked for a model."""

    def __init__(self, models: Any) -> None:
        self._models = models
        self.asked: list[int] = []

    def resolve(self, *arguments: Any, **named: Any) -> Any:
        self.asked.append(threading.get_ident())
        return self._models.resolve(*arguments, **named)


class Running(NamedTuple):
    """A server that runs: its address, its thread and the threads that have predicted."""

    address: tuple[str, int]
    reading: int
    threads: Threads


@pytest.fixture
def running(trained: Path) -> Iterator[Running]:
    services = services_over(trained, ML_MONITORING_DAYS="0")
    threads = Threads(services.models)
    services._models = threads  # type: ignore[assignment]
    server = _server(services, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert thread.ident is not None
    try:
        yield Running(("127.0.0.1", server.port), thread.ident, threads)
    finally:
        server.stop()
        thread.join(60)


def _request(address: tuple[str, int], rows: Any = IRIS, path: str = PREDICT) -> bytes:
    body = json.dumps({"instances": rows}).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{address[1]}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + body


def _answer(stream: Any) -> tuple[list[bytes], bytes]:
    """The lines of the next answer's header, and its body."""
    head = []
    while (line := stream.readline()) != b"\r\n":
        assert line, "the connection has ended"
        head.append(line.rstrip(b"\r\n"))
    length = next(int(line.split()[1]) for line in head if line.startswith(b"Content-Length:"))
    return head, stream.read(length)


def _asked(connection: socket.socket, stream: Any, sent: bytes) -> tuple[list[bytes], bytes]:
    connection.sendall(sent)
    return _answer(stream)


def test_the_second_prediction_is_made_where_it_is_read(running: Running) -> None:
    with socket.create_connection(running.address, timeout=60) as connection:
        stream = connection.makefile("rb")
        answers = [_asked(connection, stream, _request(running.address)) for _ in range(8)]
    assert running.threads.asked[0] != running.reading  # the first one loads the model
    assert running.reading in running.threads.asked
    told = {(tuple(_comparable(head)), body) for head, body in answers}
    assert len(told) == 1


def _comparable(head: list[bytes]) -> list[bytes]:
    return [re.sub(rb"^(Date|X-Request-Id):.*", rb"\1", line) for line in head]


@pytest.mark.parametrize(
    ("rows", "status"), [([["a"]], b"422"), ([[1.0]], b"422")], ids=["a word", "a column too few"]
)
def test_what_is_refused_is_refused_alike(running: Running, rows: Any, status: bytes) -> None:
    with socket.create_connection(running.address, timeout=60) as connection:
        stream = connection.makefile("rb")
        answers = [_asked(connection, stream, _request(running.address, rows)) for _ in range(4)]
    assert all(head[0].split()[1] == status for head, _ in answers)
    assert len({tuple(_comparable(head)) for head, _ in answers}) == 1


def test_many_at_once_on_a_connection_are_answered_in_turn(running: Running) -> None:
    with socket.create_connection(running.address, timeout=60) as connection:
        stream = connection.makefile("rb")
        alone = [_asked(connection, stream, _request(running.address, IRIS[:rows]))[1] for rows in (1, 2, 3)]
        connection.sendall(b"".join(_request(running.address, IRIS[: 1 + turn % 3]) for turn in range(60)))
        for turn in range(60):
            assert _answer(stream)[1] == alone[turn % 3]


def test_whoever_reads_no_answer_keeps_nobody_waiting(running: Running) -> None:
    silent = socket.create_connection(running.address, timeout=60)
    silent.setblocking(False)
    with silent:
        sent = _request(running.address) * 400
        try:
            while sent:
                sent = sent[silent.send(sent) :]
        except BlockingIOError:
            pass
        with socket.create_connection(running.address, timeout=60) as connection:
            stream = connection.makefile("rb")
            for _ in range(20):
                assert _asked(connection, stream, _request(running.address))[0][0] == b"HTTP/1.1 200 OK"


def test_it_ends_while_predictions_are_quick(trained: Path) -> None:
    server = _server(services_over(trained), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address, timeout=60) as connection:
        stream = connection.makefile("rb")
        for _ in range(4):
            _asked(connection, stream, _request(address))
        server.stop()
        assert stream.read() == b""
    thread.join(60)
    assert not thread.is_alive()


RAW = (
    b"POST /v1/models/a:predict HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /v1/models/caf%C3%A9?limit=2&empty=&limit=3&a%20b=c+d HTTP/1.1\r\nHost: x\r\nX-Id:  k \r\n\r\n",
    b"GET //v1//models HTTP/1.0\r\nAccept: text/csv\r\nAccept: */*\r\nContent-Type:\r\n\r\n",
    b"GET /%ff%2F;p?q HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n",
    b"HEAD http://other/v2?pretty HTTP/1.1\r\nHost: x\r\n\r\n",
)


@pytest.mark.parametrize("raw", RAW)
def test_a_request_is_read_as_the_application_reads_it(raw: bytes) -> None:
    adjustments: Any = Adjustments()
    parser: Any = HTTPRequestParser(adjustments)
    parser.received(raw)
    server = SimpleNamespace(adj=adjustments, server_name="x", effective_port=80)
    about = {"addr": ("127.0.0.1", 1), "creation_time": 0, "check_client_disconnected": None}
    channel: Any = SimpleNamespace(server=server, adj=adjustments, **about)
    expected = from_environ(WSGITask(channel, parser).get_environment())
    assert whole_request(parser)._replace(request_id="") == expected._replace(request_id="")
