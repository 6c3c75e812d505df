"""How much one row changes a sum: exhaustively on small tables, and never more than the noise is made for."""

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ml_core.privacy.budget import PrivacyBudget
from ml_core.privacy.centres import Nearest, NearestSums, counts_as
from ml_core.privacy.logistic_sums import LogisticSums, View
from ml_core.privacy.newton import STEPS, newton
from ml_core.privacy.rows import UNIT, whole_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LENGTHS = [1.0, 1.3, 2.0]
CELLS = (-1.0, -0.3, 0.0, 1.0)
PLENTY = Fraction(10**6)


class Spy:
    """No noise; keeps the variances that were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, variance: int, count: int) -> list[int]:
        self.asked.append((variance, count))
        return [0] * count


def sums_of(X: "NDArray[np.float64]", y: "NDArray[np.int64]", classes: int, longest: int) -> LogisticSums:
    return LogisticSums(
        lambda: [(X, y)],
        width=X.shape[1],
        classes=classes,
        longest=longest,
        budget=PrivacyBudget(PLENTY),
        noise=Spy(),
    )


def nearest(X: "NDArray[np.float64]", points: "NDArray[np.float64]", longest: int) -> Nearest:
    return NearestSums(lambda: [X], longest, PrivacyBudget(PLENTY), Spy()).nearest(points, Fraction(1))


def tables(width: int) -> "Iterator[NDArray[np.float64]]":
    """Every row that cells make, alone."""
    yield from (np.array([cells]) for cells in product(CELLS, repeat=width))


def exact(values: "NDArray[np.float64]", unit: float) -> list[int]:
    """Released sums as the whole numbers that they were before they were divided."""
    return [int(each) for each in np.rint(values.ravel() * unit)]


@pytest.mark.parametrize("length", LENGTHS)
def test_no_row_is_longer_than_the_bound_nor_further_from_0_than_it_was(length: float) -> None:
    longest = int(length * UNIT)
    rng = np.random.default_rng(0)
    drawn = rng.uniform(-1, 1, (20_000, 7)) * 10 ** rng.uniform(-4, 0.3, (20_000, 1))
    odd = [[np.nan, np.inf, -np.inf, 5.0, -5.0, 1e308, -0.0], [0.9999] * 7, [1.0] * 7, [0.0] * 7]
    for X in (drawn, np.array(odd), np.concatenate(list(tables(4)))):
        whole = whole_rows(X, longest)
        assert (whole == np.trunc(whole)).all()
        lengths = [sum(int(each) ** 2 for each in row) for row in whole]
        assert max(lengths) <= longest**2
        assert (np.abs(whole) <= np.minimum(np.abs(np.nan_to_num(X, nan=0.0)), 1.0) * UNIT).all()


def test_a_row_is_read_alike_wherever_it_stands() -> None:
    X = np.random.default_rng(1).normal(size=(997, 13))
    whole = whole_rows(X, 2 * UNIT)
    order = np.random.default_rng(2).permutation(len(X))
    assert (whole_rows(X[order], 2 * UNIT) == whole[order]).all()
    assert all((whole_rows(X[place : place + 1], 2 * UNIT)[0] == whole[place]).all() for place in range(50))
    assert (whole_rows(np.asfortranarray(X), 2 * UNIT) == whole).all()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_row_changes_the_products_by_no_more_than_the_noise_is_made_for(length: float) -> None:
    longest, most = int(length * UNIT), 0
    for row in tables(4):
        X = whole_rows(row, longest)
        sums = sums_of(X, np.zeros(1, np.int64), 2, longest)
        found = sums.products(Fraction(1)).values[np.triu_indices(4)]
        most = max(most, sum(each**2 for each in exact(found, UNIT**2)))
    assert most <= sums.of_products
    assert most > 0.98 * sums.of_products or length == 1.3, "the bound is reached: it could not be smaller"


def views() -> "Iterator[View]":
    """As rows are, of any matrix, of directions that hardly any row has, and of what nobody would ask."""
    rng = np.random.default_rng(7)
    yield View.of(np.eye(4), 1.0)
    for scale, length in ((1.0, 2.0), (1e-9, 1.0), (1e12, 1e-3), (1.0, 1e-30), (1.0, 1e30)):
        yield View.of(rng.normal(size=(4, 4)) * scale, length)
    yield View.of(np.diag([1.0, 1e-3, 1e3, 1e6]), 1.0)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_row_changes_the_gradient_by_no_more_than_the_noise_is_made_for(classes: int) -> None:
    """Whatever the weights are and however it is seen, those that nobody would reach among them."""
    longest, most = 2 * UNIT, 0
    decisions = 1 if classes == 2 else classes
    rng = np.random.default_rng(classes)
    weights = [np.zeros((decisions, 4)), *rng.normal(size=(3, decisions, 4)) * 3]
    weights += [rng.choice([-1e9, -64.0, 64.0, 1e9], (decisions, 4)) for _ in range(3)]
    rows, seen_by = list(tables(4))[::5], list(views())
    for row, w, view, label in product(rows, weights, seen_by, range(classes)):
        sums = sums_of(whole_rows(row, longest), np.array([label]), classes, longest)
        found = sums.gradient(w, view, Fraction(1)).values
        most = max(most, sum(each**2 for each in exact(found, (1 << 12) * view.unit)))
    assert most <= sums.of_gradient
    assert most > 0.98 * sums.of_gradient, "the bound is reached: it could not be smaller"


def test_a_row_is_seen_alike_wherever_it_stands_and_no_longer_than_the_bound() -> None:
    X = whole_rows(np.random.default_rng(1).normal(size=(997, 4)), 2 * UNIT)
    order = np.random.default_rng(2).permutation(len(X))
    for view in views():
        seen = view.rows(X)
        assert max(sum(int(each) ** 2 for each in row) for row in seen) <= (1 << 15) ** 2
        assert (view.rows(X[order]) == seen[order]).all()
        assert (view.rows(np.asfortranarray(X)) == seen).all()
        assert all((view.rows(X[place : place + 1])[0] == seen[place]).all() for place in range(50))
        exactly = X.astype(int).astype(object) @ view.matrix.astype(int).astype(object)
        assert np.array_equal(X @ view.matrix, exactly), "the products are exact"


@pytest.mark.parametrize("length", LENGTHS)
def test_a_row_changes_counts_and_sums_by_no_more_than_the_noise_is_made_for(length: float) -> None:
    longest, most = int(length * UNIT), 0
    points = np.array([[0.5] * 4, [-0.5] * 4, [0.0] * 4])
    for row in tables(4):
        X = whole_rows(row, longest)
        found = nearest(X, points, longest)
        counts = sum((counts_as(longest, 4) * int(each)) ** 2 for each in found.counts)
        most = max(most, counts + sum(each**2 for each in exact(found.sums, UNIT)))
        assert found.counts.sum() == 1
    assert most <= longest**2 + counts_as(longest, 4) ** 2
    assert most > 0.98 * (longest**2 + counts_as(longest, 4) ** 2)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_row_changes_the_moments_by_no_more_than_the_noise_is_made_for(length: float) -> None:
    longest, most = int(length * UNIT), 0
    for row in tables(4):
        noise = Spy()
        X = whole_rows(row, longest)
        sums = NearestSums([X].copy, longest, PrivacyBudget(PLENTY), noise)
        found = sums.moments(4, Fraction(1))
        told = [round(found.rows * longest), *exact(found.sums, UNIT), *exact(found.squares, UNIT)]
        most = max(most, sum(each**2 for each in told))
        assert [variance for variance, _ in noise.asked] == [-(-3 * longest**2 // 2)] * 2
    assert most <= 3 * longest**2
    assert most > 0.98 * 3 * longest**2 or length == 1.3, "the bound is reached: it could not be smaller"


@pytest.mark.parametrize("classes", [2, 4])
def test_neighbouring_tables_differ_by_the_row_alone_whatever_else_is_in_them(classes: int) -> None:
    """Sums are exact: the row that is added, and where, is all that differs."""
    rng = np.random.default_rng(3)
    longest = 2 * UNIT
    X = whole_rows(rng.normal(size=(501, 6)), longest)
    y = rng.integers(0, classes, 501)
    weights = rng.normal(size=(1 if classes == 2 else classes, 6))
    with_it, alone = sums_of(X, y, classes, longest), sums_of(X[:1], y[:1], classes, longest)
    without = sums_of(X[1:], y[1:], classes, longest)
    view = View.of(rng.normal(size=(6, 6)), 3.0)
    products = [each.products(Fraction(1)).values for each in (with_it, without, alone)]
    gradients = [each.gradient(weights, view, Fraction(1)).values for each in (with_it, without, alone)]
    for unit, (together, others, one) in ((UNIT**2, products), ((1 << 12) * view.unit, gradients)):
        assert (np.rint(together * unit) - np.rint(others * unit) == np.rint(one * unit)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_are_the_same_bits_for_any_order_and_any_blocks(classes: int) -> None:
    rng = np.random.default_rng(4)
    longest = 2 * UNIT
    X = whole_rows(np.c_[np.ones(800), rng.normal(size=(800, 9))], longest)
    y = rng.integers(0, classes, 800)

    def weights(*blocks: "tuple[NDArray[np.float64], NDArray[np.int64]]") -> bytes:
        noise = np.random.default_rng(0)
        sums = LogisticSums(
            lambda: blocks,
            width=10,
            classes=classes,
            longest=longest,
            budget=PrivacyBudget(Fraction(1, 50)),
            noise=lambda variance, count: (
                np.rint(noise.normal(size=count) * variance**0.5).astype(int).tolist()
            ),
        )
        return newton(sums, 1.0).tobytes()

    order = rng.permutation(800)
    expected = weights((X, y))
    assert weights((X[order], y[order])) == expected
    assert weights(*[(X[at : at + 37], y[at : at + 37]) for at in range(0, 800, 37)]) == expected


def test_a_release_that_the_budget_lacks_is_not_made() -> None:
    X = whole_rows(np.ones((3, 2)), UNIT)
    noise = Spy()
    looked: list[int] = []

    def blocks() -> "list[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        looked.append(1)
        return [(X, np.zeros(3, np.int64))]

    sums = LogisticSums(
        blocks, width=2, classes=2, longest=UNIT, budget=PrivacyBudget(Fraction(1, 10)), noise=noise
    )
    newton(sums, 1.0)
    assert sums.budget.left == 0
    paid = sum(
        (Fraction(sums.of_products if count == 3 else sums.of_gradient, 2 * v) for v, count in noise.asked)
    )
    assert paid <= Fraction(1, 10), "what the noise costs by the book is no more than the budget"
    assert paid > Fraction(99, 1000)
    looks = len(looked)
    with pytest.raises(ValueError, match="that are left"):
        sums.products(Fraction(1, 10**9))
    assert (len(looked), len(noise.asked)) == (looks, 1 + STEPS)
