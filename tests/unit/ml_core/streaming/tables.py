"""Tables for solvers, in orders that are hard on sums, and passes over them."""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.streaming.solvers.fits import StreamedFit

type Table = tuple[NDArray[np.float64], NDArray[np.int64]]


@cache
def table(name: str) -> Table:
    """A data set of scikit-learn's; " raw" leaves the columns as they are."""
    own, _, raw = name.partition(" ")
    X, y = getattr(datasets, f"load_{own}")(return_X_y=True)
    scaled = X.astype(np.float64) if raw else StandardScaler().fit_transform(X)
    return np.ascontiguousarray(scaled), y.astype(np.int64)


def in_order_of(order: str, X: "NDArray[np.float64]", y: "NDArray[np.int64]") -> Table:
    """The rows sorted by their class or by a column, so that a part has rows of one kind only."""
    places = {
        "drawn": np.arange(len(y)),
        "labels": np.argsort(y, kind="stable"),
        "column": np.argsort(X[:, 0]),
    }
    return X[places[order]], y[places[order]]


def passes(
    fit: "StreamedFit", X: "NDArray[np.float64]", y: "NDArray[np.int64] | None", blocks: int = 3
) -> "StreamedFit":
    """All passes of a fit over rows in so many blocks."""
    while not one_pass(fit, X, y, blocks):
        pass
    return fit


def one_pass(
    fit: "StreamedFit", X: "NDArray[np.float64]", y: "NDArray[np.int64] | None", blocks: int = 3
) -> bool:
    """One pass over rows in so many blocks; whether the fit was done."""
    kernel: Any = fit.next()
    if kernel is None:
        return True
    sums = None
    for places in np.array_split(np.arange(len(X)), blocks):
        found = kernel(X[places], None if y is None else y[places])
        sums = found if sums is None else sums.add(found)
    fit.take(sums)
    return False
