"""The margins of kernel machines: a sum over support vectors, whose parts are the sums of each vector's.

`rbf.py` and `polynomial.py` say what one vector's parts are. Work goes piece by piece of the vectors, and all
rows of a pair of labels together, so that what a piece has of the background is made once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_core.explaining.background import BackgroundRows, Marginals
from ml_core.explaining.explanation import EXACT
from ml_core.explaining.kept import Owner
from ml_core.explaining.split import MarginParts
from ml_core.records import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.explaining.coding import Coding
    from ml_core.explaining.vectors import PairVectors, VectorPiece

    type Array = NDArray[np.float64]


class KernelGame(Protocol):
    """What a kernel is made of, for one piece of the vectors.

    `known` are arrays of what columns have to do with vectors, columns × vectors first, made of a row or of
    the shares of values.
    """

    def nodes(self, n_columns: int) -> Sequence[int]:
        """How many nodes to try one after another; the last are exact."""

    def work(self, n_columns: int) -> int:
        """How many multiplications a vector takes."""

    def of_row(self, piece: VectorPiece, values: Sequence[float], row: Sequence[float]) -> Array:
        """What a row's columns are to the vectors."""

    def of_marginals(self, piece: VectorPiece, columns: Sequence[Sequence[tuple[float, float]]]) -> Array:
        """What columns are on average whose values are drawn by themselves."""

    def kernel(self, known: Array) -> Array:
        """The kernel of each vector, where all columns are as in `known`."""

    def parts(self, known: Array, absent: Array, coefficients: Array, nodes: int) -> Array:
        """Each column's part of the difference of the two, vectors summed by their coefficients."""


class _Sums:
    """What is summed over pieces for a row."""

    def __init__(self, n_columns: int) -> None:
        self.base = self.margin = self.size = 0.0
        self.parts = np.zeros(n_columns)

    def add_margin(self, coefficients: Array, kernel: Array) -> None:
        """Add what a piece says of the row."""
        self.margin += float(coefficients @ kernel)
        self.size += float(np.abs(coefficients) @ np.abs(kernel))

    def add_base(self, coefficients: Array, kernel: Array) -> None:
        """Add what a piece says where no column is known."""
        self.base += float(coefficients @ kernel)
        self.size += float(np.abs(coefficients) @ np.abs(kernel))

    def is_close(self) -> bool:
        """Whether the parts add up, but for rounding."""
        residual = abs(self.parts.sum() - (self.margin - self.base))
        return bool(residual <= max(_CLOSE * np.abs(self.parts).max(initial=0.0), _ROUNDING * self.size))


# How well parts must add up, relative to the largest; and what rounding takes of the terms of all sums.
_CLOSE = 1e-13
_ROUNDING = 2.0**-50


class KernelSplit:
    """The decisions between pairs of classes, against one background."""

    method = EXACT

    def __init__(
        self, game: KernelGame, vectors: PairVectors, coding: Coding, background: Marginals | BackgroundRows
    ) -> None:
        self.game = background.game
        self._kernel = game
        self._vectors = vectors
        self._coding = coding
        self._kept = Owner()
        self._drawn = background.columns if isinstance(background, Marginals) else None
        rows = background.rows if isinstance(background, BackgroundRows) else []
        self._baselines = [(row, coding.row(row)) for row in rows]
        self.work = max(1, len(rows)) * vectors.most * game.work(len(coding.columns))

    def of(
        self,
        values: Sequence[Sequence[float]],
        rows: Sequence[Sequence[float]],
        pairs: Sequence[tuple[int, int]],
    ) -> list[MarginParts]:
        """The margins and their parts, as `MarginSplit` says."""
        found: list[MarginParts | None] = [None] * len(rows)
        grouped: dict[tuple[int, int], list[int]] = {}
        for place, pair in enumerate(pairs):
            grouped.setdefault(pair, []).append(place)
        with np.errstate(all="ignore"):
            for pair, places in grouped.items():
                some = [(values[place], rows[place]) for place in places]
                for place, parts in zip(places, self._of_pair(pair, some), strict=True):
                    found[place] = parts
        return [parts for parts in found if parts is not None]

    def _of_pair(
        self, pair: tuple[int, int], rows: Sequence[tuple[Sequence[float], Sequence[float]]]
    ) -> list[MarginParts]:
        pending = list(range(len(rows)))
        done: dict[int, _Sums] = {}
        for nodes in self._kernel.nodes(len(self._coding.columns)):
            sums = self._summed(pair, [rows[place] for place in pending], nodes)
            done.update(zip(pending, sums, strict=True))
            pending = [place for place in pending if not done[place].is_close()]
            if not pending:
                break
        intercept = self._vectors.intercept(*pair)
        return [
            MarginParts.of(each.base + intercept, each.margin + intercept, each.parts.tolist())
            for _, each in sorted(done.items())
        ]

    def _summed(
        self, pair: tuple[int, int], rows: Sequence[tuple[Sequence[float], Sequence[float]]], nodes: int
    ) -> list[_Sums]:
        all_sums = [_Sums(len(self._coding.columns)) for _ in rows]
        for number, (piece, coefficients) in enumerate(self._vectors.pieces(*pair)):
            drawn = None if self._drawn is None else self._of_marginals(pair, number, piece, self._drawn)
            for (values, row), sums in zip(rows, all_sums, strict=True):
                known = self._kernel.of_row(piece, values, row)
                sums.add_margin(coefficients, self._kernel.kernel(known))
                absents = self._of_rows(piece) if drawn is None else [(1.0, drawn)]
                for share, absent in absents:
                    sums.add_base(share * coefficients, self._kernel.kernel(absent))
                    parts = self._kernel.parts(known, absent, coefficients, nodes)
                    sums.parts[piece.columns] += share * parts
        return all_sums

    def _of_marginals(
        self,
        pair: tuple[int, int],
        number: int,
        piece: VectorPiece,
        drawn: Sequence[Sequence[tuple[float, float]]],
    ) -> Array:
        """What columns of the profile are to a piece; kept as long as there is room."""
        found: Array | None = self._kept.get((pair, number))
        if found is None:
            found = self._kernel.of_marginals(piece, drawn)
            self._kept.put((pair, number), found, found.nbytes)
        return found

    def _of_rows(self, piece: VectorPiece) -> Iterator[tuple[float, Array]]:
        """What the background's rows are to a piece, one after another, and the share of each."""
        for values, row in self._baselines:
            yield 1 / len(self._baselines), self._kernel.of_row(piece, values, row)
