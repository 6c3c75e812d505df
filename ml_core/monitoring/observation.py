"""What a request's prediction was: taken down while it is computed, counted when it is answered."""

from __future__ import annotations

from ml_core.algorithms.outputs import TOP

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.algorithms.contract import Values
    from ml_core.model.model import Instances
    from ml_core.serving import Served


class Observation:
    """One request to predict.

    Args:
        served: the version that was found for it.
        job: the job that trained it.

    `rows` are what was predicted, None as long as that was not come to. `labels` are their labels by number,
    `tops` the greatest probability of each, where the model gives one. `unlabelled` is how many were
    predicted by a model that gives no labels.
    """

    __slots__ = ("job", "labels", "rows", "served", "tops", "unlabelled")

    def __init__(self, served: Served, job: str) -> None:
        self.served = served
        self.job = job
        self.rows: Instances | None = None
        self.labels: list[int] = []
        self.tops: list[float] = []
        self.unlabelled = 0

    def see(self, values: Mapping[str, Values]) -> None:
        """Take down what was computed of a block of rows, by the outputs' names."""
        labels = values.get("label")
        if labels is None:
            self.unlabelled += len(next(iter(values.values())))
            return
        self.labels += labels if isinstance(labels, list) else labels.tolist()
        if TOP in values:
            self.tops += values[TOP]
            return
        probability = values.get("probability")
        if probability is not None:
            if hasattr(probability, "tolist"):
                self.tops += probability.max(axis=1).tolist()
            else:
                self.tops += map(max, probability)
