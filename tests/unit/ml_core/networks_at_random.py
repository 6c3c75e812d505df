"""Networks with random weights as artifacts have them, instances for them, and what they should answer.

The reference is written from the equations, number by number: it has no patches, no blocks and no batches.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml_core import algorithms
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.preprocessing.network_batch import NetworkBatch
from ml_core.safetensors import Tensor

type Floats = NDArray[np.float64]

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


class State(NamedTuple):
    """An algorithm's name, and the state of an estimator of it."""

    algorithm: str
    parameters: dict[str, Any]
    tensors: dict[str, Tensor]

    def estimator(self) -> Any:
        """Restored, as an artifact's is."""
        return algorithms.algorithm(self.algorithm).algorithm.restore(
            dict(self.parameters), dict(self.tensors)
        )

    def array(self, name: str) -> Floats:
        """A tensor in float64."""
        return numbers(self.tensors[name])


def numbers(tensor: Tensor) -> Floats:
    """A tensor of float32 in float64."""
    array: Floats = np.frombuffer(tensor.packed, "<f4").astype(np.float64).reshape(tensor.shape)
    return array


def tensor(array: Any) -> Tensor:
    """An array as a tensor of float32."""
    return Tensor(np.shape(array), np.asarray(array, "<f4").tobytes(), "F32")


def cnn(
    random: np.random.Generator,
    *,
    shape: tuple[int, int, int] = (8, 8, 1),
    channels: tuple[int, ...] = (4, 6),
    kernel_size: int = 3,
    pooling: str = "max",
    dense: tuple[int, ...] = (16,),
    classes: int = 5,
) -> State:
    """A convolutional network."""
    height, width, inputs = shape
    tensors = _standardising(random, inputs)
    for number, outputs in enumerate(channels):
        fan_in = kernel_size * kernel_size * inputs
        tensors[f"conv.{number}.weight"] = _uniform(random, (outputs, fan_in), fan_in)
        tensors[f"conv.{number}.bias"] = _uniform(random, (outputs,), fan_in)
        height, width, inputs = height // 2, width // 2, outputs
    inputs *= height * width
    for number, outputs in enumerate((*dense, classes)):
        tensors[f"dense.{number}.weight"] = _uniform(random, (outputs, inputs), inputs)
        tensors[f"dense.{number}.bias"] = _uniform(random, (outputs,), inputs)
        inputs = outputs
    return State("cnn", {"shape": [*shape], "kernel_size": kernel_size, "pooling": pooling}, tensors)


def rnn(
    random: np.random.Generator,
    cell: str = "lstm",
    *,
    channels: int | None = 3,
    hidden: int = 6,
    layers: int = 1,
    bidirectional: bool = False,
    reads: str = "last",
    classes: int = 4,
    tokens: int = 20,
) -> State:
    """A recurrent network; for text where `channels` is None."""
    if channels is None:
        tensors = {"embedding": tensor(random.normal(size=(tokens, 5)))}
        inputs = 5
    else:
        tensors, inputs = _standardising(random, channels), channels
    rows = GATES[cell] * hidden
    for layer in range(layers):
        for direction in ("forward", "backward")[: 1 + bidirectional]:
            name = f"rnn.{layer}.{direction}"
            tensors[f"{name}.input"] = _uniform(random, (rows, inputs), hidden)
            tensors[f"{name}.recurrent"] = _uniform(random, (rows, hidden), hidden)
            tensors[f"{name}.input_bias"] = _uniform(random, (rows,), hidden)
            tensors[f"{name}.recurrent_bias"] = _uniform(random, (rows,), hidden)
        inputs = hidden * (1 + bidirectional)
    tensors["head.weight"] = _uniform(random, (classes, inputs), inputs)
    tensors["head.bias"] = _uniform(random, (classes,), inputs)
    parameters = {
        "cell": cell, "layers": layers, "bidirectional": bidirectional, "reads": reads, "channels": channels,
    }  # fmt: skip
    return State("rnn", parameters, tensors)


def _standardising(random: np.random.Generator, channels: int) -> dict[str, Tensor]:
    return {
        "input.mean": tensor(random.normal(size=channels)),
        "input.scale": tensor(random.uniform(0.5, 2, channels)),
    }


