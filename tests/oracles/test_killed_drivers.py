"""A job whose driver is killed while Lithops' workers are at it goes on, to what it would have come to."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.large_tables import BLOCK_ROWS, LABEL, LargeTable, write
from examples.demo.service import FINAL_STATES, Service, started

TRAINING = {
    "algorithm": "logistic_regression",
    "engine": "lithops",
    "data": {"uri": "file:table/", "target": LABEL},
}
SCORING = {"data": {"uri": "file:table/"}, "outputs": ["probability"], "engine": "lithops"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("laptop")
    write(LargeTable(rows=6 * BLOCK_ROWS), folder / "data" / "table", file_format="parquet", files=6)
    return folder


@pytest.fixture(scope="module")
def service(root: Path) -> Iterator[Service]:
    environment = {"ML_ROOT": str(root), "ML_ENGINES": "lithops"}
    with started({**os.environ, **environment}) as running:
        yield running


def drivers(root: Path) -> list[int]:
    """The child processes of this service's trainer that fit or score."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if (
                not entry.name.isdigit()
                or b"ml_core.jobs.fit_process" not in (entry / "cmdline").read_bytes()
            ):
                continue
            if f"ML_ROOT={root}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def finished(
    service: Service, path: str, body: object, *, kill_at: str = "", root: Path | None = None
) -> Any:
    """The job when it is over; its driver is killed as soon as a file `kill_at` of the job's `{id}` is there.

    A phase would be no event: it is told every few seconds.
    """
    job = service.call("POST", path, body).body
    killed = root is None
    deadline = time.monotonic() + 400
    while job["state"] not in FINAL_STATES:
        assert time.monotonic() < deadline, job
        if root is not None and not killed:
            killed = any(root.glob(kill_at.format(id=job["id"])))
            for number in drivers(root) if killed else ():
                os.kill(number, signal.SIGKILL)
        time.sleep(0.01)
        job = service.call("GET", f"/v1/jobs/{job['id']}").body
    assert job["state"] == "succeeded", job
    assert killed, job
    return job


def learnt(service: Service, job: Any) -> Any:
    told = service.call("GET", f"/v1/models/killed/versions/{job['version']}/parameters").body
    return {name: each for name, each in told.items() if name != "model"}


def test_a_training_goes_on_and_learns_the_same(service: Service, root: Path) -> None:
    unharmed = finished(service, "/v1/models/killed:train", TRAINING)
    killed = finished(
        service, "/v1/models/killed:train", TRAINING, kill_at="jobs.d/{id}.d/checkpoint", root=root
    )
    assert len(killed["attempts"]) > 1
    assert learnt(service, killed) == learnt(service, unharmed)


def test_a_scoring_goes_on_and_loses_and_doubles_nothing(service: Service, root: Path) -> None:
    path = "/v1/models/killed:score"
    unharmed = finished(service, path, SCORING)
    killed = finished(service, path, SCORING, kill_at="scores.d/{id}.d/part-*", root=root)
    assert len(killed["attempts"]) > 1
    assert killed["result"] == unharmed["result"]
    listed = service.call("GET", f"/v1/jobs/{killed['id']}/files").body["files"]
    assert [file["name"] for file in listed] == [f"part-{number:05}.parquet" for number in range(6)]
    assert sum(file["rows"] for file in listed) == 6 * BLOCK_ROWS
