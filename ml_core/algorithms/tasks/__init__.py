"""What can be learnt: whether it takes targets, and how it is measured. One file for each task's metrics."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.algorithms.tasks.measured import Measured


class Task:
    """One task. `supervised` ones learn from a label for each row."""

    __slots__ = ("name", "supervised")

    def __init__(self, name: str, *, supervised: bool) -> None:
        self.name = name
        self.supervised = supervised

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


CLASSIFICATION = Task("classification", supervised=True)
CLUSTERING = Task("clustering", supervised=False)
