"""Networks in numpy, float64 throughout: an activation is an array of pictures, or of steps.

Pictures and sequences are computed in blocks: no array grows with how many are asked for at once.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ml_core.arithmetic.bounds import BLOCK_NUMBERS, CLOSE, NotFinite, sequence_blocks
from ml_core.arithmetic.vectorised import softmax

# After `vectorised`, which says how it is imported.
import numpy as np  # isort: skip
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["picture_decisions", "sequence_decisions", "softmax"]

if TYPE_CHECKING:
    from typing import Any

    from ml_core.arithmetic.network import (
        Affine,
        PictureNetwork,
        RecurrentCell,
        SequenceNetwork,
        Standardisation,
    )
    from ml_core.arithmetic.vectorised import Matrix
    from ml_core.inputs.arrays import Pictures, Sequences
    from ml_core.safetensors import Tensor

type Array = NDArray[np.float64]

_DTYPES = {"F32": "<f4", "U8": "u1", "I64": "<i8"}
# Pictures are computed together while their activations, and patches of them, stay in the processor's cache.
CACHED_NUMBERS = 1 << 18


@np.errstate(all="ignore")
def picture_decisions(pictures: "Pictures", network: "PictureNetwork") -> "tuple[list[int], Matrix]":
    """Labels and decisions. Raises `NotFinite` where a number of a layer overflows."""
    everything = np.frombuffer(pictures.packed, _DTYPES[pictures.dtype]).reshape(-1, *pictures.shape)
    labels: list[int] = []
    decisions = np.empty((len(everything), network.dense[-1].outputs))
    step = max(1, BLOCK_NUMBERS // max(layer.inputs for layer in network.dense))
    for begin in range(0, len(everything), step):
        try:
            X = _flattened(everything[begin : begin + step], network)
            told, decisions[begin : begin + step] = _decided(X, network.dense)
        except NotFinite as overflow:
            raise NotFinite(begin + overflow.row) from None
        labels += told
    return labels, decisions


def _flattened(pictures: "NDArray[Any]", network: "PictureNetwork") -> Array:
    """What the dense layers take of each picture."""
    flattened = np.empty((len(pictures), network.dense[0].inputs))
    step = max(1, CACHED_NUMBERS // network.peak_width)
    for begin in range(0, len(pictures), step):
        activation = _standardised(pictures[begin : begin + step], network.standardisation)
        for convolution in network.convolutions:
            activation = _block(activation, convolution, network, begin)
        flattened[begin : begin + step] = activation.reshape(len(activation), -1)
    return flattened


def _array(tensor: "Tensor") -> Array:
    return np.frombuffer(tensor.packed, "<f4").astype(np.float64).reshape(tensor.shape)


def _standardised(values: "NDArray[Any]", by: "Standardisation") -> Array:
    result: Array = (values.astype(np.float64) - _array(by.mean)) / _array(by.scale)
    return result


def _block(X: Array, convolution: "Affine", network: "PictureNetwork", first: int) -> Array:
    """A convolution, its pooling and its ReLU, of pictures that are the `first` and those after it."""
    pictures, height, width, _ = X.shape
    convolved = _convolved(X, convolution, network.kernel_size)
    _check(convolved.reshape(pictures, -1), first)
    squares = convolved.reshape(pictures, height // 2, 2, width // 2, 2, -1)
    corners = [squares[:, :, y, :, x] for y in (0, 1) for x in (0, 1)]
    if network.pooling == "max":
        pooled = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        return np.maximum(pooled, 0.0, out=pooled)
    np.maximum(convolved, 0.0, out=convolved)
    result: Array = (corners[0] + corners[1] + corners[2] + corners[3]) / 4
    return result


def _convolved(X: Array, convolution: "Affine", kernel: int) -> Array:
    """The numbers at every place; not at an odd last line or column, which no square of the pooling has."""
    pictures, height, width, channels = X.shape
    around = kernel // 2
    padded = np.pad(X, ((0, 0), (around, around), (around, around), (0, 0)))
    height, width = height // 2 * 2, width // 2 * 2
    # Pictures × lines × columns × kernel's lines × what a line of a patch has: channels lie together.
    flat = padded.reshape(*padded.shape[:2], -1)
    lines = sliding_window_view(flat, (kernel, kernel * channels), axis=(1, 2))[:, :height, ::channels]
    lines = lines[:, :, :width]
    W, bias = _array(convolution.weight).T, _array(convolution.bias)
    result = np.empty((pictures, height, width, convolution.outputs))
    for part in _parts((pictures, height, width), max(1, CACHED_NUMBERS // len(W))):
        patches = lines[part]
        products = patches.reshape(-1, len(W)) @ W
        products += bias
        result[part] = products.reshape(*patches.shape[:3], -1)
    return result


def _parts(shape: tuple[int, int, int], most: int) -> Iterator[tuple[slice, slice, slice]]:
    """All places of such an array, at most so many at a time: pictures, lines of one, or places of a line."""
    pictures, height, width = shape
    columns = min(width, most)
    lines = max(1, min(height, most // width))
    some = max(1, most // (width * height))
    for picture in range(0, pictures, some):
        for y in range(0, height, lines):
            for x in range(0, width, columns):
                yield slice(picture, picture + some), slice(y, y + lines), slice(x, x + columns)


def _affine(X: Array, layer: "Affine") -> Array:
    """w·x + b for each row of the layer; no more of its weights than a block become float64 at a time."""
    weight = np.frombuffer(layer.weight.packed, "<f4").reshape(layer.weight.shape)
    result = np.empty((len(X), layer.outputs))
    step = max(1, BLOCK_NUMBERS // layer.inputs)
    for begin in range(0, layer.outputs, step):
        result[:, begin : begin + step] = X @ weight[begin : begin + step].astype(np.float64).T
    result += _array(layer.bias)
    return result


def _check(rows: Array, first: int) -> None:
    """Raise `NotFinite` of the first row with a number that is not finite."""
    finite = np.isfinite(rows)
    if not finite.all():
        raise NotFinite(first + int(finite.all(axis=1).argmin()))


def _decided(X: Array, layers: "Sequence[Affine]") -> "tuple[list[int], Matrix]":
    """The labels and decisions, by the dense layers."""
    for layer in layers[:-1]:
        X = _affine(X, layer)
        _check(X, 0)
        np.maximum(X, 0.0, out=X)
    decided = _affine(X, layers[-1])
    _check(decided, 0)
    # As in plain Python: no sum of products is further off than these.
    size = max(np.abs(_array(layers[-1].weight)).sum(axis=1) + np.abs(_array(layers[-1].bias)))
    largest = np.maximum(np.abs(X).max(axis=1, initial=1.0), 1.0)
    reach = decided.max(axis=1) - CLOSE * size * largest
    labels: list[int] = (decided >= reach[:, None]).argmax(axis=1).tolist()
    return labels, decided


@np.errstate(all="ignore")
def sequence_decisions(sequences: "Sequences", network: "SequenceNetwork") -> "tuple[list[int], Matrix]":
    """Labels and decisions. States lie within ±1, so that nothing overflows."""
    steps = np.frombuffer(sequences.packed, _DTYPES[sequences.dtype]).reshape(-1, sequences.width)
    lengths = np.asarray(sequences.lengths, np.int64)
    begins = np.cumsum(lengths) - lengths
    order = np.argsort(-lengths, kind="stable")
    labels = np.empty(len(lengths), np.int64)
    decisions = np.empty((len(lengths), network.head.outputs))
    for block in sequence_blocks(lengths[order].tolist(), network.peak_width):
        chosen = order[block]
        ranks = Ranks(lengths[chosen])
        told = _told(_taken(steps, begins[chosen], ranks, network), ranks, network)
        labels[chosen], decisions[chosen] = _decided(told, [network.head])
    return labels.tolist(), decisions


class Ranks:
    """Sequences of falling length, turned so that all their first steps come first, then all second ones.

    Only the sequences that have a step take part in it: nothing is padded. `starts[t]` is the place of the
    first of those at step t, `counts[t]` how many there are.
    """

    def __init__(self, lengths: NDArray[np.int64]) -> None:
        self.lengths = lengths
        longest = int(lengths[0])
        self.counts = np.searchsorted(-lengths, -np.arange(longest), side="left")
        self.starts = np.cumsum(self.counts) - self.counts
        # The sequence of each place, and how far it is into it.
        self.sequence = np.arange(self.counts.sum()) - np.repeat(self.starts, self.counts)
        self.step = np.repeat(np.arange(longest), self.counts)

    def places(self, begins: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the steps stand among others, given where their sequences begin."""
        places: NDArray[np.int64] = begins[self.sequence] + self.step
        return places

    @property
    def reversed(self) -> NDArray[np.int64]:
        """The place of the step that is as far from its sequence's end as this one from its beginning."""
        reversed_: NDArray[np.int64] = (
            self.starts[self.lengths[self.sequence] - 1 - self.step] + self.sequence
        )
        return reversed_


