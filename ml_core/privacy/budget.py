"""The budget of one fit: what its releases may cost together."""

from collections.abc import Callable
from fractions import Fraction

# Gives so many draws of noise of a variance: (variance, count).
type Noise = Callable[[int, int], list[int]]


class PrivacyBudget:
    """A ρ of which releases spend exact fractions, and no more than there is.

    `told` is told after each which share of it was spent.
    """

    def __init__(self, rho: Fraction, told: Callable[[float], None] = lambda _: None) -> None:
        self.rho = rho
        self.left = rho
        self._told = told

    def spend(self, rho: Fraction) -> None:
        """Take a part. Raises `ValueError` where that much is not left: nothing may be released then."""
        if not 0 < rho <= self.left:
            raise ValueError(f"a release of rho {float(rho)} of the {float(self.left)} that are left")
        self.left -= rho
        self._told(float(1 - self.left / self.rho))
