"""When requests come: what a person writes, and arrivals drawn from it.

    2/s                    two a second on average, at any time, each independent of the others
    2/s steady             the same
    2/s office             so on weekdays from 9 to 17 o'clock, and nothing else
    bursts of 50, 0.1/s    0.1 a second on average, in bursts of 50 within a second, at any time
    50 every 10m           a burst of 50 every ten minutes, by the clock
    @arrivals.txt          a recorded file: the seconds of each request, one a line; it repeats

`/s` may be `/min`, `/h` or `/day`, and `10m` may be `30s`, `2h` or `1d`. `office` may follow any but a file.
"""

import math
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from providers.advising.impossible import AdviceImpossible, reason_of

# A month of 730 hours, as the clouds' calculators have it; an office is open on five days of seven.
MONTH = 730 * 3600.0
DAY_IN_OFFICE = 8 * 3600.0
OFFICE_DAYS = MONTH / (7 * 24 * 3600) * 5
BURST_SECONDS = 1.0  # that the requests of a burst are spread over
WORDS = "'2/s', '2/s office', 'bursts of 50, 0.1/s', '50 every 10m' or '@arrivals.txt'"

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}
_RATE = re.compile(r"(?:bursts of (?P<burst>\d+),? )?(?P<count>\d+(?:\.\d*)?|\.\d+) ?/ ?(?P<unit>[a-z]+)")
_EVERY = re.compile(r"(?P<burst>\d+) every (?P<number>\d+(?:\.\d*)?) ?(?P<unit>[a-z]+)")
_MOST_RATE = 100_000.0  # requests a second
_LONGEST_TRACE = 100_000  # requests of a file: each simulation goes through all of them


class Traffic(NamedTuple):
    """When requests come.

    Args:
        text: as it was written.
        rate: requests a second on average, while any come.
        burst: how many come together.
        by_the_clock: whether bursts come at equal distances, and not at random.
        office: whether they come in office hours alone.
        trace: the seconds of recorded requests, which repeat; all else is then what they are on average.
    """

    text: str
    rate: float
    burst: int = 1
    by_the_clock: bool = False
    office: bool = False
    trace: tuple[float, ...] = ()

    @property
    def period(self) -> float:
        """How many seconds it goes on, before nothing comes for a long time or it repeats."""
        if self.trace:
            return len(self.trace) / self.rate
        return DAY_IN_OFFICE if self.office else MONTH

    @property
    def periods(self) -> float:
        """How many of these a month has."""
        return OFFICE_DAYS if self.office else MONTH / self.period

    @property
    def month(self) -> float:
        """Requests a month."""
        return self.rate * self.period * self.periods

    @property
    def mean_rate(self) -> float:
        """Requests a second, over a whole month."""
        return self.month / MONTH

    def times(self, factor: float) -> "Traffic":
        """The same shape, with `factor` times the requests: more bursts, not longer ones."""
        trace = tuple(moment / factor for moment in self.trace)
        return self._replace(rate=self.rate * factor, trace=trace)

    def arrivals(self, seed: int) -> Iterator[float]:
        """The seconds at which requests come, from 0 on and without end, in order."""
        if self.trace:
            return _repeated(self.trace, self.period)
        draw = random.Random(seed)  # noqa: S311 - no secret
        if self.burst == 1 and not self.by_the_clock:
            return _poisson(draw, self.rate)
        return _bursts(draw, self.rate / self.burst, self.burst, by_the_clock=self.by_the_clock)


def parse(text: str) -> Traffic:
    """What a person wrote. Raises `AdviceImpossible` with what may be written."""
    words = " ".join(text.lower().split())
    if words.startswith("@"):
        return _read(text.strip()[1:], text)
    office, words = words.endswith(" office"), re.sub(r" (office|steady)$", "", words)
    if found := _RATE.fullmatch(words):
        rate = float(found["count"]) / _seconds(found["unit"], text)
        traffic = Traffic(text, rate, int(found["burst"] or 1), office=office)
    elif found := _EVERY.fullmatch(words):
        every = float(found["number"]) * _seconds(found["unit"], text)
        rate = int(found["burst"]) / every if every else 0.0
        traffic = Traffic(text, rate, int(found["burst"]), by_the_clock=True, office=office)
    else:
        raise AdviceImpossible(f"--traffic: expected {WORDS}, got {text!r}")
    if not 0 < traffic.rate <= _MOST_RATE or not 0 < traffic.burst <= 10_000:
        raise AdviceImpossible(
            f"--traffic: expected more than 0 and at most {_MOST_RATE:,.0f} requests a second, in bursts of "
            f"1 to 10,000, got {text!r}"
        )
    if traffic.rate * traffic.period < traffic.burst and office:
        raise AdviceImpossible(f"--traffic: expected a request in each day's office hours, got {text!r}")
    return traffic


def of_trace(moments: list[float], text: str) -> Traffic:
    """Recorded arrivals, in order, which repeat after as long a gap as they have on average."""
    first, count = moments[0], len(moments)
    length = (moments[-1] - first) * count / (count - 1)
    return Traffic(text, count / length, trace=tuple(moment - first for moment in moments))


def _read(path: str, text: str) -> Traffic:
    expected = "expected a file with the seconds of at least two requests, one a line"
    try:
        with open(path, encoding="utf-8") as file:
            moments = sorted(float(line) for line in file if line.strip())
    except (OSError, ValueError) as error:
        raise AdviceImpossible(f"--traffic {text}: {expected}, got {reason_of(error)}") from error
    if len(moments) < 2 or not math.isfinite(moments[-1] - moments[0]) or moments[0] == moments[-1]:
        raise AdviceImpossible(
            f"--traffic {text}: {expected} and not all at once, got {len(moments):,} lines"
        )
    if len(moments) > _LONGEST_TRACE:
        most = f"expected at most {_LONGEST_TRACE:,} requests"
        raise AdviceImpossible(f"--traffic {text}: {most}, got {len(moments):,}: take a few days of them")
    return of_trace(moments, text)


def _seconds(unit: str, text: str) -> float:
    if unit not in _SECONDS:
        raise AdviceImpossible(
            f"--traffic: expected a unit of time (s, min, h, day), got {unit!r} in {text!r}"
        )
    return _SECONDS[unit]


def _poisson(draw: random.Random, rate: float) -> Iterator[float]:
    now = 0.0
    while True:
        now += draw.expovariate(rate)
        yield now


def _bursts(draw: random.Random, rate: float, size: int, *, by_the_clock: bool) -> Iterator[float]:
    """Bursts may overlap where they come at random; what comes is still in order."""
    begin = 0.0
    waiting: list[float] = []
    while True:
        if not by_the_clock:
            begin += draw.expovariate(rate)
        while waiting and waiting[-1] <= begin:
            yield waiting.pop()
        waiting += [begin + draw.uniform(0, BURST_SECONDS) for _ in range(size)]
        waiting.sort(reverse=True)
        if by_the_clock:
            begin += 1 / rate


def _repeated(trace: tuple[float, ...], period: float) -> Iterator[float]:
    begin = 0.0
    while True:
        for moment in trace:
            yield begin + moment
        begin += period
