"""The columns as a solver sees them: moved and scaled to where sums lose no digits, and a column of ones.

A linear decision of the one is a linear decision of the other, and the penalty is told in the same weights:
the fit is the same, only its arithmetic is better.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]

# Columns are left as they are while their means and deviations are within this factor of each other: the
# digits that a solver loses by them are then not missed.
HARMLESS = 1e3


class Coordinates(NamedTuple):
    """How rows are seen: (x - centre) / scale, where there is something to do, and 1 for the intercept."""

    intercept: bool
    centre: "Numbers | None" = None
    scale: "Numbers | None" = None

    def seen(self, X: "Numbers") -> "Numbers":
        """The rows as a solver sees them."""
        rows, columns = X.shape
        made = np.empty((rows, columns + self.intercept))
        inner = made[:, :columns]
        if self.scale is None:
            inner[:] = X
        elif self.centre is None:
            np.divide(X, self.scale, out=inner)
        else:
            np.subtract(X, self.centre, out=inner)
            inner /= self.scale
        if self.intercept:
            made[:, columns] = 1.0
        return made

    def ridge(self, columns: int, *, of_intercept: float) -> "Numbers":
        """What the penalty ½‖w‖² multiplies the square of each seen weight by, twice."""
        weights = np.ones(columns) if self.scale is None else self.scale**-2.0
        return np.append(weights, of_intercept) if self.intercept else weights

    def told(self, coefficients: "Numbers") -> "tuple[Numbers, Numbers]":
        """Weights and intercepts of rows as they are, of machines × coefficients of rows as seen."""
        weights = coefficients[:, :-1] if self.intercept else coefficients
        intercepts = coefficients[:, -1] if self.intercept else np.zeros(len(coefficients))
        if self.scale is not None:
            weights = weights / self.scale
        if self.centre is not None:
            intercepts = intercepts - weights @ self.centre
        return weights, intercepts


def coordinates(sample: "Numbers | None", *, intercept: bool, movable: bool) -> Coordinates:
    """How to see the rows of which these are a sample.

    `movable` says whether the intercept takes up what columns are moved by, free of penalty.
    """
    if sample is None or not len(sample):
        return Coordinates(intercept)
    centre, scale = sample.mean(axis=0), sample.std(axis=0)
    # A column of one value has the deviation of rounding; one of zeros has none at all.
    scale = np.where(scale > 1e-9 * np.abs(centre), scale, np.where(centre == 0, 1.0, np.abs(centre)))
    far = np.abs(centre).max(initial=0.0, where=scale > 0) if movable else 0.0
    if scale.max(initial=1.0) <= HARMLESS * scale.min(initial=1.0) and far <= HARMLESS * scale.min(
        initial=1.0
    ):
        return Coordinates(intercept)
    return Coordinates(intercept, centre if movable else None, scale)