def _taken(
    steps: "NDArray[Any]", begins: NDArray[np.int64], ranks: Ranks, network: "SequenceNetwork"
) -> Array:
    """What the first layer takes at each step."""
    chosen = steps[ranks.places(begins)]
    if network.embedding is not None:
        rows = np.frombuffer(network.embedding.packed, "<f4").reshape(network.embedding.shape)
        numbers = chosen[:, 0]
        if (wrong := numbers[(numbers < 0) | (numbers >= len(rows))]).size:
            raise IndexError(f"expected the number of a word from 0 to {len(rows) - 1}, got {wrong[0]}")
        embedded: Array = rows[numbers].astype(np.float64)
        return embedded
    assert network.standardisation is not None  # noqa: S101 - for the type checker: it has one of the two
    return _standardised(chosen, network.standardisation)


def _told(X: Array, ranks: Ranks, network: "SequenceNetwork") -> Array:
    """What the last layer tells of each sequence."""
    both = len(network.layers[0]) == 2
    reversed_ = ranks.reversed if both else None
    for layer in network.layers[:-1]:
        width = layer[0].width
        states = np.empty((len(X), width * len(layer)))
        _run(X, ranks, layer[0], network.cell, states=states[:, :width])
        if reversed_ is not None:
            backward = np.empty((len(X), width))
            _run(X[reversed_], ranks, layer[1], network.cell, states=backward)
            states[:, width:] = backward[reversed_]
        X = states
    forward, *others = network.layers[-1]
    told = [_run(X, ranks, forward, network.cell, reads=network.reads)]
    told += [_run(X[reversed_], ranks, other, network.cell, reads=network.reads) for other in others]
    return np.hstack(told)


