"""The labels of a table's rows, without an object for each row."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

type Label = str | int | bool


def label_text(label: "Label") -> str:
    """A label as JSON writes it, without quotes: what keys of an object can say."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


class Labels(Sequence["Label"]):
    """Each row's label by its number among `classes`, which are different and in ascending order."""

    def __init__(self, classes: "tuple[Label, ...]", numbers: "NDArray[np.int64]") -> None:
        self.classes = classes
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, row: int) -> "Label": ...

    @overload
    def __getitem__(self, row: slice) -> "Labels": ...

    def __getitem__(self, row: int | slice) -> "Label | Labels":
        if isinstance(row, slice):
            return Labels(self.classes, self.numbers[row])
        return self.classes[int(self.numbers[row])]

    def counts(self) -> "dict[Label, int]":
        """How many rows each class has."""
        import numpy as np

        return dict(
            zip(self.classes, np.bincount(self.numbers, minlength=len(self.classes)).tolist(), strict=True)
        )
