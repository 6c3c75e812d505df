"""Drift is not told where there is none, and told where there is: `benchmarks/false_alarms.py`, in short."""

import numpy as np
import pytest

from benchmarks.false_alarms import (
    DRIFTS,
    KINDS,
    NO_DRIFT,
    alarms,
    comparisons,
    folk_threshold,
    repeated,
)
from ml_core.monitoring.drift import Comparison

COUNTED = (300, 1_000, 100_000)


@pytest.mark.parametrize("trained", [100, 1_000, 5_000])
def test_columns_that_did_not_drift_are_steady(trained: int) -> None:
    """Of 40 reports of 20 columns of every kind, and of one report of all."""
    rng = np.random.default_rng([trained, 1])
    pool = [comparisons(kind, trained, COUNTED, rng) for kind in repeated([*KINDS.values()], 800)]
    for at in range(len(COUNTED)):
        found = [each[at] for each in pool]
        assert alarms(found, 20) <= 1 / 40
        assert alarms(found, 800) == 0
        assert np.mean([each.p_value < 0.01 for each in found]) <= 0.02


def test_the_rule_of_thumb_would_not_be_as_quiet() -> None:
    rng = np.random.default_rng(2)
    pool = [
        each for kind in repeated([*KINDS.values()], 400) for each in comparisons(kind, 1_000, [100], rng)
    ]
    assert alarms(pool, 20, folk_threshold) > 3 * alarms(pool, 20, Comparison.drifted)


@pytest.mark.parametrize(
    ("drift", "trained", "counted", "least"),
    [
        ("shifted by 0.3 standard deviations", 5_000, 1_000, 0.8),
        ("shifted by 0.5 standard deviations", 1_000, 300, 0.8),
        ("missing 15 % instead of 5 %", 1_000, 1_000, 0.85),
        ("a new word in 5 % of rows, beside three", 1_000, 300, 0.75),
        ("a new word in 5 % of rows, beside 300", 10_000, 1_000, 0.9),
    ],
)
def test_what_drifted_is_seen(drift: str, trained: int, counted: int, least: float) -> None:
    kind, now = DRIFTS[drift]
    rng = np.random.default_rng([trained, counted])
    found = [comparisons(KINDS[kind], trained, [counted], rng, now)[0] for _ in range(40)]
    assert np.mean([each.drifted(22) for each in found]) >= least


@pytest.mark.parametrize("kind", KINDS)
def test_the_expectation_of_a_psi_is_its_mean_where_nothing_drifted(kind: str) -> None:
    """Or more: words that are frequent by chance are taken as they speak least for drift."""
    rng = np.random.default_rng(len(kind))
    found = [comparisons(KINDS[kind], 2_000, [1_000], rng, NO_DRIFT)[0] for _ in range(60)]
    beyond = np.mean([each.psi - each.psi_expected for each in found])
    assert beyond < 0.003
    if kind not in ("many words", "equal words"):
        assert beyond > -0.004
