"""A month as a cloud bills it: line items by its published rules and prices.

    Lambda         each request's time, rounded up to a millisecond, the loading of code included × GB
    Cloud Run      the time in which an instance has a request, rounded up to 100 ms × (vCPU + GiB)
    Flex           the same × GB, at least a second each time

What a free tier takes away is a line of its own, so that it can be left out.
"""

from typing import NamedTuple

from providers.advising.facts import CloudFacts

GIGABYTE = 1024.0**3
MILLION = 1e6
GATEWAY_STEP = 512 * 1024  # bytes of a body that the gateway of AWS counts as one request


class Usage(NamedTuple):
    """What is used in a month.

    Args:
        requests: how many.
        gateway_requests: as the gateway counts them.
        seconds: billed, of whole instances.
        load_seconds: what of it is the loading of code, before it is rounded.
        gigabytes: of an instance's memory.
        processors: of an instance.
        reads: requests of the store that read.
        writes: and that write.
        log_bytes: what is logged.
        answer_bytes: what goes out to the internet.
    """

    requests: float
    seconds: float
    gigabytes: float
    processors: float = 1.0
    gateway_requests: float = 0.0
    load_seconds: float = 0.0
    reads: float = 0.0
    writes: float = 0.0
    log_bytes: float = 0.0
    answer_bytes: float = 0.0


class LineItem(NamedTuple):
    """One line of a bill: what for, and US dollars."""

    name: str
    dollars: float


def bill(usage: Usage, cloud: CloudFacts) -> list[LineItem]:
    """The lines of a month's bill. Their sum is what is to be paid."""
    prices = {name: fact.value for name, fact in cloud.prices.items()}
    free = {name: fact.value for name, fact in cloud.free.items()}
    second = _second(usage, prices)
    load = min(usage.load_seconds, usage.seconds) * second
    used = {
        "requests": (usage.requests, prices["requests"] / MILLION),
        "processor_seconds": (usage.seconds * usage.processors, prices.get("processor_seconds", 0.0)),
        "memory_seconds": (usage.seconds * usage.gigabytes, prices["memory_seconds"]),
        "logs": (usage.log_bytes / GIGABYTE, prices.get("logs", 0.0)),
        "egress": (usage.answer_bytes / GIGABYTE, prices.get("egress", 0.0)),
    }
    given = sum(min(amount, free.get(name, 0.0)) * price for name, (amount, price) in used.items())
    return [
        LineItem("requests", usage.requests * prices["requests"] / MILLION),
        LineItem("compute", usage.seconds * second - load),
        LineItem("loading code", load),
        LineItem("gateway", usage.gateway_requests * prices.get("gateway", 0.0) / MILLION),
        LineItem("store requests", _store(usage, prices)),
        LineItem("logs", used["logs"][0] * used["logs"][1]),
        LineItem("egress", used["egress"][0] * used["egress"][1]),
        LineItem("free tier", -given),
    ]


def total(lines: list[LineItem]) -> float:
    """What the lines come to."""
    return sum(line.dollars for line in lines)


def _second(usage: Usage, prices: dict[str, float]) -> float:
    """Dollars of an instance's second."""
    processor = usage.processors * prices.get("processor_seconds", 0.0)
    return processor + usage.gigabytes * prices["memory_seconds"]


def _store(usage: Usage, prices: dict[str, float]) -> float:
    reads, writes = prices.get("reads", 0.0), prices.get("writes", 0.0)
    return (usage.reads * reads + usage.writes * writes) / MILLION
