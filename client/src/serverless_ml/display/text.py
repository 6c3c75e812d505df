"""Names, numbers, moments and sizes as people read them. Pure, and nothing is imported for it."""

import math
import unicodedata
from datetime import UTC, datetime

MOST = 60  # characters of a name; the whole of it is in the hint
_JOINERS = "\u200c\u200d"  # emoji and some scripts are written with them
_UNITS = ("KB", "MB", "GB", "TB", "PB")


def shown(value: object, most: int = MOST) -> str:
    """Return a text in which nothing moves the cursor or turns the direction, cut to `most` characters."""
    text = value if isinstance(value, str) else plain(value)
    cut = text[: most + 1]
    written = "".join(_seen(character) for character in cut)
    return written if len(written) <= most and len(cut) == len(text) else written[: most - 1] + "…"


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if character in _JOINERS or category not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return character
    return character.encode("unicode_escape").decode("ascii")


def plain(value: object) -> str:
    """Return any value of JSON in few characters."""
    match value:
        case None:
            return "–"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number(value)
        case list():
            return ", ".join(plain(item) for item in value[:20]) + (", …" if len(value) > 20 else "")
        case dict():
            return ", ".join(f"{key}: {plain(item)}" for key, item in list(value.items())[:20])
    return str(value)


def number(value: float) -> str:
    """Return a number in four significant digits, or all digits of a whole one, with thousands."""
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else _power(float_of(value))
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e12 or size < 1e-4:
        return _power(value)
    if size >= 999.95:
        return f"{value:,.0f}"
    return _without_zeros(f"{value:#.4g}")


def aligned(value: float) -> str:
    """Return a number in four significant digits, zeros at the end included: for columns of numbers."""
    if isinstance(value, int) or not 1e-4 <= abs(value) < 999.95:
        return number(value)
    return f"{value:#.4g}".rstrip(".")


def float_of(value: float) -> float:
    """Return a float of a number of any size."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _power(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    digits, _, power = f"{value:.3e}".partition("e")
    return f"{_without_zeros(digits)}e{int(power)}"


def _without_zeros(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def signed(value: float) -> str:
    """Return a number with its sign, a real minus among them."""
    return ("+" if value > 0 else "") + number(value).replace("-", "−", 1)


def beside(value: float, most: float) -> str:
    """Return a number with as many decimals as the largest of its column, `most`, has of four digits."""
    if not (math.isfinite(value) and 1e-4 <= most < 1e6):
        return number(value).replace("-", "−", 1)
    decimals = min(max(3 - math.floor(math.log10(most)), 0), 7)
    written = f"{value:,.{decimals}f}"
    return written.replace("-", "−", 1) if float(written.replace(",", "")) else written.lstrip("-")


def signed_beside(value: float, most: float) -> str:
    """Return a number as `beside` does, with its sign."""
    written = beside(value, most)
    return f"+{written}" if value > 0 and any(digit in written for digit in "123456789i") else written


def probability(share: float) -> str:
    """Return a probability: one that is not 1 is not rounded to it."""
    return "over 0.9999" if 0.99995 <= share < 1 else number(share)


def percent(share: float) -> str:
    """Return a share as a percentage."""
    if not math.isfinite(share):
        return "–"
    of_hundred = share * 100
    return f"{of_hundred:.0f} %" if of_hundred >= 9.95 else f"{_without_zeros(f'{of_hundred:.1f}')} %"


def size(count: float) -> str:
    """Return so many bytes in the unit that suits."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in _UNITS:
        count /= 1000
        if count < 999.5 or unit == _UNITS[-1]:
            break
    return f"{count:.1f} {unit}" if count < 99.5 else f"{count:,.0f} {unit}"


def count_of(count: float, one: str, several: str = "") -> str:
    """Return so many of something."""
    return f"{number(count)} {one if count == 1 else several or one + 's'}"


def moment(text: str) -> datetime | None:
    """Return the moment of an RFC 3339 text, or None where it is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def time(text: str) -> str:
    """Return a moment in local time, with the time in UTC beside it where they differ."""
    read = moment(text)
    if read is None:
        return shown(text, 40)
    there = read.astimezone(UTC)
    try:
        here = read.astimezone()
    except (OverflowError, OSError, ValueError):
        here = there
    if not here.utcoffset():
        return f"{there:%Y-%m-%d %H:%M} UTC"
    same_day = here.date() == there.date()
    return f"{here:%Y-%m-%d %H:%M} ({there:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}} UTC)"


def duration(seconds: float) -> str:
    """Return how long something took."""
    if seconds < 1:
        return "< 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
