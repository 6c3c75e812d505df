"""k-means clustering."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_core import hyperparameters as hp
from ml_core.algorithms import CLUSTERING, Algorithm, Answers, Size, Table
from ml_core.errors import Fault
from ml_core.preprocessing.scaling import Preparation, Scaling
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from ml_core.arithmetic.contract import Arithmetic


class KMeans:
    """A centre for each cluster; a row belongs to the nearest."""

    classes = None

    def __init__(self, centres: Tensor) -> None:
        self.centres = centres
        self.features = centres.shape[1]
        self.outputs = {"label": 1, "distance": centres.shape[0]}

    @property
    def columns(self) -> int:
        """The columns of the widest matrix that `answer` makes."""
        return self.centres.shape[0]

    def answer[M](self, arithmetic: "Arithmetic[M]", X: M, outputs: Sequence[str]) -> Answers[M]:
        """The cluster of each row, and the distances to all of them if asked. Raises `NotFinite`."""
        distances = arithmetic.distances(X, self.centres)
        return Answers(
            arithmetic.nearest(X, self.centres, distances),
            distances=distances if "distance" in outputs else None,
        )

    def folded(self, scaling: Scaling) -> None:  # noqa: ARG002 - as every fitted state
        """Distances are measured between scaled rows: no centre can say that for rows as they are."""
        return

    def parameters(self) -> dict[str, object]:
        """Nothing besides the tensors."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The centres."""
        return {"centres": self.centres}


def objections(size: Size, chosen: Mapping[str, Any]) -> list[Fault]:
    """Fewer rows than clusters."""
    clusters = chosen["n_clusters"]
    if size.rows >= clusters:
        return []
    message = f"{clusters} clusters need at least {clusters} rows to train on, there are {size.rows}"
    return [Fault("$.hyperparameters.n_clusters", message)]


def fit(table: Table, chosen: Mapping[str, Any]) -> tuple[KMeans, Preparation]:
    """Fit by Lloyd's or Elkan's algorithm."""
    from sklearn.cluster import KMeans as Estimator

    from ml_core.preprocessing.fitting import prepared

    X, preparation = prepared(table.X, table.columns, scale=chosen["scale"])
    estimator = Estimator(
        random_state=table.seed,
        copy_x=X is table.X,
        **{name: value for name, value in chosen.items() if name != "scale"},
    )
    centres = estimator.fit(X).cluster_centers_
    return KMeans(Tensor.of(centres.ravel().tolist(), *centres.shape)), preparation


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> KMeans:  # noqa: ARG001 - as every algorithm
    """The state that `tensors` describe."""
    centres = tensors.pop("centres")
    if len(centres.shape) != 2:
        raise ValueError("the centres are no matrix")
    return KMeans(centres)


ALGORITHM = Algorithm(
    title="k-means clustering",
    task=CLUSTERING,
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
    objections=objections,
    fit=fit,
    restore=restore,
    objective="inertia",
)
