"""Networks in plain Python: an activation is a list of lines, or of steps.

Imports nothing that is not built in.

A layer's rows begin with their biases (`Affine.rows`), and what they multiply begins with 1: one product has
both. `map` and `sumprod` keep the loops in C.
"""

from __future__ import annotations

import struct
from itertools import chain, repeat
from math import isfinite, sumprod, tanh

from ml_core.arithmetic.bounds import CLOSE, NotFinite
from ml_core.arithmetic.plain import softmax
from ml_core.safetensors import unpack_rows

__all__ = ["picture_decisions", "sequence_decisions", "softmax"]

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ml_core.arithmetic.network import (
        Affine,
        PictureNetwork,
        RecurrentCell,
        SequenceNetwork,
        Standardisation,
    )
    from ml_core.arithmetic.plain import Matrix, Row
    from ml_core.inputs.arrays import Pictures, Sequences
    from ml_core.safetensors import Tensor

    # A line of a picture: its places one after another, each with its channels. A cell's state.
    type Line = list[float]
    type State = list[float]
    # The next state and memory, given what a step brings and both before it.
    type Step = Callable[[Row, State, State, RecurrentCell], tuple[State, State]]

_ONE = (1.0,)


def picture_decisions(pictures: Pictures, network: PictureNetwork) -> tuple[list[int], Matrix]:
    """Labels and decisions. Raises `NotFinite` where a number of a layer overflows."""
    last = []
    for index, lines in enumerate(_standardised(pictures, network.standardisation)):
        channels = pictures.shape[2]
        try:
            for convolution in network.convolutions:
                lines = _block(lines, channels, convolution, network)  # noqa: PLW2901 - layer after layer
                channels = convolution.outputs
            flat: Row = [*chain.from_iterable(lines)]
            for layer in network.dense[:-1]:
                flat = [*map(max, _affine(flat, layer), repeat(0.0))]
            decided = _affine(flat, network.dense[-1])
        except OverflowError:
            raise NotFinite(index) from None
        last.append((flat, decided))
    return _decided(last, network.dense[-1])


def _standardised(pictures: Pictures, by: Standardisation) -> Iterator[list[Line]]:
    """The lines of each picture, (x - mean) / scale channel by channel."""
    height, width, _ = pictures.shape
    places = list(zip(by.mean.values, by.scale.values, strict=True)) * width
    code = "f" if pictures.dtype == "F32" else "B"
    lines: list[Line] = []
    for packed in unpack_rows(pictures.packed, len(places), code):
        lines.append([(x - m) / s for x, (m, s) in zip(packed, places, strict=True)])
        if len(lines) == height:
            yield lines
            lines = []


