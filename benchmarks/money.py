"""What a million predictions cost by the clouds' published formulas, of the CPU times that were measured.

List prices in US dollars, without free tiers, discounts, storage and traffic: no offer, so look them up.
"""

from math import ceil
from statistics import median
from typing import Any, NamedTuple

from rich.table import Table

from benchmarks.cells import FASTAPI, PRODUCT
from benchmarks.recording import Recording

MILLION = 1_000_000
CHOSEN = "as deployed"
NOT_CHECKED = "from memory, not checked"


class Number(NamedTuple):
    """A number of a formula: what it is, and where it comes from."""

    value: float
    what: str
    source: str  # with the day on which it was read


class Price(NamedTuple):
    """How a cloud bills a request of a function with 512 MB, where requests come one at a time."""

    cloud: str
    per_million: Number  # requests
    per_second: Number  # of the whole instance
    processors: Number  # what it gives of one processor
    granularity: Number  # milliseconds that are rounded up to
    least: Number  # milliseconds


# From lists and pages of the days that are told; nothing was looked up anew for these benchmarks.
_AWS = "AWS Price List API, read as of 2026-09-19: https://aws.amazon.com/lambda/pricing/"
_AWS_FORMULA = "read, day not kept: https://aws.amazon.com/lambda/pricing/"
_GOOGLE = (
    "a copy of the page, read as of 2026-09-21, the weakest source: https://cloud.google.com/run/pricing"
)
_AZURE = "Azure Retail Prices API, read as of 2026-10-05: https://prices.azure.com/api/retail/prices"
_AZURE_FORMULA = "read, day not kept: https://azure.microsoft.com/pricing/details/functions/"
PRICES = (
    Price(
        "AWS Lambda, x86, us-east-1",
        Number(0.20, "a million requests", _AWS),
        Number(0.5 * 0.0000166667, "a second: half a GB at 0.0000166667", _AWS),
        Number(512 / 1769, "processors: 512 MB of the 1,769 that have a whole one", _AWS_FORMULA),
        Number(1, "ms that are rounded up to", _AWS_FORMULA),
        Number(1, "ms at least", _AWS_FORMULA),
    ),
    Price(
        "Google Cloud Run, tier 1, billed by requests",
        Number(0.40, "a million requests", _GOOGLE),
        Number(
            0.000024 + 0.5 * 0.0000025, "a second: a processor at 0.000024, half a GiB at 0.0000025", _GOOGLE
        ),
        Number(1, "processors", CHOSEN),
        Number(100, "ms that are rounded up to", _GOOGLE),
        Number(100, "ms at least", _GOOGLE),
    ),
    Price(
        "Azure Functions, Flex Consumption, on demand, East US",
        Number(0.40, "a million requests", _AZURE),
        Number(0.5 * 0.000026, "a second: half a GB at 0.000026", _AZURE),
        Number(0.25, "processors of an instance with 512 MB", NOT_CHECKED),
        Number(100, "ms that are rounded up to", _AZURE_FORMULA),
        Number(1000, "ms at least", _AZURE_FORMULA),
    ),
)


def cost(price: Price, microseconds: float) -> float:
    """Dollars of a million requests that take so much CPU time each, and wait for nothing."""
    _, per_million, per_second, processors, granularity, least = price
    wall = microseconds / 1000 / processors.value
    billed = max(least.value, ceil(wall / granularity.value) * granularity.value)
    return per_million.value + MILLION * billed / 1000 * per_second.value


def show(console: Recording, measured: dict[str, Any]) -> None:
    """Print the table, of what `cells` measured."""
    table = Table(
        title="A million warm predictions in US dollars, 512 MB, list prices as dated below",
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
    sources = Table(title="The formulas' numbers, and where each comes from", title_justify="left")
    for column in ("cloud", "number", "what", "source"):
        sources.add_column(column)
    for cloud, *numbers in PRICES:
        for value, what, source in numbers:
            sources.add_row(cloud, f"{value:.8f}".rstrip("0").rstrip("."), what, source)
    console.print(sources)
    console.figures["dollars"] = {
        f"{price.cloud}, {rows:,} {'row' if rows == 1 else 'rows'}": {
            side: cost(price, median(measured[f"logistic-regression {rows}"][side]))
            for side in (PRODUCT, FASTAPI)
        }
        for price in PRICES
        for rows in (1, 100, 1000)
    }
