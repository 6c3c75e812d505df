"""Networks that make no sense, do not fit or could not be trained in time are refused, with what would do."""

from typing import Any

import pytest

from ml_core import algorithms
from ml_core.algorithms.base import DataSize
from ml_core.algorithms.network_estimator import MOST_ACTIVATION
from ml_core.algorithms.network_sizes import (
    MOST_WEIGHTS,
    picture_faults,
    sequence_faults,
    size_of_cnn,
    size_of_rnn,
)
from ml_core.errors import InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.training.request import check_request
from tests.unit.ml_core import networks_at_random as at_random

CNN, RNN = algorithms.algorithm("cnn"), algorithms.algorithm("rnn")


def faults(info: Any, size: DataSize, **chosen: object) -> list[tuple[str, str]]:
    """The path and message of each fault."""
    found = info.algorithm.check_size(size, info.check(chosen))
    return [(fault.path.removeprefix("$.hyperparameters."), fault.message) for fault in found]


def pictures(*shape: int, rows: int = 1000) -> DataSize:
    return DataSize(rows, 10, shape, seconds=12 * 3600)


def sequences(channels: int | None, rows: int = 1000, steps: int | None = 20_000) -> DataSize:
    return DataSize(rows, 10, None if channels is None else (-1, channels), steps, 12 * 3600)


@pytest.mark.parametrize(
    "shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (224, 224, 3), (8, 300, 1)]
)
def test_the_defaults_take_pictures_of_every_usual_size(shape: tuple[int, int, int]) -> None:
    found = faults(CNN, pictures(*shape))
    # The first dense layer sees every pixel that the poolings leave: of large pictures too many.
    assert [path for path, _ in found] == (["dense"] if shape[0] == 224 else [])


@pytest.mark.parametrize(
    ("shape", "channels", "expected"),
    [
        ((8, 8, 1), [4] * 4, "of 8 × 8 pixels 4 leave nothing; expected at most 3"),
        ((31, 9, 1), [4] * 4, "of 31 × 9 pixels 4 leave nothing; expected at most 3"),
        ((2, 50, 3), [4] * 2, "of 2 × 50 pixels 2 leave nothing; expected at most 1"),
        ((1, 50, 3), [4], "of 1 × 50 pixels 1 leave nothing; expected none, for which pictures need 2 × 2"),
    ],
)
def test_pictures_pooled_to_nothing(shape: tuple[int, int, int], channels: list[int], expected: str) -> None:
    ((path, message),) = faults(CNN, pictures(*shape), channels=channels, kernel_size=1)
    assert path == "channels"
    assert expected in message
    if len(channels) > 1:
        assert not faults(
            CNN, pictures(*shape), channels=channels[:-1][: min(shape[:2]).bit_length() - 1], kernel_size=1
        )


def test_a_patch_larger_than_the_picture() -> None:
    ((path, message),) = faults(CNN, pictures(4, 9, 1), kernel_size=7)
    assert (path, message) == (
        "kernel_size",
        "pictures of 4 × 9 pixels are smaller than 7; expected at most 3",
    )
    assert not faults(CNN, pictures(4, 9, 1), kernel_size=3)


def test_each_fault_of_the_shape_is_told_at_once() -> None:
    assert [path for path, _ in faults(CNN, pictures(4, 4, 1), kernel_size=5, channels=[1] * 6)] == [
        "channels",
        "kernel_size",
    ]


def test_a_batch_of_more_rows_than_there_are_is_no_fault() -> None:
    assert not faults(CNN, pictures(8, 8, 1, rows=5), batch_size=1024)
    assert not faults(RNN, sequences(3, rows=5, steps=9), batch_size=1024)


@pytest.mark.parametrize(
    ("info", "size", "chosen", "path"),
    [
        (CNN, pictures(64, 64, 3), {"channels": [256], "dense": [1024]}, "dense"),
        (
            CNN,
            pictures(128, 128, 1),
            {"channels": [256] * 6, "kernel_size": 7, "dense": [], "epochs": 1},
            "channels",
        ),
        (RNN, sequences(3), {"hidden_size": 512, "layers": 3, "bidirectional": True}, "hidden_size"),
        (RNN, sequences(None), {"max_vocabulary": 100_000, "embedding_size": 512}, "max_vocabulary"),
    ],
)
def test_too_many_weights(info: Any, size: DataSize, chosen: dict[str, Any], path: str) -> None:
    ((found, message),) = faults(info, size, **chosen)
    assert found == path
    assert str(MOST_WEIGHTS) in message


def test_a_layer_of_too_many_numbers() -> None:
    ((path, message),) = faults(CNN, pictures(400, 400, 3), channels=[32, 8, 8, 8], dense=[])
    assert path == "channels"
    assert f"{400 * 400 * 32} numbers in a layer" in message
    assert str(MOST_ACTIVATION) in message
    assert not faults(CNN, pictures(256, 256, 3), channels=[32, 8, 8, 8], dense=[])


