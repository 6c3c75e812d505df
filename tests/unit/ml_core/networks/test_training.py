"""The training of any network: how it stops, what it keeps, and that it can be continued anywhere."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.algorithms.base import FitContext, TrainingData
from ml_core.errors import InvalidInput, Unfinished
from ml_core.inputs.samples import PictureSamples
from ml_core.networks import convolutional, randomness
from ml_core.networks.augmentation import PictureAugmentation
from ml_core.networks.convolutional import PictureInputs
from ml_core.networks.held_out import hold_out
from ml_core.networks.layers import Dense
from ml_core.networks.network import Layers, forward, parameters_of
from ml_core.networks.training import CHECKPOINT_SECONDS, SPARE_SECONDS, TrainingOptions, _Parts, train
from tests.unit.ml_core.networks.kept import Clock, KeptCheckpoints, Killed, digest

SHAPE = (6, 5, 1)
CHOSEN = {"channels": [3], "kernel_size": 3, "pooling": "max", "dense": [5], "dropout": 0.2}


def pictures(samples: int = 90) -> tuple[PictureInputs, TrainingData]:
    """Bytes whose left or right half, or none, is bright."""
    random = np.random.default_rng(3)
    y = random.integers(0, 3, samples)
    array = random.integers(0, 90, (samples, *SHAPE), dtype=np.uint8)
    array[y == 0, :, :2] += 120
    array[y == 1, :, 3:] += 120
    found = PictureSamples(array)
    return PictureInputs(found, *convolutional.scaling(found, "standardise")), TrainingData(found, y, 11)


def trained(
    options: TrainingOptions,
    context: FitContext | None = None,
    *,
    groups: NDArray[np.int64] | None = None,
    clock: Any = None,
) -> Layers:
    """A small network, trained from its first weights."""
    layers = convolutional.build(SHAPE, 3, CHOSEN, 4)
    inputs, data = pictures()
    data.groups = groups
    augment = PictureAugmentation(shift=1, flip=False)
    train(layers, inputs, data, options, context or FitContext(), augment=augment, clock=clock or Clock(0.0))
    return layers


OPTIONS = TrainingOptions(epochs=4, batch_size=16, learning_rate=0.01, weight_decay=0.1, clip_norm=0.5)


@pytest.mark.parametrize("most", [16, 5, 1])
def test_a_batch_in_parts_is_the_batch(most: int) -> None:
    """But for rounding, and dropout, which is drawn part by part."""
    chosen, options = {**CHOSEN, "dropout": 0.0}, OPTIONS._replace(class_weight="balanced")
    inputs, data = pictures()
    whole, parts = (convolutional.build(SHAPE, 3, chosen, 4) for _ in range(2))
    told: list[dict[str, float]] = []
    for layers, at_once in ((whole, None), (parts, most)):
        context = FitContext(lambda done, of, metrics: told.append(dict(metrics)))  # noqa: ARG005 - the shape
        train(layers, inputs, data, options, context, most_at_once=at_once, clock=Clock(0.0))
    for name, array in parameters_of(whole).items():
        np.testing.assert_allclose(parameters_of(parts)[name], array, rtol=1e-3, atol=1e-4)
    for one, other in zip(told[:4], told[4:], strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_parts_are_as_large_as_may_be_and_no_sample_is_lost() -> None:
    places, sizes = np.array([4, 0, 2, 1, 3, 5]), np.array([3, 9, 2, 1, 2, 2])

    def cut(batch_size: int, most: int | None, of: NDArray[np.int64] | None = sizes) -> list[list[int]]:
        return [part.tolist() for part in _Parts(batch_size, most, of).of(places)]

    assert cut(6, None) == [[4, 0, 2, 1, 3, 5]]
    assert cut(4, None) == [[4, 0, 2, 1], [3, 5]]
    assert cut(6, 5) == [[4, 0], [2], [1], [3, 5]]
    assert cut(6, 7) == [[4, 0, 2], [1], [3, 5]]
    assert cut(2, 7) == [[4, 0], [2], [1], [3, 5]]
    assert cut(6, 4, None) == [[4, 0, 2, 1], [3, 5]]
    assert cut(6, 1) == [[place] for place in places]
    assert _Parts(4, 3, None).of(places[:0]) == []


class History:
    """What was told after each epoch; an epoch that is told again must be told the same."""

    def __init__(self) -> None:
        self.epochs: dict[int, Mapping[str, float]] = {}

    def __call__(self, done: int, of: int, metrics: Mapping[str, float]) -> None:
        assert self.epochs.setdefault(done, dict(metrics)) == metrics
        assert sorted(self.epochs) == list(range(1, len(self.epochs) + 1))
        assert done <= of


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    one = digest(trained(OPTIONS))
    assert digest(trained(OPTIONS)) == one
    assert digest(trained(OPTIONS._replace(learning_rate=0.011))) != one


@pytest.mark.parametrize("fraction", [0.2, 0.0])
@pytest.mark.parametrize("seconds", [0.0, CHECKPOINT_SECONDS])
def test_killed_after_any_checkpoint_it_ends_with_the_same_bits(fraction: float, seconds: float) -> None:
    """Saved at each epoch's end, and after every batch where batches take long."""
    options = OPTIONS._replace(validation_fraction=fraction)
    history, whole = History(), KeptCheckpoints()
    expected = digest(trained(options, FitContext(history, checkpoints=whole), clock=Clock(seconds)))
    assert whole.saves >= options.epochs * (5 if seconds else 1)
    again, state, deliveries = History(), None, 0
    while True:
        deliveries += 1
        checkpoints = KeptCheckpoints(state, kill_after=1)
        try:
            layers = trained(options, FitContext(again, checkpoints=checkpoints), clock=Clock(seconds))
        except Killed:
            state = checkpoints.state
            continue
        break
    assert deliveries == whole.saves + 1
    assert digest(layers) == expected
    assert again.epochs == history.epochs
    assert len(history.epochs) == options.epochs
    assert set(history.epochs[1]) == {"loss"} | (
        {"validation_loss", "validation_accuracy"} if fraction else set()
    )


