"""Networks as ONNX answer in onnxruntime what they answer here, within float32's rounding."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ml_core.algorithms import cnn, rnn
from ml_core.algorithms.cnn import ConvolutionalNetwork
from ml_core.algorithms.rnn import RecurrentNetwork
from ml_core.arithmetic.network import GATES
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.preprocessing.picture_input import PictureInput
from ml_core.preprocessing.sequence_input import SequenceInput
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer
from ml_core.safetensors import Tensor
from ml_core.training.notebook import check_request, fit
from tests.unit.ml_core.onnx_runtime import checked, feed, properties, run

CLOSE = 2e-6  # of a probability: float32 has 24 bits, and sums of a few hundred numbers lose some
CLASSES = ("heron", "ibis", "jay")


class Drawn:
    """Random tensors of float32."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)

    def tensor(self, *shape: int) -> Tensor:
        """Weights of a size that keeps activations near 1."""
        values = self._random.normal(size=shape) / max(1.0, shape[-1] ** 0.5)
        return Tensor(shape, values.astype("<f4").tobytes(), "F32")

    def scale(self, width: int) -> Tensor:
        """Numbers above 0."""
        return Tensor((width,), self._random.uniform(0.5, 2, width).astype("<f4").tobytes(), "F32")


def convolutional(
    shape: tuple[int, int, int], channels: list[int], dense: list[int], kernel_size: int, pooling: str
) -> Model:
    drawn, height, width, inputs = Drawn(), *shape
    tensors = {"input.mean": drawn.tensor(inputs), "input.scale": drawn.scale(inputs)}
    for number, outputs in enumerate(channels):
        tensors[f"conv.{number}.weight"] = drawn.tensor(outputs, kernel_size**2 * inputs)
        tensors[f"conv.{number}.bias"] = drawn.tensor(outputs)
        height, width, inputs = height // 2, width // 2, outputs
    inputs *= height * width
    for number, outputs in enumerate([*dense, len(CLASSES)]):
        tensors[f"dense.{number}.weight"] = drawn.tensor(outputs, inputs)
        tensors[f"dense.{number}.bias"] = drawn.tensor(outputs)
        inputs = outputs
    described = {"shape": list(shape), "kernel_size": kernel_size, "pooling": pooling}
    return Model(
        cnn.restore(described, tensors),
        algorithm="cnn",
        hyperparameters={},
        features=("image",),
        classes=CLASSES,
        reader=PictureInput(shape),
    )


def recurrent(
    cell: str,
    *,
    layers: int,
    bidirectional: bool,
    reads: str,
    channels: int | None = 3,
    most: int | None = None,
) -> Model:
    drawn, hidden, directions = Drawn(1), 5, ("forward", "backward")[: 1 + bidirectional]
    tokens = ("a", "b", "ü", "日")
    inputs = channels or 4
    tensors = {"embedding": drawn.tensor(1 + len(tokens), inputs)}
    if channels:
        tensors = {"input.mean": drawn.tensor(channels), "input.scale": drawn.scale(channels)}
    for number in range(layers):
        for direction in directions:
            name, rows = f"rnn.{number}.{direction}", GATES[cell] * hidden
            tensors[f"{name}.input"], tensors[f"{name}.input_bias"] = (
                drawn.tensor(rows, inputs),
                drawn.tensor(rows),
            )
            tensors[f"{name}.recurrent"] = drawn.tensor(rows, hidden)
            tensors[f"{name}.recurrent_bias"] = drawn.tensor(rows)
        inputs = hidden * len(directions)
    tensors["head.weight"], tensors["head.bias"] = (
        drawn.tensor(len(CLASSES), inputs),
        drawn.tensor(len(CLASSES)),
    )
    described = {
        "cell": cell,
        "layers": layers,
        "bidirectional": bidirectional,
        "reads": reads,
        "channels": channels,
    }
    reader = (
        SequenceInput(tuple(f"x{place}" for place in range(channels)), most)
        if channels
        else TextInput("text", Tokenizer("characters", tokens, max_length=most))
    )
    return Model(
        rnn.restore(described, tensors),
        algorithm="rnn",
        hyperparameters={},
        features=reader.features,
        classes=CLASSES,
        reader=reader,
    )


