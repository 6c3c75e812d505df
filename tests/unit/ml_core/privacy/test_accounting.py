"""What noise costs: the bounds are true ones, and near the best that are known."""

from fractions import Fraction
from math import exp, inf, log, sqrt

import pytest
from scipy.stats import norm

from ml_core.privacy.accounting import delta_of, epsilon_of, rho_of, variance_of
from ml_core.privacy.budget import PrivacyBudget

EPSILONS = [0.01, 0.1, 0.5, 1.0, 3.0, 8.0, 20.0]
DELTAS = [1e-9, 1e-6, 1e-3]


def gaussian_delta(rho: float, epsilon: float) -> float:
    """δ of a continuous Gaussian of that ρ, exactly (Balle and Wang, 2018): no bound of zCDP can be below."""
    mu = sqrt(2 * rho)
    return float(norm.cdf(mu / 2 - epsilon / mu) - exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_a_budget_is_spent_to_its_end_and_not_past_it(epsilon: float, delta: float) -> None:
    rho = rho_of(epsilon, delta)
    assert delta_of(float(rho), epsilon) <= delta
    assert delta_of(float(rho) * 1.001, epsilon) > delta, "no more would have been left"
    assert epsilon_of(float(rho), delta) == pytest.approx(epsilon, rel=1e-6)


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_it_is_above_what_a_gaussian_really_costs_and_below_the_simple_bound(
    epsilon: float, delta: float
) -> None:
    rho = float(rho_of(epsilon, delta))
    assert gaussian_delta(rho, epsilon) <= delta
    assert rho + 2 * sqrt(rho * log(1 / delta)) >= epsilon, "Bun and Steinke's, which is looser"


@pytest.mark.parametrize("rho", [1e-6, 0.01, 0.5, 4.0])
def test_any_order_gives_a_true_bound_and_the_best_is_told(rho: float) -> None:
    for epsilon in (0.01, 0.5, 2.0, 10.0):
        best = inf
        for step in range(1, 20_000):
            order = 1 + step * step * 1e-5
            bound = (order - 1) * (order * rho - epsilon) - log(order - 1) + order * log(1 - 1 / order)
            best = min(best, bound)
        assert delta_of(rho, epsilon) <= min(1.0, exp(min(0.0, best))) * (1 + 1e-9)


@pytest.mark.parametrize("rho", [Fraction(1, 3), Fraction(1, 1000), Fraction(7, 2)])
@pytest.mark.parametrize("squared", [1, 5, 2**44, 10**30])
def test_the_variance_is_the_least_whole_one_that_is_enough(squared: int, rho: Fraction) -> None:
    variance = variance_of(squared, rho)
    assert Fraction(squared, 2 * variance) <= rho
    assert variance == 1 or Fraction(squared, 2 * (variance - 1)) > rho


def test_nothing_costs_nothing() -> None:
    assert (delta_of(0, 1.0), epsilon_of(0, 1e-6)) == (0.0, 0.0)
    with pytest.raises(ValueError, match="expected rho above 0"):
        variance_of(1, Fraction(0))


def test_a_budget_cannot_be_overspent_by_any_part() -> None:
    budget = PrivacyBudget(Fraction(1))
    for _ in range(3):
        budget.spend(Fraction(1, 3))
    assert budget.left == 0
    for rho in (Fraction(1, 10**30), Fraction(0), Fraction(-1)):
        with pytest.raises(ValueError, match=r"of the 0\.0 that are left"):
            budget.spend(rho)
