"""Arrivals that no word of `--traffic` draws: as other people's services have them."""

import math
from random import Random


def on_and_off(seed: int, hours: float) -> list[float]:
    """Two states that end at random: 3 a second for 40 seconds, then one in 50 seconds for 25 minutes."""
    draw, now, busy, found = Random(seed), 0.0, True, []  # noqa: S311
    while now < hours * 3600:
        end = now + draw.expovariate(1 / (40 if busy else 1500))
        rate = 3.0 if busy else 0.02
        while (now := now + draw.expovariate(rate)) < end:
            found.append(now)
        now, busy = end, not busy
    return found


def heavy_tails(seed: int, count: int) -> list[float]:
    """Gaps of a Pareto distribution without a variance: crowds, and waits of hours."""
    draw, now, found = Random(seed), 0.0, []  # noqa: S311
    for _ in range(count):
        now += 2.0 * (draw.paretovariate(1.3) - 1)
        found.append(now)
    return found


def days_and_nights(seed: int, days: int) -> list[float]:
    """Up to one in two seconds at noon, and nearly none at midnight."""
    draw, now, found = Random(seed), 0.0, []  # noqa: S311
    while now < days * 86400:
        now += draw.expovariate(0.5)
        if draw.random() < (1 - math.cos(2 * math.pi * now / 86400)) ** 2 / 4:
            found.append(now)
    return found


def clicks(seed: int, hours: float) -> list[float]:
    """Visits of a person: one in four minutes, each with a geometric number of clicks some seconds apart."""
    draw, begin, found = Random(seed), 0.0, []  # noqa: S311
    while begin < hours * 3600:
        begin += draw.expovariate(1 / 240)
        moment = begin
        while True:
            found.append(moment)
            if draw.random() < 0.15:
                break
            moment += draw.lognormvariate(1.0, 1.0)
    return sorted(found)
