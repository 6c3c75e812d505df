"""What a million predictions cost by the clouds' published formulas, of the CPU times that were measured.

List prices in US dollars, without free tiers, discounts, storage and traffic: no offer, so look them up.
"""

from math import ceil
from statistics import median
from typing import Any, NamedTuple

from rich.table import Table

from benchmarks.cells import FASTAPI, PRODUCT
from benchmarks.recording import Recording
from providers.advising.facts import CloudFacts, DatedFact, read_facts

MEMORY = 512  # MB
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


def _number(fact: DatedFact, what: str, value: float | None = None) -> Number:
    """A number of the file, or what follows from it, with where it is from."""
    source = NOT_CHECKED if fact.known == "memory" else f"{fact.known}, read {fact.read}: {fact.source}"
    return Number(fact.value if value is None else value, what, source)


def _price(cloud: CloudFacts) -> Price:
    memory, share = cloud.prices["memory_seconds"], cloud.processors(MEMORY)
    second, what = MEMORY / 1024 * memory.value, f"a second: half a GB at {_shown(memory.value)}"
    if processor := cloud.prices.get("processor_seconds"):
        second += share * processor.value
        what = f"a second: a processor at {_shown(processor.value)}, half a GiB at {_shown(memory.value)}"
    whole = cloud.billing["whole_processor_memory"]
    processors = (
        Number(share, "processors", CHOSEN)
        if share == 1
        else _number(whole, f"processors: {MEMORY} MB of the {whole.value:,.0f} that have a whole one", share)
    )
    return Price(
        f"{cloud.name}, {cloud.place}",
        _number(cloud.prices["requests"], "a million requests"),
        _number(memory, what, second),
        processors,
        _number(cloud.billing["granularity"], "ms that are rounded up to"),
        _number(cloud.billing["least"], "ms at least"),
    )


def _shown(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


# The adviser's: there is one list of prices.
PRICES = tuple(_price(cloud) for cloud in read_facts().clouds.values())


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
