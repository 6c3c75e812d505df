"""An attack on the real code at its weakest point: a bound on ε from below must stay below what is claimed.

One row or none, and weights at which its residual is 1 at each step: no row changes the releases more. The
attacker sees every release. The same attack on a fit whose noise is too small must find that out, or it
proves nothing. δ is large here: a claim holds for each δ, and for a large one fewer trials tell.
"""

from fractions import Fraction
from math import log
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import beta

from ml_core.privacy import newton as newton_module
from ml_core.privacy.accounting import rho_of
from ml_core.privacy.budget import PrivacyBudget
from ml_core.privacy.discrete_gaussian import discrete_gaussian
from ml_core.privacy.logistic_sums import LogisticSums, Released, View
from ml_core.privacy.newton import newton
from ml_core.privacy.rows import UNIT
from tests.unit.ml_core.privacy.test_discrete_gaussian import below

if TYPE_CHECKING:
    from numpy.typing import NDArray

DELTA = 0.01
TRIALS = 1_000
ONE_ROW = np.array([[float(UNIT)]])


class Watched(LogisticSums):
    """Adds up what each release says for the row being there: a log-likelihood, but for a constant."""

    said = 0.0

    def products(self, rho: Fraction) -> Released:
        """Watched."""
        return self._watched(super().products(rho))

    def gradient(self, weights: "NDArray[np.float64]", view: View, rho: Fraction) -> Released:
        """Watched."""
        return self._watched(super().gradient(weights, view, rho))

    def _watched(self, released: Released) -> Released:
        self.said += float(released.values.sum()) / released.deviation**2
        return released


def said(X: "NDArray[np.float64]", rho: Fraction, seed: int) -> float:
    draws = below(seed)
    sums = Watched(
        lambda: [(X, np.zeros(len(X), np.int64))],
        width=1,
        classes=2,
        longest=UNIT,
        budget=PrivacyBudget(rho),
        noise=lambda variance, count: discrete_gaussian(variance, count, draws),
    )
    newton(sums, 1.0, start=np.array([[64.0]]))
    return sums.said


def epsilon_from_below(rho: Fraction) -> float:
    """What ε is at least, at 99 % by Clopper and Pearson for each of the two shares."""
    none, one = ONE_ROW[:0], ONE_ROW
    without = np.array([said(none, rho, 2 * seed) for seed in range(TRIALS)])
    with_it = np.array([said(one, rho, 2 * seed + 1) for seed in range(TRIALS)])
    best = 0.0
    for quantile in (0.9, 0.95):  # chosen before any trial
        threshold = np.quantile(without[: TRIALS // 2], quantile)
        false = int((without[TRIALS // 2 :] > threshold).sum())
        true, trials = int((with_it > threshold).sum()), TRIALS - TRIALS // 2
        most_false = float(beta.ppf(0.99, false + 1, trials - false))
        least_true = float(beta.ppf(0.01, true, TRIALS - true + 1))
        best = max(best, log(max(least_true - DELTA, 1e-9) / most_false))
    return best


@pytest.mark.parametrize("epsilon", [1.0, 2.0])
def test_no_attack_finds_more_than_is_claimed(epsilon: float) -> None:
    assert epsilon_from_below(rho_of(epsilon, DELTA)) < epsilon


def test_an_attack_finds_noise_that_forgets_the_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step then has the budget of all."""
    claimed = 1.0
    rho = rho_of(claimed, DELTA)

    class Forgetful(PrivacyBudget):
        def spend(self, rho: Fraction) -> None:
            """Take nothing."""

    gradient = Watched.gradient
    monkeypatch.setattr(
        Watched,
        "gradient",
        lambda self, weights, view, each: gradient(self, weights, view, each * newton_module.STEPS),
    )
    monkeypatch.setattr("tests.unit.ml_core.privacy.test_audit.PrivacyBudget", Forgetful)
    assert epsilon_from_below(rho) > claimed
