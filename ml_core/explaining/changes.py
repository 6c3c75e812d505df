"""The smallest change of a row that turns a linear margin: in one column, or in several numbers together.

With the slope w of a column, a margin m is 0 after a change of -m/w. Of several columns together the least
change in units u_g is -m·w_g·u_g² / Σ(w·u)². Both go a little further, to a short number beyond the boundary.
"""

from __future__ import annotations

from math import floor, inf, isfinite, log10, nextafter

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping


class Slope(Record):
    """How a number changes the margin: its present value, the slope, its unit, and where it may be.

    `now` is the value that stands for it where it is missing, and `jump` what the margin changes by when it
    no longer is.
    """

    now: float
    slope: float
    unit: float
    low: float
    high: float
    jump: float = 0.0


def single(margin: float, number: Slope, beyond: float) -> float | None:
    """The value that turns the margin, and by `beyond` of the change further; None where there is none."""
    left = margin + number.jump
    if left <= 0.0:  # that it is there at all turns it
        return number.now if number.low <= number.now <= number.high else None
    if number.slope == 0.0:
        return None
    return _further(number, -left / number.slope, beyond)


def together(margin: float, numbers: Mapping[int, Slope], beyond: float) -> dict[int, float] | None:
    """The values of several columns that turn the margin with the least change; None where they cannot.

    A column that comes to the end of its range stays there, and the others change more.
    """
    free = {column: each for column, each in numbers.items() if each.slope and each.unit}
    ends: dict[int, float] = {}
    left = margin
    while free:
        size = sum((each.slope * each.unit) ** 2 for each in free.values())
        changes = {column: -left * each.slope * each.unit**2 / size for column, each in free.items()}
        past = {
            column: end for column, each in free.items() if (end := _end(each, changes[column])) is not None
        }
        if not past:
            moved = {column: _further(each, changes[column], beyond) for column, each in free.items()}
            found = {column: value for column, value in moved.items() if value is not None}
            return {**ends, **found} if len(found) == len(free) else None
        for column, end in past.items():
            left += free[column].slope * (end - free[column].now)
            ends[column] = end
            del free[column]
    return None


def _end(number: Slope, change: float) -> float | None:
    """The end of its range that the change leads past, or the present value where that is past it."""
    value = number.now + change
    if number.low <= value <= number.high:
        return None
    end = number.low if value < number.low else number.high
    return end if (end - number.now) * change > 0 else number.now


def _further(number: Slope, change: float, beyond: float) -> float | None:
    """The value after a change, rounded away from the present one; None past the range."""
    target = number.now + change
    if not isfinite(target) or change == 0.0:
        return None
    sign = 1.0 if change > 0 else -1.0
    step = abs(change) * beyond
    digits = -floor(log10(step)) if step > 0.0 else 0
    found = round(target + sign * step, digits) if -300 < digits < 300 else target
    if (found - target) * sign <= 0:
        found = nextafter(target + sign * step, sign * inf)
    found = min(max(found, number.low), number.high)
    return found if (found - target) * sign > 0 else None