def test_before_a_deadline_it_saves_and_says_where_it_continues() -> None:
    """A delivery has time for some batches; those that the last could not end, the next does."""
    expected = digest(trained(OPTIONS))
    state, told = None, list[str]()
    while True:
        clock, checkpoints = Clock(1.0), KeptCheckpoints(state)
        context = FitContext(deadline=clock.now + 12 + SPARE_SECONDS, checkpoints=checkpoints)
        try:
            layers = trained(OPTIONS, context, clock=clock)
        except Unfinished as reason:
            assert clock.now < 1_000 + 12 + SPARE_SECONDS
            assert checkpoints.saves
            told.append(str(reason))
            state = checkpoints.state
            continue
        break
    assert digest(layers) == expected
    assert len(told) > 3
    assert told[0] == "continues at epoch 1 of 4"
    assert told[-1] == "continues at epoch 4 of 4"


def test_a_delivery_that_gets_nowhere_saves_nothing() -> None:
    kept = KeptCheckpoints()
    with pytest.raises(Killed):
        trained(OPTIONS, FitContext(checkpoints=KeptCheckpoints(kill_after=2)))
    for state in (None, kept.state):
        checkpoints = KeptCheckpoints(state)
        with pytest.raises(Unfinished):
            trained(OPTIONS, FitContext(deadline=1_000.0, checkpoints=checkpoints), clock=Clock(1.0))
        assert not checkpoints.saves


def test_without_checkpoints_a_deadline_stops_nothing() -> None:
    assert digest(trained(OPTIONS, FitContext(deadline=0.0))) == digest(trained(OPTIONS))


