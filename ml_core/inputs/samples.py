"""What is trained on and measured, as numpy's arrays: one class for each kind of input.

`samples` is scikit-learn's word for rows, pictures, sequences and texts alike. Training splits them by
`take`, and never makes float64 of what came as bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from ml_core.inputs.arrays import Pictures, Sequences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.inputs.rows import Rows


class Samples(Protocol):
    """Samples of one kind."""

    def __len__(self) -> int: ...

    def take(self, places: NDArray[np.int64]) -> Self:
        """Those at the places, in their order, copied."""
        ...


class TableSamples:
    """Rows of a table: float64, NaN where a value is missing; `columns` as in `inputs/columns.py`."""

    def __init__(self, X: NDArray[np.float64], columns: tuple[Feature, ...] | None = None) -> None:
        self.X = X
        self.columns = columns

    def __len__(self) -> int:
        return len(self.X)

    def take(self, places: NDArray[np.int64]) -> TableSamples:
        """Those at the places."""
        return TableSamples(self.X[places], self.columns)


def matrix_of(rows: Rows) -> NDArray[np.float64]:
    """A view of the rows."""
    return np.frombuffer(rows.packed, dtype="<f8").reshape(-1, rows.n_features)


class PictureSamples:
    """Pictures: samples × height × width × channels, uint8 or float32."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def take(self, places: NDArray[np.int64]) -> PictureSamples:
        """Those at the places."""
        return PictureSamples(self.array[places])


class SequenceSamples:
    """Sequences of unequal length: all steps × width, float32, and where each sequence begins and ends.

    `offsets` has one entry more than there are sequences: sequence i is `steps[offsets[i]:offsets[i + 1]]`.
    The numbers of words are int64, steps × 1.
    """

    def __init__(self, steps: NDArray[Any], offsets: NDArray[np.int64]) -> None:
        self.steps = steps
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many steps each has."""
        return np.diff(self.offsets)

    def take(self, places: NDArray[np.int64]) -> SequenceSamples:
        """Those at the places."""
        return self._gathered(self.offsets[places], self.lengths[places])

    def last_steps(self, most: int) -> SequenceSamples:
        """All of them, of each the last steps, at most so many; itself where none has more."""
        if self.lengths.max() <= most:
            return self
        lengths = np.minimum(self.lengths, most)
        return self._gathered(self.offsets[1:] - lengths, lengths)

    def _gathered(self, first: NDArray[np.int64], lengths: NDArray[np.int64]) -> SequenceSamples:
        """A sequence from each of these steps, copied."""
        offsets = offsets_of(lengths)
        # The place of each step: its sequence's beginning, and how far it is into it.
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return SequenceSamples(self.steps[np.repeat(first, lengths) + within], offsets)


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of so long sequences begins, one after another, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


class TextSamples:
    """Texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, places: NDArray[np.int64]) -> TextSamples:
        """Those at the places."""
        return TextSamples([self.texts[place] for place in places.tolist()])


def packed_pictures(samples: PictureSamples) -> Pictures:
    """The pictures as predictions take them."""
    array = np.ascontiguousarray(samples.array)
    _, height, width, channels = array.shape
    dtype = "U8" if array.dtype == np.uint8 else "F32"
    return Pictures(memoryview(array).cast("B"), (height, width, channels), dtype)


def packed_sequences(samples: SequenceSamples) -> Sequences:
    """The sequences as predictions take them."""
    steps = np.ascontiguousarray(samples.steps)
    dtype = "I64" if steps.dtype == np.int64 else "F32"
    return Sequences(memoryview(steps).cast("B"), steps.shape[1], samples.lengths.tolist(), dtype)
