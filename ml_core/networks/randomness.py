"""Random numbers of a seed and a place in the training alone: no stream is ever stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is drawn outside the epochs, which count from 1.
WEIGHTS = (0, 0)
HELD_OUT = (0, 1)


def generator(seed: int, epoch: int, batch: int) -> np.random.Generator:
    """The random numbers of one batch of one epoch; batches count from 1, batch 0 is the epoch's order.

    The place is a spawn key: in an entropy of several numbers zeros at the end would not count.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(epoch, batch))))


def zeros() -> np.random.Generator:
    """Stands for a generator of first weights that others replace: functions that explain have none."""
    return cast("np.random.Generator", _Zeros())


class _Zeros:
    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> NDArray[Any]:  # noqa: ARG002
        return np.zeros(shape, np.float32)
