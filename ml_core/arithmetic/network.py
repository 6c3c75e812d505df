"""What a fitted network is made of, as both arithmetics compute with it. Every tensor is of float32."""

from __future__ import annotations

from math import prod

from ml_core.records import Record
from ml_core.safetensors import unpack_rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.safetensors import Tensor

# How many blocks of numbers a recurrent cell has, one for each of its gates.
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
POOLINGS = ("max", "average")
READS = ("last", "mean", "max")


class Affine:
    """w·x + b for each row w of the weight, and its number b of the bias."""

    __slots__ = ("_rows", "bias", "weight")

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = weight
        self.bias = bias
        self._rows: list[tuple[float, ...]] | None = None

    @property
    def rows(self) -> list[tuple[float, ...]]:
        """Each row behind its bias, so that one product with (1, *x) has both; made once."""
        if self._rows is None:
            weights = unpack_rows(self.weight.packed, self.inputs, "f")
            self._rows = [(b, *w) for b, w in zip(self.bias.values, weights, strict=True)]
        return self._rows

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return self.weight.shape[0]


class Standardisation(Record):
    """(x - mean) / scale, a number of each for every channel."""

    mean: Tensor
    scale: Tensor


class PictureNetwork(Record):
    """Convolutions, each with a pooling, and dense layers.

    `shape` is height, width and channels of a picture. A convolution pads with zeros, so that it keeps height
    and width; its weights multiply a patch line by line, the channels together. The pooling takes squares of
    2 × 2, and leaves an odd line or column out. Every layer but the last has a ReLU.
    """

    shape: tuple[int, int, int]
    kernel_size: int
    pooling: str
    standardisation: Standardisation
    convolutions: Sequence[Affine]
    dense: Sequence[Affine]

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The shape before each convolution, and after the last."""
        shapes = [self.shape]
        for convolution in self.convolutions:
            height, width, _ = shapes[-1]
            shapes.append((height // 2, width // 2, convolution.outputs))
        return shapes

    @property
    def peak_width(self) -> int:
        """The numbers of the largest activation that a picture has, before its pooling."""
        before = [
            height * width * convolution.outputs
            for (height, width, _), convolution in zip(self.shapes, self.convolutions, strict=False)
        ]
        return max(prod(self.shape), *before, *(layer.outputs for layer in self.dense))

    @property
    def work(self) -> int:
        """How many multiplications a picture takes."""
        convolved = sum(
            height * width * convolution.weight.size
            for (height, width, _), convolution in zip(self.shapes, self.convolutions, strict=False)
        )
        return convolved + sum(layer.weight.size for layer in self.dense)


class RecurrentCell:
    """One direction of one recurrent layer, in PyTorch's equations and order of gates, with both biases.

    LSTM has the gates i, f, g and o; GRU r, z and n, where n = tanh(Wx + b + r·(Uh + c)). Elman's cell has
    one, a tanh.
    """

    __slots__ = ("_combined", "_separate", "input", "recurrent")

    def __init__(self, input_layer: Affine, recurrent: Affine) -> None:
        self.input = input_layer
        self.recurrent = recurrent
        self._combined: list[tuple[float, ...]] | None = None

    @property
    def width(self) -> int:
        """How many numbers its state has."""
        return self.recurrent.inputs

    @property
    def combined(self) -> list[tuple[float, ...]]:
        """Each row for (1, *x, *h): both biases together, the input's weights, and the recurrent ones."""
        if self._combined is None:
            pairs = zip(self.input.rows, self.recurrent.rows, strict=True)
            self._combined = [(x[0] + h[0], *x[1:], *h[1:]) for x, h in pairs]
        return self._combined


class SequenceNetwork(Record):
    """Recurrent layers of one direction or two, and a layer for the classes.

    What a step is comes from numbers that are standardised, or from an embedding, which has a row for each
    word's number. `reads` says what the last layer tells of a sequence: the state at its end (backwards: at
    its first step), or the mean or the maximum of the states at all its steps.
    """

    cell: str
    reads: str
    standardisation: Standardisation | None
    embedding: Tensor | None
    layers: Sequence[Sequence[RecurrentCell]]
    head: Affine

    @property
    def peak_width(self) -> int:
        """The numbers of the largest activation that a step has."""
        cells = [cell for layer in self.layers for cell in layer]
        return max(
            *(max(cell.input.inputs, cell.input.outputs) for cell in cells),
            self.head.inputs,
            self.head.outputs,
        )

    @property
    def work(self) -> int:
        """How many multiplications a step takes; those of the head are counted at every one."""
        cells = [cell for layer in self.layers for cell in layer]
        return self.head.weight.size + sum(
            cell.input.weight.size + cell.recurrent.weight.size for cell in cells
        )
