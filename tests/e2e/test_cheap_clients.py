"""A client that costs its sender nothing must not stop the laptop's server, which is really started here.

Nothing waits for a clock: what must not be held up is asked for while what holds is still there.
"""

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def busy_server(root: Path, **variables: str) -> Iterator[LocalServer]:
    """A server with a model `small`, whose trainer does nothing any more."""
    with LocalServer(root, **{"ML_MAX_WAIT": "600", **variables}) as server:
        assert server.train("small", BODY)["state"] == "succeeded"
        trainer = Trainer(server)
        try:
            yield server
        finally:
            trainer.resume()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with busy_server(tmp_path) as running:
        yield running


class TestWaiting:
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
