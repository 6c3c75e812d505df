"""The arithmetic of networks that computes nothing: it adds the operators that would, in float32.

ONNX has pictures channel by channel, gates in another order, and steps before sequences: weights are brought
into that form here. Decisions are those of the other arithmetics within float32's rounding.
"""

from __future__ import annotations

import struct
from math import inf
from typing import TYPE_CHECKING

from ml_core.onnx.graph import FLOAT, INT32, INT64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.arithmetic.network import (
        Affine,
        PictureNetwork,
        RecurrentCell,
        SequenceNetwork,
        Standardisation,
    )
    from ml_core.onnx.graph import Graph, Value
    from ml_core.onnx.instances import SequenceValues
    from ml_core.safetensors import Tensor

# The operator of a cell, and ONNX's order of the gates by their places among ours: i, o, f, g of i, f, g, o;
# and z, r, n of r, z, n.
_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
_ORDERS = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}


class GraphNetworks:
    """`ml_core.arithmetic.networks_contract.NetworkArithmetic`, of which labels are a `Value` too."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def picture_decisions(self, pictures: Value, network: PictureNetwork) -> tuple[Value, Value]:
        """Labels and decisions of pictures × height × width × channels."""
        add = self._graph.node
        X = add("Transpose", self._standardised(pictures, network.standardisation), perm=[0, 3, 1, 2])
        channels = network.shape[2]
        for convolution in network.convolutions:
            X = self._block(X, channels, convolution, network)
            channels = convolution.outputs
        X = add("Flatten", add("Transpose", X, perm=[0, 2, 3, 1]), axis=1)
        for layer in network.dense[:-1]:
            X = add("Relu", self._dense(X, layer))
        return self._decided(self._dense(X, network.dense[-1]))

    def _block(self, X: Value, channels: int, convolution: Affine, network: PictureNetwork) -> Value:
        """A convolution, its pooling and its ReLU."""
        graph, add, size = self._graph, self._graph.node, network.kernel_size
        weights = graph.constant(
            FLOAT,
            [convolution.outputs, channels, size, size],
            _channels_first(convolution.weight, size * size, channels),
        )
        padding = [size // 2] * 4
        X = add("Conv", X, weights, graph.tensor(convolution.bias), kernel_shape=[size, size], pads=padding)
        if network.pooling == "max":
            return add("Relu", add("MaxPool", X, kernel_shape=[2, 2], strides=[2, 2]))
        return add("AveragePool", add("Relu", X), kernel_shape=[2, 2], strides=[2, 2])

    def sequence_decisions(self, sequences: SequenceValues, network: SequenceNetwork) -> tuple[Value, Value]:
        """Labels and decisions of sequences × steps (× numbers)."""
        graph, add = self._graph, self._graph.node
        mask = sequences.mask(graph)
        if network.embedding is not None:
            X = add("Gather", graph.tensor(network.embedding), sequences.values)
        else:
            assert network.standardisation is not None  # noqa: S101 - one of the two is there
            X = self._standardised(sequences.values, network.standardisation)
        X = add("Transpose", X, perm=[1, 0, 2])
        # What pads a sequence is of no step, and may be no number either.
        X = add("Where", mask, X, self._number(0.0), datatype=FLOAT)
        lengths = graph.cast(sequences.lengths, INT32)
        for layer in network.layers:
            steps, last = self._recurrent(X, lengths, network.cell, layer)
            width = len(layer) * layer[0].width
            X = add("Reshape", add("Transpose", steps, perm=[0, 2, 1, 3]), graph.integers([0, 0, width]))
        if network.reads == "last":
            read = add("Reshape", add("Transpose", last, perm=[1, 0, 2]), graph.integers([-1, width]))
        else:
            read = self._read(X, mask, sequences.lengths, network.reads)
        return self._decided(self._dense(read, network.head))

    def _recurrent(
        self, X: Value, lengths: Value, kind: str, layer: Sequence[RecurrentCell]
    ) -> tuple[Value, Value]:
        """Steps × directions × sequences × numbers of the state, and the last states without the steps."""
        graph, order, width = self._graph, _ORDERS[kind], layer[0].width
        weights = [
            graph.constant(
                FLOAT,
                [len(layer), len(order) * width, tensors[0].shape[1]],
                b"".join(_ordered(tensor, order) for tensor in tensors),
            )
            for tensors in ([cell.input.weight for cell in layer], [cell.recurrent.weight for cell in layer])
        ]
        pairs = [_ordered(part.bias, order) for cell in layer for part in (cell.input, cell.recurrent)]
        biases = graph.constant(FLOAT, [len(layer), 2 * len(order) * width], b"".join(pairs))
        more = {"linear_before_reset": 1} if kind == "gru" else {}
        steps, last = graph.nodes(
            _OPERATORS[kind],
            2,
            X,
            *weights,
            biases,
            lengths,
            hidden_size=width,
            direction="bidirectional" if len(layer) == 2 else "forward",
            **more,
        )
        return steps, last

    def _read(self, X: Value, mask: Value, lengths: Value, reads: str) -> Value:
        """The mean or the maximum of each sequence's own steps."""
        graph, add = self._graph, self._graph.node
        if reads == "max":
            kept = add("Where", mask, X, self._number(-inf), datatype=FLOAT)
            return add("ReduceMax", kept, graph.integers([0]), keepdims=0)
        kept = add("Where", mask, X, self._number(0.0), datatype=FLOAT)
        total = add("ReduceSum", kept, graph.integers([0]), keepdims=0)
        return add("Div", total, add("Unsqueeze", graph.cast(lengths, FLOAT), graph.integers([1])))

    def softmax(self, matrix: Value) -> Value:
        """exp(x) over the sum of the row's exp(x)."""
        return self._graph.node("Softmax", matrix, axis=1)

    def _standardised(self, X: Value, by: Standardisation) -> Value:
        centred = self._graph.node("Sub", X, self._graph.tensor(by.mean))
        return self._graph.node("Div", centred, self._graph.tensor(by.scale))

    def _dense(self, X: Value, layer: Affine) -> Value:
        graph = self._graph
        return graph.node("Gemm", X, graph.tensor(layer.weight), graph.tensor(layer.bias), transB=1)

    def _decided(self, decisions: Value) -> tuple[Value, Value]:
        labels = self._graph.node("ArgMax", decisions, axis=1, keepdims=0, datatype=INT64)
        return labels, decisions

    def _number(self, value: float) -> Value:
        return self._graph.constant(FLOAT, (), struct.pack("<f", value))


def _channels_first(weight: Tensor, places: int, channels: int) -> bytes:
    """Rows of a patch's places, each with its channels, as rows of channels, each with its places."""
    size = places * channels
    numbers = memoryview(weight.packed).cast("B").cast("f")
    return b"".join(
        numbers[begin + channel : begin + size : channels].tobytes()
        for begin in range(0, len(numbers), size)
        for channel in range(channels)
    )


def _ordered(tensor: Tensor, order: Sequence[int]) -> bytes:
    """A tensor whose first axis are blocks of gates, in ONNX's order of them."""
    block = len(tensor.packed) // len(order)
    return b"".join(bytes(tensor.packed[place * block : (place + 1) * block]) for place in order)
