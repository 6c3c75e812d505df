"""Rows made ready for an estimator of scikit-learn's, and what that took, fitted to them.

The result is that of scikit-learn's own pipeline. Numbers without gaps pass `StandardScaler`, if they are to
be scaled. Other columns pass a `ColumnTransformer`: numbers, truth values and dates through
`SimpleImputer(add_indicator=True)` and the scaler, words through `OneHotEncoder(handle_unknown="ignore")`, to
which a missing word is one word more. The arithmetic is that of predictions, block by block: beside the rows
there is only what the estimator will see.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

from ml_core.arithmetic import vectorised
from ml_core.arithmetic.layout import Layout
from ml_core.inputs.columns import CATEGORY
from ml_core.preprocessing.encoding import Encoding
from ml_core.preprocessing.recoding import blocks, recoded
from ml_core.preprocessing.scaling import Preprocessing, Scaling
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature

    # Puts the places of a block's words.
    type _Put = Callable[[slice, NDArray[np.signedinteger]], None]

# Rows are written in full where at least this share of their numbers may differ from 0: the bound that
# `ColumnTransformer` has.
DENSE = 0.3


def preprocess(
    X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", *, scale: bool
) -> tuple[Any, Preprocessing]:
    """The rows as an estimator takes them, and the preprocessing that was fitted to them.

    They are X itself where there is nothing to do.
    """
    encoding = None if columns is None else fitted_encoding(X, columns)
    draft = _drafted(X, columns, encoding, copied=scale)
    scaling = _fitted_scaling(draft.numbers) if scale and draft.numbers.shape[1] else None
    if scaling:
        _scale(draft.numbers, scaling)
    if scaling and encoding:
        scaling = scaling.widened(encoding.layout.width)
    return draft.finished(), Preprocessing(encoding, scaling)


class Preprocessor(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """`prepared` as a step of a pipeline, for cross-validation to fit again in each fold."""

    def __init__(self, columns: "Sequence[Feature] | None" = None, *, scale: bool = True) -> None:
        self.columns = columns
        self.scale = scale

    def fit(self, X: Any, y: Any = None) -> "Preprocessor":  # noqa: ANN401, ARG002 - scikit-learn's signature
        """Fit to the rows."""
        _, self.preprocessing_ = preprocess(X, self.columns, scale=self.scale)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Fit to the rows, and make them ready."""
        made, self.preprocessing_ = preprocess(X, self.columns, scale=self.scale)
        return made

    def transform(self, X: Any) -> Any:  # noqa: ANN401
        """Other rows, made ready in the same way."""
        encoding, scaling = self.preprocessing_
        draft = _drafted(X, self.columns, encoding, copied=self.scale)
        if scaling:
            _scale(draft.numbers, scaling)
        return draft.finished()


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


class _Draft(NamedTuple):
    """Encoded rows that are not scaled yet: their numbers are part of what they will be when finished."""

    numbers: "NDArray[np.float64]"
    finished: "Callable[[], Any]"


def _drafted(
    X: "NDArray[np.float64]",
    columns: "Sequence[Feature] | None",
    encoding: Encoding | None,
    *,
    copied: bool,
) -> _Draft:
    """All rows as `vectorised.encoded` makes them, in full or sparse."""
    if encoding is None or (encoding.layout.changes_nothing(X.shape[1]) and not np.isnan(X).any()):
        numbers = X.copy() if copied else X
        return _Draft(numbers, lambda: numbers)
    layout = encoding.layout
    first = layout.coded_width - len(layout.categories)
    put, draft = _full(len(X), first, layout) if _are_dense(layout) else _sparse(len(X), first, layout)
    for block in blocks(len(X), X.shape[1]):
        made = vectorised.encoded(recoded(X[block], columns, encoding), layout)
        draft.numbers[block] = made.leading if isinstance(made, vectorised.OneHotRows) else made
        if isinstance(made, vectorised.OneHotRows):
            put(block, made.ones)
    return draft


def _are_dense(layout: Layout) -> bool:
    return not layout.categories or layout.coded_width >= DENSE * layout.width


def _full(rows: int, first: int, layout: Layout) -> "tuple[_Put, _Draft]":
    full = np.zeros((rows, layout.width)) if layout.categories else np.empty((rows, first))

    def put(block: slice, places: "NDArray[np.signedinteger]") -> None:
        row, column = np.nonzero(places >= 0)
        full[block.start + row, places[row, column]] = 1.0

    return put, _Draft(full[:, :first], lambda: full)


def _sparse(rows: int, first: int, layout: Layout) -> "tuple[_Put, _Draft]":
    each = layout.coded_width
    index: Any = np.int32 if rows * each < np.iinfo(np.int32).max else np.int64
    data, indices = np.empty((rows, each)), np.empty((rows, each), index)
    indices[:, :first] = np.arange(first)

    def put(block: slice, places: "NDArray[np.signedinteger]") -> None:
        data[block, first:], indices[block, first:] = places >= 0, np.maximum(places, 0)

    def finished() -> Any:  # noqa: ANN401 - scipy is untyped
        ends = np.arange(0, rows * each + 1, each, dtype=index)
        matrix = sparse.csr_matrix((data.ravel(), indices.ravel(), ends), shape=(rows, layout.width))
        if not data.all():
            matrix.eliminate_zeros()
        return matrix

    return put, _Draft(data[:, :first], finished)


def _fitted_scaling(numbers: "NDArray[np.float64]") -> Scaling:
    mean, scale = np.empty(numbers.shape[1]), np.empty(numbers.shape[1])
    # Some columns at a time: the scaler makes copies of what it looks at.
    for some in blocks(numbers.shape[1], len(numbers)):
        scaler = StandardScaler().fit(numbers[:, some])
        mean[some], scale[some] = scaler.mean_, scaler.scale_
    return Scaling(Tensor.of(mean.tolist()), Tensor.of(scale.tolist()))


def _scale(numbers: "NDArray[np.float64]", scaling: Scaling) -> None:
    """Scale the numbers in their place."""
    first = numbers.shape[1]
    mean, scale = np.array(scaling.mean.values[:first]), np.array(scaling.scale.values[:first])
    for block in blocks(len(numbers), first):
        numbers[block] -= mean
        numbers[block] /= scale
