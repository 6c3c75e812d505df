"""Random numbers of a seed and a place in the training alone: no stream is ever stored."""

from __future__ import annotations

import numpy as np

# What is drawn outside the epochs, which count from 1.
WEIGHTS = (0, 0)
HELD_OUT = (0, 1)


def generator(seed: int, epoch: int, batch: int) -> np.random.Generator:
    """The random numbers of one batch of one epoch; batches count from 1, batch 0 is the epoch's order.

    The place is a spawn key: in an entropy of several numbers zeros at the end would not count.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(epoch, batch))))
