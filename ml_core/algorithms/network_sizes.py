"""Sizes of networks: what makes no sense, fits no function, or could not be trained in the time there is.

Looked at before anything is computed, by who takes a request and again by who trains. What is counted is
exact; seconds are an estimate.
"""

from __future__ import annotations

from math import prod

from ml_core.algorithms.network_estimator import MOST_ACTIVATION, MOST_WORK
from ml_core.arithmetic.network import GATES
from ml_core.errors import Fault

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    type Shape = tuple[int, int, int]

# 32 MiB in an artifact; a training needs four times as much: weights, two moments, and the best weights.
MOST_WEIGHTS = 1 << 23
# Seconds of a multiplication in a product of matrices, of a number that a layer gives on its way through all
# that is done with it, of a weight in a step of the optimiser, and of a call of numpy. Measured with numpy
# 2.5 on one thread of a server's processor of 2023; a function may take twice as long.
_MULTIPLICATION, _NUMBER, _WEIGHT, _CALL = 2e-11, 6e-9, 2.5e-9, 2e-6
# Forwards, and backwards by the weights and by what came in.
_PASSES = 3


class NetworkSize:
    """A network that is to be trained, and what a picture or a step takes of it.

    Args:
        weights: how many numbers it learns, by the hyperparameter that they come from; first the one that
            says how wide its layers are.
        work: how many multiplications a picture or a step takes.
        numbers: how many numbers its layers give for one.
        activation: how many its largest layer has.
        calls: how many calls of numpy the training of a batch takes; of sequences at each time.
    """

    __slots__ = ("activation", "calls", "most_from", "numbers", "weights", "width_from", "work")

    def __init__(
        self, weights: Mapping[str, int], *, work: int, numbers: int, activation: int, calls: int
    ) -> None:
        self.weights = sum(weights.values())
        self.most_from = max(weights, key=lambda name: weights[name])
        self.width_from = next(iter(weights))
        self.work = work
        self.numbers = numbers
        self.activation = activation
        self.calls = calls

    def estimated_seconds(self, passes: int, batches: int, times: float = 1.0) -> float:
        """How long an epoch takes one processor.

        Args:
            passes: how many pictures or steps are trained on.
            batches: in how many batches.
            times: how many steps its longest sequence takes a batch.
        """
        of_one = self.work * _PASSES * _MULTIPLICATION + self.numbers * _NUMBER
        of_batch = self.weights * _WEIGHT + self.calls * times * _CALL
        return passes * of_one + batches * of_batch


