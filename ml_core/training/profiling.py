"""What a new model keeps of its training rows: its profile."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.algorithms.tasks.values import values_of
from ml_core.arithmetic.bounds import NotFinite
from ml_core.inputs.samples import TableSamples
from ml_core.profiles.fitting import fitted_profile, predicted_profile
from ml_core.profiles.profile import LEAST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ml_core.inputs.samples import Samples
    from ml_core.model.model import Model
    from ml_core.profiles.profile import PredictedProfile

# So many rows are predicted, evenly spaced, where nothing has predicted them yet.
_PREDICTED_ROWS = 10_000


def keep_profile(
    model: "Model",
    training: "Samples",
    said: "Mapping[str, NDArray[Any]] | None" = None,
    said_of_held_out: "Mapping[str, NDArray[Any]] | None" = None,
) -> None:
    """Put the profile of its training rows into a model, if there are enough of them.

    What the model `said` of all rows, and of those held out, are its values; of rows that it was not asked
    about it is asked here.
    """
    if len(training) < LEAST:
        return
    n_labels = labels_given(model)
    predicted: PredictedProfile | None = None
    if said_of_held_out is not None and len(said_of_held_out["label"]) >= LEAST:
        predicted = predicted_profile(said_of_held_out, n_labels, held_out=True)
    else:
        said = said or _asked(model, training)
        if said is not None:
            predicted = predicted_profile(said, n_labels, held_out=False)
    keep_predicted(model, training, predicted)


def keep_predicted(model: "Model", training: "Samples", predicted: "PredictedProfile | None") -> None:
    """The same, given what was predicted."""
    table = training if isinstance(training, TableSamples) else None
    profile = fitted_profile(
        None if table is None else table.X,
        None if table is None else table.columns,
        model.columns,
        rows=len(training),
        predicted=predicted,
    )
    model.profile_bytes = None if profile is None else profile.to_bytes()


def labels_given(model: "Model") -> int:
    """How many labels it gives, as far as it says that."""
    if model.classes is not None:
        return len(model.classes)
    distances = model.output_specs.get("distance")
    return distances.width if distances else 0


def _asked(model: "Model", samples: "Samples") -> "dict[str, NDArray[Any]] | None":
    places = evenly_spaced(len(samples), _PREDICTED_ROWS)
    try:
        return values_of(
            model, samples.take(places), [name for name in ("probability",) if name in model.outputs]
        )
    except NotFinite:  # it fits these rows, and overflows on them: there is nothing to keep
        return None


def evenly_spaced(rows: int, most: int) -> "NDArray[np.int64]":
    """The places of at most so many rows, spread over all."""
    return np.arange(rows) if rows <= most else np.arange(most) * rows // most
