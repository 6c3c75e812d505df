"""What the service does about jobs, in requests and bytes, in stores of ever more jobs that are over.

`python -m benchmarks.growth_of_jobs` prints the table. Requests are counted, so that it is the same on every
machine; a listing's bytes are those of its keys.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from ml_core.jobs.jobs import FAILED, JobLimits, Jobs
from ml_core.jobs.sweep import sweep
from ml_core.jobs.sweep_progress import SweepProgress, write_progress
from ml_core.registry.registry import Registry
from tests.contract.faults import RememberingQueue
from tests.counting_store import CountingStore
from tests.past_jobs import past_jobs

SIZES = (10, 10_000, 1_000_000)
QUICK = SIZES[:2]
OPEN = 10  # jobs that are not over
_MONTH = 30 * 86_400.0


class Cost(NamedTuple):
    """What something asked of the store."""

    requests: int
    kilobytes: float


WHAT: dict[str, Callable[[Jobs], object]] = {
    "a sweep": lambda jobs: sweep(jobs, Registry(jobs.store)),
    "POST …:train": lambda jobs: jobs.submit("iris", b"{}", {}, submitter="key"),
    "GET /v1/jobs": lambda jobs: jobs.list(100),
    "GET /v1/jobs?state=queued": lambda jobs: jobs.list(100, state="queued"),
    "GET /v1/jobs?state=failed, of which there are none": lambda jobs: jobs.list(100, state=FAILED),
}


def measured(over: int) -> list[Cost]:
    """What each of `WHAT` costs with so many jobs that are over."""
    store = CountingStore()
    store.fill(past_jobs(over, time.time(), seconds=0.9 * _MONTH, marked=True))
    jobs = Jobs(store, RememberingQueue(), limits=JobLimits(most=200, most_of_key=20))
    for _ in range(OPEN):
        jobs.submit("iris", b"{}", {})
    write_progress(store, SweepProgress(all_marked=True))
    costs = []
    for do in WHAT.values():
        store.forget()
        do(jobs)
        costs.append(Cost(store.requests.total(), store.bytes / 1000))
    return costs


def compare(console: Console, sizes: Sequence[int] = SIZES) -> None:
    """Print the table, with so many jobs that are over."""
    with console.status("counting what jobs cost"):
        columns = [measured(over) for over in sizes]
    table = Table(
        title=f"Requests to the store (and kB) with {OPEN} open jobs, by jobs that are over",
        title_justify="left",
    )
    table.add_column("what")
    for over in sizes:
        table.add_column(f"{over:,}", justify="right")
    for what, costs in zip(WHAT, zip(*columns, strict=True), strict=True):
        table.add_row(what, *(f"{cost.requests} ({cost.kilobytes:,.0f})" for cost in costs))
    console.print(table)


if __name__ == "__main__":
    compare(Console(highlight=False, width=110))
