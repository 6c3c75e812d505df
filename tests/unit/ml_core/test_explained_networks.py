"""Explanations of networks: complete, of the labels that predictions have, and alike in any company."""

import json
import tracemalloc
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ml_core.errors import InvalidInput, TooLarge
from ml_core.explaining.gradients import ENOUGH, FEWEST_NODES
from ml_core.explaining.network_margins import NetworkMargins, PictureMargins, SequenceMargins, fits
from ml_core.inputs.arrays import Pictures, Sequences
from ml_core.inputs.rows import Limits
from ml_core.model.explanations import explain
from ml_core.model.model import Model
from ml_core.preprocessing.picture_input import PictureInput
from ml_core.preprocessing.sequence_input import SequenceInput
from ml_core.preprocessing.text_input import TextInput
from ml_core.preprocessing.tokens import Tokenizer
from ml_core.training.notebook import train_model
from tests.unit.ml_core import networks_at_random as at_random
from tests.unit.ml_core.networks_at_random import State, instances, tensor

KEPT = Path(__file__).with_name("artifacts")
WORDS = tuple(f"w{number}" for number in range(1, 20))
NETWORKS: dict[str, Callable[[np.random.Generator], State]] = {
    "pictures, maxima": partial(at_random.cnn, shape=(7, 8, 2)),
    "pictures, averages": partial(at_random.cnn, pooling="average", classes=2),
    **{
        f"{cell}, {reads}, {'both ways' if both else 'forward'}, {channels} channels": partial(
            at_random.rnn, cell=cell, reads=reads, bidirectional=both, channels=channels
        )
        for cell, reads, both, channels in (
            ("lstm", "max", True, 3), ("gru", "last", False, 2), ("rnn", "mean", True, 1),
            ("lstm", "last", True, None), ("gru", "max", False, None),
        )
    },
}  # fmt: skip


def model_of(state: State) -> Model:
    """A model around a network's state."""
    estimator = state.estimator()
    reader: PictureInput | SequenceInput | TextInput
    if state.algorithm == "cnn":
        reader = PictureInput(tuple(state.parameters["shape"]))
    elif state.parameters["channels"] is None:
        reader = TextInput("text", Tokenizer("words", WORDS))
    else:
        reader = SequenceInput(tuple("abcdef"[: state.parameters["channels"]]))
    return Model(
        estimator,
        algorithm=state.algorithm,
        hyperparameters={},
        features=reader.features,
        classes=tuple(f"class {number}" for number in range(estimator.n_classes)),
        reader=reader,
    )


def sent(state: State, chosen: list[Any]) -> list[Any]:
    """Instances as a caller sends them."""
    if state.algorithm != "cnn" and state.parameters["channels"] is None:
        return [" ".join(["unheard", *WORDS][number] for number in each[:, 0]) for each in chosen]
    return [each.tolist() for each in chosen]


def read(model: Model, given: list[Any], where: str = "$.instances") -> Any:
    return model.rows(given, limits=Limits(), where=where)


