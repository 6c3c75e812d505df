"""What a model says of rows that it is measured on, as arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.arithmetic import vectorised
from ml_core.preprocessing.batch import RowBatch
from ml_core.preprocessing.fitting import blocks, recoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.model.model import Model


def values_of(
    model: "Model", X: "NDArray[np.float64]", columns: "Sequence[Feature] | None", outputs: "Sequence[str]"
) -> "dict[str, NDArray[Any]]":
    """The model's labels as numbers, and each of the outputs as rows × width."""
    wanted = ("label", *outputs)
    pieces: dict[str, list[Any]] = {name: [] for name in wanted}
    for block in blocks(len(X), model.peak_width):
        found = model.estimator.predict(batch_of(model, X[block], columns), wanted)
        for name in wanted:
            pieces[name].append(np.asarray(found[name]))
    arrays = {name: np.concatenate(each) for name, each in pieces.items()}
    return {name: array if name == "label" else array.reshape(len(X), -1) for name, array in arrays.items()}


def batch_of(model: "Model", X: "NDArray[np.float64]", columns: "Sequence[Feature] | None") -> RowBatch:
    """Rows whose words are numbered as in `columns`, for the model's estimator, vectorised."""
    packed = memoryview(recoded(X, columns, model.encoding)).cast("B")
    return RowBatch(packed, len(model.features), model.encoding, model.scaling, arithmetic=vectorised)
