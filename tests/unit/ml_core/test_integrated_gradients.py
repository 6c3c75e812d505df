"""The integral along a way whose answer is known: smooth, with jumps, or a straight line."""

from typing import Any

import numpy as np
import pytest

from ml_core.explaining.gradients import ENOUGH, FEWEST_NODES, MOST_NODES, integrated


class Along:
    """Counts the nodes that it is asked for; the margin is the sum of all places."""

    def __init__(self, value: Any, slope: Any) -> None:
        self.value, self.slope = value, slope
        self.asked: list[float] = []

    def __call__(self, nodes: Any) -> tuple[Any, Any]:
        self.asked += nodes.tolist()
        return self.value(nodes[:, None]).sum(axis=1), self.slope(nodes[:, None])


SPEEDS = np.array([0.3, -2.0, 5.0, 1.0])
KINKS = np.random.default_rng(0).uniform(size=60)
WEIGHTS = np.random.default_rng(1).normal(size=60)


def test_a_straight_line_is_exact_at_the_fewest_nodes() -> None:
    along = Along(lambda t: 0.5 + SPEEDS * t, lambda t: SPEEDS + 0 * t)
    found = integrated(along)
    np.testing.assert_allclose(found.parts, SPEEDS, rtol=1e-15)
    assert (found.base, found.margin) == pytest.approx((2.0, 2.0 + SPEEDS.sum()), rel=1e-11)
    assert found.nodes == len(along.asked) == FEWEST_NODES


def test_what_does_not_move_is_zero_at_the_fewest_nodes() -> None:
    found = integrated(Along(lambda t: 1.0 + 0 * t, lambda t: 0 * t))
    assert found.parts.tolist() == [0.0]
    assert found.nodes == FEWEST_NODES


def test_a_smooth_way() -> None:
    along = Along(lambda t: np.sin(SPEEDS * t), lambda t: SPEEDS * np.cos(SPEEDS * t))
    found = integrated(along)
    expected = np.sin(SPEEDS)
    assert np.abs(found.parts - expected).max() < ENOUGH * np.abs(expected).sum()
    assert found.nodes < 100


def test_gradients_that_jump_get_nodes_where_they_do() -> None:
    """Two places with large jumps, and sixty with small ones, as the ReLUs of a network have."""
    weights, kinks = np.append(WEIGHTS / 20, [8.0, -6.0]), np.append(KINKS, [0.4711, 0.8123])
    along = Along(lambda t: np.maximum(t - kinks, 0) * weights, lambda t: np.where(t > kinks, weights, 0.0))
    found = integrated(along)
    expected = (1 - kinks) * weights
    assert np.abs(found.parts - expected).sum() < 3 * ENOUGH * np.abs(expected).sum()
    assert abs(found.base + found.parts.sum() - found.margin) < ENOUGH * np.abs(expected).sum()
    near = [node for node in along.asked if abs(node - 0.4711) < 0.02]
    assert len(near) > 0.04 * 2 * found.nodes
    assert found.nodes == len(along.asked) == len(set(along.asked)) <= MOST_NODES


def test_there_are_never_more_nodes_than_may_be() -> None:
    random = np.random.default_rng(2)
    kinks, weights = random.uniform(size=3000), random.normal(size=3000)
    for most in (FEWEST_NODES, 18, 40, MOST_NODES):
        along = Along(
            lambda t: np.maximum(t - kinks, 0) * weights, lambda t: np.where(t > kinks, weights, 0.0)
        )
        assert integrated(along, most_nodes=most, enough=0.0).nodes == len(along.asked) == most


def test_what_overflows_is_told() -> None:
    found = integrated(Along(lambda t: t * 1e308 * 10, lambda t: 1e308 * 10 + 0 * t))
    assert not np.isfinite(found.margin)


def test_the_gradient_at_an_end_is_that_of_the_way() -> None:
    """At the baseline a place is at the bend of its ReLU; another one's part hides what that one is off."""
    speeds = np.array([2.0, -2.0])
    found = integrated(Along(lambda t: speeds * np.maximum(t, 0), lambda t: np.where(t > 0, speeds, 0.0)))
    np.testing.assert_allclose(found.parts, speeds, rtol=1e-11)
