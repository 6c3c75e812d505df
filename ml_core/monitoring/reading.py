"""What was counted of versions between two moments: the sums of days, and the parts that are in none yet.

Parts are read before the sums. What the sweep adds to a sum meanwhile is then in both, and the sum names it;
nothing is in neither.
"""

from __future__ import annotations

import time
from calendar import timegm

from ml_core.documents import read_many
from ml_core.errors import ObjectNotFound
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.parts import (
    PARTS,
    SUMS,
    add_usage,
    date_of,
    hour_and_instance,
    read_part,
    read_usage,
    sum_key,
    usage_key,
)
from ml_core.records import Record
from ml_core.registry.retention import DAY

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ml_core.documents import Document
    from ml_core.monitoring.parts import Counted, Usage
    from ml_core.objects import ObjectInfo
    from ml_core.ports import ObjectStore

MOST_DAYS = 400  # sums of a version that are read at once, the newest
MOST_PARTS = 1_000  # parts, the newest
MOST_BYTES = 64 << 20  # of parts
_MOST_PAGES = 10  # of the list of parts
_READERS = 8  # at a time


class DayCounts(Record):
    """What was counted on a day of UTC, such as `2026-11-26`."""

    date: str
    counts: VersionCounts


class Window(Record):
    """What was counted of a version from one moment to another.

    Args:
        begin: the first moment that is in it, in seconds since the epoch: the beginning of a day.
        end: the first moment that is not: the end of a day, or now.
        days: the days on which something was counted, ascending.
        left_out: how many objects were not read, because there are too many or they are damaged.
    """

    begin: float
    end: float
    days: tuple[DayCounts, ...]
    left_out: int

    @property
    def counts(self) -> VersionCounts:
        """The counts of all days together."""
        total = VersionCounts()
        for day in self.days:
            total.add(day.counts)
        return total

    def plus(self, at: float, counts: VersionCounts) -> Window:
        """With what was counted at a moment, where that is in it."""
        if not self.begin <= at <= self.end:
            return self
        days = {day.date: day.counts for day in self.days}
        total = VersionCounts()
        total.add(days.get(date_of(at), VersionCounts()))
        total.add(counts)
        days[date_of(at)] = total
        return self._replace(days=tuple(DayCounts(date, days[date]) for date in sorted(days)))


def window(store: ObjectStore, job: str, begin: float, end: float, *, now: float | None = None) -> Window:
    """The counts of a version, by the job that trained it, on the days from `begin` to before `end`.

    Days of UTC are counted whole: the sweep keeps no hours. A sum that somebody else wrote over is left out.
    Raises `Unavailable`.
    """
    return windows(store, [job], begin, end, now=now)[job]


def windows(
    store: ObjectStore, jobs: Sequence[str], begin: float, end: float, *, now: float | None = None
) -> dict[str, Window]:
    """As `window`, of several versions, by job: the parts, which hold all versions, are read once."""
    first, last, began, ended = _whole_days(begin, end, now)
    parts, unread = _read_parts(store, frozenset(jobs), first, last)
    found: dict[str, Window] = {}
    for job in jobs:
        days, old = _read_days(store, job, first, last)
        for hour, instance, counted in parts:
            if job in counted:
                _add_part(days, hour, instance, counted[job].counts)
        ordered = tuple(DayCounts(date, days[date][0]) for date in sorted(days))
        found[job] = Window(began, ended, ordered, unread + old)
    return found


class UsageWindow(Record):
    """What keys used from one moment to another: days of UTC, and each key's numbers of them.

    `left_out` is how many objects were not read, because there are too many.
    """

    begin: float
    end: float
    days: dict[str, Usage]
    left_out: int


def usage_between(store: ObjectStore, begin: float, end: float, *, now: float | None = None) -> UsageWindow:
    """What keys used on the days from `begin` to before `end`. Raises `Unavailable`."""
    first, last, began, ended = _whole_days(begin, end, now)
    parts, unread = _parts_of(store, first, last, read_usage)
    dates = [date_of(began + DAY * day) for day in range(round((_midnight(last) - began) / DAY) + 1)]
    newest = dates[-MOST_DAYS:]
    documents = read_many(store, map(usage_key, newest), skip_damaged=True)
    days: dict[str, Usage] = {}
    summed: dict[str, frozenset[str]] = {}
    for date, document in zip(newest, documents, strict=True):
        if document is not None:
            days[date], summed[date] = document.body["usage"], names_of(document)
    for hour, instance, used in parts:
        date, _, of_day = hour.partition("T")
        if f"{of_day}/{instance}" not in summed.get(date, ()) and used:
            add_usage(days.setdefault(date, {}), used)
    return UsageWindow(began, ended, days, unread + len(dates) - len(newest))


