"""What can be learnt: whether it takes targets, and how it is measured. One file for each task's metrics."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ml_core.algorithms.tasks.measured import Measured


class Task:
    """One task. `supervised` ones learn from a label for each row.

    `headlines` are the metrics that stand for all others where there is room for one: the first that was
    measured.
    """

    __slots__ = ("headlines", "name", "supervised")

    def __init__(self, name: str, *, supervised: bool, headlines: tuple[str, ...]) -> None:
        self.name = name
        self.supervised = supervised
        self.headlines = headlines

    @property
    def measure(self) -> Callable[..., Measured]:
        """The function `measure` of the file of the task's name: how good a model is on rows."""
        found: Callable[..., Measured] = import_module(f"{__name__}.{self.name}").measure
        return found

    @property
    def doubts(self) -> Callable[..., list[str]]:
        """Its function `doubts`: the warnings that a model and its metrics on held-out rows give cause to."""
        found: Callable[..., list[str]] = import_module(f"{__name__}.{self.name}").doubts
        return found


CLASSIFICATION = Task("classification", supervised=True, headlines=("accuracy",))
# The inertia grows with the rows and falls with every cluster more; the silhouette does neither.
CLUSTERING = Task("clustering", supervised=False, headlines=("silhouette", "inertia"))
_TASKS = {task.name: task for task in (CLASSIFICATION, CLUSTERING)}


def headline(manifest: Mapping[str, Any]) -> tuple[str, float] | None:
    """The metric that stands for all that a version reached: of rows held out, else of those trained on.

    To four digits. None where nothing was measured, or the task is not known.
    """
    task, metrics = _TASKS.get(manifest.get("task", "")), manifest.get("metrics") or {}
    measured = metrics.get("test") or metrics.get("training") or {}
    for name in () if task is None else task.headlines:
        if isinstance(measured.get(name), int | float):
            return name, float(f"{measured[name]:.4g}")
    return None
