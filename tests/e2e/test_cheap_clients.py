"""A client that costs its sender nothing must not stop the laptop's server, which is really started here.

Nothing waits for a clock: what must not be held up is asked for while what holds is still there.
"""

import http.client
import json
import os
import queue
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conformance.clouds.local import Trainer
from tests.e2e.local_server import LocalServer

BODY = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": [[0], [1], [10], [11]]}
PREDICT = {"instances": [[1]]}


class Told(NamedTuple):
    """What a client was answered."""

    status: int
    applied: str | None
    body: Any


class Clients:
    """Many clients that train and wait, each on a connection of its own, whose answers are in `answers`."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self.answers: queue.Queue[Told | Exception] = queue.Queue()
        self.threads: list[threading.Thread] = []

    def train(self, count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=self._train, daemon=True)
            thread.start()
            self.threads.append(thread)

    def _train(self) -> None:
        try:
            connection = http.client.HTTPConnection(self._server.url.removeprefix("http://"), timeout=120)
            connection.request("POST", "/v1/models/long:train", json.dumps(BODY), {"Prefer": "wait=600"})
            reply = connection.getresponse()
            told = Told(reply.status, reply.headers["Preference-Applied"], json.loads(reply.read()))
        except (OSError, http.client.HTTPException) as error:
            self.answers.put(error)
        else:
            self.answers.put(told)

    def next(self) -> Told:
        told = self.answers.get(timeout=120)
        assert isinstance(told, Told), told
        return told


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    """A server with a model `small`."""
    with LocalServer(tmp_path, ML_MAX_WAIT="600") as running:
        assert running.train("small", BODY)["state"] == "succeeded"
        yield running


@pytest.fixture
def trainer(server: LocalServer) -> Iterator[Trainer]:
    """The server's trainer, which does nothing any more until it is told to."""
    stopped = Trainer(server)
    yield stopped
    with suppress(ProcessLookupError):  # it ended with the server
        stopped.resume()


class TestWaiting:
    @pytest.mark.usefixtures("trainer")
    def test_a_prediction_is_answered_while_everyone_waits_who_may(self, server: LocalServer) -> None:
        clients = Clients(server)
        clients.train(40)
        for _ in range(36):  # those without a place
            told = clients.next()
            assert (told.status, told.applied) == (202, None)
            assert told.body["state"] == "queued"
        assert server.call("POST", "/v1/models/small:predict", PREDICT).status == 200
        assert server.call("GET", "/v2/health/ready").status == 200
        assert clients.answers.empty()
        assert sum(thread.is_alive() for thread in clients.threads) >= 4
        for job in server.call("GET", "/v1/jobs?model=long").body["jobs"]:
            assert server.call("DELETE", f"/v1/jobs/{job['id']}").status == 200
        for _ in range(4):
            told = clients.next()
            assert (told.status, told.applied) == (200, "wait=600")
            assert told.body["state"] == "cancelled"


def _address(server: LocalServer) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def _request(server: LocalServer, path: str, body: Any) -> bytes:
    data = json.dumps(body).encode()
    host = server.url.removeprefix("http://")
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def _answered(connection: socket.socket) -> tuple[int, bytes]:
    """The status and all that came until the server closed the connection."""
    connection.settimeout(120)
    received = b""
    while part := connection.recv(65536):
        received += part
    return int(received.split()[1]), received


class TestTheEnd:
    def test_whoever_waits_is_answered_and_who_is_half_read_too(
        self, server: LocalServer, trainer: Trainer
    ) -> None:
        sent = _request(server, "/v1/models/small:predict", PREDICT)
        with socket.create_connection(_address(server)) as half:
            half.sendall(sent[:-5])
            clients = Clients(server)
            clients.train(10)
            for _ in range(6):
                assert clients.next().applied is None
            server.process.send_signal(signal.SIGTERM)
            for _ in range(4):  # at once: the jobs are not over, and the time is not
                told = clients.next()
                assert (told.status, told.applied, told.body["state"]) == (202, None, "queued")
            trainer.resume()
            half.sendall(sent[-5:])
            status, received = _answered(half)
        assert status == 200
        assert b"\r\nConnection: close\r\n" in received
        assert server.process.wait(60) == 0

    def test_all_that_was_sent_before_the_signal_is_answered(self, server: LocalServer) -> None:
        """More than there are threads, in the network's hands: the server is stopped while they are sent."""
        os.kill(server.process.pid, signal.SIGSTOP)
        connections = [socket.create_connection(_address(server)) for _ in range(60)]
        for connection in connections:
            connection.sendall(_request(server, "/v1/models/small:predict", PREDICT))
        os.kill(server.process.pid, signal.SIGTERM)
        os.kill(server.process.pid, signal.SIGCONT)
        assert [_answered(connection)[0] for connection in connections] == [200] * 60
        for connection in connections:
            connection.close()
        assert server.process.wait(60) == 0

    def test_who_says_nothing_does_not_keep_it(self, server: LocalServer) -> None:
        with (
            socket.create_connection(_address(server)) as idle,
            socket.create_connection(_address(server)) as half,
        ):
            half.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            assert server.stop() == 0
            assert idle.recv(1) == half.recv(1) == b""


class TestIdleConnections:
    @pytest.mark.parametrize(
        "said", [b"", b"GET /", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"]
    )
    def test_any_number_of_them_leaves_room_for_another(self, server: LocalServer, said: bytes) -> None:
        connections = []
        for _ in range(500):
            connections.append(socket.create_connection(_address(server)))
            connections[-1].sendall(said)
        assert server.call("POST", "/v1/models/small:predict", PREDICT).status == 200
        assert server.call("GET", "/v2/health/ready").status == 200
        # The longest idle ones made place.
        connections[0].settimeout(120)
        assert connections[0].recv(1) == b""
        for connection in connections:
            connection.close()
