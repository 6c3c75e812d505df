"""Networks answer what their equations say, alike in both arithmetics, in any company and in any order."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ml_core import algorithms, safetensors
from ml_core.arithmetic import plain_networks, vectorised_networks
from ml_core.arithmetic.bounds import BLOCK_NUMBERS, NotFinite, is_little
from ml_core.errors import ArtifactInvalid
from tests.unit.ml_core import networks_at_random as at_random
from tests.unit.ml_core.networks_at_random import State, batch, expected, instances

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
AGREED = 1e-12
ARITHMETICS = (plain_networks, vectorised_networks)
PICTURES: dict[str, dict[str, Any]] = {
    "two convolutions": {},
    "odd sides, averages": {"shape": (9, 7, 3), "pooling": "average", "channels": (3, 4), "kernel_size": 5},
    "odd sides, maxima": {"shape": (7, 11, 2), "channels": (3, 2), "dense": ()},
    "patches of a pixel": {"shape": (4, 5, 2), "kernel_size": 1, "channels": (3,), "dense": (4, 3, 5)},
    "patches of 49": {"shape": (16, 8, 1), "kernel_size": 7, "channels": (2, 2, 2), "classes": 2},
    "one pixel left": {"shape": (16, 16, 1), "channels": (2, 2, 2, 2), "pooling": "average"},
}
SEQUENCES: dict[str, dict[str, Any]] = {
    f"{cell}, {'both ways' if both else 'forward'}, {layers} layers, {reads}, {channels} channels": {
        "cell": cell, "bidirectional": both, "layers": layers, "reads": reads, "channels": channels,
    }
    for cell in at_random.GATES
    for both, layers, reads, channels in [
        (False, 1, "last", 3), (True, 1, "last", 1), (True, 3, "last", 2), (False, 2, "mean", 3),
        (True, 2, "mean", None), (True, 1, "max", None), (False, 1, "max", 2),
    ]
}  # fmt: skip
KINDS: dict[str, Callable[[np.random.Generator], State]] = {
    **{name: partial(at_random.cnn, **chosen) for name, chosen in PICTURES.items()},
    **{name: partial(at_random.rnn, **chosen) for name, chosen in SEQUENCES.items()},
}


def answered(state: State, chosen: list[Any], arithmetic: ModuleType) -> tuple[list[int], np.ndarray]:
    found = state.estimator().predict(batch(state, chosen, arithmetic), ["label", "probability"])
    return found["label"], np.asarray(found["probability"])


@pytest.mark.parametrize("kind", KINDS)
def test_both_arithmetics_answer_what_the_equations_say(kind: str) -> None:
    random = np.random.default_rng(sum(map(ord, kind)))
    for bytes_ in (False, True):
        state = KINDS[kind](random)
        chosen = instances(random, state, 9, bytes_=bytes_)
        truth = np.array([expected(state, instance) for instance in chosen])
        for arithmetic in ARITHMETICS:
            labels, probabilities = answered(state, chosen, arithmetic)
            assert labels == truth.argmax(axis=1).tolist()
            assert np.abs(probabilities - truth).max() < AGREED
            assert np.abs(probabilities.sum(axis=1) - 1).max() < AGREED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_an_instance_is_answered_alike_alone_and_among_others(kind: str, arithmetic: ModuleType) -> None:
    random = np.random.default_rng(len(kind))
    state = KINDS[kind](random)
    chosen = instances(random, state, 30)
    labels, probabilities = answered(state, chosen, arithmetic)
    order = random.permutation(len(chosen))
    others: list[tuple[Any, tuple[list[int], np.ndarray]]] = [
        (order, answered(state, [chosen[place] for place in order], arithmetic)),
        *(([place], answered(state, [chosen[place]], arithmetic)) for place in range(0, 30, 7)),
        (np.arange(11, 17), answered(state, chosen[11:17], arithmetic)),
    ]
    for places, (again, likely) in others:
        assert again == [labels[place] for place in places]
        assert np.abs(likely - probabilities[places]).max() < AGREED


def test_sequences_of_one_step_and_of_very_different_lengths() -> None:
    random = np.random.default_rng(5)
    for cell in at_random.GATES:
        state = at_random.rnn(random, cell, bidirectional=True, layers=2, reads="mean")
        chosen = [random.normal(size=(length, 3)).astype("f4") for length in (1, 400, 1, 2, 37, 400, 1)]
        truth = np.array([expected(state, instance) for instance in chosen])
        for arithmetic in ARITHMETICS:
            assert np.abs(answered(state, chosen, arithmetic)[1] - truth).max() < AGREED


@pytest.mark.parametrize("kind", ["two convolutions", "gru, both ways, 3 layers, last, 2 channels"])
def test_of_classes_with_equal_weights_the_first_is_the_label(kind: str) -> None:
    """A matrix product may round equal columns differently."""
    random = np.random.default_rng(8)
    state = KINDS[kind](random)
    name = "dense.1" if state.algorithm == "cnn" else "head"
    classes = len(state.array(f"{name}.bias"))
    for part in ("weight", "bias"):
        rows = state.array(f"{name}.{part}")
        # Each class has its double behind all others.
        state.tensors[f"{name}.{part}"] = at_random.tensor(np.concatenate([rows, rows, rows]))
    chosen = instances(random, state, 60)
    for arithmetic in ARITHMETICS:
        labels, _ = answered(state, chosen, arithmetic)
        assert max(labels) < classes
        assert len(set(labels)) > 1
        assert labels == [label for one in chosen for label in answered(state, [one], arithmetic)[0]]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_the_picture_whose_result_overflows_is_named(pooling: str, arithmetic: ModuleType) -> None:
    """Also where the pooling or a ReLU would take the infinite number away."""
    random = np.random.default_rng(3)
    state = at_random.cnn(
        random, shape=(64, 64, 1), channels=(2,) * 6, kernel_size=1, dense=(2, 2, 2), pooling=pooling
    )
    for name, kept in state.tensors.items():
        if name.endswith("weight"):
            state.tensors[name] = at_random.tensor(np.full(kept.shape, 3e38))
        elif name.endswith("bias"):
            state.tensors[name] = at_random.tensor(np.zeros(kept.shape))
    small = np.zeros((64, 64, 1), "f4")
    # The last convolution is the first to overflow: 2e83 times 3e38 to the power of 6.
    state.tensors["input.mean"], state.tensors["input.scale"] = map(at_random.tensor, ([0.0], [1e-45]))
    large = small.copy()
    large[9, 9] = 3e38
    for sign in (1, -1):
        state.tensors["conv.5.weight"] = at_random.tensor(np.full((2, 2), sign * 3e38))
        with pytest.raises(NotFinite) as overflow:
            answered(state, [small, small, large, small, large], arithmetic)
        assert overflow.value.row == 2


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_states_never_overflow(arithmetic: ModuleType) -> None:
    random = np.random.default_rng(4)
    for cell in at_random.GATES:
        state = at_random.rnn(random, cell, layers=2, bidirectional=True, reads="mean")
        for name, kept in state.tensors.items():
            signs = random.choice([-1, 1], kept.shape)
            wild = np.full(kept.shape, 1e-45) if name == "input.scale" else signs * 3e38
            state.tensors[name] = at_random.tensor(wild)
        chosen = [np.full((5, 3), 3e38, "f4"), np.full((2, 3), -3e38, "f4")]
        _, probabilities = answered(state, chosen, arithmetic)
        assert np.isfinite(probabilities).all()


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("wrong", [-1, 20, 2**40])
def test_a_number_that_no_word_has_is_refused(wrong: int, arithmetic: ModuleType) -> None:
    state = at_random.rnn(np.random.default_rng(1), channels=None)
    with pytest.raises(IndexError, match="from 0 to 19"):
        answered(state, [np.array([[3], [wrong]])], arithmetic)


def test_the_arithmetic_goes_by_the_work_of_the_whole_request(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    state = at_random.cnn(random)
    estimator = state.estimator()
    few = max(size for size in range(1, 10_000) if is_little(size, estimator.work))
    chosen = instances(random, state, 1)
    used: list[str] = []

    def noticed(name: str, *_: object) -> tuple[list[int], list[float]]:
        used.append(name)
        return [], []

    for arithmetic in ARITHMETICS:
        monkeypatch.setattr(arithmetic, "picture_decisions", partial(noticed, arithmetic.__name__))
    for size in (0, 1, few, few + 1, 100 * few):
        estimator.predict(batch(state, chosen, request_size=size), ["label"])
    plain, vectorised = (arithmetic.__name__ for arithmetic in ARITHMETICS)
    assert used == [plain, plain, plain, vectorised, vectorised]


def test_work_is_how_many_multiplications_there_are() -> None:
    random = np.random.default_rng(2)
    digits = at_random.cnn(random, channels=(16, 32), dense=(64,), classes=10).estimator()
    assert digits.work == 64 * 9 * 16 + 16 * 9 * 16 * 32 + 128 * 64 + 64 * 10
    assert digits.peak_width == 64 * 16
    lstm = at_random.rnn(random, channels=12, hidden=32, layers=2, bidirectional=True, classes=3).estimator()
    assert lstm.work == 2 * 4 * 32 * (12 + 32) + 2 * 4 * 32 * (64 + 32) + 3 * 64
    assert lstm.peak_width == 128


PROGRAM = """
import json, sys
from ml_core import algorithms, safetensors
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.preprocessing.network_batch import NetworkBatch

