"""The pairs of classes between which a support vector machine decides, in libsvm's order."""

from __future__ import annotations

from itertools import accumulate, pairwise

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.safetensors import Tensor


class Coefficients:
    """What libsvm multiplies kernels with.

    The support vectors are grouped by class, with `counts` in each; row r of `dual` (one row fewer than there
    are classes) holds each vector's coefficient against the r-th of the other classes; each pair has an
    intercept.
    """

    def __init__(self, dual: Tensor, counts: Sequence[int], intercepts: Sequence[float]) -> None:
        self.dual = dual
        self.counts = counts
        self.intercepts = intercepts
        self.pairs = pairs_of(len(counts))
        ends = list(accumulate(counts, initial=0))
        self.groups = [slice(begin, end) for begin, end in pairwise(ends)]
        self._sizes: list[float] | None = None

    @property
    def sizes(self) -> list[float]:
        """The sum of each pair's absolute coefficients; made once."""
        if self._sizes is None:
            self._sizes = [
                sum(map(abs, self.against(i, j))) + sum(map(abs, self.against(j, i))) for i, j in self.pairs
            ]
        return self._sizes

    def against(self, one: int, other: int) -> tuple[float, ...]:
        """The coefficients of one class's vectors in its pair with another."""
        return self.dual.rows[other - (other > one)][self.groups[one]]


def pairs_of(classes: int) -> list[tuple[int, int]]:
    """Every pair of classes, in libsvm's order."""
    return [(i, j) for i in range(classes) for j in range(i + 1, classes)]