@pytest.mark.parametrize("last", [b"", b"\x00\x01"])
def test_a_damaged_checkpoint_is_begun_again(last: bytes) -> None:
    checkpoints = KeptCheckpoints()
    expected = digest(trained(OPTIONS, FitContext(checkpoints=checkpoints)))
    assert checkpoints.state is not None
    other = KeptCheckpoints(checkpoints.state[:-2] + last)
    assert digest(trained(OPTIONS, FitContext(checkpoints=other))) == expected
    assert other.saves == OPTIONS.epochs


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rate": 0.02},
        {"batch_size": 15},
        {"epochs": 5},
        {"class_weight": {0: 2.0}},
        {"validation_fraction": 0.0},
    ],
)
def test_the_checkpoint_of_another_training_is_not_continued(changed: dict[str, Any]) -> None:
    checkpoints = KeptCheckpoints()
    trained(OPTIONS, FitContext(checkpoints=checkpoints))
    options = OPTIONS._replace(**changed)
    other = KeptCheckpoints(checkpoints.state)
    assert digest(trained(options, FitContext(checkpoints=other))) == digest(trained(options))
    assert other.saves == options.epochs


def test_a_finished_training_is_finished_again_from_its_checkpoint() -> None:
    """The job may be delivered again after the last epoch: nothing is trained on, and all is told."""
    checkpoints = KeptCheckpoints()
    expected = digest(trained(OPTIONS, FitContext(checkpoints=checkpoints)))
    again, history = KeptCheckpoints(checkpoints.state), History()
    assert digest(trained(OPTIONS, FitContext(history, checkpoints=again))) == expected
    assert not again.saves
    assert len(history.epochs) == OPTIONS.epochs


class Answers:
    """Inputs of one number; the classes of the samples to validate with say the contrary of the others'."""

    def __init__(self, x: NDArray[np.float32]) -> None:
        self._x = x

    def __len__(self) -> int:
        return len(self._x)

    def batch(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._x[places]


def _contrary() -> tuple[Answers, TrainingData]:
    """Two groups; what is right for one is wrong for the other: each step makes validation worse."""
    y = np.tile([0, 1], 20)
    groups = np.repeat([0, 1, 1, 1], 10)
    x = np.where(groups == 0, 1.0, -1.0) * np.where(y == 0, 1.0, -1.0)
    return Answers(x[:, None].astype(np.float32)), TrainingData(PictureSamples(x), y, 0, groups)


def _dense() -> Layers:
    layers: Layers = [("dense.0", Dense(1, 2, np.random.default_rng(0), first=True))]
    for array in parameters_of(layers).values():
        array[...] = 0
    return layers


@pytest.mark.parametrize(("patience", "epochs"), [(3, 4), (1, 2), (None, 9)])
def test_it_stops_after_its_patience_with_the_weights_that_were_best(
    patience: int | None, epochs: int
) -> None:
    inputs, data = _contrary()
    options = TrainingOptions(
        epochs=9, batch_size=8, learning_rate=0.1, validation_fraction=0.25, patience=patience
    )
    history, layers = History(), _dense()
    train(layers, inputs, data, options, FitContext(history))
    losses = [metrics["validation_loss"] for metrics in history.epochs.values()]
    assert len(losses) == epochs
    assert losses == sorted(losses)
    first = _dense()
    train(first, inputs, data, options._replace(epochs=1), FitContext())
    assert digest(layers) == digest(first)


def test_the_weights_are_those_of_the_best_metrics() -> None:
    """The loss and the accuracy of the held out are computed again, as one batch in plain numpy."""
    history = History()
    layers = trained(OPTIONS._replace(validation_fraction=0.4), FitContext(history))
    inputs, data = pictures()
    assert data.y is not None
    _, validation = hold_out(data.y, None, 0.4, randomness.generator(data.seed, *randomness.HELD_OUT))
    scores, y = forward(layers, inputs.batch(validation)).astype(np.float64), data.y[validation]
    logarithms = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    best = min(history.epochs.values(), key=lambda metrics: metrics["validation_loss"])
    assert best["validation_loss"] == pytest.approx(-logarithms[np.arange(len(y)), y].mean(), rel=1e-6)
    assert best["validation_accuracy"] == (scores.argmax(axis=1) == y).mean() > 0.6


def test_class_weights_move_the_answer() -> None:
    """Equal inputs, and one class three times as frequent: the weights say what probability is learnt."""
    y = np.array([0, 1, 1, 1] * 10)
    inputs = Answers(np.zeros((40, 1), np.float32))
    for chosen, odds in ((None, 3.0), ("balanced", 1.0), ({0: 6.0}, 0.5)):
        layers = _dense()
        options = TrainingOptions(
            epochs=300, batch_size=40, learning_rate=0.05, validation_fraction=0, class_weight=chosen
        )
        train(layers, inputs, TrainingData(PictureSamples(y), y, 0), options, FitContext())
        zero, one = forward(layers, np.zeros((1, 1), np.float32))[0]
        assert np.exp(one - zero) == pytest.approx(odds, rel=1e-3)


class Steep(Dense):
    """Its gradients are too large for float32."""

    def backward(self, dy: NDArray[Any]) -> None:
        super().backward(dy)
        self.gradients["bias"] = np.array([np.inf, -np.inf], np.float32)


def _diverging() -> Iterator[tuple[str, Layers, Answers]]:
    random = np.random.default_rng(0)
    large = Answers(np.full((40, 2), 3e38, np.float32))
    layers: Layers = [("dense.0", Dense(2, 2, random, first=True))]
    parameters_of(layers)["dense.0.weight"][...] = 1
    yield "scores", layers, large
    yield "last step", [("dense.0", Steep(1, 2, random, first=True))], Answers(np.ones((40, 1), np.float32))


@pytest.mark.parametrize("fraction", [0.0, 0.2])
@pytest.mark.parametrize(("layers", "inputs"), [pytest.param(*rest, id=name) for name, *rest in _diverging()])
def test_a_training_that_diverges_says_what_to_change(
    fraction: float, layers: Layers, inputs: Answers
) -> None:
    """The loss is no number any more, or only the weights of the last step are none."""
    y = np.array([0, 1] * 20)
    options = TrainingOptions(epochs=1, learning_rate=1.0, validation_fraction=fraction)
    with pytest.raises(InvalidInput) as refused:
        train(layers, inputs, TrainingData(PictureSamples(y), y, 0), options, FitContext())
    (fault,) = refused.value.faults
    assert fault.path == "$.hyperparameters.learning_rate"
    assert "diverged" in fault.message
    assert "such as 0.1" in fault.message


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.25, 0.5])
def test_each_class_is_held_out_in_its_share(fraction: float) -> None:
    y = np.repeat([0, 1, 2, 3], [400, 37, 2, 1])
    np.random.default_rng(0).shuffle(y)
    training, validation = hold_out(y, None, fraction, np.random.default_rng(5))
    assert sorted([*training, *validation]) == list(range(len(y)))
    assert len(validation) == round(fraction * len(y))
    for number, size in enumerate(np.bincount(y)):
        held_out = (y[validation] == number).sum()
        assert abs(held_out - size * fraction) <= 1
        assert held_out < size


