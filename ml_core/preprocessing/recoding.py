"""Rows of a table as a fitted encoding numbers their words, and how many of them are taken at a time.

What measures a model stands on it, so it takes numpy alone.
"""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.arithmetic.bounds import BLOCK_NUMBERS
from ml_core.inputs.columns import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.preprocessing.encoding import Encoding


def recoded(
    X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", encoding: "Encoding | None"
) -> "NDArray[np.float64]":
    """Rows with words as the encoding numbers them: it knows only those that it was fitted to."""
    if columns is None or encoding is None:
        return X
    changed = [
        (place, sent.words, known.words)
        for place, (sent, known) in enumerate(zip(columns, encoding.features, strict=True))
        if sent.words != known.words
    ]
    if changed:
        X = X.copy()
    for place, sent, known in changed:
        places = {word: float(number) for number, word in enumerate(known)}
        numbers = np.array([*(places.get(word, UNKNOWN) for word in sent), UNKNOWN])
        there = ~np.isnan(X[:, place])
        X[there, place] = numbers[X[there, place].astype(np.int64)]
    return X


def blocks(rows: int, width: int) -> "Iterator[slice]":
    """Pieces of so many rows, whose matrices of that width are bounded."""
    step = max(1, BLOCK_NUMBERS // max(width, 1))
    return (slice(begin, min(begin + step, rows)) for begin in range(0, rows, step))
