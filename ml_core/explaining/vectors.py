"""Support vectors, column by column: what each column of a row has to do with each vector.

Arrays are columns × vectors, a piece of the vectors at a time: what is computed of it stays in the
processor's cache, and one column's numbers lie together.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ml_core.arithmetic.pairs import pairs_of
from ml_core.explaining.kept import MOST_BYTES, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.arithmetic.pairs import Coefficients
    from ml_core.explaining.coding import Coding
    from ml_core.safetensors import Tensor

    type Array = NDArray[np.float64]

PIECE_NUMBERS = 1 << 16
"""How many numbers an array of a piece has, unless its columns are very many."""
_MOST_VECTORS, _LEAST_VECTORS = 1024, 16
# Larger pairs are made again for each request: keeping them would push out all others.
_MOST_KEPT = MOST_BYTES // 4


class VectorPiece:
    """Some vectors, in the columns that are looked at.

    Args:
        vectors: vectors × places.
        coding: which places are whose.
    """

    def __init__(self, vectors: Array, coding: Coding) -> None:
        self._coding = coding
        self._vectors = vectors
        placed = coding.columns
        numbers = [column for column, each in enumerate(placed) if each.first is None and each.places]
        self._words = [column for column, each in enumerate(placed) if each.first is not None]
        self.columns = [*numbers, *self._words]
        """Which columns the rows of its arrays are, those of numbers first."""
        self._places = [place for column in numbers for place in placed[column].places]
        self._numbers = np.ascontiguousarray(vectors[:, self._places].T)
        sizes = [len(placed[column].places) for column in numbers]
        starts = np.cumsum([0, *sizes])
        self._starts = None if len(self._places) == len(numbers) else starts[:-1]
        bounds = pairwise(starts.tolist())
        self._rows_of = {column: slice(*ends) for column, ends in zip(numbers, bounds, strict=True)}
        self._none = {column: self._of_no_word(column) for column in self._words}
        self.nbytes = (self._numbers.nbytes + vectors.nbytes) if self._words else self._numbers.nbytes

    def __len__(self) -> int:
        return len(self._vectors)

    def _of_no_word(self, column: int) -> tuple[Array, Array]:
        """Squared distance and product of each vector with a value that is none of the words."""
        places = self._coding.columns[column].places
        zeros = np.array(self._coding.scaled(places, [0.0] * len(places)))
        ours = self._vectors[:, places[0] : places[0] + len(places)] if places else np.zeros((len(self), 0))
        return np.square(ours - zeros).sum(axis=1), ours @ zeros

    def squares(self, values: Sequence[float], row: Sequence[float]) -> Array:
        """The squared distance of the row to each vector in each column: columns × vectors."""
        found = np.empty((len(self.columns), len(self)))
        numbers = len(self.columns) - len(self._words)
        differences = found[:numbers] if self._starts is None else np.empty(self._numbers.shape)
        np.subtract(self._numbers, self._numbers_of(row), out=differences)
        np.multiply(differences, differences, out=differences)
        if self._starts is not None and numbers:
            np.add.reduceat(differences, self._starts, axis=0, out=found[:numbers])
        for place, column in enumerate(self._words, numbers):
            found[place] = self._squares_of_word(column, values[column])
        return found

    def products(self, values: Sequence[float], row: Sequence[float]) -> Array:
        """The product of the row with each vector in each column: columns × vectors."""
        found = np.empty((len(self.columns), len(self)))
        numbers = len(self.columns) - len(self._words)
        terms = found[:numbers] if self._starts is None else np.empty(self._numbers.shape)
        np.multiply(self._numbers, self._numbers_of(row), out=terms)
        if self._starts is not None and numbers:
            np.add.reduceat(terms, self._starts, axis=0, out=found[:numbers])
        for place, column in enumerate(self._words, numbers):
            found[place] = self._products_of_word(column, values[column])
        return found

    def _numbers_of(self, row: Sequence[float]) -> Array:
        return np.array([row[place] for place in self._places])[:, None]

    def _squares_of_word(self, column: int, value: float) -> Array:
        none, place = self._none[column][0], self._coding.word(column, value)
        if place is None:
            return none
        zero, one = self._coding.scaled([place, place], [0.0, 1.0])
        ours = self._vectors[:, place]
        found: Array = none - (ours - zero) ** 2 + (ours - one) ** 2
        return found

    def _products_of_word(self, column: int, value: float) -> Array:
        none, place = self._none[column][1], self._coding.word(column, value)
        if place is None:
            return none
        zero, one = self._coding.scaled([place, place], [0.0, 1.0])
        found: Array = none + (one - zero) * self._vectors[:, place]
        return found

    def squares_of(self, column: int, value: float) -> Array:
        """The squared distance of a column's value to each vector."""
        if column in self._none:
            return self._squares_of_word(column, value)
        coded = np.array(self._coding.coded(column, value))[:, None]
        found: Array = ((self._numbers[self._rows_of[column]] - coded) ** 2).sum(axis=0)
        return found

    def products_of(self, column: int, value: float) -> Array:
        """The product of a column's value with each vector."""
        if column in self._none:
            return self._products_of_word(column, value)
        found: Array = np.array(self._coding.coded(column, value)) @ self._numbers[self._rows_of[column]]
        return found


