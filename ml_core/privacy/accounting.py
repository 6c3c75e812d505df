"""What noise costs: zero-concentrated differential privacy (zCDP) and what it says of ε and δ.

A release that adds a discrete Gaussian of variance σ² to integers whose vector changes by at most Δ (in the
Euclidean norm) when one row is added or removed is ρ-zCDP with ρ = Δ² / (2σ²), and the ρ of several releases
add up (Canonne, Kamath and Steinke, 2020, theorem 14; Bun and Steinke, 2016).
"""

from fractions import Fraction
from math import exp, log, log1p, sqrt

# The orders at which a bound is looked for: any one of them gives a true bound, the best of them is told.
_STEPS = 200


def variance_of(sensitivity_squared: int, rho: Fraction) -> int:
    """The least whole variance of noise that makes a release ρ-zCDP."""
    if rho <= 0:
        raise ValueError(f"expected rho above 0, got {rho}")
    return max(1, -((-sensitivity_squared * rho.denominator) // (2 * rho.numerator)))


def delta_of(rho: float, epsilon: float) -> float:
    """The least δ that is proven for an ε: ρ-zCDP is (ε, δ)-private for it.

    δ = min over α > 1 of exp((α − 1)(αρ − ε)) / (α − 1) · (1 − 1/α)^α (Canonne, Kamath and Steinke, 2020,
    proposition 12).
    """
    if rho == 0:
        return 0.0
    # The least of a function that falls and then rises.
    low, high = 1.0 + 1e-9, (epsilon + 1) / (2 * rho) + 2
    for _ in range(_STEPS):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        falls = _log_delta(rho, epsilon, first) > _log_delta(rho, epsilon, second)
        low, high = (first, high) if falls else (low, second)
    return exp(min(0.0, _log_delta(rho, epsilon, (low + high) / 2)))


def epsilon_of(rho: float, delta: float) -> float:
    """The least ε that is proven for a δ, rounded up in its last digits."""
    if rho == 0:
        return 0.0
    low, high = 0.0, rho + 2 * sqrt(rho * log(1 / delta))  # the simple bound of Bun and Steinke
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(rho, middle) <= delta else (middle, high)
    return high


def rho_of(epsilon: float, delta: float) -> Fraction:
    """The greatest ρ that is proven to be (ε, δ)-private, rounded down to a fraction."""
    low, high = 0.0, epsilon  # (epsilon, 0) itself is never more than epsilon-zCDP with a delta below 1
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return Fraction(int(low * 2**60), 2**60)


def _log_delta(rho: float, epsilon: float, order: float) -> float:
    return (order - 1) * (order * rho - epsilon) - log(order - 1) + order * log1p(-1 / order)
