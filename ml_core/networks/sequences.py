"""Sequences of unequal length on their way through a network: packed, time after time.

Sequences of a batch are sorted, the longest first. At each time the first so many still run, and only their
steps are there: nothing is padded, so that nothing beyond a sequence's end can have an influence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.inputs.samples import SequenceSamples
    from ml_core.networks.layers import Array


class SequenceBatch:
    """Sequences that a network takes together.

    Args:
        steps: all their steps × width; those of the first time, then those of the second, and so on.
        sizes: how many sequences still run at each time.
        order: which of the batch's sequences each sorted one is.
    """

    def __init__(self, steps: Array, sizes: NDArray[np.int64], order: NDArray[np.int64]) -> None:
        self.steps = steps
        self.sizes = sizes
        self.order = order
        self.begins = np.concatenate([[0], np.cumsum(sizes)])
        """Where the steps of each time begin, and at last where they end."""
        self.rows: NDArray[np.int64] = np.arange(self.begins[-1]) - np.repeat(self.begins[:-1], sizes)
        """Which sorted sequence each step belongs to."""

    def __len__(self) -> int:
        return len(self.order)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many steps each sorted sequence has."""
        return np.bincount(self.rows, minlength=len(self)).astype(np.int64)

    def of(self, steps: Array) -> SequenceBatch:
        """The same sequences with other numbers in their steps: what a layer made of them."""
        made = SequenceBatch.__new__(SequenceBatch)
        made.__dict__.update(self.__dict__, steps=steps)
        return made

    def original(self, rows: Array) -> Array:
        """Rows of the sorted sequences in the order in which the batch was asked for."""
        ordered = np.empty_like(rows)
        ordered[self.order] = rows
        return ordered


class SequenceInputs:
    """Batches of sequences: of numbers, standardised, or of the numbers of tokens.

    Args:
        samples: what is trained on and measured.
        mean: what is taken from each number of a step, float32; None for tokens.
        scale: what it is divided by then.
    """

    def __init__(
        self,
        samples: SequenceSamples,
        mean: NDArray[np.float32] | None = None,
        scale: NDArray[np.float32] | None = None,
    ) -> None:
        self._samples = samples
        self._mean = mean
        self._scale = scale

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, places: NDArray[np.int64]) -> SequenceBatch:
        """The sequences at the places."""
        lengths = self._samples.lengths[places]
        order = np.argsort(-lengths, kind="stable")
        ends = np.cumsum(np.bincount(lengths))
        batch = SequenceBatch(np.empty(0), len(places) - ends[:-1], order)
        times = np.repeat(np.arange(len(batch.sizes)), batch.sizes)
        begins = self._samples.offsets[:-1][places][order]
        steps = self._samples.steps[begins[batch.rows] + times]
        if self._mean is not None and self._scale is not None:
            steps = (steps - self._mean) / self._scale
        return batch.of(steps)


def standardisation(samples: SequenceSamples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean and the standard deviation of each number of a step, 1 where it never changes."""
    mean = samples.steps.mean(axis=0, dtype=np.float64)
    deviation = samples.steps.std(axis=0, dtype=np.float64)
    # What is left of a constant number is rounding alone.
    constant = deviation <= np.abs(mean) * 1e-7
    scale = np.where(constant, 1.0, deviation)
    return mean.astype(np.float32), np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
