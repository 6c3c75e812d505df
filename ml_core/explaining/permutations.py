"""Shapley values by permutations, where no closed form is known: estimates, each with its standard error.

A walk begins at a draw of the background and takes one column after another from the row, in a random order;
what each step changes is the column's. Every walk is done in the opposite order too, and draws are spread
evenly over the background (a Latin square of it), which makes the estimates closer. `REPLICATES` designs that
are independent of each other tell how close. All start from one seed: equal requests get equal answers.

The functions that explain have no `numpy.random`, so Python's own generator is asked.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np

from ml_core.arithmetic.bounds import ROW_NUMBERS
from ml_core.explaining.background import Marginals
from ml_core.explaining.explanation import PERMUTATIONS
from ml_core.explaining.split import MarginParts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.explaining.background import BackgroundRows
    from ml_core.explaining.coding import Coding
    from ml_core.explaining.vectors import PairVectors, VectorPiece

    type Array = NDArray[np.float64]

REPLICATES = 16
_SEED = 0
_LEAST_WALKS, _MOST_WALKS = 4, 64


class Walks:
    """Orders of the columns and draws of the background, walks × columns each.

    Args:
        background: what is drawn of.
        n_columns: how many columns there are.
        walks: how many there are in each replicate.
    """

    def __init__(self, background: Marginals | BackgroundRows, n_columns: int, walks: int) -> None:
        random = Random(_SEED)  # noqa: S311 - no secret
        count = REPLICATES * walks
        self.orders = _permutations(random, count, n_columns)
        if isinstance(background, Marginals):
            self.draws = np.empty((count, n_columns))
            for column, drawn in enumerate(background.columns):
                values, shares = np.array(drawn).T
                ends = np.cumsum(shares)
                places = np.searchsorted(ends, _spread(random, walks) * ends[-1], side="right")
                self.draws[:, column] = values[np.minimum(places, len(values) - 1)]
        else:
            places = (_spread(random, walks) * len(background.rows)).astype(np.intp)
            self.draws = np.array(background.rows)[places]

    def __len__(self) -> int:
        return len(self.orders)

    def parts(self, values: Array) -> tuple[float, Array, Array]:
        """The mean where walks begin, each column's part, and its standard error.

        `values` are walks × 2 × (columns + 1): of each walk and its opposite, at the beginning and after each
        step.
        """
        steps = np.diff(values, axis=2)
        found = np.empty(self.orders.shape)
        np.put_along_axis(found, self.orders, steps[:, 0], axis=1)
        opposite = np.empty(self.orders.shape)
        np.put_along_axis(opposite, self.orders[:, ::-1], steps[:, 1], axis=1)
        found = ((found + opposite) / 2).reshape(REPLICATES, -1, self.orders.shape[1]).mean(axis=1)
        errors = found.std(axis=0, ddof=1) / REPLICATES**0.5
        return float(values[:, 0, 0].mean()), found.mean(axis=0), errors


def _uniform(random: Random, rows: int, width: int) -> Array:
    """Numbers from 0 to below 1, rows × width."""
    bits = np.frombuffer(random.randbytes(8 * rows * width), "<u8").reshape(rows, width)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _permutations(random: Random, rows: int, width: int) -> NDArray[np.intp]:
    """The numbers from 0 to below `width` in a random order, so many times."""
    return np.argsort(_uniform(random, rows, width), axis=1, kind="stable")


def _spread(random: Random, walks: int) -> Array:
    """Numbers from 0 to below 1: in each replicate one in each of equal parts, in random order."""
    parts = _permutations(random, REPLICATES, walks)
    spread: Array = (parts + _uniform(random, REPLICATES, walks)) / walks
    return np.minimum(spread, np.nextafter(1.0, 0.0)).ravel()


def walks_for(elements: int, each: int) -> int:
    """How many walks a replicate has, to compute about so many elements where a walk has `each`."""
    return max(_LEAST_WALKS, min(_MOST_WALKS, elements // (REPLICATES * each)))


class SigmoidSplit:
    """The sigmoid kernel, tanh(gamma·x·s + coef0): the decisions between pairs of classes."""

    method = PERMUTATIONS
    # What of a row is computed together, and how many multiplications take the time of one.
    _ELEMENTS, _ELEMENT = 1 << 22, 32

    def __init__(
        self,
        slope: tuple[float, float],
        vectors: PairVectors,
        coding: Coding,
        background: Marginals | BackgroundRows,
    ) -> None:
        self.game = background.game
        self._gamma, self._coef0 = slope
        self._vectors = vectors
        self._n_columns = len(coding.columns)
        each = 2 * (self._n_columns + 1) * vectors.most
        walks = walks_for(self._ELEMENTS, each)
        self.work = self._ELEMENT * REPLICATES * walks * each
        self._walks = Walks(background, self._n_columns, walks)
        self._begins = [(draw, coding.row(draw)) for draw in self._walks.draws.tolist()]

    def of(
        self,
        values: Sequence[Sequence[float]],
        rows: Sequence[Sequence[float]],
        pairs: Sequence[tuple[int, int]],
    ) -> list[MarginParts]:
        """The margins and their parts, as `MarginSplit` says."""
        with np.errstate(all="ignore"):
            return [
                self._of_row(columns, row, pair)
                for columns, row, pair in zip(values, rows, pairs, strict=True)
            ]

    def _of_row(self, values: Sequence[float], row: Sequence[float], pair: tuple[int, int]) -> MarginParts:
        intercept = self._vectors.intercept(*pair)
        found = np.full((len(self._walks), 2, self._n_columns + 1), intercept)
        margin = intercept
        for piece, coefficients in self._vectors.pieces(*pair):
            known = self._products(piece, values, row)
            margin += float(coefficients @ np.tanh(known.sum(axis=0) + self._coef0))
            for walk, (order, begin) in enumerate(zip(self._walks.orders, self._begins, strict=True)):
                absent = self._products(piece, *begin)
                steps = np.empty((self._n_columns + 1, len(piece)))
                steps[0] = absent.sum(axis=0) + self._coef0
                changes = known - absent
                for direction, columns in enumerate((order, order[::-1])):
                    steps[1:] = changes[columns]
                    found[walk, direction] += np.tanh(np.cumsum(steps, axis=0)) @ coefficients
        base, parts, errors = self._walks.parts(found)
        return MarginParts.of(base, margin, parts.tolist(), errors.tolist())

    def _products(self, piece: VectorPiece, values: Sequence[float], row: Sequence[float]) -> Array:
        """What each column adds to the argument; 0 of those that are not looked at."""
        found = np.zeros((self._n_columns, len(piece)))
        found[piece.columns] = self._gamma * piece.products(values, row)
        return found


class FunctionSplit:
    """Margins of which nothing is known but that a function gives them for rows of columns.

    Args:
        margins: of rows × columns the margin of the first label of a pair over the second.
        work: how many multiplications it does for a row.
        n_columns: how many columns there are.
        background: what stands for columns that are not known.
    """

    method = PERMUTATIONS
    # For so many rows the function is asked to explain one, where the walks need not be fewer than that.
    _ROWS = 1 << 13
    # As many numbers are made at a time.
    _NUMBERS = 1 << 18

    def __init__(
        self,
        margins: Callable[[Array, tuple[int, int]], Array],
        work: int,
        n_columns: int,
        background: Marginals | BackgroundRows,
    ) -> None:
        self.game = background.game
        self._margins = margins
        walks = walks_for(self._ROWS, 2 * (n_columns + 1))
        self._walks = Walks(background, n_columns, walks)
        self.work = (ROW_NUMBERS + work) * len(self._walks) * 2 * (n_columns + 1)

    def of(
        self,
        values: Sequence[Sequence[float]],
        rows: Sequence[Sequence[float]],  # noqa: ARG002 - the function takes them as they are packed
        pairs: Sequence[tuple[int, int]],
    ) -> list[MarginParts]:
        """The margins and their parts, as `MarginSplit` says."""
        return [self._of_row(np.array(row), pair) for row, pair in zip(values, pairs, strict=True)]

    def _of_row(self, row: Array, pair: tuple[int, int]) -> MarginParts:
        (margin,) = self._margins(row[None], pair).tolist()
        count, n_columns = self._walks.orders.shape
        # When each column is taken: after k steps the first k are the row's.
        taken = np.argsort(self._walks.orders, axis=1)
        found = np.empty(count * 2 * (n_columns + 1))
        at_once = max(1, self._NUMBERS // n_columns)
        for begin in range(0, len(found), at_once):
            some = np.arange(begin, min(begin + at_once, len(found)))
            walks, step = np.divmod(some, 2 * (n_columns + 1))
            opposite, step = np.divmod(step, n_columns + 1)
            when = np.where(opposite[:, None], n_columns - 1 - taken[walks], taken[walks])
            rows = np.where(when < step[:, None], row, self._walks.draws[walks])
            found[some] = self._margins(rows, pair)
        base, parts, errors = self._walks.parts(found.reshape(count, 2, n_columns + 1))
        return MarginParts.of(base, margin, parts.tolist(), errors.tolist())
