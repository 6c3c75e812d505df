"""Sizes of networks: what makes no sense, fits no function, or could not be trained in the time there is.

Looked at before anything is computed, by who takes a request and again by who trains.
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
# What a fast processor core multiplies in a second of training, and what a batch and one of its time steps
# take at least: a training that is refused could not have ended anywhere.
MULTIPLICATIONS_A_SECOND = 2e10
BATCH_SECONDS = 3e-4
STEP_SECONDS = 3e-5
# The time there is where nobody says another.
TRAIN_HOURS = 12.0


class NetworkSize:
    """A network that is to be trained: the weights, and what a picture or step of it takes.

    Args:
        weights: how many numbers it learns, by the hyperparameter that they come from; first the one that
            says how wide its layers are.
        work: how many multiplications a picture or a step takes.
        activation: the numbers of its largest layer, of one picture or step.
    """

    __slots__ = ("activation", "most_from", "weights", "width_from", "work")

    def __init__(self, weights: Mapping[str, int], work: int, activation: int) -> None:
        self.weights = sum(weights.values())
        self.most_from = max(weights, key=lambda name: weights[name])
        self.width_from = next(iter(weights))
        self.work = work
        self.activation = activation


def estimated_seconds(work: int, *, passes: int, batches: int = 0, steps: int = 0) -> float:
    """How long a training takes at least: forwards once, and backwards twice as long.

    Args:
        work: how many multiplications a picture or a step takes.
        passes: how many pictures or steps are trained on, each as often as there are epochs.
        batches: how many batches, counted likewise.
        steps: how many time steps of batches, counted likewise.
    """
    return 3 * work * passes / MULTIPLICATIONS_A_SECOND + batches * BATCH_SECONDS + steps * STEP_SECONDS


def picture_faults(
    shape: Shape, rows: int, chosen: Mapping[str, Any], *, classes: int = 2, hours: float = TRAIN_HOURS
) -> list[Fault]:
    """What speaks against training on so many pictures of the shape."""
    if faults := list(_shape_faults(shape, chosen)):
        return faults
    size = size_of_cnn(shape, chosen, classes)
    batches = -(-rows // chosen["batch_size"])
    one = estimated_seconds(size.work, passes=rows, batches=batches)
    return [*_size_faults(size, "picture", chosen), *_time_faults(one, chosen, hours, "smaller pictures")]


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
    work, activation = 0, prod(shape)
    for outputs in chosen["channels"]:
        convolution = outputs * chosen["kernel_size"] ** 2 * inputs
        weights["channels"] += convolution + outputs
        work += height * width * convolution
        activation = max(activation, height * width * outputs)
        height, width, inputs = height // 2, width // 2, outputs
    inputs *= height * width
    for outputs in (*chosen["dense"], classes):
        weights["dense"] += outputs * (inputs + 1)
        work += outputs * inputs
        inputs = outputs
    return NetworkSize(weights, work, activation)


def sequence_faults(
    channels: int | None,
    rows: int,
    steps: int | None,
    chosen: Mapping[str, Any],
    *,
    classes: int = 2,
    hours: float = TRAIN_HOURS,
) -> list[Fault]:
    """What speaks against training on so many sequences that have so many steps together.

    `channels` is how many numbers a step has, None for text; `steps` is None where they are not known yet.
    """
    size = size_of_rnn(channels, chosen, classes)
    # At each time of a batch all its sequences take their step together.
    batches = -(-rows // chosen["batch_size"])
    times = -(-(steps or 0) // min(chosen["batch_size"], max(1, rows)))
    one = estimated_seconds(
        size.work,
        passes=steps or 0,
        batches=batches,
        steps=times * chosen["layers"] * (1 + chosen["bidirectional"]),
    )
    return [*_size_faults(size, "step", chosen), *_time_faults(one, chosen, hours, "shorter sequences")]


def size_of_rnn(channels: int | None, chosen: Mapping[str, Any], classes: int) -> NetworkSize:
    """Of a network for steps of so many numbers, None for text."""
    hidden, directions = chosen["hidden_size"], 1 + chosen["bidirectional"]
    outputs = GATES[chosen["cell"]] * hidden
    weights = {"hidden_size": 0, "max_vocabulary": 0}
    width = channels or chosen["embedding_size"]
    if channels is None:
        weights["max_vocabulary"] = (1 + chosen["max_vocabulary"]) * width
    work, activation = 0, max(width, outputs)
    for _ in range(chosen["layers"]):
        products = directions * outputs * (width + hidden)
        weights["hidden_size"] += products + 2 * directions * outputs
        work += products
        width = directions * hidden
        activation = max(activation, width)
    weights["hidden_size"] += classes * (width + 1)
    return NetworkSize(weights, work, activation)


def _size_faults(size: NetworkSize, instance: str, chosen: Mapping[str, Any]) -> Iterator[Fault]:
    if size.weights > MOST_WEIGHTS:
        message = f"the network would have {size.weights} weights, more than the {MOST_WEIGHTS} that one may"
        given = chosen[size.most_from]
        fewer = "fewer, or smaller ones" if isinstance(given, list) else "less"
        where = f"$.hyperparameters.{size.most_from}"
        yield Fault(where, f"{message}: expected {fewer} than {given}")
    elif size.activation > MOST_ACTIVATION or size.work > MOST_WORK:
        told = f"a {instance} would take {size.work} multiplications and {size.activation} numbers in a layer"
        most = f"at most {MOST_WORK} and {MOST_ACTIVATION}: expected less, or a smaller {instance}"
        yield Fault(f"$.hyperparameters.{size.width_from}", f"{told}; {most}")


def _time_faults(one: float, chosen: Mapping[str, Any], hours: float, smaller: str) -> Iterator[Fault]:
    """What speaks against the time of all epochs, given that of one."""
    epochs = chosen["epochs"]
    seconds, most = epochs * one, hours * 3600
    if seconds <= most:
        return
    fit = int(most / one)
    expected = f"expected at most {fit}" if fit else "not one epoch ends in that"
    yield Fault(
        "$.hyperparameters.epochs",
        f"{epochs} epochs of these rows would take at least {seconds / 3600:.0f} hours, and there are "
        f"{hours:g}: {expected}; or train a smaller network, or on {smaller} or fewer rows",
    )