@pytest.mark.parametrize("info", [CNN, RNN])
def test_a_training_that_cannot_end_in_time(info: Any) -> None:
    size = pictures(64, 64, 3, rows=200_000) if info is CNN else sequences(8, 200_000, 100_000_000)
    ((path, message),) = faults(info, size, epochs=1000)
    assert path == "epochs"
    assert "1000 epochs of these rows would take about" in message
    assert "hours, and there are 12 hours (max_seconds, or ML_TRAIN_HOURS): expected at most " in message
    fits = int(message.partition("expected at most ")[2].partition(";")[0])
    assert not faults(info, size, epochs=fits)
    assert [path for path, _ in faults(info, size, epochs=fits + 1)] == ["epochs"]
    assert not faults(info, size.within(None), epochs=1000), "nothing bounds it"


def test_no_number_of_epochs_is_advised_before_the_steps_are_known() -> None:
    """It would not do: with it the same training was refused again, as its job began."""
    chosen = {"hidden_size": 256, "epochs": 1000}
    ((path, message),) = faults(RNN, DataSize(5000, None).within(60), **chosen)
    assert path == "epochs"
    assert message.startswith("1000 epochs of these rows would take more than ")
    assert "expected far fewer; or train a smaller network, or on shorter texts" in message
    assert "at most" not in message


def test_words_that_no_text_can_have_take_no_time() -> None:
    """As many as `max_vocabulary` allows were counted, of 200 texts of three words."""
    chosen = {"hidden_size": 8, "epochs": 1000, "batch_size": 1, "max_vocabulary": 50_000}
    assert not faults(RNN, DataSize(200, None).within(600), **chosen)
    assert not faults(RNN, sequences(None, 200, 600).within(600), **chosen)
    assert faults(RNN, sequences(None, 200, 60_000).within(600), **chosen)


def test_where_not_even_one_epoch_ends() -> None:
    chosen = RNN.check({"hidden_size": 512, "layers": 2, "bidirectional": False})
    (fault,) = sequence_faults(3, 10**6, 10**9, chosen, seconds=90.5)
    assert (
        "there are 90.5 seconds (max_seconds, or ML_TRAIN_HOURS): not one epoch ends in that" in fault.message
    )
    assert not sequence_faults(3, 1000, 10**4, chosen, seconds=3600)


def test_small_batches_take_longer() -> None:
    """Each has a price of its own, whatever is in it."""
    size, small, large = pictures(8, 8, 1, rows=50_000), {"batch_size": 1}, {"batch_size": 64}
    assert faults(CNN, pictures(8, 8, 1, rows=500_000), epochs=1000, **small)
    assert not faults(CNN, size, epochs=1000, **large)
    network = size_of_cnn((8, 8, 1), CNN.check({}), 10)
    assert network.estimated_seconds(100, 100) > network.estimated_seconds(100, 2)


def test_what_is_not_known_yet_is_no_fault() -> None:
    """Data that lies in a bucket is looked at by who trains."""
    assert not faults(CNN, DataSize(1000, None))
    assert not faults(RNN, DataSize(1000, None), epochs=1000)


def test_more_classes_are_more_weights() -> None:
    chosen = CNN.check({"dense": []})
    assert not picture_faults((64, 64, 3), 100, chosen)
    assert picture_faults((64, 64, 3), 100, chosen, classes=1000)


def test_sizes_are_those_of_the_networks() -> None:
    """What is refused before a training is what would come out of it."""
    import numpy as np

    random = np.random.default_rng(1)
    chosen = CNN.check({"channels": [5, 3], "kernel_size": 5, "dense": [7, 4]})
    size = size_of_cnn((9, 11, 2), chosen, 6)
    state = at_random.cnn(random, shape=(9, 11, 2), channels=(5, 3), kernel_size=5, dense=(7, 4), classes=6)
    assert _learnt(state) == size.weights
    assert (size.work, size.activation) == (state.estimator().work, state.estimator().peak_width)
    for channels in (3, None):
        chosen = RNN.check(
            {
                "cell": "gru",
                "hidden_size": 6,
                "layers": 2,
                "bidirectional": True,
                "embedding_size": 5,
                "max_vocabulary": 19,
            }
        )
        size = size_of_rnn(channels, chosen, 4)
        state = at_random.rnn(random, "gru", layers=2, bidirectional=True, channels=channels)
        assert _learnt(state) == size.weights
        assert size.activation == state.estimator().peak_width
        assert size.work == state.estimator().work - state.tensors["head.weight"].size


def _learnt(state: at_random.State) -> int:
    return sum(kept.size for name, kept in state.tensors.items() if not name.startswith("input."))


@pytest.mark.parametrize(
    ("chosen", "path"),
    [
        ({"channels": [2] * 6}, "$.hyperparameters.channels"),
        ({"channels": [2], "kernel_size": 7}, "$.hyperparameters.kernel_size"),
    ],
)
def test_a_shape_that_is_said_of_a_file_is_checked_before_the_file_is_read(
    chosen: dict[str, Any], path: str
) -> None:
    body = {
        "algorithm": "cnn",
        "data": {"uri": "file:t", "target": "y", "image": [4, 4, 1]},
        "hyperparameters": chosen,
    }
    with pytest.raises(InvalidInput) as refused:
        check_request(body, Limits(10**6), lambda _: None)
    assert [fault.path for fault in refused.value.faults] == [path]
