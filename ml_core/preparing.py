"""Rows made ready for an estimator of scikit-learn's, and what that took, fitted to them.

The result is that of scikit-learn's own pipeline. Numbers without gaps pass `StandardScaler`, if they are to
be scaled. Other columns pass a `ColumnTransformer`: numbers, truth values and dates through
`SimpleImputer(add_indicator=True)` and the scaler, words through `OneHotEncoder(handle_unknown="ignore")`, to
which a missing word is one word more. The arithmetic is that of predictions, block by block: beside the rows
there is only what the estimator will see.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

from ml_core.arithmetic import BLOCK_NUMBERS, vectorised
from ml_core.features import CATEGORY, UNKNOWN, Encoding, Layout
from ml_core.preprocessing import Preparation, Scaling
from ml_core.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.features import Feature

# Rows with a larger share of numbers than this are written in full: `ColumnTransformer`'s own bound.
DENSE = 0.3


def prepared(
    X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", *, scale: bool
) -> tuple[Any, Preparation]:
    """The rows as an estimator takes them, and the preparation that was fitted to them."""
    encoding = None if columns is None else fitted_encoding(X, columns)
    wide = _encoded(X, columns, encoding)
    numbers = wide.leading if isinstance(wide, vectorised.Wide) else wide
    scaling = None
    if scale and numbers.shape[1]:
        if numbers is X:
            numbers = wide = X.copy()
        scaling = _scaled(numbers)
    if scaling and encoding:
        scaling = scaling.widened(encoding.layout.width)
    return _matrix(wide), Preparation(encoding, scaling)


class Preparing(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """`prepared` as a step of a pipeline, for cross-validation to fit again in each fold."""

    def __init__(self, columns: "Sequence[Feature] | None" = None, *, scale: bool = True) -> None:
        self.columns = columns
        self.scale = scale

    def fit(self, X: Any, y: Any = None) -> "Preparing":  # noqa: ANN401, ARG002 - scikit-learn's signature
        """Fit to the rows."""
        _, self.preparation_ = prepared(X, self.columns, scale=self.scale)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Fit to the rows, and make them ready."""
        made, self.preparation_ = prepared(X, self.columns, scale=self.scale)
        return made

    def transform(self, X: Any) -> Any:  # noqa: ANN401
        """Other rows, made ready in the same way."""
        encoding, scaling = self.preparation_
        wide = _encoded(X, self.columns, encoding)
        return _matrix(vectorised.standardised(wide, scaling.mean, scaling.scale) if scaling else wide)


def fitted_encoding(X: "NDArray[np.float64]", columns: "Sequence[Feature]") -> Encoding:
    """What fills the gaps of numbers, which columns had gaps, and which words there were."""
    features: list[Feature] = []
    numbers: list[tuple[int, float]] = []
    flagged: list[int] = []
    words: list[tuple[int, int, bool]] = []
    for place, feature in enumerate(columns):
        values = np.ascontiguousarray(X[:, place])
        missing = np.isnan(values)
        gaps = bool(missing.any())
        present = values[~missing] if gaps else values
        if feature.kind == CATEGORY:
            codes = np.flatnonzero(np.bincount(present.astype(np.int64), minlength=len(feature.words)))
            features.append(feature._replace(words=tuple(feature.words[code] for code in codes.tolist())))
            words.append((place, len(codes), gaps))
        else:
            features.append(feature)
            if gaps:
                flagged.append(place)
            if len(present):  # a column without any value has no mean; its flag stays
                numbers.append((place, float(present.mean())))
    return Encoding(tuple(features), Layout(tuple(numbers), tuple(flagged), tuple(words)))


def recoded(
    X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", encoding: Encoding | None
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


def _encoded(
    X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", encoding: Encoding | None
) -> "NDArray[np.float64] | vectorised.Wide":
    """All rows as `vectorised.encoded` makes them."""
    if encoding is None:
        return X
    layout = encoding.layout
    numbers = np.empty((len(X), len(layout.numbers) + len(layout.flagged)))
    ones = np.empty((len(X), len(layout.words)), np.int32)  # half of what a prediction takes
    for block in blocks(len(X), X.shape[1]):
        made = vectorised.encoded(recoded(X[block], columns, encoding), layout)
        if isinstance(made, vectorised.Wide):
            numbers[block], ones[block] = made.leading, made.ones
        else:
            numbers[block] = made
    return vectorised.Wide(numbers, ones, layout.width) if layout.words else numbers


def _scaled(numbers: "NDArray[np.float64]") -> Scaling:
    """The scaling of these numbers, which are scaled in their place."""
    mean, scale = np.empty(numbers.shape[1]), np.empty(numbers.shape[1])
    # Some columns at a time: the scaler makes copies of what it looks at.
    for some in blocks(numbers.shape[1], len(numbers)):
        scaler = StandardScaler().fit(numbers[:, some])
        mean[some], scale[some] = scaler.mean_, scaler.scale_
    for block in blocks(len(numbers), numbers.shape[1]):
        numbers[block] -= mean
        numbers[block] /= scale
    return Scaling(Tensor.of(mean.tolist()), Tensor.of(scale.tolist()))


def _matrix(wide: "NDArray[np.float64] | vectorised.Wide") -> Any:  # noqa: ANN401 - scipy is untyped
    """The rows in full, or sparse where words make most of their numbers 0."""
    if not isinstance(wide, vectorised.Wide):
        return wide
    (rows, width), first, each = wide.shape, wide.leading.shape[1], wide.ones.shape[1]
    places = wide.ones
    known = places >= 0
    if first + np.count_nonzero(known) / rows >= DENSE * width:
        full = np.zeros(wide.shape)
        full[:, :first] = wide.leading
        row, column = np.nonzero(known)
        full[row, places[row, column]] = 1.0
        return full
    index: Any = np.int32 if rows * (first + each) < np.iinfo(np.int32).max else np.int64
    data, indices = np.empty((rows, first + each)), np.empty((rows, first + each), index)
    data[:, :first], data[:, first:] = wide.leading, known
    indices[:, :first], indices[:, first:] = np.arange(first), np.maximum(places, 0)
    ends = np.arange(0, rows * (first + each) + 1, first + each, dtype=index)
    matrix = sparse.csr_matrix((data.ravel(), indices.ravel(), ends), shape=wide.shape)
    if not data.all():
        matrix.eliminate_zeros()
    return matrix
