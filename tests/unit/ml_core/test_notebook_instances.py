"""Pictures, sequences and texts as notebooks hold them: arrays, lists of arrays, and data frames."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from ml_core import predict, train_model
from ml_core.errors import InvalidInput
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.float32 import unpack32
from ml_core.model.model import Model
from ml_core.preprocessing.notebook_instances import training_instances
from tests.unit.handlers.networks import COLOURED, PICTURES, SEQUENCES, TEXTS, networks

CNN, RNN = ("image",), ("sequence", "text")
BYTES = np.asarray(PICTURES, np.uint8)
MODELS = networks()


def probabilities(model: str, X: Any) -> list[Any]:
    return predict(MODELS[model], X, "probability")


def fault(X: Any, takes: tuple[str, ...]) -> str:
    with pytest.raises(InvalidInput) as refused:
        training_instances(X, takes)
    return f"{refused.value.faults[0].path}: {refused.value.faults[0].message}"


@pytest.mark.parametrize(
    "X",
    [
        BYTES,
        BYTES.astype(np.int64),
        BYTES[..., None].astype(np.float64),
        np.moveaxis(np.asarray(BYTES, np.float32), 0, 2).transpose(2, 0, 1),
        list(BYTES),
        [picture.astype(float) for picture in BYTES],
        pd.Series(list(BYTES)),
        pd.DataFrame({"label": range(len(BYTES)), "image": list(BYTES)}),
        [{"image": picture} for picture in PICTURES],
        tuple(map(tuple, PICTURES)),
    ],
)
def test_every_form_of_pictures_is_answered_alike(X: Any) -> None:
    assert probabilities("digits", X) == probabilities("digits", PICTURES)


def test_whole_numbers_of_a_byte_stay_bytes_and_others_are_float32() -> None:
    for X in (BYTES, BYTES.astype(np.int32), list(BYTES), BYTES > 100, PICTURES):
        kind, found, features, _ = training_instances(X, CNN)
        assert isinstance(found, Pictures)
        expected = "F32" if X is PICTURES else "U8"
        assert (kind, found.dtype, found.shape, features) == ("image", expected, (8, 8, 1), ("image",))
    _, found, *_ = training_instances(BYTES.astype(np.int16) - 1, CNN)
    assert isinstance(found, Pictures)
    assert found.dtype == "F32"
    _, found, *_ = training_instances(np.asarray(COLOURED), CNN)
    assert isinstance(found, Pictures)
    assert (found.dtype, found.shape) == ("U8", (4, 5, 3))


FIRST = np.moveaxis(np.asarray(COLOURED, np.uint8), 3, 1)


@pytest.mark.parametrize("make", [np.asarray, list, np.float64, np.ndarray.tolist])
def test_channels_that_come_first_are_put_last_with_a_warning(make: Any) -> None:
    """PyTorch's pictures: 3 × 4 × 5 are no pictures that are 3 high and have 5 channels."""
    _, found, _, (told,) = training_instances(make(FIRST), CNN)
    assert isinstance(found, Pictures)
    assert found.shape == (4, 5, 3)
    kind = "u1" if found.dtype == "U8" else "<f4"
    assert_array_equal(np.frombuffer(found.packed, kind), np.ravel(COLOURED))
    assert told.startswith("the channels of X are taken to come first: pictures of 4 × 5 × 3 (height")
    assert probabilities("colours", make(FIRST)) == probabilities("colours", COLOURED)


@pytest.mark.parametrize("shape", [(4, 4, 4), (5, 8, 3), (8, 8, 1), (5, 5, 5), (3, 3, 3), (1, 1, 1)])
def test_channels_behind_stay_there_without_a_word(shape: tuple[int, ...]) -> None:
    _, found, _, told = training_instances(np.zeros((2, *shape)), CNN)
    assert isinstance(found, Pictures)
    assert (found.shape, told) == (shape, [])


