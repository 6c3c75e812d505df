"""Durations as ISO 8601 writes them, of weeks, days, hours and minutes: `P1D`, `PT6H`, `P1DT12H`, `P2W`."""

import re

from ml_core.errors import LONGEST, Fault, shown

LEAST, MOST = 600, 366 * 86_400  # seconds: the sweep comes once in ten minutes
PATTERN = "^P([0-9]{1,6}W|([0-9]{1,6}D)?(T([0-9]{1,6}H)?([0-9]{1,6}M)?)?)$"
RULE = "a duration from PT10M to P366D, such as P1D, PT6H or P2W"
_FORM = re.compile(r"P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?)?)", re.ASCII)
_SECONDS = (604_800, 86_400, 3_600, 60)
# Whatever stands before a T: months and years there, where minutes are not.
_CALENDAR = re.compile(r"P[^T]*[YM]", re.ASCII)


def seconds_of(text: str) -> int:
    """How long a duration is that has no faults."""
    found = _FORM.fullmatch(text)
    assert found is not None, f"{text[:LONGEST]!r} is no duration"  # noqa: S101
    return sum(int(number) * each for number, each in zip(found.groups(), _SECONDS, strict=True) if number)


def duration_faults(value: object, where: str) -> list[Fault]:
    """What is wrong with a value as a duration that stands at `where`."""
    if _is_duration(value):
        return []
    reason = ""
    if isinstance(value, str) and len(value) <= LONGEST and _CALENDAR.match(value):
        reason = "; months and years are not of one length: say it in days or weeks"
    return [Fault(where, f"expected {RULE}, got {shown(value)}{reason}")]


def _is_duration(value: object) -> bool:
    if not isinstance(value, str) or not _FORM.fullmatch(value) or value.endswith(("P", "T")):
        return False
    return LEAST <= seconds_of(value) <= MOST
