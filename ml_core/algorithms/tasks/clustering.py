"""How good a clustering is, as scikit-learn's functions of the same name have it."""

import math
from typing import TYPE_CHECKING

import numpy as np

from ml_core.algorithms.tasks.measured import Measured
from ml_core.algorithms.tasks.values import batch_of, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ml_core.inputs.samples import TableSamples
    from ml_core.model.model import Model

# The silhouette compares every row with every other: past this many, a sample of them tells as much.
SILHOUETTE_ROWS = 2_000


def measure(
    model: "Model",
    samples: "TableSamples",
    y: "NDArray[np.int64] | None" = None,  # noqa: ARG001 - as every task; clusters have no targets
    *,
    objective: str = "inertia",  # noqa: ARG001 - there is one
    seed: int,
    majority: int | None = None,  # noqa: ARG001 - as every task; clusters have no classes
) -> Measured:
    """The metrics of a clustering: `inertia`, J = Σ‖x − μ‖², the mean silhouette, and `cluster_sizes`.

    A model without distances has no inertia. There is no silhouette where all rows are in one cluster, or
    each is in one of its own. Both are measured between rows as the model sees them, after its scaling. The
    sizes are how many of the rows are in each cluster.
    """
    found = values_of(model, samples, ["distance"] if "distance" in model.outputs else [])
    measured: dict[str, object] = {}
    if "distance" in found:
        # Summed without rounding: the figure does not depend on the order of rows.
        nearest = found["distance"].min(axis=1).tolist()
        measured["inertia"] = math.fsum(distance**2 for distance in nearest)
    near = silhouette(model, samples, found["label"], seed)
    if near is not None:
        measured["silhouette"] = near
    clusters = model.output_specs["distance"].width if "distance" in found else 0
    measured["cluster_sizes"] = np.bincount(found["label"], minlength=clusters).tolist()
    return Measured.of(measured, [], found)


def doubts(
    model: "Model",  # noqa: ARG001 - as every task
    held_out: "Mapping[str, object]",  # noqa: ARG001
    majority: int | None = None,  # noqa: ARG001
) -> list[str]:
    """None: nothing says how near is near enough."""
    return []


def silhouette(
    model: "Model",
    samples: "TableSamples",
    labels: "NDArray[np.int64]",
    seed: int,
) -> float | None:
    """The mean silhouette of the samples, or of some drawn by the seed; None where there is none."""
    from sklearn.metrics import silhouette_score

    chosen = np.arange(len(labels))
    if len(chosen) > SILHOUETTE_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, SILHOUETTE_ROWS, replace=False))
    sampled = labels[chosen]
    if not 2 <= len(np.unique(sampled)) < len(sampled):
        return None
    return float(silhouette_score(batch_of(model, samples.X[chosen], samples.columns).dense(), sampled))
