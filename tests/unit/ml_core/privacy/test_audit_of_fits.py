"""An audit of the whole of a private training where a row counts most, and faults that it must find.

One row more beside none, at its bounds, held out or not, at weights where its residual is 1 at each step. By
the noise that was asked for, the pair costs hardly less than ρ: any fault that makes noise smaller, or spends
twice, costs more. By what comes out, an attacker who sees every release finds less than is claimed; and more
where noise is narrower than it was asked to be.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import beta

from ml_core.inputs.rows import Limits
from ml_core.privacy import budget, logistic_sums, newton
from ml_core.privacy.accounting import rho_of
from ml_core.privacy.discrete_gaussian import discrete_gaussian
from ml_core.tables.options import NOTHING_SAID
from ml_core.training import private_fitting, private_rows
from ml_core.training.privacy import features_of
from ml_core.training.private_fitting import fit_private
from ml_core.training.request import TrainingRequest, check_request
from tests.unit.ml_core.privacy.test_discrete_gaussian import below
from tests.unit.ml_core.privacy.watching import Release, Watch, hold_out, watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.privacy.budget import Noise

DELTA = 1e-3
EPSILON = 1.0
TRIALS = 600
FIT = newton.newton


def request_of(kind: str, epsilon: float = EPSILON) -> TrainingRequest:
    privacy: dict[str, Any] = {"epsilon": epsilon, "delta": DELTA, "bounds": {"x": [0, 1]}}
    body: dict[str, Any] = {"data": {"uri": "s3://b/t"}, "privacy": privacy, "test_fraction": 0.5}
    if kind == "kmeans":
        body |= {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 1}}
    else:
        privacy["classes"] = [0, 1] if kind == "logistic_regression" else [0, 1, 2]
        body["algorithm"] = "logistic_regression"
        body["data"]["target"] = "y"
    return check_request(body, Limits(), check_uri=lambda _: None)


def fitted(request: TrainingRequest, rows: int, noise: "Noise") -> None:
    assert request.privacy is not None
    features = features_of(request.privacy, ["x"], NOTHING_SAID, text=False)
    block = np.ones((rows, 1)), np.zeros(rows, np.int64)
    fit_private(request, features, lambda: iter([block]), lambda *_: None, noise=noise)


@pytest.fixture
def saturated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fit begins where the residual of a row of the first class is as large as it may be, and stays."""

    def saturating(sums: Any, penalty: float) -> "NDArray[np.float64]":
        start = np.zeros((sums.decisions, sums.width))
        start[-1, 0] = 4000.0
        return FIT(sums, penalty, start=start)

    monkeypatch.setattr(newton, "newton", saturating)
    monkeypatch.setattr(private_fitting, "rho", cache_of_rho)
    monkeypatch.setattr("secrets.randbits", lambda _: 3)


@cache
def _rho(epsilon: float) -> Fraction:
    return rho_of(epsilon, DELTA)


def cache_of_rho(privacy: Any) -> Fraction:
    return _rho(privacy["epsilon"])


def cost(kind: str, patch: pytest.MonkeyPatch, *, testing: bool) -> Fraction:
    """What one row costs more than none, over all releases."""
    request = request_of(kind)
    looks: list[Watch] = []
    for rows in (1, 0):
        with patch.context() as here:
            looks.append(Watch(replayed=looks[0].releases if looks else None))
            watch(here, looks[-1])
            hold_out(here, np.full(rows, testing))
            fitted(request, rows, discrete_gaussian)
    pairs: Iterator[tuple[Release, Release]] = zip(looks[0].releases, looks[1].releases, strict=True)
    return sum((one.cost(none) for one, none in pairs), Fraction(0))


KINDS = ["logistic_regression", "several", "kmeans"]