def _whole_days(begin: float, end: float, now: float | None) -> tuple[str, str, float, float]:
    """The first and the last day that a stretch of time is in, and when these begin and end: at most now."""
    now = time.time() if now is None else now
    first, last = date_of(begin), date_of(max(begin, min(end, now) - 0.001))
    return first, last, _midnight(first), min(_midnight(last) + DAY, max(now, begin))


type _Days = dict[str, tuple[VersionCounts, frozenset[str]]]
type _Part = tuple[str, str, dict[str, Counted]]


def _read_days(store: ObjectStore, job: str, first: str, last: str) -> tuple[_Days, int]:
    """The sums of a version's days and the parts in each, by date; and how many sums were not read."""
    prefix = f"{SUMS}{job}/"
    dates: list[str] = []
    after: str | None = f"{prefix}{first}"  # sorts before `{first}.json`
    while after is not None:
        page = store.list(prefix, after=after)
        dates += [info.key.removeprefix(prefix).removesuffix(".json") for info in page.objects]
        after = page.next_after if dates and dates[-1] <= last else None
    dates = [date for date in dates if date <= last]
    newest = dates[-MOST_DAYS:]
    documents = read_many(store, [sum_key(job, date) for date in newest], skip_damaged=True)
    days = {
        date: (VersionCounts.of(document.body["counts"]), names_of(document))
        for date, document in zip(newest, documents, strict=True)
        if document is not None
    }
    return days, len(dates) - len(days)


def names_of(document: Document) -> frozenset[str]:
    """The parts that are in a sum, as `{hour}/{instance}` with two digits of the hour."""
    parts: dict[str, str] = document.body["parts"]
    return frozenset(f"{hour}/{instance}" for hour, names in parts.items() for instance in names.split())


def _add_part(days: _Days, hour: str, instance: str, counts: VersionCounts) -> None:
    """Add a part to its day, unless it is in it."""
    date, _, of_day = hour.partition("T")
    total, names = days.get(date, (VersionCounts(), frozenset()))
    if f"{of_day}/{instance}" not in names:
        total.add(counts)
    days[date] = total, names


def _read_parts(store: ObjectStore, jobs: frozenset[str], first: str, last: str) -> tuple[list[_Part], int]:
    """Of the parts of these days what is about these versions; and how many parts were not read."""

    def about(data: bytes) -> dict[str, Counted]:
        return {job: each for job, each in (read_part(data) or {}).items() if job in jobs}

    return _parts_of(store, first, last, about)


def _parts_of[Found](
    store: ObjectStore, first: str, last: str, read_from: Callable[[bytes], Found]
) -> tuple[list[tuple[str, str, Found]], int]:
    """What is read from the parts of these days, by hour and instance; and how many were not read."""
    from concurrent.futures import ThreadPoolExecutor

    listed, more = _listed_parts(store, first, last)
    chosen: list[ObjectInfo] = []
    size = 0
    for info in reversed(listed):
        size += info.size
        if len(chosen) == MOST_PARTS or size > MOST_BYTES:
            break
        chosen.append(info)

    def read(info: ObjectInfo) -> tuple[str, str, Found] | None:
        hour, instance = hour_and_instance(info.key)
        try:
            return hour, instance, read_from(store.get(info.key).data)
        except ObjectNotFound:
            return None  # summed meanwhile

    with ThreadPoolExecutor(_READERS) as readers:
        found = [part for part in readers.map(read, chosen) if part is not None]
    return found, len(listed) - len(chosen) + more


def _listed_parts(store: ObjectStore, first: str, last: str) -> tuple[list[ObjectInfo], int]:
    """The parts of these days, ascending; and 1 where there are still more, of later hours."""
    listed: list[ObjectInfo] = []
    after: str | None = f"{PARTS}{first}"
    for _ in range(_MOST_PAGES):
        page = store.list(PARTS, after=after)
        listed += [info for info in page.objects if _day_of(info.key) <= last]
        after = page.next_after
        if after is None or _day_of(after) > last:
            return listed, 0
    return listed, 1


def _day_of(key: str) -> str:
    return hour_and_instance(key)[0].partition("T")[0]


def _midnight(date: str) -> float:
    return float(timegm(time.strptime(date, "%Y-%m-%d")))
