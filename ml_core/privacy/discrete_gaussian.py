"""Exact draws of the discrete Gaussian, by integers alone.

Floats would break the proof: what they round depends on the value that the noise is to hide. So each draw is
made of random integers, as Canonne, Kamath and Steinke give it (The Discrete Gaussian for Differential
Privacy, 2020, algorithms 1 to 3), and the randomness is the operating system's.
"""

from collections.abc import Callable
from math import isqrt
from random import SystemRandom

# Returns a random integer from 0 up to, and without, its argument.
type Below = Callable[[int], int]

_SYSTEM: Below = SystemRandom().randrange


def discrete_gaussian(variance: int, count: int, below: Below = _SYSTEM) -> list[int]:
    """So many draws, each k with a probability in proportion to exp(-k² / (2 · variance)).

    Args:
        variance: σ², at least 1; of a discrete Gaussian the variance is never more.
        count: how many.
        below: where the randomness is from; a test's own.
    """
    if variance < 1:
        raise ValueError(f"expected a variance of at least 1, got {variance}")
    return [_draw(variance, below) for _ in range(count)]


def _draw(variance: int, below: Below) -> int:
    """Algorithm 3: draws of a discrete Laplace distribution about as wide, of which some are kept."""
    scale = isqrt(variance) + 1
    while True:
        drawn = _discrete_laplace(scale, below)
        # exp(-(|y| - σ²/t)² / (2σ²)), over one denominator
        off = abs(drawn) * scale - variance
        if _happens(off * off, 2 * variance * scale * scale, below):
            return drawn


def _discrete_laplace(scale: int, below: Below) -> int:
    """Algorithm 2: k with a probability in proportion to exp(-|k| / scale)."""
    while True:
        remainder = below(scale)
        if not _happens_below_one(remainder, scale, below):
            continue
        times = 0
        while _happens_below_one(1, 1, below):
            times += 1
        size = remainder + scale * times
        negative = below(2)
        if size or not negative:  # there is one zero, not two
            return -size if negative else size


def _happens(numerator: int, denominator: int, below: Below) -> bool:
    """True with the probability exp(-numerator / denominator); of algorithm 1 the part for any exponent."""
    whole, rest = divmod(numerator, denominator)
    return all(_happens_below_one(1, 1, below) for _ in range(whole)) and _happens_below_one(
        rest, denominator, below
    )


def _happens_below_one(numerator: int, denominator: int, below: Below) -> bool:
    """The same for exponents up to 1: the alternating series of exp, stopped by coins."""
    count = 1
    while below(denominator * count) < numerator:
        count += 1
    return count % 2 == 1
