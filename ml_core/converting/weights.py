"""Numbers that scikit-learn has for each column of a matrix, brought to the places of coded rows."""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.converting.fitted import refuse
from ml_core.converting.matrix_columns import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.converting.coded_rows import CodedRows


def placed_weights(
    weights: "NDArray[np.float64]", intercepts: "NDArray[np.float64]", rows: "CodedRows"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Weights and intercepts of a linear decision for coded rows.

    Where several columns of the matrix are the same but for their scaling, their weights are added: with
    (x - m)/s at the place, w·(x - n)/t = (w·s/t)·(x - m)/s + w·(m - n)/t.
    """
    first = rows.first_at
    placed = np.zeros((len(weights), rows.layout.width))
    moved = np.array(intercepts)
    for number, (place, column) in enumerate(zip(rows.places, rows.columns, strict=True)):
        own = rows.columns[first[place]]
        if number == first[place]:
            placed[:, place] += weights[:, number]
        else:
            placed[:, place] += weights[:, number] * (own.scale / column.scale)
            moved = moved + weights[:, number] * ((own.shift - column.shift) / column.scale)
    return placed, moved


def placed_points(
    points: "NDArray[np.float64]", rows: "CodedRows", names: tuple[str, ...], path: str
) -> "NDArray[np.float64]":
    """Points among coded rows. Raises `NotConverted` where a column stands twice among their coordinates."""
    first = rows.first_at
    if len(first) < len(rows.places):
        twice = next(
            column for number, column in enumerate(rows.columns) if first[rows.places[number]] != number
        )
        what = f"the word {twice.word!r} of " if isinstance(twice, Word) else ""
        refuse(
            path,
            f"{what}the column {names[twice.source]!r} reaches it twice, and counts twice in distances and "
            "products: let it through once, or send a copy of it under another name",
        )
    return np.ascontiguousarray(points[:, [first[place] for place in range(len(first))]])
