"""How much one row changes what is told of a model's answers: exhaustively on small whole tables."""

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ml_core.privacy.answers import LinearAnswers, NearestAnswers, _none_below, confusion, counted, spread
from ml_core.privacy.budget import PrivacyBudget
from ml_core.privacy.rows import UNIT, whole_rows
from tests.unit.ml_core.privacy.watching import Silence

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = (-1.0, -0.4, 0.0, 1.0)
RHO = Fraction(1, 3)
ROWS = np.array(list(product(CELLS, repeat=3)))
TWO, FOUR = np.array([[0.3, -2.0, 0.5]]), np.random.default_rng(0).normal(size=(4, 3))
CENTRES = np.array([[0.5, 0.5, -0.5], [-1.0, 0.0, 1.0], [3.0, 0.0, 0.0]])


def cost(before: list[int], after: list[int], variances: list[int]) -> Fraction:
    pairs = zip(before, after, variances, strict=True)
    return sum((Fraction((a - b) ** 2, 2 * variance) for a, b, variance in pairs), Fraction(0))


def answered(X: "NDArray[np.float64]", y: "NDArray[np.int64]", weights: "NDArray[np.float64]") -> list[int]:
    classes = max(2, len(weights))
    found = confusion([(X, y)], LinearAnswers(weights), classes, PrivacyBudget(RHO), Silence())
    counts: list[int] = found.counts.ravel().tolist()
    return counts


@pytest.mark.parametrize("weights", [TWO, FOUR, np.full((3, 3), 1e9), np.zeros((2, 3))])
def test_a_row_changes_one_answer_by_one(weights: "NDArray[np.float64]") -> None:
    """Added anywhere to the others, of each class: what is told of them stays."""
    X, longest = whole_rows(ROWS, 2 * UNIT), 2 * UNIT
    classes = max(2, len(weights))
    y = np.arange(len(X)) % classes
    before = answered(X, y, weights)
    noise = Silence()
    confusion([(X, y)], LinearAnswers(weights), classes, PrivacyBudget(RHO), noise)
    for row, label, place in product(ROWS[::3], range(classes), (0, 17, len(X))):
        whole = whole_rows(row[None], longest)
        more, labels = np.insert(X, place, whole, axis=0), np.insert(y, place, label)
        after = answered(more, labels, weights)
        assert sorted(b - a for a, b in zip(before, after, strict=True))[-2:] == [0, 1]
        assert 0 < cost(before, after, noise.variances) <= RHO
    order = np.random.default_rng(1).permutation(len(X))
    assert answered(X[order], y[order], weights) == before


@pytest.mark.parametrize("length", [1.0, 1.5, 3**0.5])
def test_a_row_changes_sizes_and_distances_by_no_more_than_the_noise_is_made_for(length: float) -> None:
    longest = int(length * UNIT)
    nearest = NearestAnswers(CENTRES)
    X = whole_rows(ROWS, longest)
    y = np.zeros(len(X), np.int64)
    most = Fraction(0)
    for place in range(len(X)):
        told: list[list[int]] = []
        for rows in (X, np.delete(X, place, axis=0)):
            noise = Silence()
            found = spread(
                [(rows, y[: len(rows)])], nearest, longest=longest, budget=PrivacyBudget(RHO), noise=noise
            )
            told.append([*found.sizes.counts.tolist(), round(found.inertia * UNIT**2)])
        most = max(most, cost(told[0], told[1], noise.variances))
    assert most <= RHO
    assert most > RHO / 2


@pytest.mark.parametrize("centre", [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 0.3, 0.0], [9.0, -9.0, 0.1]])
def test_no_row_is_further_from_the_nearest_centre_than_is_said(centre: list[float]) -> None:
    for length in (1.0, 1.3, 2.0):
        longest = int(length * UNIT)
        nearest = NearestAnswers(np.array([centre, [0.2, 0.2, 0.2]]))
        assert nearest.squares(whole_rows(ROWS, longest)).max() <= nearest.furthest(longest)


def test_a_row_changes_the_number_of_rows_by_one() -> None:
    noise = Silence()
    before, after = (counted(each, RHO, PrivacyBudget(RHO), noise).counts.tolist() for each in (41, 42))
    assert 0 < cost(before, after, noise.variances[:1]) <= RHO


def test_answers_do_not_depend_on_where_a_row_stands() -> None:
    X = whole_rows(np.random.default_rng(5).normal(size=(501, 3)), 2 * UNIT)
    for answers in (LinearAnswers(TWO), LinearAnswers(FOUR), NearestAnswers(CENTRES)):
        labels = answers.labels(X)
        assert (answers.labels(X[::-1]) == labels[::-1]).all()
        assert all(answers.labels(X[place : place + 1])[0] == labels[place] for place in range(100))


def test_counts_are_never_below_none_and_nothing_is_told_without_a_budget() -> None:
    def low(_: int, count: int) -> list[int]:
        return [-1000] * count

    X, y = whole_rows(ROWS, UNIT), np.zeros(len(ROWS), np.int64)
    budget = PrivacyBudget(RHO)
    found = confusion([(X, y)], LinearAnswers(TWO), 2, budget, low)
    assert (found.counts == 0).all()
    assert budget.left == 0
    with pytest.raises(ValueError, match="that are left"):
        confusion([(X, y)], LinearAnswers(TWO), 2, budget, low)
    with pytest.raises(ValueError, match="that are left"):
        counted(3, Fraction(1, 10**9), budget, low)


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_noise_do_not_sum_to_rows_that_nobody_has(seed: int) -> None:
    """A hundred cells, most of them empty: what is brought up to 0 is taken from the others."""
    rng = np.random.default_rng(seed)
    X, y = whole_rows(rng.normal(size=(400, 3)), 2 * UNIT), rng.integers(0, 10, 400)
    weights = rng.normal(size=(10, 3))

    def noise(variance: int, count: int) -> list[int]:
        drawn: list[int] = np.rint(rng.normal(size=count) * variance**0.5).astype(int).tolist()
        return drawn

    rho = Fraction(1, 2 * 20**2)  # twenty rows of noise in each
    found = confusion([(X, y)], LinearAnswers(weights), 10, PrivacyBudget(rho), noise)
    assert found.counts.min() == 0
    assert abs(found.counts.sum() - 400) < 4 * 20 * 10 + 50, "four deviations of the sum, and what is rounded"


def test_counts_without_noise_stay() -> None:
    for counts in ([0], [7], [0, 0, 0], [3, 0, 5, 1], [10**12, 0]):
        assert _none_below(np.array(counts)).tolist() == counts
    assert _none_below(np.array([-5])).tolist() == [0]
    assert _none_below(np.array([-3, -2])).tolist() == [0, 0]
    assert _none_below(np.array([10, -4])).tolist() == [6, 0]
    assert _none_below(np.array([10, 8, -4])).tolist() == [8, 6, 0]
