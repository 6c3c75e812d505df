"""What a million predictions cost by the clouds' published formulas, of the CPU times that were measured.

List prices in US dollars, without free tiers, discounts, storage and traffic: no offer, so look them up.
"""

from math import ceil
from statistics import median
from typing import Any, NamedTuple

from rich.table import Table

from benchmarks.cells import FASTAPI, PRODUCT
from benchmarks.recording import Recording

READ = "2026-11-27"
MILLION = 1_000_000


class Price(NamedTuple):
    """How a cloud bills a request of a function with 512 MB, where requests come one at a time."""

    cloud: str
    per_million: float  # requests
    per_second: float  # of the whole instance
    processors: float  # what it gives of one processor
    granularity: float  # milliseconds that are rounded up to
    least: float  # milliseconds
    source: str


PRICES = (
    Price(
        "AWS Lambda, x86, us-east-1",
        0.20,
        0.5 * 0.0000166667,
        512 / 1769,
        1,
        1,
        "https://aws.amazon.com/lambda/pricing/",
    ),
    Price(
        "Google Cloud Run, tier 1, billed by requests",
        0.40,
        0.000024 + 0.5 * 0.0000025,
        1,
        100,
        100,
        "https://cloud.google.com/run/pricing",
    ),
    Price(
        "Azure Functions, Flex Consumption, on demand, East US",
        0.40,
        0.5 * 0.000026,
        0.25,
        100,
        1000,
        "https://azure.microsoft.com/pricing/details/functions/",
    ),
)


def cost(price: Price, microseconds: float) -> float:
    """Dollars of a million requests that take so much CPU time each, and wait for nothing."""
    wall = microseconds / 1000 / price.processors
    billed = max(price.least, ceil(wall / price.granularity) * price.granularity)
    return price.per_million + MILLION * billed / 1000 * price.per_second


def show(console: Recording, measured: dict[str, Any]) -> None:
    """Print the table, of what `cells` measured."""
    table = Table(
        title=f"A million warm predictions in US dollars, 512 MB, list prices as read on {READ}",
        title_justify="left",
    )
    table.add_column("cloud")
    for column in ("rows", PRODUCT, FASTAPI):
        table.add_column(column, justify="right")
    for price in PRICES:
        for rows in (1, 100, 1000):
            found = measured[f"logistic-regression {rows}"]
            shown = (f"{cost(price, median(found[side])):.2f}" for side in (PRODUCT, FASTAPI))
            table.add_row(price.cloud, f"{rows:,}", *shown)
    console.print(table)
    for price in PRICES:
        rounding = f"rounded up to {price.granularity:g} ms and at least {price.least:g} ms"
        console.print(
            f"{price.cloud}: {price.per_million:.2f} a million requests, {price.per_second:.8f} a second, "
            f"{rounding}, {price.processors:.2f} processors: {price.source}"
        )
