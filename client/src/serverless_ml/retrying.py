"""Whether a request is tried again, and when. Nothing here waits, asks or knows the time by itself."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Answers that say: not now.
TRANSIENT = frozenset((429, 502, 503, 504))
# … but for these problems, which stay until a person does something.
LASTING = frozenset(("not_configured", "document_damaged"))
LONGEST = 60.0
"""Seconds: a longer `Retry-After` is not waited for."""
FIRST = 0.5
"""Seconds before the first retry, where the service does not say; each further one takes twice as long."""
MOST = 20.0


def transient(status: int, code: str, *, repeatable: bool) -> bool:
    """Whether an answer is worth another try.

    A 429 was refused before anything was done. After the others the request may have had its effect, so that
    only one that is `repeatable` is sent again.
    """
    return status in TRANSIENT and code not in LASTING and (repeatable or status == 429)


def pause(tried: int, retry_after: float | None, draw: Callable[[], float]) -> float | None:
    """The seconds to wait before the next try; None where the service asks for more than is waited.

    Args:
        tried: how often the request was sent, 1 at least.
        retry_after: the seconds that the service asks for; None where it does not say.
        draw: gives a number from 0 to 1, each equally likely, so that many clients do not come back at once.
    """
    if retry_after is not None:
        return None if retry_after > LONGEST else retry_after + draw() * min(1.0, retry_after / 4)
    most = min(MOST, FIRST * 2.0 ** min(tried - 1, 16))
    return most / 2 + draw() * most / 2


def retry_after(header: str | None, now: datetime) -> float | None:
    """The seconds that a header `Retry-After` asks for, in seconds or as a date; None where it says neither.

    Args:
        header: its text; None where there is none.
        now: the time, with a zone.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