for folder in sys.argv[1:]:
    parameters, tensors = safetensors.read(open(folder, "rb").read())
    name, lengths = parameters.pop("algorithm"), parameters.pop("lengths")
    packed = bytes(tensors.pop("packed").packed)
    estimator = algorithms.algorithm(name).algorithm.restore(parameters, tensors)
    made = Sequences(packed, 3, lengths) if lengths else Pictures(packed, estimator.input.shape)
    print(json.dumps(estimator.predict(NetworkBatch(made), ["probability"])["probability"]))
print(json.dumps(sorted(sys.modules)))
"""


def test_few_multiplications_are_answered_without_numpy(tmp_path: Any) -> None:
    random = np.random.default_rng(7)
    digits = at_random.cnn(random, channels=(16, 32), dense=(64,), classes=10)
    states = {"cnn": digits, "rnn": at_random.rnn(random, bidirectional=True, layers=2)}
    answers = []
    for name, state in states.items():
        (instance,) = instances(random, state, 1)
        told = {**state.parameters, "algorithm": name, "lengths": [len(instance)] if name == "rnn" else None}
        packed = safetensors.Tensor((instance.nbytes,), instance.tobytes(), "U8")
        (tmp_path / name).write_bytes(safetensors.write(told, {**state.tensors, "packed": packed}))
        answers.append(expected(state, instance))
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, *(str(tmp_path / name) for name in states)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *found, modules = map(json.loads, done.stdout.splitlines())
    assert all(
        np.abs(np.array(one) - truth).max() < AGREED for one, truth in zip(found, answers, strict=True)
    )
    assert {"numpy", "typing", "dataclasses"} & {*modules} == set()
    assert not {name for name in modules if name.startswith("ml_core.networks")}


@pytest.mark.parametrize("algorithm", ["cnn", "rnn"])
def test_memory_does_not_grow_with_how_many_are_asked(algorithm: str) -> None:
    """But for the answer and the instances themselves."""
    random = np.random.default_rng(9)
    if algorithm == "cnn":
        state = at_random.cnn(random, shape=(28, 28, 1), channels=(32, 16), dense=(8,))
        many = [np.zeros((28, 28, 1), "f4")] * 800
    else:
        state = at_random.rnn(random, hidden=64, layers=2, bidirectional=True)
        many = [np.zeros((length, 3), "f4") for length in random.integers(1, 60, 3000)]
    packed = batch(state, many, vectorised_networks)
    estimator = state.estimator()
    tracemalloc.start()
    estimator.predict(packed, ["probability"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    activations = 8 * estimator.peak_width * packed.request_size
    assert peak < 5 * 8 * BLOCK_NUMBERS
    if algorithm == "cnn":
        assert peak < activations / 4


STATES = {
    "cnn": at_random.cnn(np.random.default_rng(11)),
    "rnn": at_random.rnn(np.random.default_rng(12), layers=2, bidirectional=True),
    "text": at_random.rnn(np.random.default_rng(13), channels=None),
}
REFUSALS = (KeyError, TypeError, ValueError, ArtifactInvalid)


@pytest.mark.parametrize("kind", STATES)
def test_state_goes_round(kind: str) -> None:
    state = STATES[kind]
    estimator = state.estimator()
    assert estimator.parameters() == state.parameters
    assert {name: (kept.shape, kept.packed) for name, kept in estimator.tensors().items()} == {
        name: (kept.shape, kept.packed) for name, kept in state.tensors.items()
    }
    assert estimator.n_classes == estimator.outputs[1].width
    assert getattr(estimator, "n_tokens", None) == (20 if kind == "text" else None)


@pytest.mark.parametrize("kind", STATES)
def test_each_tensor_has_to_be_there_in_its_shape_and_type(kind: str) -> None:
    state = STATES[kind]
    for name, kept in state.tensors.items():
        others: list[Any] = [
            None,
            safetensors.Tensor(kept.shape, bytes(8 * kept.size), "F64"),
            safetensors.Tensor((*kept.shape, 1), kept.packed, "F32"),
            safetensors.Tensor((kept.size,), kept.packed, "F32") if len(kept.shape) > 1 else None,
            *(
                at_random.tensor(
                    np.ones([length + (axis == changed) for axis, length in enumerate(kept.shape)])
                )
                for changed in range(len(kept.shape))
            ),
        ]
        if name == "embedding":
            others.pop(-2)  # another number of words is another text model
        for other in others:
            tensors = {**state.tensors, name: other}
            if other is None:
                del tensors[name]
            assert refused(state, state.parameters, tensors), (name, other and other.shape)


def refused(state: State, parameters: dict[str, Any], tensors: dict[str, Any]) -> bool:
    """Whether an artifact like this is refused; what is left over is, by who reads it."""
    rest, left = dict(parameters), dict(tensors)
    try:
        algorithms.algorithm(state.algorithm).algorithm.restore(rest, left)
    except REFUSALS:
        return True
    return bool(rest or left)


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize(
    "wrong",
    [None, -1, 0, 2, 1.5, "x", True, [], [8], [8, 8], [8, 8, 0], [2**40, 8, 1], {}, 10**9, [8, 8, True]],
)
def test_each_parameter_has_to_fit_the_tensors(kind: str, wrong: Any) -> None:
    state = STATES[kind]
    for name, value in state.parameters.items():
        if wrong == value and type(wrong) is type(value):
            continue
        assert refused(state, {**state.parameters, name: wrong}, state.tensors), name
    for name in state.parameters:
        parameters = {key: value for key, value in state.parameters.items() if key != name}
        assert refused(state, parameters, state.tensors)
    assert refused(state, {**state.parameters, "more": 1}, state.tensors)


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_is_above_zero(scale: float) -> None:
    for kind in ("cnn", "rnn"):
        state = STATES[kind]
        wrong = at_random.tensor(np.full(state.tensors["input.scale"].shape, scale))
        assert refused(state, state.parameters, {**state.tensors, "input.scale": wrong})


def test_pictures_that_would_take_gigabytes_are_refused_before_anything_is_computed() -> None:
    """Few weights can say a huge picture: poolings leave little of it for the dense layer."""
    random = np.random.default_rng(1)
    state = at_random.cnn(random, shape=(64, 64, 1), channels=(1,) * 6, dense=(), classes=2)
    for side in (64, 96, 127):
        assert not refused(state, {**state.parameters, "shape": [side, side, 1]}, state.tensors)
    wide = {**state.tensors, "dense.0.weight": at_random.tensor(np.zeros((2, 1 << 12)))}
    for shape in ([64, 1 << 18, 1], [1 << 18, 64, 1], [1 << 12, 1 << 12, 1]):
        assert refused(state, {**state.parameters, "shape": shape}, wide)
    with pytest.raises(ArtifactInvalid, match="numbers in a layer"):
        State("cnn", {**state.parameters, "shape": [64, 1 << 18, 1]}, wide).estimator()
