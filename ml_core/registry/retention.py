"""How long a deleted version can come back, and what is left of one that cannot."""

import time

from ml_core.documents import Body, timestamp

DAY = 86_400.0  # seconds
RETENTION = 7 * DAY


def is_restorable(entry: Body, now: float, retention: float) -> bool:
    """Whether all of a tombstone's version is still there; times in seconds.

    A release before there was a way back kept less of it.
    """
    return "sha256" in entry and not entry.get("purged") and entry["deleted"] > timestamp(now - retention)


def restorable_until(entry: Body, retention: float) -> str:
    """When a tombstone's time is over."""
    return timestamp(seconds(entry["deleted"]) + retention)


def seconds(when: str) -> float:
    """A time as the documents have it, since the epoch."""
    import calendar

    return calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ"))


def purge_version(body: Body, job: str) -> None:
    """Leave nothing of a deleted version in its model's document but its number, and when it was deleted."""
    entry = body["tombstones"][job]
    body["tombstones"][job] = {"version": entry["version"], "deleted": entry["deleted"], "purged": True}
