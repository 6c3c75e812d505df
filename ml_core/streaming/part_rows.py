"""A part and which of its rows are trained on and held out, as a task is given it; and reading them."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.errors import MalformedInput
from ml_core.scanning.blocks import blocks
from ml_core.scanning.numbers import numbers
from ml_core.scanning.plan import Part
from ml_core.streaming.holding_out import HashedRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.datasets.reopening import Reopening
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.scanning.block import Block
    from ml_core.scanning.plan import Plan


class PartRows(NamedTuple):
    """A part with its rows.

    Args:
        part: the part.
        first: how many rows of the table come before it.
        rows: how many rows it has.
        kept: which of them are trained on or held out, packed bits; None for all.
        held_out: which are held out, packed bits; None for none.
        rule: in their place, holds out those of the rows that are kept which it names.
    """

    part: Part
    first: int
    rows: int
    kept: bytes | None = None
    held_out: bytes | None = None
    rule: HashedRows | None = None

    def training(self) -> "NDArray[np.bool_]":
        """Whether each row is trained on."""
        return self._bits(self.kept, default=True) & ~self.testing()

    def testing(self) -> "NDArray[np.bool_]":
        """Whether each row is held out."""
        if self.rule is not None:
            return self.rule.held_out(self.first, self.rows) & self._bits(self.kept, default=True)
        return self._bits(self.held_out, default=False)

    def _bits(self, bits: bytes | None, *, default: bool) -> "NDArray[np.bool_]":
        if bits is None:
            return np.full(self.rows, default)
        return np.unpackbits(np.frombuffer(bits, np.uint8), count=self.rows).view(bool)


class Classes(NamedTuple):
    """The classes of a target: `places[i]` is the number of the class that the value `values[i]` means."""

    labels: "tuple[Label, ...]"
    values: "NDArray[np.float64]"
    places: "NDArray[np.int64]"

    def numbers(self, values: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """The class number of each value, none of which is missing."""
        found: NDArray[np.int64] = self.places[np.searchsorted(self.values, values)]
        return found


class RowSource(NamedTuple):
    """How rows are read: from where, of which table, which columns make them, and which is the target."""

    stores: "Reopening"
    plan: "Plan"
    features: "tuple[Feature, ...]"
    target: "Feature | None" = None
    classes: Classes | None = None

    def blocks(self, part: Part) -> "Iterator[Block]":
        """The blocks of a part, of the columns that are wanted."""
        names = [feature.name for feature in (*self.features, *filter(None, [self.target]))]
        yield from blocks(self.stores.open().data, self.plan, part, names)

    def rows(
        self, part: Part, *, most: int | None = None
    ) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.float64] | None]]":
        """All rows of a part, block by block, and the values of their target, NaN where it is missing.

        A block has at most so many rows.

        Raises `MalformedInput` for a cell that is not what its column is: the table has changed.
        """
        columns = (*self.features, *filter(None, [self.target]))
        width = len(self.features)
        for block in self.blocks(part):
            X = read_numbers(block, columns)
            step = most or max(1, len(X))
            for begin in range(0, len(X), step):
                some = X[begin : begin + step]
                yield some[:, :width], some[:, width] if self.target is not None else None


def read_numbers(block: "Block", columns: "Sequence[Feature]") -> "NDArray[np.float64]":
    """The values of columns as a model's rows have them. Raises `MalformedInput`."""
    found = numbers(block, columns, gaps=True)
    if found.rejected:
        wrong = found.rejected[0]
        raise MalformedInput(f"line {wrong.line}, column '{wrong.column}': {wrong.message}")
    return found.X
