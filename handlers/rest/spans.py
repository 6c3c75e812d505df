"""The time that a request asks about: `from` and `to` in its query."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from ml_core.errors import Fault, raise_faults, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY = timedelta(days=1)
_DAYS = 7  # that are looked back where the query does not say it
_EXPECTED = 'expected a date such as "2026-11-26", or a time such as "2026-11-26T07:30:00Z"'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def span_of(query: Mapping[str, str], now: float | None = None) -> tuple[float, float]:
    """The first moment that is asked about, and the first after it, in seconds since the epoch.

    A date is a whole day of UTC, also as `to`. Without `to` it is until now, without `from` the seven days
    that end there. A time without a zone is one of UTC.

    Raises:
        InvalidInput: a text is no time, or nothing is between the two, or it is all still to come.
    """
    present = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    told = {name: _moment(query[name]) for name in ("from", "to") if name in query}
    raise_faults(
        Fault(f"query.{name}", f"{_EXPECTED}, got {shown(query[name])}")
        for name, moment in told.items()
        if moment is None
    )
    end = present
    if (to := told.get("to")) is not None:
        end = min(to[0], present)
        end = end + _DAY if to[1] else end
    begin = _midnight(end) - (_DAYS - 1) * _DAY
    if (start := told.get("from")) is not None:
        begin = start[0]
    raise_faults(_faults(query, begin, end, present))
    return begin.timestamp(), end.timestamp()


def _faults(query: Mapping[str, str], begin: datetime, end: datetime, present: datetime) -> list[Fault]:
    if begin > present:
        where = "from" if "from" in query else "to"
        return [Fault(f"query.{where}", f"is {shown(query[where])}, which is still to come")]
    if begin >= end:
        until = f"`to`, which is {shown(query['to'])}" if "to" in query else "now"
        return [Fault("query.from", f"is {shown(query['from'])}; expected a time before {until}")]
    return []


def _midnight(end: datetime) -> datetime:
    """The beginning of the last day before a moment."""
    last = end - timedelta(microseconds=1)
    return last.replace(hour=0, minute=0, second=0, microsecond=0)


def _moment(text: str) -> tuple[datetime, bool] | None:
    """A moment of UTC since 1970, and whether it is a date alone; None for what is neither.

    A `+` before a zone is a space where whoever sends it does not write `%2B`.
    """
    is_date = len(text) == len("2026-11-26")
    if not is_date and ":" not in text:
        return None
    signed = "+".join(text.rsplit(" ", 1)) if " " in text[11:] else text
    try:
        moment = datetime.fromisoformat(signed.upper())
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (moment, is_date) if moment >= _EPOCH else None
