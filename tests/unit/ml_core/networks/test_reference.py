"""Our layers against PyTorch's: equal scores and gradients in float32, and accuracies within noise."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ml_core.algorithms.base import FitContext, TrainingData
from ml_core.inputs.samples import PictureSamples, Samples
from ml_core.networks import convolutional
from ml_core.networks.convolutional import PictureInputs, scaling
from ml_core.networks.network import forward
from ml_core.networks.training import TrainingOptions, train
from tests.unit.ml_core.networks.reference import PATH, Reference

REFERENCE = Reference()
CASES = [(kind, case) for kind, cases in REFERENCE.cases.items() for case in cases]
CLOSE = 1e-5


def test_the_reference_has_every_cell_reading_and_pooling() -> None:
    cnn, rnn = REFERENCE.cases["cnn"].values(), REFERENCE.cases["rnn"].values()
    assert {case["pooling"] for case in cnn} == {"max", "average"}
    assert {case["kernel_size"] for case in cnn} == {1, 3, 5, 7}
    assert {(case["cell"], case["reads"]) for case in rnn} == {
        (cell, reads) for cell in ("lstm", "gru", "rnn") for reads in ("last", "mean", "max")
    }
    assert {case["layers"] for case in rnn} == {1, 2, 3}
    assert {case["bidirectional"] for case in rnn} == {case["text"] for case in rnn} == {False, True}
    assert PATH.stat().st_size < 500_000


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_scores_and_gradients_are_those_of_pytorch(kind: str, case: str) -> None:
    scores, gradients = REFERENCE.computed(kind, case)
    expected_scores, expected = REFERENCE.expected(kind, case)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected_scores, rtol=CLOSE, atol=CLOSE)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        # Through many layers they are small: they are held to their own size.
        size = np.abs(expected[name]).max()
        assert size, f"{name} says nothing"
        np.testing.assert_allclose(gradient, expected[name], rtol=CLOSE, atol=CLOSE * size, err_msg=name)


def test_a_network_learns_digits_as_well_as_in_pytorch() -> None:
    """A smaller network and one seed here, five there; of 450 pictures seven more or less are chance."""
    theirs = REFERENCE.accuracies("digits")
    X, y = load_digits(return_X_y=True)
    pictures = X.reshape(-1, 8, 8, 1).astype(np.uint8)
    train_places, test_places = train_test_split(
        np.arange(len(y)), test_size=0.25, random_state=0, stratify=y
    )
    samples: Samples = PictureSamples(pictures[train_places])
    chosen = {"channels": [16, 32], "kernel_size": 3, "pooling": "max", "dense": [64], "dropout": 0.25}
    layers = convolutional.build((8, 8, 1), 10, chosen, 0)
    by = scaling(PictureSamples(pictures[train_places]), "standardise")
    train(
        layers,
        PictureInputs(PictureSamples(pictures[train_places]), *by),
        TrainingData(samples, y[train_places].astype(np.int64), 0),
        TrainingOptions(),
        FitContext(),
    )
    scores = forward(
        layers, PictureInputs(PictureSamples(pictures[test_places]), *by).batch(np.arange(len(test_places)))
    )
    ours = float((scores.argmax(axis=1) == y[test_places]).mean())
    assert ours >= float(np.mean(theirs)) - 0.015
