"""A table of some hundred megabytes, trained and scored by one process and by Lithops: `make demo-scale`.

Lithops' workers are processes of this machine. On a cloud they are functions, and all else is the same.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.large_tables import LABEL, LargeTable, write
from examples.demo import display
from examples.demo.service import Service, started

ROWS = 1_000_000
FILES = 4
MODEL = "demo-scale"
FOLDER = "customers/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo.scale",
        description="Train and score a large table by one process and by Lithops' localhost back end.",
    )
    parser.add_argument("--rows", type=int, default=ROWS, help=f"of the table (default: {ROWS:,})")
    rows = parser.parse_args(arguments).rows
    with _table(rows) as data, _beside(data) as root:
        environment = {"ML_ENGINES": "lithops", "ML_DATA_ROOT": data, "ML_ROOT": root}
        with started({**os.environ, **environment}) as service:
            return _tell(service)


def _tell(service: Service) -> int:
    trained = [_trained(service, engine) for engine in ("function", "streamed", "lithops")]
    memory, streamed, lithops = (_learnt(service, version) for version in trained)
    same = streamed == lithops
    display.note(f"streamed and Lithops learnt the same numbers, to the last bit: {_yes(same)}")
    apart = _apart(memory, streamed)
    display.note(
        f"scikit-learn, which stops sooner and has all rows in memory, is within {apart:.1e} of them"
    )
    files = [_scored(service, trained[-1], engine) for engine in ("function", "lithops")]
    written = files[0] == files[1]
    display.note(f"both wrote the same files, byte for byte: {_yes(written)}")
    return 0 if same and written else 1


@contextmanager
def _table(rows: int) -> Iterator[str]:
    """A folder with the table below it; removed in the end."""
    display.heading("A table", f"{rows:,} rows of 30 numbers and a label, in {FILES} files")
    with tempfile.TemporaryDirectory(prefix="demo-scale-") as data:
        began = time.perf_counter()
        table = LargeTable(rows=rows)
        written = write(
            table, os.path.join(data, FOLDER), file_format="parquet", files=FILES, row_group=100_000
        )
        size = sum(path.stat().st_size for path in written)
        display.note(f"{size / 1e6:,.0f} MB of Parquet, written in {time.perf_counter() - began:.0f} s")
        yield data


@contextmanager
def _beside(data: str) -> Iterator[str]:
    """A place for the service's own files: nothing of this demonstration stays."""
    root = f"{data}-service"
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _trained(service: Service, engine: str) -> int:
    """The number of the version that an engine trained."""
    display.heading(f"Train: {engine}", "logistic regression on the folder")
    data = {"uri": f"file:{FOLDER}", "target": LABEL}
    body = {"algorithm": "logistic_regression", "engine": engine, "data": data}
    return int(_done(service, f"/v1/models/{MODEL}:train", body)["version"])


def _learnt(service: Service, version: int) -> dict[str, Any]:
    """What a version learnt; JSON carries each number whole."""
    told: dict[str, Any] = _got(service, f"/v1/models/{MODEL}/versions/{version}/parameters")
    del told["model"]  # its name, and the version's number
    return told


def _scored(service: Service, version: int, engine: str) -> dict[str, str]:
    """The SHA-256 of each file that an engine wrote, by its name."""
    display.heading(f"Score: {engine}", "every row, with its probabilities")
    body = {"data": {"uri": f"file:{FOLDER}"}, "outputs": ["label", "probability"], "engine": engine}
    job = _done(service, f"/v1/models/{MODEL}/versions/{version}:score", body)
    result = job["result"]
    display.note(f"{result['rows']:,} rows in {result['files']} files of {result['bytes'] / 1e6:,.0f} MB")
    found: dict[str, str] = {}
    path = f"/v1/jobs/{job['id']}/files"
    for file in _got(service, path)["files"]:
        with urllib.request.urlopen(file["url"]) as answer:  # noqa: S310 - an address of this machine's service
            found[file["name"]] = hashlib.sha256(answer.read()).hexdigest()
    return found


def _done(service: Service, path: str, body: dict[str, Any]) -> Any:
    """The job, when it is over. Ends the program where it failed."""
    display.request("POST", path, body)
    began = time.perf_counter()
    submitted = service.call("POST", path, body)
    if submitted.status != 202:
        raise SystemExit(f"expected a job, got {submitted.status}: {submitted.body}")
    told = ""
    job: Any = None
    for answer in service.follow(f"/v1/jobs/{submitted.body['id']}"):
        job = answer.body
        if job["phase"] and job["phase"] != told:
            told = job["phase"]
            display.note(f"{time.perf_counter() - began:5.1f} s  {told}")
    if job["state"] != "succeeded":
        raise SystemExit(f"the job {job['state']}: {job.get('error')}")
    engine = job["engine"]
    display.note(
        f"{time.perf_counter() - began:5.1f} s  done by {engine['name']}, because {engine['reason']}"
    )
    return job


def _got(service: Service, path: str) -> Any:
    answer = service.call("GET", path)
    if answer.status != 200:
        raise SystemExit(f"GET {path}: {answer.status} {answer.body}")
    return answer.body


def _apart(one: Any, other: Any) -> float:
    """The largest difference of two answers of numbers, against the largest number."""
    left, right = list(_numbers(one)), list(_numbers(other))
    most = max(map(abs, left), default=1.0) or 1.0
    return max((abs(a - b) for a, b in zip(left, right, strict=True)), default=0.0) / most


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = [value[name] for name in sorted(value)]
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, float):
        yield value


def _yes(true: bool) -> str:
    return "yes" if true else "NO"


if __name__ == "__main__":
    sys.exit(main())