class PairVectors:
    """The vectors of two classes and their coefficients in the decision between them, piece by piece."""

    def __init__(self, vectors: Tensor, coefficients: Coefficients, coding: Coding) -> None:
        self._vectors = np.frombuffer(vectors.packed, dtype="<f8").reshape(vectors.shape)
        self._dual = np.frombuffer(coefficients.dual.packed, dtype="<f8").reshape(coefficients.dual.shape)
        self._groups = coefficients.groups
        self._intercepts = dict(zip(pairs_of(len(self._groups)), coefficients.intercepts, strict=True))
        self._coding = coding
        self._kept = Owner()
        self._at_once = min(_MOST_VECTORS, max(_LEAST_VECTORS, PIECE_NUMBERS // len(coding.columns)))
        counts = sorted(group.stop - group.start for group in self._groups)
        self.most = sum(counts[-2:])
        """How many vectors a pair of classes has at most."""

    def intercept(self, own: int, other: int) -> float:
        """Of the decision for one class against another."""
        return self._intercepts[own, other] if own < other else -self._intercepts[other, own]

    def pieces(self, own: int, other: int) -> Iterable[tuple[VectorPiece, Array]]:
        """Pieces with their coefficients, positive for the first class; kept where there is room."""
        kept: list[tuple[VectorPiece, Array]] | None = self._kept.get((own, other))
        if kept is not None:
            return kept
        size = 8 * self._counts(own, other) * (len(self._coding.columns) + self._coding.width)
        if size > _MOST_KEPT:
            return self._made(own, other)
        made = list(self._made(own, other))
        size = sum(piece.nbytes + coefficients.nbytes for piece, coefficients in made)
        self._kept.put((own, other), made, size)
        return made

    def weights(self, own: int, other: int) -> tuple[list[float], float]:
        """The sum of coefficients × vectors, and that of the coefficients."""
        coefficients, places = self._of_pair(own, other)
        weights: list[float] = (coefficients @ self._vectors[places]).tolist()
        return weights, float(coefficients.sum())

    def _counts(self, *classes: int) -> int:
        return sum(self._groups[number].stop - self._groups[number].start for number in classes)

    def _made(self, own: int, other: int) -> Iterator[tuple[VectorPiece, Array]]:
        coefficients, places = self._of_pair(own, other)
        for begin in range(0, len(places), self._at_once):
            some = slice(begin, begin + self._at_once)
            yield VectorPiece(self._vectors[places[some]], self._coding), coefficients[some]

    def _of_pair(self, own: int, other: int) -> tuple[Array, NDArray[np.intp]]:
        """The coefficients of the two classes' vectors, and which vectors these are."""
        first, second = min(own, other), max(own, other)
        one, two = self._groups[first], self._groups[second]
        coefficients = np.concatenate([self._dual[second - 1, one], self._dual[first, two]])
        places = np.concatenate([np.arange(one.start, one.stop), np.arange(two.start, two.stop)])
        return coefficients if own < other else -coefficients, places
