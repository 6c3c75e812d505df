"""What layers keep of a batch is bounded, however many samples of whatever size it has."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from ml_core.algorithms.base import FitContext, TrainingData
from ml_core.inputs.samples import SequenceSamples
from ml_core.networks import recurrent
from ml_core.networks.recurrent import build, most_at_once
from ml_core.networks.sequences import SequenceInputs
from ml_core.networks.training import TrainingOptions, train

MOST = 6 << 20
CHOSEN: dict[str, Any] = {"cell": "lstm", "reads": "mean", "dropout": 0.0}


@pytest.mark.parametrize(
    ("hidden", "layers", "both", "width"), [(128, 1, False, 3), (32, 2, True, 3), (8, 3, True, 500)]
)
def test_a_large_batch_of_long_sequences_takes_no_more_memory(
    monkeypatch: pytest.MonkeyPatch, hidden: int, layers: int, both: bool, width: int
) -> None:
    """Half as much again as is meant, beside the weights; and no more parts than needed."""
    monkeypatch.setattr(recurrent, "_MOST_BYTES", MOST)
    chosen = {**CHOSEN, "hidden_size": hidden, "layers": layers, "bidirectional": both}
    most = most_at_once(width, chosen)
    lengths = np.full(6, most // 2)
    samples = SequenceSamples(
        np.zeros((lengths.sum(), width), np.float32), np.concatenate([[0], np.cumsum(lengths)])
    )
    inputs = SequenceInputs(samples, np.zeros(width, np.float32), np.ones(width, np.float32))
    data = TrainingData(samples, np.arange(6) % 2, 0)
    options = TrainingOptions(epochs=1, batch_size=1024, validation_fraction=0)
    network = build(width, 2, chosen, np.random.default_rng(0))
    weights = sum(array.nbytes for _, layer in network for array in layer.parameters.values())
    tracemalloc.start()
    train(network, inputs, data, options, FitContext(), most_at_once=most, sizes=samples.lengths)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.4 * MOST < peak - 6 * weights < 1.5 * MOST
