"""The one dated file of prices, limits and facts, `facts.toml`: read, checked, and asked how old it is."""

import os
import tomllib
from datetime import date
from typing import Any, NamedTuple

from providers.advising.impossible import AdviceImpossible

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "facts.toml")
OLDEST = 180  # days after which a price is warned of
KNOWN = ("price API", "page", "stored copy", "memory", "assumed")
# How certain the three columns of an answer are about what no cloud promises.
CASES = ("low", "likely", "high")


def _told(source: str, read: date, known: str) -> str:
    if known == "assumed":
        return "assumed"
    return f"{source}, {read}, {'from memory, not checked' if known == 'memory' else known}"


class DatedFact(NamedTuple):
    """A price, limit or assumption: its value, and where, when and how it was found."""

    value: float
    unit: str
    source: str
    read: date
    known: str
    low: float
    high: float

    def at(self, case: str) -> float:
        """The value in the `low`, `likely` or `high` case."""
        return {"low": self.low, "likely": self.value, "high": self.high}[case]

    @property
    def told(self) -> str:
        """Source, date and certainty, for people."""
        return _told(self.source, self.read, self.known)


class Remark(NamedTuple):
    """A sentence about a cloud that is no number."""

    kind: str  # security, or use
    text: str
    source: str
    read: date
    known: str

    @property
    def told(self) -> str:
        """Source, date and certainty, for people."""
        return _told(self.source, self.read, self.known)


class CloudFacts(NamedTuple):
    """All that the file says of a cloud."""

    cloud: str
    name: str
    place: str
    memories: list[int]
    prices: dict[str, DatedFact]
    free: dict[str, DatedFact]
    billing: dict[str, DatedFact]
    limits: dict[str, DatedFact]
    remarks: list[Remark]

    def memory_for(self, wanted: int) -> int:
        """The least memory (MB) of an instance that is at least `wanted`, or the most that there is."""
        least, most = self.memories[0], self.memories[-1]
        if len(self.memories) == 2:
            return min(max(wanted, least), most)
        return next((memory for memory in self.memories if memory >= wanted), most)

    def processors(self, memory: int) -> float:
        """What an instance with so much memory has of one processor; Python uses no more than one."""
        return min(1.0, memory / self.billing["whole_processor_memory"].value)


class Facts(NamedTuple):
    """The whole file."""

    clouds: dict[str, CloudFacts]
    assumed: dict[str, DatedFact]

    def all(self) -> dict[str, DatedFact]:
        """Each number by its place in the file."""
        found = {f"assumed.{name}": fact for name, fact in self.assumed.items()}
        for cloud in self.clouds.values():
            for table in ("prices", "free", "billing", "limits"):
                for name, fact in getattr(cloud, table).items():
                    found[f"clouds.{cloud.cloud}.{table}.{name}"] = fact
        return found

    def old(self, today: date) -> list[str]:
        """The places of the prices and free tiers that were read more than 180 days before `today`."""
        return [place for place, fact in self._paid().items() if (today - fact.read).days > OLDEST]

    def unchecked(self) -> list[str]:
        """The places of the prices and free tiers that nobody looked up."""
        return [place for place, fact in self._paid().items() if fact.known == "memory"]

    def _paid(self) -> dict[str, DatedFact]:
        """The prices and free tiers by their places."""
        found = self.all().items()
        return {place: fact for place, fact in found if ".prices." in place or ".free." in place}


def read_facts(path: str = FILE) -> Facts:
    """Read the file. Raises `AdviceImpossible` where it is not as its head describes it."""
    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
        clouds = {
            name: CloudFacts(
                name,
                said["name"],
                said["place"],
                said["memories"],
                _numbers(said["prices"]),
                _numbers(said["free"]),
                _numbers(said["billing"]),
                _numbers(said["limits"]),
                [Remark(**each) for each in said["facts"]],
            )
            for name, said in document["clouds"].items()
        }
        return Facts(clouds, _numbers(document["assumed"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdviceImpossible(
            f"{path}: expected prices as its head describes them, got {error!r}"
        ) from error


def _numbers(table: dict[str, dict[str, Any]]) -> dict[str, DatedFact]:
    found = {}
    for name, said in table.items():
        if said["known"] not in KNOWN:
            raise ValueError(f"{name}: expected known to be one of {', '.join(KNOWN)}, got {said['known']!r}")
        value = float(said["value"])
        low, high = float(said.get("low", value)), float(said.get("high", value))
        found[name] = DatedFact(value, said["unit"], said["source"], said["read"], said["known"], low, high)
    return found
