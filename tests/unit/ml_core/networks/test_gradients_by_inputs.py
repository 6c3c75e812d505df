"""The gradient of a network by what it takes, against differences of its scores; nothing else is computed."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from ml_core.arithmetic import vectorised_networks
from ml_core.explaining.network_margins import NetworkMargins, PictureMargins, SequenceMargins
from tests.unit.ml_core import networks_at_random as at_random
from tests.unit.ml_core.networks_at_random import State

CLASSES = (2, 0)
NETWORKS: dict[str, Callable[[np.random.Generator], State]] = {
    "maxima": partial(at_random.cnn, shape=(7, 9, 2), classes=3),
    "averages": partial(at_random.cnn, shape=(6, 5, 3), pooling="average", kernel_size=5, classes=3),
    "no hidden layer": partial(at_random.cnn, shape=(4, 6, 1), kernel_size=1, channels=(3,), dense=()),
    **{
        f"{cell}, {reads}, {layers} layers": partial(
            at_random.rnn, cell=cell, layers=layers, bidirectional=both, reads=reads, classes=3
        )
        for cell in at_random.GATES
        for reads, layers, both in (("last", 1, False), ("mean", 2, True), ("max", 1, True))
    },
}


def margins_of(state: State) -> tuple[NetworkMargins, tuple[int, ...]]:
    """The network's margins, and the shape of what its first layer takes."""
    network = state.estimator().network
    if state.algorithm == "cnn":
        return PictureMargins(network), network.shape
    return SequenceMargins(network), (5, network.layers[0][0].input.inputs)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_gradient_is_what_small_steps_say(kind: str) -> None:
    random = np.random.default_rng(sum(map(ord, kind)))
    margins, shape = margins_of(NETWORKS[kind](random))
    x = random.normal(size=(2, *shape))
    _, gradient = margins._margins(x, CLASSES)
    step = 1e-6
    for sample in range(2):
        moves = step * np.eye(x[sample].size).reshape(-1, *shape)
        up, _ = margins._margins(x[sample] + moves, CLASSES)
        down, _ = margins._margins(x[sample] - moves, CLASSES)
        differences = ((up - down) / (2 * step)).reshape(shape)
        np.testing.assert_allclose(gradient[sample], differences, atol=1e-7)
    assert not any(layer.gradients for _, layer in margins._layers)


def test_margins_are_those_of_a_prediction() -> None:
    """Also of sequences of one length, which the layers take time after time."""
    random = np.random.default_rng(5)
    for state in (at_random.cnn(random), at_random.rnn(random, "gru", layers=2, bidirectional=True)):
        estimator = state.estimator()
        margins, shape = margins_of(state)
        x = random.normal(size=(6, *shape)).astype(np.float32)
        told = estimator.decide(vectorised_networks, at_random.batch(state, [*x]))[1]
        standard = (x - state.array("input.mean")) / state.array("input.scale")
        found, _ = margins._margins(standard, CLASSES)
        np.testing.assert_allclose(found, told[:, 2] - told[:, 0], atol=1e-12)
