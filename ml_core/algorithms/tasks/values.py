"""What a model says of samples that it is measured on, as arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.arithmetic import vectorised
from ml_core.inputs.samples import TableSamples
from ml_core.preprocessing.batch import RowBatch
from ml_core.preprocessing.recoding import blocks, recoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.inputs.samples import Samples
    from ml_core.model.model import Model


def values_of(model: "Model", samples: "Samples", outputs: "Sequence[str]") -> "dict[str, NDArray[Any]]":
    """The model's labels as numbers, and each of the outputs as samples × width."""
    wanted = ("label", *outputs)
    pieces: dict[str, list[Any]] = {name: [] for name in wanted}
    for batch in _batches(model, samples):
        found = model.estimator.predict(batch, wanted)
        for name in wanted:
            pieces[name].append(np.asarray(found[name]))
    arrays = {name: np.concatenate(each) for name, each in pieces.items()}
    return {
        name: array if name == "label" else array.reshape(len(samples), -1) for name, array in arrays.items()
    }


def _batches(model: "Model", samples: "Samples") -> "Iterator[Any]":
    if isinstance(samples, TableSamples):
        for block in blocks(len(samples), model.peak_width):
            yield batch_of(model, samples.X[block], samples.columns)
    elif model.reader is not None:
        from ml_core.arithmetic import vectorised_networks
        from ml_core.preprocessing.network_batch import NetworkBatch
        from ml_core.preprocessing.network_fitting import packed_samples, read_samples

        instances = packed_samples(read_samples(samples, model.reader))
        yield NetworkBatch(instances, arithmetic=vectorised_networks)


def batch_of(model: "Model", X: "NDArray[np.float64]", columns: "Sequence[Feature] | None") -> RowBatch:
    """Rows whose words are numbered as in `columns`, for the model's estimator, vectorised."""
    packed = memoryview(recoded(X, columns, model.encoding)).cast("B")
    return RowBatch(packed, len(model.features), model.encoding, model.scaling, arithmetic=vectorised)
