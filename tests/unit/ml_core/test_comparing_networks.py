"""A new network beside the one before it, on the same held-out pictures, sequences or texts."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss

from ml_core.algorithms.tasks.values import values_of
from ml_core.inputs.rows import Limits
from ml_core.inputs.samples import PictureSamples, SequenceSamples, TableSamples, TextSamples, offsets_of
from ml_core.model.model import Model
from ml_core.training.against import Against
from ml_core.training.comparing import HeldOut, comparison
from ml_core.training.fitting import fit
from ml_core.training.request import check_request

DIGITS = load_digits()
PICTURES, CLASSES = DIGITS.images.astype(np.uint8), DIGITS.target % 2
WORDS = ("fine", "good", "bad", "poor", "very", "so")


def network(algorithm: str, instances: list[Any], targets: Any, seed: int, **chosen: Any) -> Model:
    body = {
        "algorithm": algorithm,
        "instances": instances,
        "targets": np.asarray(targets).tolist(),
        "seed": seed,
        "test_fraction": 0,
        "hyperparameters": {"epochs": 3, "patience": None, "validation_fraction": 0.0, **chosen},
    }
    return Model.from_bytes(fit(check_request(body, Limits()), lambda *_: None).artifact)


def pictures(seed: int, size: int = 8) -> Model:
    chosen = PICTURES[seed::5][:120, :size, :size]
    return network("cnn", chosen.tolist(), CLASSES[seed::5][:120], seed, channels=[4], dense=[8])


def sequences(seed: int) -> tuple[list[Any], Any]:
    random = np.random.default_rng(seed)
    made = [random.normal(size=(random.integers(3, 6), 1)).round(3).tolist() for _ in range(240)]
    return made, np.array([sum(step[0] for step in each) > 0 for each in made], np.int64)


def texts(seed: int, words: tuple[str, ...]) -> tuple[list[str], Any]:
    random = np.random.default_rng(seed)
    made = [[words[place] for place in random.integers(0, len(words), 5)] for _ in range(240)]
    return [" ".join(each) for each in made], np.array([each[0] in WORDS[:2] for each in made], np.int64)


def against(metric: str) -> Against:
    return Against(3, "a-job", metric, 0.95)


def check(new: Model, old: Model, samples: Any, y: Any) -> None:
    """Both are measured as scikit-learn does it, of what each says by itself."""
    for metric in ("log_loss", "accuracy"):
        told = comparison(new, old, HeldOut(samples, np.asarray(y, np.int64), None), against(metric), 0)
        assert told["reason"] is None
        for name, model in (("new", new), ("old", old)):
            found = values_of(model, samples, ["probability"])
            expected = (
                log_loss(y, found["probability"])
                if metric == "log_loss"
                else accuracy_score(y, found["label"])
            )
            assert told[name] == pytest.approx(expected, rel=1e-6)
        assert told["low"] < told["difference"] == told["new"] - told["old"] < told["high"]


def test_pictures_are_compared() -> None:
    held = PICTURES[4::5][:250, :, :, None]
    check(pictures(1), pictures(2), PictureSamples(held), CLASSES[4::5][:250])


def test_sequences_are_compared() -> None:
    (made, y), (first, of_first), (second, of_second) = (sequences(seed) for seed in (1, 2, 3))
    steps = np.concatenate([np.array(each, np.float32) for each in made])
    samples = SequenceSamples(steps, offsets_of(np.array([len(each) for each in made])))
    chosen = {"hidden_size": 4}
    new, old = (
        network("rnn", each, target, 1, **chosen) for each, target in ((first, of_first), (second, of_second))
    )
    check(new, old, samples, y)


def test_texts_are_compared_each_by_the_words_it_knows() -> None:
    chosen = {"hidden_size": 4}
    (first, of_first), (second, of_second) = texts(1, WORDS), texts(2, WORDS[:4])
    new = network("rnn", first, of_first, 1, **chosen)
    old = network("rnn", second, of_second, 1, **chosen)
    made, y = texts(3, WORDS)
    check(new, old, TextSamples(made), y)


def test_what_reads_other_instances_is_not_asked() -> None:
    held = HeldOut(PictureSamples(PICTURES[4::5][:250, :, :, None]), CLASSES[4::5][:250], None)
    told = comparison(pictures(1), pictures(2, 7), held, against("accuracy"), 0)
    assert (told["reason"], told["difference"]) == ("the version before takes other instances", None)
    body = {
        "algorithm": "logistic_regression",
        "instances": [[0.0], [1.0], [2.0], [3.0]] * 20,
        "targets": [0, 0, 1, 1] * 20,
    }
    table = Model.from_bytes(fit(check_request(body, Limits()), lambda *_: None).artifact)
    told = comparison(pictures(1), table, held, against("accuracy"), 0)
    assert told["reason"] == "the version before takes other instances"
    rows = HeldOut(TableSamples(np.zeros((60, 1))), np.arange(60) % 2, None)
    told = comparison(table, pictures(1), rows, against("accuracy"), 0)
    assert told["reason"] == "the version before takes no rows of a table"