def test_a_notebook_is_warned_of_channels_that_come_first() -> None:
    with pytest.warns(UserWarning, match="the channels of X are taken to come first") as told:
        model = train_model(FIRST, [0, 1, 0], "cnn", epochs=1, channels=[2], dense=[], validation_fraction=0)
    assert told[0].filename == __file__
    assert predict(model, FIRST, "probability") == predict(model, COLOURED, "probability")


HOLE = BYTES.astype(float)
HOLE[2, 3, 4] = np.nan


@pytest.mark.parametrize(
    ("X", "told"),
    [
        (HOLE, "X[2][3][4]: expected a finite number of single precision, got nan"),
        (BYTES[0], "X: this training expects pictures × height × width, or with the channels behind; got 2"),
        (
            [BYTES[0], BYTES[1][:4]],
            "X[1]: this training expects pictures of one shape: this is 4 × 8, and X[0]",
        ),
        (BYTES.astype(str), "X: expected numbers, got an array of <U3"),
        (BYTES[:0], "X: expected at least one picture, and pixels in it"),
        ([[[1, 2], [3]]], "X[0][1]: this training expects pictures of 2 × 2 × 1; this row has 1 pixels"),
        (7, "X: expected a list or an array of instances"),
        ([], "X: expected at least one picture, got none"),
    ],
)
def test_a_fault_of_pictures_is_told_with_its_place(X: Any, told: str) -> None:
    assert fault(X, CNN).startswith(told)


def test_a_model_refuses_pictures_of_another_shape() -> None:
    with pytest.raises(InvalidInput, match="expects pictures of 8 × 8 × 1, these are 4 × 4 × 1"):
        probabilities("digits", np.zeros((2, 4, 4)))


ARRAYS = [np.asarray(sequence) for sequence in SEQUENCES]
FRAMES = [pd.DataFrame(sequence, columns=["volt", "amp"]) for sequence in SEQUENCES]
CELLS = pd.DataFrame({"amp": [list(each[:, 1]) for each in ARRAYS], "volt": [each[:, 0] for each in ARRAYS]})


@pytest.mark.parametrize(
    "X",
    [
        ARRAYS,
        [array.astype(np.float32) for array in ARRAYS],
        FRAMES,
        [frame[["amp", "volt"]].assign(time=0) for frame in FRAMES],
        CELLS,
        CELLS.assign(id=1),
        [{"volt": array[:, 0], "amp": list(array[:, 1])} for array in ARRAYS],
    ],
)
def test_every_form_of_sequences_is_answered_alike(X: Any) -> None:
    assert probabilities("waves", X) == probabilities("waves", SEQUENCES)


def test_sequences_of_one_length_are_one_array() -> None:
    X = np.arange(24.0).reshape(3, 4, 2)
    assert probabilities("waves", X) == probabilities("waves", X.tolist())
    assert probabilities("beats", X[..., 0]) == probabilities("beats", X[..., 0].tolist())


def test_channels_are_called_as_their_columns() -> None:
    for X, names in ((ARRAYS, ("x0", "x1")), (FRAMES, ("volt", "amp")), (SEQUENCES, ("x0", "x1"))):
        kind, found, features, _ = training_instances(X, RNN)
        assert isinstance(found, Sequences)
        assert (kind, features, found.lengths) == ("sequence", names, [len(each) for each in SEQUENCES])
        assert unpack32(found.packed) == tuple(
            np.concatenate(ARRAYS).astype(np.float32).ravel().astype(float)
        )
    assert training_instances([np.ones(3), np.ones(2)], RNN)[2] == ("x0",)


