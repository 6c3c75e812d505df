"""What counting predictions takes of a warm request: CPU time without it and with it, side by side.

`python -m benchmarks.counting` prints the table. Each request is answered by both in turn: what else the
machine does meets both alike. Counting many rows at a time and writing the counts are part of it.
"""

import hashlib
import io
import json
import time
from contextlib import redirect_stdout
from random import Random
from statistics import fmean

from rich.console import Console
from rich.table import Table

from handlers.rest.api import Api
from handlers.rest.http import Request
from handlers.services import Services
from handlers.settings import read_settings
from ml_core import train_model
from ml_core.registry.registry import Registry, artifact_key
from tests.contract.faults import RememberingQueue
from tests.counting_store import CountingStore

COLUMNS = 20
REQUESTS = {1: 6_000, 100: 300, 1_000: 40}  # by rows of each


def compare(console: Console) -> None:
    """Print the table."""
    with console.status("timing what counting takes"):
        measured = {rows: _measured(rows, requests) for rows, requests in REQUESTS.items()}
    table = Table(
        title=f"Warm request, logistic regression of {COLUMNS} columns, mean CPU time", title_justify="left"
    )
    for column in ("rows", "µs, nothing counted", "µs, all counted", "more for a row"):
        table.add_column(column, justify="right")
    for rows, (without, counted) in measured.items():
        more = (counted - without) / rows
        table.add_row(f"{rows:,}", f"{without:,.0f}", f"{counted:,.0f}", f"{more:.1f}")
    console.print(table)


def _measured(rows: int, requests: int) -> tuple[float, float]:
    """The mean microseconds of a request of so many rows, without counting and with it."""
    data = _artifact()
    apis = [_api(data, {"ML_MONITORING_DAYS": days, "ML_ALIAS_TTL": "3600"}) for days in ("0", "90")]
    body = json.dumps({"instances": _rows(Random(2), rows)}).encode()  # noqa: S311 - no secret
    request = Request("POST", "/v1/models/m:predict", {}, {"content-type": "application/json"}, body, "r")
    taken: tuple[list[int], list[int]] = ([], [])
    with redirect_stdout(io.StringIO()):  # as in `timing.py`
        for _ in range(requests):
            for api, times in zip(apis, taken, strict=True):
                began = time.process_time_ns()
                answer = api.handle(request)
                times.append(time.process_time_ns() - began)
                if answer.status != 200:
                    raise RuntimeError(answer.body.decode()[:1000])
    without, counted = (fmean(times[len(times) // 10 :]) / 1000 for times in taken)
    return without, counted


def _artifact() -> bytes:
    """A model of two classes with a profile of its columns."""
    rows = _rows(Random(1), 2_000)  # noqa: S311 - no secret
    return train_model(rows, [sum(row) > 0 for row in rows]).to_bytes()


def _rows(random: Random, number: int) -> list[list[float]]:
    return [[random.gauss(0, 1) for _ in range(COLUMNS)] for _ in range(number)]


def _api(data: bytes, settings: dict[str, str]) -> Api:
    """An api over a store that has the model."""
    store, job = CountingStore(), f"{1:028x}"
    store.put_if_absent(artifact_key(job), data)
    sha256 = hashlib.sha256(data).hexdigest()
    Registry(store).register("m", job, sha256=sha256, size=len(data), algorithm="logistic_regression")
    services = Services(
        read_settings(settings), store=lambda: store, queue=RememberingQueue, key_records=None
    )
    return Api(services)


if __name__ == "__main__":
    compare(Console(highlight=False, width=110))
