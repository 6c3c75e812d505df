"""How much a training will take, told before it starts, without numpy.

Measured with numpy 2.5 on one thread of a server's processor of 2023; functions of a cloud may take twice as
long. What is counted is exact; the seconds are within a factor of two there.
"""

from __future__ import annotations

from math import prod

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Seconds of a multiplication in a product of matrices, of a number that a layer gives on its way through all
# that is done with it, of a parameter in a step of the optimiser, and of a call of numpy.
_MULTIPLICATION, _NUMBER, _PARAMETER, _CALL = 2e-11, 6e-9, 2.5e-9, 2e-6
# Forwards, and backwards by the weights and by what came in.
_PASSES = 3
# Blocks of patches, and what is made and thrown away again.
_BLOCKS = 4 << 20
_GATES = {"lstm": 4, "gru": 3, "rnn": 1}


class NetworkWork(Record):
    """What a network does.

    Args:
        multiplications: of one sample's prediction.
        numbers: how many numbers its layers give for one sample.
        parameters: how many weights and biases there are.
        calls: how many calls of numpy a batch's training takes, about.
    """

    multiplications: int
    numbers: int
    parameters: int
    calls: int


def convolutional(shape: tuple[int, int, int], n_classes: int, chosen: Mapping[str, Any]) -> NetworkWork:
    """The work of `convolutional.build` with the same arguments."""
    height, width, channels = shape
    kernel = chosen["kernel_size"] ** 2
    multiplications = numbers = parameters = 0
    for outputs in chosen["channels"]:
        multiplications += height * width * kernel * channels * outputs
        numbers += height * width * (channels + outputs)
        parameters += (kernel * channels + 1) * outputs
        height, width, channels = height // 2, width // 2, outputs
    inputs = height * width * channels
    for outputs in (*chosen["dense"], n_classes):
        multiplications += inputs * outputs
        numbers += inputs + outputs
        parameters += (inputs + 1) * outputs
        inputs = outputs
    return NetworkWork(
        multiplications, numbers, parameters, 60 * len(chosen["channels"]) + 40 * (1 + len(chosen["dense"]))
    )


def recurrent(
    width: int, n_classes: int, steps: int, chosen: Mapping[str, Any], *, vocabulary: int | None = None
) -> NetworkWork:
    """The work of a recurrent network.

    Args:
        width: how many numbers a step has; for texts those of an embedding.
        n_classes: how many numbers the last layer gives.
        steps: how many a sequence has, on average.
        chosen: "cell", "hidden_size", "layers" and "bidirectional" of the hyperparameters.
        vocabulary: how many words there are, for texts.
    """
    hidden, directions = chosen["hidden_size"], 2 if chosen["bidirectional"] else 1
    gates = _GATES[chosen["cell"]]
    multiplications = numbers = 0
    parameters = (vocabulary or 0) * width
    inputs = width
    for _ in range(chosen["layers"]):
        multiplications += steps * directions * gates * hidden * (inputs + hidden)
        numbers += steps * directions * (gates + 2) * hidden
        parameters += directions * gates * hidden * (inputs + hidden + 2)
        inputs = directions * hidden
    return NetworkWork(
        multiplications + inputs * n_classes,
        numbers + n_classes,
        parameters + (inputs + 1) * n_classes,
        60 + 30 * steps * directions * chosen["layers"],
    )


def pooled_shape(shape: tuple[int, int, int], blocks: int) -> tuple[int, int]:
    """Height and width after so many poolings; one of them is 0 where a picture is too small for them."""
    return shape[0] >> blocks, shape[1] >> blocks


def training_seconds(work: NetworkWork, samples: int, epochs: int, batch_size: int) -> float:
    """How many seconds of one processor all epochs take; a training that stops early takes less."""
    batches = -(-samples // batch_size)
    of_sample = work.multiplications * _PASSES * _MULTIPLICATION + work.numbers * _NUMBER
    of_batch = work.parameters * _PARAMETER + work.calls * _CALL
    return epochs * (samples * of_sample + batches * of_batch)


def training_bytes(work: NetworkWork, shape: tuple[int, ...], batch_size: int) -> int:
    """The most memory that a training takes beside its samples, in bytes.

    Args:
        work: of the network.
        shape: of one sample.
        batch_size: how many samples a step is computed from.
    """
    # Of parameters: themselves, their gradients, both moments, the best, and a checkpoint made of four.
    of_parameters = 4 * 5 + 2 * 4 * 4
    # What a layer gives is kept for its gradient, and stands beside it, padded or masked, on the way back.
    of_sample = (3 * work.numbers + 4 * prod(shape)) * 4
    return _BLOCKS + work.parameters * of_parameters + batch_size * of_sample
