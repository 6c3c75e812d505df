"""What the sweep does about counts: it adds the parts of hours that are over to the sums of days.

A sum names the parts that are in it, for ever: so a part that is read twice is added once, whatever broke off
before it was removed. Days that are kept no longer go, and all that is about a version whose files are gone.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from ml_core.documents import Body, replace_damaged
from ml_core.errors import AccessRefused, ObjectNotFound
from ml_core.monitoring.counts import VersionCounts
from ml_core.monitoring.feedback import FOLDER as FEEDBACK
from ml_core.monitoring.parts import (
    FORMAT,
    GRACE,
    PARTS,
    SUMS,
    USAGE,
    Counted,
    Usage,
    add_usage,
    date_of,
    hour_and_instance,
    hour_of,
    read_part,
    read_usage,
    sum_key,
    usage_key,
)
from ml_core.monitoring.receipts import VALID_DAYS
from ml_core.objects import ObjectInfo
from ml_core.ports import ObjectStore
from ml_core.registry.retention import DAY

log = logging.getLogger(__name__)

MONITORING_DAYS = 90  # for how long counts are kept where nobody says otherwise
_AT_ONCE = 8  # requests to the store
_BATCH, _BATCH_BYTES = 100, 4 << 20  # parts that are added together
_PART_PAGES = 5  # of a thousand parts, in one sweep
_OLD_PAGES = 5  # of a thousand days
_FOLDERS = (FEEDBACK, SUMS)


class Summed(NamedTuple):
    """What one sweep did.

    Args:
        parts: how many it added to sums and removed.
        forgotten: how many days of versions it removed.
        after: the key up to which this day's look for old days has come; None where it has not begun.
        looked: the last day whose look is done.
    """

    parts: int = 0
    forgotten: int = 0
    after: str | None = None
    looked: str | None = None


class Summing(NamedTuple):
    """Who sums the counts of a store.

    `now` is in seconds since the epoch, `days` for how many days counts are kept. `is_time` says that there
    is time left.
    """

    store: ObjectStore
    now: float
    days: float
    is_time: Callable[[], bool]

    def run(self, after: str | None, looked: str | None) -> Summed:
        """Do what there is to do, as far as the time goes, from where the last sweep came to.

        Of two at once each finds what the other did. Raises `Unavailable`.
        """
        try:
            parts = self._sum_parts()
            forgotten, after, looked = self._forget_old(after, looked)
        except AccessRefused as error:
            # The rights of a deployment of before there were counts: it has none, or soon more rights.
            log.warning("counts of predictions are not summed: %s", error)
            return Summed(after=after, looked=looked)
        return Summed(parts, forgotten, after, looked)

    def _sum_parts(self) -> int:
        """Add the parts of hours that are over to the days' sums; how many."""
        present, done = hour_of(self.now - GRACE), 0
        after: str | None = None
        for _ in range(_PART_PAGES):
            page = self.store.list(PARTS, after=after)
            over = [*takewhile(lambda info: _hour(info) < present, page.objects)]
            for batch in _batches(over):
                if not self.is_time():
                    return done
                done += self._sum_batch(batch)
            after = page.next_after
            if after is None or len(over) < len(page.objects):
                break
        return done

    def _sum_batch(self, infos: Iterable[ObjectInfo]) -> int:
        """Add some parts to all sums that they belong in, and then remove them."""
        by_sum: dict[tuple[str, str], list[_InPart[Counted]]] = {}
        used_on: dict[str, list[_InPart[Usage]]] = {}
        summed: list[str] = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for info, versions, usage in pool.map(self._read, infos):
                if versions is None:
                    continue
                summed.append(info.key)
                hour, instance = hour_and_instance(info.key)
                date, _, of_day = hour.partition("T")
                for job, counted in versions.items():
                    by_sum.setdefault((job, date), []).append(_InPart(of_day, instance, counted))
                if usage:
                    used_on.setdefault(date, []).append(_InPart(of_day, instance, usage))
            list(pool.map(self._add, by_sum.items()))
            list(pool.map(self._add_usage, used_on.items()))
            list(pool.map(self.store.delete, summed))
        return len(summed)

    def _read(self, info: ObjectInfo) -> tuple[ObjectInfo, dict[str, Counted] | None, Usage]:
        """A part, and what is in it; None for one that went, or that another release has to read."""
        try:
            data = self.store.get(info.key).data
        except ObjectNotFound:
            return info, None, {}
        versions = read_part(data)
        if versions is None and _hour(info) < self._oldest:
            return info, {}, {}
        return info, versions, read_usage(data)

    def _add(self, item: "tuple[tuple[str, str], list[_InPart[Counted]]]") -> None:
        (job, date), parts = item
        replace_damaged(self.store, sum_key(job, date), partial(_with_parts, parts))

    def _add_usage(self, item: "tuple[str, list[_InPart[Usage]]]") -> None:
        date, parts = item
        replace_damaged(self.store, usage_key(date), partial(_with_usage, parts))

    @property
    def _oldest(self) -> str:
        """The oldest day whose counts are kept."""
        return date_of(self.now - self.days * DAY)

    def _oldest_in(self, folder: str) -> str:
        """As `_oldest`; of feedback no day goes whose receipts could still be sent, and count once more."""
        return (
            min(self._oldest, date_of(self.now - (VALID_DAYS + 1) * DAY))
            if folder == FEEDBACK
            else self._oldest
        )

    def _forget_old(self, after: str | None, looked: str | None) -> tuple[int, str | None, str | None]:
        """Once a day, look at all days that are kept, page after page, and remove those that need not be."""
        today = date_of(self.now)
        if after is None and looked == today:
            return 0, None, looked
        forgotten = self._forget_usage()
        at = after if after is not None and after.startswith(_FOLDERS) else _FOLDERS[0]
        for _ in range(_OLD_PAGES):
            if not self.is_time():
                return forgotten, at, looked
            folder = next(each for each in _FOLDERS if at.startswith(each))
            page = self.store.list(folder, after=None if at == folder else at)
            forgotten += self._forget(folder, [info.key for info in page.objects])
            if page.next_after is not None:
                at = page.next_after
            elif folder == _FOLDERS[-1]:
                return forgotten, None, today
            else:
                at = _FOLDERS[_FOLDERS.index(folder) + 1]
        return forgotten, at, looked

    def _forget(self, folder: str, keys: list[str]) -> int:
        """Of days of versions remove those that are too old, and those whose version is gone."""
        days = [(key, *key.removeprefix(folder).removesuffix(".json").split("/", 1)) for key in keys]
        jobs = sorted({job for _, job, *_ in days})
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            gone = {job for job, is_gone in zip(jobs, pool.map(self._is_gone, jobs), strict=True) if is_gone}
            oldest = self._oldest_in(folder)
            old = [key for key, job, *date in days if job in gone or "".join(date) < oldest]
            list(pool.map(self.store.delete, old))
        return len(old)

    def _forget_usage(self) -> int:
        """Remove the oldest days of what keys used, where they are kept no longer."""
        listed = self.store.list(USAGE).objects
        old = [*takewhile(lambda info: info.key < usage_key(self._oldest), listed)]
        for info in old:
            self.store.delete(info.key)
        return len(old)

    def _is_gone(self, job: str) -> bool:
        """Whether the files of the version that a job registered were removed."""
        return not self.store.list(f"artifacts/{job}.", limit=1).objects


