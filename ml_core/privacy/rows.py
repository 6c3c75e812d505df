"""Rows as integers of a bounded length: what every sum of a private fit is made of.

One row more or less must change a sum by no more than a bound that is proven. In floats it does not: BLAS
adds in another order where a row is put before others, and the last digits of every sum change. Whole numbers
below 2⁵³ are added exactly in any order, by the same BLAS: the largest sums, of gradients, are below that up
to 2³¹ rows, which no function holds.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = 1 << 10
"""What stands for 1 in a row."""


def whole_rows(X: "NDArray[np.float64]", longest: int) -> "NDArray[np.float64]":
    """Rows in units of 1/1024, rounded toward 0 and no longer than a bound; whole numbers, kept as floats.

    Each row depends on itself alone.

    Args:
        X: rows × columns, each from -1 to 1; what is further out, or no number, is brought there or to 0.
        longest: the greatest Euclidean length that a row may have, in the same units.
    """
    bounded = np.clip(np.nan_to_num(X, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    whole = np.trunc(bounded * UNIT).astype(np.int64)
    squares = np.einsum("ij,ij->i", whole, whole)
    far = squares > longest * longest
    if far.any():
        # Rounded up, so that the row ends on the near side of the bound.
        length = np.ceil(np.sqrt(squares[far].astype(np.float64))).astype(np.int64)
        length += length * length < squares[far]
        kept = whole[far]
        whole[far] = np.sign(kept) * (np.abs(kept) * longest // length[:, None])
    return whole.astype(np.float64)
