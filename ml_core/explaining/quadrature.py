"""Gauss-Legendre quadrature: m nodes integrate a polynomial of a degree below 2m exactly."""

from __future__ import annotations

from functools import cache
from math import cos, pi

_ENOUGH = 2.0**-52
_MOST_STEPS = 100


@cache
def gauss_legendre(nodes: int) -> list[tuple[float, float]]:
    """The places between 0 and 1, and the weight of each."""
    found = []
    for number in range(nodes):
        x = cos(pi * (number + 0.75) / (nodes + 0.5))
        slope = 1.0
        for _ in range(_MOST_STEPS):  # Newton's, which needs about four
            value, slope = _legendre(nodes, x)
            step = value / slope
            x -= step
            if abs(step) <= _ENOUGH:
                break
        found.append(((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope)))
    return found


def _legendre(degree: int, x: float) -> tuple[float, float]:
    """Legendre's polynomial and its derivative, within -1 and 1."""
    before, value = 1.0, x
    for n in range(2, degree + 1):
        before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
    return value, degree * (x * value - before) / (x * x - 1.0)