def _run(
    X: Array,
    ranks: Ranks,
    cell: "RecurrentCell",
    kind: str,
    *,
    reads: str = "last",
    states: Array | None = None,
) -> Array:
    """What one direction of a layer tells of each sequence; `states` take its state after each step."""
    step = _STEP[kind]
    U, recurrent_bias = _array(cell.recurrent.weight).T, _array(cell.recurrent.bias)
    size = (len(ranks.lengths), cell.width)
    h, memory = np.zeros(size), np.zeros(size)
    read = np.full(size, -np.inf) if reads == "max" else np.zeros(size)
    for begin, end in _chunks(ranks, cell.input.outputs):
        first = ranks.starts[begin]
        inputs = _affine(X[first : ranks.starts[end - 1] + ranks.counts[end - 1]], cell.input)
        for start, count in zip(
            ranks.starts[begin:end].tolist(), ranks.counts[begin:end].tolist(), strict=True
        ):
            place = start - first
            step(inputs[place : place + count], h[:count], memory[:count], U, recurrent_bias)
            if states is not None:
                states[start : start + count] = h[:count]
            if reads == "mean":
                read[:count] += h[:count]
            elif reads == "max":
                np.maximum(read[:count], h[:count], out=read[:count])
    if reads == "last":
        return h
    if reads == "mean":
        read /= ranks.lengths[:, None]
    return read


def _chunks(ranks: Ranks, width: int) -> Iterator[tuple[int, int]]:
    """Steps whose inputs are multiplied together: from one to another, with a bounded product."""
    most = max(1, CACHED_NUMBERS // width)
    begin = 0
    ends = ranks.starts + ranks.counts
    while begin < len(ends):
        end = max(begin + 1, int(np.searchsorted(ends, ranks.starts[begin] + most, side="right")))
        yield begin, end
        begin = end


def _lstm(z: Array, h: Array, memory: Array, U: Array, recurrent_bias: Array) -> None:
    """The next states and memories of an LSTM, in the place of those before."""
    width = h.shape[1]
    z = z + h @ U
    z += recurrent_bias
    i, f, g, o = (z[:, gate * width : (gate + 1) * width] for gate in range(4))
    memory *= _sigmoid(f)
    memory += _sigmoid(i) * np.tanh(g)
    np.multiply(_sigmoid(o), np.tanh(memory), out=h)


def _gru(z: Array, h: Array, memory: Array, U: Array, recurrent_bias: Array) -> None:  # noqa: ARG001 - the shape
    """The next states of a GRU."""
    width = h.shape[1]
    recurrent = h @ U
    recurrent += recurrent_bias
    gates = _sigmoid(z[:, : 2 * width] + recurrent[:, : 2 * width])
    reset, update = gates[:, :width], gates[:, width:]
    new = np.tanh(z[:, 2 * width :] + reset * recurrent[:, 2 * width :])
    h[:] = (1.0 - update) * new + update * h


def _elman(z: Array, h: Array, memory: Array, U: Array, recurrent_bias: Array) -> None:  # noqa: ARG001 - the shape
    """The next states of Elman's cell."""
    np.tanh(z + h @ U + recurrent_bias, out=h)


_STEP = {"lstm": _lstm, "gru": _gru, "rnn": _elman}


def _sigmoid(x: Array) -> Array:
    result: Array = 1.0 / (1.0 + np.exp(-x))  # where exp overflows, this is 0, as it should be
    return result
