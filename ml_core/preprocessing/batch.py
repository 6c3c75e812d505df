"""Rows on their way to an estimator: encoded and scaled in the arithmetic that asks for them."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.preprocessing.encoding import Encoding
    from ml_core.preprocessing.scaling import Scaling


class RowBatch:
    """A batch of a table's rows; `ml_core.algorithms.contract.Batch` says what estimators expect of one.

    Args:
        packed: the rows of features, as `Rows` pack them.
        n_features: how many features a row has.
        encoding: what becomes of columns of more kinds than numbers; None where there are none.
        scaling: what comes after it; None where nothing does.
        arithmetic: overrules the estimator's choice; None leaves it.
        request_rows: how many rows the whole request has; 0 for those of this batch.
    """

    def __init__(
        self,
        packed: bytes | memoryview,
        n_features: int,
        encoding: Encoding | None,
        scaling: Scaling | None,
        *,
        arithmetic: Arithmetic[Any] | None = None,
        request_rows: int = 0,
    ) -> None:
        self._packed = packed
        self._n_features = n_features
        self._encoding = encoding
        self._scaling = scaling
        self.arithmetic = arithmetic
        self.request_rows = request_rows or len(self)
        self._made: tuple[Arithmetic[Any], Any] | None = None

    def __len__(self) -> int:
        return len(self._packed) // (8 * self._n_features)

    def matrix[M](self, arithmetic: Arithmetic[M]) -> M:
        """The rows as that arithmetic has them; made once. Raises `arithmetic.NotFinite`."""
        if self._made is not None and self._made[0] is arithmetic:
            made: M = self._made[1]
            return made
        X = arithmetic.matrix(self._packed, self._n_features)
        if self._encoding:
            X = arithmetic.encoded(X, self._encoding.layout)
        if self._scaling:
            X = arithmetic.standardised(X, self._scaling.mean, self._scaling.scale)
        self._made = (arithmetic, X)
        return X

    def dense(self) -> NDArray[np.float64]:
        """The rows as an array, one-hot columns in full."""
        from ml_core.arithmetic import vectorised

        arithmetic: Arithmetic[Any] = vectorised
        return vectorised.dense(self.matrix(arithmetic))
