"""What an instance is, in the terms of the Open Inference Protocol: a name, a datatype and a shape."""

from math import prod

# The protocol's names of the datatypes that instances come in.
FLOAT64, FLOAT32, UINT8, INT64, TEXT = "FP64", "FP32", "UINT8", "INT64", "BYTES"


class InputSpec:
    """One instance: a table's row `(k,)`, a picture `(height, width, channels)`, a sequence `(-1, k)`.

    -1 stands for a length that differs from instance to instance.
    """

    __slots__ = ("datatype", "name", "shape")

    def __init__(self, name: str, datatype: str, shape: tuple[int, ...]) -> None:
        self.name = name
        self.datatype = datatype
        self.shape = shape

    @property
    def size(self) -> int:
        """How many values an instance has; of one without a fixed length, those of one step."""
        return prod(length for length in self.shape if length != -1)


def table_row(width: int) -> InputSpec:
    """A row of so many numbers."""
    return InputSpec("input-0", FLOAT64, (width,))
