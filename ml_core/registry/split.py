"""Which of an alias's versions answers a caller, when several share its traffic.

Weighted rendezvous hashing: each version draws a number for the key, and the least one wins. A version whose
weight grows only wins keys, and one whose weight shrinks only loses some: who has the canary keeps it while
its share grows. Nothing is remembered, so every instance on every cloud decides alike; and as the model, the
alias and the version are hashed along, who gets one canary says nothing about who gets another.
"""

import hashlib
from collections.abc import Mapping
from math import log


def chosen(weights: Mapping[str, int], model: str, alias: str, key: str) -> str:
    """The version that answers `key`, one of the weights' keys; each weight is at least 1."""

    def drawn(version: str) -> tuple[float, int]:
        # exponential with the weight as its rate: the least of several is each one's in proportion
        return -log(_uniform(f"{model}/{alias}/{version}/{key}")) / weights[version], int(version)

    return min(weights, key=drawn)


def _uniform(text: str) -> float:
    """A number between 0 and 1, neither included, from the first 53 bits of the text's SHA-256."""
    first = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]
    return ((int.from_bytes(first) >> 11) + 0.5) / 2**53
