"""What keys used: requests, rows, jobs and bytes of each day."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from handlers.rest.http import Response, json_response
from handlers.rest.spans import span_of
from ml_core.documents import timestamp
from ml_core.monitoring.parts import NOTHING_USED, add_usage, date_of
from ml_core.monitoring.reading import usage_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from handlers.rest.call import Call
    from ml_core.monitoring.parts import Usage

_NAMES = ("requests", "rows", "jobs", "bytes")


def usage(call: Call) -> Response:
    """Show what each key used on each day of UTC: requests, rows, jobs sent, and bytes of bodies.

    It is counted by each instance and stored once a minute, so what one counted in its last minute may be
    missing. A key for some models or datasets is told of itself alone. No rows of a table that a job read are
    counted, and no health checks.
    """
    query = call.query()
    begin, end = span_of(query)
    now = time.time()
    found = usage_between(call.services.store, begin, end, now=now)
    days = call.settings.monitoring_days
    if days and found.begin <= now <= found.end:
        add_usage(found.days.setdefault(date_of(now), {}), call.services.monitor.unsaved_usage())
    told = {date: _told(call, found.days[date], query.get("key")) for date in sorted(found.days)}
    of_keys: Usage = {}
    for used in told.values():
        add_usage(of_keys, used)
    total = [sum(numbers) for numbers in zip(NOTHING_USED, *of_keys.values(), strict=True)]
    return json_response(
        {
            "monitoring": {"on": days > 0, "setting": "ML_MONITORING_DAYS", "days": days},
            "window": {"from": timestamp(found.begin), "to": timestamp(found.end)},
            "days": [{"date": date, **each} for date, used in told.items() for each in _listed(used)],
            "keys": _listed(of_keys),
            "total": _named(total),
            "warnings": _warnings(days, found.left_out),
        }
    )


def _told(call: Call, used: Usage, key: str | None) -> Usage:
    """What the caller is told of a day: of one key, where it asks for one or is limited itself."""
    own = call.caller.id if call.caller.limited else None
    return {each: used[each] for each in used if own in (None, each) and key in (None, each)}


def _listed(used: Usage) -> list[dict[str, Any]]:
    return [{"key": key or None, **_named(used[key])} for key in sorted(used)]


def _named(used: Sequence[int]) -> dict[str, int]:
    return dict(zip(_NAMES, used, strict=True))


def _warnings(days: int, left_out: int) -> list[str]:
    warnings = []
    if not days:
        warnings.append("nothing is counted: the setting ML_MONITORING_DAYS is 0")
    if left_out:
        warnings.append(f"{left_out:,} or more objects of counts were not read: ask for a shorter time")
    return warnings