def _block(lines: list[Line], channels: int, convolution: Affine, network: PictureNetwork) -> list[Line]:
    """A convolution, its pooling and its ReLU.

    A line or column that no square of the pooling has is left out.
    """
    around = network.kernel_size // 2
    side = [0.0] * (around * channels)
    padded = [side + line + side for line in lines]
    blank = [[0.0] * len(padded[0])] * around
    padded = blank + padded + blank
    span = network.kernel_size * channels
    width = len(lines[0]) // channels // 2 * 2
    columns = [slice(x * channels, x * channels + span) for x in range(width)]
    rows = convolution.rows

    def convolved(y: int) -> list[list[float]]:
        """The numbers at each place of a line."""
        window = padded[y : y + network.kernel_size]
        places = []
        for column in columns:
            patch = [1.0]
            for line in window:
                patch += line[column]
            places.append(list(map(sumprod, repeat(patch), rows)))
        _check(chain.from_iterable(places))
        return places

    pooled = _largest if network.pooling == "max" else _averages
    return [pooled(convolved(y), convolved(y + 1)) for y in range(0, len(lines) // 2 * 2, 2)]


def _largest(upper: list[list[float]], lower: list[list[float]]) -> Line:
    """The largest of every square, and 0 of one without a positive number."""
    line: Line = []
    for x in range(0, len(upper), 2):
        line += map(max, repeat(0.0), upper[x], upper[x + 1], lower[x], lower[x + 1])
    return line


def _averages(upper: list[list[float]], lower: list[list[float]]) -> Line:
    """The mean of every square, of whose numbers negative ones count as 0."""
    line: Line = []
    for x in range(0, len(upper), 2):
        square = zip(upper[x], upper[x + 1], lower[x], lower[x + 1], strict=True)
        line += [(max(a, 0.0) + max(b, 0.0) + max(c, 0.0) + max(d, 0.0)) / 4 for a, b, c, d in square]
    return line


def _affine(x: Row, layer: Affine) -> list[float]:
    """w·x + b for each row of the layer. Raises `OverflowError`."""
    result = list(map(sumprod, repeat([1.0, *x]), layer.rows))
    _check(result)
    return result


def _check(numbers: Iterable[float]) -> None:
    """Raise `OverflowError` if one of the numbers is not finite."""
    numbers = list(numbers)
    if not isfinite(sum(numbers)) and not all(map(isfinite, numbers)):
        raise OverflowError


def sequence_decisions(sequences: Sequences, network: SequenceNetwork) -> tuple[list[int], Matrix]:
    """Labels and decisions. States lie within ±1, so that nothing overflows."""
    last = []
    steps = _steps(sequences, network)
    step = _STEP[network.cell]
    for length in sequences.lengths:
        states: Sequence[Row] = [next(steps) for _ in range(length)]
        told: list[list[State]] = []
        for layer in network.layers:
            told = [_states(states, layer[0], step)]
            if len(layer) == 2:
                told.append(_states(states[::-1], layer[1], step))
                states = [[*h, *g] for h, g in zip(told[0], reversed(told[1]), strict=True)]
            else:
                states = told[0]
        flat = [number for direction in told for number in _READ[network.reads](direction)]
        last.append((flat, _affine(flat, network.head)))
    return _decided(last, network.head)


def _steps(sequences: Sequences, network: SequenceNetwork) -> Iterator[Row]:
    """What the first layer takes at each step, of all sequences one after another."""
    if network.embedding is not None:
        return _embedded(sequences, network.embedding)
    assert network.standardisation is not None  # noqa: S101 - for the type checker: it has one of the two
    mean, scale = network.standardisation
    columns = list(zip(mean.values, scale.values, strict=True))
    rows = unpack_rows(sequences.packed, sequences.width, "f")
    return ([(x - m) / s for x, (m, s) in zip(row, columns, strict=True)] for row in rows)


def _embedded(sequences: Sequences, embedding: Tensor) -> Iterator[Row]:
    """The row of each word: of a long table, no more are unpacked than are asked for."""
    count, width = embedding.shape
    row = struct.Struct(f"<{width}f")
    for (number,) in unpack_rows(sequences.packed, 1, "q"):
        if not 0 <= number < count:
            raise IndexError(f"expected the number of a word from 0 to {count - 1}, got {number}")
        yield row.unpack_from(embedding.packed, int(number) * row.size)


def _states(steps: Sequence[Row], cell: RecurrentCell, step: Step) -> list[State]:
    """The cell's state after each step."""
    states = []
    state = memory = [0.0] * cell.width
    for x in steps:
        state, memory = step(x, state, memory, cell)
        states.append(state)
    return states


def _lstm(x: Row, h: State, memory: State, cell: RecurrentCell) -> tuple[State, State]:
    """The next state and memory of an LSTM."""
    width = len(h)
    z = list(map(sumprod, repeat([1.0, *x, *h]), cell.combined))
    gates = zip(z[:width], z[width : 2 * width], z[2 * width : 3 * width], memory, strict=True)
    memory = [_sigmoid(f) * c + _sigmoid(i) * tanh(g) for i, f, g, c in gates]
    return [_sigmoid(o) * tanh(c) for o, c in zip(z[3 * width :], memory, strict=True)], memory


def _gru(x: Row, h: State, memory: State, cell: RecurrentCell) -> tuple[State, State]:
    """The next state of a GRU."""
    width = len(h)
    r_and_z = list(map(sumprod, repeat([1.0, *x, *h]), cell.combined[: 2 * width]))
    inputs = map(sumprod, repeat([1.0, *x]), cell.input.rows[2 * width :])
    recurrent = map(sumprod, repeat([1.0, *h]), cell.recurrent.rows[2 * width :])
    gates = zip(r_and_z[:width], r_and_z[width:], inputs, recurrent, h, strict=True)
    return [_between(_sigmoid(z), tanh(a + _sigmoid(r) * b), before) for r, z, a, b, before in gates], memory


def _between(z: float, new: float, before: float) -> float:
    return (1.0 - z) * new + z * before


def _elman(x: Row, h: State, memory: State, cell: RecurrentCell) -> tuple[State, State]:
    """The next state of Elman's cell."""
    return list(map(tanh, map(sumprod, repeat([1.0, *x, *h]), cell.combined))), memory


_STEP = {"lstm": _lstm, "gru": _gru, "rnn": _elman}


def _sigmoid(x: float) -> float:
    return 0.5 * tanh(0.5 * x) + 0.5  # exp(-x) would overflow


def _last(states: list[State]) -> State:
    return states[-1]


def _mean(states: list[State]) -> State:
    return [sum(numbers) / len(states) for numbers in zip(*states, strict=True)]


def _maximum(states: list[State]) -> State:
    return [*map(max, zip(*states, strict=True))]


_READ = {"last": _last, "mean": _mean, "max": _maximum}


def _decided(last: Sequence[tuple[Row, Row]], layer: Affine) -> tuple[list[int], Matrix]:
    """The labels, given what the last layer took and gave."""
    # No sum of products is further off than these, but for a factor that `CLOSE` allows for.
    sizes = [sum(map(abs, row)) for row in layer.rows]
    labels = []
    for taken, decided in last:
        reach = max(decided) - CLOSE * max(sizes) * max(1.0, *map(abs, taken))
        labels.append(next(index for index, number in enumerate(decided) if number >= reach))
    return labels, [decided for _, decided in last]
