"""Networks that were trained answer alike in both arithmetics, and come back whole from their artifacts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ml_core import algorithms
from ml_core.algorithms.base import FitContext, TrainingData
from ml_core.arithmetic import plain_networks, vectorised_networks
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.samples import PictureSamples, Samples, SequenceSamples
from ml_core.preprocessing.network_batch import NetworkBatch
from ml_core.safetensors import Tensor

DIGITS = load_digits()
QUICK = {"epochs": 5, "learning_rate": 0.005, "batch_size": 16}


def fitted(
    name: str, samples: Samples, y: Any, given: Mapping[str, Any], context: FitContext | None = None
) -> Any:
    """The estimator that `fit` gives."""
    info = algorithms.algorithm(name)
    data = TrainingData(samples, np.asarray(y), 3)
    estimator, preprocessing = info.algorithm.fit(
        data, info.check({**QUICK, **given}), context or FitContext()
    )
    assert preprocessing.scaling is None
    return estimator


def answers_in_both(estimator: Any, instances: Pictures | Sequences) -> Any:
    """The labels, after a comparison of all that both arithmetics say."""
    found = [
        estimator.predict(NetworkBatch(instances, arithmetic=arithmetic), ["label", "probability"])
        for arithmetic in (plain_networks, vectorised_networks)
    ]
    assert found[0]["label"] == found[1]["label"]
    assert np.abs(np.array(found[0]["probability"]) - found[1]["probability"]).max() < 1e-12
    return found[0]["label"]


def comes_back_whole(name: str, estimator: Any, instances: Pictures | Sequences) -> None:
    parameters, tensors = estimator.parameters(), estimator.tensors()
    again = algorithms.algorithm(name).algorithm.restore(parameters, tensors)
    assert (parameters, tensors) == ({}, {})
    assert {name: bytes(kept.packed) for name, kept in again.tensors().items()} == {
        name: bytes(kept.packed) for name, kept in estimator.tensors().items()
    }
    assert again.predict(NetworkBatch(instances), ["label"]) == estimator.predict(
        NetworkBatch(instances), ["label"]
    )


@pytest.mark.parametrize("dtype", ["u1", "<f4"])
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"scale": "0-1", "pooling": "average", "kernel_size": 5, "dense": []},
        {"scale": "none", "channels": [8], "shift": 1, "flip": True, "class_weight": "balanced"},
        {"channels": [4, 4, 4], "dense": [16, 16], "validation_fraction": 0.0, "patience": None},
    ],
    ids=str,
)
def test_pictures(chosen: dict[str, Any], dtype: str) -> None:
    array = DIGITS.images[:600, :, :, None].astype(dtype)
    estimator = fitted(
        "cnn", PictureSamples(array), DIGITS.target[:600], {"channels": [8, 16], "dense": [32], **chosen}
    )
    held_out = DIGITS.images[600:700].astype(dtype)
    instances = Pictures(held_out.tobytes(), (8, 8, 1), "U8" if dtype == "u1" else "F32")
    labels = answers_in_both(estimator, instances)
    # A few epochs of so few pictures teach the default network much, and others something.
    assert np.mean(labels == DIGITS.target[600:700]) > (0.15 if chosen else 0.7)
    comes_back_whole("cnn", estimator, instances)
    mean, scale = (estimator.tensors()[f"input.{name}"].values[0] for name in ("mean", "scale"))
    kind = chosen.get("scale", "standardise")
    if kind == "none":
        assert (mean, scale) == (0.0, 1.0)
    elif kind == "0-1":
        assert (mean, scale) == (0.0, 255.0 if dtype == "u1" else 16.0)
    else:
        assert mean == pytest.approx(array.mean(), rel=1e-6)
        assert scale == pytest.approx(array.std(), rel=1e-6)


def test_the_fit_tells_each_epoch() -> None:
    told: list[tuple[int, int, Mapping[str, float]]] = []
    context = FitContext(lambda *each: told.append(each))
    samples = PictureSamples(DIGITS.images[:200, :, :, None].astype("u1"))
    fitted("cnn", samples, DIGITS.target[:200], {"channels": [4], "epochs": 3, "patience": None}, context)
    assert [(done, of) for done, of, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert all({"loss", "validation_loss", "validation_accuracy"} <= metrics.keys() for *_, metrics in told)


def waves(count: int, channels: int) -> tuple[SequenceSamples, Any, Sequences]:
    """Sequences of three frequencies and many lengths."""
    random = np.random.default_rng(channels)
    y = np.arange(count) % 3
    lengths = random.integers(4, 20, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    phases = np.concatenate(
        [np.arange(length) * (0.3 + 0.5 * kind) for length, kind in zip(lengths, y, strict=True)]
    )
    steps = (np.sin(phases)[:, None] * 5 + 100 + random.normal(size=(offsets[-1], channels)) * 0.5).astype(
        "<f4"
    )
    return SequenceSamples(steps, offsets), y, Sequences(steps.tobytes(), channels, lengths.tolist())


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"bidirectional": True, "reads": "max", "scale": False, "dropout": 0.1},
        {"layers": 2, "reads": "mean", "clip_norm": None},
    ],
    ids=str,
)
def test_sequences(cell: str, chosen: dict[str, Any]) -> None:
    samples, y, instances = waves(240, 2)
    estimator = fitted("rnn", samples, y, {"cell": cell, "hidden_size": 12, "batch_size": 16, **chosen})
    assert estimator.input.shape == (-1, 2)
    labels = answers_in_both(estimator, instances)
    comes_back_whole("rnn", estimator, instances)
    if chosen.get("scale", True):
        # So few epochs teach Elman's cell next to nothing.
        assert np.mean(labels == y) > (0.2 if cell == "rnn" else 0.5)
        assert estimator.tensors()["input.mean"].values[0] == pytest.approx(
            samples.steps[:, 0].mean(), rel=1e-4
        )
    else:
        assert estimator.tensors()["input.scale"].values == (1.0, 1.0)


def test_texts_as_the_numbers_of_their_words() -> None:
    random = np.random.default_rng(6)
    y = np.arange(200) % 2
    lengths = random.integers(1, 9, 200)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    words = random.integers(0, 10, (offsets[-1], 1)) + 10 * np.repeat(y, lengths)[:, None]
    chosen = {"hidden_size": 8, "embedding_size": 6, "reads": "mean"}
    estimator = fitted("rnn", SequenceSamples(words, offsets), y, chosen)
    assert estimator.input.shape == (-1,)
    assert estimator.n_tokens == 20
    assert estimator.tensors()["embedding"].shape == (20, 6)
    instances = Sequences(words.tobytes(), 1, lengths.tolist(), "I64")
    assert np.mean(answers_in_both(estimator, instances) == y) > 0.9
    comes_back_whole("rnn", estimator, instances)


def test_equal_fits_are_equal_to_the_bit() -> None:
    samples = PictureSamples(DIGITS.images[:200, :, :, None].astype("u1"))
    states = [
        fitted("cnn", samples, DIGITS.target[:200], {"channels": [4], "shift": 1}).tensors() for _ in range(2)
    ]
    assert _bytes(states[0]) == _bytes(states[1])


def _bytes(tensors: dict[str, Tensor]) -> dict[str, bytes]:
    return {name: bytes(kept.packed) for name, kept in tensors.items()}