def picture_faults(
    shape: Shape, rows: int, chosen: Mapping[str, Any], *, classes: int = 2, seconds: float | None = None
) -> list[Fault]:
    """What speaks against training on so many pictures of the shape, in so many seconds; None for any."""
    if faults := list(_shape_faults(shape, chosen)):
        return faults
    size = size_of_cnn(shape, chosen, classes)
    one = size.estimated_seconds(rows, -(-rows // chosen["batch_size"]))
    return [*_size_faults(size, "picture"), *_time_faults(one, chosen, seconds, "smaller pictures")]


def _shape_faults(shape: Shape, chosen: Mapping[str, Any]) -> Iterator[Fault]:
    """Pictures that are pooled to nothing, or smaller than the patches that are looked at."""
    height, width, _ = shape
    side = min(height, width)
    count, most = len(chosen["channels"]), side.bit_length() - 1
    if count > most:
        fits = f"at most {most}" if most else "none, for which pictures need 2 × 2 pixels"
        message = f"each convolution's pooling halves height and width: of {height} × {width} pixels"
        yield Fault("$.hyperparameters.channels", f"{message} {count} leave nothing; expected {fits}")
    if chosen["kernel_size"] > side:
        largest = max(size for size in (1, 3, 5, 7) if size <= side)
        message = f"pictures of {height} × {width} pixels are smaller than {chosen['kernel_size']}"
        yield Fault("$.hyperparameters.kernel_size", f"{message}; expected at most {largest}")


def size_of_cnn(shape: Shape, chosen: Mapping[str, Any], classes: int) -> NetworkSize:
    """Of a network for pictures of the shape."""
    height, width, inputs = shape
    weights = {"channels": 0, "dense": 0}
    work = numbers = 0
    activation = prod(shape)
    for outputs in chosen["channels"]:
        convolution = outputs * chosen["kernel_size"] ** 2 * inputs
        weights["channels"] += convolution + outputs
        work += height * width * convolution
        numbers += height * width * (inputs + outputs)
        activation = max(activation, height * width * outputs)
        height, width, inputs = height // 2, width // 2, outputs
    inputs *= height * width
    for outputs in (*chosen["dense"], classes):
        weights["dense"] += outputs * (inputs + 1)
        work += outputs * inputs
        numbers += inputs + outputs
        inputs = outputs
    calls = 60 * len(chosen["channels"]) + 40 * (1 + len(chosen["dense"]))
    return NetworkSize(weights, work=work, numbers=numbers, activation=activation, calls=calls)


def sequence_faults(
    channels: int | None,
    rows: int,
    steps: int | None,
    chosen: Mapping[str, Any],
    *,
    classes: int = 2,
    seconds: float | None = None,
) -> list[Fault]:
    """What speaks against training on so many sequences that have so many steps together, in `seconds`.

    `channels` is how many numbers a step has, None for text; `steps` is None where they are not known yet:
    texts have none before there is a vocabulary. Then no number of epochs is advised: it would be too high.
    """
    size = size_of_rnn(channels, chosen, classes)
    batches = -(-rows // chosen["batch_size"])
    # No vocabulary has more words than the texts have.
    words = min(chosen["max_vocabulary"], steps or 0)
    trained = size_of_rnn(channels, {**chosen, "max_vocabulary": words}, classes)
    # At each time of a batch all its sequences take their step together.
    one = trained.estimated_seconds(steps or 0, batches, (steps or 0) / max(1, rows))
    smaller = "shorter texts" if channels is None else "shorter sequences"
    return [
        *_size_faults(size, "step"),
        *_time_faults(one, chosen, seconds, smaller, at_least=steps is None),
    ]


def size_of_rnn(channels: int | None, chosen: Mapping[str, Any], classes: int) -> NetworkSize:
    """Of a network for steps of so many numbers, None for text."""
    hidden, directions = chosen["hidden_size"], 1 + chosen["bidirectional"]
    gates = GATES[chosen["cell"]]
    weights = {"hidden_size": 0, "max_vocabulary": 0}
    width = channels or chosen["embedding_size"]
    if channels is None:
        weights["max_vocabulary"] = (1 + chosen["max_vocabulary"]) * width
    work = numbers = 0
    activation = max(width, gates * hidden)
    for _ in range(chosen["layers"]):
        products = directions * gates * hidden * (width + hidden)
        weights["hidden_size"] += products + 2 * directions * gates * hidden
        work += products
        numbers += directions * (gates + 2) * hidden
        width = directions * hidden
        activation = max(activation, width)
    weights["hidden_size"] += classes * (width + 1)
    calls = 30 * directions * chosen["layers"]
    return NetworkSize(weights, work=work, numbers=numbers, activation=activation, calls=calls)


def _size_faults(size: NetworkSize, instance: str) -> Iterator[Fault]:
    if size.weights > MOST_WEIGHTS:
        message = f"the network would have {size.weights} weights, more than the {MOST_WEIGHTS} that one may"
        yield Fault(f"$.hyperparameters.{size.most_from}", f"{message}: expected fewer")
    elif size.activation > MOST_ACTIVATION or size.work > MOST_WORK:
        told = f"a {instance} would take {size.work} multiplications and {size.activation} numbers in a layer"
        most = f"at most {MOST_WORK} and {MOST_ACTIVATION}: expected fewer, or a smaller {instance}"
        yield Fault(f"$.hyperparameters.{size.width_from}", f"{told}; {most}")


def _time_faults(
    one: float, chosen: Mapping[str, Any], seconds: float | None, smaller: str, *, at_least: bool = False
) -> Iterator[Fault]:
    """What speaks against the time of all epochs, given that of one, or what one takes at least."""
    epochs = chosen["epochs"]
    if seconds is None or epochs * one <= seconds:
        return
    fit = int(seconds / one)
    expected = f"expected at most {fit}" if fit else "not one epoch ends in that"
    if at_least and fit:
        expected = "expected far fewer"
    about = "more than" if at_least else "about"
    yield Fault(
        "$.hyperparameters.epochs",
        f"{epochs} epochs of these rows would take {about} {_told(epochs * one)}, and there are "
        f"{_told(seconds)} (max_seconds, or ML_TRAIN_HOURS): {expected}; or train a smaller network, or on "
        f"{smaller} or fewer rows",
    )


def _told(seconds: float) -> str:
    """A time in the largest unit of which it has two."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"