def test_groups_are_held_out_whole_and_no_class_is_lost() -> None:
    random = np.random.default_rng(0)
    for seed in range(40):
        groups = random.integers(0, 12, 60) * 7 - 20
        y = np.where(groups == groups[0], 2, random.integers(0, 2, 60))
        training, validation = hold_out(y, groups, 0.3, np.random.default_rng(seed))
        assert sorted([*training, *validation]) == list(range(60))
        assert not set(groups[training]) & set(groups[validation])
        assert set(y[training]) == {0, 1, 2}
        assert 0 < len(validation) <= 18


def test_nothing_is_held_out_where_nothing_can_be() -> None:
    for y, groups, fraction in (([0, 1], None, 0.5), ([0, 0, 1], [4, 4, 4], 0.5), ([0, 1] * 50, None, 0.0)):
        of = None if groups is None else np.array(groups)
        training, validation = hold_out(np.array(y), of, fraction, np.random.default_rng(0))
        assert len(training) == len(y)
        assert not len(validation)


def test_groups_keep_together_in_a_training() -> None:
    """One group alone has the bright half right; it is either trained on or not, and the history tells it."""
    groups = np.arange(90) // 30
    history = History()
    trained(OPTIONS._replace(validation_fraction=0.34), FitContext(history), groups=groups)
    accuracies = [metrics["validation_accuracy"] for metrics in history.epochs.values()]
    assert all(round(accuracy * 30) == pytest.approx(accuracy * 30) for accuracy in accuracies)
