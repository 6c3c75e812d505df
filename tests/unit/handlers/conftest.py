"""A folder with trained models, and services over it."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from handlers.jobs import train_now
from handlers.local.server import _server
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.services import Services
from handlers.settings import read_settings

Ask = Callable[..., Response]

IRIS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 3.0, 4.2, 1.5]]
ROWS = [[x + y / 10, x * y, 5 - x, y] for x in range(6) for y in range(5)]
REQUESTS: dict[str, dict[str, Any]] = {
    "iris": {
        "algorithm": "logistic_regression",
        "instances": ROWS,
        "targets": [("low", "middle", "high")[row // 10] for row in range(30)],
    },
    "truth": {
        "algorithm": "logistic_regression",
        "instances": ROWS,
        "targets": [row % 2 == 0 for row in range(30)],
        "feature_names": ["a", "b", "c", "d"],
    },
    "digits": {"algorithm": "svm", "instances": ROWS, "targets": [row // 10 for row in range(30)]},
    "groups": {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 3}, "instances": ROWS},
}


def services_over(root: str | os.PathLike[str], **settings: str) -> Services:
    """Open services over a folder, with other settings where some are named."""
    return folder_services(read_settings({"ML_ROOT": str(root), **settings}), key_records=None)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each model of `REQUESTS` has a version. Tests that change it make a copy."""
    root = tmp_path_factory.mktemp("trained")
    services = services_over(root)
    for name, request in REQUESTS.items():
        job = train_now(services, {"model": name, **request})
        assert job.state == "succeeded", job
    return root


def copy_of(trained: Path, target: Path) -> Path:
    """A copy of a folder of models, without what was counted and written down of other tests' requests."""
    return Path(shutil.copytree(trained, target, ignore=shutil.ignore_patterns("monitoring.d", "audit.d")))


@contextmanager
def serving(services: Services) -> Iterator[tuple[str, int]]:
    """The laptop's server over the services, on a free port; its address."""
    server = _server(services, "127.0.0.1", 0)
    running = threading.Thread(target=server.run, daemon=True)
    running.start()
    try:
        yield "127.0.0.1", server.port
    finally:
        server.stop()
        running.join(60)


def asking(services: Services) -> Ask:
    """A function that sends a request to an api over `services`."""
    api = Api(services)

    def ask(method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        path, _, query = path.partition("?")
        pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.handle(Request(method, path, pairs, named, body, "r1"))

    return ask


@pytest.fixture
def ask(trained: Path) -> Ask:
    """Sends a request to the trained models."""
    return asking(services_over(trained))
