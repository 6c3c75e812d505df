"""The two arithmetics: equal functions, equal labels, equal numbers within 1e-12 of their terms."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.arithmetic import choose, plain, vectorised
from ml_core.arithmetic.bounds import CLOSE, PLAIN_NUMBERS, NotFinite, is_few
from ml_core.arithmetic.contract import Arithmetic
from ml_core.arithmetic.pairs import Coefficients
from ml_core.arithmetic.plain import power
from ml_core.safetensors import Tensor

BOTH = (plain, vectorised)
FUNCTIONS = [
    name for name, member in vars(Arithmetic).items() if inspect.isfunction(member) and name[0] != "_"
]


def tensor(values: Any) -> Tensor:
    array = np.asarray(values, dtype="<f8")
    return Tensor(array.shape, array.tobytes())


def matrices(values: Any) -> list[Any]:
    array = np.asarray(values, dtype="<f8")
    return [each.matrix(array.tobytes(), array.shape[1]) for each in BOTH]


def both(name: str, X: Any, *more: Any) -> tuple[Any, Any]:
    """A function's results in plain Python and in numpy, as arrays."""
    results = [getattr(module, name)(matrix, *more) for module, matrix in zip(BOTH, matrices(X), strict=True)]
    return np.asarray(results[0]), np.asarray(results[1])


@pytest.mark.parametrize("module", BOTH)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_arithmetic_has_each_function(module: Any, name: str) -> None:
    promised = list(inspect.signature(getattr(Arithmetic, name)).parameters)[1:]
    assert list(inspect.signature(getattr(module, name)).parameters) == promised


def test_only_rows_and_size_choose() -> None:
    svc_on_digits = 747 * 64 + 747 * 9
    assert choose(1, svc_on_digits) is plain
    assert choose(1_000, 30) is vectorised
    assert choose(1, 30) is plain
    assert choose(1, 1_886 * 1_000) is vectorised
    assert not is_few(PLAIN_NUMBERS, 0)


class Rows:
    """Random rows and points, of magnitudes and offsets that lose digits when they are squared."""

    def __init__(self, seed: int, features: int, magnitude: float, offset: float) -> None:
        random = np.random.default_rng(seed)
        shift = offset * magnitude * random.normal(size=features)
        self.X = magnitude * random.normal(size=(17, features)) + shift
        self.points = magnitude * random.normal(size=(5, features)) + shift
        self.X[0] = self.points[0]  # distance 0
        self.X[1] = self.points[1] * (1 + 1e-9)
        self.X[2] = 1e6 * magnitude  # far from all
        self.points[4] = self.points[3]  # the first of two equal points is nearest


rows = st.builds(
    Rows,
    seed=st.integers(0, 2**32 - 1),
    features=st.integers(1, 40),
    magnitude=st.sampled_from([1e-150, 1e-3, 1.0, 1e8, 1e140]),
    offset=st.sampled_from([0.0, 10.0, 1e7]),
)


@given(rows=rows)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_distances_and_the_nearest_point_are_exact_and_equal(rows: Rows) -> None:
    points = tensor(rows.points)
    few, many = both("distances", rows.X, points)
    assert (np.abs(few - many) <= 1e-12 * few).all()
    few_labels, many_labels = (
        module.nearest(matrix, points, module.distances(matrix, points))
        for module, matrix in zip(BOTH, matrices(rows.X), strict=True)
    )
    assert few_labels == many_labels
    assert few_labels[0] == 0
    assert 4 not in few_labels