def _uniform(random: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Tensor:
    bound = 2 / np.sqrt(fan_in)
    return tensor(random.uniform(-bound, bound, shape))


def instances(random: np.random.Generator, state: State, count: int, *, bytes_: bool = False) -> list[Any]:
    """An array for each instance: of pictures height × width × channels, of sequences steps × width."""
    if state.algorithm == "cnn":
        size = (count, *state.parameters["shape"])
        pixels = random.integers(0, 256, size, np.uint8) if bytes_ else random.normal(size=size)
        return [each if bytes_ else each.astype(np.float32) for each in pixels]
    lengths = random.integers(1, 12, count)
    if state.parameters["channels"] is None:
        tokens = state.tensors["embedding"].shape[0]
        return [random.integers(0, tokens, (length, 1)) for length in lengths]
    width = state.parameters["channels"]
    return [random.normal(size=(length, width)).astype(np.float32) for length in lengths]


def batch(state: State, chosen: list[Any], arithmetic: Any = None, request_size: int = 0) -> NetworkBatch:
    """Instances packed as predictions take them."""
    dtype = {"f": "F32", "u": "U8", "i": "I64"}[chosen[0].dtype.kind]
    packed = b"".join(each.tobytes() for each in chosen)
    made: Pictures | Sequences
    if state.algorithm == "cnn":
        made = Pictures(packed, tuple(state.parameters["shape"]), dtype)
    else:
        made = Sequences(packed, chosen[0].shape[1], [len(each) for each in chosen], dtype)
    return NetworkBatch(made, arithmetic=arithmetic, request_size=request_size)


def expected(state: State, instance: Any) -> Floats:
    """The probabilities of one instance."""
    decisions = _picture(state, instance) if state.algorithm == "cnn" else _sequence(state, instance)
    shares: Floats = np.exp(decisions - decisions.max())
    return shares / shares.sum()


def _picture(state: State, picture: Any) -> Floats:
    x = (picture.astype(np.float64) - state.array("input.mean")) / state.array("input.scale")
    number = 0
    while f"conv.{number}.weight" in state.tensors:
        weight, bias = (state.array(f"conv.{number}.{name}") for name in ("weight", "bias"))
        x = _pooled(_convolved(x, weight, bias, state.parameters["kernel_size"]), state.parameters["pooling"])
        number += 1
    x, number = x.ravel(), 0
    while f"dense.{number}.weight" in state.tensors:
        x = np.maximum(x, 0) if number else x
        x = state.array(f"dense.{number}.weight") @ x + state.array(f"dense.{number}.bias")
        number += 1
    return np.asarray(x)


def _convolved(x: Floats, weight: Floats, bias: Floats, kernel: int) -> Floats:
    height, width, channels = x.shape
    kernels = weight.reshape(len(weight), kernel, kernel, channels)
    result = np.tile(bias, (height, width, 1))
    around = kernel // 2
    for y, column in np.ndindex(height, width):
        for dy, dx in np.ndindex(kernel, kernel):
            from_y, from_x = y + dy - around, column + dx - around
            if 0 <= from_y < height and 0 <= from_x < width:
                result[y, column] += kernels[:, dy, dx] @ x[from_y, from_x]
    return result


def _pooled(x: Floats, pooling: str) -> Floats:
    height, width, channels = x.shape
    result = np.empty((height // 2, width // 2, channels))
    relu = np.maximum(x, 0)
    for y, column in np.ndindex(*result.shape[:2]):
        square = relu[2 * y : 2 * y + 2, 2 * column : 2 * column + 2].reshape(4, channels)
        result[y, column] = square.max(axis=0) if pooling == "max" else square.mean(axis=0)
    return result


def _sequence(state: State, sequence: Any) -> Floats:
    parameters = state.parameters
    if parameters["channels"] is None:
        steps = state.array("embedding")[sequence[:, 0]]
    else:
        steps = (sequence.astype(np.float64) - state.array("input.mean")) / state.array("input.scale")
    names = ("forward", "backward")[: 1 + parameters["bidirectional"]]
    for layer in range(parameters["layers"]):
        both = [
            _states(state, f"rnn.{layer}.{name}", steps[:: -1 if name == "backward" else 1]) for name in names
        ]
        told = [{"last": each[-1], "mean": each.mean(axis=0), "max": each.max(axis=0)} for each in both]
        steps = np.hstack([each[:: -1 if number else 1] for number, each in enumerate(both)])
    read = np.concatenate([each[parameters["reads"]] for each in told])
    decisions: Floats = state.array("head.weight") @ read + state.array("head.bias")
    return decisions


def _states(state: State, name: str, steps: Floats) -> Floats:
    W, U, b, c = (
        state.array(f"{name}.{part}") for part in ("input", "recurrent", "input_bias", "recurrent_bias")
    )
    cell, states = state.parameters["cell"], []
    h = memory = np.zeros(U.shape[1])
    for x in steps:
        by_input = np.split(W @ x + b, GATES[cell])
        by_state = np.split(U @ h + c, GATES[cell])
        if cell == "lstm":
            i, f, g, o = (one + other for one, other in zip(by_input, by_state, strict=True))
            memory = _sigmoid(f) * memory + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(memory)
        elif cell == "gru":
            r, z = (_sigmoid(by_input[gate] + by_state[gate]) for gate in (0, 1))
            h = (1 - z) * np.tanh(by_input[2] + r * by_state[2]) + z * h
        else:
            h = np.tanh(by_input[0] + by_state[0])
        states.append(h)
    return np.array(states)


def _sigmoid(x: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-x))
    return result