@pytest.mark.usefixtures("saturated")
@pytest.mark.parametrize("testing", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_worst_row_costs_hardly_less_than_rho(
    kind: str, testing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cost(kind, monkeypatch, testing=testing)
    assert found <= _rho(EPSILON)
    # A row of one column is shorter than its flag would let it be; a centre is not at the far end.
    least = 0.45 if kind == "kmeans" else 0.75
    assert found > Fraction(least) * _rho(EPSILON)


def _steps_forgotten(patch: pytest.MonkeyPatch) -> None:
    gradient = logistic_sums.LogisticSums.gradient
    patch.setattr(
        logistic_sums.LogisticSums,
        "gradient",
        lambda self, weights, view, rho: gradient(self, weights, view, rho * newton.STEPS),
    )


def _curvature_forgotten(patch: pytest.MonkeyPatch) -> None:
    gradient = logistic_sums.LogisticSums.gradient
    patch.setattr(
        logistic_sums.LogisticSums,
        "gradient",
        lambda self, weights, view, rho: gradient(self, weights, view, rho / (1 - newton.CURVATURE)),
    )


def _parts_overlap(patch: pytest.MonkeyPatch) -> None:
    """What is measured are the rows that were trained on: ρ is spent twice on each."""
    patch.setattr(private_rows.PrivateRows, "testing", private_rows.PrivateRows.training)


def _variance_of_one_class(patch: pytest.MonkeyPatch) -> None:
    """The residual of several classes taken to be as short as that of two."""
    made = logistic_sums.LogisticSums.__init__

    def narrower(self: Any, *said: Any, **named: Any) -> None:
        made(self, *said, **named)
        self.of_gradient //= 2

    patch.setattr(logistic_sums.LogisticSums, "__init__", narrower)


@pytest.mark.usefixtures("saturated")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (_steps_forgotten, "logistic_regression"),
        (_curvature_forgotten, "several"),
        (_parts_overlap, "logistic_regression"),
        (_parts_overlap, "kmeans"),
        (_variance_of_one_class, "several"),
    ],
)
def test_a_fault_costs_more_than_rho(
    fault: Callable[[pytest.MonkeyPatch], None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget.PrivacyBudget, "spend", lambda *_: None)  # which would refuse some of them
    fault(monkeypatch)
    assert cost(kind, monkeypatch, testing=False) > _rho(EPSILON)


def said(rows: int, seed: int, patch: pytest.MonkeyPatch, narrower: int) -> float:
    """The log-likelihood of one row beside none, by all that a fit releases, with real noise."""
    draws = below(seed)
    request, one = request_of("logistic_regression"), np.array([1.0, 1.0, 0.0])
    ratio = 0.0
    products, gradient = logistic_sums.LogisticSums.products, logistic_sums.LogisticSums.gradient

    def add(values: "NDArray[np.float64]", of_one: "NDArray[np.float64]", deviation: float) -> None:
        nonlocal ratio
        ratio += float((values * of_one).sum() - (of_one**2).sum() / 2) / deviation**2

    def of_products(self: Any, rho: Fraction) -> Any:
        found = products(self, rho)
        add(np.triu(found.values), np.triu(np.outer(one, one)), found.deviation)
        return found

    def of_gradient(self: Any, weights: Any, view: Any, rho: Fraction) -> Any:
        found = gradient(self, weights, view, rho)
        add(found.values, view.rows(one[None] * 1024) / view.unit, found.deviation)
        return found

    with patch.context() as here:
        here.setattr(logistic_sums.LogisticSums, "products", of_products)
        here.setattr(logistic_sums.LogisticSums, "gradient", of_gradient)
        hold_out(here, np.zeros(rows, bool))
        fitted(
            request, rows, lambda variance, n: discrete_gaussian(max(1, variance // narrower**2), n, draws)
        )
    return ratio


def epsilon_from_below(patch: pytest.MonkeyPatch, narrower: int) -> float:
    """What ε is at least, at 99 % by Clopper and Pearson for each of the two shares."""
    none = np.array([said(0, 2 * seed, patch, narrower) for seed in range(TRIALS)])
    one = np.array([said(1, 2 * seed + 1, patch, narrower) for seed in range(TRIALS)])
    half = TRIALS // 2
    threshold = np.quantile(none[:half], 0.9)  # chosen before any trial
    false, true = int((none[half:] > threshold).sum()), int((one > threshold).sum())
    most_false = float(beta.ppf(0.99, false + 1, half - false))
    least_true = float(beta.ppf(0.01, true, TRIALS - true + 1))
    return log(max(least_true - DELTA, 1e-9) / most_false)


@pytest.mark.usefixtures("saturated")
@pytest.mark.parametrize(("narrower", "found"), [(1, False), (6, True)])
def test_an_attack_on_what_comes_out_finds_noise_that_is_too_narrow(
    narrower: int, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it was narrowed: here by the source of noise itself, which no account can see."""
    assert (epsilon_from_below(monkeypatch, narrower) > EPSILON) == found