def assert_same(model: Model, instances: list[Any], given: Mapping[str, Any]) -> None:
    found = run(model.to_onnx(), given)
    assert tuple(found) == model.outputs == ("label", "probability")
    assert found["probability"].dtype == np.float32
    expected = np.array(model.output_of(instances, "probability"))
    assert np.abs(found["probability"] - expected).max() < CLOSE
    assert found["label"].tolist() == model.output_of(instances)
    assert np.ptp(expected, axis=0).max() > 0.01, "what is the same for all says nothing"


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize(
    ("shape", "channels", "dense"),
    [((8, 8, 1), [4], []), ((9, 7, 3), [4, 6], [10]), ((5, 11, 2), [3], [7, 6])],
    ids=str,
)
def test_convolutional_networks(
    shape: tuple[int, int, int], channels: list[int], dense: list[int], kernel_size: int, pooling: str
) -> None:
    model = convolutional(shape, channels, dense, kernel_size, pooling)
    pictures = np.random.default_rng(2).normal(size=(40, *shape)).astype(np.float32)
    assert_same(model, pictures.tolist(), {"input-0": pictures})


def trained(instances: list[Any], targets: list[Any], **body: Any) -> Model:
    request = {"instances": instances, "targets": targets, "test_fraction": 0, **body}
    return Model.from_bytes(fit(check_request(request, Limits()), lambda *_: None).artifact)


def test_a_network_that_was_trained_on_digits() -> None:
    images, digits = load_digits(return_X_y=True)
    pictures = images.reshape(-1, 8, 8, 1).tolist()
    chosen = {"epochs": 4, "channels": [8], "dense": [16]}
    model = trained(pictures[:600], digits[:600].tolist(), algorithm="cnn", hyperparameters=chosen)
    assert_same(model, pictures[600:], feed(model, pictures[600:]))


@pytest.mark.parametrize(
    "chosen", [{"cell": "lstm", "layers": 2}, {"cell": "gru", "bidirectional": True}], ids=str
)
def test_a_network_that_was_trained_on_sequences(chosen: dict[str, Any]) -> None:
    random = np.random.default_rng(6)
    waves = [np.sin(np.arange(random.integers(3, 20)) * pace + random.random()) for pace in [0.3, 1.1] * 60]
    sequences = [[[float(value), 1.0] for value in wave] for wave in waves]
    more = {"epochs": 3, "hidden_size": 8, "max_length": 12}
    body = {"algorithm": "rnn", "hyperparameters": {**chosen, **more}}
    model = trained(sequences, ["slow", "quick"] * 60, **body)
    assert_same(model, sequences, feed(model, sequences))


def test_a_network_that_was_trained_on_texts() -> None:
    random = np.random.default_rng(7)
    texts = ["".join(random.choice(list(letters), 6)) for letters in ["abcé", "xyz日"] * 40]
    chosen = {"epochs": 12, "hidden_size": 8, "embedding_size": 4, "tokens": "characters"}
    model = trained(texts, ["early", "late"] * 40, algorithm="rnn", hyperparameters=chosen)
    asked = [*texts, "", "ABC", "?", "xyzabc"]
    assert_same(model, asked, feed(model, asked))


def padded(sequences: list[Any], padding: Any, dtype: Any) -> dict[str, Any]:
    """Sequences as the file takes them."""
    longest = max(map(len, sequences))
    values = np.full((len(sequences), longest, *np.shape(sequences[0])[1:]), padding, dtype)
    for place, sequence in enumerate(sequences):
        values[place, : len(sequence)] = sequence
    return {"input-0": values, "sequence_lens": np.array([len(each) for each in sequences])}


