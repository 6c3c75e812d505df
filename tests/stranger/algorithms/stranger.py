"""An algorithm that nothing knows: nearest class means on one-hot rows; the distance is a further output.

It gives no `decision`, takes columns of words, tells how far its fit is, needs a library that may be missing,
and fails on request.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_core import hyperparameters as hp
from ml_core.algorithms.base import Algorithm, FitContext, TrainingData
from ml_core.algorithms.outputs import LABELS, OutputSpec
from ml_core.algorithms.tasks import CLASSIFICATION
from ml_core.inputs.specs import table_row
from ml_core.preprocessing.scaling import Preprocessing, Scaling
from ml_core.safetensors import Tensor, float64

if TYPE_CHECKING:
    from ml_core.algorithms.contract import Batch, Values


class NearestMean:
    """The mean row of each class."""

    def __init__(self, means: Tensor, seen: Tensor) -> None:
        self.means = means
        self.seen = seen
        self.n_classes = means.shape[0]
        self.peak_width = self.n_classes
        self.input = table_row(means.shape[1])
        self.outputs = (LABELS, OutputSpec("probability", (self.n_classes,)), OutputSpec("farness"))

    def predict(self, batch: "Batch", outputs: Sequence[str]) -> "Mapping[str, Values]":  # noqa: ARG002
        """All three, in numpy."""
        import numpy as np

        means = np.array(self.means.rows)
        distances = np.linalg.norm(batch.dense()[:, None, :] - means, axis=2)
        closeness = np.exp(-distances)
        return {
            "label": distances.argmin(axis=1),
            "probability": closeness / closeness.sum(axis=1, keepdims=True),
            "farness": distances.min(axis=1),
        }

    def absorb_scaling(self, scaling: Scaling) -> None:  # noqa: ARG002
        """Distances are between rows as they are."""
        return

    def parameters(self) -> dict[str, object]:
        """Nothing besides the tensors."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The means, and how many rows of each class there were, as bytes of a byte each."""
        return {"means": self.means, "seen": self.seen}


def fit(
    data: TrainingData, chosen: Mapping[str, Any], context: FitContext
) -> tuple[NearestMean, Preprocessing]:
    """The means, class by class."""
    import numpy as np

    from ml_core.preprocessing.fitting import preprocess

    if chosen["fail"]:
        raise TypeError("'NoneType' object is not subscriptable: row 17 is secret")
    X, preprocessing = preprocess(data.X, data.columns, scale=False)
    dense = X.toarray() if hasattr(X, "toarray") else X
    assert data.y is not None
    classes = int(data.y.max()) + 1
    means = []
    for number in range(classes):
        means.append(dense[data.y == number].mean(axis=0))
        context.progress(number + 1, classes, {"rows": float((data.y == number).sum())})
    seen = np.minimum(np.bincount(data.y), 255).astype(np.uint8)
    stacked = np.array(means)
    tensor = Tensor(stacked.shape, stacked.astype("<f8").tobytes())
    return NearestMean(tensor, Tensor(seen.shape, seen.tobytes(), "U8")), preprocessing


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> NearestMean:  # noqa: ARG001
    """The state that the tensors describe."""
    return NearestMean(float64(tensors.pop("means"), 2), tensors.pop("seen"))


ALGORITHM = Algorithm(
    title="Nearest mean",
    task=CLASSIFICATION,
    objective="log_loss",
    hyperparameters=(
        hp.Hyperparameter("fail", hp.Flag(), False, "whether to fail with an error of its own"),
    ),
    fit=fit,
    restore=restore,
)
