"""Layers against plain definitions of theirs, and their gradients against differences of the loss."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.networks import convolution, convolutional, randomness
from ml_core.networks.convolution import AveragePooling, Convolution, MaxPooling
from ml_core.networks.layers import Dense, Dropout, Relu
from ml_core.networks.loss import CrossEntropy, class_weights
from ml_core.networks.network import Layers, backward, forward, gradients_of, parameters_of, tensors_of
from ml_core.networks.optimiser import AdamW, clip

CHOSEN = {"channels": [3, 4], "kernel_size": 3, "pooling": "max", "dense": [6], "dropout": 0.0}


def numbers(*shape: int) -> NDArray[np.float64]:
    """Normal numbers, the same at every call."""
    return np.random.default_rng(7).standard_normal(shape)


def in_float64(layers: Layers) -> None:
    for _, layer in layers:
        for name, array in layer.parameters.items():
            layer.parameters[name] = array.astype(np.float64)


def convolved(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any], kernel: int) -> NDArray[Any]:
    """A convolution by its definition: one place, one output at a time."""
    batch, height, width, _ = x.shape
    edge = kernel // 2
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    y = np.empty((batch, height, width, len(weight)))
    for sample, row, column in np.ndindex(batch, height, width):
        patch = padded[sample, row : row + kernel, column : column + kernel]
        y[sample, row, column] = [(patch.ravel() * each).sum() for each in weight] + bias
    return y


@pytest.mark.parametrize("block", [1, 60, 700, convolution.BLOCK])
@pytest.mark.parametrize(
    ("kernel", "shape"), [(1, (3, 5, 4, 2)), (3, (3, 5, 4, 2)), (5, (2, 7, 6, 1)), (7, (2, 3, 3, 3))]
)
def test_a_convolution_is_its_definition_however_it_is_cut_into_blocks(
    monkeypatch: pytest.MonkeyPatch, block: int, kernel: int, shape: tuple[int, int, int, int]
) -> None:
    monkeypatch.setattr(convolution, "BLOCK", block)
    layer = Convolution(shape[-1], 4, kernel, np.random.default_rng(1))
    in_float64([("", layer)])
    x = numbers(*shape)
    expected = convolved(x, layer.parameters["weight"], layer.parameters["bias"], kernel)
    np.testing.assert_allclose(layer.forward(x, None), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (2, 5, 7, 3), (1, 2, 2, 1), (1, 3, 2, 2)])
def test_pooling_takes_the_greatest_or_the_mean_of_each_four(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    batch, height, width, channels = shape[0], shape[1] // 2, shape[2] // 2, shape[3]
    fours = np.empty((batch, height, width, channels, 4))
    for sample, row, column in np.ndindex(batch, height, width):
        four = x[sample, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        fours[sample, row, column] = four.reshape(4, channels).T
    np.testing.assert_array_equal(MaxPooling().forward(x, None), fours.max(axis=-1))
    np.testing.assert_allclose(AveragePooling().forward(x, None), fours.mean(axis=-1), rtol=1e-15, atol=1e-15)


def test_of_equal_numbers_the_first_gets_the_gradient() -> None:
    for four, first in (
        ([1, 1, 1, 1], 0),
        ([0, 2, 2, 2], 1),
        ([0, 0, 3, 3], 2),
        ([0, 1, 0, 4], 3),
        ([2, 0, 2, 0], 0),
    ):
        pooling = MaxPooling()
        pooling.forward(np.array(four, np.float32).reshape(1, 2, 2, 1), None)
        dx = pooling.backward(np.full((1, 1, 1, 1), 5, np.float32))
        assert dx.ravel().tolist() == [5.0 if place == first else 0.0 for place in range(4)]


def test_max_pooling_before_relu_is_max_pooling_after_it() -> None:
    x, dy = numbers(2, 6, 6, 3), numbers(2, 3, 3, 3)
    one: Layers = [("", MaxPooling()), ("", Relu())]
    other: Layers = [("", Relu()), ("", MaxPooling())]
    np.testing.assert_array_equal(forward(one, x), forward(other, x))
    gradients = []
    for layers in (one, other):
        passed: Any = dy.copy()
        for _, layer in reversed(layers):
            passed = layer.backward(passed)
        gradients.append(passed)
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize(
    ("shape", "changed"),
    [
        ((9, 8, 2), {}),
        ((9, 8, 2), {"pooling": "average"}),
        ((4, 5, 1), {"kernel_size": 1, "channels": [3, 2]}),
        ((6, 6, 3), {"kernel_size": 5, "channels": [2], "dense": []}),
        ((5, 7, 1), {"kernel_size": 7, "channels": [2, 2], "dense": [4, 4, 3], "pooling": "average"}),
    ],
)
def test_gradients_are_differences_of_the_loss(shape: tuple[int, int, int], changed: dict[str, Any]) -> None:
    """In float64, with weighted classes; of each parameter some numbers, and every bias."""
    layers = convolutional.build(shape, 3, {**CHOSEN, **changed}, 5)
    in_float64(layers)
    x, y = numbers(4, *shape), np.array([0, 1, 2, 1])
    loss = CrossEntropy(np.array([1.0, 0.25, 3.0]))
    total, weight, slope = loss.gradient(forward(layers, x, np.random.default_rng(1)), y)
    backward(layers, slope)
    gradients = {name: array.copy() for name, array in gradients_of(layers).items()}
    assert total / weight > 0
    for name, array in parameters_of(layers).items():
        flat, step = array.reshape(-1), 1e-6
        for place in np.random.default_rng(2).permutation(flat.size)[:8]:
            kept, found = flat[place], []
            for change in (step, -step):
                flat[place] = kept + change
                found.append(loss.sums(forward(layers, x), y)[0] / weight)
            flat[place] = kept
            difference = (found[0] - found[1]) / (2 * step)
            assert gradients[name].reshape(-1)[place] == pytest.approx(difference, rel=1e-5, abs=1e-9), name


def test_a_layer_that_is_not_the_first_hands_its_gradient_back() -> None:
    for first, other in (
        (
            Convolution(2, 3, 3, np.random.default_rng(1), first=True),
            Convolution(2, 3, 3, np.random.default_rng(1)),
        ),
        (Dense(5, 4, np.random.default_rng(1), first=True), Dense(5, 4, np.random.default_rng(1))),
    ):
        x = numbers(3, 5) if isinstance(first, Dense) else numbers(3, 4, 4, 2)
        dy = numbers(*first.forward(x, None).shape)
        other.forward(x, None)
        assert first.backward(dy.copy()) is None
        dx = other.backward(dy.copy())
        assert dx is not None
        assert dx.shape == x.shape
        for name, gradient in first.gradients.items():
            np.testing.assert_array_equal(gradient, other.gradients[name])


def test_dropout_drops_its_share_while_training_and_nothing_while_measuring() -> None:
    layer, x = Dropout(0.25), np.ones((400, 50), np.float32)
    assert layer.forward(x, None) is x
    dropped = layer.forward(x, np.random.default_rng(0))
    assert dropped.dtype == np.float32
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(4 / 3)}
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), dropped)


def test_a_class_weighs_as_much_as_it_is_given() -> None:
    scores, y = numbers(6, 3), np.array([0, 0, 1, 2, 2, 2])
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    losses = -np.log(probability[np.arange(6), y])
    for chosen, weights in (
        (None, [1, 1, 1, 1, 1, 1]),
        ({1: 4.0, 2: 0.5}, [1, 1, 4, 0.5, 0.5, 0.5]),
        ("balanced", [1, 1, 2, 2 / 3, 2 / 3, 2 / 3]),
    ):
        total, weight = CrossEntropy(class_weights(chosen, y, 3)).sums(scores, y)
        assert total == pytest.approx((losses * weights).sum(), rel=1e-12)
        assert weight == pytest.approx(sum(weights), rel=1e-12)


def test_the_loss_is_finite_where_probabilities_are_not() -> None:
    total, _, slope = CrossEntropy().gradient(np.array([[900.0, -900.0]], np.float32), np.array([1]))
    assert total == 1800
    assert slope.tolist() == [[1.0, -1.0]]
    assert slope.dtype == np.float32


def test_adamw_moves_as_its_paper_says() -> None:
    """Three steps of one weight and one bias, in plain Python."""
    weight, bias = np.array([[0.5]]), np.array([0.25])
    optimiser = AdamW({"weight": weight, "bias": bias}, 0.1, 0.01)
    plain = {"weight": [0.5, 0.0, 0.0], "bias": [0.25, 0.0, 0.0]}
    for step, gradient in enumerate((0.3, -0.2, 0.7), 1):
        optimiser.step({"weight": np.array([[gradient]]), "bias": np.array([gradient])})
        for name, (value, first, second) in plain.items():
            first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2  # noqa: PLW2901
            if name == "weight":
                value -= 0.1 * 0.01 * value  # noqa: PLW2901
            value -= 0.1 * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)) ** 0.5 + 1e-8)  # noqa: PLW2901
            plain[name] = [value, first, second]
    assert weight[0, 0] == pytest.approx(plain["weight"][0], rel=1e-12)
    assert bias[0] == pytest.approx(plain["bias"][0], rel=1e-12)


def test_a_parameter_of_any_size_is_moved_whole() -> None:
    for size in (1, (1 << 15) - 1, (1 << 15) + 1, 3 << 15):
        parameter = np.zeros(size, np.float32)
        AdamW({"one": parameter}, 0.5, 0.0).step({"one": np.ones(size, np.float32)})
        np.testing.assert_allclose(parameter, -0.5, rtol=1e-6)


def test_gradients_are_shortened_together_and_only_where_they_are_too_long() -> None:
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    clip(gradients, 6.0)
    assert gradients["a"].tolist() == [3.0, 0.0]
    clip(gradients, 1.0)
    np.testing.assert_allclose([*gradients["a"], *gradients["b"][0]], [0.6, 0.0, 0.8], rtol=1e-6)


def test_weights_have_the_names_and_layouts_of_an_artifact() -> None:
    layers = convolutional.build((9, 8, 2), 5, {**CHOSEN, "kernel_size": 5}, 1)
    tensors = tensors_of(layers)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "conv.0.weight": (3, 50),
        "conv.0.bias": (3,),
        "conv.1.weight": (4, 75),
        "conv.1.bias": (4,),
        "dense.0.weight": (6, 16),
        "dense.0.bias": (6,),
        "dense.1.weight": (5, 6),
        "dense.1.bias": (5,),
    }
    assert {tensor.dtype for tensor in tensors.values()} == {"F32"}
    again = tensors_of(convolutional.build((9, 8, 2), 5, {**CHOSEN, "kernel_size": 5}, 1))
    assert all(tensors[name].packed == again[name].packed for name in tensors)
    weight = parameters_of(layers)["conv.1.weight"]
    assert 0.9 / 75**0.5 < np.abs(weight).max() <= 1 / 75**0.5


def test_random_numbers_differ_at_every_place() -> None:
    drawn = {
        randomness.generator(*place).random()
        for place in (
            (0, 0, 0),
            (0, 0, 1),
            (0, 1, 0),
            (1, 0, 0),
            (0, 1, 1),
            (2**40, 1, 1),
            (0, 2, 1),
            (0, 1, 2),
        )
    }
    assert len(drawn) == 8