LENGTHS = [1, 2, 7, 3, 1, 9, 4, 7, 12, 2]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("reads", ["last", "mean", "max"])
@pytest.mark.parametrize("cell", GATES)
def test_recurrent_networks_of_sequences_of_unequal_length(
    cell: str, reads: str, layers: int, bidirectional: bool
) -> None:
    """What pads them is not looked at, whatever it is."""
    random = np.random.default_rng(3)
    sequences = [random.normal(size=(length, 3)).astype(np.float32) * 3 for length in LENGTHS * 3]
    model = recurrent(cell, layers=layers, bidirectional=bidirectional, reads=reads)
    assert_same(model, [each.tolist() for each in sequences], padded(sequences, np.nan, np.float32))


@pytest.mark.parametrize("most", [1, 4, 50])
@pytest.mark.parametrize("reads", ["last", "mean"])
def test_longer_sequences_are_cut_to_their_last_steps(reads: str, most: int) -> None:
    random = np.random.default_rng(4)
    sequences = [random.normal(size=(length, 3)).astype(np.float32) * 3 for length in LENGTHS * 3]
    model = recurrent("gru", layers=1, bidirectional=True, reads=reads, most=most)
    assert_same(model, [each.tolist() for each in sequences], padded(sequences, np.inf, np.float32))


TEXTS = ["a", "b a", "üba", "日日a", "z", "", "aab bba abab", "b" * 20, "Ü", "日"]


@pytest.mark.parametrize("most", [None, 3])
@pytest.mark.parametrize("cell", GATES)
def test_texts_are_numbers_of_tokens(cell: str, most: int | None) -> None:
    model = recurrent(cell, layers=2, bidirectional=True, reads="last", channels=None, most=most)
    read = json.loads(properties(model.to_onnx())["input"])
    tokenizer = Tokenizer.restored(
        {name: read[name] for name in read if name != "kind"} | {"max_length": None}
    )
    assert_same(model, TEXTS, padded([tokenizer.encode(text) for text in TEXTS], 0, np.int64))


@pytest.mark.parametrize(
    ("made", "instance"),
    [
        (
            lambda: convolutional((8, 8, 1), [2], [], 3, "max"),
            {"input-0": np.zeros((0, 8, 8, 1), np.float32)},
        ),
        (
            lambda: recurrent("lstm", layers=2, bidirectional=True, reads="mean"),
            {"input-0": np.zeros((1, 1, 3), np.float32), "sequence_lens": np.array([1])},
        ),
    ],
    ids=["no picture", "one step"],
)
def test_the_least_that_can_be_asked(made: Callable[[], Model], instance: dict[str, Any]) -> None:
    found = run(made().to_onnx(), instance)
    assert found["probability"].shape == (len(instance["input-0"]), 3)


def test_the_file_says_how_instances_are_read() -> None:
    pictures = convolutional((8, 8, 1), [2], [], 3, "max")
    assert json.loads(properties(pictures.to_onnx())["input"]) == {"kind": "image", "shape": [8, 8, 1]}
    graph = checked(recurrent("rnn", layers=1, bidirectional=False, reads="last").to_onnx()).graph
    assert [given.name for given in graph.input] == ["input-0", "sequence_lens"]
    assert [given.doc_string for given in graph.input][1] == "how many steps each has, at least 1"


def test_equal_networks_are_equal_files() -> None:
    def pictures() -> Model:
        return convolutional((9, 7, 3), [4, 6], [10], 3, "max")

    def sequences() -> Model:
        return recurrent("gru", layers=2, bidirectional=True, reads="max")

    assert pictures().to_onnx() == pictures().to_onnx() == Model.from_bytes(pictures().to_bytes()).to_onnx()
    assert (
        sequences().to_onnx() == sequences().to_onnx() == Model.from_bytes(sequences().to_bytes()).to_onnx()
    )
    assert isinstance(sequences().estimator, RecurrentNetwork)
    assert isinstance(pictures().estimator, ConvolutionalNetwork)