def values(attributions: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers of what a caller gets."""
    if isinstance(attributions[0], dict):
        attributions = [token["value"] for token in attributions]
    return np.array(attributions)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_parts_are_the_margin_whatever_else_is_asked(kind: str) -> None:
    random = np.random.default_rng(sum(map(ord, kind)))
    state = NETWORKS[kind](random)
    model, given = model_of(state), sent(state, instances(random, state, 6))
    rows = read(model, given)
    predicted = model.predict_rows(rows, ["label", "probability"])
    found = explain(model, rows)
    for place, (told, label, shares) in enumerate(
        zip(found, predicted["label"], predicted["probability"], strict=True)
    ):
        by_label = dict(zip(model.classes or (), shares, strict=True))
        assert (told.label, told.probability) == (label, by_label[label])
        assert told.against == max(set(by_label) - {label}, key=by_label.__getitem__)
        assert told.margin == pytest.approx(np.log(by_label[label] / by_label[told.against]), abs=1e-9)
        parts = values(told.attributions)
        assert abs(told.base + parts.sum() - told.margin) == pytest.approx(told.error, abs=1e-9)
        assert told.error <= ENOUGH * np.abs(parts).sum() + 1e-12
        assert (told.unit, told.method, told.game, told.exact) == (
            "log-odds", "integrated_gradients", "baseline", False,
        )  # fmt: skip
        assert told.standard_errors is None
        (alone,) = explain(model, read(model, [given[place]]))
        assert (alone.label, alone.against) == (told.label, told.against)
        np.testing.assert_allclose(values(alone.attributions), parts, atol=1e-12)
    assert explain(model, rows) == found
    json.dumps([told._asdict() for told in found])


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_other_label_may_be_chosen(kind: str) -> None:
    random = np.random.default_rng(sum(map(ord, kind)))
    state = NETWORKS[kind](random)
    model, given = model_of(state), sent(state, instances(random, state, 4))
    rows = read(model, given)
    labels = model.predict_rows(rows)["label"]
    other = next(label for label in model.classes or () if label != labels[0])
    one = read(model, given[:1])
    (told,) = explain(model, one, against=other)
    assert (told.label, told.against) == (labels[0], other)
    with pytest.raises(InvalidInput, match=r"\$\.against: \$\.instances\[0\] is predicted to be 'class"):
        explain(model, one, against=labels[0])
    with pytest.raises(InvalidInput, match=r"\$\.against: expected one of 'class 0'"):
        explain(model, one, against="none of them")


def test_what_is_as_the_baseline_has_no_part() -> None:
    """A channel that never moves, one that no weight reads, and pixels of the training set's mean."""
    random = np.random.default_rng(4)
    state = at_random.rnn(random, "gru", channels=3, reads="max", bidirectional=True)
    for direction in ("forward", "backward"):
        name = f"rnn.0.{direction}.input"
        weights = state.array(name).copy()
        weights[:, 1] = 0
        state.tensors[name] = tensor(weights)
    model = model_of(state)
    steps = random.normal(size=(9, 3))
    steps[:, 0] = state.array("input.mean")[0]
    (told,) = explain(model, read(model, [steps.tolist()]))
    parts = values(told.attributions)
    assert parts.shape == (9, 3)
    assert not parts[:, :2].any()
    assert parts[:, 2].all()

    state = at_random.cnn(random, shape=(8, 8, 2))
    picture = random.normal(size=(8, 8, 2)).astype(np.float32)
    picture[:, :4] = state.array("input.mean")
    model = model_of(state)
    (told,) = explain(model, read(model, [picture.tolist()]))
    parts = values(told.attributions)
    assert parts.shape == (8, 8)
    assert not parts[:, :4].any()
    assert parts[:, 4:].any()


def test_a_network_without_bends_is_split_exactly() -> None:
    """All weights and pixels are above 0: each pixel adds its product with the weights on its way."""
    random = np.random.default_rng(0)
    state = at_random.cnn(
        random, shape=(4, 6, 2), channels=(3,), kernel_size=1, pooling="average", dense=(), classes=2
    )
    state.tensors["input.mean"], state.tensors["input.scale"] = tensor([0, 0]), tensor([1, 1])
    state.tensors["conv.0.bias"] = tensor([0, 0, 0])
    state.tensors["conv.0.weight"] = tensor(random.uniform(size=(3, 2)))
    picture = random.uniform(size=(4, 6, 2)).astype(np.float32)
    model = model_of(state)
    (told,) = explain(model, read(model, [picture.tolist()]))
    head = state.array("dense.0.weight")
    sign = 1 if told.label == "class 0" else -1
    by_square = sign * (head[0] - head[1]).reshape(2, 3, 3) / 4 @ state.array("conv.0.weight")
    expected = (picture * by_square.repeat(2, axis=0).repeat(2, axis=1)).sum(axis=-1)
    np.testing.assert_allclose(values(told.attributions), expected, atol=1e-12)
    assert told.error < 1e-12


@pytest.mark.parametrize("kind", ["pictures, maxima", "lstm, max, both ways, 3 channels"])
def test_a_background_is_the_mean_of_what_its_instances_say(kind: str) -> None:
    random = np.random.default_rng(8)
    state = NETWORKS[kind](random)
    model = model_of(state)
    shape = state.parameters["shape"] if state.algorithm == "cnn" else (7, 3)
    given = random.normal(size=(6, *shape)).tolist()
    background = read(model, given[2:], "$.background.instances")
    found = explain(model, read(model, given[:2]), background=background)
    for place, told in enumerate(found):
        chosen = read(model, [given[place]])
        each = [
            explain(model, chosen, against=told.against, background=read(model, [one], "$.background"))[0]
            for one in given[2:]
        ]
        parts = values(told.attributions)
        expected = np.mean([values(one.attributions) for one in each], axis=0)
        assert np.abs(parts - expected).max() < 0.02 * np.abs(expected).max()
        assert told.base == pytest.approx(np.mean([one.base for one in each]), abs=1e-12)
        assert told.game == "rows"
        shares = model.predict_rows(background, ["probability"])["probability"]
        names = [*(model.classes or ())]
        odds = [np.log(row[names.index(told.label)] / row[names.index(told.against)]) for row in shares]
        assert told.base == pytest.approx(np.mean(odds), abs=1e-9)
        assert told.error < ENOUGH * 2 * np.abs(parts).sum()


def test_backgrounds_that_do_not_fit_are_refused() -> None:
    random = np.random.default_rng(8)
    sequences = model_of(at_random.rnn(random, channels=1))
    rows = read(sequences, [[1, 2, 3], [1, 2]])
    with pytest.raises(InvalidInput, match=r"\$\.instances\[1\]: expected a sequence of 3 steps, .* got 2"):
        explain(sequences, rows, background=read(sequences, [[1, 2, 3]], "$.background.instances"))
    rows = read(sequences, [[1, 2, 3]])
    with pytest.raises(InvalidInput, match=r"\$\.background\.instances\[1\]: expected a sequence of 3 steps"):
        explain(sequences, rows, background=read(sequences, [[1, 2, 3], [4]], "$.background.instances"))
    with pytest.raises(TooLarge, match=r"\$\.background\.instances has 101 instances; at most 100"):
        explain(sequences, rows, background=read(sequences, [[1, 2, 3]] * 101, "$.background.instances"))
    texts = model_of(at_random.rnn(random, channels=None))
    with pytest.raises(InvalidInput, match=r"\$\.background\.instances: expected no background of texts"):
        explain(texts, read(texts, ["w1"]), background=read(texts, ["w2"], "$.background.instances"))


def test_work_is_counted_before_it_is_done() -> None:
    random = np.random.default_rng(8)
    for state in (at_random.cnn(random), at_random.rnn(random), at_random.rnn(random, channels=None)):
        model = model_of(state)
        given = sent(state, instances(random, state, 3))
        rows = read(model, given)
        model.estimator.decide = None  # type: ignore[attr-defined]
        with pytest.raises(TooLarge, match=r"explaining 3 instances may take .* at most 1,000 are done"):
            explain(model, rows, most=1_000)
        model = model_of(state)
        enough = 600 * model.multiplications(rows)
        assert explain(model, rows, most=enough) == explain(model, rows)


def test_a_large_network_gets_fewer_nodes_alone_and_in_company() -> None:
    """What one picture may have depends on the bound alone; with too many of them all are refused."""
    random = np.random.default_rng(8)
    state = at_random.cnn(random, shape=(12, 12, 1), channels=(4, 4))
    model = model_of(state)
    given = sent(state, instances(random, state, 2))
    rows = read(model, given)
    least = 2 * FEWEST_NODES * model.estimator.work  # type: ignore[attr-defined]
    (few,) = explain(model, read(model, given[:1]), most=least)
    whole, _ = explain(model, rows)
    assert few.error >= whole.error
    assert few != whole
    with pytest.raises(TooLarge):
        explain(model, rows, most=least)


@pytest.mark.parametrize("kind", ["pictures", "sequences"])
def test_memory_is_bounded_however_large_instances_are(kind: str) -> None:
    """The largest that is explained takes what is said, and a larger one is refused before it is computed."""
    random = np.random.default_rng(1)
    margins: NetworkMargins
    larger: Any
    if kind == "pictures":
        state = at_random.cnn(random, shape=(192, 192, 3), channels=(64,), dense=())
        margins, x = PictureMargins(state.estimator().network), random.normal(size=(1, 192, 192, 3))
        assert fits(state.estimator().network, 1)
        state = at_random.cnn(random, shape=(256, 256, 3), channels=(60, 120), dense=())
        larger = Pictures(bytes(4 * 256 * 256 * 3), (256, 256, 3))
    else:
        state = at_random.rnn(random, hidden=160, channels=3, bidirectional=True)
        network = state.estimator().network
        steps = next(steps for steps in range(10_000, 0, -1) if fits(network, steps))
        margins, x = SequenceMargins(network), random.normal(size=(1, steps, 3))
        larger = Sequences(bytes(12 * (steps + 1)), 3, [steps + 1])
    tracemalloc.start()
    margins._margins(x, (0, 1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 32 << 20 < peak < 128 << 20
    with pytest.raises(TooLarge, match=r"\$\.instances\[0\]: explaining a .* takes more than 128 MiB"):
        explain(model_of(state), larger, most=1 << 46)


@pytest.mark.parametrize("kept", sorted(path.name for path in KEPT.glob("*nn*.json")))
def test_networks_of_earlier_releases_are_explained(kept: str) -> None:
    told = json.loads((KEPT / kept).read_text())
    model = Model.from_bytes(bytes.fromhex(told["artifact"]))
    found = explain(model, read(model, told["rows"]))
    assert [each.label for each in found] == told["predictions"]["label"]
    for each in found:
        assert each.error <= ENOUGH * np.abs(values(each.attributions)).sum() + 1e-12


@cache
def digits() -> tuple[Model, Any]:
    """A model of digits, and pictures that it has not seen."""
    pictures, y = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8)
    model = train_model(pictures[:600], y[:600], "cnn", epochs=8, channels=[16, 32], dense=[32])
    return model, pictures[1000:1030]


def test_of_a_digit_the_strokes_count() -> None:
    """Without the pixels that speak most for its label it is lost; without as many others it stays."""
    model, pictures = digits()
    found = explain(model, read(model, pictures.tolist()))
    labels, again = [each.label for each in found], []
    random = np.random.default_rng(0)
    for least in (False, True):
        changed = pictures.copy()
        for picture, told in zip(changed, found, strict=True):
            parts = values(told.attributions).ravel()
            order = np.argsort(-parts) if not least else random.permutation(64)
            picture.ravel()[order[:12]] = np.float32(pictures.mean())
        again.append(np.mean([a == b for a, b in zip(model.predict(changed), labels, strict=True)]))
    assert again[0] < 0.2
    assert again[1] > 0.7
    strokes = [
        np.abs(values(told.attributions))[p > 0].sum() for told, p in zip(found, pictures, strict=True)
    ]
    everything = [np.abs(values(told.attributions)).sum() for told in found]
    assert np.sum(strokes) > 0.6 * np.sum(everything) > (pictures > 0).mean() * np.sum(everything)


@cache
def reviews() -> Model:
    """A model that a word decides, or that there is none."""
    random = np.random.default_rng(0)
    filling = [f"word{letter}" for letter in ascii_lowercase]
    texts, y = [], []
    for number in range(450):
        decisive = [[], ["good"], ["Bad"]][number % 3]
        texts.append(
            " ".join(random.permutation([*random.choice(filling, random.integers(2, 8)), *decisive]))
        )
        y.append(["neither", "yes", "no"][number % 3])
    chosen = {"hidden_size": 16, "embedding_size": 8, "epochs": 20, "learning_rate": 0.01, "max_length": 9}
    return train_model(texts, y, "rnn", hyperparameters=chosen)


def test_the_word_that_decides_has_the_largest_part() -> None:
    model = reviews()
    given = [
        "Wordc, worde GOOD wordg nowhere-known",
        "wordz bad worda wordb wordd wordf wordh wordi wordj cut off",
        "worda wordb wordc good",
    ]
    found = explain(model, read(model, given), against="neither")
    assert [told.label for told in found] == ["yes", "no", "yes"]
    for told, text, decisive in zip(found, given, ("GOOD", "bad", "good"), strict=True):
        tokens = told.attributions
        assert max(tokens, key=lambda token: abs(token["value"]))["text"] == decisive
        assert [text[token["begin"] : token["end"]] for token in tokens] == [
            token["text"] for token in tokens
        ]
    first, second, _ = (told.attributions for told in found)
    assert [token["text"] for token in first] == [
        "Wordc", ",", "worde", "GOOD", "wordg", "nowhere", "-", "known",
    ]  # fmt: skip
    assert [token["known"] for token in first] == [True, False, True, True, True, False, False, False]
    assert all(token["value"] == 0 for token in first if not token["known"])
    assert len(second) == 9, "what max_length cuts off is not there"


def test_a_text_without_words_is_one_unknown_token() -> None:
    model = reviews()
    (told,) = explain(model, read(model, [{"text": "  "}]))
    assert told.attributions == [{"text": "", "begin": 0, "end": 0, "known": False, "value": 0.0}]
    assert told.error < 1e-12


def test_of_a_long_sequence_the_last_steps_are_there() -> None:
    random = np.random.default_rng(8)
    model = model_of(at_random.rnn(random, channels=2))
    model.reader = SequenceInput(("a", "b"), max_length=4)
    steps = random.normal(size=(9, 2))
    named = [dict(zip("ab", step, strict=True)) for step in steps.tolist()]
    whole, end, objects = explain(model, read(model, [steps.tolist(), steps[-4:].tolist(), named]))
    assert len(whole.attributions) == 4
    assert whole == end == objects


def test_what_overflows_is_the_callers_fault() -> None:
    random = np.random.default_rng(8)
    state = at_random.cnn(random, shape=(16, 16, 1), channels=(3, 3, 3, 3), dense=(8, 8, 8))
    for name in [name for name in state.tensors if name.endswith("weight")]:
        state.tensors[name] = tensor(np.abs(state.array(name)) * 1e37)
    model = model_of(state)
    given = [np.full((16, 16, 1), number).tolist() for number in (1e-30, 3e38)]
    with pytest.raises(InvalidInput, match=r"\$\.instances\[\d\]: these values are so large"):
        explain(model, read(model, given))
