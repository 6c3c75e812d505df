"""k-means clustering."""

from __future__ import annotations

from ml_core import hyperparameters as hp
from ml_core.algorithms.base import (
    Algorithm,
    ArithmeticEstimator,
    DataSize,
    FitContext,
    TrainingData,
)
from ml_core.algorithms.outputs import LABELS, OutputSpec
from ml_core.algorithms.tasks import CLUSTERING
from ml_core.errors import Fault
from ml_core.inputs.specs import table_row
from ml_core.safetensors import Tensor, float64

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ml_core.algorithms.contract import FittedPrivately, PrivateData
    from ml_core.algorithms.learnt import ClusterCentres
    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.preprocessing.scaling import Preprocessing, Scaling


class KMeans(ArithmeticEstimator):
    """A centre for each cluster; a row belongs to the nearest."""

    n_classes = None
    contains_training_rows = False  # but for clusters of one row, which only training can count

    def __init__(self, centres: Tensor) -> None:
        self.centres = centres
        self.input = table_row(centres.shape[1])
        self.outputs = (LABELS, OutputSpec("distance", (centres.shape[0],)))

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix that `compute` makes."""
        return self.centres.shape[0]

    @property
    def work(self) -> int:
        """A multiplication for each coordinate of a centre."""
        return self.centres.size

    def compute[M](
        self,
        arithmetic: Arithmetic[M],
        X: M,
        outputs: Sequence[str],  # noqa: ARG002 - distances are there anyway
    ) -> dict[str, M | list[int]]:
        """The cluster of each row, and the distances to all of them. Raises `NotFinite`."""
        distances = arithmetic.distances(X, self.centres)
        return {"label": arithmetic.nearest(X, self.centres, distances), "distance": distances}

    def absorb_scaling(self, scaling: Scaling) -> None:  # noqa: ARG002 - as every fitted state
        """Distances are measured between scaled rows: no centre can say that for rows as they are."""
        return

    def learnt(self) -> ClusterCentres:
        """The centres."""
        from ml_core.algorithms.learnt import ClusterCentres

        return ClusterCentres(self.centres.rows)

    def parameters(self) -> dict[str, object]:
        """Nothing besides the tensors."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The centres."""
        return {"centres": self.centres}


def check_size(size: DataSize, chosen: Mapping[str, Any]) -> list[Fault]:
    """Fewer rows than clusters."""
    clusters = chosen["n_clusters"]
    if size.rows >= clusters:
        return []
    message = f"{clusters} clusters need at least {clusters} rows to train on, there are {size.rows}"
    return [Fault("$.hyperparameters.n_clusters", message)]


def fit(
    data: TrainingData,
    chosen: Mapping[str, Any],
    context: FitContext,  # noqa: ARG001 - the solver tells nothing on its way
) -> tuple[KMeans, Preprocessing]:
    """Fit by Lloyd's or Elkan's algorithm."""
    from sklearn.cluster import KMeans as Estimator

    from ml_core.preprocessing.fitting import preprocess

    X, preprocessing = preprocess(data.X, data.columns, scale=chosen["scale"])
    estimator = Estimator(
        random_state=data.seed,
        copy_x=X is data.X,
        **{name: value for name, value in chosen.items() if name != "scale"},
    )
    centres = estimator.fit(X).cluster_centers_
    return KMeans(Tensor.of(centres.ravel().tolist(), *centres.shape)), preprocessing


def fit_private(data: PrivateData, chosen: Mapping[str, Any]) -> FittedPrivately:
    """Fit from noisy counts and sums of the rows that are nearest to some points."""
    import secrets

    import numpy as np

    from ml_core.algorithms.contract import FittedPrivately
    from ml_core.privacy.answers import NearestAnswers
    from ml_core.privacy.centres import CANDIDATES, NearestSums, centres

    clusters = chosen["n_clusters"]
    sums = NearestSums(lambda: (X for X, _ in data.blocks()), data.longest, data.budget, data.noise)
    found = centres(
        sums,
        data.candidates(CANDIDATES * clusters),
        clusters,
        numbers=data.numbers,
        seed=secrets.randbits(32),
    ).centres
    rest = np.ascontiguousarray(found)
    return FittedPrivately(KMeans(Tensor.of(rest.ravel().tolist(), *rest.shape)), NearestAnswers(found))


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> KMeans:  # noqa: ARG001 - as every algorithm
    """The state that `tensors` describe."""
    return KMeans(float64(tensors.pop("centres"), 2))


ALGORITHM = Algorithm(
    title="k-means clustering",
    task=CLUSTERING,
    summary="Finds groups of rows that are alike, without a column to predict. "
    "Columns of large numbers count most, unless all are scaled.",
    hyperparameters=(
        hp.Hyperparameter("n_clusters", hp.Integer(1, 1000), 8, "how many clusters to find"),
        hp.Hyperparameter(
            "init", hp.OneOf("k-means++", "random"), "k-means++", "how the first centres are chosen"
        ),
        hp.Hyperparameter(
            "n_init",
            hp.AnyOf(hp.OneOf("auto"), hp.Integer(1, 100)),
            "auto",
            "how many starts the best is taken of; 'auto' is 1 for k-means++ and 10 for random",
        ),
        hp.Hyperparameter("max_iter", hp.Integer(1, 100_000), 300, "most iterations of one start"),
        hp.Hyperparameter(
            "tol", hp.Number(least=0, most=1), 1e-4, "a start ends when the centres move less than this"
        ),
        hp.Hyperparameter("algorithm", hp.OneOf("lloyd", "elkan"), "lloyd", "both give equal clusters"),
        hp.scale(default=False),
    ),
    check_size=check_size,
    fit=fit,
    fit_private=fit_private,
    private_hyperparameters=("n_clusters",),
    restore=restore,
    objective="inertia",
)
