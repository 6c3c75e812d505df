"""What PyTorch says of small networks, from a committed file that `make oracles` makes anew and compares."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from ml_core.inputs.samples import PictureSamples, SequenceSamples, TextSamples
from ml_core.networks import convolutional, recurrent
from ml_core.networks.convolutional import PictureInputs
from ml_core.networks.loss import CrossEntropy
from ml_core.networks.network import Layers, backward, forward, gradients_of, parameters_of
from ml_core.networks.sequences import SequenceInputs
from ml_core.preprocessing.network_fitting import read_samples
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer

PATH = Path(__file__).with_name("reference.safetensors")
CLASSES = 3


def encoded(texts: Sequence[str], tokenizer: Tokenizer) -> SequenceSamples:
    """Texts as a network is trained on them."""
    samples = read_samples(TextSamples(texts), TextInput("text", tokenizer))
    assert isinstance(samples, SequenceSamples)
    return samples


class Reference:
    """A file that tests/oracles/make_reference.py wrote."""

    def __init__(self, path: Path = PATH) -> None:
        with safe_open(path, framework="numpy") as opened:
            self.cases: dict[str, dict[str, dict[str, Any]]] = json.loads(opened.metadata()["cases"])
            self.arrays: dict[str, NDArray[Any]] = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping

    def of(self, kind: str, case: str) -> dict[str, NDArray[Any]]:
        """What stands below a case."""
        return self._below(self.arrays, f"{kind}/{case}/")

    def accuracies(self, name: str) -> list[float]:
        """The held-out accuracies of PyTorch on a data set, seed by seed."""
        found: list[float] = self.arrays[f"accuracy/{name}"].tolist()
        return found

    def computed(self, kind: str, case: str) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        """The scores and the gradients that our network of the case gives, with PyTorch's weights."""
        given, chosen = self.of(kind, case), self.cases[kind][case]
        layers: Layers
        if kind == "cnn":
            x = given["x"]
            layers = convolutional.build(x.shape[1:], CLASSES, {**chosen, "dropout": 0.0}, 0)
            none = np.zeros(x.shape[-1], np.float32), np.ones(x.shape[-1], np.float32)
            batch: Any = PictureInputs(PictureSamples(x), *none).batch(np.arange(len(x)))
        else:
            inputs = int(given["weights/embedding"].shape[0]) if chosen["text"] else given["steps"].shape[1]
            random = np.random.default_rng(0)
            layers = recurrent.build(inputs, CLASSES, {**chosen, "dropout": 0.0}, random, text=chosen["text"])
            samples = SequenceSamples(given["steps"], given["offsets"])
            batch = SequenceInputs(samples).batch(np.arange(len(samples)))
        weights = self._below(given, "weights/")
        own = parameters_of(layers)
        assert own.keys() == weights.keys()
        for name, array in own.items():
            assert array.shape == weights[name].shape, name
            array[...] = weights[name]
        scores = forward(layers, batch)
        *_, slope = CrossEntropy().gradient(scores, given["y"])
        backward(layers, slope)
        return scores, gradients_of(layers)

    def expected(self, kind: str, case: str) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        """The same as PyTorch has it."""
        given = self.of(kind, case)
        return given["scores"], self._below(given, "gradients/")

    @staticmethod
    def _below(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
        return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}
