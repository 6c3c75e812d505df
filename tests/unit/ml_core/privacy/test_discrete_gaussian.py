"""The draws have the distribution that the proof is of, and their randomness is the operating system's."""

import inspect
import random
from collections.abc import Callable
from math import exp

import pytest
from scipy.stats import chi2

from ml_core.privacy import discrete_gaussian as module
from ml_core.privacy.discrete_gaussian import discrete_gaussian


def below(seed: int) -> Callable[[int], int]:
    """Random integers that a test can draw again."""
    return random.Random(seed).randrange  # noqa: S311 - a test's own


def probabilities(variance: int, furthest: int) -> dict[int, float]:
    """Of each number from -furthest to furthest; what is further out is not worth telling."""
    weights = {k: exp(-k * k / (2 * variance)) for k in range(-20 * furthest, 20 * furthest + 1)}
    whole = sum(weights.values())
    return {k: weights[k] / whole for k in range(-furthest, furthest + 1)}


@pytest.mark.parametrize(("variance", "furthest"), [(1, 3), (2, 4), (7, 7), (150, 32)])
def test_each_number_comes_as_often_as_it_should(variance: int, furthest: int) -> None:
    """A χ² test at one in ten thousand, of draws that a seed fixes."""
    count = 30_000
    drawn = discrete_gaussian(variance, count, below(variance))
    expected = probabilities(variance, furthest)
    far = count * (1 - sum(expected.values()))
    statistic = sum((drawn.count(k) - count * p) ** 2 / (count * p) for k, p in expected.items())
    if far > 5:
        statistic += (sum(abs(k) > furthest for k in drawn) - far) ** 2 / far
    assert statistic < chi2.ppf(1 - 1e-4, len(expected))


def test_wide_noise_is_as_wide_as_it_says() -> None:
    """Each tenth of a Gaussian's quantiles holds a tenth of the draws."""
    from scipy.stats import norm

    variance, count = 10**14 + 7, 20_000
    drawn = discrete_gaussian(variance, count, below(5))
    edges = norm.ppf([each / 10 for each in range(1, 10)]) * variance**0.5
    places = [sum(each > edge for edge in edges) for each in drawn]
    statistic = sum((places.count(each) - count / 10) ** 2 / (count / 10) for each in range(10))
    assert statistic < chi2.ppf(1 - 1e-4, 9)


def test_noise_that_is_too_narrow_would_be_found() -> None:
    """The test above can fail: of draws with nine tenths of the variance it does."""
    count = 30_000
    drawn = discrete_gaussian(135, count, below(1))
    expected = probabilities(150, 32)
    statistic = sum((drawn.count(k) - count * p) ** 2 / (count * p) for k, p in expected.items())
    assert statistic > chi2.ppf(1 - 1e-4, len(expected))


def test_the_randomness_is_the_operating_systems_and_no_seed_fixes_it() -> None:
    source = inspect.signature(discrete_gaussian).parameters["below"].default
    assert isinstance(source.__self__, random.SystemRandom)
    random.seed(0)
    first = discrete_gaussian(10**12, 20)
    random.seed(0)
    assert discrete_gaussian(10**12, 20) != first


def test_it_computes_with_whole_numbers_alone() -> None:
    """A float would depend on what it is added to."""
    assert "float" not in inspect.getsource(module).replace("Floats", "")
    assert {type(each) for each in discrete_gaussian(10**40, 5)} == {int}


def test_noise_without_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a variance of at least 1, got 0"):
        discrete_gaussian(0, 1)
