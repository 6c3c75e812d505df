"""The training of any network: epochs of batches, early stopping, and checkpoints to continue from.

A training that was interrupted anywhere and continued ends with the same bits as one that was not: what a
step depends on is in the checkpoint, and its random numbers come from the seed, the epoch and the batch.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ml_core.digests import sha256
from ml_core.errors import InvalidInput, Unfinished
from ml_core.networks import checkpoints, randomness
from ml_core.networks.checkpoints import Counters
from ml_core.networks.held_out import hold_out
from ml_core.networks.loss import CrossEntropy, class_weights
from ml_core.networks.network import backward, forward, gradients_of, parameters_of
from ml_core.networks.optimiser import AdamW, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ml_core.algorithms.base import FitContext, TrainingData
    from ml_core.networks.layers import Array
    from ml_core.networks.network import Layers

# Between two checkpoints there are at most so many seconds, and a batch.
CHECKPOINT_SECONDS = 20.0
# What is left of the time before a deadline when a training stops: to write the checkpoint and to end.
SPARE_SECONDS = 2.0


class Inputs(Protocol):
    """What a network reads: all samples, and a batch of any of them."""

    def __len__(self) -> int: ...

    def batch(self, places: NDArray[np.int64]) -> Any:  # noqa: ANN401 - what the first layer takes
        """What the first layer takes for the samples at the places.

        Whatever order the layers compute in, row i of the last one's answer is the sample at `places[i]`.
        """
        ...


class Augmentation(Protocol):
    """Changes a batch of training samples at random."""

    def __call__(self, x: Any, random: np.random.Generator) -> Any:  # noqa: ANN401 - as `Inputs.batch` gave it
        """The batch, changed; `x` is left as it is or overwritten."""
        ...


class TrainingOptions(NamedTuple):
    """The hyperparameters that every network's training has.

    Args:
        epochs: how often every sample is trained on, at most.
        batch_size: how many samples a step is computed from.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        validation_fraction: how much of the samples validates; 0 for none, and then nothing stops early.
        patience: after how many epochs without a better validation loss training stops; None for never.
        clip_norm: the longest that gradients may be; None leaves them.
        class_weight: by class number, or "balanced"; None for none.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    validation_fraction: float = 0.1
    patience: int | None = 5
    clip_norm: float | None = None
    class_weight: Mapping[int, float] | str | None = None


