"""Rows as integers of a bounded length: what every sum of a private fit is made of.

One row more or less must change a sum by no more than a bound that is proven. In floats it does not: BLAS
adds in another order where a row is put before others, and the last digits of every sum change. Whole numbers
below 2⁵³ are added exactly in any order, by the same BLAS: a row adds at most 2²⁷ to any sum, so a block of
2²⁶ rows would be. Blocks are added as integers of 64 bits.
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
    return shortened(np.trunc(bounded * UNIT), longest)


def shortened(whole: "NDArray[np.float64]", longest: int) -> "NDArray[np.float64]":
    """Whole rows, those that are longer than a bound brought there; each depends on itself alone.

    Args:
        whole: rows × columns of whole numbers, kept as floats; none above 2²⁴.
        longest: the greatest Euclidean length that a row may have.
    """
    rows = whole.astype(np.int64)
    squares = np.einsum("ij,ij->i", rows, rows)
    far = squares > longest * longest
    if far.any():
        # Rounded up, so that the row ends on the near side of the bound.
        length = np.ceil(np.sqrt(squares[far].astype(np.float64))).astype(np.int64)
        length += length * length < squares[far]
        kept = rows[far]
        rows[far] = np.sign(kept) * (np.abs(kept) * longest // length[:, None])
    return rows.astype(np.float64)