class _InPart[Said](NamedTuple):
    """What one part says for one sum: the hour of its day, its instance, and what that is."""

    hour: str
    instance: str
    said: Said


def _named_anew[Said](parts: list[_InPart[Said]], body: Body) -> list[Said]:
    """What the parts say that a sum does not name yet; from here on it names them."""
    names: dict[str, str] = body["parts"]
    fresh = [part for part in parts if part.instance not in names.get(part.hour, "").split()]
    for hour, instance, _ in fresh:
        names[hour] = f"{names[hour]} {instance}" if hour in names else instance
    return [part.said for part in fresh]


def _with_usage(parts: list[_InPart[Usage]], body: Body | None) -> Body | None:
    """The sum of a day with the parts that it does not name yet; None where it names all."""
    if body is None or "parts" not in body:
        body = {"format": FORMAT, "parts": {}, "usage": {}, **(body or {})}
    fresh = _named_anew(parts, body)
    for usage in fresh:
        add_usage(body["usage"], usage)
    return body if fresh else None


def _with_parts(parts: list[_InPart[Counted]], body: Body | None) -> Body | None:
    """A sum with the parts that it does not name yet; None where it names all."""
    if body is None or "parts" not in body:
        model, version, _ = parts[0].said
        begun = {"format": FORMAT, "model": model, "version": version, "parts": {}, "counts": {}}
        body = {**(body or {}), **begun}
    total, fresh = VersionCounts.of(body["counts"]), _named_anew(parts, body)
    for counted in fresh:
        total.add(counted.counts)
    body["counts"] = total.described()
    return body if fresh else None


def _batches(infos: list[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    """Parts that fit into memory together."""
    batch: list[ObjectInfo] = []
    size = 0
    for info in infos:
        size += info.size
        if batch and (len(batch) == _BATCH or size > _BATCH_BYTES):
            yield batch
            batch, size = [], info.size
        batch.append(info)
    if batch:
        yield batch


def _hour(info: ObjectInfo) -> str:
    return hour_and_instance(info.key)[0]
