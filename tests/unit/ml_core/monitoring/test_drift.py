"""Drift is told where there is some, and nowhere else."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from ml_core.monitoring.drift import (
    LEAST_EFFECT,
    Comparison,
    chi_squared_tail,
    compare,
    number_cells,
    pool,
    word_cells,
)
from ml_core.profiles.profile import NumbersProfile, WordsProfile

NUMBERS = NumbersProfile("age", "number", 20, (30.0, 40.0), (300, 400, 280), (25.0, 35.0, 48.0), -10.0, 112.0)


def number_comparison(profile: NumbersProfile, counts: list[int], rows_now: int) -> Comparison:
    rows_then = sum(profile.counts) + profile.missing
    found = compare(number_cells(profile, counts, rows_then=rows_then, rows_now=rows_now))
    assert found is not None
    return found


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 19, 20, 21, 99, 100, 999, 1000])
def test_the_tail_of_chi_squared_is_that_of_scipy(freedom: int) -> None:
    for value in (1e-9, 0.1, 0.5 * freedom, freedom, 2 * freedom, freedom + 40, 700.0, 1400.0):
        expected = stats.chi2.sf(value, freedom)
        assert chi_squared_tail(value, freedom) == pytest.approx(expected, rel=1e-10, abs=1e-300)


def test_the_tail_has_its_ends() -> None:
    assert chi_squared_tail(0.0, 3) == 1.0
    assert chi_squared_tail(5.0, 0) == 1.0
    assert chi_squared_tail(math.inf, 3) == 0.0
    assert chi_squared_tail(1e9, 5) == 0.0


def random_cells() -> Iterator[list[tuple[int, int]]]:
    rng = np.random.default_rng(3)
    for cells in (2, 3, 8, 21):
        for rows_then, rows_now in ((400, 400), (5_000, 500), (500, 100_000)):
            shares = rng.dirichlet([20] * cells, 2)
            counts = [
                rng.multinomial(rows, share)
                for rows, share in zip((rows_then, rows_now), shares, strict=True)
            ]
            yield [(int(then), int(now)) for then, now in zip(*counts, strict=True)]


@pytest.mark.parametrize("cells", [*random_cells()])
def test_a_comparison_is_scipys_two_tests_and_the_definition_of_psi(cells: list[tuple[int, int]]) -> None:
    assert sorted(pool(cells)) == sorted(cells)
    found = compare(cells)
    assert found is not None
    table = np.array(cells)
    expected = max(
        stats.chi2_contingency(table, correction=False, lambda_=test).pvalue
        for test in ("pearson", "log-likelihood")
    )
    assert found.p_value == pytest.approx(expected, rel=1e-10, abs=1e-300)
    rows = table.sum(axis=0)
    then, now = ((table + 0.5) / (rows + len(cells) / 2)).T
    assert found.psi == pytest.approx(float(((now - then) * np.log(now / then)).sum()))
    assert found.psi_expected == pytest.approx((len(cells) - 1) * (1 / rows[0] + 1 / rows[1]))


@pytest.mark.parametrize("cells", [[], [(0, 0)], [(0, 5), (0, 3)], [(5, 0), (3, 0)]])
def test_nothing_is_compared_with_nothing(cells: list[tuple[int, int]]) -> None:
    assert compare(cells) is None


def test_what_is_all_alike_does_not_differ() -> None:
    assert compare([(500, 300)]) == (0.0, 0.0, 1.0)
    assert compare([(500, 300), (0, 0)]) == (0.0, 0.0, 1.0)


def test_cells_of_which_few_rows_are_expected_are_put_together() -> None:
    cells = [(600, 300), (300, 150), (6, 1), (5, 3), (2, 0)]
    assert pool(cells) == [(600, 300), (300, 150), (13, 4)]
    assert pool([(600, 300), (300, 150), (2, 1)]) == [(600, 300), (302, 151)], "too few even together"
    assert pool([(2, 1), (1, 1)]) == [(3, 2)]


def test_a_cell_that_training_never_had_stays_where_many_rows_are_in_it() -> None:
    assert pool([(9_000, 285), (1_000, 0), (0, 15)]) == [(9_000, 285), (1_000, 0), (0, 15)]
    assert pool([(9_000, 298), (0, 2)]) == [(9_000, 300)]
    assert pool([(300, 30_000), (15, 0)]) == [(300, 30_000), (15, 0)], "as well where training had it alone"


def test_many_rows_do_not_make_drift_of_a_small_difference() -> None:
    found = compare([(50_000, 508_000), (50_000, 492_000)])
    assert found is not None
    assert found.p_value < 0.01
    assert not found.drifted(1)


def test_a_large_difference_of_few_rows_is_not_drift_either() -> None:
    found = compare([(10, 220), (10, 80)])
    assert found is not None
    assert found.psi - found.psi_expected > LEAST_EFFECT
    assert not found.drifted(20)


def test_more_tests_ask_for_more_evidence() -> None:
    found = compare([(100, 210), (100, 90)])
    assert found is not None
    assert found.drifted(1)
    assert not found.drifted(round(1 / found.p_value))


def test_missing_values_and_shifts_are_drift() -> None:
    steady = [150, 210, 140, 10, 0, 0]
    assert not number_comparison(NUMBERS, steady, 510).drifted(22)
    assert number_comparison(NUMBERS, [130, 180, 120, 80, 0, 0], 510).drifted(22)
    assert number_comparison(NUMBERS, [80, 190, 230, 10, 0, 0], 510).drifted(22)


def test_values_beyond_all_of_training_are_drift_though_their_bin_has_as_many_rows() -> None:
    assert not number_comparison(NUMBERS, [150, 210, 140, 10, 0, 1], 510).drifted(22)
    assert number_comparison(NUMBERS, [150, 210, 140, 10, 0, 60], 510).drifted(22)
    assert number_comparison(NUMBERS, [150, 210, 140, 10, 60, 0], 510).drifted(22)


def test_a_constant_column_drifts_when_it_is_not_constant_any_more() -> None:
    constant = NumbersProfile("unit", "number", 0, (), (500,), (7.0,), 7.0, 7.0)
    assert number_comparison(constant, [400, 0, 0, 0], 400) == (0.0, 0.0, 1.0)
    assert number_comparison(constant, [400, 0, 0, 40], 400).drifted(22)
    assert number_comparison(constant, [400, 0, 30, 0], 400).drifted(22)


def test_a_column_without_a_value_in_training_drifts_when_it_has_some() -> None:
    empty = NumbersProfile("note", "number", 500, (), (), (), 0.0, 0.0)
    assert number_comparison(empty, [400, 0, 0], 400) == (0.0, 0.0, 1.0)
    assert number_comparison(empty, [320, 10, 70], 400).drifted(22)
    hardly = empty._replace(missing=490)  # of 500 rows
    cells = number_cells(hardly, [392, 2, 6], rows_then=500, rows_now=400)
    found = compare(cells)
    assert found is not None
    assert not found.drifted(1)


def test_a_column_without_a_value_now_drifts() -> None:
    assert number_comparison(NUMBERS, [0, 0, 0, 400, 0, 0], 400).drifted(22)


def words(profile: WordsProfile, counts: list[int], n_words: int) -> Comparison:
    rows_then = sum(profile.counts) + profile.other + profile.missing
    found = compare(word_cells(profile, counts, rows_then=rows_then, rows_now=sum(counts), n_words=n_words))
    assert found is not None
    return found


def test_a_new_word_is_drift_where_all_words_were_known() -> None:
    plan = WordsProfile("plan", "category", 0, (0, 1, 2), (600, 300, 100), 0, 0)
    assert not words(plan, [180, 90, 30, 0, 1, 0], 3).drifted(22)
    assert words(plan, [170, 86, 28, 0, 16, 0], 3).drifted(22)
    assert words(plan, [0, 0, 0, 0, 300, 0], 3).drifted(22), "none but new words"


def test_new_words_are_no_drift_where_training_had_many_words_once() -> None:
    city = WordsProfile("city", "category", 0, (3, 8), (3_000, 2_000), 5_000, 1_200)
    steady = [900, 600, 1_140, 360, 0]
    assert not words(city, steady, 3_000).drifted(22)
    assert words(city, [700, 500, 1_000, 800, 0], 3_000).drifted(22)
    unknown = city._replace(once=None)  # no more than the words that are not listed
    assert not words(unknown, steady, 3_000).drifted(22)
    assert not words(unknown, [700, 500, 1_000, 800, 0], 3_000).drifted(22)
    assert words(unknown, [500, 300, 500, 1_700, 0], 3_000).drifted(22)


def test_a_word_listed_by_chance_is_no_drift() -> None:
    """Of fifty equal words those are listed which had most rows; they have fewer the next time."""
    listed = (27, 26, 25, 25, 24, 24, 23, 23, 23, 22, 22, 22, 21, 21, 21, 21, 20, 20, 20, 20)
    flat = WordsProfile("shop", "category", 0, tuple(range(20)), listed, 1_000 - sum(listed), 0)
    found = words(flat, [2_000] * 20 + [60_000, 0, 0], 50)
    assert found.p_value > 0.01
    assert words(flat, [2_000] * 19 + [20_000, 42_000, 0, 0], 50).drifted(22), (
        "but a word of ten times the rows is"
    )


def test_a_cell_without_rows_now_and_then_does_not_count() -> None:
    found, fewer = compare([(50, 60), (50, 40), (0, 0), (0, 0)]), compare([(50, 60), (50, 40)])
    assert found == fewer


def test_no_counts_are_no_cells() -> None:
    assert number_cells(NUMBERS, [], rows_then=1_000, rows_now=0) == []
    plan = WordsProfile("plan", "category", 0, (0,), (600,), 0, 0)
    assert word_cells(plan, [], rows_then=600, rows_now=0, n_words=1) == []
