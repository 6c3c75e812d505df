"""Where counts stand in the object store, and what an object of them says.

An instance writes one part for each hour: what it counted in that hour, of all versions, and what keys used.
The sweep adds the parts of hours that are over to one sum for each version and day, and to one of all keys
for each day. A sum names the parts that are in it: so none is added twice, whatever breaks off in between.
"""

from __future__ import annotations

import time

from ml_core import json_text
from ml_core.monitoring.counts import VersionCounts
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1
PARTS = "monitoring/parts/"
SUMS = "monitoring/versions/"
USAGE = "monitoring/usage/"
GRACE = 300.0  # seconds after an hour until its parts are summed: clocks differ, and a write takes its time
HOUR = 3600.0


# What each key used, by its id, which is empty where none was needed: requests, rows that were predicted,
# explained or told of, jobs that were sent, and bytes of bodies.
type Usage = dict[str, list[int]]
NOTHING_USED = (0, 0, 0, 0)


class Counted(Record):
    """The counts of one version, and which version it is."""

    model: str
    version: int
    counts: VersionCounts


def hour_of(seconds: float) -> str:
    """The hour of UTC that a time since the epoch is in, such as `2026-11-26T07`."""
    return time.strftime("%Y-%m-%dT%H", time.gmtime(seconds))


def date_of(seconds: float) -> str:
    """The day of UTC that a time since the epoch is in, such as `2026-11-26`."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def part_key(hour: str, instance: str) -> str:
    """The key of an instance's part of an hour."""
    return f"{PARTS}{hour}/{instance}.json"


def hour_and_instance(key: str) -> tuple[str, str]:
    """What `part_key` made a key of."""
    hour, _, instance = key.removeprefix(PARTS).removesuffix(".json").partition("/")
    return hour, instance


def sum_key(job: str, date: str) -> str:
    """The key of the sum of a version's counts of a day, `date` such as `2026-11-26`."""
    return f"{SUMS}{job}/{date}.json"


def usage_key(date: str) -> str:
    """The key of the sum of what all keys used on a day, `date` such as `2026-11-26`."""
    return f"{USAGE}{date}.json"


def add_usage(total: Usage, more: Mapping[str, Sequence[int]], times: int = 1) -> None:
    """Add what keys used to a total; -1 times takes it away."""
    for key, used in more.items():
        before = total.get(key, NOTHING_USED)
        total[key] = [one + times * two for one, two in zip(before, used, strict=True)]


def part_bytes(versions: Mapping[str, Counted], usage: Usage) -> bytes:
    """A part as it is stored, of the counts by the versions' jobs, and of what keys used."""
    described = {
        job: {"model": counted.model, "version": counted.version, "counts": counted.counts.described()}
        for job, counted in versions.items()
    }
    part = {"format": FORMAT, "versions": described, "usage": usage}
    return json_text.dumps(part, separators=(",", ":")).encode()


def read_part(data: bytes) -> dict[str, Counted] | None:
    """The counts in a part by the versions' jobs; None for what no instance of this release wrote."""
    try:
        part = json_text.loads(data)
        if part["format"] != FORMAT:
            return None
        return {
            job: Counted(each["model"], each["version"], VersionCounts.of(each["counts"]))
            for job, each in part["versions"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def read_usage(data: bytes) -> Usage:
    """What keys used, of a part; nothing of one that does not say it."""
    try:
        used = json_text.loads(data)["usage"]
        return {key: [*map(int, each)] for key, each in used.items() if len(each) == len(NOTHING_USED)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}