@pytest.mark.parametrize(
    ("X", "told"),
    [
        (
            [np.ones((2, 2)), np.ones((2, 3))],
            "X[1]: this training expects steps × 2 channels, at least one step",
        ),
        (
            [np.ones((2, 2)), np.ones((0, 2))],
            "X[1]: this training expects steps × 2 channels, at least one st",
        ),
        (
            [np.ones((2, 2)), np.full((2, 2), np.inf)],
            "X[1][0][0]: expected a finite number of single precision",
        ),
        ([FRAMES[0], FRAMES[1][["volt"]]], "X[1]: this training expects the channels amp"),
        ([[[1, 2]], [[1]]], "X[1][0]: this training expects 2 numbers in a step, got 1"),
        (
            pd.DataFrame({"a": [[1], 7], "b": [[1], [2]]}),
            "X[1]: expected a list of numbers in 'a', got 7; where",
        ),
        (
            pd.DataFrame({"price": [1, 2], "review": ["great kettle", "bad"]}),
            "X[0]: expected a list of numbers in 'price', got 1; of texts pass the column alone: df['rev",
        ),
    ],
)
def test_a_fault_of_sequences_is_told_with_its_place(X: Any, told: str) -> None:
    assert fault(X, RNN).startswith(told)


@pytest.mark.parametrize(
    "X",
    [
        tuple(TEXTS),
        np.asarray(TEXTS),
        np.asarray(TEXTS, object),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype="string"),
        pd.DataFrame({"review": TEXTS}),
        pd.DataFrame({"id": range(len(TEXTS)), "review": TEXTS}),
        [{"review": text} for text in TEXTS],
    ],
)
def test_every_form_of_texts_is_answered_alike(X: Any) -> None:
    assert probabilities("reviews", X) == probabilities("reviews", TEXTS)


def test_texts_are_called_as_their_column() -> None:
    for X, name in (
        (TEXTS, "text"),
        (np.asarray(TEXTS), "text"),
        (pd.Series(TEXTS, name="review"), "review"),
        (pd.DataFrame({"review": TEXTS}), "review"),
        ([{"review": text} for text in TEXTS], "review"),
    ):
        assert training_instances(X, RNN) == ("text", TEXTS, (name,), [])
    assert fault([None, "a"], RNN) == (
        'X[0]: this training expects a text, or an object {"text": "…"}, got null'
    )


def test_a_convolutional_network_is_fitted_to_arrays() -> None:
    random = np.random.default_rng(0)
    bright = random.integers(0, 2, 60)
    X = random.integers(0, 60, (60, 6, 6), np.uint8) + (190 * bright[:, None, None]).astype(np.uint8)
    chosen: dict[str, Any] = {"channels": [4], "dense": [8], "epochs": 15, "batch_size": 16}
    with warnings.catch_warnings(action="ignore"):
        model = train_model(X, bright, "cnn", seed=1, **chosen)
        again = train_model(list(X.astype(float)), bright.tolist(), "cnn", seed=1, **chosen)
    assert isinstance(model, Model)
    assert (model.predict(X) == bright).mean() > 0.9
    assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    assert (model.predict_proba(X).shape, model.features) == ((60, 2), ("image",))
    restored = Model.from_bytes(model.to_bytes())
    assert_array_equal(restored.predict_proba(X[:5]), model.predict_proba(X[:5]))


def test_recurrent_networks_are_fitted_to_frames_and_to_texts() -> None:
    labels = [row % 2 for row in range(24)]
    frames = [
        pd.DataFrame({"volt": np.arange(3.0 + row % 3) * (1 if row % 2 else -1), "amp": 1.0})
        for row in range(24)
    ]
    texts = [("a good film", "a bad film")[row % 2] for row in range(24)]
    chosen: dict[str, Any] = {"hidden_size": 6, "epochs": 30, "batch_size": 8, "learning_rate": 0.02}
    for X, features in ((frames, ("volt", "amp")), (pd.Series(texts, name="review"), ("review",))):
        with warnings.catch_warnings(action="ignore"):
            model = train_model(X, labels, "rnn", seed=2, validation_fraction=0, **chosen)
        assert model.features == features
        assert model.predict(X).tolist() == labels
        restored = Model.from_bytes(model.to_bytes())
        assert_array_equal(restored.predict_proba(X), model.predict_proba(X))
