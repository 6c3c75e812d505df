"""What can be learnt: whether it takes targets, and how it is measured. One file for each task's metrics."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.model.model import Model


class Task:
    """One task. `supervised` ones learn from a label for each row."""

    __slots__ = ("name", "supervised")

    def __init__(self, name: str, *, supervised: bool) -> None:
        self.name = name
        self.supervised = supervised

    def measure(
        self,
        model: Model,
        X: NDArray[np.float64],
        y: NDArray[np.int64] | None,
        columns: Sequence[Feature] | None,
        *,
        objective: str,
        seed: int,
    ) -> dict[str, object]:
        """The metrics of a model on rows, by `measure` of the file of the task's name.

        Args:
            model: as it will serve.
            X: the rows, whose words are numbered as in `columns`.
            y: their class numbers; None where the task takes no targets.
            columns: what the columns are, where they are more than numbers without gaps.
            objective: which metric training went after.
            seed: chooses the sample where a metric is estimated on one.
        """
        measured: dict[str, object] = import_module(f"{__name__}.{self.name}").measure(
            model, X, y, columns, objective=objective, seed=seed
        )
        return measured


CLASSIFICATION = Task("classification", supervised=True)
CLUSTERING = Task("clustering", supervised=False)