def test_the_nearest_of_far_away_points_is_told_by_what_sets_them_apart() -> None:
    points = tensor([[0.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    X = [[1e20, 0.0], [-1e20, 0.0], [0.0, 1e20]]  # all distances of a row are equal floats
    for module, matrix in zip(BOTH, matrices(X), strict=True):
        assert module.nearest(matrix, points, module.distances(matrix, points)) == [2, 0, 1]


def test_of_equally_near_points_the_first_is_taken() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(2, 7))
    X = np.array([points.mean(axis=0), (points * [[0.5], [0.5]]).sum(axis=0)])
    for module, matrix in zip(BOTH, matrices(X), strict=True):
        assert module.nearest(matrix, tensor(points), module.distances(matrix, tensor(points))) == [0, 0]


@given(rows=rows, gamma=st.sampled_from([1e-3, 1.0, 100.0]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_gaussians_agree(rows: Rows, gamma: float) -> None:
    magnitude = float(np.abs(rows.points).max()) or 1.0
    few, many = both("rbf_kernel", rows.X, tensor(rows.points), gamma / magnitude**2)
    # where the exponent is large, its rounding is many times the result's: but of 1 it is nothing
    assert np.abs(few - many).max() <= 1e-12


@pytest.mark.parametrize("gamma", [5e-324, 1e-300, 1e10, 1e300])
def test_gaussians_of_any_width_agree(gamma: float) -> None:
    few, many = both(
        "rbf_kernel", [[0.0, 1.0], [1e-6, 1.0], [1e150, 0.0]], tensor([[0.0, 1.0], [1.0, 0.0]]), gamma
    )
    assert np.abs(few - many).max() <= 1e-12


def test_scaled_rows_of_a_thousand_columns_are_one_matrix_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no further off than a longer computation is, of decisions that they could turn."""
    longer: list[int] = []
    monkeypatch.setattr(vectorised, "_replace", lambda _squares, rows, _X, _P: longer.extend(rows))
    random = np.random.default_rng(5)
    columns = 1_000
    X, P = random.standard_normal((40, columns)), random.standard_normal((60, columns))
    found = vectorised.rbf_kernel(X, tensor(P), 1 / columns)
    exact = np.exp(-np.square(X[:, None].astype(np.longdouble) - P).sum(axis=2) / columns)
    assert longer == []
    assert np.abs(found / exact - 1).max() < CLOSE / 2
    far = X * 30
    vectorised.rbf_kernel(far, tensor(P), 1 / columns)
    assert len(longer) == len(far)


@given(rows=rows, degree=st.integers(1, 5), coef0=st.sampled_from([0.0, 1.0, -3.0]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_products_agree(rows: Rows, degree: int, coef0: float) -> None:
    X, points = np.clip(rows.X, -1e30, 1e30), np.clip(rows.points, -1e30, 1e30)
    terms = np.abs(X) @ np.abs(points).T + abs(coef0)
    few, many = both("polynomial_kernel", X, tensor(points), 1.0, coef0, degree)
    assert (np.abs(few - many) <= 1e-12 * terms**degree).all()
    few, many = both("affine", X, tensor(points), [coef0] * 5)
    assert (np.abs(few - many) <= 1e-12 * terms).all()
    few, many = both("sigmoid_kernel", X, tensor(points), 1e-3, coef0)
    assert (np.abs(few - many) <= 1e-12 * np.maximum(1, 1e-3 * terms)).all()


def test_a_product_that_is_zero_but_for_rounding_has_one_sign() -> None:
    """0.1 + 0.2 - 0.3 is 5.6e-17 in one order of adding, 2.8e-17 in another, and 0 in a third."""
    X, weights = [[1.0, 1.0, 1.0, 1.0]], tensor([[0.1, 0.2, -0.3, -1e-17], [0.7, -0.8, 0.1, 0.0]])
    few, many = both("affine", X, weights, [0.0, 0.0])
    assert few.tolist() == many.tolist()


CLASSES = 4
COUNTS = (3, 1, 0, 5)


def coefficients(random: np.random.Generator) -> Coefficients:
    dual = random.normal(size=(CLASSES - 1, sum(COUNTS)))
    return Coefficients(tensor(dual), COUNTS, random.normal(size=CLASSES * (CLASSES - 1) // 2).tolist())


@pytest.mark.parametrize("seed", range(10))
def test_pairs_votes_and_decisions_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    chosen, kernel = coefficients(random), random.normal(size=(30, sum(COUNTS)))
    few, many = both("one_versus_one", kernel, chosen)
    assert np.abs(few - many).max() < 1e-12
    assert both("most_votes", few, CLASSES)[0].tolist() == both("most_votes", few, CLASSES)[1].tolist()
    few, many = both("one_versus_rest", few, CLASSES)
    assert np.abs(few - many).max() < 1e-12


def test_terms_that_cancel_are_summed_in_libsvms_order() -> None:
    """With all kernels 1, a decision is what adding the coefficients one by one leaves over."""
    dual = [0.1, 0.2, 0.3, -0.3, -0.2, -0.1]
    left = 0.0
    for coefficient in dual:
        left += coefficient
    assert left != math.fsum(dual)
    few, many = both("one_versus_one", np.ones((1, 6)), Coefficients(tensor([dual]), (3, 3), [0.0]))
    assert few.tolist() == many.tolist() == [[left]]


EXTREMES = [[0.0, -0.0, 1.0], [800.0, -800.0, 0.0], [-1e4, -1e4, -1e4], [1e308, -1e308, 1.0], [1e-320, 0, 0]]


@pytest.mark.parametrize("name", ["softmax", "lists", "negated", "largest"])
def test_extreme_decisions_agree(name: str) -> None:
    few, many = both(name, EXTREMES)
    assert np.isfinite(few).all()
    assert np.allclose(few, many, rtol=1e-14, atol=0)


def test_extreme_probabilities_are_stable() -> None:
    few, many = both("sigmoid", EXTREMES, [1.0, -1.0, 1e-3], [0.0, 0.5, 700.0])
    assert np.allclose(few, many, rtol=1e-14, atol=0)
    assert few[1].tolist()[0] == 1.0
    few, many = both("shares", [[0.0, 0.0, 0.0], [1.0, 2.0, 1.0]])
    assert few.tolist() == many.tolist() == [[1 / 3, 1 / 3, 1 / 3], [0.25, 0.5, 0.25]]
    few, many = both("complemented", [[0.25], [0.0]])
    assert few.tolist() == many.tolist() == [[0.75, 0.25], [1.0, 0.0]]


HUGE = [[0.0, 0.0], [1.7e308, 1.7e308]]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("standardised", (tensor([0.0, -1e308]), tensor([1.0, 1.0]))),
        ("affine", (tensor([[1.0, 10.0]]), [0.0])),
        ("distances", (tensor([[-1e308, 0.0]]),)),
        ("polynomial_kernel", (tensor([[1.0, 0.0]]), 1.0, 0.0, 2)),
        ("sigmoid_kernel", (tensor([[10.0, 0.0]]), 1.0, 0.0)),
        ("one_versus_one", (Coefficients(tensor([[1.0, 10.0]]), (1, 1), [0.0]),)),
    ],
)
def test_both_notice_a_result_that_overflows_and_name_its_row(name: str, more: tuple[Any, ...]) -> None:
    for module, matrix in zip(BOTH, matrices(HUGE), strict=True):
        with pytest.raises(NotFinite) as overflow:
            getattr(module, name)(matrix, *more)
        assert overflow.value.row == 1


def test_distances_whose_squares_overflow_are_measured_all_the_same() -> None:
    few, many = both("distances", [[1e200, 0.0], [0.0, 1.0]], tensor([[0.0, 0.0], [3e200, 0.0]]))
    assert few.tolist() == many.tolist() == [[1e200, 2e200], [1.0, 3e200]]


@given(base=st.floats(-10, 10), exponent=st.integers(1, 20))
def test_a_power_is_the_repeated_product(base: float, exponent: int) -> None:
    assert math.isclose(power(base, exponent), base**exponent, rel_tol=1e-14)


def test_a_power_past_the_largest_float_is_infinite() -> None:
    assert power(1e200, 3) == math.inf
