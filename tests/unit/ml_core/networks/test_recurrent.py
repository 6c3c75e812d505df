"""Recurrent layers: gradients by finite differences, and no sequence that feels who is beside it."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ml_core.algorithms.base import FitContext, TrainingData
from ml_core.inputs.samples import SequenceSamples
from ml_core.networks.loss import CrossEntropy
from ml_core.networks.network import backward, forward, gradients_of, parameters_of
from ml_core.networks.recurrent import build
from ml_core.networks.sequences import SequenceInputs, standardisation
from ml_core.networks.training import TrainingOptions, train
from ml_core.preprocessing.network_fitting import read_samples
from ml_core.preprocessing.sequence_input import SequenceInput
from ml_core.preprocessing.tokens import Tokenizer
from tests.unit.ml_core.networks.reference import encoded

LENGTHS = (3, 1, 5, 5, 2)
TOKENS, CLASSES = 7, 3
CHOSEN: dict[str, Any] = {
    "cell": "lstm", "hidden_size": 4, "layers": 1, "bidirectional": False, "reads": "last",
    "dropout": 0.0, "embedding_size": 3,
}  # fmt: skip


def _networks() -> Iterator[dict[str, Any]]:
    """Every cell with every reading, one or two directions and layers, on numbers and on tokens."""
    for cell in ("lstm", "gru", "rnn"):
        for reads in ("last", "mean", "max"):
            for layers, both in ((1, False), (1, True), (3, False), (2, True)):
                for text in (False, True):
                    chosen = {"cell": cell, "reads": reads, "layers": layers, "bidirectional": both}
                    yield {**CHOSEN, **chosen, "text": text}


def _named(chosen: dict[str, Any]) -> str:
    return "-".join(str(chosen[name]) for name in ("cell", "reads", "layers", "bidirectional", "text"))


def _made(chosen: dict[str, Any], seed: int = 5) -> tuple[Any, SequenceInputs, np.ndarray[Any, Any]]:
    """A network in float64, sequences of unequal length, and their classes."""
    random = np.random.default_rng(seed)
    text = chosen["text"]
    layers = build(TOKENS if text else 2, CLASSES, chosen, random, text=text)
    for _, layer in layers:
        layer.parameters.update({key: array.astype(np.float64) for key, array in layer.parameters.items()})
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    steps = random.integers(0, TOKENS, (offsets[-1], 1)) if text else random.normal(size=(offsets[-1], 2))
    mean, scale = (None, None) if text else (np.full(2, 0.5), np.full(2, 2.0))
    return (
        layers,
        SequenceInputs(SequenceSamples(steps, offsets), mean, scale),
        random.integers(0, CLASSES, len(LENGTHS)),
    )


@pytest.mark.parametrize("chosen", list(_networks()), ids=_named)
def test_every_gradient_is_what_finite_differences_say(chosen: dict[str, Any]) -> None:
    layers, inputs, y = _made(chosen)
    batch, loss = inputs.batch(np.arange(len(y))), CrossEntropy()

    def computed() -> float:
        total, weight = loss.sums(forward(layers, batch), y)
        return total / weight

    *_, slope = loss.gradient(forward(layers, batch), y)
    backward(layers, slope)
    gradients = {name: array.copy() for name, array in gradients_of(layers).items()}
    random, eps = np.random.default_rng(1), 1e-6
    for name, array in parameters_of(layers).items():
        # Along a random direction, and for one number alone.
        single = np.zeros(array.shape)
        single[tuple(random.integers(0, array.shape))] = 1
        for direction in (random.normal(size=array.shape), single):
            kept, losses = array.copy(), []
            for sign in (1, -1):
                array[...] = kept + sign * eps * direction
                losses.append(computed())
            array[...] = kept
            expected = (losses[0] - losses[1]) / (2 * eps)
            found = float((gradients[name] * direction).sum())
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-8), name


@pytest.mark.parametrize("chosen", list(_networks()), ids=_named)
def test_a_sequence_alone_is_answered_as_in_any_batch(chosen: dict[str, Any]) -> None:
    layers, inputs, y = _made(chosen)
    together = forward(layers, inputs.batch(np.arange(len(y))))
    for place in range(len(y)):
        np.testing.assert_allclose(
            forward(layers, inputs.batch(np.array([place])))[0], together[place], rtol=0, atol=1e-12
        )
    some = np.array([4, 2, 0, 2])
    np.testing.assert_allclose(forward(layers, inputs.batch(some)), together[some], rtol=0, atol=1e-12)


def test_a_state_that_goes_backward_begins_at_each_sequences_own_end() -> None:
    chosen = {**CHOSEN, "bidirectional": True, "text": False}
    layers, inputs, _ = _made(chosen)
    reversing = SequenceSamples(inputs._samples.steps.copy(), inputs._samples.offsets)
    for begin, end in itertools.pairwise(reversing.offsets.tolist()):
        reversing.steps[begin:end] = reversing.steps[begin:end][::-1].copy()
    places = np.arange(len(LENGTHS))
    ahead = layers[1][1].forward(layers[0][1].forward(inputs.batch(places), None), None)
    back = SequenceInputs(reversing, inputs._mean, inputs._scale).batch(places)
    weights = layers[0][1].parameters
    swapped = {
        name: weights[name.replace("forward", "x").replace("backward", "forward").replace("x", "backward")]
        for name in weights
    }
    layers[0][1].parameters = swapped
    states = layers[1][1].forward(layers[0][1].forward(back, None), None)
    np.testing.assert_allclose(np.roll(states, chosen["hidden_size"], axis=1), ahead, rtol=0, atol=1e-12)


def test_dropout_between_layers_and_before_the_head_happens_in_training_alone() -> None:
    layers, inputs, y = _made({**CHOSEN, "layers": 3, "dropout": 0.5, "text": False})
    assert [type(layer).__name__ for _, layer in layers] == [
        "Recurrent", "StepDropout", "Recurrent", "StepDropout", "Recurrent", "Reading", "Dropout", "Dense",
    ]  # fmt: skip
    batch = inputs.batch(np.arange(len(y)))
    measured = forward(layers, batch)
    np.testing.assert_array_equal(forward(layers, batch), measured)
    once = forward(layers, batch, np.random.default_rng(1))
    assert np.abs(once - measured).max() > 1e-3
    np.testing.assert_array_equal(forward(layers, batch, np.random.default_rng(1)), once)


def test_parameters_have_the_names_that_artifacts_keep() -> None:
    chosen = {**CHOSEN, "cell": "gru", "layers": 2, "bidirectional": True}
    found = {name: array.shape for name, array in parameters_of(_layers(chosen, text=True)).items()}
    parts = {"input": (12, 3), "recurrent": (12, 4), "input_bias": (12,), "recurrent_bias": (12,)}
    assert found == {
        "embedding": (TOKENS, 3),
        **{f"rnn.0.{way}.{key}": shape for way in ("forward", "backward") for key, shape in parts.items()},
        **{
            f"rnn.1.{way}.{key}": (12, 8) if key == "input" else shape
            for way in ("forward", "backward")
            for key, shape in parts.items()
        },
        "head.weight": (CLASSES, 8),
        "head.bias": (CLASSES,),
    }


def _layers(chosen: dict[str, Any], *, text: bool) -> Any:
    return build(TOKENS if text else 2, CLASSES, chosen, np.random.default_rng(0), text=text)


def test_the_unknown_token_says_nothing_at_first() -> None:
    table = parameters_of(_layers(CHOSEN, text=True))["embedding"]
    assert not table[0].any()
    assert table[1:].all()


def test_a_network_learns_which_of_two_signals_came_first() -> None:
    """The order alone tells the classes: what no count of the steps can."""
    random = np.random.default_rng(3)
    lengths = random.integers(4, 12, 300)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = random.normal(0, 0.1, (offsets[-1], 2)).astype(np.float32)
    y = random.integers(0, 2, 300)
    for begin, length, number in zip(offsets, lengths, y, strict=False):
        first, second = sorted(random.choice(length, 2, replace=False))
        steps[begin + first, number] += 3
        steps[begin + second, 1 - number] += 3
    samples = SequenceSamples(steps, offsets)
    inputs = SequenceInputs(samples, *standardisation(samples))
    for cell in ("lstm", "gru", "rnn"):
        chosen = {**CHOSEN, "cell": cell, "hidden_size": 16}
        layers = build(2, 2, chosen, np.random.default_rng(1))
        options = TrainingOptions(epochs=25, batch_size=32, learning_rate=1e-2, clip_norm=1.0)
        train(layers, inputs, TrainingData(samples, y, 1), options, FitContext())
        right = forward(layers, inputs.batch(np.arange(300))).argmax(axis=1) == y
        assert right.mean() > 0.95, cell


def test_a_constant_number_is_divided_by_one() -> None:
    samples = SequenceSamples(np.array([[0.1, 1], [0.1, 3], [0.1, 5]], np.float32), np.array([0, 1, 3]))
    mean, scale = standardisation(samples)
    np.testing.assert_allclose(mean, [0.1, 3], rtol=1e-6)
    np.testing.assert_allclose(scale, [1, (8 / 3) ** 0.5], rtol=1e-6)


def test_long_sequences_are_cut_to_their_last_steps() -> None:
    given = SequenceSamples(np.arange(7, dtype=np.float32)[:, None], np.array([0, 4, 5, 7]))
    samples: Any = read_samples(given, SequenceInput(("x",), 2))
    assert samples.steps[:, 0].tolist() == [2, 3, 4, 5, 6]
    assert samples.offsets.tolist() == [0, 2, 3, 5]


def test_texts_are_sequences_of_the_numbers_of_their_tokens() -> None:
    tokenizer = Tokenizer.fit(["red fox", "red hen"])
    samples = encoded(["red hen", "", "a red fox"], tokenizer)
    assert samples.steps.dtype == np.int64
    assert samples.steps[:, 0].tolist() == [1, 3, 0, 0, 1, 2]
    assert samples.lengths.tolist() == [2, 1, 3]
