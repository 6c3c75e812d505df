"""Numbers of tokens as vectors that are learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_core.preprocessing.tokens import UNKNOWN

if TYPE_CHECKING:
    from ml_core.networks.layers import Array
    from ml_core.networks.sequences import SequenceBatch


class Embedding:
    """A vector for each token: tokens × size, the layer's only parameter, which has the layer's own name.

    It is a network's first layer. First vectors are normal, with the deviation `SPREAD`: small ones, so that
    a token that was seen once says little. That of the unknown token is zero. No training row has it, where
    the vocabulary holds all their tokens, and it is better to say nothing than anything.
    """

    SPREAD = 0.1

    def __init__(self, tokens: int, size: int, random: np.random.Generator) -> None:
        first = random.standard_normal((tokens, size), dtype=np.float32)
        first *= self.SPREAD
        first[UNKNOWN] = 0
        self.parameters: dict[str, Array] = {"": first}
        self.gradients: dict[str, Array] = {}

    def forward(self, x: SequenceBatch, random: np.random.Generator | None) -> SequenceBatch:  # noqa: ARG002 - the shape
        """Steps × 1 → steps × size."""
        self._numbers = x.steps[:, 0]
        return x.of(self.parameters[""][self._numbers])

    def backward(self, dy: SequenceBatch) -> None:
        """Steps × size → nothing: numbers of tokens have no gradient."""
        table = self.parameters[""]
        # Those of one token are added up in the batch's order: equal batches give equal bits.
        order = np.argsort(self._numbers, kind="stable")
        numbers = self._numbers[order]
        begins = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]]))
        gradient = np.zeros_like(table)
        gradient[numbers[begins]] = np.add.reduceat(dy.steps[order], begins, axis=0)
        self.gradients[""] = gradient