def train(
    layers: Layers,
    inputs: Inputs,
    data: TrainingData,
    options: TrainingOptions,
    context: FitContext,
    *,
    augment: Augmentation | None = None,
    most_at_once: int | None = None,
    sizes: NDArray[np.int64] | None = None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Train the layers in place. They end with the weights of the best validation loss, or with the last.

    After each epoch `context.progress` is told "loss" (the mean over the epoch's batches) and, where samples
    are held out, "validation_loss" and "validation_accuracy". A continued training tells the epochs of those
    before it again, so that who listens has the whole history.

    Args:
        layers: with their first weights.
        inputs: makes batches of `data.samples`.
        data: `y`, `seed` and `groups` are read. Classes count from 0 to one less than the last layer's width.
        options: as above.
        context: as in `algorithms/base.py`.
        augment: changes the batches that are trained on.
        most_at_once: how large the samples are together, at most, that pass the layers at once; a larger
            batch passes in parts, whose gradients are added up. None leaves batches whole. It bounds the
            memory that is taken.
        sizes: how large each sample is, such as the length of a sequence; None where each counts one.
        clock: seconds since the epoch.

    Raises:
        Unfinished: the deadline is near; the checkpoint is saved.
        InvalidInput: the loss is no finite number any more; says what to change.
    """
    from threadpoolctl import threadpool_limits

    # A diverging training is found by its loss, and told; numpy's warnings would only be printed. Several
    # BLAS threads would wait for each other: the matrices are small.
    with np.errstate(all="ignore"), threadpool_limits(limits=1, user_api="blas"):
        parts = _Parts(options.batch_size, most_at_once, sizes)
        _Training(layers, inputs, data, options, context, augment=augment, parts=parts, clock=clock).run()


class _Training:
    """One training: what does not change, the optimiser, and how far it is."""

    def __init__(
        self,
        layers: Layers,
        inputs: Inputs,
        data: TrainingData,
        options: TrainingOptions,
        context: FitContext,
        *,
        augment: Augmentation | None,
        parts: _Parts,
        clock: Callable[[], float],
    ) -> None:
        assert data.y is not None, "a network learns classes"  # noqa: S101
        self._layers = layers
        self._inputs = inputs
        self._y = data.y
        self._seed = data.seed
        self._options = options
        self._context = context
        self._augment = augment
        self._parts = parts
        self._training, self._validation = hold_out(
            self._y,
            data.groups,
            options.validation_fraction,
            randomness.generator(data.seed, *randomness.HELD_OUT),
        )
        n_classes = int(self._y.max()) + 1
        self._loss = CrossEntropy(class_weights(options.class_weight, self._y[self._training], n_classes))
        self._weights = parameters_of(layers)
        self._best = {name: array.copy() for name, array in self._weights.items()}
        self._optimiser = AdamW(self._weights, options.learning_rate, options.weight_decay)
        self._about = self._fingerprint(data)
        self._counters = Counters()
        self._keeper = _Keeper(context, clock, self._state)

    def run(self) -> None:
        """Train to the end, from where the checkpoint is."""
        self._continue()
        while self._counters.epoch < self._options.epochs and not self._is_over():
            self._epoch(self._counters.epoch + 1)
        if len(self._validation):
            for name, array in self._weights.items():
                array[...] = self._best[name]

    def _is_over(self) -> bool:
        patience = self._options.patience
        return patience is not None and self._counters.without_gain >= patience

    def _epoch(self, epoch: int) -> None:
        """What is left of an epoch's batches, and its validation."""
        order = randomness.generator(self._seed, epoch, 0).permutation(self._training)
        size = self._options.batch_size
        for batch in range(self._counters.batch, -(-len(order) // size)):
            self._keeper.before(1, self._where)
            self._step(epoch, batch + 1, order[batch * size : (batch + 1) * size])
            self._keeper.after_a_step()
        self._keeper.before(-(-len(self._validation) // size), self._where)
        metrics = self._measured(epoch)
        self._end_epoch(epoch, metrics)
        self._keeper.save()
        self._context.progress(epoch, self._options.epochs, metrics)

    def _step(self, epoch: int, batch: int, places: NDArray[np.int64]) -> None:
        """Change the weights by one batch."""
        random = randomness.generator(self._seed, epoch, batch)
        weight = self._loss.weight(self._y[places])
        total, gradients = self._passed(self._parts.of(places), weight, random)
        self._check(total, epoch)
        if self._options.clip_norm is not None:
            clip(gradients, self._options.clip_norm)
        self._optimiser.step(gradients)
        done = self._counters
        self._counters = done._replace(
            batch=batch, steps=done.steps + 1, total=done.total + total, weight=done.weight + weight
        )

    def _passed(
        self, parts: list[NDArray[np.int64]], weight: float, random: np.random.Generator
    ) -> tuple[float, dict[str, Array]]:
        """The loss of a batch's parts, and its gradient by every parameter."""
        loss = 0.0
        gradients: dict[str, Array] = {}
        for places in parts:
            x = self._inputs.batch(places)
            if self._augment is not None:
                x = self._augment(x, random)
            scores = forward(self._layers, x, random)
            more, _, slope = self._loss.gradient(scores, self._y[places], weight)
            loss += more
            backward(self._layers, slope)
            if len(parts) == 1:
                return loss, gradients_of(self._layers)
            for name, gradient in gradients_of(self._layers).items():
                gradients[name] = gradients[name] + gradient if name in gradients else gradient.copy()
        return loss, gradients

    def _measured(self, epoch: int) -> dict[str, float]:
        """The metrics of an epoch whose batches are done."""
        metrics = {"loss": _quotient(self._counters.total, self._counters.weight)}
        if not len(self._validation):
            # The last step's weights are not measured by any loss.
            self._check(sum(float(np.abs(array).max()) for array in self._weights.values()), epoch)
            return metrics
        total, right = 0.0, 0
        for places in self._parts.of(self._validation):
            scores, y = forward(self._layers, self._inputs.batch(places)), self._y[places]
            total += self._loss.sums(scores, y)[0]
            right += int((scores.argmax(axis=1) == y).sum())
        self._check(total, epoch)
        return {
            **metrics,
            "validation_loss": _quotient(total, self._loss.weight(self._y[self._validation])),
            "validation_accuracy": right / len(self._validation),
        }

    def _end_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """Keep the weights if they are the best, and count."""
        done = self._counters
        loss = metrics.get("validation_loss")
        best, without_gain = done.best_loss, 0
        if loss is not None and (best is None or loss < best):
            best = loss
            for name, array in self._best.items():
                array[...] = self._weights[name]
        elif loss is not None:
            without_gain = done.without_gain + 1
        self._counters = Counters(
            epoch, 0, done.steps, 0.0, 0.0, best, without_gain, (*done.history, metrics)
        )

    def _check(self, number: float, epoch: int) -> None:
        """Raise `InvalidInput` where the training diverged."""
        if not math.isfinite(number):
            rate = self._options.learning_rate
            raise InvalidInput.at(
                "$.hyperparameters.learning_rate",
                f"training diverged: the loss of epoch {epoch} is no finite number. "
                f"Expected a lower learning rate than {rate:g}, such as {rate / 10:g}, "
                "or a clip_norm such as 1.0; check too that no input is far larger than the others",
            )

    # --- continuing ------------------------------------------------------------------------------------

    def _arrays(self) -> dict[str, Mapping[str, Array]]:
        """What a checkpoint keeps of every parameter."""
        kept: dict[str, Mapping[str, Array]] = {
            "weights": self._weights,
            "first": self._optimiser.first,
            "second": self._optimiser.second,
        }
        return {**kept, "best": self._best} if len(self._validation) else kept

    def _state(self) -> bytes:
        return checkpoints.written(self._about, self._counters, self._arrays())

    def _continue(self) -> None:
        """Go to where the last checkpoint was saved, if there is one."""
        state = self._context.checkpoints.latest() if self._context.checkpoints is not None else None
        counters = checkpoints.read(state, self._about, self._arrays()) if state is not None else None
        if counters is None:
            return
        self._counters, self._optimiser.steps = counters, counters.steps
        for epoch, metrics in enumerate(counters.history, 1):
            self._context.progress(epoch, self._options.epochs, metrics)

    def _fingerprint(self, data: TrainingData) -> str:
        """What a checkpoint must have been made of: the options, the seed, the classes and the split.

        The inputs themselves are not in it: who stores checkpoints keeps them with the data's revision.
        """
        options = self._options._asdict()
        chosen = options["class_weight"]
        if chosen is not None and not isinstance(chosen, str):
            options["class_weight"] = sorted(chosen.items())
        return sha256(
            repr((options, data.seed, self._parts.most)).encode(),
            self._y.astype("<i8").tobytes(),
            self._validation.astype("<i8").tobytes(),
        )

    def _where(self) -> str:
        return f"continues at epoch {self._counters.epoch + 1} of {self._options.epochs}"


class _Parts:
    """Cuts samples into parts that pass the layers together: no more than a batch, and no larger than `most`.

    A sample that alone is larger is a part by itself.
    """

    def __init__(self, batch_size: int, most: int | None, sizes: NDArray[np.int64] | None) -> None:
        self.most = most
        self._batch_size = batch_size
        self._sizes = sizes

    def of(self, places: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The places in their order, part by part."""
        sizes = np.ones(len(places), np.int64) if self._sizes is None else self._sizes[places]
        ends = np.cumsum(sizes)
        parts, begin = [], 0
        while begin < len(places):
            end = begin + self._batch_size
            if self.most is not None:
                fits = int(np.searchsorted(ends, ends[begin] - sizes[begin] + self.most, side="right"))
                end = min(end, max(begin + 1, fits))
            parts.append(places[begin:end])
            begin = end
        return parts


class _Keeper:
    """Saves checkpoints when it is time, and stops before a deadline."""

    def __init__(self, context: FitContext, clock: Callable[[], float], state: Callable[[], bytes]) -> None:
        self._checkpoints = context.checkpoints
        self._deadline = context.deadline if context.checkpoints is not None else None
        self._clock = clock
        self._state = state
        self._began = self._saved = clock()
        self._slowest = 0.0
        self._is_saved = True

    def before(self, steps: int, where: Callable[[], str]) -> None:
        """Raise `Unfinished`, with what is done saved, where so many steps may pass the deadline."""
        self._began = self._clock()
        needed = steps * self._slowest + SPARE_SECONDS
        if self._deadline is not None and self._began + needed > self._deadline:
            if not self._is_saved:
                self.save()
            raise Unfinished(where())

    def after_a_step(self) -> None:
        """Save where the last checkpoint is too long ago."""
        now = self._clock()
        self._slowest = max(self._slowest, now - self._began)
        self._is_saved = False
        if now - self._saved >= CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        """Save what is done by now."""
        self._is_saved = True
        if self._checkpoints is not None:
            self._checkpoints.save(self._state())
            self._saved = self._clock()


def _quotient(total: float, weight: float) -> float:
    return total / weight if weight else 0.0
