"""Bills, held to the examples that clouds publish, each at its own prices."""

import pytest

from providers.advising.billing import Usage, bill, total
from providers.advising.facts import CloudFacts, DatedFact, read_facts
from providers.advising.simulation import InstanceRules, run

RULES = InstanceRules(
    service=1.0, first_service=1.0, load=0.0, platform_start=0.0, keep_alive=600, concurrency=1,
    granularity=0.001, least=0.001, shared=False, load_billed=True,
)  # fmt: skip
# https://aws.amazon.com/lambda/pricing/, a stored copy from when functions had at most 3,008 MB (before
# December 2020): US East, x86, with the free tier. Its examples 1 and 2.
AWS_THEN = {"requests": 0.20, "memory_seconds": 0.00001667}
AWS_FREE = {"requests": 1e6, "memory_seconds": 400_000}
# The same page today has 0.0000166667, and its example of a mobile application: 3 M requests a month of
# 120 ms with 1,536 MB: compute 2.33 and requests 0.40 (its figures from memory).
AWS_NOW = {"requests": 0.20, "memory_seconds": 0.0000166667}
# https://cloud.google.com/functions/pricing, of functions of the first generation, whose rates and rounding
# are in a copy of 2021-01-10 (web.archive.org); a processor there has a clock: GHz-seconds.
# The examples' totals are from memory: the copy that could be read ends before them.
GOOGLE_THEN = {"requests": 0.40, "processor_seconds": 0.00001, "memory_seconds": 0.0000025}
GOOGLE_FREE = {"requests": 2e6, "processor_seconds": 200_000, "memory_seconds": 400_000}
# https://learn.microsoft.com/azure/azure-functions/functions-consumption-costs, its example of metrics
# (MicrosoftDocs/azure-docs at 333415d, of 2019-09-20): 1,110,000,000 MB-milliseconds are 1,083.98 GB-s.
AZURE_THEN = {"requests": 0.20, "memory_seconds": 0.000016}


def cloud(prices: dict[str, float], free: dict[str, float] | None = None) -> CloudFacts:
    """A cloud at these prices, and all else as the file has it."""
    known = read_facts().clouds["aws"]
    dated = known.prices["requests"]

    def facts(values: dict[str, float]) -> dict[str, DatedFact]:
        return {name: dated._replace(value=value, low=value, high=value) for name, value in values.items()}

    return known._replace(prices=facts(prices), free=facts(free or {}))


def seconds_of(milliseconds: float, granularity: float, times: float) -> float:
    """What so many requests of a length are billed, one after another on a warm instance."""
    rules = RULES._replace(
        service=milliseconds / 1000, first_service=milliseconds / 1000, granularity=granularity,
        least=granularity,
    )  # fmt: skip
    _, month = run(iter([0.0, 100.0, 200.0, 300.0]), rules)
    return month.billed / 4 * times


@pytest.mark.parametrize(
    ("megabytes", "requests", "milliseconds", "compute", "whole"),
    [(512, 3e6, 1000, 18.34, 18.74), (128, 30e6, 200, 5.83, 11.63)],
)
def test_the_examples_of_lambdas_page(
    megabytes: int, requests: float, milliseconds: float, compute: float, whole: float
) -> None:
    seconds = seconds_of(milliseconds, 0.001, requests)
    lines = bill(Usage(requests, seconds, megabytes / 1024), cloud(AWS_THEN, AWS_FREE))
    by_name = {line.name: line.dollars for line in lines}
    assert total(lines) == pytest.approx(whole, rel=0.01)
    # The page takes what is free off the amounts; here it is a line of its own.
    assert by_name["compute"] + by_name["free tier"] + 0.20 == pytest.approx(compute, rel=0.01)


def test_the_example_of_lambdas_page_at_prices_of_today() -> None:
    lines = bill(Usage(3e6, seconds_of(120, 0.001, 3e6), 1.5), cloud(AWS_NOW, AWS_FREE))
    assert total(lines) == pytest.approx(2.33 + 0.40, rel=0.01)


@pytest.mark.parametrize(
    ("requests", "milliseconds", "gigabytes", "gigahertz", "whole"),
    [
        (10e6, 300, 0.125, 0.2, 7.20),  # simple: 3.20 for requests, 4.00 for the processor, all memory free
        (50e6, 500, 0.25, 0.4, 131.83),  # of medium size: 19.20, 98.00 and 14.63
    ],
)
def test_the_examples_of_cloud_functions_page(
    requests: float, milliseconds: float, gigabytes: float, gigahertz: float, whole: float
) -> None:
    usage = Usage(requests, seconds_of(milliseconds, 0.1, requests), gigabytes, gigahertz)
    assert total(bill(usage, cloud(GOOGLE_THEN, GOOGLE_FREE))) == pytest.approx(whole, rel=0.01)


def test_the_example_of_an_execution_and_of_the_metrics_of_azure() -> None:
    """The page has GB-seconds alone; its price is on another."""
    assert Usage(1, seconds_of(3000, 0.1, 1), 0.5).seconds * 0.5 == pytest.approx(1.5)
    usage = Usage(0, 1_110_000_000 / 1000 / 1024, 1.0)
    assert usage.seconds == pytest.approx(1083.98, rel=0.01)
    assert total(bill(usage, cloud(AZURE_THEN))) == pytest.approx(1083.98 * 0.000016, rel=0.01)


def test_flex_bills_a_second_at_least_and_then_tenths() -> None:
    """https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#billing, read 2026-11-27."""
    rules = RULES._replace(granularity=0.1, least=1.0, shared=True, concurrency=8)
    for service, billed in ((0.2, 1.0), (1.0, 1.0), (1.01, 1.1), (2.35, 2.4)):
        _, month = run(iter([0.0]), rules._replace(first_service=service))
        assert month.billed == pytest.approx(billed)


def test_a_bill_has_a_line_for_each_thing_and_its_free_tier_apart() -> None:
    known = read_facts().clouds["google"]
    usage = Usage(5e6, 1e6, 0.5, 1.0, 0.0, 1e4, 2e6, 1e5, 3e9, 4e9)
    lines = {line.name: line.dollars for line in bill(usage, known)}
    assert list(lines) == [
        *("requests", "compute", "loading code", "gateway", "store requests", "logs", "egress", "free tier"),
    ]
    assert lines["requests"] == pytest.approx(2.0)
    assert lines["compute"] + lines["loading code"] == pytest.approx(24.0 + 1.25)
    assert lines["loading code"] == pytest.approx(0.2525)
    assert lines["store requests"] == pytest.approx(0.8 + 0.5)
    assert lines["gateway"] == 0.0
    free = 2 * 0.4 + 180_000 * 0.000024 + 360_000 * 0.0000025 + 3e9 / 1024**3 * 0.5 + 0.12
    assert lines["free tier"] == pytest.approx(-free)


@pytest.mark.parametrize("name", ["aws", "google", "azure"])
def test_no_free_tier_gives_more_than_was_used(name: str) -> None:
    known = read_facts().clouds[name]
    lines = {line.name: line.dollars for line in bill(Usage(1000, 10, 0.5, 1.0), known)}
    assert lines["free tier"] == pytest.approx(
        -sum(each for line, each in lines.items() if line != "free tier")
    )
