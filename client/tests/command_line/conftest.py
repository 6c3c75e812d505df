"""A service that asks for keys and takes short requests."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from client.tests.service import ROOT, SERVER_PYTHON, Service


class Guarded(NamedTuple):
    """A service, and a key for predictions and one for everything."""

    url: str
    predict: str
    admin: str


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A service with keys, whose requests have at most 9,000 bytes, and its answers 12,000."""
    folder = tmp_path_factory.mktemp("guarded")
    predict, admin = _key(folder, "predict"), _key(folder, "admin")
    short = {"ML_MAX_BODY_BYTES": "9000", "ML_MAX_ANSWER_BYTES": "12000"}
    with Service(folder, **short) as started:
        yield Guarded(started.url, predict, admin)


def _key(folder: Path, role: str) -> str:
    made = subprocess.run(
        [SERVER_PYTHON, "-m", "providers", "keys", "new", "--cloud", "local", "--role", role],
        cwd=ROOT,
        env={**os.environ, "ML_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return made.stdout.strip()
