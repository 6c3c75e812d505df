"""Our networks against PyTorch, which is trained anew on what packages ship; five seeds each.

Run by `make oracles`. What PyTorch says is written to build/oracles/reference.safetensors. Where it should
differ from the committed file, copy it to tests/unit/ml_core/networks/.
"""

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.algorithms import cnn, rnn
from ml_core.algorithms.base import AlgorithmInfo, FitContext, TrainingData
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.samples import PictureSamples, SequenceSamples
from ml_core.preprocessing.network_batch import NetworkBatch
from ml_core.preprocessing.tokens import CHARACTERS
from tests.oracles import data
from tests.oracles.data import SEEDS, Split
from tests.unit.ml_core.networks.reference import Reference, encoded

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = Reference()
CNN, RNN = AlgorithmInfo("cnn", cnn.ALGORITHM), AlgorithmInfo("rnn", rnn.ALGORITHM)
# The mean of five seeds moves so far by chance.
NOISE = 0.015


@pytest.fixture(scope="module")
def anew() -> Reference:
    """What PyTorch says today."""
    folder = ROOT / "build" / "oracles"
    folder.mkdir(parents=True, exist_ok=True)
    data.save(folder / "data.npz")
    python, script = (
        ROOT / ".tools" / "torch" / "bin" / "python",
        Path(__file__).with_name("make_reference.py"),
    )
    made = folder / "reference.safetensors"
    subprocess.run(
        [python, script, folder / "data.npz", made], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return Reference(made)


def test_the_committed_reference_is_what_pytorch_says_today(anew: Reference) -> None:
    assert anew.cases == COMMITTED.cases
    assert anew.arrays.keys() == COMMITTED.arrays.keys()
    for name, array in COMMITTED.arrays.items():
        if not name.startswith("accuracy/"):
            np.testing.assert_allclose(anew.arrays[name], array, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", data.COMPARED)
def test_pytorch_is_as_accurate_as_it_was(anew: Reference, name: str) -> None:
    assert np.mean(anew.accuracies(name)) == pytest.approx(np.mean(COMMITTED.accuracies(name)), abs=NOISE)


@cache
def _ours(name: str) -> list[float]:
    """The held-out accuracies of our network with its defaults, seed by seed; names by their characters."""
    return [_accuracy(name, seed) for seed in SEEDS]


def _accuracy(name: str, seed: int) -> float:
    if name == "digits":
        x, y = data.digits()
        split = data.split_of(y, seed)
        fitted, _ = cnn.ALGORITHM.fit(
            _training(PictureSamples(x), y, split, seed), _chosen(CNN), FitContext()
        )
        instances: Any = Pictures(x[split.test].tobytes(), (8, 8, 1), "U8")
    else:
        if name == "vowels":
            samples, y, split = data.vowels()
        else:
            known, y = data.texts(name)
            split = data.split_of(y, seed)
            samples = encoded(known, data.tokenizer_of(name, split, tokens=CHARACTERS))
        fitted, _ = rnn.ALGORITHM.fit(_training(samples, y, split, seed), _chosen(RNN), FitContext())
        held = samples.take(split.test)
        tokens = held.steps.dtype == np.int64
        instances = Sequences(
            held.steps.tobytes(), held.steps.shape[1], held.lengths.tolist(), "I64" if tokens else "F32"
        )
    labels = np.asarray(fitted.predict(NetworkBatch(instances), ("label",))["label"])
    return float((labels == y[split.test]).mean())


def _chosen(algorithm: AlgorithmInfo, **given: object) -> dict[str, object]:
    """The defaults, but for what is given: PyTorch trains on digits for 20 epochs."""
    return algorithm.check(given)


def _training(
    samples: PictureSamples | SequenceSamples, y: NDArray[np.int64], split: Split, seed: int
) -> TrainingData:
    return TrainingData(samples.take(split.train), y[split.train], seed)


@pytest.mark.parametrize("name", data.COMPARED)
def test_ours_is_as_accurate_as_pytorch(anew: Reference, name: str) -> None:
    ours, theirs = _ours(name), anew.accuracies(name)
    print(name, "ours", np.round(ours, 3), "PyTorch", np.round(theirs, 3))
    assert np.mean(ours) >= np.mean(theirs) - NOISE


@pytest.mark.parametrize("name", data.TEXTS)
def test_texts_are_told_apart_at_least_as_well_as_by_a_logistic_regression_on_counts(name: str) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    known, y = data.texts(name)
    texts = np.array(known, object)
    best = 0.0
    for analyzer in ("char", "word"):
        rates = []
        for seed in SEEDS:
            split = data.split_of(y, seed)
            counts = CountVectorizer(analyzer=analyzer)
            fitted = LogisticRegression(max_iter=2000).fit(
                counts.fit_transform(texts[split.train]), y[split.train]
            )
            rates.append(fitted.score(counts.transform(texts[split.test]), y[split.test]))
        best = max(best, float(np.mean(rates)))
    print(name, "ours", np.mean(_ours(name)).round(3), "logistic regression", round(best, 3))
    assert np.mean(_ours(name)) >= best


def test_speakers_are_told_by_their_vowels() -> None:
    assert np.mean(_ours("vowels")) >= 0.95


def test_digits_are_read() -> None:
    assert np.mean(_ours("digits")) >= 0.97
