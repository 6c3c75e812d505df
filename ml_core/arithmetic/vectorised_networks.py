"""Networks in numpy, float64 throughout: an activation is an array of pictures, or of steps.

Pictures and sequences are computed in blocks: no array grows with how many are asked for at once.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ml_core.arithmetic.bounds import BLOCK_NUMBERS, CLOSE, NotFinite, sequence_blocks
from ml_core.arithmetic.vectorised import softmax

# After `vectorised`, which says how it is imported.
import numpy as np  # isort: skip
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
# What the inputs of some steps give is used at once: less stays in a cache that is nearer.
_STEP_NUMBERS = 1 << 15


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
    step = max(1, CACHED_NUMBERS // _widest(network))
    for begin in range(0, len(pictures), step):
        standardised = _standardised(pictures[begin : begin + step], network.standardisation)
        # Channels × lines × columns × pictures: so long runs lie together also where there is one channel.
        activation = np.ascontiguousarray(standardised.transpose(3, 1, 2, 0))
        for convolution in network.convolutions:
            activation = _block(activation, convolution, network, begin)
        flattened[begin : begin + step] = activation.transpose(3, 1, 2, 0).reshape(activation.shape[-1], -1)
    return flattened


def _widest(network: "PictureNetwork") -> int:
    """The numbers of a picture's largest activation, or of all patches of one."""
    places = [height * width for height, width, _ in network.shapes]
    patches = [many * each.inputs for many, each in zip(places, network.convolutions, strict=False)]
    return max(network.peak_width, *patches)


def _array(tensor: "Tensor") -> Array:
    return np.frombuffer(tensor.packed, "<f4").astype(np.float64).reshape(tensor.shape)


def _standardised(values: "NDArray[Any]", by: "Standardisation") -> Array:
    result: Array = (values.astype(np.float64) - _array(by.mean)) / _array(by.scale)
    return result


def _block(X: Array, convolution: "Affine", network: "PictureNetwork", first: int) -> Array:
    """A convolution, its pooling and its ReLU, of pictures that are the `first` and those after it."""
    convolved = _convolved(X, convolution, network.kernel_size)
    if not np.isfinite(convolved.sum()):
        _check(convolved.reshape(-1, convolved.shape[-1]).T, first)
    corners = [convolved[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
    if network.pooling == "max":
        pooled = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        return np.maximum(pooled, 0.0, out=pooled)
    np.maximum(convolved, 0.0, out=convolved)
    result: Array = (corners[0] + corners[1] + corners[2] + corners[3]) / 4
    return result


def _convolved(X: Array, convolution: "Affine", kernel: int) -> Array:
    """The numbers at every place; not at an odd last line or column, which no square of the pooling has."""
    channels, height, width, pictures = X.shape
    around = kernel // 2
    padded = np.zeros((channels, height + 2 * around, width + 2 * around, pictures))
    padded[:, around : around + height, around : around + width] = X
    height, width = height // 2 * 2, width // 2 * 2
    W, bias = _array(convolution.weight), _array(convolution.bias)[:, None]
    result = np.empty((convolution.outputs, height, width, pictures))
    lines = max(1, min(height, CACHED_NUMBERS // (convolution.inputs * width * pictures)))
    # The numbers of a patch, line by line with the channels together, for every place of some lines.
    patches = np.empty((kernel, kernel, channels, lines, width, pictures))
    for begin in range(0, height, lines):
        some = min(lines, height - begin)
        for y in range(kernel):
            for x in range(kernel):
                patches[y, x, :, :some] = padded[:, begin + y : begin + y + some, x : x + width]
        products = W @ patches[:, :, :, :some].reshape(len(W[0]), -1)
        products += bias
        result[:, begin : begin + some] = products.reshape(len(W), some, width, pictures)
    return result


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
    W, bias = _by_gates(cell.input, cell.width, kind)
    U, recurrent_bias = _by_gates(cell.recurrent, cell.width, kind)
    size = (len(ranks.lengths), cell.width)
    h, memory = np.zeros(size), np.zeros(size)
    read = np.full(size, -np.inf) if reads == "max" else np.zeros(size)
    for begin, end in _chunks(ranks, cell.input.outputs):
        first = ranks.starts[begin]
        inputs = X[first : ranks.starts[end - 1] + ranks.counts[end - 1]] @ W
        inputs += bias
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


def _by_gates(layer: "Affine", width: int, kind: str) -> tuple[Array, Array]:
    """What a step multiplies by and adds: the gates with a sigmoid first, and halved (`_sigmoid_of_half`)."""
    order, sigmoids = _GATES[kind]
    weight = _array(layer.weight).reshape(len(order), width, -1)[order]
    bias = _array(layer.bias).reshape(len(order), width)[order]
    weight[:sigmoids] *= 0.5
    bias[:sigmoids] *= 0.5
    return weight.reshape(-1, layer.inputs).T, bias.reshape(-1)


def _chunks(ranks: Ranks, width: int) -> Iterator[tuple[int, int]]:
    """Steps whose inputs are multiplied together: from one to another, with a bounded product."""
    most = max(1, _STEP_NUMBERS // width)
    begin = 0
    ends = ranks.starts + ranks.counts
    while begin < len(ends):
        end = max(begin + 1, int(np.searchsorted(ends, ranks.starts[begin] + most, side="right")))
        yield begin, end
        begin = end


# The order in which a step has the gates, and how many of them have a sigmoid.
_GATES = {"lstm": ([0, 1, 3, 2], 3), "gru": ([0, 1, 2], 2), "rnn": ([0], 0)}

# A step may write over `z`, which is what its inputs give.


def _lstm(z: Array, h: Array, memory: Array, U: Array, recurrent_bias: Array) -> None:
    """The next states and memories of an LSTM, in the place of those before."""
    width = h.shape[1]
    z += h @ U
    z += recurrent_bias
    np.tanh(z, out=z)
    gates, g = _sigmoid_of_half(z[:, : 3 * width]), z[:, 3 * width :]
    i, f, o = (gates[:, gate * width : (gate + 1) * width] for gate in range(3))
    memory *= f
    memory += np.multiply(i, g, out=g)
    np.multiply(o, np.tanh(memory), out=h)


def _gru(z: Array, h: Array, memory: Array, U: Array, recurrent_bias: Array) -> None:  # noqa: ARG001 - the shape
    """The next states of a GRU."""
    width = h.shape[1]
    recurrent = h @ U
    recurrent += recurrent_bias
    gates, new = z[:, : 2 * width], z[:, 2 * width :]
    gates += recurrent[:, : 2 * width]
    _sigmoid_of_half(np.tanh(gates, out=gates))
    reset, update = gates[:, :width], gates[:, width:]
    new += np.multiply(reset, recurrent[:, 2 * width :], out=reset)
    np.tanh(new, out=new)
    h -= new
    h *= update
    h += new


def _elman(z: Array, h: Array, memory: Array, U: Array, recurrent_bias: Array) -> None:  # noqa: ARG001 - the shape
    """The next states of Elman's cell."""
    z += h @ U
    z += recurrent_bias
    np.tanh(z, out=h)


_STEP = {"lstm": _lstm, "gru": _gru, "rnn": _elman}


def _sigmoid_of_half(tanh: Array) -> Array:
    """The sigmoid of x, (1 + tanh(x/2)) / 2, in the place of tanh(x/2).

    numpy has a quick tanh for every processor, and halving weights is exact.
    """
    tanh += 1.0
    tanh *= 0.5
    return tanh
